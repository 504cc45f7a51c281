//! A SQLite file: one connection that writes, and others that read. They are used on the thread that
//! needs them: an answer is there sooner than another thread would wake up. Whoever waits to be the
//! only writer never keeps everybody else from work.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as Shelf, PoisonError};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Error, OpenFlags, Statement, ToSql, ffi};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{sleep, timeout};

use super::sql::Arg;

/// How long to wait for another writer of the file.
const BUSY: Duration = Duration::from_secs(5);
/// How long to wait for another writer of this program.
const TURN: Duration = Duration::from_secs(30);
/// How long between two tries.
const PAUSE: Duration = Duration::from_millis(5);
/// How many statements a connection remembers; more than there are.
const REMEMBERED: usize = 256;

/// The file.
pub(super) struct File {
    path: PathBuf,
    turn: Mutex<()>,
    /// At most one; what it has in memory stays true, because nobody else of this program writes.
    writers: Shelf<Vec<Connection>>,
    readers: Shelf<Vec<Connection>>,
}

impl File {
    /// Opens a file, and makes it if it is not there and `create` says so.
    pub(super) fn open(path: PathBuf, create: bool) -> Result<Self, Error> {
        let first = connect(&path, create)?;
        let (writers, readers) = (Shelf::new(vec![first]), Shelf::default());
        Ok(Self { path, turn: Mutex::default(), writers, readers })
    }

    /// Makes a database in memory, which is gone with its last connection. Its connections share it
    /// under a name of its own, by SQLite's `memdb`.
    pub(super) fn in_memory() -> Result<Self, Error> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        Self::open(PathBuf::from(format!("{MEMORY}{number}?vfs=memdb")), true)
    }

    /// Where it is on disk; none of a database in memory.
    pub(super) fn path(&self) -> Option<&Path> {
        Some(self.path.as_path()).filter(|path| !is_memory(path))
    }

    /// Sees one state of the file from its first statement to its last.
    pub(super) fn read(&self) -> Result<Held<'_>, Error> {
        let held = self.take(&self.readers, None)?;
        held.script("BEGIN")?;
        Ok(held)
    }

    /// Is the only writer from the start.
    pub(super) async fn write(&self) -> Result<Held<'_>, Error> {
        let held = self.writer().await?;
        let mut tries = BUSY.as_millis() / PAUSE.as_millis();
        loop {
            held.connection()?.busy_timeout(Duration::ZERO)?;
            let begun = held.script("BEGIN IMMEDIATE");
            held.connection()?.busy_timeout(BUSY)?;
            match begun {
                Err(error) if is_busy(&error) && tries > 0 => tries -= 1,
                begun => return begun.map(|()| held),
            }
            sleep(PAUSE).await;
        }
    }

    /// The connection that writes, outside any transaction.
    pub(super) async fn writer(&self) -> Result<Held<'_>, Error> {
        let turn = timeout(TURN, self.turn.lock()).await.map_err(|_| locked())?;
        self.take(&self.writers, Some(turn))
    }

    fn take<'f>(
        &'f self,
        shelf: &'f Shelf<Vec<Connection>>,
        turn: Option<MutexGuard<'f, ()>>,
    ) -> Result<Held<'f>, Error> {
        let idle = shelf.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = idle.map_or_else(|| connect(&self.path, false), Ok)?;
        Ok(Held { connection: Some(connection), shelf, _turn: turn })
    }
}

/// How the name of a database in memory begins.
const MEMORY: &str = "file:/lookout-";

fn is_memory(path: &Path) -> bool {
    path.to_str().is_some_and(|name| name.starts_with(MEMORY) && name.ends_with("?vfs=memdb"))
}

fn connect(path: &Path, create: bool) -> Result<Connection, Error> {
    let create = if create { OpenFlags::SQLITE_OPEN_CREATE } else { OpenFlags::empty() };
    let named = if is_memory(path) { OpenFlags::SQLITE_OPEN_URI } else { OpenFlags::empty() };
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create | named;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(REMEMBERED);
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL")?;
    Ok(connection)
}

/// What SQLite says where another program writes.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(primary_code(error), Some(ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED))
}

/// The lowest byte of SQLite's code says what kind of error it is.
pub(super) fn primary_code(error: &Error) -> Option<i32> {
    Some(error.sqlite_error()?.extended_code & 0xff)
}

fn locked() -> Error {
    Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_BUSY), None)
}

/// A connection in somebody's hand. What was begun on it and not committed is undone when it is let
/// go.
pub(super) struct Held<'f> {
    /// There until it is let go.
    connection: Option<Connection>,
    shelf: &'f Shelf<Vec<Connection>>,
    _turn: Option<MutexGuard<'f, ()>>,
}

impl Held<'_> {
    fn connection(&self) -> Result<&Connection, Error> {
        self.connection.as_ref().ok_or(Error::InvalidQuery)
    }

    /// Sends one statement; how many rows it changed, and its answer.
    pub(super) fn run(
        &self,
        sql: &'static str,
        args: &[Arg],
        rows: Option<String>,
    ) -> Result<(u64, Vec<Vec<Value>>), Error> {
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(sql)?;
        let rows = rows.map(|rows| Arg::Text(Some(rows)));
        let args: Vec<&Arg> = args.iter().chain(&rows).collect();
        bind(&mut statement, &args)?;
        let columns = statement.column_count();
        let mut answer = Vec::new();
        let mut found = statement.raw_query();
        while let Some(row) = found.next()? {
            answer.push((0..columns).map(|at| row.get(at)).collect::<Result<_, _>>()?);
        }
        drop(found);
        Ok((connection.changes(), answer))
    }

    /// Sends statements without arguments, and takes no notice of what they answer.
    pub(super) fn script(&self, sql: &str) -> Result<(), Error> {
        self.connection()?.execute_batch(sql)
    }
}

/// To SQLite `$2` is a name and no number.
fn bind(statement: &mut Statement<'_>, args: &[&Arg]) -> Result<(), Error> {
    for place in 1..=statement.parameter_count() {
        let name = statement.parameter_name(place).and_then(|name| name.get(1..));
        let number = name.and_then(|name| name.parse::<usize>().ok());
        let arg = number.and_then(|number| args.get(number.wrapping_sub(1)));
        let missing = || Error::InvalidParameterCount(place, args.len());
        statement.raw_bind_parameter(place, *arg.ok_or_else(missing)?)?;
    }
    Ok(())
}

impl ToSql for Arg {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>, Error> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(Some(value)) => ValueRef::Integer(*value),
            Self::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Self::Int(None) | Self::Text(None) => ValueRef::Null,
        }))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        // One that can't go back to where it was before is closed, which undoes it as well.
        if connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok() {
            self.shelf.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
    }
}

// By hand: a connection has nothing to show.
impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}
