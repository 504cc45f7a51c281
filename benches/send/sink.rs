//! A mail server that takes everything at once and keeps only what proves that it came. Each
//! connection has a thread of its own, and each answer leaves at once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A server on a free port of this machine. It lives as long as the program.
pub struct Sink {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

/// What came so far.
#[derive(Default)]
pub struct Seen {
    /// Connections that were opened.
    pub connections: usize,
    /// Messages that were taken.
    pub messages: usize,
    /// The Message-ID of each.
    pub ids: BTreeSet<String>,
    /// The last message, as it was before it went over the line.
    pub last: Vec<u8>,
}

impl Sink {
    /// Starts to listen. It needs so long for each message before it takes it.
    pub fn start(pause: Duration) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&shared);
                lock(&seen).connections += 1;
                // A client that hangs up ends its connection, and nothing else.
                thread::spawn(move || serve(stream, &seen, pause).ok());
            }
        });
        Ok(Self { port, seen })
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What came since this was asked last.
    pub fn take(&self) -> Seen {
        std::mem::take(&mut lock(&self.seen))
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: TcpStream, seen: &Mutex<Seen>, pause: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut to = stream.try_clone()?;
    let mut from = BufReader::with_capacity(64 * 1024, stream);
    to.write_all(b"220 sink ESMTP\r\n")?;
    let (mut line, mut answers) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        match line.get(..4).map(<[u8]>::to_ascii_uppercase).as_deref() {
            Some(b"EHLO") => answers.extend_from_slice(
                b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            ),
            Some(b"DATA") => {
                to.write_all(b"354 go ahead\r\n")?;
                let message = message(&mut from)?;
                thread::sleep(pause);
                note(seen, message);
                answers.extend_from_slice(b"250 2.0.0 taken\r\n");
            }
            Some(b"QUIT") => return to.write_all(b"221 bye\r\n"),
            _ => answers.extend_from_slice(b"250 fine\r\n"),
        }
        // Commands that came together are answered together.
        if from.buffer().is_empty() {
            to.write_all(&answers)?;
            answers.clear();
        }
    }
}

/// Reads up to the line that is a dot.
fn message(from: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let start = message.len();
        if from.take(1 << 20).read_until(b'\n', &mut message)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match &message[start..] {
            b".\r\n" => {
                message.truncate(start);
                return Ok(message);
            }
            [b'.', ..] => drop(message.remove(start)),
            _ => {}
        }
    }
}

fn note(seen: &Mutex<Seen>, message: Vec<u8>) {
    const NAME: &[u8] = b"Message-ID: ";
    let mut lines = message.split(|byte| *byte == b'\n');
    let id = lines.find_map(|line| line.strip_prefix(NAME)).unwrap_or_default();
    let id = String::from_utf8_lossy(id).trim_end().to_owned();
    let mut seen = lock(seen);
    seen.messages += 1;
    seen.ids.insert(id);
    seen.last = message;
}
