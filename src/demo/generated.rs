//! What Northwind lacks: contact data, log-ins and tickets, made up from a fixed seed.
//! Nothing here is about anybody real, and every address is under example.com.

mod contacts;
mod logins;
mod random;
mod tickets;

use std::fmt::Write;

use super::northwind;

/// Which database's SQL to write. The rows are the same; only table comments differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Comments stand inside the table's definition.
    Sqlite,
    /// Comments are statements of their own.
    Postgres,
}

/// One generated table.
struct Table {
    name: &'static str,
    comment: &'static str,
    columns: &'static str,
    /// The literals of one row, comma separated.
    rows: Vec<String>,
}

/// The generated tables as SQL, to be run after Northwind's own dump. The same every time.
pub fn generated_sql(dialect: Dialect) -> String {
    let buyers = northwind::buyers();
    let employees = northwind::employees();
    let [ticket_table, event_table] = tickets::tables(&buyers);
    let tables =
        [contacts::table(&buyers, &employees), logins::table(&buyers), ticket_table, event_table];
    let mut sql = String::new();
    for table in &tables {
        table.write(dialect, &mut sql);
    }
    sql
}

impl Table {
    fn write(&self, dialect: Dialect, sql: &mut String) {
        let Self { name, comment, columns, rows } = self;
        let inside = match dialect {
            Dialect::Sqlite => format!(" -- {comment}"),
            Dialect::Postgres => String::new(),
        };
        // A String takes whatever is written to it.
        let _ = writeln!(sql, "CREATE TABLE {name} ({inside}\n{columns}\n);");
        if dialect == Dialect::Postgres {
            let _ = writeln!(sql, "COMMENT ON TABLE {name} IS {};", text(comment));
        }
        let _ = writeln!(sql, "INSERT INTO {name} VALUES\n({});", rows.join("),\n("));
    }
}

/// A text literal.
fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A text literal, or NULL.
fn text_or_null(value: Option<&str>) -> String {
    value.map_or_else(|| "NULL".to_owned(), text)
}

/// An instant as both databases take it: `'1998-05-07 09:00:00'`, UTC.
fn instant(at: chrono::NaiveDateTime) -> String {
    at.format("'%Y-%m-%d %H:%M:%S'").to_string()
}

/// Midnight of a day, plus so many minutes.
fn minutes_into(year: i32, month: u32, day: u32, minutes: i64) -> chrono::NaiveDateTime {
    let day = chrono::NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    day.and_time(chrono::NaiveTime::MIN) + chrono::TimeDelta::minutes(minutes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_every_time_and_for_both_databases() {
        let sql = generated_sql(Dialect::Sqlite);
        assert_eq!(sql, generated_sql(Dialect::Sqlite));
        let rows = |sql: &str| -> Vec<String> {
            sql.lines().filter(|line| line.starts_with('(')).map(str::to_owned).collect()
        };
        assert_eq!(rows(&sql), rows(&generated_sql(Dialect::Postgres)));
        assert_eq!(rows(&sql).iter().filter(|row| row.starts_with("('GREAL'")).count(), 1);
    }

    #[test]
    fn every_address_is_nobodys() {
        let sql = generated_sql(Dialect::Postgres);
        for word in sql.split('\'').filter(|word| word.contains('@')) {
            let domain = word.rsplit('@').next().unwrap().to_lowercase();
            assert!(domain == "example.com" || domain.ends_with(".example.com"), "{word}");
        }
        assert!(sql.contains("'maria.anders@alfki.example.com'"));
    }
}
