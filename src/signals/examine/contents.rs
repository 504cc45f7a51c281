//! What the columns of signals hold, by a look at every row: which kinds of values, and how many rows
//! have nothing in them. Nothing is judged here.

use std::collections::BTreeMap;

use crate::domain::{Kind, Kinds, Value};
use crate::signals::lexer::Dialect;
use crate::signals::source::{Failure, View};
use crate::signals::{Column, ColumnKind, Contents, Examined, Signals, SourceError, compose};

/// A date in SQLite, with or without a time of day.
const DATE: &str = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]";

/// What is counted of each column, as SQL over its quoted name.
type Count = (fn(&str) -> String, fn(ColumnKind) -> Option<Kind>);

/// SQLite's cells have types of their own, whatever the column's; so each is counted by what rules
/// get of it.
const STORED: [Count; 6] = [
    (
        |name| format!("typeof({name}) = 'integer' AND {name} IN (0, 1)"),
        |kind| match kind {
            ColumnKind::Bool => Some(Kind::Bool),
            ColumnKind::Float => Some(Kind::Float),
            _ => Some(Kind::Int),
        },
    ),
    (
        |name| format!("typeof({name}) = 'integer' AND {name} NOT IN (0, 1)"),
        |kind| Some(if kind == ColumnKind::Float { Kind::Float } else { Kind::Int }),
    ),
    (|name| format!("typeof({name}) = 'real'"), |_| Some(Kind::Float)),
    (
        |name| format!("typeof({name}) = 'text' AND {name} GLOB '{DATE}'"),
        |kind| Some(if kind == ColumnKind::Instant { Kind::Instant } else { Kind::Date }),
    ),
    (
        |name| format!("typeof({name}) = 'text' AND {name} GLOB '{DATE}[T ]*'"),
        |kind| Some(if kind == ColumnKind::Date { Kind::Date } else { Kind::Instant }),
    ),
    (|name| format!("typeof({name}) = 'text' AND NOT {name} GLOB '{DATE}*'"), |_| Some(Kind::Text)),
];

impl View {
    /// What each column of each signal holds; nothing of a signal that has problems.
    ///
    /// # Errors
    /// Only where the database can't be asked at all.
    pub async fn contents(
        &mut self,
        signals: &Signals,
        examined: &Examined,
    ) -> Result<Contents, SourceError> {
        let mut contents = Contents::default();
        for signal in std::iter::once(&signals.customers).chain(signals.others.values()) {
            let (Ok(query), Some(columns)) =
                (self.query(signal), examined.columns.get(&signal.name))
            else {
                continue;
            };
            if examined.problems.contains_key(&signal.name) {
                continue;
            }
            match self.counted(&query, columns).await {
                Ok(columns) => {
                    contents.insert(signal.name.clone(), columns);
                }
                Err(failure @ Failure::Gone(_)) => return Err(self.gone(failure)),
                Err(Failure::Sql { .. }) => {}
            }
        }
        Ok(contents)
    }

    async fn counted(
        &mut self,
        query: &str,
        columns: &[Column],
    ) -> Result<BTreeMap<String, (Kinds, u64)>, Failure> {
        let mut counts = vec!["COUNT(*)".to_owned()];
        for column in columns {
            let name = compose::quoted(&column.name);
            counts.push(format!("COUNT({name})"));
            if self.dialect() == Dialect::Sqlite {
                let of = |(test, _): &Count| format!("COUNT(CASE WHEN {} THEN 1 END)", test(&name));
                counts.extend(STORED.iter().map(of));
            }
        }
        let sql = format!("SELECT {} FROM (\n{query}\n) AS q", counts.join(", "));
        let mut row = Vec::new();
        self.stream(&sql, &[], &mut |rows| row = rows.first()).await?;
        let mut numbers = row.iter().map(|value| match value {
            Value::Int(number) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        });
        let rows = numbers.next().unwrap_or(0);
        let mut held = BTreeMap::new();
        for column in columns {
            let there = numbers.next().unwrap_or(0);
            let stored: Kinds = match self.dialect() {
                Dialect::Sqlite => (STORED.iter().zip(&mut numbers))
                    .filter(|(_, count)| *count > 0)
                    .filter_map(|((_, kind), _)| kind(column.kind))
                    .collect(),
                Dialect::Postgres => column.kind.kind().into_iter().collect(),
            };
            let kinds = match there {
                0 => column.kind.kind().into_iter().collect(),
                _ => stored,
            };
            held.insert(column.name.clone(), (kinds, rows.saturating_sub(there)));
        }
        Ok(held)
    }
}
