//! Whether signals and their columns have anything in them: a source that is suddenly empty is a
//! broken one before it is good news. Nothing is judged here.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{SignalName, Value};
use crate::signals::lexer::Dialect;
use crate::signals::source::{Failure, View};
use crate::signals::{ColumnKind, Examined, Signal, SourceError, compose};

/// So many rows are looked at before all of them are.
const FIRST: u32 = 1000;

/// What is in a signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fill {
    /// Whether it has rows.
    pub rows: bool,
    /// Of the columns that were asked for, whether any row has something in them.
    pub columns: BTreeMap<String, bool>,
}

impl View {
    /// Whether a signal has rows, and anything in these columns: one statement that looks at its
    /// first rows, and a second where some column is empty in all of those. None where the database
    /// refuses the query; whoever reads it says why.
    ///
    /// # Errors
    /// When the database can't be asked at all.
    pub async fn fill(
        &mut self,
        signal: &Signal,
        examined: &Examined,
        columns: &BTreeSet<String>,
    ) -> Result<Option<Fill>, SourceError> {
        let Ok(query) = self.query(signal) else { return Ok(None) };
        let columns: Vec<&String> = columns.iter().collect();
        let first = match self.counts(&query, &signal.name, examined, &columns, true).await {
            Ok(first) => first,
            Err(failure @ Failure::Gone(_)) => return Err(self.gone(failure)),
            Err(Failure::Sql { .. }) => return Ok(None),
        };
        let (rows, counts) = first.split_first().map_or((0, &[][..]), |(rows, rest)| (*rows, rest));
        let mut fill = Fill { rows: rows > 0, columns: BTreeMap::new() };
        let seen = columns.iter().zip(counts);
        fill.columns.extend(seen.map(|(name, count)| ((*name).clone(), *count > 0)));
        let rest: Vec<&String> =
            columns.into_iter().filter(|name| fill.columns.get(*name) != Some(&true)).collect();
        if rest.is_empty() || rows < i64::from(FIRST) {
            return Ok(Some(fill));
        }
        match self.counts(&query, &signal.name, examined, &rest, false).await {
            Ok(counts) => {
                let seen = rest.iter().zip(counts.iter().skip(1));
                fill.columns.extend(seen.map(|(name, count)| ((*name).clone(), *count > 0)));
                Ok(Some(fill))
            }
            Err(failure @ Failure::Gone(_)) => Err(self.gone(failure)),
            Err(Failure::Sql { .. }) => Ok(None),
        }
    }

    /// How many rows there are, and how many have something in each column; an empty text is nothing.
    async fn counts(
        &mut self,
        query: &str,
        signal: &SignalName,
        examined: &Examined,
        columns: &[&String],
        first: bool,
    ) -> Result<Vec<i64>, Failure> {
        let known = examined.columns.get(signal).map(Vec::as_slice).unwrap_or_default();
        let counted = columns.iter().map(|name| {
            let quoted = compose::quoted(name);
            let is_text = known.iter().any(|c| c.name == **name && c.kind == ColumnKind::Text);
            match is_text || self.dialect() == Dialect::Sqlite {
                true => format!(", COUNT(NULLIF({quoted}, ''))"),
                false => format!(", COUNT({quoted})"),
            }
        });
        let named = columns.iter().map(|name| compose::quoted(name)).collect::<Vec<_>>();
        let named = if named.is_empty() { "1".to_owned() } else { named.join(", ") };
        let limit = if first { format!(" LIMIT {FIRST}") } else { String::new() };
        let sql = format!(
            "SELECT COUNT(*){} FROM (SELECT {named} FROM (\n{query}\n) AS q{limit}) AS s",
            counted.collect::<String>()
        );
        let mut row = Vec::new();
        self.stream(&sql, &[], &mut |rows| row = rows.first()).await?;
        let number = |value: &Value| if let Value::Int(number) = value { *number } else { 0 };
        Ok(row.iter().map(number).collect())
    }
}
