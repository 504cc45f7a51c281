//! Statements that take many rows at once: as one JSON text on SQLite, as one array a column on
//! PostgreSQL, because each is what its database reads fastest. No cell ever becomes part of a text.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::StoreError;
use super::sql::{self, Arg, Sql};
use crate::domain::Instant;

/// A statement that goes on from rows of `N` cells.
#[derive(Clone, Copy)]
pub(super) struct Given<const N: usize> {
    pub(super) sql: Sql,
    pub(super) kinds: [Kind; N],
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bigint,
    Text,
}

/// A statement that goes on from many rows: they stand ready as `given`, with the columns named.
/// The number in front says how many arguments of its own it has; they are `$1`, `$2` and so on.
/// A part that only PostgreSQL needs may stand in the middle, after the word `postgres`.
macro_rules! given {
    ($own:tt, ($($columns:tt)*), $sql:expr) => {
        $crate::store::given::given!($own, ($($columns)*), $sql, postgres "", "")
    };
    ($own:tt, ($first:ident $kind:ident $(, $column:ident $kinds:ident)*),
     $head:expr, postgres $only:literal, $tail:literal) => {
        $crate::store::given::Given {
            sql: $crate::store::sql::Sql {
                sqlite: concat!(
                    "WITH given(", stringify!($first) $(, ", ", stringify!($column))*,
                    ") AS MATERIALIZED (SELECT ",
                    $crate::store::given::cells!([0 1 2 3 4 5 6 7 8 9 10 11] $first $($column)*),
                    " FROM jsonb_each(", $crate::store::given::json!($own), ")) ", $head, $tail
                ),
                postgres: concat!(
                    "WITH given(", stringify!($first) $(, ", ", stringify!($column))*,
                    ") AS MATERIALIZED (SELECT * FROM UNNEST(",
                    $crate::store::given::arrays!($own; $kind $($kinds)*), ")) ",
                    $head, $only, $tail
                ),
            },
            kinds: [
                $crate::store::given::kind!($kind) $(, $crate::store::given::kind!($kinds))*
            ],
        }
    };
}

/// The cells of a row in a JSON array of arrays, by their places.
macro_rules! cells {
    ([$place:literal $($places:literal)*] $column:ident) => { concat!("value ->> ", $place) };
    ([$place:literal $($places:literal)*] $column:ident $($columns:ident)+) => {
        concat!("value ->> ", $place, ", ",
            $crate::store::given::cells!([$($places)*] $($columns)+))
    };
}

/// The argument that holds the JSON, behind the statement's own.
macro_rules! json {
    (0) => {
        "$1"
    };
    (1) => {
        "$2"
    };
    (3) => {
        "$4"
    };
}

/// An array a column, behind the statement's own arguments.
macro_rules! arrays {
    (0; $($kinds:ident)*) => {
        $crate::store::given::arrays!([1 2 3 4 5 6 7 8 9 10 11 12] $($kinds)*)
    };
    (1; $($kinds:ident)*) => {
        $crate::store::given::arrays!([2 3 4 5 6 7 8 9 10 11 12 13] $($kinds)*)
    };
    (3; $($kinds:ident)*) => {
        $crate::store::given::arrays!([4 5 6 7 8 9 10 11 12 13 14 15] $($kinds)*)
    };
    ([$place:literal $($places:literal)*] $kind:ident) => {
        concat!("$", $place, "::", stringify!($kind), "[]")
    };
    ([$place:literal $($places:literal)*] $kind:ident $($kinds:ident)+) => {
        concat!("$", $place, "::", stringify!($kind), "[], ",
            $crate::store::given::arrays!([$($places)*] $($kinds)+))
    };
}

macro_rules! kind {
    (bigint) => {
        $crate::store::given::Kind::Bigint
    };
    (text) => {
        $crate::store::given::Kind::Text
    };
}
pub(super) use {arrays, cells, given, json, kind};

/// One cell of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
}

impl<const N: usize> Given<N> {
    /// Rows as SQLite takes them: the argument after the statement's own.
    pub(super) fn as_json(&self, rows: &[[Cell<'_>; N]]) -> Result<String, StoreError> {
        sql::json(&Rows(rows))
    }

    /// The statement with its own arguments and some rows.
    pub(super) fn on_postgres(
        &self,
        args: &[Arg],
        rows: &[[Cell<'_>; N]],
    ) -> Result<Query<'static, Postgres, PgArguments>, StoreError> {
        let mut query = sql::postgres(self.sql, args);
        for (place, kind) in self.kinds.into_iter().enumerate() {
            let cells = rows.iter().map(|row| &row[place]);
            query = match kind {
                Kind::Bigint => query.bind(cells.map(Cell::int).collect::<Result<Vec<_>, _>>()?),
                Kind::Text => query.bind(cells.map(Cell::text).collect::<Result<Vec<_>, _>>()?),
            };
        }
        Ok(query)
    }
}

impl Cell<'_> {
    fn int(&self) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Null => Ok(None),
            Self::Int(value) => Ok(Some(*value)),
            Self::Text(_) => Err(misplaced("text stands where a number belongs")),
        }
    }

    fn text(&self) -> Result<Option<&str>, StoreError> {
        match self {
            Self::Null => Ok(None),
            Self::Text(value) => Ok(Some(value)),
            Self::Int(_) => Err(misplaced("a number stands where text belongs")),
        }
    }
}

fn misplaced(what: &str) -> StoreError {
    StoreError::Contradiction(what.to_owned())
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Cell<'_> {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<Instant> for Cell<'_> {
    fn from(value: Instant) -> Self {
        Self::Int(value.timestamp_micros())
    }
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Cow::Borrowed(value))
    }
}

impl From<String> for Cell<'_> {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
        }
    }
}

/// Rows as an array of arrays.
struct Rows<'r, 'a, const N: usize>(&'r [[Cell<'a>; N]]);

impl<const N: usize> Serialize for Rows<'_, '_, N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|row| row.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUT: Given<2> = given!(
        1,
        (name text, at bigint),
        "INSERT INTO t SELECT name, at, $1 FROM given",
        postgres " FOR UPDATE",
        " LIMIT 1"
    );

    #[test]
    fn the_rows_come_after_the_statements_own_arguments() {
        assert_eq!(
            PUT.sql.sqlite,
            "WITH given(name, at) AS MATERIALIZED (SELECT value ->> 0, value ->> 1 \
             FROM jsonb_each($2)) INSERT INTO t SELECT name, at, $1 FROM given LIMIT 1"
        );
        assert_eq!(
            PUT.sql.postgres,
            "WITH given(name, at) AS MATERIALIZED (SELECT * FROM UNNEST($2::text[], \
             $3::bigint[])) INSERT INTO t SELECT name, at, $1 FROM given FOR UPDATE LIMIT 1"
        );
        assert_eq!(PUT.kinds, [Kind::Text, Kind::Bigint]);
    }

    #[test]
    fn a_cell_in_the_wrong_column_is_no_null() {
        let rows = [["a".into(), "b".into()]];
        assert!(matches!(PUT.on_postgres(&[], &rows), Err(StoreError::Contradiction(_))));
        let rows = [[1_i64.into(), 2_i64.into()]];
        assert!(matches!(PUT.on_postgres(&[], &rows), Err(StoreError::Contradiction(_))));
    }

    #[test]
    fn rows_are_arrays_in_an_array() {
        let rows: [[Cell<'_>; 2]; 2] =
            [["a\"b".into(), 7_i64.into()], [None::<String>.into(), Some(-1_i64).into()]];
        assert_eq!(sql::json(&Rows(&rows)).unwrap(), r#"[["a\"b",7],[null,-1]]"#);
    }
}
