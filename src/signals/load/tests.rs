//! Loading signals: what is taken, and what is refused.

use super::*;
use crate::domain::Severity;

/// Loads a folder of these files; gives the names of the signals and the codes of the problems.
fn load_files(files: &[(&str, &[u8])]) -> (Option<Signals>, Vec<(String, &'static str)>) {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let mut problems = Vec::new();
    let signals = load(dir.path(), &mut problems);
    let file = |p: &Problem| p.place.file.file_name().unwrap().to_string_lossy().into_owned();
    (signals, problems.iter().map(|p| (file(p), p.code)).collect())
}

const CUSTOMERS: (&str, &[u8]) = ("customers.sql", b"SELECT customer_id FROM customers");

#[test]
fn a_good_folder_has_no_problems() {
    let (signals, problems) = load_files(&[
        CUSTOMERS,
        ("orders.sql", b"-- key: order_id\nSELECT 1 WHERE :as_of > 1"),
        ("orders.postgres.sql", b"SELECT $$x$$ WHERE '1998-05-07'::date < :as_of"),
        ("lite.sqlite.sql", b"SELECT `a` WHERE 1 < :as_of"),
        ("notes.txt", b"nothing"),
    ]);
    assert_eq!(problems, []);
    let signals = signals.unwrap();
    let orders = &signals.others[&SignalName::from("orders")];
    assert_eq!(orders.key.as_deref(), Some("order_id"));
    assert!(orders.written(Dialect::Postgres).file.ends_with("orders.postgres.sql"));
    let lite = &signals.others[&SignalName::from("lite")];
    assert!(lite.written(Dialect::Postgres).query.is_err());
}

#[test]
fn every_mistake_is_reported_at_once() {
    let (signals, mut problems) = load_files(&[
        CUSTOMERS,
        ("latin.sql", b"SELECT 'caf\xe9'"),
        ("empty.sql", b"\n-- nothing\n"),
        ("two.sql", b"SELECT :as_of; SELECT 2"),
        ("writes.sql", b"DELETE FROM customers"),
        ("badly.sql", b"-- default: a\nSELECT :as_of"),
        ("keyed.sql", b"-- key: id\n-- default: a = 1\nSELECT :as_of"),
        ("my-orders.sql", b"SELECT :as_of"),
        ("new.sql", b"SELECT :as_of"),
        ("orders.mysql.sql", b"SELECT :as_of"),
        ("differs.sql", b"-- key: a\nSELECT :as_of"),
        ("differs.sqlite.sql", b"-- key: b\nSELECT :as_of"),
        ("future.sql", b"SELECT 1"),
    ]);
    problems.sort();
    let expected = [
        ("badly.sql", "bad-header"),
        ("differs.sqlite.sql", "header-differs"),
        ("empty.sql", "empty-signal"),
        ("future.sql", "knows-the-future"),
        ("keyed.sql", "useless-default"),
        ("latin.sql", "not-utf8"),
        ("my-orders.sql", "bad-signal-name"),
        ("new.sql", "bad-signal-name"),
        ("orders.mysql.sql", "unknown-database"),
        ("two.sql", "two-statements"),
        ("writes.sql", "not-a-query"),
    ];
    assert_eq!(problems, expected.map(|(file, code)| (file.to_owned(), code)));
    assert_eq!(
        signals.unwrap().others.keys().map(SignalName::as_str).collect::<Vec<_>>(),
        ["future"]
    );
}

#[test]
fn a_query_for_one_database_only_is_no_mistake_yet() {
    let (signals, problems) =
        load_files(&[CUSTOMERS, ("a.sql", b"SELECT E'\\'' WHERE 1 < :as_of")]);
    assert_eq!(problems, []);
    assert!(signals.unwrap().others[&SignalName::from("a")].sqlite.query.is_err());
}

#[test]
fn without_customers_there_is_nothing() {
    let (signals, problems) = load_files(&[("a.sql", b"SELECT :as_of")]);
    assert!(signals.is_none());
    assert_eq!(problems, [("customers.sql".to_owned(), "no-customers")]);
    let (signals, problems) = load_files(&[("customers.sql", b"-- key: customer_id\nSELECT 1")]);
    assert!(signals.is_none());
    assert_eq!(problems, [("customers.sql".to_owned(), "keyed-customers")]);
    let mut problems = Vec::new();
    assert!(load(Path::new("/nowhere/signals"), &mut problems).is_none());
    assert_eq!(problems[0].code, "no-signals");
    assert_eq!(problems[0].severity, Severity::Error);
}
