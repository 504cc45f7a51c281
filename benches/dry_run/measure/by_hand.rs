//! The same twenty rules as one statement, written by somebody who knows the tables.

use std::path::Path;

use futures_util::TryStreamExt;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::Hits;
use super::rules::TWINS;

/// One pass over the joined tables; a row for each customer for whom any rule is true.
pub fn statement() -> String {
    let name = |id: &str| format!("\"{id}\"");
    let columns = TWINS.map(|twin| format!("({}) AS {}", twin.sql, name(twin.id)));
    let any = TWINS.map(|twin| name(twin.id));
    format!(
        "SELECT * FROM (\nSELECT c.customer_id,\n{}\nFROM customers c\n\
         LEFT JOIN product_usage u ON u.customer_id = c.customer_id\n\
         LEFT JOIN billing_accounts b ON b.customer_id = c.customer_id\n\
         LEFT JOIN support_desk s ON s.customer_id = c.customer_id\n) AS judged\nWHERE {}",
        columns.join(",\n"),
        any.join(" OR ")
    )
}

/// Runs it on a SQLite file, with the driver that Lookout reads with.
pub fn on_sqlite(file: &Path) -> anyhow::Result<Hits> {
    let connection = rusqlite::Connection::open(file)?;
    let mut statement = connection.prepare(&statement())?;
    let mut rows = statement.query([])?;
    let mut hits = Hits::new();
    while let Some(row) = rows.next()? {
        let customer: i64 = row.get(0)?;
        for rule in 0..TWINS.len() {
            if row.get::<_, Option<bool>>(rule + 1)? == Some(true) {
                hits.push((rule, customer.to_string()));
            }
        }
    }
    Ok(hits)
}

/// Runs it on a PostgreSQL server.
pub async fn on_postgres(url: &str) -> anyhow::Result<Hits> {
    let mut connection = PgConnection::connect(url).await?;
    let mut hits = Hits::new();
    let mut rows = sqlx::query(AssertSqlSafe(statement())).fetch(&mut connection);
    while let Some(row) = rows.try_next().await? {
        let customer: i64 = row.try_get(0)?;
        for rule in 0..TWINS.len() {
            if row.try_get::<Option<bool>, _>(rule + 1)? == Some(true) {
                hits.push((rule, customer.to_string()));
            }
        }
    }
    Ok(hits)
}
