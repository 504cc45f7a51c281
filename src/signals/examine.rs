//! What the database says about the signals in use, before anything is judged by them. A broken
//! signal is reported, and never spoils the others.

mod columns;
mod contents;
mod fill;
mod survey;
mod there;

use std::collections::BTreeSet;

use super::lexer::Dialect;
use super::source::{Failure, RawColumn, View};
use super::{Column, Examined, Signal, Signals, SourceError, compose};
use crate::domain::{Place, Problem, SignalName, Value};
use columns::{Described, Ids};
pub use fill::Fill;

/// The column that says whose a row is, as both dialects take it.
const OWN_ID: &str = "\"customer_id\"";

/// What one pass over a signal's rows shows.
#[derive(Default)]
struct Rows {
    count: u64,
    /// Rows without an id (a keyed signal: without a key).
    nameless: u64,
    /// The most rows that share one id (a keyed signal: one key).
    most: u64,
    /// SQLite, where each row may differ: the types in which `customer_id` is stored.
    stored: Option<(String, String)>,
}

/// A signal whose columns are as they must be.
struct Looked {
    query: String,
    raw: Vec<RawColumn>,
}

impl View {
    /// Asks the database about `customers` and each signal in use.
    ///
    /// # Errors
    /// Only where the database can't be asked at all; what is wrong with a signal is in the answer.
    pub async fn examine(
        &mut self,
        signals: &Signals,
        in_use: &BTreeSet<SignalName>,
    ) -> Result<Examined, SourceError> {
        let mut examined = Examined::default();
        let customers = &signals.customers;
        let ids = self.signal(customers, None, &mut examined).await?;
        for name in in_use {
            let Some(signal) = signals.others.get(name) else { continue };
            self.signal(signal, ids.as_ref(), &mut examined).await?;
        }
        clashes(signals, in_use, &mut examined);
        Ok(examined)
    }

    /// Examines one signal; gives what its ids are.
    async fn signal(
        &mut self,
        signal: &Signal,
        customers: Option<&Ids>,
        examined: &mut Examined,
    ) -> Result<Option<Ids>, SourceError> {
        let mut problems = Vec::new();
        let ids = match self.look_at(signal, examined, &mut problems).await? {
            Some(Looked { query, raw }) => {
                let described = Described { signal, raw: &raw, dialect: self.dialect() };
                self.rows(&described, &query, customers, examined, &mut problems).await?
            }
            None => None,
        };
        if !problems.is_empty() {
            examined.problems.insert(signal.name.clone(), problems);
        }
        Ok(ids)
    }

    /// What the database says of a signal without reading a row; none where something is wrong.
    async fn look_at(
        &mut self,
        signal: &Signal,
        examined: &mut Examined,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Looked>, SourceError> {
        let query = match self.query(signal) {
            Ok(query) => query,
            Err(problem) => {
                problems.push(*problem);
                return Ok(None);
            }
        };
        let raw = match self.describe(&query).await {
            Ok(raw) => raw,
            Err(Failure::Gone(why)) => return Err(self.gone(Failure::Gone(why))),
            Err(failure) => {
                problems.push(self.sql_problem(signal, &failure).await);
                return Ok(None);
            }
        };
        Described { signal, raw: &raw, dialect: self.dialect() }.check(problems);
        let columns = raw.iter().map(Column::described).collect();
        examined.columns.insert(signal.name.clone(), columns);
        Ok(problems.is_empty().then_some(Looked { query, raw }))
    }

    /// Looks at the rows: how many, whose, and whether one stands where one belongs.
    async fn rows(
        &mut self,
        described: &Described<'_>,
        query: &str,
        customers: Option<&Ids>,
        examined: &mut Examined,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Ids>, SourceError> {
        let signal = described.signal;
        let group = compose::quoted(signal.key.as_deref().unwrap_or("customer_id"));
        let rows = match self.count(query, &group).await {
            Ok(rows) => rows,
            Err(Failure::Gone(why)) => return Err(self.gone(Failure::Gone(why))),
            Err(failure) => {
                problems.push(self.sql_problem(signal, &failure).await);
                return Ok(None);
            }
        };
        let ids = described.ids(rows.stored.as_ref(), problems);
        examined.rows.insert(signal.name.clone(), rows.count);
        let is_spine = signal.name.as_str() == "customers";
        if is_spine {
            examined.customers = rows.count;
            examined.plain_ids = described.ids_are_plain();
        }
        if let (Some(own), Some(theirs)) = (&ids, customers)
            && own.family != theirs.family
        {
            problems.push(described.other_type(own, theirs));
        }
        if rows.nameless > 0 && (is_spine || signal.key.is_some()) {
            problems.push(nameless(signal, &group, rows.nameless));
        }
        if rows.most > 1 {
            let twice = self.twice(query, &group).await.map_err(|failure| self.gone(failure))?;
            problems.push(doubled(signal, &twice, rows.most));
        }
        Ok(ids)
    }

    async fn count(&mut self, query: &str, group: &str) -> Result<Rows, Failure> {
        let sqlite = self.dialect() == Dialect::Sqlite;
        let typed = |id: &str| format!("CASE WHEN {id} IS NOT NULL THEN typeof({id}) END");
        let (inner, outer) = if !sqlite {
            (String::new(), String::new())
        } else if group == OWN_ID {
            // Equal ids are of one type, or there are two where one is allowed; so once a group.
            (String::new(), format!(", MIN({0}), MAX({0})", typed("k")))
        } else {
            let own = typed(OWN_ID);
            (format!(", MIN({own}) AS lo, MAX({own}) AS hi"), ", MIN(lo), MAX(hi)".to_owned())
        };
        let sql = format!(
            "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT), \
             CAST(COALESCE(SUM(CASE WHEN k IS NULL THEN n END), 0) AS BIGINT), \
             CAST(COALESCE(MAX(CASE WHEN k IS NOT NULL THEN n END), 0) AS BIGINT){outer} \
             FROM (SELECT {group} AS k, COUNT(*) AS n{inner} FROM (\n{query}\n) AS q GROUP BY {group}) AS g"
        );
        let mut row = Vec::new();
        self.stream(&sql, &[], &mut |rows| row = rows.first()).await?;
        let number = |at: usize| match row.get(at) {
            Some(Value::Int(number)) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        let stored = match (row.get(3), row.get(4)) {
            (Some(Value::Text(low)), Some(Value::Text(high))) => Some((low.clone(), high.clone())),
            _ => None,
        };
        Ok(Rows { count: number(0), nameless: number(1), most: number(2), stored })
    }

    /// The first id or key that several rows share.
    async fn twice(&mut self, query: &str, group: &str) -> Result<String, Failure> {
        let sql = format!(
            "SELECT CAST(k AS TEXT) FROM (SELECT {group} AS k FROM (\n{query}\n) AS q \
             WHERE {group} IS NOT NULL GROUP BY {group} HAVING COUNT(*) > 1) AS g ORDER BY 1 LIMIT 1"
        );
        let mut found = String::new();
        self.stream(&sql, &[], &mut |rows| {
            found = rows.first().first().map(Value::to_string).unwrap_or_default();
        })
        .await?;
        Ok(found)
    }

    /// An SQL error at its place in the file.
    async fn sql_problem(&mut self, signal: &Signal, failure: &Failure) -> Problem {
        let (Failure::Gone(message) | Failure::Sql { message, .. }) = failure;
        let written = signal.written(self.dialect());
        if self.snapshot {
            return Problem::error(
                Place::file(&signal.file),
                "not-in-snapshot",
                format!("the snapshot has nothing that fits this signal: {message}"),
            )
            .help("take a new snapshot with this pack");
        }
        let place = match (failure, &written.query) {
            (Failure::Sql { offset: Some(offset), .. }, Ok(query)) => {
                written.place(query, *offset, self.as_of, self.dialect())
            }
            _ => Place::file(&written.file),
        };
        let database = match self.dialect() {
            Dialect::Sqlite => "SQLite",
            Dialect::Postgres => "PostgreSQL",
        };
        let usual = "correct the query; it must run as it stands on the company's database";
        let help = self.there(signal, message).await.unwrap_or_else(|| usual.to_owned());
        Problem::error(place, "sql-error", format!("{database} refuses the query: {message}"))
            .help(help)
    }
}

fn nameless(signal: &Signal, group: &str, rows: u64) -> Problem {
    let rows = if rows == 1 {
        "one of its rows has".to_owned()
    } else {
        format!("{rows} of its rows have")
    };
    let message = format!("{rows} no {}", group.trim_matches('"'));
    Problem::error(Place::file(&signal.file), "no-id", message)
        .help(format!("leave them out: WHERE {group} IS NOT NULL"))
}

fn doubled(signal: &Signal, twice: &str, most: u64) -> Problem {
    let place = Place::file(&signal.file);
    match &signal.key {
        Some(key) => {
            let message = format!("several rows have the key {key} = {twice}; a key names one row");
            Problem::error(place, "key-twice", message)
                .help("choose a column that tells all rows apart, or group the rows")
        }
        None => {
            let message = format!(
                "customer {twice} has more than one row, where one a customer is allowed (the most \
                 that one has: {most})"
            );
            let help = if signal.name.as_str() == "customers" {
                "one row a customer: add GROUP BY customer_id, or correct the join"
            } else {
                "add GROUP BY customer_id; or, if each row is a thing of its own, a line `-- key: …`"
            };
            Problem::error(place, "two-rows", message).help(help)
        }
    }
}

/// A column of `customers` that bears a signal's name would hide the signal, or be hidden.
fn clashes(signals: &Signals, in_use: &BTreeSet<SignalName>, examined: &mut Examined) {
    let columns: BTreeSet<String> = examined
        .columns
        .get(&signals.customers.name)
        .into_iter()
        .flatten()
        .map(|column| column.name.clone())
        .collect();
    for name in in_use {
        let Some(signal) = signals.others.get(name).filter(|signal| signal.key.is_none()) else {
            continue;
        };
        if columns.contains(name.as_str()) {
            let message =
                format!("`customer.{name}` is both this signal and a column of customers");
            let problem = Problem::error(Place::file(&signal.file), "name-clash", message)
                .help("give the file or the column another name");
            examined.problems.entry(name.clone()).or_default().push(problem);
        }
    }
}
