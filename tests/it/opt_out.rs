//! Opting out, bouncing and being forgotten, with real parts: the real binary, real HTTP, both
//! state databases.

mod bounces;
mod by_hand;
mod endpoint;
mod erasure;
mod exported;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};

use assert_cmd::Command;
use lookout::config::{Config, OptOutConfig};
use lookout::domain::{Instant, OutreachKey};
use lookout::opt_out::OptOut;
use lookout::store::{Asking, Claimed, Passed, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::postgres;
use crate::support::program::{self, Ran};

/// Which state database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum On {
    Sqlite,
    Postgres,
}

const KEY: &str = "an uncommonly long key, for tests only";

const CONFIGURATION: &str = r#"
[source]
url = "sqlite:club.db"
[channels.email]
url = "file:mail"
from = "The club <club@club.example>"
[opt_out]
url = "https://club.example/care/stop"
"#;

const POLICY: &str = r#"
[topics.service]
title = { en = "your membership", de = "Ihre Mitgliedschaft" }
consent = "opt-out"
ignore = ["outranked"]
[topics.offers]
consent = "opt-out"
ignore = ["outranked"]
[topics.security]
consent = "always"
ignore = ["outranked"]
"#;

/// A club, its members and its pack. Some of the rules are true for whoever it says.
struct Club {
    folder: TempDir,
    state: String,
}

impl Club {
    async fn new(on: On) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = match on {
            On::Sqlite => format!("sqlite:{}", folder.path().join("state.db").display()),
            On::Postgres => postgres::database().await,
        };
        let club = Self { folder, state };
        club.write("lookout.toml", CONFIGURATION);
        club.write("rules/policy.toml", POLICY);
        club.write(
            "rules/signals/customers.sql",
            "SELECT customer_id, name, email, phone, locale, told FROM members",
        );
        for topic in ["service", "offers", "security"] {
            club.write(
                &format!("rules/{topic}-news/rule.rhai"),
                &format!(
                    "//! News about {topic}.\nconst TOPIC = \"{topic}\";\n\
                     fn when(customer) {{ \"{topic}\" in customer.told }}\n\
                     fn then(customer) {{ email(\"email\"); }}\n"
                ),
            );
            club.write(
                &format!("rules/{topic}-news/email.md"),
                "---\nsubject: News\n---\nDear {{ customer.name }}, there is news.\n",
            );
        }
        club.sql("CREATE TABLE members (customer_id TEXT, name TEXT, email TEXT, phone TEXT, locale TEXT, told TEXT)");
        club
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn sql(&self, sql: &str) {
        let file = self.path().join("club.db");
        rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap();
    }

    /// A member, and the topics of which there is news for them.
    fn member(&self, id: &str, email: &str, locale: &str, told: &str) {
        self.sql(&format!(
            "INSERT INTO members VALUES ('{id}', 'Ms {id}', '{email}', '+49 221 555{}', '{locale}', '{told}')",
            id.len()
        ));
    }

    fn command(&self) -> Command {
        let mut command = program::lookout(self.path());
        command.env("LOOKOUT_OPT_OUT__KEY", KEY).env("LOOKOUT_STATE__URL", &self.state);
        command
    }

    fn lookout(&self, line: &str) -> Ran {
        program::ran(self.command().args(line.split_whitespace()))
    }

    /// A run at nine o'clock of a day in May 1998, with its decisions as `rule customer outcome`.
    fn run(&self, day: u32) -> Vec<String> {
        // Small as the club is, it happens that there is nothing to tell anybody.
        self.lookout("approve --signal customers --yes");
        self.decisions("run", day)
    }

    /// The same without recording anything.
    fn dry_run(&self, day: u32) -> Vec<String> {
        self.decisions("dry-run", day)
    }

    fn decisions(&self, command: &str, day: u32) -> Vec<String> {
        let ran =
            self.lookout(&format!("{command} --as-of 1998-05-{day:02}T09:00:00Z --format json"));
        assert_eq!(ran.code, 0, "{}\n{}", ran.out, ran.err);
        let report = ran.json();
        let decisions = report["decisions"].as_array().unwrap().iter();
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = |d: &Value| {
            let reason =
                if d["reason"].is_null() { word(&d["outcome"]) } else { word(&d["reason"]) };
            format!("{} {} {reason}", word(&d["rule"]), word(&d["customer_id"]))
        };
        decisions.map(line).collect()
    }

    /// What the outbox holds, as JSON.
    fn outbox(&self) -> Vec<Value> {
        let outbox = self.lookout("outbox --format json").json();
        outbox["outreaches"].as_array().unwrap().clone()
    }

    /// The one outreach of a rule to a customer.
    fn outreach(&self, rule: &str, customer: &str) -> OutreachKey {
        let rows = self.outbox();
        let mut found = rows
            .iter()
            .filter(|row| row["rule"] == rule && row["subjects"][0]["customer_id"] == customer);
        let key = found.next().unwrap_or_else(|| panic!("{rows:#?}"))["key"].as_str().unwrap();
        assert!(found.next().is_none(), "{rows:#?}");
        OutreachKey::from(key)
    }

    /// Who is suppressed: customer, address, topic and cause, in order.
    fn suppressions(&self) -> Vec<String> {
        let listed = self.lookout("suppress --list --format json").json();
        let rows = listed["suppressions"].as_array().unwrap().iter();
        let word = |value: &Value| value.as_str().unwrap_or("*").to_owned();
        let line = |row: &Value| {
            ["customer_id", "address", "topic", "cause"].map(|name| word(&row[name])).join(" ")
        };
        let mut lines: Vec<_> = rows.map(line).collect();
        lines.sort();
        lines
    }
}

impl Club {
    /// Runs SQL on the state database, behind the program's back.
    async fn execute(&self, sql: &str) {
        match self.state.strip_prefix("sqlite:") {
            Some(file) => rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap(),
            None => {
                postgres::execute(&self.state, &format!("SET search_path = lookout; {sql}")).await;
            }
        }
    }

    /// Keeps the state database from being used, until dropped.
    async fn hold(&self) -> Hold {
        match self.state.strip_prefix("sqlite:") {
            Some(file) => {
                let file = rusqlite::Connection::open(file).unwrap();
                file.execute_batch("BEGIN IMMEDIATE").unwrap();
                Hold { _file: Some(file), server: None }
            }
            None => {
                postgres::close(&self.state, true).await;
                Hold { _file: None, server: Some(self.state.clone()) }
            }
        }
    }
}

/// A state database that can't be used.
struct Hold {
    _file: Option<rusqlite::Connection>,
    server: Option<String>,
}

impl Hold {
    async fn end(self) {
        if let Some(url) = &self.server {
            postgres::close(url, false).await;
        }
    }
}

/// Whether what a worker holds may begin to leave, as far as the books are concerned.
async fn begins(store: &Store, claimed: &Claimed, wall: Instant) -> bool {
    let asking =
        Asking { claim: &claimed.claim, outreach: &claimed.outreach, now: wall, since: wall };
    let turn = store.turn(&[], &[asking], &|_, _| None, wall).await.unwrap();
    turn.passed == [Passed::Through]
}

fn opt_out() -> OptOut {
    let opt_out =
        OptOutConfig { url: "https://club.example/care/stop".to_owned(), key: KEY.to_owned() };
    OptOut::open(&Config { opt_out: Some(opt_out), ..Config::default() }).unwrap().unwrap()
}

/// The path of a link, as a proxy hands it on.
fn path(key: &OutreachKey) -> String {
    opt_out().link(key).strip_prefix("https://club.example").unwrap().to_owned()
}

/// `lookout listen`, until dropped.
struct Listener {
    child: Child,
    port: u16,
}

impl Listener {
    fn start(club: &Club) -> Self {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin!("lookout"));
        let mut child = command
            .args(["listen", "--address", "127.0.0.1:0", "--format", "json"])
            .current_dir(club.path())
            .env("LOOKOUT_OPT_OUT__KEY", KEY)
            .env("LOOKOUT_STATE__URL", &club.state)
            .env("LOOKOUT_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        while !said.trim_end().ends_with('}') {
            assert!(out.read_line(&mut said).unwrap() > 0, "it ended: {said}");
        }
        let said: Value = serde_json::from_str(&said).unwrap();
        let address = said["listening"].as_str().unwrap();
        Self { child, port: address.rsplit_once(':').unwrap().1.parse().unwrap() }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// The one click of a mail program.
    fn click(&self, path: &str) -> Answer {
        self.form(path, "List-Unsubscribe=One-Click")
    }

    fn form(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, &["Content-Type: application/x-www-form-urlencoded"], body)
    }

    fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: club.example\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut text = Vec::new();
        stream.read_to_end(&mut text).unwrap();
        Answer::read(String::from_utf8(text).unwrap())
    }

    /// Tells it to end, and gives its exit code and its logs.
    fn end(mut self) -> (i32, String) {
        let told = std::process::Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(told.unwrap().success());
        let code = self.child.wait().unwrap().code().expect("it ends by itself");
        let mut logs = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut logs).unwrap();
        (code, logs)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What came back over HTTP.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn read(text: String) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Self { status: status.unwrap_or_default(), head: head.to_owned(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}
