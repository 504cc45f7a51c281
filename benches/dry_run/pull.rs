//! A pull that can't be narrowed: every column of every customer, beside the least that anybody has
//! to do to have the same from the same database.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::TryStreamExt;
use lookout::domain::{About, Field, parse_instant};
use lookout::pack::Pack;
use lookout::signals::{Source, Wanted};
use rusqlite::types::ValueRef;
use sqlx::{Connection, PgConnection};

use super::measure::pack::SIGNALS;
use super::measure::rules::AS_OF;
use super::measure::{Database, watch};
use crate::evaluate::customer::{COLUMNS, Column, Kind};

/// Lookout's time and the bare one's, each the shortest of `rounds`.
pub async fn measure(
    pack: &Pack,
    database: &Database,
    customers: u64,
    rounds: u32,
) -> anyhow::Result<(Duration, Duration)> {
    let mut shortest = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let (time, rows) = by_lookout(pack, database).await?;
        ensure!(rows == customers, "Lookout pulled {rows} rows");
        shortest.0 = shortest.0.min(time);
        let (time, rows) = match database {
            Database::Sqlite(file) => watch(async { bare_sqlite(file) }).await?,
            Database::Postgres(url) => bare_copy(url).await?,
        };
        ensure!(rows == customers, "the bare pull gave {rows} rows");
        shortest.1 = shortest.1.min(time);
    }
    Ok(shortest)
}

/// Everything that Lookout's own pull is asked for stands here.
async fn by_lookout(pack: &Pack, database: &Database) -> anyhow::Result<(Duration, u64)> {
    let as_of = parse_instant(AS_OF).context("the run's instant")?;
    let mut view = Source::open(&database.address()).await?.view(as_of).await?;
    let in_use = pack.signals.others.keys().cloned().collect();
    let examined = view.examine(&pack.signals, &in_use).await?;
    let fields: BTreeSet<Field> = COLUMNS.iter().map(field).collect();
    let about = About::Customers;
    let wanted =
        Wanted { about: &about, fields: &fields, customer: None, subjects: None, conditions: None };
    watch(async {
        let mut rows = 0;
        let mut count = |batch: lookout::domain::Batch| rows += batch.len() as u64;
        view.pull(&pack.signals, &examined, &wanted, &mut count).await?;
        Ok(rows)
    })
    .await
}

fn field(column: &Column) -> Field {
    match column.signal {
        None => Field::Customer(column.name.to_owned()),
        Some(signal) => Field::Signal(signal.into(), column.name.to_owned()),
    }
}

/// The bytes of the same rows, as the server sends them; nobody looks at them.
async fn bare_copy(url: &str) -> anyhow::Result<(Duration, u64)> {
    let mut connection = PgConnection::connect(url).await?;
    let copy = format!("COPY ({}) TO STDOUT (FORMAT binary)", statement("TIMESTAMPTZ "));
    watch(async {
        let (mut bytes, mut messages) = (0, 0);
        let mut stream = connection.copy_out_raw(&copy).await?;
        while let Some(piece) = stream.try_next().await? {
            bytes += piece.len();
            messages += 1;
        }
        ensure!(bytes > 0, "COPY gave nothing");
        // The server sends a message a row, and one that says it is the end.
        Ok(messages - 1)
    })
    .await
}

/// One column of a batch.
enum Typed {
    Bool(Vec<Option<bool>>),
    Int(Vec<Option<i64>>),
    Real(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

/// Rows that are kept before they are thrown away.
const BATCH: usize = 4096;

/// The same rows through rusqlite, each cell into a vector of its type.
fn bare_sqlite(file: &std::path::Path) -> anyhow::Result<u64> {
    let connection = rusqlite::Connection::open(file)?;
    let mut statement = connection.prepare(&statement(""))?;
    let mut rows = statement.query([])?;
    let mut ids: Vec<i64> = Vec::with_capacity(BATCH);
    let mut columns: Vec<Typed> = COLUMNS.iter().map(typed).collect();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        if ids.len() == BATCH {
            ids.clear();
            columns.iter_mut().for_each(Typed::clear);
        }
        ids.push(row.get(0)?);
        for (place, column) in columns.iter_mut().enumerate() {
            column.push(row.get_ref(place + 1)?)?;
        }
        count += 1;
    }
    Ok(count)
}

fn typed(column: &Column) -> Typed {
    match column.kind {
        Kind::Bool => Typed::Bool(Vec::with_capacity(BATCH)),
        Kind::Int => Typed::Int(Vec::with_capacity(BATCH)),
        Kind::Real => Typed::Real(Vec::with_capacity(BATCH)),
        // SQLite has no dates; they are text.
        Kind::Text | Kind::Day => Typed::Text(Vec::with_capacity(BATCH)),
    }
}

impl Typed {
    fn push(&mut self, cell: ValueRef<'_>) -> anyhow::Result<()> {
        match self {
            Self::Bool(column) => column.push(cell.as_i64_or_null()?.map(|number| number != 0)),
            Self::Int(column) => column.push(cell.as_i64_or_null()?),
            Self::Real(column) => column.push(cell.as_f64_or_null()?),
            Self::Text(column) => column.push(cell.as_str_or_null()?.map(str::to_owned)),
        }
        Ok(())
    }

    fn clear(&mut self) {
        match self {
            Self::Bool(column) => column.clear(),
            Self::Int(column) => column.clear(),
            Self::Real(column) => column.clear(),
            Self::Text(column) => column.clear(),
        }
    }
}

/// All columns as one statement over the pack's signals, written out. `timestamp` stands before the
/// run's instant.
fn statement(timestamp: &str) -> String {
    let instant = format!("{timestamp}'{AS_OF}'");
    let signals: Vec<String> = SIGNALS
        .iter()
        .map(|(name, sql)| format!("pulled_{name} AS (\n{}\n)", sql.replace(":as_of", &instant)))
        .collect();
    let columns: Vec<String> = COLUMNS.iter().map(column).collect();
    format!(
        "WITH {}\nSELECT c.customer_id, {}\nFROM pulled_customers c\n\
         LEFT JOIN pulled_usage usage ON usage.customer_id = c.customer_id\n\
         LEFT JOIN pulled_billing billing ON billing.customer_id = c.customer_id\n\
         LEFT JOIN pulled_support support ON support.customer_id = c.customer_id",
        signals.join(",\n"),
        columns.join(", ")
    )
}

fn column(Column { name, signal, kind, .. }: &Column) -> String {
    match signal {
        None => format!("c.{name}"),
        Some("support") if *kind == Kind::Int => format!(
            "CASE WHEN support.customer_id IS NULL THEN 0 ELSE support.{name} END AS {name}"
        ),
        Some(signal) => format!("{signal}.{name}"),
    }
}
