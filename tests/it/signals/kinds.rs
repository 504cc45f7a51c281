//! What columns hold, as `check` sees it: by their types and by all their rows.

use lookout::domain::{Absence, Absent, FieldTypes};
use lookout::pack::types;

use super::*;

const SCHEMA: &str = "
    CREATE TABLE people (id TEXT, plan TEXT, visits INTEGER, share DOUBLE PRECISION, since DATE, seen TIMESTAMP);
    INSERT INTO people VALUES
        ('A', 'basic', 3, 0.5, '1998-01-31', '1998-05-06 23:59:59'),
        ('B', NULL, 4, 1, '1998-02-01', NULL);
    CREATE TABLE calls (who TEXT, note TEXT, n INTEGER);
    INSERT INTO calls VALUES ('A', 'hello', 1);";

fn shop() -> Shop {
    Shop::new(&[
        (
            "customers.sql",
            "SELECT id AS customer_id, plan, visits, share, since, seen FROM people WHERE '1998' <= CAST(:as_of AS TEXT)",
        ),
        (
            "calls.sql",
            "-- default: n = 0\nSELECT who AS customer_id, note, n, COUNT(*) OVER () AS all_of_them FROM calls",
        ),
        ("rows.sql", "-- key: n\nSELECT who AS customer_id, note, n FROM calls"),
        ("empty.sql", "-- key: n\nSELECT who AS customer_id, note, n FROM calls WHERE n > 5"),
        ("broken.sql", "SELECT who AS customer_id, nothing FROM calls"),
    ])
}

async fn types(shop: &Shop, url: &str) -> FieldTypes {
    let signals = shop.signals();
    let mut view = view(url).await;
    let examined = view.examine(&signals, &all(&signals)).await.unwrap();
    let contents = view.contents(&signals, &examined).await.unwrap();
    types::of_source(&signals, &contents)
}

/// A column in short: what it holds, and whether it may be absent.
fn told(types: &FieldTypes, signal: &str, column: &str) -> String {
    let Some(field) = types.column(&signal.into(), column) else { return "unknown".to_owned() };
    let absence = match &field.absence {
        Absence::Possible(Absent::Empty(rows)) => format!("empty in {rows}"),
        Absence::Possible(Absent::NoRow(signal, _)) => format!("no row in {signal}"),
        Absence::Unseen => "always there".to_owned(),
        other => format!("{other:?}"),
    };
    format!("{}, {absence}", field.kinds)
}

#[tokio::test]
async fn columns_hold_the_same_on_both_databases() {
    let shop = shop();
    for url in [shop.sqlite(SCHEMA), postgres(SCHEMA).await] {
        let types = types(&shop, &url).await;
        for (signal, column, expected) in [
            ("customers", "customer_id", "text, Impossible"),
            ("customers", "plan", "text, empty in 1"),
            ("customers", "visits", "a whole number, always there"),
            ("customers", "share", "a number with a fraction, always there"),
            ("customers", "since", "a date, always there"),
            ("customers", "seen", "an instant, empty in 1"),
            ("calls", "note", "text, no row in calls"),
            ("calls", "n", "a whole number, always there"),
            ("calls", "all_of_them", "a whole number, no row in calls"),
            ("rows", "n", "a whole number, Impossible"),
            ("rows", "note", "text, always there"),
            ("empty", "note", "text, always there"),
            ("broken", "customer_id", "unknown"),
            ("customers", "nothing", "unknown"),
        ] {
            assert_eq!(told(&types, signal, column), expected, "{signal}.{column} {url}");
        }
    }
}

#[tokio::test]
async fn sqlite_is_believed_by_what_it_stores() {
    let shop = Shop::new(&[(
        "customers.sql",
        "SELECT id AS customer_id, vip, flag, odd, day, said, 1 + 1 AS sum FROM people",
    )]);
    let url = shop.sqlite(
        "CREATE TABLE people (id TEXT, vip INTEGER, flag BOOLEAN, odd INTEGER, day TEXT, said TIMESTAMP);
         INSERT INTO people VALUES ('A', 1, 1, 7, '1998-05-07', '1998-05-07'),
                                   ('B', 0, 0, 'n/a', '1998-05-08 10:00', 'soon');",
    );
    let types = types(&shop, &url).await;
    for (column, expected) in [
        ("vip", "a whole number, always there"),
        ("flag", "true or false, always there"),
        ("odd", "a whole number or text, always there"),
        ("day", "a date or an instant, always there"),
        ("said", "text or an instant, always there"),
        ("sum", "a whole number, always there"),
    ] {
        assert_eq!(told(&types, "customers", column), expected, "{column}");
    }
}
