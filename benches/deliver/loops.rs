//! The rival: for each message a durable commit, the message over a connection of its own that never
//! waits for more to say, and a second durable commit. It knows no lease, no opt-out and no cap.

use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tokio::runtime::Builder;

use crate::send::bare::Line;

const BEGIN: &str = "UPDATE outreaches SET state = 'transmitting' WHERE key = $1";
const END: &str = "UPDATE outreaches SET state = 'sent' WHERE key = $1";

/// Sends one message for each key, over so many connections at a time.
pub fn work(url: &str, port: u16, keys: &[String], connections: usize) -> anyhow::Result<()> {
    thread::scope(|scope| {
        let share = |sender: usize| keys.iter().skip(sender).step_by(connections);
        let senders: Vec<_> = (0..connections)
            .map(|sender| scope.spawn(move || one(url, port, share(sender))))
            .collect();
        for sender in senders {
            sender.join().map_err(|_| anyhow!("a sender broke off"))??;
        }
        Ok(())
    })
}

fn one<'k>(url: &str, port: u16, keys: impl Iterator<Item = &'k String>) -> anyhow::Result<()> {
    match url.strip_prefix("sqlite:") {
        Some(file) => on_sqlite(file, port, keys),
        None => on_postgres(url, port, keys),
    }
}

fn on_sqlite<'k>(
    file: &str,
    port: u16,
    keys: impl Iterator<Item = &'k String>,
) -> anyhow::Result<()> {
    let connection = rusqlite::Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(60))?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")?;
    let (mut begin, mut end) = (connection.prepare(BEGIN)?, connection.prepare(END)?);
    let mut line = Line::open(port)?;
    for key in keys {
        begin.execute([key])?;
        line.send(key)?;
        end.execute([key])?;
    }
    Ok(())
}

fn on_postgres<'k>(
    url: &str,
    port: u16,
    keys: impl Iterator<Item = &'k String>,
) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let options: PgConnectOptions = url.parse()?;
    let options = options.options([("search_path", "lookout")]).disable_statement_logging();
    let mut connection = runtime.block_on(options.connect())?;
    let mut line = Line::open(port)?;
    for key in keys {
        runtime.block_on(sqlx::query(BEGIN).bind(key).execute(&mut connection))?;
        line.send(key)?;
        runtime.block_on(sqlx::query(END).bind(key).execute(&mut connection))?;
    }
    Ok(())
}
