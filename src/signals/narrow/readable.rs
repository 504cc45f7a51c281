//! Cells that can't be read: they fail their row for every rule that reads them, so their rows are
//! never left out. A text that is longer than Rhai may hold raises in some places, so neither is its row.

use std::collections::BTreeSet;

use super::sql::Sql;
use super::{Given, Narrowing};
use crate::predicate::{Expr, LONGEST_TEXT};
use crate::signals::ColumnKind;
use crate::signals::lexer::Dialect;

/// How many cells a call of a function is given; SQLite has a limit.
const CELLS: usize = 100;

/// Rows with a cell that can't be read.
pub(super) fn unreadable(narrowing: &Narrowing<'_>) -> Sql {
    let fields: Vec<&Given> = narrowing.fields.values().collect();
    match narrowing.dialect {
        Dialect::Postgres => Sql::any(fields.into_iter().map(no_year_of_ours)),
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

/// PostgreSQL: rows with a text that is longer than Rhai may hold, where a condition reads it. On
/// SQLite, such a cell counts as one that can't be read.
pub(super) fn too_long(narrowing: &Narrowing<'_>, any_of: &[&Expr]) -> Sql {
    if narrowing.dialect == Dialect::Sqlite {
        return Sql::Never;
    }
    let read: BTreeSet<_> = any_of.iter().flat_map(|condition| condition.fields()).collect();
    let texts = read.into_iter().filter_map(|field| narrowing.fields.get(field));
    let long = |given: &Given| {
        let is_long = format!("octet_length({}::text) > {LONGEST_TEXT}", given.sql);
        let is_text = given.kind == ColumnKind::Text && given.type_name != "uuid";
        if is_text { Sql::text(is_long) } else { Sql::Never }
    };
    Sql::any(texts.map(long))
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
