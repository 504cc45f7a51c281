//! The pack's signals: SQL files, read from the company's own database as batches of columns.
//! Nothing here ever writes to that database, and only here is SQL ever put together.

mod compose;
mod examine;
mod future;
mod header;
mod lexer;
mod load;
mod names;
mod narrow;
mod outermost;
mod postgres;
mod pull;
pub mod snapshot;
mod source;
mod sqlite;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::domain::{Instant, Kind, Kinds, Place, Problem, SignalName, Value};
use lexer::{Dialect, Query, Refused};

pub use examine::Fill;
pub use load::load;
pub use names::RESERVED;
pub use narrow::Conditions;
pub use outermost::Given;
pub use pull::{Pulled, Wanted};
pub use source::{Source, View};

/// A pack's signals.
#[derive(Clone, Debug)]
pub struct Signals {
    /// The spine: one row a customer.
    pub customers: Signal,
    /// All others, by name.
    pub others: BTreeMap<SignalName, Signal>,
}

/// A named set of facts about customers, given by one SQL query.
#[derive(Clone, Debug)]
pub struct Signal {
    /// The file's name without `.sql`.
    pub name: SignalName,
    /// The file that says what the signal is.
    pub file: PathBuf,
    /// `-- key:`, the column that tells its rows apart; without it there is at most one row a customer.
    pub key: Option<String>,
    /// `-- default:`, what a customer without a row reads as.
    pub defaults: BTreeMap<String, Value>,
    /// `-- personal:`, what a masked snapshot must replace.
    pub personal: BTreeSet<String>,
    /// `-- happened:`, the column that says when a row happened: a keyed signal that a backtest can
    /// count as outcomes.
    pub happened: Option<String>,
    sqlite: Written,
    postgres: Written,
}

/// A signal's query as one dialect reads it. The other one's quotes may be no quotes here, so a
/// refusal counts only on a database that speaks the dialect.
#[derive(Clone, Debug)]
struct Written {
    file: PathBuf,
    text: String,
    query: Result<Query, Refused>,
}

/// What a signal's column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Yes or no.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Float,
    /// Text.
    Text,
    /// A date, as text `YYYY-MM-DD`.
    Date,
    /// A point in time, as text in ISO 8601, UTC.
    Instant,
    /// The database doesn't say; each row may differ.
    Unknown,
}

/// By signal and column: the kinds of values in its rows, and how many rows have nothing in it.
pub type Contents = BTreeMap<SignalName, BTreeMap<String, (Kinds, u64)>>;

impl ColumnKind {
    /// What a rule gets of it, as far as the database says.
    fn kind(self) -> Option<Kind> {
        Some(match self {
            Self::Bool => Kind::Bool,
            Self::Int => Kind::Int,
            Self::Float => Kind::Float,
            Self::Text => Kind::Text,
            Self::Date => Kind::Date,
            Self::Instant => Kind::Instant,
            Self::Unknown => return None,
        })
    }
}

/// One column of a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name, as rules read it.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its type in the database's own words.
    pub type_name: String,
}

/// What the database says about the signals in use.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// The columns of each signal whose query the database understands.
    pub columns: BTreeMap<SignalName, Vec<Column>>,
    /// What is wrong, by signal. A signal that is here can't be pulled; the others can.
    pub problems: BTreeMap<SignalName, Vec<Problem>>,
    /// How many customers there are.
    pub customers: u64,
    /// How many rows each signal has that could be examined; a survey counts only those of keyed ones.
    pub rows: BTreeMap<SignalName, u64>,
    /// How many rows of each keyed signal have a customer who is not among the customers. Only a
    /// survey counts them.
    pub orphans: BTreeMap<SignalName, u64>,
    /// Whether ids are of a text type, which any text can be compared with.
    plain_ids: bool,
}

/// Why facts can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The database is not there, or went away. Nothing is wrong with the pack.
    #[error("{0}")]
    Unavailable(String),
    /// The address is none that Lookout can read from, or a snapshot is asked for what it can't give.
    #[error("{0}")]
    Usage(String),
    /// Signals failed on their rows.
    #[error("{}", .0.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join("; "))]
    Signals(Vec<Problem>),
    /// A snapshot can't be written.
    #[error("{0}")]
    Write(String),
}

impl SourceError {
    /// Whether trying again later may help: the database is away.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Signals {
    /// The signal of a name; `customers` is one of them.
    pub fn get(&self, name: &SignalName) -> Option<&Signal> {
        if *name == self.customers.name { Some(&self.customers) } else { self.others.get(name) }
    }
}

impl Signal {
    /// Whether its query may give a column of this name: it names it, or takes all columns there are.
    pub fn may_give(&self, column: &str) -> bool {
        self.names(column) || self.takes_all()
    }

    /// Whether the name of a column stands in its query.
    pub fn names(&self, column: &str) -> bool {
        self.words().any(|word| word.eq_ignore_ascii_case(column))
    }

    /// Every word of its query, among them the names of its columns where they are written out.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.queries().flat_map(Query::words)
    }

    /// Whether its query takes all columns of something, whatever they are.
    pub fn takes_all(&self) -> bool {
        self.queries().any(Query::takes_all)
    }

    fn queries(&self) -> impl Iterator<Item = &Query> {
        [&self.sqlite, &self.postgres].into_iter().filter_map(|written| written.query.as_ref().ok())
    }

    fn written(&self, dialect: Dialect) -> &Written {
        match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::Postgres => &self.postgres,
        }
    }
}

impl Written {
    /// The refusal of a query as a mistake in the pack.
    fn problem(&self, refused: &Refused) -> Problem {
        let width = self.text.get(refused.span.clone()).map_or(1, |text| text.chars().count());
        let place = Place::at_offset(&self.file, &self.text, refused.span.start, width as u32);
        Problem::error(place, refused.code, &refused.message).help(refused.help)
    }

    /// The place in the file of a byte of the query as it was sent.
    fn place(&self, query: &Query, sent: usize, as_of: Instant, dialect: Dialect) -> Place {
        let offset = query.offset_in_file(sent, as_of, dialect);
        let word = self.text.get(offset..).unwrap_or("");
        let width = word.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(word.len());
        Place::at_offset(&self.file, &self.text, offset, width.max(1) as u32)
    }
}
