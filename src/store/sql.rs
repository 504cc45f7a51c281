//! SQL texts, arguments and rows that mean the same on both databases. Every text is fixed in the
//! program: nothing that anybody wrote elsewhere ever becomes part of one.

use chrono::DateTime;
use rusqlite::types::{FromSql, Value, ValueRef};
use serde::Serialize;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Postgres, Row as _};

use super::StoreError;
use crate::domain::Instant;

/// A text of SQL for each database.
#[derive(Clone, Copy)]
pub(super) struct Sql {
    pub(super) sqlite: &'static str,
    pub(super) postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(both: &'static str) -> Self {
        Self { sqlite: both, postgres: both }
    }
}

/// One argument of a statement.
#[derive(Clone, Debug)]
pub(super) enum Arg {
    Int(Option<i64>),
    Text(Option<String>),
}

impl From<i64> for Arg {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Instant> for Arg {
    fn from(value: Instant) -> Self {
        Self::Int(Some(value.timestamp_micros()))
    }
}

impl From<Option<Instant>> for Arg {
    fn from(value: Option<Instant>) -> Self {
        Self::Int(value.map(|at| at.timestamp_micros()))
    }
}

impl From<&str> for Arg {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<String> for Arg {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<Option<String>> for Arg {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

/// One row of an answer.
pub(super) enum Row {
    Sqlite(Vec<Value>),
    Postgres(PgRow),
}

impl Row {
    /// The value of a column, counted from 0.
    pub(super) fn get<T>(&self, column: usize) -> Result<T, StoreError>
    where
        T: FromSql + for<'r> sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>,
    {
        let damaged = |cause| StoreError::Damaged { what: "a row", cause };
        match self {
            Self::Sqlite(row) => {
                let value = row.get(column).map_or(ValueRef::Null, ValueRef::from);
                T::column_result(value).map_err(|error| damaged(error.to_string()))
            }
            Self::Postgres(row) => row.try_get(column).map_err(|error| damaged(error.to_string())),
        }
    }

    /// The name in a column of text.
    pub(super) fn id<T: From<String>>(&self, column: usize) -> Result<T, StoreError> {
        self.get::<String>(column).map(T::from)
    }

    /// A number that is small and never negative.
    pub(super) fn count(&self, column: usize) -> Result<u32, StoreError> {
        let number = self.get::<i64>(column)?;
        u32::try_from(number)
            .map_err(|error| StoreError::Damaged { what: "a count", cause: error.to_string() })
    }

    /// The instant in a column of microseconds.
    pub(super) fn instant(&self, column: usize) -> Result<Instant, StoreError> {
        instant(self.get(column)?)
    }

    /// The instant in a column of microseconds that may be NULL.
    pub(super) fn maybe_instant(&self, column: usize) -> Result<Option<Instant>, StoreError> {
        self.get::<Option<i64>>(column)?.map(instant).transpose()
    }
}

fn instant(micros: i64) -> Result<Instant, StoreError> {
    let cause = || format!("{micros} is out of range");
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| StoreError::Damaged { what: "an instant", cause: cause() })
}

/// A value as JSON text.
pub(super) fn json<T: Serialize + ?Sized>(rows: &T) -> Result<String, StoreError> {
    serde_json::to_string(rows).map_err(|error| StoreError::Contradiction(error.to_string()))
}

pub(super) fn postgres(
    sql: Sql,
    args: &[Arg],
) -> sqlx::query::Query<'static, Postgres, PgArguments> {
    args.iter().fold(sqlx::query(sql.postgres), |query, arg| match arg {
        Arg::Int(value) => query.bind(*value),
        Arg::Text(value) => query.bind(value.clone()),
    })
}
