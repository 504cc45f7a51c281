//! Both databases behind one: connections and transactions that mean the same on either. Nothing
//! is ever sent outside a transaction, and every statement is counted.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

use super::StoreError;
use super::given::{Cell, Given};
use super::pooler;
use super::server::{self, Lock, Server};
use super::sql::{Arg, Row, Sql, postgres};
use super::sqlite::{self, File};
use crate::fault;

/// How often a SQLite file is asked to let readers and a writer work side by side, and how long
/// between two tries.
const WRITE_AHEAD: (u32, Duration) = (100, Duration::from_millis(50));
/// Rows a statement.
const CHUNK: usize = 1000;

/// Where a state database is.
pub(super) enum Address {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Address {
    /// Reads `sqlite:FILE` or `postgres://…`.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(file) = url.strip_prefix("sqlite:") {
            let file = file.strip_prefix("//").unwrap_or(file);
            if !file.is_empty() && !file.starts_with(":memory:") {
                return Ok(Self::Sqlite(PathBuf::from(file)));
            }
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let place = "that [state] url names".to_owned();
            let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| {
                let cure = "write it as postgres://USER@HOST:PORT/DATABASE";
                StoreError::Unavailable { place, cause: error.to_string(), cure }
            })?;
            return Ok(Self::Postgres(Box::new(options)));
        }
        let scheme = url.split_inclusive(':').next().unwrap_or_default().to_owned();
        Err(StoreError::Address { scheme })
    }

    /// The database in words, without a password.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Sqlite(file) => file.display().to_string(),
            Self::Postgres(options) => {
                let database = options.get_database().unwrap_or(options.get_username());
                match options.get_socket() {
                    Some(socket) => format!("{database} at {}", socket.display()),
                    None => {
                        format!("{database} at {}:{}", options.get_host(), options.get_port())
                    }
                }
            }
        }
    }
}

enum Pool {
    Sqlite(File),
    Postgres(Server),
}

/// A state database with its connections.
pub(super) struct Database {
    pool: Pool,
    place: String,
    /// Whether a statement keeps a name on its connection to a PostgreSQL.
    named: bool,
    statements: AtomicU64,
}

impl Database {
    /// Connects, and makes a SQLite file if it is not there and `create` says so.
    pub(super) async fn connect(address: Address, create: bool) -> Result<Self, StoreError> {
        let place = address.place();
        let named = match &address {
            Address::Sqlite(_) => true,
            Address::Postgres(options) => pooler::names_statements(options),
        };
        let pool = match address {
            Address::Sqlite(file) => File::open(file, create)
                .map(Pool::Sqlite)
                .map_err(|error| StoreError::explain_sqlite(&place, error))?,
            Address::Postgres(options) => Server::open(*options, named)
                .await
                .map(Pool::Postgres)
                .map_err(|error| StoreError::explain(&place, error))?,
        };
        Ok(Self { pool, place, named, statements: AtomicU64::new(0) })
    }

    /// Makes a SQLite database in memory.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        let place = "memory".to_owned();
        let file = File::in_memory().map_err(|error| StoreError::explain_sqlite(&place, error))?;
        let pool = Pool::Sqlite(file);
        Ok(Self { pool, place, named: true, statements: AtomicU64::new(0) })
    }

    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self.pool, Pool::Sqlite(_))
    }

    /// The file of a SQLite database that is on disk.
    pub(super) fn file(&self) -> Option<&Path> {
        match &self.pool {
            Pool::Sqlite(file) => file.path(),
            Pool::Postgres(_) => None,
        }
    }

    /// The PostgreSQL server, unless a pooler stands in between.
    pub(super) fn direct_postgres(&self) -> Option<&Server> {
        match &self.pool {
            Pool::Postgres(server) => self.named.then_some(server),
            Pool::Sqlite(_) => None,
        }
    }

    pub(super) fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// A transaction that sees one state of the database from its first statement to its last.
    pub(super) async fn read(&self) -> Result<Transaction<'_>, StoreError> {
        self.count();
        let inner = match &self.pool {
            Pool::Sqlite(file) => Inner::Sqlite(file.read().map_err(|e| self.explain_sqlite(e))?),
            Pool::Postgres(server) => {
                Inner::Postgres(server.begin(server::READ).await.map_err(|e| self.explain(e))?)
            }
        };
        Ok(Transaction { database: self, name: None, inner })
    }

    /// A transaction that writes what `name` says, once in the source: a test knows its commit by
    /// it. On SQLite it is the only writer from the start.
    pub(super) async fn write(&self, name: &'static str) -> Result<Transaction<'_>, StoreError> {
        self.write_behind(name, &[]).await
    }

    /// A transaction that writes, and on PostgreSQL waits for these locks before it sees anything:
    /// nobody takes them in another order than that in which they stand here.
    pub(super) async fn write_behind(
        &self,
        name: &'static str,
        locks: &[Lock],
    ) -> Result<Transaction<'_>, StoreError> {
        self.count();
        let inner = match &self.pool {
            Pool::Sqlite(file) => {
                Inner::Sqlite(file.write().await.map_err(|e| self.explain_sqlite(e))?)
            }
            Pool::Postgres(server) => {
                let mut begin = server::WRITE.to_owned();
                begin.extend(locks.iter().map(Lock::to_string));
                Inner::Postgres(server.begin(&begin).await.map_err(|e| self.explain(e))?)
            }
        };
        Ok(Transaction { database: self, name: Some(name), inner })
    }

    /// Lets readers and one writer work side by side from now on. It has to be alone for that
    /// moment, and SQLite does not wait by itself.
    pub(super) async fn write_ahead(&self) -> Result<(), StoreError> {
        let Pool::Sqlite(file) = &self.pool else { return Ok(()) };
        let held = file.writer().await.map_err(|e| self.explain_sqlite(e))?;
        let (mut tries, pause) = WRITE_AHEAD;
        loop {
            self.count();
            match held.script("PRAGMA journal_mode = WAL") {
                Err(error) if sqlite::is_busy(&error) && tries > 0 => tries -= 1,
                result => return result.map_err(|e| self.explain_sqlite(e)),
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Leaves no trace in a SQLite file of what was deleted from it or overwritten in it.
    pub(super) async fn scrub(&self) -> Result<(), StoreError> {
        let Pool::Sqlite(file) = &self.pool else { return Ok(()) };
        let held = file.writer().await.map_err(|e| self.explain_sqlite(e))?;
        for sql in ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
            self.count();
            held.script(sql).map_err(|e| self.explain_sqlite(e))?;
        }
        Ok(())
    }

    fn count(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    fn explain(&self, error: sqlx::Error) -> StoreError {
        StoreError::explain(&self.place, error)
    }

    fn explain_sqlite(&self, error: rusqlite::Error) -> StoreError {
        StoreError::explain_sqlite(&self.place, error)
    }
}

enum Inner<'d> {
    Sqlite(sqlite::Held<'d>),
    Postgres(server::Held<'d>),
}

/// Everything that is read or written together. Dropped without `commit`, it changes nothing.
pub(super) struct Transaction<'d> {
    database: &'d Database,
    /// What it writes; none where it only reads.
    name: Option<&'static str>,
    inner: Inner<'d>,
}

impl Transaction<'_> {
    /// Sends a statement and gives how many rows it changed.
    pub(super) async fn execute(
        &mut self,
        sql: impl Into<Sql>,
        args: &[Arg],
    ) -> Result<u64, StoreError> {
        let sql = sql.into();
        self.database.count();
        match &mut self.inner {
            Inner::Sqlite(held) => {
                let (changed, _) = run(self.database, held, sql.sqlite, args, None)?;
                Ok(changed)
            }
            Inner::Postgres(held) => {
                let query = postgres(sql, args).persistent(self.database.named);
                let done = query.execute(&mut held.connection).await;
                done.map(|done| done.rows_affected()).map_err(|e| self.database.explain(e))
            }
        }
    }

    /// Sends a statement and gives all rows of its answer.
    pub(super) async fn fetch(
        &mut self,
        sql: impl Into<Sql>,
        args: &[Arg],
    ) -> Result<Vec<Row>, StoreError> {
        let sql = sql.into();
        self.database.count();
        match &mut self.inner {
            Inner::Sqlite(held) => {
                let (_, rows) = run(self.database, held, sql.sqlite, args, None)?;
                Ok(rows)
            }
            Inner::Postgres(held) => {
                let query = postgres(sql, args).persistent(self.database.named);
                let rows = query.fetch_all(&mut held.connection).await;
                let rows = rows.map_err(|e| self.database.explain(e))?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Sends a `given!` statement for every thousand of `rows` (none where there are none) and
    /// gives how many rows were changed.
    pub(super) async fn bulk<'r, const N: usize>(
        &mut self,
        statement: &Given<N>,
        args: &[Arg],
        rows: impl IntoIterator<Item = Result<[Cell<'r>; N], StoreError>>,
    ) -> Result<u64, StoreError> {
        let mut rows = rows.into_iter();
        let mut changed = 0;
        loop {
            let chunk = rows.by_ref().take(CHUNK).collect::<Result<Vec<_>, _>>()?;
            if chunk.is_empty() {
                return Ok(changed);
            }
            self.database.count();
            changed += match &mut self.inner {
                Inner::Sqlite(held) => {
                    let rows = statement.as_json(&chunk)?;
                    run(self.database, held, statement.sql.sqlite, args, Some(rows))?.0
                }
                Inner::Postgres(held) => {
                    let query =
                        statement.on_postgres(args, &chunk)?.persistent(self.database.named);
                    let done = query.execute(&mut held.connection).await;
                    done.map_err(|e| self.database.explain(e))?.rows_affected()
                }
            };
        }
    }

    /// Sends a `given!` statement with all of `rows` and gives all rows of its answer.
    pub(super) async fn fetch_given<const N: usize>(
        &mut self,
        statement: &Given<N>,
        args: &[Arg],
        rows: &[[Cell<'_>; N]],
    ) -> Result<Vec<Row>, StoreError> {
        self.database.count();
        match &mut self.inner {
            Inner::Sqlite(held) => {
                let rows = statement.as_json(rows)?;
                let (_, rows) = run(self.database, held, statement.sql.sqlite, args, Some(rows))?;
                Ok(rows)
            }
            Inner::Postgres(held) => {
                let query = statement.on_postgres(args, rows)?.persistent(self.database.named);
                let rows = query.fetch_all(&mut held.connection).await;
                let rows = rows.map_err(|e| self.database.explain(e))?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// Sends several statements without arguments, as a migration has them.
    pub(super) async fn script(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.database.count();
        match &mut self.inner {
            Inner::Sqlite(held) => held.script(sql).map_err(|e| self.database.explain_sqlite(e)),
            Inner::Postgres(held) => {
                let done = sqlx::raw_sql(sql).execute(&mut held.connection).await;
                done.map(|_| ()).map_err(|e| self.database.explain(e))
            }
        }
    }

    /// Makes it all visible at once, and durable.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.database.count();
        let passes = |when| self.name.into_iter().for_each(|name| fault::commit(name, when));
        passes("before_commit");
        let done = match self.inner {
            Inner::Sqlite(held) => {
                held.script("COMMIT").map_err(|e| self.database.explain_sqlite(e))
            }
            Inner::Postgres(held) => held.end("COMMIT").await.map_err(|e| self.database.explain(e)),
        };
        passes("after_commit");
        done
    }

    /// Leaves everything as it was.
    pub(super) async fn rollback(self) -> Result<(), StoreError> {
        self.database.count();
        match self.inner {
            Inner::Sqlite(held) => {
                held.script("ROLLBACK").map_err(|e| self.database.explain_sqlite(e))
            }
            Inner::Postgres(held) => {
                held.end("ROLLBACK").await.map_err(|e| self.database.explain(e))
            }
        }
    }

    /// Commits where `done` is `Ok`, else rolls back; gives `done`.
    pub(super) async fn end<T>(self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        match done {
            Ok(value) => self.commit().await.map(|()| value),
            Err(error) => {
                // The first error is the one that counts: a transaction that is not committed is
                // undone by the database in any case.
                self.rollback().await.ok();
                Err(error)
            }
        }
    }
}

/// Sends one statement to a SQLite file; how many rows it changed, and its answer.
fn run(
    database: &Database,
    held: &sqlite::Held<'_>,
    sql: &'static str,
    args: &[Arg],
    rows: Option<String>,
) -> Result<(u64, Vec<Row>), StoreError> {
    let done = held.run(sql, args, rows).map_err(|e| database.explain_sqlite(e));
    done.map(|(changed, rows)| (changed, rows.into_iter().map(Row::Sqlite).collect()))
}
