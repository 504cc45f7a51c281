//! A made-up company: customers, a signal of one row a customer that some lack, and a keyed one
//! with orphans; every column of another type, full of cells that go wrong.

use std::fmt::Write;
use std::path::Path;

use serde::Deserialize;

use super::cells::{self, quoted};
use super::chance::Chance;
use super::moment::When;

/// The databases that a company can be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    Sqlite,
    Postgres,
}

/// What a column is meant to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Int,
    Float,
    Text,
    Date,
    Instant,
    Bool,
    Any,
}

/// One signal, and the table that it reads.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    pub signal: String,
    /// Whose each row is, as SQL.
    pub owners: Vec<String>,
    /// Whether the query takes the table in two halves.
    #[serde(default)]
    pub halves: bool,
    #[serde(default, rename = "column")]
    pub columns: Vec<Column>,
}

/// One column of a signal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    pub name: String,
    /// Its type, as the table declares it.
    pub declared: String,
    /// What the query selects, where that is not the column as it is; `{}` stands for it.
    #[serde(default)]
    pub select: Option<String>,
    /// What a customer without a row reads, as the file's top writes it.
    #[serde(default)]
    pub default: Option<String>,
    /// One a row, as SQL.
    pub cells: Vec<String>,
}

/// The columns of each signal. Their types vary from company to company, their names don't.
pub const COLUMNS: [(&str, &[(&str, Family)]); 3] = [
    (
        "customers",
        &[
            ("i0", Family::Int),
            ("i1", Family::Int),
            ("f0", Family::Float),
            ("t0", Family::Text),
            ("t1", Family::Text),
            ("d0", Family::Date),
            ("m0", Family::Instant),
            ("b0", Family::Bool),
            ("x0", Family::Any),
        ],
    ),
    (
        "facts",
        &[
            ("i2", Family::Int),
            ("f1", Family::Float),
            ("t2", Family::Text),
            ("m1", Family::Instant),
            ("b1", Family::Bool),
            ("x1", Family::Any),
        ],
    ),
    (
        "items",
        &[
            ("i3", Family::Int),
            ("f2", Family::Float),
            ("t3", Family::Text),
            ("d1", Family::Date),
            ("m2", Family::Instant),
            ("b2", Family::Bool),
        ],
    ),
];

/// How many customers a company has.
const CUSTOMERS: usize = 36;

/// What PostgreSQL needs before the tables.
pub const TYPES: &str = "
    CREATE TYPE mood AS ENUM ('a', 'b', 'ana', 'Ana', '7');
    CREATE DOMAIN code AS varchar(8);
    CREATE COLLATION nocase
        (provider = icu, locale = 'und-u-ks-level2', deterministic = false);";

/// A company on a database.
pub fn company(chance: &mut Chance, database: Database, when: &When) -> Vec<Table> {
    let numbered = chance.percent(25);
    let id = |number: usize| match numbered {
        true => number.to_string(),
        false => quoted(&format!("c{number}")),
    };
    let mut tables = Vec::new();
    for (signal, columns) in COLUMNS {
        let owners: Vec<String> = match signal {
            "customers" => (0..CUSTOMERS).map(id).collect(),
            "facts" => (0..CUSTOMERS + 2).filter(|_| chance.percent(65)).map(id).collect(),
            _ => (0..CUSTOMERS + 8).map(|_| id(chance.below(CUSTOMERS + 3))).collect(),
        };
        let mut column = |(name, family): &(&str, Family)| {
            let declared = declared(chance, database, *family);
            let default = signal == "facts" && chance.percent(50);
            Column {
                name: (*name).to_owned(),
                declared: declared.to_owned(),
                select: selected(chance, database).map(str::to_owned),
                default: default.then(|| default_of(chance, database, declared, *family)),
                cells: filled(chance, database, (declared, *family), owners.len(), when),
            }
        };
        let columns = columns.iter().map(&mut column).collect();
        let halves = chance.percent(15);
        tables.push(Table { signal: signal.to_owned(), owners, halves, columns });
    }
    tables
}

fn declared(chance: &mut Chance, database: Database, family: Family) -> &'static str {
    let types: &[&str] = match (database, family) {
        (Database::Sqlite, Family::Int) => &["INTEGER", "INTEGER", "BIGINT", "SMALLINT"],
        (Database::Sqlite, Family::Float) => &["REAL", "DOUBLE PRECISION", "DECIMAL(10, 2)"],
        (Database::Sqlite, Family::Text) => &[
            "TEXT",
            "TEXT COLLATE NOCASE",
            "VARCHAR(20)",
            "VARCHAR(20) COLLATE NOCASE",
            "CHAR(9) COLLATE RTRIM",
            "JSON",
        ],
        (Database::Sqlite, Family::Date) => &["DATE"],
        (Database::Sqlite, Family::Instant) => &["TIMESTAMP", "DATETIME"],
        (Database::Sqlite, Family::Bool) => &["BOOLEAN"],
        (Database::Sqlite, Family::Any) => &["", "", "BLOB", "STRING", "COLLATE NOCASE"],
        (Database::Postgres, Family::Int) => &["int2", "int4", "int8", "int8"],
        (Database::Postgres, Family::Float) => &["float8", "float4", "numeric", "numeric(10, 2)"],
        (Database::Postgres, Family::Text) => &[
            "text",
            "text",
            "varchar",
            "varchar(9)",
            "bpchar(9)",
            "uuid",
            "json",
            "jsonb",
            "mood",
            "code",
            "text COLLATE \"und-x-icu\"",
            "text COLLATE nocase",
            "varchar COLLATE nocase",
        ],
        (Database::Postgres, Family::Date) => &["date"],
        (Database::Postgres, Family::Instant) => &["timestamp", "timestamptz"],
        (Database::Postgres, Family::Bool) => &["bool"],
        (Database::Postgres, Family::Any) => &["int8", "float8", "text", "numeric", "date"],
    };
    chance.pick(types)
}

/// What else than the column itself a query may select; it takes away what SQLite knows of it.
fn selected(chance: &mut Chance, database: Database) -> Option<&'static str> {
    let ways: &[&str] = match database {
        Database::Sqlite => {
            &["+{}", "coalesce({}, NULL)", "CASE WHEN 1 THEN {} END", "{} COLLATE NOCASE"]
        }
        Database::Postgres => &["CASE WHEN true THEN {} END"],
    };
    chance.percent(12).then(|| chance.pick(ways))
}

/// A value that the database takes for this type.
fn default_of(chance: &mut Chance, database: Database, declared: &str, family: Family) -> String {
    match (database, declared.split(['(', ' ']).next().unwrap_or("")) {
        (Database::Postgres, "uuid") => "'6f9619ff-8b86-d011-b42d-00cf4fc96400'".to_owned(),
        (Database::Postgres, "json" | "jsonb") => "'1'".to_owned(),
        (Database::Postgres, "mood") => "'a'".to_owned(),
        (Database::Postgres, "int8" | "numeric") => cells::int(chance).to_string(),
        (Database::Postgres, "float8") => "0.5".to_owned(),
        (Database::Postgres, "date") => "'1998-05-07'".to_owned(),
        _ => match family {
            Family::Int => chance.between(-2, 40_000).to_string(),
            Family::Float => chance.pick(&["0", "0.1", "-1.5"]).to_owned(),
            Family::Text | Family::Any => chance.pick(&["'a'", "''", "'7'"]).to_owned(),
            Family::Date => "'1998-05-07'".to_owned(),
            Family::Instant => "'1998-05-07 09:00:00'".to_owned(),
            Family::Bool => chance.pick(&["true", "false"]).to_owned(),
        },
    }
}

fn filled(
    chance: &mut Chance,
    database: Database,
    (declared, family): (&str, Family),
    rows: usize,
    when: &When,
) -> Vec<String> {
    let absent = chance.weighted(&[(3, 0), (3, 15), (3, 33), (1, 100)]);
    let odd = match database {
        Database::Sqlite => chance.weighted(&[(5, 0), (2, 8), (1, 30)]),
        Database::Postgres => 0,
    };
    let cell = |_| match chance.below(100) {
        at if at < absent => "NULL".to_owned(),
        at if at < absent + odd => cells::cell(chance, database, ("", Family::Any), when),
        _ => cells::cell(chance, database, (declared, family), when),
    };
    (0..rows).map(cell).collect()
}

impl Table {
    fn is_keyed(&self) -> bool {
        self.signal == "items"
    }

    /// The statements that make the table, with ids of this type, and fill it.
    fn create(&self, id: &str) -> String {
        let mut sql = format!("CREATE TABLE t_{} (no INTEGER, id {id}", self.signal);
        for column in &self.columns {
            write!(sql, ", {} {}", column.name, column.declared).unwrap();
        }
        sql.push_str(");\n");
        for (row, owner) in self.owners.iter().enumerate() {
            let before = if row % 20 > 0 {
                ",".to_owned()
            } else {
                format!(";\nINSERT INTO t_{} VALUES", self.signal)
            };
            write!(sql, "{before}\n({row}, {owner}").unwrap();
            for column in &self.columns {
                write!(sql, ", {}", column.cells[row]).unwrap();
            }
            sql.push(')');
        }
        sql.push(';');
        sql
    }

    /// The signal's file.
    fn query(&self) -> String {
        let mut top = String::new();
        let mut selected = "id AS customer_id".to_owned();
        if self.is_keyed() {
            top.push_str("-- key: no\n");
            selected.push_str(", no");
        }
        let defaults: Vec<String> = (self.columns.iter())
            .filter_map(|c| Some(format!("{} = {}", c.name, c.default.as_ref()?)))
            .collect();
        if !defaults.is_empty() {
            writeln!(top, "-- default: {}", defaults.join(", ")).unwrap();
        }
        for Column { name, select, .. } in &self.columns {
            match select {
                Some(select) => write!(selected, ", {} AS {name}", select.replace("{}", name)),
                None => write!(selected, ", {name}"),
            }
            .unwrap();
        }
        let query = format!("SELECT {selected} FROM t_{}", self.signal);
        match self.halves {
            true => format!("{top}{query} WHERE no % 2 = 1\nUNION ALL\n{query} WHERE no % 2 = 0"),
            false => format!("{top}{query}"),
        }
    }
}

/// The statements that make all tables and fill them.
pub fn create(tables: &[Table]) -> String {
    let numbered = tables[0].owners.first().is_some_and(|id| !id.starts_with('\''));
    let id = if numbered { "INTEGER" } else { "TEXT" };
    tables.iter().map(|table| table.create(id)).collect()
}

/// Writes the signals' files into a folder.
pub fn write_signals(tables: &[Table], folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for table in tables {
        std::fs::write(folder.join(format!("{}.sql", table.signal)), table.query()).unwrap();
    }
}

impl Table {
    /// Takes out so many rows.
    pub fn remove_rows(&mut self, from: usize, count: usize) {
        let rows = from..(from + count).min(self.owners.len());
        self.owners.drain(rows.clone());
        self.columns.iter_mut().for_each(|column| drop(column.cells.drain(rows.clone())));
    }
}
