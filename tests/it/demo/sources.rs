//! The same decisions, byte for byte, wherever the rows come from; and a masked snapshot names
//! nobody.

use std::path::Path;

use lookout::demo::{Dialect, generated_sql};

use super::{ask_sqlite, unpacked};
use crate::support::{postgres, program::run};

const INSTANT: &str = "1998-05-07T09:00:00Z";

async fn northwind() -> String {
    let url = postgres::database().await;
    let dump = std::fs::read_to_string("demo/northwind/northwind.sql").unwrap();
    postgres::execute(&url, &dump).await;
    postgres::execute(&url, &generated_sql(Dialect::Postgres)).await;
    url
}

/// The snapshots of both databases, masked and unmasked.
const SNAPSHOTS: [(&str, &str, &str); 4] = [
    ("sqlite", "", "masked-sqlite.snap"),
    ("sqlite", "--unmasked", "open-sqlite.snap"),
    ("postgres", "", "masked-postgres.snap"),
    ("postgres", "--unmasked", "open-postgres.snap"),
];

fn save_snapshots(folder: &Path, postgres: &str) {
    for (database, mask, file) in SNAPSHOTS {
        let source = if database == "sqlite" { "sqlite:northwind.db" } else { postgres };
        let line = format!("snapshot save {file} {mask} --source {source} --as-of {INSTANT}");
        run(folder, &line).fine();
    }
}

#[tokio::test]
async fn every_source_gives_the_same_decisions_byte_for_byte() {
    let demo = unpacked();
    let postgres = northwind().await;
    save_snapshots(demo.path(), &postgres);
    // With flags alone: nothing of the folder's configuration is read.
    let elsewhere = tempfile::tempdir().unwrap();
    let inside = |file: &str| demo.path().join(file).display().to_string();
    let rules = inside("rules");
    let dry_run = |source: &str| {
        let line = format!("dry-run --rules {rules} {source} --format json");
        run(elsewhere.path(), &line).fine()
    };
    let expected =
        dry_run(&format!("--source sqlite:{} --as-of {INSTANT}", inside("northwind.db")));
    assert!(expected.len() > 10_000, "{expected}");
    assert_eq!(dry_run(&format!("--source {postgres} --as-of {INSTANT}")), expected);
    for (_, _, file) in SNAPSHOTS {
        // A snapshot brings its own instant.
        assert_eq!(dry_run(&format!("--snapshot {}", inside(file))), expected, "{file}");
        let as_source = format!("--source snapshot:{} --as-of {INSTANT}", inside(file));
        assert_eq!(dry_run(&as_source), expected, "{file}");
    }
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0, "nothing is kept");
}

#[tokio::test]
async fn check_and_explain_take_every_source() {
    let demo = unpacked();
    let postgres = northwind().await;
    save_snapshots(demo.path(), &postgres);
    let sources = ["--source sqlite:northwind.db".to_owned(), format!("--source {postgres}")];
    let snapshots = SNAPSHOTS.map(|(_, _, file)| format!("--snapshot {file}"));
    for source in sources.iter().chain(&snapshots) {
        let checked = run(demo.path(), &format!("check {source}")).fine();
        assert!(checked.starts_with("rules is right: 7 rules, 8 signals,"), "{checked}");
    }
    for customer in ["RANCH", "HANAR", "GREAL", "EASTC"] {
        let explain = |source: &str| {
            let line = format!("explain {customer} {source} --as-of {INSTANT} --format json");
            run(demo.path(), &line).fine()
        };
        let expected = explain(&sources[0]);
        assert_eq!(explain(&sources[1]), expected);
        for ((_, mask, _), snapshot) in SNAPSHOTS.iter().zip(&snapshots) {
            if mask.is_empty() {
                let masked = without_facts(&explain(snapshot));
                assert_eq!(masked, without_facts(&expected), "{snapshot}");
            } else {
                assert_eq!(explain(snapshot), expected, "{snapshot}");
            }
        }
    }
}

/// What `explain` says but for the facts, some of which are stand-ins in a masked snapshot.
fn without_facts(explained: &str) -> serde_json::Value {
    let mut explained: serde_json::Value = serde_json::from_str(explained).unwrap();
    let subjects = explained["subjects"].as_array_mut().unwrap();
    assert!(!subjects.is_empty());
    for subject in subjects {
        assert!(subject["facts"].take().is_object());
        assert!(subject["conditions"].take().is_object());
        for decision in subject["decisions"].as_array_mut().unwrap() {
            assert!(decision["gates"].take().is_array());
        }
    }
    explained
}

#[tokio::test]
async fn a_masked_snapshot_names_nobody() {
    let demo = unpacked();
    let postgres = northwind().await;
    save_snapshots(demo.path(), &postgres);
    let database = rusqlite::Connection::open(demo.path().join("northwind.db")).unwrap();
    let personal = ask_sqlite(
        &database,
        "SELECT company_name FROM customers UNION SELECT contact_name FROM customers
         UNION SELECT phone FROM customers UNION SELECT email FROM customer_contacts
         UNION SELECT owner FROM customer_contacts UNION SELECT subject FROM support_tickets",
    );
    let personal: Vec<_> = personal.into_iter().filter(|text| !text.is_empty()).collect();
    assert!(personal.len() > 350, "{}", personal.len());
    for (_, mask, file) in SNAPSHOTS {
        let bytes = std::fs::read(demo.path().join(file)).unwrap();
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let found: Vec<_> =
            personal.iter().filter(|personal| text.contains(&personal.to_lowercase())).collect();
        if mask.is_empty() {
            assert_eq!(found, [""; 0], "{file}");
            assert!(!text.contains("@example.com"), "{file}");
        } else {
            assert!(found.len() > 300, "an unmasked one has them: {} in {file}", found.len());
        }
    }
}
