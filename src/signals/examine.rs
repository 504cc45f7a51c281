//! What the database says about the signals in use, before anything is judged by them. A broken
//! signal is reported, and never spoils the others.

use std::collections::BTreeSet;

use super::lexer::Dialect;
use super::source::{Columns, Failure, RawColumn, View};
use super::{Column, ColumnKind, Examined, Signal, Signals, SourceError, compose, names};
use crate::domain::{Place, Problem, SignalName, Value, parse_instant};

/// What the customers' ids are, so that other signals' ids can be held against them.
struct Ids {
    /// In the database's own words, for people.
    type_name: String,
    family: &'static str,
}

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
        let ids = match self.query(signal) {
            Err(problem) => {
                problems.push(problem);
                None
            }
            Ok(query) => match self.describe(&query).await {
                Err(Failure::Gone(why)) => return Err(self.gone(Failure::Gone(why))),
                Err(failure) => {
                    problems.push(self.sql_problem(signal, &failure));
                    None
                }
                Ok(raw) => {
                    let checked = Described { signal, raw: &raw, dialect: self.dialect() };
                    checked.check(&mut problems);
                    let columns = raw.iter().map(|c| Column { name: c.name.clone(), kind: c.kind });
                    examined.columns.insert(signal.name.clone(), columns.collect());
                    if problems.is_empty() {
                        self.rows(&checked, &query, customers, examined, &mut problems).await?
                    } else {
                        None
                    }
                }
            },
        };
        if !problems.is_empty() {
            examined.problems.insert(signal.name.clone(), problems);
        }
        Ok(ids)
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
                problems.push(self.sql_problem(signal, &failure));
                return Ok(None);
            }
        };
        let ids = described.ids(&rows);
        if let Err(problem) = &ids {
            problems.push(problem.clone());
        }
        let ids = ids.ok().flatten();
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
        let typed = "CASE WHEN \"customer_id\" IS NOT NULL THEN typeof(\"customer_id\") END";
        let (inner, outer) = if sqlite {
            (format!(", MIN({typed}) AS lo, MAX({typed}) AS hi"), ", MIN(lo), MAX(hi)")
        } else {
            (String::new(), "")
        };
        let sql = format!(
            "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT), \
             CAST(COALESCE(SUM(CASE WHEN k IS NULL THEN n END), 0) AS BIGINT), \
             CAST(COALESCE(MAX(CASE WHEN k IS NOT NULL THEN n END), 0) AS BIGINT){outer} \
             FROM (SELECT {group} AS k, COUNT(*) AS n{inner} FROM (\n{query}\n) AS q GROUP BY {group}) AS g"
        );
        let mut row = Vec::new();
        self.stream(&sql, &[], &mut |columns: Columns| {
            row = columns.into_iter().filter_map(|mut column| column.pop()).collect();
        })
        .await?;
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
        self.stream(&sql, &[], &mut |columns: Columns| {
            found =
                columns.first().and_then(|c| c.first()).map(Value::to_string).unwrap_or_default();
        })
        .await?;
        Ok(found)
    }

    /// An SQL error at its place in the file.
    fn sql_problem(&self, signal: &Signal, failure: &Failure) -> Problem {
        let (Failure::Gone(message) | Failure::Sql { message, .. } | Failure::Cell { message, .. }) =
            failure;
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
        Problem::error(place, "sql-error", format!("{database} refuses the query: {message}"))
            .help("correct the query; it must run as it stands on the company's database")
    }
}

/// A signal and its columns as the database describes them.
struct Described<'a> {
    signal: &'a Signal,
    raw: &'a [RawColumn],
    dialect: Dialect,
}

impl Described<'_> {
    fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::error(Place::file(&self.signal.written(self.dialect).file), code, message)
    }

    fn column(&self, name: &str) -> Option<&RawColumn> {
        self.raw.iter().find(|column| column.name == name)
    }

    fn check(&self, problems: &mut Vec<Problem>) {
        let mut seen = BTreeSet::new();
        for column in self.raw {
            let name = &column.name;
            if !seen.insert(name.to_lowercase()) {
                problems.push(
                    self.problem("column-twice", format!("two columns are called `{name}`"))
                        .help("give one of them another name with AS, or leave it out"),
                );
            }
            if let Some((message, help)) = names::refused(name) {
                problems.push(self.problem("column-name", message).help(help));
            }
            if let Some(cast) = &column.cast {
                let message = format!(
                    "column `{name}` is of type {}, which no rule can read",
                    column.type_name
                );
                problems.push(self.problem("column-type", message).help(cast.replace("{}", name)));
            }
        }
        self.check_names(problems);
        self.check_defaults(problems);
    }

    fn check_names(&self, problems: &mut Vec<Problem>) {
        if self.column("customer_id").is_none() {
            let near = self.raw.iter().find(|c| c.name.eq_ignore_ascii_case("customer_id"));
            let help = match near {
                Some(near) => format!("write {} AS customer_id", compose::quoted(&near.name)),
                None => "say whose facts these are: SELECT … AS customer_id, …".to_owned(),
            };
            let message = "there is no column customer_id, so no one knows whose facts these are";
            problems.push(self.problem("no-customer-id", message).help(help));
        }
        let key = self.signal.key.iter().map(|name| ("key", name));
        let personal = self.signal.personal.iter().map(|name| ("personal", name));
        let defaults = self.signal.defaults.keys().map(|name| ("default", name));
        for (header, name) in key.chain(personal).chain(defaults) {
            if self.column(name).is_none() {
                let message =
                    format!("`-- {header}:` names `{name}`, which the query doesn't give");
                problems.push(self.problem("unknown-column", message).help(self.nearest(name)));
            }
        }
    }

    fn nearest(&self, name: &str) -> String {
        let distance = |column: &&RawColumn| strsim::damerau_levenshtein(&column.name, name);
        match self.raw.iter().min_by_key(distance).filter(|c| distance(c) <= 3) {
            Some(near) => format!("did you mean `{}`?", near.name),
            None => {
                let names: Vec<&str> = self.raw.iter().map(|c| c.name.as_str()).collect();
                format!("the query gives {}", names.join(", "))
            }
        }
    }

    fn check_defaults(&self, problems: &mut Vec<Problem>) {
        for (name, value) in &self.signal.defaults {
            let Some(column) = self.column(name) else { continue };
            if name == "customer_id" || !fits(value, column.kind) {
                let message = format!(
                    "the default of `{name}` is a {}, and the column is of type {}",
                    value.type_name(),
                    column.type_name
                );
                let help = "give the default the column's own type, or leave it out";
                problems.push(self.problem("default-type", message).help(help));
            }
        }
    }

    /// What kind of thing the ids are. Only texts and whole numbers can be ids.
    fn ids(&self, rows: &Rows) -> Result<Option<Ids>, Problem> {
        let Some(column) = self.column("customer_id") else { return Ok(None) };
        let type_name = match (&rows.stored, self.dialect) {
            (Some((low, high)), _) if low != high => {
                let message = format!("customer_id is {low} in some rows and {high} in others");
                let help = "write CAST(… AS TEXT) AS customer_id, here and in the other signals";
                return Err(self.problem("id-type", message).help(help));
            }
            (Some((stored, _)), _) => stored.clone(),
            // Not one row has an id, so there is nothing that could differ.
            (None, Dialect::Sqlite) => return Ok(None),
            (None, Dialect::Postgres) => column.type_name.clone(),
        };
        let family = match (self.dialect, type_name.as_str(), column.kind) {
            (Dialect::Sqlite, "text", _) => "text",
            (Dialect::Sqlite, "integer", _) => "whole number",
            (Dialect::Postgres, "uuid", _) => "UUID",
            (Dialect::Postgres, _, ColumnKind::Int) => "whole number",
            (Dialect::Postgres, _, ColumnKind::Text) => "text",
            _ => {
                let message =
                    format!("customer_id is {type_name}; an id is a text or a whole number");
                let help = match self.dialect {
                    Dialect::Sqlite => "write CAST(… AS TEXT) AS customer_id, or AS INTEGER",
                    Dialect::Postgres => "write …::text AS customer_id, or …::bigint",
                };
                return Err(self.problem("id-type", message).help(help));
            }
        };
        Ok(Some(Ids { type_name, family }))
    }

    fn ids_are_plain(&self) -> bool {
        let id = self.column("customer_id");
        id.is_some_and(|id| match self.dialect {
            Dialect::Sqlite => id.kind == ColumnKind::Text,
            Dialect::Postgres => {
                ["text", "varchar", "bpchar", "char", "name"].contains(&id.type_name.as_str())
            }
        })
    }

    fn other_type(&self, own: &Ids, theirs: &Ids) -> Problem {
        let message = format!(
            "customer_id is {} here and {} in customers.sql, so no row would find its customer",
            own.type_name, theirs.type_name
        );
        let cast = if theirs.family == "whole number" { "BIGINT" } else { "TEXT" };
        let help = format!("write CAST(… AS {cast}) AS customer_id in one of them");
        self.problem("id-type", message).help(help)
    }
}

/// Whether a default can stand in a column of this kind.
fn fits(value: &Value, kind: ColumnKind) -> bool {
    match (value, kind) {
        (_, ColumnKind::Unknown)
        | (Value::Null, _)
        | (Value::Bool(_), ColumnKind::Bool)
        | (Value::Int(_), ColumnKind::Int | ColumnKind::Float)
        | (Value::Float(_), ColumnKind::Float)
        | (Value::Text(_), ColumnKind::Text) => true,
        (Value::Text(text), ColumnKind::Date | ColumnKind::Instant) => {
            parse_instant(text).is_some()
        }
        _ => false,
    }
}

fn nameless(signal: &Signal, group: &str, rows: u64) -> Problem {
    let message = format!("{rows} of its rows have no {group}");
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
                "customer {twice} has more than one row (up to {most} a customer), and this signal \
                 has at most one"
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
