//! `lookout listen` as customers reach it: over TCP, by the links of messages. Nothing here knows
//! what the state database says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use lookout::config::{Config, OptOutConfig};
use lookout::domain::OutreachKey;
use lookout::opt_out::OptOut;

use super::company::{Company, Died, OPT_OUT, how_it_ended};

const LINE: &str = "listen --address 127.0.0.1:0 --format json";

/// The endpoint, until it ends or is dropped.
pub(crate) struct Listener {
    child: Option<Child>,
    port: u16,
}

impl Listener {
    pub(crate) fn start(company: &Company, fault: Option<&str>) -> Self {
        let mut command = company.command(LINE, fault);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.trim_end().ends_with('}') {
            assert!(out.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let (_, port) = said["listening"].as_str().unwrap().rsplit_once(':').unwrap();
        Self { child: Some(child), port: port.parse().unwrap() }
    }

    /// The one click of a mail program on a message's link (RFC 8058): the answer's status, or
    /// none where the endpoint died before it answered.
    pub(crate) fn click(&self, message: &str) -> Option<u16> {
        const BODY: &str = "List-Unsubscribe=One-Click";
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "POST {} HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{BODY}",
            path(message),
            BODY.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        // A connection that breaks is no answer.
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        answer.split(' ').nth(1).map(|status| status.parse().unwrap())
    }

    /// How it ended, which it did by itself.
    pub(crate) fn ended(mut self) -> Died {
        let child = self.child.take().unwrap();
        how_it_ended(LINE, &child.wait_with_output().unwrap())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The path of a message's link.
fn path(message: &str) -> String {
    let [url, key] = OPT_OUT.map(str::to_owned);
    let config = Config { opt_out: Some(OptOutConfig { url, key }), ..Config::default() };
    let opt_out = OptOut::open(&config).unwrap().unwrap();
    format!("{}/{}", opt_out.path(), opt_out.token(&OutreachKey::from(message)))
}
