//! A snapshot: every signal's rows at an instant, in one SQLite file that is read like any source.
//! A file that is there is never overwritten, and a masked one holds no name, address or note.

mod mask;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use chrono::SubsecRound;
use rusqlite::Connection;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::source::{Failure, Rows, View};
use super::sqlite::Sqlite;
use super::{Column, ColumnKind, Examined, Signal, Signals, SourceError, compose};
use crate::domain::{
    About, Facts, Field, Instant, SignalName, Value, format_instant, parse_instant,
};
use mask::Mask;

/// What this binary writes and reads.
const VERSION: i64 = 1;
const META: &str = "\"lookout:snapshot\"";

/// How a snapshot is to be written.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotOptions<'a> {
    /// Whether personal data is replaced.
    pub mask: bool,
    /// Fields that rules or templates read, every one under the name of the signal that gives it:
    /// their texts stay as they are when masked.
    pub keep: &'a BTreeSet<Field>,
    /// The pack's hash.
    pub pack: &'a str,
    /// The instant of the facts.
    pub as_of: Instant,
    /// When the snapshot was taken, by the wall clock.
    pub taken_at: Instant,
}

/// What a snapshot holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotReport {
    /// Rows of each signal.
    pub rows: Vec<(SignalName, u64)>,
    /// Columns whose values were replaced.
    pub masked: Vec<(SignalName, String)>,
    /// Personal columns that are no text and that rules read: a stand-in would change what they
    /// decide, so the values stayed.
    pub left: Vec<(SignalName, String)>,
}

/// What a snapshot says of itself.
#[derive(Clone, Debug)]
pub(super) struct Meta {
    pub(super) as_of: Instant,
    pub(super) taken_at: String,
    pub(super) pack: String,
    pub(super) masked: bool,
}

/// Writes every signal that `examined` knows into a new file.
///
/// # Errors
/// The source can't be read, a signal is broken, or the file is there already or can't be written.
/// Nothing is left behind then.
pub async fn save(
    view: &mut View,
    signals: &Signals,
    examined: &Examined,
    file: &Path,
    options: SnapshotOptions<'_>,
) -> Result<SnapshotReport, SourceError> {
    let problems: Vec<_> = examined.problems.values().flatten().cloned().collect();
    if !problems.is_empty() {
        return Err(SourceError::Signals(problems));
    }
    let mut snapshot = Unfinished::begin(file)?;
    let mut mask = Mask::new(options.taken_at);
    let mut report = SnapshotReport::default();
    for (name, columns) in &examined.columns {
        let Some(signal) = signals.get(name) else { continue };
        let plan: Vec<mask::Stand> =
            columns.iter().map(|column| mask::plan(signals, signal, column, &options)).collect();
        for (column, stand) in columns.iter().zip(&plan) {
            match stand {
                mask::Stand::Keep => {}
                mask::Stand::Unmaskable => report.left.push((name.clone(), column.name.clone())),
                _ => report.masked.push((name.clone(), column.name.clone())),
            }
        }
        let rows = snapshot.copy(view, signal, columns, &plan, &mut mask).await?;
        report.rows.push((name.clone(), rows));
    }
    snapshot.finish(&options)?;
    Ok(report)
}

/// The facts of one customer, as a snapshot with these options would hold them.
pub fn masked(
    signals: &Signals,
    about: &About,
    facts: &Facts,
    options: &SnapshotOptions<'_>,
) -> Facts {
    mask::facts(signals, about, facts, options)
}

/// A snapshot under way, in a file beside the one that it will be.
struct Unfinished {
    connection: Connection,
    part: PathBuf,
    file: PathBuf,
    done: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.done {
            // What can't be removed is a file that nobody reads.
            drop(std::fs::remove_file(&self.part));
        }
    }
}

impl Unfinished {
    fn begin(file: &Path) -> Result<Self, SourceError> {
        if file.exists() {
            let message = format!("{} is there already; choose another name", file.display());
            return Err(SourceError::Write(message));
        }
        let mut part = file.as_os_str().to_owned();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        let unwritable = |error: &dyn std::fmt::Display| {
            SourceError::Write(format!("{} can't be written: {error}", file.display()))
        };
        // A file of a run that was killed; rows would be added to it.
        if part.exists() {
            std::fs::remove_file(&part).map_err(|error| unwritable(&error))?;
        }
        let connection = Connection::open(&part).map_err(|error| unwritable(&error))?;
        let unfinished = Self { connection, part, file: file.to_owned(), done: false };
        let begin = format!(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; \
             CREATE TABLE {META} (version INTEGER, as_of TEXT, pack TEXT, taken_at TEXT, masked INTEGER)"
        );
        unfinished.run(|connection| connection.execute_batch(&begin))?;
        Ok(unfinished)
    }

    fn run<T>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, SourceError> {
        write(&self.connection).map_err(|error| {
            SourceError::Write(format!("{} can't be written: {error}", self.file.display()))
        })
    }

    /// Copies one signal's rows, masked as planned.
    async fn copy(
        &mut self,
        view: &mut View,
        signal: &Signal,
        columns: &[Column],
        plan: &[mask::Stand],
        mask: &mut Mask,
    ) -> Result<u64, SourceError> {
        let table = compose::quoted(signal.name.as_str());
        let declared: Vec<String> = columns
            .iter()
            .map(|column| format!("{} {}", compose::quoted(&column.name), declared(column.kind)))
            .collect();
        let create = format!("CREATE TABLE {table} ({})", declared.join(", "));
        self.run(|connection| connection.execute_batch(&create))?;
        let places = vec!["?"; columns.len()].join(", ");
        let insert = format!("INSERT INTO {table} VALUES ({places})");
        let query = view.query(signal).map_err(|problem| SourceError::Signals(vec![*problem]))?;
        let kinds: Vec<ColumnKind> = columns.iter().map(|column| column.kind).collect();
        let mut rows = 0;
        let mut written = Ok(());
        let connection = &mut self.connection;
        let mut broken = None;
        let mut sink = |rows_read: Rows| {
            let batch = rows_read.columns;
            broken = broken.take().or(rows_read.broken.into_iter().next());
            let length = batch.first().map_or(0, crate::domain::Column::len);
            rows += length as u64;
            if written.is_ok() {
                let cells = (0..length).map(|row| {
                    batch
                        .iter()
                        .zip(plan)
                        .map(|(column, stand)| mask.stand_in(column.value(row), *stand))
                        .collect()
                });
                written = insert_rows(connection, &insert, cells);
            }
        };
        let streamed = view.stream(&compose::whole(&query, columns), &kinds, &mut sink).await;
        self.run(|_| written)?;
        match streamed {
            Ok(()) => match broken {
                None => Ok(rows),
                Some(refused) => {
                    let name = &columns[refused.column].name;
                    let message = format!("column `{name}` {}", refused.said(name));
                    let place = crate::domain::Place::file(&signal.file);
                    let problem = crate::domain::Problem::error(place, "refused-value", message);
                    Err(SourceError::Signals(vec![problem]))
                }
            },
            Err(Failure::Sql { message, .. }) => {
                let place = crate::domain::Place::file(&signal.file);
                let problem = crate::domain::Problem::error(place, "sql-error", message);
                Err(SourceError::Signals(vec![problem]))
            }
            Err(failure) => Err(view.gone(failure)),
        }
    }

    fn finish(mut self, options: &SnapshotOptions<'_>) -> Result<(), SourceError> {
        let meta = (
            VERSION,
            format_instant(&options.as_of),
            options.pack,
            format_instant(&options.taken_at.trunc_subsecs(0)),
            options.mask,
        );
        self.run(|connection| {
            connection.execute(&format!("INSERT INTO {META} VALUES (?, ?, ?, ?, ?)"), meta)?;
            connection.execute_batch("COMMIT")
        })?;
        // A link, unlike a renaming, fails where somebody else made the file meanwhile.
        let linked = std::fs::hard_link(&self.part, &self.file);
        let moved = linked.or_else(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => Err(error),
            _ => {
                self.done = true;
                std::fs::rename(&self.part, &self.file)
            }
        });
        moved.map_err(|error| {
            SourceError::Write(format!("{} can't be written: {error}", self.file.display()))
        })
    }
}

fn insert_rows(
    connection: &mut Connection,
    insert: &str,
    rows: impl Iterator<Item = Vec<Value>>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(insert)?;
    for row in rows {
        statement.execute(rusqlite::params_from_iter(row.iter().map(Cell)))?;
    }
    Ok(())
}

struct Cell<'a>(&'a Value);

impl rusqlite::ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Integer((*value).into()),
            Value::Int(value) => ValueRef::Integer(*value),
            // SQLite has no NaN and would write NULL, which a rule reads otherwise.
            Value::Float(value) if value.is_nan() => ValueRef::Text(b"NaN"),
            Value::Float(value) => ValueRef::Real(*value),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

/// The declared type that reads back as the same kind, and stores each value as it is.
fn declared(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Bool => "BOOLEAN",
        ColumnKind::Int => "INTEGER",
        ColumnKind::Float => "REAL",
        ColumnKind::Text => "TEXT",
        ColumnKind::Date => "DATE",
        ColumnKind::Instant => "TIMESTAMP",
        ColumnKind::Unknown => "",
    }
}

/// Reads what a snapshot says of itself; a file that is none, or of a newer version, is refused.
pub(super) async fn meta(sqlite: &mut Sqlite, file: &Path) -> Result<Meta, SourceError> {
    let sql = format!("SELECT version, as_of, pack, taken_at, masked FROM {META}");
    let mut row = Vec::new();
    let kinds =
        [ColumnKind::Int, ColumnKind::Text, ColumnKind::Text, ColumnKind::Text, ColumnKind::Bool];
    let read = sqlite.stream(sql, kinds.to_vec(), &mut |rows: Rows| row = rows.first()).await;
    let none = || {
        SourceError::Usage(format!(
            "{} is no snapshot; make one with `lookout snapshot save`, or write sqlite:{} if it is \
             the database itself",
            file.display(),
            file.display()
        ))
    };
    read.map_err(|_| none())?;
    let text = |at: usize| row.get(at).map(Value::to_string).unwrap_or_default();
    match row.first() {
        Some(Value::Int(VERSION)) => {}
        Some(Value::Int(_)) => {
            return Err(SourceError::Usage(format!(
                "{} was written by another version of Lookout; take a new snapshot",
                file.display()
            )));
        }
        _ => return Err(none()),
    }
    Ok(Meta {
        as_of: parse_instant(&text(1)).ok_or_else(none)?,
        pack: text(2),
        taken_at: text(3),
        masked: row.get(4) == Some(&Value::Bool(true)),
    })
}
