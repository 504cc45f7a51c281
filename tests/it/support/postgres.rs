//! A database of its own for a test, on the PostgreSQL server that `scripts/test` starts.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// The URL of the server's own database. `scripts/test` starts the server and sets the variable.
#[allow(clippy::disallowed_methods, reason = "a test is told by its script where the server is")]
fn server() -> String {
    std::env::var("LOOKOUT_TEST_POSTGRES")
        .expect("LOOKOUT_TEST_POSTGRES is not set; run the tests with scripts/test")
}

/// Makes an empty database and gives its URL. The server is thrown away after the tests.
pub async fn database() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server()).await.unwrap();
    let sql = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'");
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
    let (base, _) = server().rsplit_once('/').map(|(b, d)| (b.to_owned(), d.to_owned())).unwrap();
    format!("{base}/{name}")
}

/// Runs SQL, which may be several statements, on a database.
pub async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
}

/// The one text that a query gives.
pub async fn text(url: &str, sql: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
}

/// Takes a database away, with everybody thrown out of it, or gives it back.
pub async fn close(url: &str, closed: bool) {
    let (_, name) = url.rsplit_once('/').unwrap();
    let sql = format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS {};
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        !closed
    );
    let mut connection = PgConnection::connect(&server()).await.unwrap();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await.unwrap();
}
