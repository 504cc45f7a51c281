//! The state database as a test sees it: opened by the program's own code once, then read with
//! plain SQL behind its back.

use std::path::{Path, PathBuf};

use lookout::store::Store;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::runtime::{Builder, Runtime};

use crate::support::postgres;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    Sqlite,
    Postgres,
}

/// A state database of the test's own.
pub(crate) struct State {
    /// Its URL, as the program is told it.
    pub(crate) url: String,
    runtime: Runtime,
}

/// A row, its columns as text.
pub(crate) type Line = Vec<String>;

impl State {
    /// None yet, but a place for it.
    pub(crate) fn new(on: On, folder: &Path) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let url = match on {
            On::Sqlite => format!("sqlite:{}", folder.join("state.db").display()),
            On::Postgres => runtime.block_on(postgres::database()),
        };
        Self { url, runtime }
    }

    /// In a database that is there already.
    pub(crate) fn at(url: String) -> Self {
        Self { url, runtime: Builder::new_current_thread().enable_all().build().unwrap() }
    }

    /// The file of a SQLite database.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.url.strip_prefix("sqlite:").map(PathBuf::from)
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.file().is_some()
    }

    /// Opens it as the program does, which makes its tables.
    pub(crate) fn open(&self) -> Store {
        self.block_on(Store::open(&self.url)).unwrap()
    }

    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Runs SQL, which may be several statements.
    pub(crate) fn execute(&self, sql: &str) {
        match self.file() {
            Some(file) => sqlite(&file).execute_batch(sql).unwrap(),
            None => {
                let sql = format!("SET search_path = lookout; {sql}");
                self.block_on(postgres::execute(&self.url, &sql));
            }
        }
    }

    /// The rows of a query, every column as a text; NULL is an empty one.
    pub(crate) fn ask(&self, sql: &str) -> Vec<Line> {
        // The last blow to a server may only just have fallen.
        let again = |_| {
            self.wait_until_it_answers();
            self.try_ask(sql)
        };
        self.try_ask(sql).or_else(again).unwrap()
    }

    /// The same of a server that may be on its way down.
    pub(crate) fn try_ask(&self, sql: &str) -> Result<Vec<Line>, sqlx::Error> {
        match self.file() {
            Some(file) => {
                let connection = sqlite(&file);
                let mut statement = connection.prepare(sql).unwrap();
                let columns = statement.column_count();
                let text = |row: &rusqlite::Row<'_>, column| match row.get_ref(column).unwrap() {
                    rusqlite::types::ValueRef::Null => String::new(),
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    value => value.as_str().unwrap().to_owned(),
                };
                let rows = statement.query_map([], |row| {
                    Ok((0..columns).map(|column| text(row, column)).collect())
                });
                Ok(rows.unwrap().map(Result::unwrap).collect())
            }
            None => self.block_on(async {
                let mut connection = PgConnection::connect(&self.url).await?;
                connection.execute("SET search_path = lookout").await?;
                // Without arguments the server sends texts, whatever the type.
                let rows = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
                let rows = rows.fetch_all(&mut connection).await?;
                let text = |row: &sqlx::postgres::PgRow, column| {
                    let value = row.try_get_raw(column).unwrap();
                    value.as_str().unwrap_or_default().to_owned()
                };
                Ok(rows.iter().map(|row| (0..row.len()).map(|c| text(row, c)).collect()).collect())
            }),
        }
    }

    /// Every row of every table, its columns as texts.
    pub(crate) fn everything(&self) -> Vec<String> {
        let (tables, row) = match self.is_sqlite() {
            true => ("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name", "*"),
            false => (
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'lookout' ORDER BY 1",
                "t::text",
            ),
        };
        let tables = self.ask(tables).concat();
        let rows = |table: &String| self.ask(&format!("SELECT {row} FROM {table} t"));
        let line = |table: &String, row: Line| format!("{table}: {}", row.join(" | "));
        let of = |table: &String| {
            rows(table).into_iter().map(|row| line(table, row)).collect::<Vec<_>>()
        };
        tables.iter().flat_map(of).collect()
    }

    /// Waits until a server that went down has come up again.
    pub(crate) fn wait_until_it_answers(&self) {
        while self.try_ask("SELECT 1").is_err() {
            std::thread::yield_now();
        }
    }

    /// The outreaches that a server may have by now, and nobody has said so yet.
    pub(crate) fn in_flight(&self) -> Vec<String> {
        let rows = self.ask("SELECT key FROM outreaches WHERE state = 'transmitting'");
        rows.into_iter().flatten().collect()
    }

    /// The one number that a query gives.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        self.ask(sql)[0][0].parse().unwrap()
    }

    /// How many outreaches there are in each state.
    pub(crate) fn counts(&self) -> Vec<Line> {
        self.ask("SELECT state, COUNT(*) FROM outreaches GROUP BY state")
    }

    /// Whether nothing waits for a worker or is with one.
    pub(crate) fn is_quiet(&self) -> bool {
        let waiting = "SELECT COUNT(*) FROM outreaches
             WHERE state IN ('ready', 'claimed', 'transmitting', 'retry')";
        self.number(waiting) == 0
    }

    /// Waits until no killed program's connection is at work in it any more: what it was
    /// committing when it died is committed, or will never be.
    pub(crate) fn wait_for_the_dead(&self) {
        let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
             AND pid <> pg_backend_pid() AND application_name = 'lookout'";
        while !self.is_sqlite() && self.number(others) > 0 {
            std::thread::yield_now();
        }
    }
}

fn sqlite(file: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
    connection
}
