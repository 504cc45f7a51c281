//! What is handed over on a request under data-protection law: all that an erasure would take away.

use std::collections::{BTreeMap, BTreeSet};

use lookout::domain::parse_instant;
use rstest::rstest;
use rusqlite::types::Value as Cell;

use super::erasure::club;
use super::*;

/// A row: its table, and its cells by column.
type Row = (String, BTreeMap<String, String>);

/// Every row of every table but those that only count.
fn rows(club: &Club) -> Vec<Row> {
    let file = rusqlite::Connection::open(club.state.strip_prefix("sqlite:").unwrap()).unwrap();
    let sql =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN ('books', 'erasures')";
    let mut tables = file.prepare(sql).unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = Vec::new();
    for table in tables {
        let mut rows = file.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> =
            rows.column_names().iter().map(|name| (*name).to_owned()).collect();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let cell = |(at, name): (usize, &String)| {
                let cell = match row.get::<_, Cell>(at).unwrap() {
                    Cell::Null => "-".to_owned(),
                    Cell::Integer(number) => number.to_string(),
                    Cell::Text(text) => text,
                    other => panic!("{other:?}"),
                };
                (name.clone(), cell)
            };
            found.push((table.clone(), names.iter().enumerate().map(cell).collect()));
        }
    }
    found
}

/// Whether an exported cell is what the books have.
fn is_same(told: &Value, cell: &str) -> bool {
    let as_json = || serde_json::from_str::<Value>(cell).is_ok_and(|cell| cell == *told);
    match told {
        Value::Null => cell == "-",
        Value::String(text) => {
            let micros = parse_instant(text).map(|at| at.timestamp_micros().to_string());
            text == cell || micros.as_deref() == Some(cell)
        }
        _ => as_json(),
    }
}

#[tokio::test]
async fn an_export_has_every_row_that_an_erasure_changes() {
    let club = club(On::Sqlite).await;
    let exported = club.lookout("history ANA --export").json();
    let before = rows(&club);
    club.erase("ANA");
    let after: BTreeSet<Row> = rows(&club).into_iter().collect();
    let changed: Vec<&Row> = before.iter().filter(|row| !after.contains(row)).collect();
    let tables: BTreeSet<&str> = changed.iter().map(|(table, _)| table.as_str()).collect();
    let all = [
        "contacts",
        "decisions",
        "episodes",
        "outreach_recipients",
        "outreaches",
        "suppressions",
        "tasks",
    ];
    assert_eq!(tables, BTreeSet::from(all));
    for (table, cells) in changed {
        let told = exported["tables"][table].as_array().unwrap();
        let same = |row: &Value| {
            let row = row.as_object().unwrap();
            row.len() == cells.len() && row.iter().all(|(name, told)| is_same(told, &cells[name]))
        };
        // What another one's decision said of her is told without whom it was about.
        let named = || {
            let named = exported["tables"]["named_in"].as_array().unwrap().iter();
            table == "decisions"
                && named.clone().any(|row| is_same(&row["evidence"], &cells["evidence"]))
        };
        assert!(told.iter().any(same) || named(), "{table} {cells:?}\nin {told:#?}");
    }
}

#[rstest]
#[tokio::test]
async fn what_is_exported_is_hers_and_nothing_is_left_once_she_is_erased(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let club = club(on).await;
    let exported = club.lookout("history ANA --export ana.json");
    assert!(exported.out.contains("rows in ana.json"), "{}", exported.out);
    let text = fs::read_to_string(club.path().join("ana.json")).unwrap();
    for hers in ["Ms ANA", "ana@example.com", "492215553", "451 ana@example.com: later"] {
        assert!(text.contains(hers), "{hers}");
    }
    assert!(!text.contains("CY") && !text.contains("cy@example.com"), "{text}");
    let again = club.lookout("history ANA --export ana.json");
    assert_eq!((again.code, again.out.as_str()), (2, ""), "no file is replaced");

    let story = club.lookout("history ANA");
    assert_eq!(story.code, 0, "{}", story.err);
    for told in
        ["became true", "task 1 “Visit Ms ANA”", "ANA is not to hear `offers`", "left 4 May"]
    {
        assert!(story.out.contains(told), "{told}:\n{}", story.out);
    }
    club.erase("ANA");
    let story = club.lookout("history ANA");
    assert!(story.out.contains("They were erased "), "{}\n{}", story.out, story.err);
    let exported = club.lookout("history ANA --export").json();
    let tables = exported["tables"].as_object().unwrap();
    assert!(tables.values().all(|rows| rows.as_array().unwrap().is_empty()), "{exported:#}");
    assert!(exported["erased_at"].is_string());
    // Who is in nobody's data and in no books is nobody.
    club.sql("DELETE FROM members WHERE customer_id = 'ANA'");
    assert!(club.lookout("history ANA").out.contains("They were erased "));
    let nobody = club.lookout("history DORA");
    assert_eq!((nobody.code, nobody.out.as_str()), (2, ""));
    assert!(nobody.err.contains("`DORA`"), "{}", nobody.err);
}
