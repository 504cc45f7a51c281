//! The Northwind dump, as a SQLite database and as rows to generate from.
//! The dump itself is never changed.

use std::path::Path;

use super::generated::{Dialect, generated_sql};
use super::{DemoError, write_sqlite};

const DUMP: &str = include_str!("../../demo/northwind/northwind.sql");

/// Writes Northwind and the generated tables into a new SQLite file, in one transaction.
/// Columns keep the types that the dump declares; dates are text, `YYYY-MM-DD`. Pictures are left
/// out, primary keys become unique indexes, and foreign keys are left out.
///
/// # Errors
/// If the file is there already, or cannot be written.
pub fn northwind_sqlite(file: &Path) -> Result<(), DemoError> {
    let dump = statements(DUMP).into_iter().filter_map(|statement| for_sqlite(&statement));
    write_sqlite(file, dump.chain([generated_sql(Dialect::Sqlite)]))
}

/// The statements of a dump in which each begins on a line of its own and ends one.
fn statements(dump: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut statement = String::new();
    for line in dump.lines() {
        if statement.is_empty() && (line.trim().is_empty() || line.starts_with("--")) {
            continue;
        }
        statement.push_str(line);
        statement.push('\n');
        if line.ends_with(';') {
            found.push(std::mem::take(&mut statement));
        }
    }
    found
}

/// A statement of the dump in SQLite's words; `None` where SQLite needs nothing.
fn for_sqlite(statement: &str) -> Option<String> {
    match statement.split_whitespace().next()? {
        "CREATE" => Some(statement.to_owned()),
        "INSERT" => Some(statement.replace(", '\\x'", ", NULL")),
        "ALTER" => {
            let words: Vec<&str> = statement.split_whitespace().collect();
            let (table, name) = (words.get(3)?, words.get(6)?);
            let (_, columns) = statement.split_once(" PRIMARY KEY ")?;
            Some(format!("CREATE UNIQUE INDEX {name} ON {table} {columns}"))
        }
        _ => None,
    }
}

/// What the generated tables need to know of a customer.
#[derive(Debug)]
pub(super) struct Buyer {
    pub(super) id: &'static str,
    pub(super) contact: String,
    pub(super) city: String,
    pub(super) region: Option<String>,
    pub(super) country: String,
    pub(super) orders: usize,
    pub(super) first_order: Option<String>,
    /// The employee who took the last order.
    pub(super) employee: Option<usize>,
}

/// Every customer of the dump, in its order.
pub(super) fn buyers() -> Vec<Buyer> {
    let orders: Vec<_> = rows("orders").collect();
    rows("customers")
        .filter_map(|row| {
            let mut row = row.into_iter();
            let id = row.next()??;
            let (contact, city) = (row.nth(1)??, row.nth(2)??);
            let (region, country) = (row.next()?, row.nth(1)??);
            let own = || orders.iter().filter(|order| order[1] == Some(id));
            Some(Buyer {
                id,
                contact: unquoted(contact),
                city: unquoted(city),
                region: region.map(unquoted),
                country: unquoted(country),
                orders: own().count(),
                first_order: own().filter_map(|order| order[3]).min().map(unquoted),
                employee: own()
                    .max_by_key(|order| (order[3], order[0]))
                    .and_then(|order| order[2]?.parse().ok()),
            })
        })
        .collect()
}

/// First and last name of every employee, in the order of their numbers.
pub(super) fn employees() -> Vec<(String, String)> {
    rows("employees")
        .filter_map(|row| Some((unquoted(row.get(2).copied()??), unquoted(row.get(1).copied()??))))
        .collect()
}

fn unquoted(literal: &str) -> String {
    literal.replace("''", "'")
}

/// The rows that the dump puts into a table; absent is NULL, text comes without its outer quotes.
fn rows(table: &str) -> impl Iterator<Item = Vec<Option<&'static str>>> {
    let start = format!("INSERT INTO {table} VALUES (");
    DUMP.lines().filter_map(move |line| {
        let values = line.strip_prefix(&start)?.strip_suffix(");")?;
        Some(split(values))
    })
}

/// Splits `1, 'a, ''b''', NULL` at the commas outside quotes.
fn split(values: &str) -> Vec<Option<&str>> {
    let mut quoted = false;
    let literals = values.split(move |c| {
        quoted ^= c == '\'';
        c == ',' && !quoted
    });
    literals
        .map(str::trim)
        .map(|literal| {
            let text = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            text.or_else(|| (literal != "NULL").then_some(literal))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_outside_quotes_only() {
        assert_eq!(
            split("1, 'a, ''b''', NULL, '', 2.5"),
            [Some("1"), Some("a, ''b''"), None, Some(""), Some("2.5")]
        );
    }

    #[test]
    fn the_dump_is_read_whole() {
        let buyers = buyers();
        assert_eq!(buyers.len(), 91);
        assert_eq!(buyers.iter().map(|buyer| buyer.orders).sum::<usize>(), 830);
        let greal = buyers.iter().find(|buyer| buyer.id == "GREAL").unwrap();
        assert_eq!((greal.contact.as_str(), greal.orders), ("Howard Snyder", 11));
        assert_eq!(greal.region.as_deref(), Some("OR"));
        assert_eq!(employees()[0], ("Nancy".to_owned(), "Davolio".to_owned()));
        assert_eq!(employees().len(), 9);
    }

    #[test]
    fn primary_keys_become_indexes_and_settings_go() {
        assert_eq!(
            for_sqlite("ALTER TABLE ONLY a\n    ADD CONSTRAINT pk_a PRIMARY KEY (x, y);\n")
                .unwrap(),
            "CREATE UNIQUE INDEX pk_a ON a (x, y);\n"
        );
        assert_eq!(for_sqlite("SET lock_timeout = 0;\n"), None);
        let kept: Vec<_> = statements(DUMP).iter().filter_map(|s| for_sqlite(s)).collect();
        let count = |start: &str| kept.iter().filter(|s| s.starts_with(start)).count();
        assert_eq!(
            (count("CREATE TABLE"), count("INSERT"), count("CREATE UNIQUE")),
            (14, 3362, 14)
        );
    }
}
