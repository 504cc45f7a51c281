//! What a database has, where a query asks for a table or a column that is not there. Only names are
//! read; what can't be told is left out.

use std::collections::BTreeMap;

use crate::domain::{Value, nearest};
use crate::signals::Signal;
use crate::signals::lexer::Dialect;
use crate::signals::source::{Rows, View};

/// How many names are listed.
const SHOWN: usize = 20;

/// What a query misses.
#[derive(Debug, PartialEq)]
enum Missing {
    Table(String),
    Column(String),
}

impl View {
    /// What helps where the database says that a table or a column is not there.
    pub(super) async fn there(&mut self, signal: &Signal, said: &str) -> Option<String> {
        let missing = missing(said)?;
        let tables = self.tables().await;
        match missing {
            Missing::Table(name) if tables.is_empty() => {
                Some(format!("the database has no tables at all, `{name}` or any other"))
            }
            Missing::Table(name) => Some(format!(
                "{}tables there: {}",
                meant(&name, tables.keys()),
                list(tables.keys())
            )),
            Missing::Column(name) => {
                let asked = tables.iter().filter(|(table, _)| signal.names(table));
                let columns: Vec<&String> =
                    asked.clone().flat_map(|(_, columns)| columns).collect();
                let each = asked.map(|(table, columns)| format!("`{table}` has {}", list(columns)));
                let each = each.collect::<Vec<_>>().join("; ");
                (!each.is_empty()).then(|| format!("{}{each}", meant(&name, columns)))
            }
        }
    }

    /// The tables that a query may name without more, and their columns.
    async fn tables(&mut self) -> BTreeMap<String, Vec<String>> {
        let sql = match self.dialect() {
            Dialect::Sqlite => {
                "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c \
                 WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' \
                 ORDER BY m.name, c.cid"
            }
            Dialect::Postgres => {
                "SELECT table_name::text, column_name::text FROM information_schema.columns \
                 WHERE table_schema = ANY (current_schemas(false)) \
                 ORDER BY table_name, ordinal_position"
            }
        };
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut take = |rows: Rows| {
            let [table, column] = rows.columns.as_slice() else { return };
            for row in 0..table.len() {
                if let (Value::Text(table), Value::Text(column)) =
                    (table.value(row), column.value(row))
                {
                    tables.entry(table).or_default().push(column);
                }
            }
        };
        // Whoever may not look there is told what the database said, and no more.
        let _ = self.stream(sql, &[], &mut take).await;
        tables
    }
}

/// What the database says is missing, if it says so.
fn missing(said: &str) -> Option<Missing> {
    let after = |words: &str| {
        let rest = said.split_once(words)?.1;
        let end = rest.find([' ', ',', '\n', ';']).unwrap_or(rest.len());
        Some(rest[..end].trim_matches(['"', '`', '(', ')', ':']).to_owned())
    };
    let last = |name: String| name.rsplit('.').next().unwrap_or_default().replace('"', "");
    let is_missing = said.contains("does not exist");
    let table = after("no such table: ").or_else(|| after("relation ").filter(|_| is_missing));
    let column = || after("no such column: ").or_else(|| after("column ").filter(|_| is_missing));
    match table {
        Some(table) => Some(Missing::Table(last(table))),
        None => Some(Missing::Column(last(column()?))),
    }
}

fn meant<'n>(name: &str, known: impl IntoIterator<Item = &'n String>) -> String {
    match nearest(name, known.into_iter().map(String::as_str)) {
        Some(meant) => format!("did you mean `{meant}`? "),
        None => String::new(),
    }
}

fn list<'n>(names: impl IntoIterator<Item = &'n String>) -> String {
    let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_read_from_what_the_database_says() {
        let table = |name: &str| Some(Missing::Table(name.to_owned()));
        let column = |name: &str| Some(Missing::Column(name.to_owned()));
        for (said, found) in [
            ("no such table: tickets", table("tickets")),
            ("no such table: main.tickets", table("tickets")),
            ("relation \"tickets\" does not exist", table("tickets")),
            ("no such column: o.plcd", column("plcd")),
            ("column o.plcd does not exist", column("plcd")),
            ("column \"plcd\" does not exist (Perhaps you meant …)", column("plcd")),
            ("syntax error at or near \"FROM\"", None),
            ("column \"a.b\" must appear in the GROUP BY clause", None),
        ] {
            assert_eq!(missing(said), found, "{said}");
        }
    }
}
