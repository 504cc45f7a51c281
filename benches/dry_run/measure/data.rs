//! A made-up company's tables, generated from a fixed seed, the same on every machine and database.
//! No row of them is anybody's.

use std::fmt::Write as _;
use std::path::Path;

use chrono::{Days, NaiveDate};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// The tables; both databases take the same text.
const SCHEMA: &str = "
CREATE TABLE customers (customer_id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL,
    email TEXT, phone TEXT, locale TEXT, timezone TEXT, preferred_channel TEXT, owner TEXT,
    consents TEXT, refusals TEXT, plan TEXT NOT NULL, registered_on DATE NOT NULL,
    seats INTEGER NOT NULL, country TEXT NOT NULL);
CREATE TABLE product_usage (customer_id BIGINT NOT NULL PRIMARY KEY, counted_on DATE NOT NULL,
    last_login DATE, logins INTEGER NOT NULL, logins_before INTEGER NOT NULL,
    exports INTEGER NOT NULL, api_errors INTEGER NOT NULL,
    storage_share DOUBLE PRECISION NOT NULL, invited INTEGER NOT NULL);
CREATE TABLE billing_accounts (customer_id BIGINT NOT NULL PRIMARY KEY, counted_on DATE NOT NULL,
    monthly DOUBLE PRECISION NOT NULL, overdue DOUBLE PRECISION NOT NULL, oldest_invoice DATE,
    failed_payments INTEGER NOT NULL, renews_on DATE NOT NULL, auto_renew BOOLEAN NOT NULL,
    discount DOUBLE PRECISION NOT NULL);
CREATE TABLE support_desk (customer_id BIGINT NOT NULL PRIMARY KEY, counted_on DATE NOT NULL,
    open INTEGER NOT NULL, urgent INTEGER NOT NULL, reopened INTEGER NOT NULL,
    oldest_open DATE, last_answer DATE, satisfaction DOUBLE PRECISION,
    complaints INTEGER NOT NULL);
";

const TABLES: [&str; 4] = ["customers", "product_usage", "billing_accounts", "support_desk"];

/// Rows that go to a server in one piece.
const PIECE: usize = 5000;

/// One cell.
enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    Text(String),
}

/// Makes the tables in a SQLite file that is not there yet.
pub fn fill_sqlite(file: &Path, customers: u64) -> anyhow::Result<()> {
    let mut connection = rusqlite::Connection::open(file)?;
    connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    let writing = connection.transaction()?;
    // SQLite keeps rows in the order of a key only where its type is spelt INTEGER.
    writing.execute_batch(&SCHEMA.replace("BIGINT NOT NULL", "INTEGER NOT NULL"))?;
    for (table, name) in TABLES.iter().enumerate() {
        let mut random = Random::new(table);
        let mut insert = None;
        for id in 1..=customers {
            let Some(row) = row(table, id, &mut random) else { continue };
            if insert.is_none() {
                let places = vec!["?"; row.len()].join(", ");
                insert = Some(writing.prepare(&format!("INSERT INTO {name} VALUES ({places})"))?);
            }
            if let Some(insert) = &mut insert {
                insert.execute(rusqlite::params_from_iter(row))?;
            }
        }
    }
    writing.commit()?;
    Ok(connection.execute_batch("ANALYZE")?)
}

/// Makes the tables in an empty database of a PostgreSQL server.
pub async fn fill_postgres(url: &str, customers: u64) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    connection.execute(sqlx::raw_sql(SCHEMA)).await?;
    for (table, name) in TABLES.iter().enumerate() {
        let mut random = Random::new(table);
        let mut copy = connection.copy_in_raw(&format!("COPY {name} FROM STDIN")).await?;
        let mut piece = String::new();
        for id in 1..=customers {
            if let Some(row) = row(table, id, &mut random) {
                write_line(&mut piece, &row)?;
            }
            if piece.len() > PIECE * 100 || id == customers {
                copy.send(std::mem::take(&mut piece).into_bytes()).await?;
            }
        }
        copy.finish().await?;
        let vacuum = format!("VACUUM ANALYZE {name}");
        connection.execute(sqlx::raw_sql(AssertSqlSafe(vacuum))).await?;
    }
    Ok(())
}

/// A row as COPY reads it; no text here has anything to escape.
fn write_line(line: &mut String, row: &[Cell]) -> std::fmt::Result {
    for (number, cell) in row.iter().enumerate() {
        if number > 0 {
            line.push('\t');
        }
        match cell {
            Cell::Null => line.push_str("\\N"),
            Cell::Bool(value) => write!(line, "{value}")?,
            Cell::Int(value) => write!(line, "{value}")?,
            Cell::Real(value) => write!(line, "{value:?}")?,
            Cell::Text(value) => line.push_str(value),
        }
    }
    line.push('\n');
    Ok(())
}

/// The row of a customer in a table, if there is one.
fn row(table: usize, id: u64, random: &mut Random) -> Option<Vec<Cell>> {
    let mut row = vec![Cell::Int(id as i64)];
    match table {
        0 => customer(id, random, &mut row),
        1 => usage(random, &mut row),
        2 => billing(random, &mut row),
        _ => {
            if !random.percent(40) {
                return None;
            }
            support(random, &mut row);
        }
    }
    Some(row)
}

fn customer(id: u64, random: &mut Random, row: &mut Vec<Cell>) {
    let locales = ["en", "en-GB", "de-DE", "nl-NL", "th-TH"];
    let zones = ["Europe/London", "Europe/Berlin", "Asia/Bangkok", "America/New_York", "UTC"];
    let plans = ["free", "free", "free", "free", "free", "basic", "basic", "basic", "business"];
    let countries = ["DE", "NL", "GB", "US", "TH", "FR", "ES", "IT", "SE", "PL"];
    let plan = if random.percent(4) { "enterprise" } else { random.pick(plans) };
    row.extend([
        text(format!("Customer {id}")),
        text(format!("person{id}@example.com")),
        if random.percent(60) { text(format!("+4420{:08}", id % 100_000_000)) } else { Cell::Null },
        text(random.pick(locales)),
        text(random.pick(zones)),
        text("email"),
        text(format!("owner{}@example.com", random.between(0, 40))),
        text(random.pick(["", "service", "service, offers", "*"])),
        if random.percent(3) { text("service") } else { Cell::Null },
        text(plan),
        days_ago(random.between(0, 2000)),
        Cell::Int(random.between(1, 201)),
        text(random.pick(countries)),
    ]);
}

fn usage(random: &mut Random, row: &mut Vec<Cell>) {
    let quiet = random.between(0, 20) * random.between(0, 12);
    row.extend([
        days_ago(0),
        if random.percent(5) { Cell::Null } else { days_ago(quiet) },
        Cell::Int(random.between(0, 60)),
        Cell::Int(random.between(0, 60)),
        Cell::Int(random.between(0, 20)),
        Cell::Int(random.between(0, 100)),
        Cell::Real(random.between(0, 1000) as f64 / 1000.0),
        Cell::Int(random.between(0, 10)),
    ]);
}

fn billing(random: &mut Random, row: &mut Vec<Cell>) {
    let owes = random.percent(10);
    row.extend([
        days_ago(0),
        Cell::Real(random.between(0, 50_000) as f64 / 100.0),
        Cell::Real(if owes { random.between(100, 100_000) as f64 / 100.0 } else { 0.0 }),
        if owes { days_ago(random.between(0, 100)) } else { Cell::Null },
        Cell::Int(random.between(0, 4)),
        days_ago(-random.between(0, 365)),
        Cell::Bool(random.percent(80)),
        Cell::Real(random.between(0, 50) as f64 / 100.0),
    ]);
}

fn support(random: &mut Random, row: &mut Vec<Cell>) {
    let open = random.between(0, 6);
    row.extend([
        days_ago(0),
        Cell::Int(open),
        Cell::Int(random.between(0, 4)),
        Cell::Int(random.between(0, 4)),
        if open > 0 { days_ago(random.between(0, 40)) } else { Cell::Null },
        if random.percent(20) { Cell::Null } else { days_ago(random.between(0, 30)) },
        if random.percent(50) {
            Cell::Real(random.between(10, 51) as f64 / 10.0)
        } else {
            Cell::Null
        },
        Cell::Int(random.between(0, 4)),
    ]);
}

fn text(text: impl Into<String>) -> Cell {
    Cell::Text(text.into())
}

/// A date so many days before the run.
fn days_ago(days: i64) -> Cell {
    let today = NaiveDate::from_ymd_opt(2024, 5, 7).unwrap_or_default();
    let by = Days::new(days.unsigned_abs());
    let day = if days < 0 { today + by } else { today - by };
    Cell::Text(day.to_string())
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Bool(value) => ValueRef::Integer((*value).into()),
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
        }))
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014), with a sequence of its own for each table.
pub struct Random(u64);

impl Random {
    /// The sequence of a table.
    pub fn new(table: usize) -> Self {
        Self(0x2024_0507 ^ (table as u64).wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` up to and without `high`, which is larger.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.next() % high.abs_diff(low)) as i64
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, share: i64) -> bool {
        self.between(0, 100) < share
    }

    /// One of these.
    pub fn pick<const N: usize>(&mut self, from: [&'static str; N]) -> &'static str {
        from[(self.next() % N as u64) as usize]
    }
}
