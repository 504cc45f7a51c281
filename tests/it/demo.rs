//! Tests of the demo: what its data hold, with plain SQL on both databases, and in its parts what
//! the real binary makes of them.

mod last_word;
mod mail;
mod numbers;
mod sources;
mod story;
mod strangers;
mod ways_out;

use std::path::Path;

use lookout::demo::{Dialect, generated_sql, northwind_sqlite};
use rusqlite::types::ValueRef;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::postgres;

/// The start of an instant as JSON has it.
const WITH_T: &str = "^([0-9]{4}-[0-9]{2}-[0-9]{2})T";

const AS_OF: &str = "1998-05-07 09:00:00";

/// What the README says of 1998-05-07T09:00:00Z, as questions in plain SQL.
const FACTS: [(&str, &str); 12] = [
    (
        "SELECT order_id FROM orders
         WHERE shipped_date IS NULL AND order_date <= '1998-04-30' ORDER BY 1",
        "11008 11019 11039 11040 11045 11051 11054 11058 11059 11061 11062",
    ),
    (
        "SELECT COUNT(DISTINCT customer_id) FROM orders
         WHERE shipped_date IS NULL AND order_date <= '1998-04-30'",
        "10",
    ),
    (
        "SELECT COUNT(*) FROM (SELECT customer_id FROM orders GROUP BY customer_id
         HAVING MAX(order_date) < '1998-02-06') q",
        "16",
    ),
    (
        "SELECT COUNT(*) FROM (SELECT customer_id FROM orders GROUP BY customer_id
         HAVING MAX(order_date) < '1998-02-06' AND COUNT(*) >= 5) q",
        "10",
    ),
    (
        "SELECT customer_id FROM customers
         WHERE customer_id NOT IN (SELECT customer_id FROM orders) ORDER BY 1",
        "FISSA PARIS",
    ),
    ("SELECT COUNT(*) FROM orders WHERE shipped_date > required_date", "37"),
    ("SELECT COUNT(*) FROM customers", "91"),
    ("SELECT COUNT(*) FROM customer_contacts", "91"),
    ("SELECT customer_id FROM customer_contacts WHERE email IS NULL", "LINOD"),
    ("SELECT customer_id FROM customer_contacts WHERE email NOT LIKE '%@%'", "BOTTM"),
    (
        "SELECT a.customer_id, b.customer_id FROM customer_contacts a JOIN customer_contacts b
         ON LOWER(a.email) = LOWER(b.email) AND a.customer_id < b.customer_id",
        "HANAR|RICAR",
    ),
    ("SELECT customer_id FROM customer_contacts WHERE locale = 'th-TH' ORDER BY 1", "EASTC LAMAI"),
];

/// The signals of the pack, and for each a question whose answer is known.
const SIGNALS: [(&str, &str, &str); 8] = [
    ("customers", "SELECT COUNT(*) FROM s", "91"),
    ("orders", "SELECT COUNT(*), MIN(order_id), MAX(order_id) FROM s", "21|11008|11077"),
    ("deliveries", "SELECT COUNT(*) FROM s", "809"),
    (
        "habits",
        "SELECT customer_id FROM s WHERE orders >= 5 AND last_order_date < '1998-02-06'
         ORDER BY revenue DESC",
        "MEREP BLONP SEVES FOLIG VICTE ANTON TRADH FAMIA HUNGC VINET",
    ),
    (
        "logins",
        "SELECT customer_id, failed, addresses FROM s WHERE failed > 3 ORDER BY 1",
        "BSBEV|4|1 EASTC|7|1 FRANK|5|1 HILAA|6|2 MAISD|6|1 QUICK|64|16",
    ),
    (
        "tickets",
        "SELECT customer_id, open, reopened FROM s ORDER BY 1",
        "ANTON|1|0 FOLKO|1|0 HUNGO|1|0 KOENE|1|1 SUPRD|1|1 VAFFE|1|0 WARTH|1|1",
    ),
    (
        "open_tickets",
        "SELECT customer_id FROM s WHERE reopened_at IS NULL AND waiting_since IS NOT NULL
         AND waiting_since <= '1998-05-06 09:00:00' ORDER BY 1",
        "FOLKO VAFFE",
    ),
    (
        "open_tickets",
        "SELECT customer_id FROM s
         WHERE reopened_at IS NOT NULL AND waiting_since IS NOT NULL ORDER BY 1",
        "KOENE SUPRD",
    ),
];

fn sqlite() -> (tempfile::TempDir, rusqlite::Connection) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("northwind.db");
    northwind_sqlite(&file).unwrap();
    let connection = rusqlite::Connection::open(file).unwrap();
    (folder, connection)
}

async fn postgresql() -> PgConnection {
    let url = postgres::database().await;
    let dump = std::fs::read_to_string("demo/northwind/northwind.sql").unwrap();
    postgres::execute(&url, &dump).await;
    postgres::execute(&url, &generated_sql(Dialect::Postgres)).await;
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql("SET TIME ZONE 'UTC'").execute(&mut connection).await.unwrap();
    connection
}

/// The demo's folder as it is before anything was run in it.
fn unpacked() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lookout::demo::unpack(folder.path()).unwrap();
    folder
}

/// A signal's query, with `:as_of` in the words of the database.
fn signal(name: &str, as_of: &str) -> String {
    let file = Path::new("rules/signals").join(name).with_extension("sql");
    std::fs::read_to_string(file).unwrap().replace(":as_of", as_of)
}

/// Rows as text: cells with `|` between them, absent is empty.
fn ask_sqlite(connection: &rusqlite::Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(sql).unwrap();
    let width = statement.column_count();
    let mut rows = statement.query([]).unwrap();
    let mut found = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cell = |column| match row.get_ref(column).unwrap() {
            ValueRef::Null => String::new(),
            ValueRef::Integer(value) => value.to_string(),
            ValueRef::Real(value) => value.to_string(),
            ValueRef::Text(value) | ValueRef::Blob(value) => {
                String::from_utf8(value.to_vec()).unwrap()
            }
        };
        found.push((0..width).map(cell).collect::<Vec<_>>().join("|"));
    }
    found
}

/// The same rows from PostgreSQL, which turns each row into text itself; JSON writes an instant
/// with a T.
async fn ask_postgres(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let sql = format!(
        "SELECT (SELECT string_agg(COALESCE(regexp_replace(value, '{WITH_T}', '\\1 '), ''), '|'
                                   ORDER BY place)
                 FROM json_each_text(row_to_json(q)) WITH ORDINALITY AS c(name, value, place))
         FROM ({sql}\n) q"
    );
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap()
}

#[tokio::test]
async fn the_facts_of_the_readme_hold_on_both_databases() {
    let (_folder, sqlite) = sqlite();
    let mut postgres = postgresql().await;
    for (sql, answer) in FACTS {
        assert_eq!(ask_sqlite(&sqlite, sql).join(" "), answer, "{sql}");
        assert_eq!(ask_postgres(&mut postgres, sql).await.join(" "), answer, "{sql}");
    }
}

#[tokio::test]
async fn the_packs_signals_find_what_the_demo_tells() {
    let (_folder, sqlite) = sqlite();
    let mut postgres = postgresql().await;
    for (name, question, answer) in SIGNALS {
        let with = |as_of: &str| format!("WITH s AS ({}\n) {question}", signal(name, as_of));
        let found = ask_sqlite(&sqlite, &with(&format!("'{AS_OF}'")));
        assert_eq!(found.join(" "), answer, "{name}");
        let found = ask_postgres(&mut postgres, &with(&format!("timestamptz '{AS_OF}'"))).await;
        assert_eq!(found.join(" "), answer, "{name}");
    }
}

#[tokio::test]
async fn every_signal_gives_the_same_rows_on_both_databases_at_any_instant() {
    let (_folder, sqlite) = sqlite();
    let mut postgres = postgresql().await;
    let names = [
        "customers",
        "orders",
        "deliveries",
        "habits",
        "late_deliveries",
        "logins",
        "tickets",
        "open_tickets",
    ];
    let instants = [AS_OF, "1998-05-08 09:00:00", "1998-05-06 00:00:00", "1997-11-30 23:59:59"];
    let mut rows = 0;
    for name in names {
        for at in instants {
            let mut left = ask_sqlite(&sqlite, &signal(name, &format!("'{at}'")));
            let sql = signal(name, &format!("timestamptz '{at}'"));
            let mut right = ask_postgres(&mut postgres, &sql).await;
            left.sort_unstable();
            right.sort_unstable();
            assert_eq!(left, right, "{name} at {at}");
            rows += left.len();
        }
    }
    assert!(rows > 3000, "{rows} rows compared");
}

#[test]
fn two_copies_are_the_same_and_none_replaces_a_file() {
    let (folder, first) = sqlite();
    let (_other, second) = sqlite();
    let everything = "SELECT name, sql FROM sqlite_master ORDER BY name";
    assert_eq!(ask_sqlite(&first, everything), ask_sqlite(&second, everything));
    for table in ask_sqlite(&first, "SELECT name FROM sqlite_master WHERE type = 'table'") {
        let rows = format!("SELECT * FROM {table}");
        assert_eq!(ask_sqlite(&first, &rows), ask_sqlite(&second, &rows), "{table}");
    }
    let refused = northwind_sqlite(&folder.path().join("northwind.db")).unwrap_err().to_string();
    assert!(refused.contains("is there already"), "{refused}");
}

#[test]
fn dates_keep_their_declared_types_in_sqlite() {
    let (_folder, connection) = sqlite();
    let types = "SELECT LOWER(type) FROM pragma_table_info('orders') WHERE name = 'order_date'
                 UNION ALL SELECT LOWER(type) FROM pragma_table_info('login_attempts')
                 WHERE name = 'attempted_at'";
    assert_eq!(ask_sqlite(&connection, types), ["date", "timestamp"]);
    let odd = "SELECT COUNT(*) FROM orders WHERE order_date NOT GLOB '????-??-??'";
    assert_eq!(ask_sqlite(&connection, odd), ["0"]);
}
