//! Databases that are absent, locked, of another kind or of another version.

use rusqlite::Connection;

use super::company::*;

/// What a person reads, where the command is to end like that and to leave everything as it was.
fn unchanged(company: &Company, line: &str, code: i32) -> String {
    let before = company.books();
    let said = match line {
        "outbox" => company.lookout(line),
        _ => company.lookout(&format!("{line} --as-of {SECOND_DAY}")),
    };
    assert_eq!(said.code, code, "{}", said.whole());
    assert_eq!(company.books(), before);
    said.whole()
}

const NO_DATABASE: &str = "This is no database, only a text that somebody put here by mistake; \
                           it is long enough to be taken for one.";

#[test]
fn a_source_that_is_absent() {
    let company = Company::after_the_first_day();
    company.remove("shop.db");
    let told = ["check", "dry-run", "run"].map(|line| unchanged(&company, line, 3));
    assert!(!company.path("shop.db").exists());
    company.change("lookout.toml", "sqlite:shop.db", "postgres://care:s3cret@127.0.0.1:1/shop");
    let server = unchanged(&company, "run", 3);
    company.change("lookout.toml", "postgres://care", "mysql://care");
    let unknown = unchanged(&company, "run", 2);
    assert!(!server.contains("s3cret") && !unknown.contains("s3cret"));
    insta::assert_snapshot!([told.join("\n"), server, unknown].join("\n"));
}

#[test]
fn a_source_that_is_locked_or_something_else() {
    let company = Company::after_the_first_day();
    let writer = Connection::open(company.path("shop.db")).unwrap();
    writer.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let locked = unchanged(&company, "run", 3);
    writer.execute_batch("ROLLBACK").unwrap();
    drop(writer);
    company.write("shop.db", NO_DATABASE);
    insta::assert_snapshot!([locked, unchanged(&company, "run", 3)].join("\n"));
}

#[test]
fn a_state_database_that_is_absent() {
    let company = Company::new();
    let dry_run = format!("dry-run --as-of {SECOND_DAY}");
    let told = [dry_run.as_str(), "outbox", "tasks", "suppress --list"].map(|line| {
        let said = company.lookout(line);
        assert_eq!(said.code, 0);
        said.whole()
    });
    assert!(!company.path("lookout.db").exists(), "who only reads makes nothing");
    company.change("lookout.toml", "sqlite:lookout.db", "sqlite:nowhere/lookout.db");
    let nowhere = unchanged(&company, "run", 3);
    company.change(
        "lookout.toml",
        "sqlite:nowhere/lookout.db",
        "postgres://care:s3cret@127.0.0.1:1/state",
    );
    let server = unchanged(&company, "run", 3);
    assert!(!server.contains("s3cret"));
    company.change(
        "lookout.toml",
        "[state]\nurl = \"postgres://care:s3cret@127.0.0.1:1/state\"\n",
        "",
    );
    let unsaid = unchanged(&company, "run", 2);
    assert_eq!(company.books(), Books::empty());
    insta::assert_snapshot!([told.join("\n"), nowhere, server, unsaid].join("\n"));
}

#[test]
fn a_state_database_that_is_locked() {
    let company = Company::after_the_first_day();
    let before = company.books();
    let writer = Connection::open(company.path("lookout.db")).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = company.run(SECOND_DAY);
    writer.execute_batch("ROLLBACK").unwrap();
    assert_eq!(run.code, 3, "{}", run.whole());
    assert_eq!(company.books(), before);
    assert_eq!(company.run(SECOND_DAY).code, 0);
    assert_eq!(company.mail().len(), 3);
    insta::assert_snapshot!(run.whole());
}

#[test]
fn a_state_database_of_another_kind() {
    let company = Company::new();
    company.write("lookout.db", NO_DATABASE);
    let text = unchanged(&company, "run", 2);
    assert_eq!(std::fs::read(company.path("lookout.db")).unwrap(), NO_DATABASE.as_bytes());
    company.change("lookout.toml", "sqlite:lookout.db", "sqlite:shop.db");
    insta::assert_snapshot!([text, unchanged(&company, "run", 2)].join("\n"));
}

#[test]
fn a_state_database_of_another_version() {
    let company = Company::after_the_first_day();
    let state = Connection::open(company.path("lookout.db")).unwrap();
    state.execute_batch("INSERT INTO lookout_migrations VALUES (99, 'from the future')").unwrap();
    let newer = ["run", "dry-run", "outbox"].map(|line| unchanged(&company, line, 2));
    let old = Company::new();
    let state = Connection::open(old.path("lookout.db")).unwrap();
    let table =
        "CREATE TABLE lookout_migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT";
    state.execute_batch(table).unwrap();
    let older = ["dry-run", "outbox"].map(|line| unchanged(&old, line, 2));
    insta::assert_snapshot!([newer.join("\n"), older.join("\n")].join("\n"));
}
