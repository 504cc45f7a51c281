//! What a signal's queries show of their columns without a database. What is not written is not guessed.

use super::lexer::{Dialect, Outermost};
use super::{Signal, Written};
use crate::domain::{Place, Problem};

/// A column as a query writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub place: Place,
}

impl Signal {
    /// The columns of each of its queries that writes out all of them. Where the database finds a name
    /// for what is worked out, every word of that may be the name, and is in `maybe`.
    pub fn columns_written(&self) -> Vec<(Vec<Given>, Vec<String>)> {
        self.readable().filter_map(Written::columns).collect()
    }

    /// Queries that count over everybody at once and name one customer, as findings: only the database
    /// knows which. PostgreSQL refuses them, SQLite takes them.
    pub fn ungrouped(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.readable().filter_map(Written::ungrouped).collect();
        problems.sort();
        problems.dedup();
        problems
    }

    fn readable(&self) -> impl Iterator<Item = &Written> {
        [Dialect::Sqlite, Dialect::Postgres].into_iter().map(|dialect| self.written(dialect))
    }
}

impl Written {
    fn outermost(&self) -> Option<&Outermost> {
        self.query.as_ref().ok().map(|query| query.outermost())
    }

    fn columns(&self) -> Option<(Vec<Given>, Vec<String>)> {
        let outermost = self.outermost().filter(|outermost| !outermost.has_more)?;
        let (mut given, mut maybe) = (Vec::new(), Vec::new());
        for column in &outermost.columns {
            let text = &self.text[column.span.clone()];
            match &column.name {
                Some(name) => {
                    let width = text.chars().count() as u32;
                    let start = column.span.start;
                    let place = Place::at_offset(&self.file, &self.text, start, width);
                    given.push(Given { name: name.clone(), place });
                }
                None => {
                    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
                    maybe.extend(words.map(str::to_owned));
                }
            }
        }
        Some((given, maybe))
    }

    fn ungrouped(&self) -> Option<Problem> {
        let span = self.outermost()?.ungrouped.clone()?;
        let words = self.text[span.clone()].lines().next().unwrap_or_default();
        let width = words.chars().count() as u32;
        let place = Place::at_offset(&self.file, &self.text, span.start, width);
        let message = "this counts over all customers at once, and gives one row for one of them";
        Some(
            Problem::finding(place, "not-grouped", message)
                .label("of everybody")
                .help("end the query with GROUP BY customer_id, or the column that it comes from"),
        )
    }
}
