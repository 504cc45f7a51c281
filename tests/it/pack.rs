//! The packs of this repository, held against what they are made for; and findings, which fail
//! `check` and never a run.

use std::path::{Path, PathBuf};

use lookout::demo::{Dialect, generated_sql};
use tempfile::TempDir;

use crate::support::postgres;

const AS_OF: &str = "1998-05-07T09:00:00Z";

/// Has the binary do something in a folder; gives its exit code and all that it said.
fn lookout(folder: &Path, line: &str) -> (i32, String) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_lookout"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), format!("{}{}", text(output.stdout), text(output.stderr)))
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The demo, with the repository's own pack in it.
fn demo() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = lookout(folder.path(), "demo shop");
    assert_eq!(code, 0, "{said}");
    let shop = folder.path().join("shop");
    (folder, shop)
}

fn assert_fine(folder: &Path, line: &str, says: &str) {
    let (code, said) = lookout(folder, line);
    assert!(code == 0 && said.contains(says), "lookout {line}: {code}\n{said}");
}

#[test]
fn the_pack_is_right_by_itself_and_against_sqlite() {
    let (_folder, shop) = demo();
    let rules = repository().join("rules");
    let rules = rules.display();
    let empty = tempfile::tempdir().unwrap();
    assert_fine(empty.path(), &format!("check --rules {rules}"), "is right: 7 rules, 8 signals");
    assert_fine(empty.path(), &format!("test --rules {rules}"), "all hold");
    let against = format!("check --rules {rules} --source sqlite:northwind.db --as-of {AS_OF}");
    assert_fine(&shop, &against, "held against the SQLite database northwind.db");
    assert_fine(&shop, "check", "is right");
    assert_fine(&shop, "test", "all hold");
}

#[tokio::test]
async fn the_pack_is_right_against_postgresql() {
    let url = postgres::database().await;
    let dump = std::fs::read_to_string("demo/northwind/northwind.sql").unwrap();
    postgres::execute(&url, &dump).await;
    postgres::execute(&url, &generated_sql(Dialect::Postgres)).await;
    let against = format!("check --source {url} --as-of {AS_OF}");
    assert_fine(&repository(), &against, "held against the PostgreSQL database");
}

/// What `lookout init` gives, beside a database that has the tables it speaks of.
fn starter(sql: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = lookout(folder.path(), "init care");
    assert_eq!(code, 0, "{said}");
    let file = folder.path().join("care/company.db");
    if file.exists() {
        std::fs::remove_file(&file).unwrap();
    }
    let company = rusqlite::Connection::open(file).unwrap();
    company.execute_batch(sql).unwrap();
    folder
}

const COMPANY: &str = "
    CREATE TABLE customers (id TEXT, full_name TEXT, email_address TEXT, mobile TEXT,
        prefers TEXT, language TEXT, time_zone TEXT, account_manager TEXT, agreed_topics TEXT, refused_topics TEXT, plan TEXT,
        trial_ends_on DATE, created_at TIMESTAMP);
    INSERT INTO customers VALUES ('c1', 'Ana Lopez', 'ana@example.com', NULL, NULL, 'en', 'Europe/Berlin', NULL,
        NULL, NULL, 'basic', NULL, '2026-01-01 00:00:00');
    CREATE TABLE invoices (id TEXT, customer_id TEXT, total DECIMAL(10, 2), due_on DATE,
        issued_on DATE, paid_on DATE);
    INSERT INTO invoices VALUES ('2026-017', 'c1', 120.5, '2026-03-06', '2026-02-20', NULL);";

const LATER: &str = "--as-of 2026-03-10T10:00:00Z --source sqlite:company.db";

#[tokio::test]
async fn the_starter_is_right_as_it_stands() {
    let folder = starter(COMPANY);
    let care = folder.path().join("care");
    assert_fine(&care, "test", "5 cases, all hold");
    assert_fine(&care, &format!("check {LATER}"), "is right: 1 rule, 2 signals, 5 cases");
    let url = postgres::database().await;
    postgres::execute(&url, COMPANY).await;
    assert_fine(
        &care,
        &format!("check {}", LATER.replace("sqlite:company.db", &url)),
        "the PostgreSQL database",
    );
    assert_fine(&care, &format!("run {LATER}"), "Delivery: 1 sent.");
}

/// A finding fails `check`; who would hear from us still hears.
#[rstest::rstest]
#[case::no_case("overdue-invoice/cases.toml", None, "no-case")]
#[case::knows_the_future("signals/invoices.sql", Some(":as_of"), "knows-the-future")]
#[case::no_limits("policy.toml", Some("cap and quiet hours"), "no-limits")]
fn findings_fail_check_and_no_run(
    #[case] file: &str,
    #[case] without: Option<&str>,
    #[case] code: &str,
) {
    let folder = starter(COMPANY);
    let care = folder.path().join("care");
    let path = care.join("rules").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    match without {
        None => std::fs::remove_file(&path).unwrap(),
        Some(":as_of") => {
            std::fs::write(&path, text.replace(":as_of", "'2026-03-10'")).unwrap();
        }
        Some(_) => {
            let kept = text.split("[quiet_hours]").next().unwrap();
            std::fs::write(&path, kept).unwrap();
        }
    }
    let (exit, said) = lookout(&care, &format!("check {LATER}"));
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains(&format!("finding[{code}]")), "{said}");
    assert!(said.contains("1 finding in rules") && !said.contains("error"), "{said}");
    assert!(said.contains(file) || code == "no-case", "{said}");
    assert!(said.contains("help: "), "{said}");
    assert_fine(&care, &format!("dry-run {LATER}"), "1 candidate = 1 contacted now");
    assert_fine(&care, &format!("run {LATER}"), "Delivery: 1 sent.");
    assert_eq!(std::fs::read_dir(care.join("mail")).unwrap().count(), 1);
}

#[test]
fn definitions_hold_every_column_with_its_type() {
    let folder = starter(COMPANY);
    let care = folder.path().join("care");
    let by_itself = "definitions care/by-itself --rules care/rules";
    assert_fine(folder.path(), by_itself, "as far as rules and cases name them");
    assert_fine(&care, &format!("definitions editor {LATER}"), "with their types as the SQLite");
    let read = |file: &str| std::fs::read_to_string(care.join(file)).unwrap();
    let (by_itself, against) = (read("by-itself/lookout.d.rhai"), read("editor/lookout.d.rhai"));
    let invoice = "type InvoicesRow = #{\n    /// Text.\n    customer_id: String,\n    /// A date.\n    due_on: String,";
    assert!(against.contains(invoice), "{against}");
    assert!(against.contains("let invoice: InvoicesRow;"), "{against}");
    assert!(
        by_itself.contains("    due_on: String,") && !by_itself.contains("locale"),
        "{by_itself}"
    );
    assert!(read("editor/rhai.d.rhai").starts_with("/// What Rhai itself gives"));
    for inside in ["rules/editor", "mail/../rules/editor"] {
        std::fs::create_dir_all(care.join("mail")).unwrap();
        let (code, said) = lookout(&care, &format!("definitions {inside}"));
        assert!(code == 2 && said.contains("inside the pack"), "{said}");
    }
    assert!(!care.join("rules/editor").exists());
}
