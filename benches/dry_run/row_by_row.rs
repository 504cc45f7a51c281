//! How one would do it without Lookout and without SQL for each rule: read every row with sqlx, judge
//! it with Rhai, tuned as well as we can.

use anyhow::Context;
use futures_util::TryStreamExt;
use rhai::Dynamic;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::measure::Hits;
use crate::evaluate::customer::{COLUMNS, Column, Kind};
use crate::evaluate::tuned::{self, Tuned};

/// For whom which rule is true.
pub async fn judge(url: &str) -> anyhow::Result<Hits> {
    let mut tuned = Tuned::new(&tuned::names(), &crate::evaluate::tuned_scripts())?;
    let mut variables = tuned.row();
    let mut connection = PgConnection::connect(url).await?;
    let mut rows = sqlx::query(AssertSqlSafe(statement())).fetch(&mut connection);
    let mut hits = Hits::new();
    while let Some(row) = rows.try_next().await? {
        for (place, column) in COLUMNS.iter().enumerate() {
            let variable = variables.get_mut(column.name).context("a variable")?;
            *variable = cell(&row, place + 1, column.kind)?;
        }
        for rule in 0..tuned.rules() {
            if tuned.holds(rule, &mut variables)? {
                hits.push((rule, row.try_get::<i64, _>(0)?.to_string()));
            }
        }
    }
    Ok(hits)
}

/// Every column of every customer; days come as numbers, as the tuned scripts want them.
fn statement() -> String {
    let columns: Vec<String> = COLUMNS.iter().map(column).collect();
    format!(
        "SELECT c.customer_id, {}\nFROM customers c\n\
         LEFT JOIN product_usage u ON u.customer_id = c.customer_id\n\
         LEFT JOIN billing_accounts b ON b.customer_id = c.customer_id\n\
         LEFT JOIN support_desk s ON s.customer_id = c.customer_id",
        columns.join(", ")
    )
}

fn column(column: &Column) -> String {
    let table = match column.signal {
        Some("usage") => "u",
        Some("billing") => "b",
        Some(_) => "s",
        None => "c",
    };
    let name = column.name;
    match column.kind {
        Kind::Day => format!("{table}.{name} - DATE '1970-01-01'"),
        // The pack's default for whoever has no row there.
        Kind::Int if table == "s" => format!("COALESCE(s.{name}, 0)"),
        _ => format!("{table}.{name}"),
    }
}

fn cell(row: &PgRow, place: usize, kind: Kind) -> anyhow::Result<Dynamic> {
    let int = |number: i32| i64::from(number);
    Ok(match kind {
        Kind::Bool => row.try_get::<Option<bool>, _>(place)?.map(Dynamic::from),
        Kind::Int | Kind::Day => {
            row.try_get::<Option<i32>, _>(place)?.map(|number| Dynamic::from(int(number)))
        }
        Kind::Real => row.try_get::<Option<f64>, _>(place)?.map(Dynamic::from),
        Kind::Text => row.try_get::<Option<&str>, _>(place)?.map(|text| text.into()),
    }
    .unwrap_or(Dynamic::UNIT))
}
