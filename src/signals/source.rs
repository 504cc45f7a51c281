//! A company's database, and one consistent view of it. Whatever kind it is, all of it is read
//! through here; a view ends without a trace.

use std::path::{Path, PathBuf};

use sqlx::postgres::PgConnectOptions;

use super::compose::{self};
use super::lexer::Dialect;
use super::postgres::{self, Postgres};
use super::snapshot::{self, Meta};
use super::sqlite::Sqlite;
use super::{ColumnKind, Signal, SourceError};
use crate::domain::{Column, Instant, Problem, Value, format_instant};

/// Rows a batch.
pub(super) const BATCH: usize = 4096;

/// Some rows as they were read.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) columns: Vec<Column>,
    pub(super) broken: Vec<Refused>,
}

/// A cell that no rule can read; it stands as absent among the others. `{}` in `help` stands for the
/// column.
pub(super) struct Refused {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) message: String,
    pub(super) help: String,
}

impl Rows {
    /// No rows, of so many columns.
    pub(super) fn empty(columns: usize) -> Self {
        Self { columns: vec![Column::default(); columns], broken: Vec::new() }
    }

    /// The first row, by column.
    pub(super) fn first(self) -> Vec<Value> {
        self.columns.iter().filter(|column| !column.is_empty()).map(|c| c.value(0)).collect()
    }
}

/// Why a query gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database can't be asked.
    Gone(String),
    /// The query is wrong, at this byte.
    Sql { message: String, offset: Option<usize> },
}

impl Failure {
    pub(super) fn sql(message: &str, offset: Option<usize>) -> Self {
        Self::Sql { message: message.to_owned(), offset }
    }
}

/// A column as the database describes it.
pub(super) struct RawColumn {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
    /// In the database's own words.
    pub(super) type_name: String,
    /// For a type that no rule can read: what helps; `{}` stands for the column.
    pub(super) cast: Option<String>,
}

impl super::Column {
    pub(super) fn described(raw: &RawColumn) -> Self {
        let (name, type_name) = (raw.name.clone(), raw.type_name.clone());
        Self { name, kind: raw.kind, type_name }
    }
}

/// Where a pack's facts come from.
#[derive(Clone, Debug)]
pub struct Source(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
    Snapshot(PathBuf, Meta),
}

impl Source {
    /// Reads an address: `sqlite:FILE`, `postgres://…` or `snapshot:FILE`.
    ///
    /// A file that is not there is an error and is never made; a server is called only by [`Source::view`].
    pub async fn open(url: &str) -> Result<Self, SourceError> {
        if let Some(file) = file(url, "sqlite:") {
            return Ok(Self(Kind::Sqlite(existing(&file, "database")?)));
        }
        if let Some(file) = file(url, "snapshot:") {
            let file = existing(&file, "snapshot")?;
            let mut sqlite = Sqlite::open(&file).await.map_err(|f| gone(&file_name(&file), f))?;
            let meta = snapshot::meta(&mut sqlite, &file).await?;
            return Ok(Self(Kind::Snapshot(file, meta)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = postgres::options(url).map_err(|error| {
                SourceError::Usage(format!("the source's address can't be read: {error}"))
            })?;
            return Ok(Self(Kind::Postgres(Box::new(options))));
        }
        Err(SourceError::Usage(
            "the source's address is none that Lookout reads; write sqlite:FILE, \
             postgres://user@host/database or snapshot:FILE"
                .to_owned(),
        ))
    }

    /// The instant that a snapshot holds.
    pub fn snapshot_as_of(&self) -> Option<Instant> {
        match &self.0 {
            Kind::Snapshot(_, meta) => Some(meta.as_of),
            _ => None,
        }
    }

    /// Whether it holds made-up names and addresses in place of real ones.
    pub fn is_masked(&self) -> bool {
        matches!(&self.0, Kind::Snapshot(_, meta) if meta.masked)
    }

    /// The source in words for people; no password.
    pub fn describe(&self) -> String {
        match &self.0 {
            Kind::Sqlite(file) => file_name(file),
            Kind::Snapshot(file, meta) => {
                let masked = if meta.masked { "a masked snapshot" } else { "a snapshot" };
                let as_of = format_instant(&meta.as_of);
                format!(
                    "{}, {masked} as of {as_of}, taken at {} with pack {}",
                    file.display(),
                    meta.taken_at,
                    meta.pack
                )
            }
            Kind::Postgres(options) => format!(
                "the PostgreSQL database {} at {}:{}",
                options.get_database().unwrap_or(options.get_username()),
                options.get_host(),
                options.get_port()
            ),
        }
    }

    /// Opens one read-only transaction: all that is read through it was true at one time.
    pub async fn view(&self, as_of: Instant) -> Result<View, SourceError> {
        let name = self.describe();
        let reader = match &self.0 {
            Kind::Sqlite(file) | Kind::Snapshot(file, _) => {
                Sqlite::open(file).await.map(Reader::Sqlite)
            }
            Kind::Postgres(options) => Postgres::open(options).await.map(Reader::Postgres),
        };
        let reader = reader.map_err(|failure| gone(&name, failure))?;
        if let Some(taken) = self.snapshot_as_of().filter(|taken| *taken != as_of) {
            return Err(SourceError::Usage(format!(
                "the snapshot holds the facts as of {}, and can't say how things were at {}; \
                 leave out --as-of, or take another snapshot",
                format_instant(&taken),
                format_instant(&as_of)
            )));
        }
        Ok(View { reader, name, as_of, snapshot: self.snapshot_as_of().is_some() })
    }
}

fn file(url: &str, scheme: &str) -> Option<PathBuf> {
    let path = url.strip_prefix(scheme)?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

fn existing(file: &Path, what: &str) -> Result<PathBuf, SourceError> {
    if file.is_file() {
        return Ok(file.to_owned());
    }
    let at = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    Err(SourceError::Unavailable(format!(
        "there is no {what} at {}; check the path, Lookout never makes the source",
        at.display()
    )))
}

fn file_name(file: &Path) -> String {
    format!("the SQLite database {}", file.display())
}

fn gone(name: &str, failure: Failure) -> SourceError {
    let (Failure::Gone(message) | Failure::Sql { message, .. }) = failure;
    SourceError::Unavailable(format!("{name} can't be read: {message}"))
}

/// One consistent, read-only view of a source.
pub struct View {
    reader: Reader,
    name: String,
    pub(super) as_of: Instant,
    pub(super) snapshot: bool,
}

enum Reader {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl View {
    pub(super) fn dialect(&self) -> Dialect {
        match self.reader {
            Reader::Sqlite(_) => Dialect::Sqlite,
            Reader::Postgres(_) => Dialect::Postgres,
        }
    }

    /// What gives a signal's rows here.
    pub(super) fn query(&self, signal: &Signal) -> Result<String, Box<Problem>> {
        if self.snapshot {
            return Ok(format!("SELECT * FROM {}", compose::quoted(signal.name.as_str())));
        }
        let written = signal.written(self.dialect());
        match &written.query {
            Ok(query) => Ok(query.at(self.as_of, self.dialect())),
            Err(refused) => Err(Box::new(written.problem(refused))),
        }
    }

    /// Whether texts are stored so that both sides compare them alike.
    pub(super) fn narrows(&self) -> bool {
        match &self.reader {
            Reader::Sqlite(sqlite) => sqlite.narrows,
            Reader::Postgres(postgres) => postgres.narrows,
        }
    }

    /// Whether the database takes a statement. Nothing is read.
    pub(super) async fn check(&mut self, sql: &str) -> Result<(), Failure> {
        self.describe(sql).await.map(|_| ())
    }

    /// Whether the database would join anything to answer a query. It may say so where it need not.
    pub(super) async fn joins(&mut self, sql: &str) -> Result<bool, Failure> {
        match &mut self.reader {
            Reader::Sqlite(sqlite) => sqlite.joins(sql).await,
            Reader::Postgres(postgres) => postgres.joins(sql).await,
        }
    }

    pub(super) async fn describe(&mut self, sql: &str) -> Result<Vec<RawColumn>, Failure> {
        match &mut self.reader {
            Reader::Sqlite(sqlite) => sqlite.describe(sql.to_owned()).await,
            Reader::Postgres(postgres) => postgres.describe(sql).await,
        }
    }

    pub(super) async fn stream(
        &mut self,
        sql: &str,
        kinds: &[ColumnKind],
        sink: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), Failure> {
        match &mut self.reader {
            Reader::Sqlite(sqlite) => sqlite.stream(sql.to_owned(), kinds.to_vec(), sink).await,
            Reader::Postgres(postgres) => postgres.stream(sql, sink).await,
        }
    }

    pub(super) fn gone(&self, failure: Failure) -> SourceError {
        gone(&self.name, failure)
    }
}

impl Refused {
    /// `holds … ; …`: what is wrong and what helps.
    pub(super) fn said(&self, column: &str) -> String {
        match self.help.is_empty() {
            true => format!("holds {}", self.message),
            false => format!("holds {}; {}", self.message, self.help.replace("{}", column)),
        }
    }
}
