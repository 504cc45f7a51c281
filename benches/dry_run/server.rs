//! Databases of our own on a PostgreSQL server. None is left there, whatever comes.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::measure::Database;

/// Makes an empty database, does `work` with it, and drops it.
pub async fn with_database<T>(
    server: &str,
    work: impl AsyncFnOnce(Database) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let name = format!("lookout_bench_{}", std::process::id());
    let (base, _) = server.rsplit_once('/').unwrap_or((server, ""));
    administer(server, format!("DROP DATABASE IF EXISTS {name}")).await?;
    administer(server, format!("CREATE DATABASE {name}")).await?;
    let done = work(Database::Postgres(format!("{base}/{name}"))).await;
    administer(server, format!("DROP DATABASE {name} WITH (FORCE)")).await?;
    done
}

async fn administer(server: &str, sql: String) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    Ok(())
}
