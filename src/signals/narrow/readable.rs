//! Cells that can't be read, or are longer than a rule may hold: they fail their row for every rule
//! that reads them, so their rows are never left out.

use std::collections::BTreeSet;

use super::sql::Sql;
use super::{Given, Narrowing};
use crate::domain::Field;
use crate::rules::TEXT_BYTES;
use crate::signals::ColumnKind;
use crate::signals::lexer::Dialect;

/// How many cells a call of a function is given; SQLite has a limit.
const CELLS: usize = 100;

/// Rows with a cell that can't be read, or among the fields that are `asked` for one that is too long.
pub(super) fn unreadable(narrowing: &Narrowing<'_>, asked: &BTreeSet<&Field>) -> Sql {
    let fields: Vec<&Given> = narrowing.fields.values().collect();
    match narrowing.dialect {
        Dialect::Postgres => {
            let asked = narrowing.fields.iter().filter(|(field, _)| asked.contains(field));
            let long = asked.map(|(_, given)| too_long(given));
            Sql::any(fields.into_iter().map(no_year_of_ours).chain(long))
        }
        Dialect::Sqlite => {
            let (numbers, others): (Vec<&Given>, Vec<&Given>) =
                fields.into_iter().partition(|given| {
                    matches!(given.kind, ColumnKind::Bool | ColumnKind::Int | ColumnKind::Float)
                });
            let numbers =
                numbers.into_iter().map(|given| Sql::text(format!("+{} >= ''", given.sql)));
            let others = others.chunks(CELLS).map(|some| {
                let cells: Vec<&str> = some.iter().map(|given| given.sql.as_str()).collect();
                Sql::text(format!("lookout_unreadable({})", cells.join(", ")))
            });
            Sql::any(numbers.chain(others))
        }
    }
}

/// PostgreSQL: an infinite date, or one outside the years 1 to 9999.
fn no_year_of_ours(given: &Given) -> Sql {
    let sql = &given.sql;
    let outside = |first: &str, end: &str| {
        Sql::any([Sql::text(format!("{sql} < {first}")), Sql::text(format!("{sql} >= {end}"))])
    };
    match given.type_name.as_str() {
        "date" => outside("'0001-01-01'::date", "'10000-01-01'::date"),
        "timestamp" => outside("'0001-01-01'::timestamp", "'10000-01-01'::timestamp"),
        "timestamptz" => outside(
            "'0001-01-01 00:00:00+00'::timestamptz",
            "'10000-01-01 00:00:00+00'::timestamptz",
        ),
        _ => Sql::Never,
    }
}

/// PostgreSQL: a text that is too long; there are types whose texts never are.
fn too_long(given: &Given) -> Sql {
    let sql = &given.sql;
    match (given.kind, given.type_name.as_str()) {
        (_, "uuid" | "name" | "\"char\"") => Sql::Never,
        (ColumnKind::Text, _) => Sql::text(format!("octet_length(({sql})::text) > {TEXT_BYTES}")),
        _ => Sql::Never,
    }
}
