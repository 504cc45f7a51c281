//! The first half hour with a pack of one's own: init, check, test, preview, a mistake, a dry run.

use std::fs;

use serde_json::json;

use crate::support::program::{files, run};

#[test]
fn a_newcomer_gets_a_pack_that_is_right_and_can_be_changed() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("init", run(folder.path(), "init care").fine());
    let care = folder.path().join("care");
    insta::assert_snapshot!("check_of_a_new_pack", run(&care, "check").fine());
    insta::assert_snapshot!("test_of_a_new_pack", run(&care, "test").fine());

    let shown = run(&care, "preview overdue-invoice").fine();
    assert_eq!(shown, "1 message in overdue-invoice.html\n");
    let page = fs::read_to_string(care.join("overdue-invoice.html")).unwrap();
    assert!(page.contains("A reminder of invoice 2026-017"), "{page}");
    assert!(page.contains("Ana Lopez"), "{page}");

    let again = run(folder.path(), "init care");
    assert_eq!((again.code, again.out.as_str()), (2, ""));
    assert!(again.err.contains("care is there already and not empty"), "{}", again.err);
}

#[test]
fn a_mistake_is_told_with_its_place_and_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    let rule = care.join("rules/overdue-invoice/rule.rhai");
    let text = fs::read_to_string(&rule).unwrap();
    fs::write(
        &rule,
        text.replace("invoice.due_on", "invoice.due_no").replace("TOPIC =", "TOPPIC ="),
    )
    .unwrap();
    let without = run(&care, "check");
    assert_eq!((without.code, without.err.as_str()), (2, ""));
    insta::assert_snapshot!("check_with_a_mistake", without.out);
    let as_json = run(&care, "check --format json");
    assert_eq!((as_json.code, as_json.err.as_str()), (2, ""));
    assert_eq!(as_json.json()["problems"][0]["code"], "misspelt-constant");
    assert_eq!(as_json.json()["problems"][0]["line"], 4);
    // What was asked for is a dry run, so the mistake is no result.
    let dry_run = run(&care, "dry-run --format json");
    assert_eq!((dry_run.code, dry_run.out.as_str()), (2, ""));
    assert!(dry_run.err.contains("TOPPIC"), "{}", dry_run.err);
}

#[test]
fn the_first_dry_run_on_ones_own_tables() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    rusqlite::Connection::open(care.join("company.db"))
        .unwrap()
        .execute_batch(
            "CREATE TABLE customers (id TEXT, full_name TEXT, email_address TEXT, language TEXT,
                                     time_zone TEXT, refused_topics TEXT, created_at TIMESTAMP);
             CREATE TABLE invoices (id TEXT, customer_id TEXT, total REAL, issued_on DATE,
                                    due_on DATE, paid_on DATE);
             INSERT INTO customers VALUES
                ('c1', 'Ana Lopez', 'ana@example.com', 'en', NULL, NULL, '2020-01-01 00:00:00'),
                ('c2', 'Bo Holm', NULL, NULL, NULL, NULL, '2020-01-01 00:00:00');
             INSERT INTO invoices VALUES
                ('2026-017', 'c1', 120.5, '2026-02-01', '2026-03-03', NULL),
                ('2026-018', 'c1', 80, '2026-02-01', '2026-03-04', NULL),
                ('2026-019', 'c2', 7, '2026-02-01', '2026-03-04', '2026-03-11'),
                ('2026-020', 'c2', 7, '2026-02-01', '2026-03-04', '2026-03-09');",
        )
        .unwrap();
    let configuration = fs::read_to_string(care.join("lookout.toml")).unwrap();
    let configured =
        configuration.replace("# url = \"sqlite:company.db\"", "url = \"sqlite:company.db\"");
    assert_ne!(configured, configuration);
    fs::write(care.join("lookout.toml"), configured).unwrap();
    let before = files(&care);
    assert!(run(&care, "check").fine().contains("held against the SQLite database company.db"));
    let tuesday = "--as-of 2026-03-10T10:00:00Z";
    insta::assert_snapshot!("first_dry_run", run(&care, &format!("dry-run {tuesday}")).fine());
    let message = run(&care, &format!("dry-run --message c1 {tuesday}")).fine();
    insta::assert_snapshot!("first_message", message);
    assert_eq!(files(&care), before, "nothing is kept");

    let ran = run(&care, &format!("run {tuesday} --format json")).json();
    assert_eq!(ran["totals"]["contact"], 2);
    let outbox = run(&care, "outbox --format json").json();
    assert_eq!(outbox["states"]["sent"], 1);
    assert_eq!(
        outbox["outreaches"][0]["subjects"],
        json!([
            { "customer_id": "c1", "subject": "2026-017" },
            { "customer_id": "c1", "subject": "2026-018" }
        ])
    );
}

#[test]
fn a_case_that_fails_says_what_came_instead() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), "init care").fine();
    let care = folder.path().join("care");
    let rule = care.join("rules/overdue-invoice/rule.rhai");
    let text = fs::read_to_string(&rule).unwrap();
    fs::write(&rule, text.replace("GRACE = 3", "GRACE = 2")).unwrap();
    let tested = run(&care, "test");
    assert_eq!((tested.code, tested.err.as_str()), (1, ""));
    insta::assert_snapshot!("test_that_fails", tested.out);
    let tested = run(&care, "test overdue-invoice --format json");
    assert_eq!((tested.code, &tested.json()["failed"]), (1, &json!(1)));
    let unknown = run(&care, "test overdue-invoices");
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert!(unknown.err.contains("did you mean `overdue-invoice`?"), "{}", unknown.err);
}
