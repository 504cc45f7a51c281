//! A company's database, and one consistent view of it. Whatever kind it is, all of it is read
//! through here; a view ends without a trace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;

use super::compose::{self, Composed};
use super::lexer::Dialect;
use super::postgres::{self, Postgres};
use super::snapshot::{self, Meta};
use super::sqlite::Sqlite;
use super::{ColumnKind, Conditions, Examined, Signal, Signals, SourceError};
use crate::domain::{
    About, Batch, Broken, Column, CustomerId, Field, Instant, Layout, Place, Problem, SignalName,
    SubjectId, Value, format_instant,
};

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

/// What [`View::pull`] is to read.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Whose rows: customers, or those of a keyed signal.
    pub about: &'a About,
    /// What is read of each; every field has to be among the columns that were examined.
    pub fields: &'a BTreeSet<Field>,
    /// The only customer whose rows are wanted.
    pub customer: Option<&'a CustomerId>,
    /// The only rows that are wanted, by their customer or, in a keyed signal, by their key.
    pub subjects: Option<&'a [SubjectId]>,
    /// Rows on which none of these may be true, none may raise, and every cell can be read, may be
    /// left out. Without them, every row is wanted.
    pub conditions: Option<Conditions<'a>>,
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

/// What [`View::pull`] read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Rows handed over.
    pub rows: u64,
    /// Rows of a keyed signal whose customer is not among the customers; they are left out.
    pub orphans: u64,
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
    /// Those of `fields` that are better read only of the subjects that match: what no condition
    /// reads makes the rows wider that a server joins. None where reading them early costs nothing.
    /// A date stays early, because it may be one that nobody can read.
    pub fn late(
        &self,
        examined: &Examined,
        about: &About,
        fields: &BTreeSet<Field>,
        conditions: &BTreeSet<&Field>,
    ) -> BTreeSet<Field> {
        let is_late = |field: &&Field| {
            let kind = compose::kind(examined, about, field);
            let may_break = matches!(kind, ColumnKind::Date | ColumnKind::Instant);
            !conditions.contains(*field) && !may_break
        };
        match self.dialect() {
            Dialect::Sqlite => BTreeSet::new(),
            Dialect::Postgres => fields.iter().filter(is_late).cloned().collect(),
        }
    }

    /// Reads what rules need, as one statement, and hands it over in batches.
    ///
    /// A batch has the customer's id, the key of a keyed signal, then the fields in their order. On
    /// an error, the batches so far are part of nothing.
    pub async fn pull(
        &mut self,
        signals: &Signals,
        examined: &Examined,
        wanted: &Wanted<'_>,
        on_batch: &mut (dyn FnMut(Batch) + Send),
    ) -> Result<Pulled, SourceError> {
        let Wanted { about, fields, .. } = wanted;
        let queries = self.queries(signals, about, fields)?;
        let dialect = self.dialect();
        let mut request = compose::Request {
            signals,
            examined,
            wanted,
            dialect,
            narrows: self.narrows(),
            queries: &queries,
        };
        let mut composed = compose::statement(&request)?;
        // A company's query may fail where another order of its conditions shows: then all is read.
        if composed.narrowed && self.check(&composed.sql).await.is_err() {
            request.narrows = false;
            composed = compose::statement(&request)?;
        }
        let layout = Arc::new(Layout { about: (*about).clone(), fields: composed.fields.clone() });
        let ids = if **about == About::Customers { 1 } else { 2 };
        let mut pulled = Pulled::default();
        let mut nameless = None;
        let mut sink = |rows: Rows| {
            let origin =
                |column: usize| compose::origin(&composed.fields[column], &composed, signals);
            let broken_id = rows.broken.iter().find(|refused| refused.column < ids);
            if let Some(refused) = broken_id.filter(|_| nameless.is_none()) {
                nameless = Some((origin(refused.column), refused.said("{}")));
            }
            let (columns, broken, orphans) = leave_out_orphans(rows);
            pulled.orphans += orphans;
            let told = |refused: Refused| Broken {
                row: refused.row,
                column: refused.column,
                message: {
                    let (signal, column) = origin(refused.column);
                    format!("`{column}` of the signal `{signal}` {}", refused.said(&column))
                },
            };
            let broken = broken.into_iter().map(told).collect();
            let columns = columns.into_iter().map(Arc::new).collect();
            let batch = Batch { layout: layout.clone(), columns, broken };
            pulled.rows += batch.len() as u64;
            if !batch.is_empty() {
                on_batch(batch);
            }
        };
        match self.stream(&composed.sql, &composed.kinds, &mut sink).await {
            Ok(()) => {}
            // A company's query may rely on its own conditions being asked first.
            Err(Failure::Sql { .. }) if composed.narrowed && pulled == Pulled::default() => {
                let everything = Wanted { conditions: None, ..wanted.clone() };
                return Box::pin(self.pull(signals, examined, &everything, on_batch)).await;
            }
            Err(failure) => return Err(self.explain(signals, examined, &composed, failure).await),
        }
        if let (true, About::Signal(name), None) = (composed.narrowed, *about, wanted.customer) {
            pulled.orphans = examined.orphans.get(name).copied().unwrap_or(0);
        }
        match nameless {
            None => Ok(pulled),
            // Whose row it is can't be told, so no part of the signal can be relied on.
            Some(((signal, column), said)) => {
                let file =
                    signals.get(&signal).map(|signal| signal.file.clone()).unwrap_or_default();
                let message = format!("the id in `{column}` {}", said.replace("{}", &column));
                let place = Place::file(file);
                Err(SourceError::Signals(vec![Problem::error(place, "refused-value", message)]))
            }
        }
    }

    /// The queries of every signal that the fields need.
    fn queries(
        &self,
        signals: &Signals,
        about: &About,
        fields: &BTreeSet<Field>,
    ) -> Result<BTreeMap<SignalName, String>, SourceError> {
        let named = fields.iter().filter_map(|field| match field {
            Field::Signal(name, _) => Some(name.clone()),
            _ => None,
        });
        let subject = match about {
            About::Customers => None,
            About::Signal(name) => Some(name.clone()),
        };
        let names: BTreeSet<SignalName> =
            named.chain(subject).chain([signals.customers.name.clone()]).collect();
        let query = |name: SignalName| {
            let signal = signals
                .get(&name)
                .ok_or_else(|| SourceError::Usage(format!("there is no signal `{name}`")))?;
            let sql = self.query(signal).map_err(|problem| SourceError::Signals(vec![*problem]))?;
            Ok((name, sql))
        };
        names.into_iter().map(query).collect()
    }

    /// A failure of a composed statement, in words about the signal whose fault it is.
    async fn explain(
        &mut self,
        signals: &Signals,
        examined: &Examined,
        composed: &Composed,
        failure: Failure,
    ) -> SourceError {
        match failure {
            Failure::Gone(_) => gone(&self.name, failure),
            Failure::Sql { message, .. } => {
                self.culprits(signals, examined, composed, &message).await
            }
        }
    }

    /// Runs each signal of a failed statement alone. What fails alone is at fault.
    async fn culprits(
        &mut self,
        signals: &Signals,
        examined: &Examined,
        composed: &Composed,
        message: &str,
    ) -> SourceError {
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for name in &composed.signals {
            let Some(signal) = signals.get(name) else { continue };
            files.push(signal.file.clone());
            let columns = examined.columns.get(name).map(Vec::as_slice).unwrap_or_default();
            let Ok(query) = self.query(signal) else { continue };
            let sql = compose::whole(&query, columns);
            match self.stream(&sql, &[], &mut |_| {}).await {
                Err(Failure::Gone(why)) => return gone(&self.name, Failure::Gone(why)),
                Err(Failure::Sql { message, .. }) => problems.push(
                    Problem::error(Place::file(&signal.file), "sql-error", message).help(
                        "this happens on some of its rows: run the query by hand to see which",
                    ),
                ),
                Ok(()) => {}
            }
        }
        if problems.is_empty() {
            let file = files.into_iter().next().unwrap_or_default();
            problems.push(Problem::error(Place::file(file), "sql-error", message));
        }
        SourceError::Signals(problems)
    }

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
    fn narrows(&self) -> bool {
        match &self.reader {
            Reader::Sqlite(sqlite) => sqlite.narrows,
            Reader::Postgres(postgres) => postgres.narrows,
        }
    }

    /// Whether the database takes a statement. Nothing is read.
    async fn check(&mut self, sql: &str) -> Result<(), Failure> {
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

/// Takes out the rows whose customer nobody knows; says how many.
fn leave_out_orphans(rows: Rows) -> (Vec<Column>, Vec<Refused>, u64) {
    let Rows { mut columns, mut broken } = rows;
    let known: Vec<bool> = match columns.first() {
        Some(ids) => (0..ids.len()).map(|row| !ids.is_absent(row)).collect(),
        None => Vec::new(),
    };
    let orphans = known.iter().filter(|known| !**known).count();
    if orphans > 0 {
        columns.iter_mut().for_each(|column| column.retain(&known));
        broken.retain(|refused| known[refused.row]);
        for refused in &mut broken {
            refused.row = known[..refused.row].iter().filter(|known| **known).count();
        }
    }
    (columns, broken, orphans as u64)
}
