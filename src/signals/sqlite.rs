//! Reading SQLite, on a thread of its own. The file is opened for reading only.

mod cells;
mod functions;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use super::ColumnKind;
use super::source::{BATCH, Failure, RawColumn, Refused, Rows};

/// How long to wait for somebody who is writing.
const PATIENCE: Duration = Duration::from_secs(3);

/// One read transaction on a SQLite file.
pub(super) struct Sqlite {
    requests: mpsc::Sender<Request>,
    /// Whether texts are UTF-8 as Rust's are, so that both order them alike.
    pub(super) narrows: bool,
}

enum Request {
    Describe(String, oneshot::Sender<Result<Vec<RawColumn>, Failure>>),
    Stream {
        sql: String,
        kinds: Vec<ColumnKind>,
        batches: mpsc::Sender<Rows>,
        done: oneshot::Sender<Result<(), Failure>>,
    },
}

impl Sqlite {
    /// Opens a file that exists and begins to read it as it is now.
    pub(super) async fn open(file: &Path) -> Result<Self, Failure> {
        let (requests, mut inbox) = mpsc::channel::<Request>(1);
        let (opened, ready) = oneshot::channel();
        let file = file.to_owned();
        std::thread::Builder::new()
            .name("lookout-sqlite".to_owned())
            .spawn(move || match open(&file) {
                Err(failure) => drop(opened.send(Err(failure))),
                Ok((connection, narrows)) => {
                    if opened.send(Ok(narrows)).is_ok() {
                        while let Some(request) = inbox.blocking_recv() {
                            answer(&connection, request);
                        }
                    }
                }
            })
            .map_err(|error| Failure::Gone(format!("no thread to read with: {error}")))?;
        let narrows = ready.await.map_err(|_| gone())??;
        Ok(Self { requests, narrows })
    }

    /// The columns of a query.
    pub(super) async fn describe(&mut self, sql: String) -> Result<Vec<RawColumn>, Failure> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Describe(sql, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Whether the plan of a query has an outer join in it.
    pub(super) async fn joins(&mut self, sql: &str) -> Result<bool, Failure> {
        let mut joins = false;
        let mut look = |rows: Rows| {
            let Some(steps) = rows.columns.last() else { return };
            let mut steps = (0..steps.len()).map(|row| steps.value(row).to_string());
            joins |= steps.any(|step| step.contains("LEFT-JOIN"));
        };
        self.stream(format!("EXPLAIN QUERY PLAN {sql}"), Vec::new(), &mut look).await?;
        Ok(joins)
    }

    /// Runs a query and hands over its rows as they come, each column as its kind says.
    pub(super) async fn stream(
        &mut self,
        sql: String,
        kinds: Vec<ColumnKind>,
        sink: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), Failure> {
        let (batches, mut rows) = mpsc::channel(3);
        let (done, outcome) = oneshot::channel();
        let request = Request::Stream { sql, kinds, batches, done };
        self.requests.send(request).await.map_err(|_| gone())?;
        while let Some(batch) = rows.recv().await {
            sink(batch);
        }
        outcome.await.map_err(|_| gone())?
    }
}

fn gone() -> Failure {
    Failure::Gone("the thread that reads SQLite ended".to_owned())
}

/// The file, and whether its texts are UTF-8.
fn open(file: &PathBuf) -> Result<(Connection, bool), Failure> {
    let failure = |error| failure(&error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(failure)?;
    connection.busy_timeout(PATIENCE).map_err(failure)?;
    // A misspelt column in double quotes is an error, as on every other database, and not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false).map_err(failure)?;
    connection.execute_batch("PRAGMA query_only = ON; BEGIN").map_err(failure)?;
    // The view begins with the first read.
    let first: Result<i64, _> =
        connection.query_row("SELECT COUNT(*) FROM sqlite_master", [], |row| row.get(0));
    first.map_err(failure)?;
    functions::register(&connection).map_err(failure)?;
    let encoding: String =
        connection.query_row("PRAGMA encoding", [], |row| row.get(0)).map_err(failure)?;
    Ok((connection, encoding == "UTF-8"))
}

fn answer(connection: &Connection, request: Request) {
    match request {
        // Whoever asked may be gone; then nobody misses the answer.
        Request::Describe(sql, reply) => drop(reply.send(describe(connection, &sql))),
        Request::Stream { sql, kinds, batches, done } => {
            let outcome = stream(connection, &sql, &kinds, &batches);
            drop(batches);
            drop(done.send(outcome));
        }
    }
}

fn describe(connection: &Connection, sql: &str) -> Result<Vec<RawColumn>, Failure> {
    let statement = connection.prepare(sql).map_err(|error| failure(&error))?;
    let column = |column: &rusqlite::Column<'_>| RawColumn {
        name: column.name().to_owned(),
        kind: column.decl_type().map_or(ColumnKind::Unknown, cells::declared),
        type_name: column.decl_type().unwrap_or("no declared type").to_owned(),
        cast: None,
    };
    Ok(statement.columns().iter().map(column).collect())
}

fn stream(
    connection: &Connection,
    sql: &str,
    kinds: &[ColumnKind],
    batches: &mpsc::Sender<Rows>,
) -> Result<(), Failure> {
    let mut statement = connection.prepare(sql).map_err(|error| failure(&error))?;
    let width = statement.column_count();
    let kind = |column| kinds.get(column).copied().unwrap_or(ColumnKind::Unknown);
    let mut rows = statement.query([]).map_err(|error| failure(&error))?;
    let mut batch = Rows::empty(width);
    let mut length = 0;
    while let Some(row) = rows.next().map_err(|error| failure(&error))? {
        for (index, column) in batch.columns.iter_mut().enumerate() {
            let cell = row.get_ref(index).map_err(|error| failure(&error))?;
            if let Err((message, help)) = cells::push(column, cell, kind(index)) {
                column.push_absent();
                batch.broken.push(Refused { row: length, column: index, message, help });
            }
        }
        length += 1;
        if length == BATCH {
            length = 0;
            if batches.blocking_send(std::mem::replace(&mut batch, Rows::empty(width))).is_err() {
                return Ok(()); // nobody listens any more
            }
        }
    }
    if length > 0 {
        drop(batches.blocking_send(batch));
    }
    Ok(())
}

/// Tells a database that can't be read from a query that is wrong.
fn failure(error: &rusqlite::Error) -> Failure {
    if let rusqlite::Error::SqlInputError { msg, offset, .. } = error {
        return Failure::sql(msg, usize::try_from(*offset).ok());
    }
    let said = match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    };
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Failure::Gone(format!(
            "another program has locked it ({said}); try again when that program is done"
        )),
        Some(ErrorCode::NotADatabase) => Failure::Gone(
            "it is not a SQLite database; name another file as [source] url or --source".to_owned(),
        ),
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::SystemIoFailure
            | ErrorCode::PermissionDenied
            | ErrorCode::DiskFull
            | ErrorCode::OutOfMemory
            | ErrorCode::FileLockingProtocolFailed,
        ) => Failure::Gone(said),
        _ => Failure::sql(&said, None),
    }
}
