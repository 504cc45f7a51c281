//! A real SMTP server for a test, and Python's own eyes on what it received.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/smtp_peer.py");

/// A Python with aiosmtpd. `scripts/test` makes it and sets the variable.
#[allow(clippy::disallowed_methods, reason = "a test is told by its script where Python is")]
pub(crate) fn python() -> Command {
    let path = std::env::var("LOOKOUT_TEST_PYTHON")
        .expect("LOOKOUT_TEST_PYTHON is not set; run scripts/test");
    Command::new(path)
}

/// The server; it ends with this value.
pub(crate) struct Peer {
    child: Child,
    folder: TempDir,
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
}

impl Peer {
    /// Starts a server in one of the modes that `smtp_peer.py` names, on a port of its own.
    pub(crate) fn start(mode: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = python()
            .arg(SCRIPT)
            .arg(folder.path())
            .arg(mode)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the peer prints its port");
        Self { child, folder, port }
    }

    /// The address to configure.
    pub(crate) fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// What it has accepted so far, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        let file = |n: usize, ending: &str| self.folder.path().join(format!("{n}.{ending}"));
        (1..)
            .take_while(|n| file(*n, "eml").exists())
            .map(|n| {
                let facts = std::fs::read(file(n, "json")).unwrap();
                Received { file: file(n, "eml"), facts: serde_json::from_slice(&facts).unwrap() }
            })
            .collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A message that the server accepted.
pub(crate) struct Received {
    /// The message as it came.
    pub(crate) file: PathBuf,
    /// `from`, `to`, `connection` (which one it came over), `authenticated`.
    pub(crate) facts: Value,
}

/// What Python's `email` makes of a message: `type`, `headers` (pairs), `parts` (each with `type`,
/// `charset`, `encoding`, `content`), `defects`.
pub(crate) fn parse(file: &Path) -> Value {
    let output = python().arg(SCRIPT).arg("parse").arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The values of a header in a parsed message.
pub(crate) fn header(parsed: &Value, name: &str) -> Vec<String> {
    let headers = parsed["headers"].as_array().unwrap();
    let named = headers.iter().filter(|pair| pair[0] == name);
    named.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}
