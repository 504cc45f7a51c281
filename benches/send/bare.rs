//! What the machine allows: the same bytes to and fro, by threads that do nothing else.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use anyhow::{anyhow, ensure};

use super::sink::Sink;
use super::{FROM, TO, key, prove_all_came};

/// Messages a second over so many connections.
pub fn rate(sink: &Sink, messages: usize, connections: usize) -> anyhow::Result<f64> {
    let port = sink.port();
    let start = Instant::now();
    let senders: Vec<_> = (0..connections)
        .map(|sender| thread::spawn(move || send(port, (sender..messages).step_by(connections))))
        .collect();
    for sender in senders {
        sender.join().map_err(|_| anyhow!("a sender broke off"))??;
    }
    let took = start.elapsed();
    prove_all_came(sink, messages, Some(connections))?;
    Ok(messages as f64 / took.as_secs_f64())
}

fn send(port: u16, numbers: impl Iterator<Item = usize>) -> anyhow::Result<()> {
    let mut line = Line::open(port)?;
    for number in numbers {
        line.send(&key(number))?;
    }
    Ok(())
}

/// One connection, on which every command leaves at once.
pub struct Line {
    to: TcpStream,
    from: BufReader<TcpStream>,
    said: String,
    rest: String,
}

impl Line {
    /// Connects and hears the greeting.
    pub fn open(port: u16) -> anyhow::Result<Self> {
        let to = TcpStream::connect(("127.0.0.1", port))?;
        to.set_nodelay(true)?;
        let from = BufReader::new(to.try_clone()?);
        let rest = format!("\r\n\r\n{}.\r\n", format!("{}\r\n", "x".repeat(74)).repeat(24));
        let mut line = Self { to, from, said: String::new(), rest };
        line.answers(1)?;
        Ok(line)
    }

    /// Sends a message of that id.
    pub fn send(&mut self, id: &str) -> anyhow::Result<()> {
        self.to.write_all(format!("MAIL FROM:<{FROM}>\r\nRCPT TO:<{TO}>\r\n").as_bytes())?;
        self.answers(2)?;
        self.to.write_all(b"DATA\r\n")?;
        self.answers(1)?;
        self.to.write_all(format!("Message-ID: <{id}>{}", self.rest).as_bytes())?;
        self.answers(1)
    }

    fn answers(&mut self, count: usize) -> anyhow::Result<()> {
        for _ in 0..count {
            self.said.clear();
            ensure!(self.from.read_line(&mut self.said)? > 0, "the server hung up");
        }
        Ok(())
    }
}
