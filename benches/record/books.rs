//! A state database of one measurement: made by the product, filled, compared, removed.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use lookout::store::{Run, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, SqliteConnection};
use tempfile::TempDir;

use super::by_row;

/// Fresh tables, as the product makes them.
pub struct Books {
    url: String,
    place: Place,
}

enum Place {
    Sqlite(TempDir),
    Postgres { server: String, name: String },
}

impl Books {
    /// On that server, or else in a SQLite file.
    pub async fn new(server: Option<&str>) -> anyhow::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let books = match server {
            Some(server) => {
                let next = NEXT.fetch_add(1, Ordering::Relaxed);
                let name = format!("lookout_bench_{}_{next}", std::process::id());
                administer(server, format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
                let (base, _) = server.rsplit_once('/').unwrap_or((server, ""));
                let url = format!("{base}/{name}");
                Self { url, place: Place::Postgres { server: server.to_owned(), name } }
            }
            None => {
                let folder = tempfile::tempdir()?;
                let url = format!("sqlite:{}", folder.path().join("state.db").display());
                Self { url, place: Place::Sqlite(folder) }
            }
        };
        Store::open(&books.url).await?;
        Ok(books)
    }

    /// What the product opens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What `runs` says of the one run that was written down.
    pub async fn head(&self) -> anyhow::Result<String> {
        let sql = "SELECT report FROM runs";
        Ok(match self.place {
            Place::Sqlite(_) => sqlx::query_scalar(sql).fetch_one(&mut self.sqlite().await?).await,
            Place::Postgres { .. } => {
                sqlx::query_scalar(sql).fetch_one(&mut self.postgres().await?).await
            }
        }?)
    }

    /// Writes a run down a row a statement.
    pub async fn by_row(&self, run: &Run<'_>, head: &str) -> anyhow::Result<Duration> {
        match self.place {
            Place::Sqlite(_) => {
                let mut connection = self.sqlite().await?;
                let start = Instant::now();
                let mut tx = connection.begin_with("BEGIN IMMEDIATE").await?;
                by_row::into_sqlite(&mut tx, run, head).await?;
                tx.commit().await?;
                Ok(start.elapsed())
            }
            Place::Postgres { .. } => {
                let mut connection = self.postgres().await?;
                let start = Instant::now();
                let mut tx = connection.begin().await?;
                by_row::into_postgres(&mut tx, run, head).await?;
                tx.commit().await?;
                Ok(start.elapsed())
            }
        }
    }

    /// Every table holds the same rows as the other's.
    pub async fn prove_equal(&self, other: &Self) -> anyhow::Result<()> {
        let (ours, theirs) = (self.digest().await?, other.digest().await?);
        ensure!(ours.iter().any(|(table, rows, _)| table == "decisions" && *rows > 0), "no rows");
        ensure!(ours == theirs, "the tables differ:\n{ours:?}\n{theirs:?}");
        if let (Place::Sqlite(ours), Place::Sqlite(theirs)) = (&self.place, &other.place) {
            let ours = rusqlite::Connection::open(ours.path().join("state.db"))?;
            let theirs = theirs.path().join("state.db").display().to_string();
            ours.execute("ATTACH $1 AS theirs", [theirs])?;
            for (table, _, _) in self.digest().await? {
                let sql = format!("SELECT * FROM {table} EXCEPT SELECT * FROM theirs.{table}");
                ensure!(!ours.prepare(&sql)?.exists([])?, "the tables {table} differ");
            }
        }
        Ok(())
    }

    /// Each table with its number of rows and, on PostgreSQL, a sum over all that is in it.
    async fn digest(&self) -> anyhow::Result<Vec<(String, i64, String)>> {
        let mut found = Vec::new();
        match self.place {
            Place::Sqlite(_) => {
                let mut connection = self.sqlite().await?;
                let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE
                     'sqlite!_%' ESCAPE '!' ORDER BY name";
                let tables: Vec<String> =
                    sqlx::query_scalar(tables).fetch_all(&mut connection).await?;
                for table in tables {
                    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
                    let rows = sqlx::query_scalar(sql).fetch_one(&mut connection).await?;
                    found.push((table, rows, String::new()));
                }
            }
            Place::Postgres { .. } => {
                let mut connection = self.postgres().await?;
                let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'lookout'
                     ORDER BY tablename";
                let tables: Vec<String> =
                    sqlx::query_scalar(tables).fetch_all(&mut connection).await?;
                for table in tables {
                    let sql = AssertSqlSafe(format!(
                        "SELECT COUNT(*), COALESCE(SUM(hashtextextended(t::text, 0)::numeric), 0)::text
                         FROM {table} t"
                    ));
                    let (rows, sum) = sqlx::query_as(sql).fetch_one(&mut connection).await?;
                    found.push((table, rows, sum));
                }
            }
        }
        Ok(found)
    }

    /// Leaves nothing behind.
    pub async fn remove(self) -> anyhow::Result<()> {
        match self.place {
            Place::Sqlite(folder) => folder.close()?,
            Place::Postgres { server, name } => {
                administer(&server, format!("DROP DATABASE {name} WITH (FORCE)")).await?;
            }
        }
        Ok(())
    }

    /// A connection with the product's own settings.
    async fn sqlite(&self) -> anyhow::Result<SqliteConnection> {
        let options: SqliteConnectOptions = self.url.parse()?;
        let options = options.foreign_keys(true).synchronous(SqliteSynchronous::Full);
        Ok(options.disable_statement_logging().connect().await?)
    }

    /// A connection that sees the product's own tables.
    async fn postgres(&self) -> anyhow::Result<PgConnection> {
        let options: sqlx::postgres::PgConnectOptions = self.url.parse()?;
        let options = options.options([("search_path", "lookout")]);
        Ok(options.disable_statement_logging().connect().await?)
    }
}

async fn administer(server: &str, sql: String) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    Ok(())
}
