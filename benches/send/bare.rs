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
    let mut to = TcpStream::connect(("127.0.0.1", port))?;
    to.set_nodelay(true)?;
    let mut from = BufReader::new(to.try_clone()?);
    let mut line = String::new();
    let mut answers = move |count: usize| -> anyhow::Result<()> {
        for _ in 0..count {
            line.clear();
            ensure!(from.read_line(&mut line)? > 0, "the server hung up");
        }
        Ok(())
    };
    answers(1)?;
    let rest = format!("\r\n\r\n{}.\r\n", format!("{}\r\n", "x".repeat(74)).repeat(24));
    for number in numbers {
        to.write_all(format!("MAIL FROM:<{FROM}>\r\nRCPT TO:<{TO}>\r\n").as_bytes())?;
        answers(2)?;
        to.write_all(b"DATA\r\n")?;
        answers(1)?;
        to.write_all(format!("Message-ID: <{}>{rest}", key(number)).as_bytes())?;
        answers(1)?;
    }
    Ok(())
}
