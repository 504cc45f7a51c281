//! Signals on real databases: the same files give the same values on SQLite, on PostgreSQL and
//! from snapshots of either.

mod kinds;
mod narrowing;
mod pooler;
mod reading;
mod refusals;
mod snapshots;

use std::collections::BTreeSet;
use std::path::PathBuf;

use lookout::domain::{
    About, Batch, CustomerId, Field, Instant, Problem, SignalName, Value, parse_instant,
};
use lookout::signals::{self, Examined, Pulled, Signals, Source, SourceError, View, Wanted};
use tempfile::TempDir;

use crate::support::postgres;

/// The instant of every test.
fn as_of() -> Instant {
    parse_instant("1998-05-07T09:00:00Z").unwrap()
}

/// A pack's signals in a folder of its own, beside a SQLite database.
struct Shop {
    folder: TempDir,
}

impl Shop {
    fn new(signals: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("signals")).unwrap();
        for (name, sql) in signals {
            std::fs::write(folder.path().join("signals").join(name), sql).unwrap();
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn signals(&self) -> Signals {
        let mut problems = Vec::new();
        let signals = signals::load(&self.path("signals"), &mut problems);
        problems.retain(|p| p.code != "knows-the-future");
        assert_eq!(problems, []);
        signals.unwrap()
    }

    /// Runs statements on the SQLite database, which is made by the first ones.
    fn sqlite(&self, sql: &str) -> String {
        let file = self.path("shop.db");
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        format!("sqlite:{}", file.display())
    }
}

async fn postgres(sql: &str) -> String {
    let url = postgres::database().await;
    postgres::execute(&url, sql).await;
    url
}

async fn view(url: &str) -> View {
    Source::open(url).await.unwrap().view(as_of()).await.unwrap()
}

fn all(signals: &Signals) -> BTreeSet<SignalName> {
    signals.others.keys().cloned().collect()
}

/// What is wrong with one signal: codes, and the whole of it for people.
fn problems<'a>(examined: &'a Examined, signal: &str) -> &'a [Problem] {
    examined.problems.get(&SignalName::from(signal)).map(Vec::as_slice).unwrap_or_default()
}

fn codes(examined: &Examined, signal: &str) -> Vec<&'static str> {
    problems(examined, signal).iter().map(|p| p.code).collect()
}

fn customer(column: &str) -> Field {
    Field::Customer(column.to_owned())
}

fn subject(column: &str) -> Field {
    Field::Subject(column.to_owned())
}

fn of(signal: &str, column: &str) -> Field {
    Field::Signal(SignalName::from(signal), column.to_owned())
}

/// Every customer, with these fields.
fn everybody(fields: &BTreeSet<Field>) -> Wanted<'_> {
    Wanted { about: &About::Customers, fields, customer: None, subjects: None, conditions: None }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// Every row that a pull gives, sorted by its text, with what the pull says of itself.
async fn pull(
    view: &mut View,
    signals: &Signals,
    examined: &Examined,
    about: About,
    fields: &[Field],
    only: Option<&str>,
) -> Result<(Vec<Vec<Value>>, Pulled), SourceError> {
    let mut rows = Vec::new();
    let fields = fields.iter().cloned().collect();
    let only = only.map(CustomerId::from);
    let mut take = |batch: Batch| {
        assert!(batch.columns.iter().all(|column| column.len() == batch.len()));
        for row in 0..batch.len() {
            rows.push(batch.columns.iter().map(|column| column.value(row)).collect());
        }
    };
    let wanted = Wanted {
        about: &about,
        fields: &fields,
        customer: only.as_ref(),
        subjects: None,
        conditions: None,
    };
    let pulled = view.pull(signals, examined, &wanted, &mut take).await?;
    rows.sort_by_key(|row: &Vec<Value>| format!("{row:?}"));
    assert_eq!(rows.len() as u64, pulled.rows);
    Ok((rows, pulled))
}
