//! Looking at what would be and what was: explain, dry-run, preview, snapshot, outbox and tasks.

use super::{INSTANT, demo, told};
use crate::support::program::run;

#[test]
fn explain_says_why_and_why_not() {
    let demo = demo();
    for customer in ["RANCH", "HANAR", "GREAL"] {
        let text = told(demo.path(), &format!("explain {customer}"));
        insta::assert_snapshot!(format!("explain_{customer}"), text);
    }
    let one = told(demo.path(), "explain LINOD --rule stalled-order");
    insta::assert_snapshot!("explain_one_rule", one);
    let nobody = run(demo.path(), &format!("explain GREALT --as-of {INSTANT}"));
    assert_eq!((nobody.code, nobody.out.as_str()), (2, ""));
    assert!(nobody.err.contains("`GREALT`; did you mean GREAL"), "{}", nobody.err);
}

#[test]
fn a_message_is_printed_in_full() {
    let demo = demo();
    insta::assert_snapshot!("message", told(demo.path(), "dry-run --message GREAL"));
    insta::assert_snapshot!("message_in_thai", told(demo.path(), "dry-run --message LAMAI"));
    insta::assert_snapshot!("messages_and_tasks", told(demo.path(), "dry-run --message KOENE"));
    insta::assert_snapshot!("no_message", told(demo.path(), "dry-run --message LINOD"));
}

#[test]
fn long_lists_are_shown_to_their_end_when_asked() {
    let demo = demo();
    let database = rusqlite::Connection::open(demo.path().join("northwind.db")).unwrap();
    let stalled = "UPDATE orders SET shipped_date = NULL WHERE order_date >= '1998-04-01'";
    assert!(database.execute(stalled, []).unwrap() > 50);
    let short = told(demo.path(), "dry-run");
    assert!(short.contains(" more (--all shows them)\n"), "{short}");
    let long = told(demo.path(), "dry-run --all");
    assert!(!long.contains("--all"), "{long}");
    assert!(long.lines().count() > short.lines().count() + 20);
}

#[test]
fn a_preview_shows_every_channel_and_language() {
    let demo = demo();
    let shown = run(demo.path(), "preview failed-logins --out page.html").fine();
    assert_eq!(shown, "7 messages in page.html\n");
    let page = std::fs::read_to_string(demo.path().join("page.html")).unwrap();
    for words in
        ["Trouble logging in?", "Ihr Konto ist gesperrt", "เข้าสู่ระบบไม่ได้ใช่ไหม", "Possible attack"]
    {
        assert!(page.contains(words), "{words}");
    }
    let own = told(demo.path(), "preview stalled-order --customer GREAL");
    assert!(own.ends_with(" in stalled-order.html\n"), "{own}");
}

#[test]
fn a_snapshot_says_what_it_holds_and_what_it_hides() {
    let demo = demo();
    let save = "snapshot save monday.snap";
    insta::assert_snapshot!("snapshot_save", told(demo.path(), save));
    let twice = run(demo.path(), &format!("{save} --as-of {INSTANT}"));
    assert_eq!((twice.code, twice.out.as_str()), (2, ""));
    assert!(twice.err.contains("monday.snap"), "{}", twice.err);
    insta::assert_snapshot!(
        "snapshot_save_unmasked",
        told(demo.path(), "snapshot save open.snap --unmasked")
    );
    let seen = run(demo.path(), "explain RANCH --rule stalled-order --snapshot open.snap").fine();
    let taken = seen.split("taken at ").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(
        taken.len(),
        "1998-05-07T09:00:00Z".len(),
        "seconds are enough for a person: {taken}"
    );
    insta::assert_snapshot!("explain_of_a_snapshot", without_pack(&seen.replace(taken, "TIME")));
}

#[test]
fn the_outbox_and_the_tasks_are_lists() {
    let demo = demo();
    let nothing = "Nothing is on its way, and nothing has been.\n";
    assert_eq!(run(demo.path(), "outbox").fine(), nothing);
    assert_eq!(run(demo.path(), "tasks").fine(), "There are no tasks.\n");
    assert!(!demo.path().join("lookout.db").exists(), "looking makes nothing");
    told(demo.path(), "run");
    let inside = |text: String| {
        // Keys are long and say nothing to a reader.
        let key = |word: &str| word.len() == 32 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let hide = |line: &str| match line.rsplit_once('/').map(|(_, name)| name.split_once('.')) {
            Some(Some((name, _))) if key(name) => line.replace(name, "KEY"),
            _ => line.to_owned(),
        };
        text.lines().map(hide).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!("outbox", inside(run(demo.path(), "outbox").fine()));
    insta::assert_snapshot!(
        "outbox_of_a_state",
        inside(run(demo.path(), "outbox --only ready").fine())
    );
    insta::assert_snapshot!("tasks", run(demo.path(), "tasks").fine());
    run(demo.path(), "tasks --done 3").fine();
    insta::assert_snapshot!("all_tasks", hide_times(&run(demo.path(), "tasks --all").fine()));
    let wrong = run(demo.path(), "tasks --done 99");
    assert_eq!((wrong.code, wrong.out.as_str()), (2, ""));
    assert!(wrong.err.contains("there is no open task 99"), "{}", wrong.err);
}

/// A task is done by the wall clock, which is another at each run of this test.
fn hide_times(text: &str) -> String {
    // How wide that time is moves the columns beside it.
    let narrow = |line: &str| match line.split_once("until ") {
        Some((before, rest)) => {
            let at = rest.find("  ").unwrap_or(rest.len());
            format!("{before}until {}  {}", &rest[..at], rest[at..].trim_start())
        }
        None => line.to_owned(),
    };
    let hide = |line: &str| match line.split_once("done ") {
        Some((before, rest)) => {
            let after = rest.find("  ").map_or("", |at| rest[at..].trim_start());
            format!("{before}done TIME  {after}")
        }
        None => narrow(line),
    };
    text.lines().map(hide).collect::<Vec<_>>().join("\n")
}

/// The pack's hash is another after each change to the demo's rules.
fn without_pack(text: &str) -> String {
    let hash = text.split("with pack ").nth(1).unwrap().split_whitespace().next().unwrap();
    text.replace(hash, "HASH")
}

#[test]
fn check_explains_how_each_rule_is_judged() {
    let demo = demo();
    let change = |rule: &str, from: &str, to: &str| {
        let file = demo.path().join("rules").join(rule).join("rule.rhai");
        let script = std::fs::read_to_string(&file).unwrap();
        assert!(script.contains(from), "{script}");
        std::fs::write(file, script.replace(from, to)).unwrap();
    };
    change("stalled-order", ">= PATIENCE", ">= PATIENCE && customer.name.to_upper() != \"X\"");
    change("failed-logins", "fn when(customer) {", "fn when(customer) {\n    for n in 0..3 { }");
    insta::assert_snapshot!("check_explain", told(demo.path(), "check --explain"));
    let json = told(demo.path(), "check --explain --format json");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rules = json["rules"].as_array().unwrap();
    let judged = |rule: &str| rules.iter().find(|r| r["rule"] == rule).unwrap();
    assert_eq!(judged("churn-risk")["judged"], "columns");
    assert_eq!(judged("stalled-order")["judged"], "columns_then_rhai");
    assert_eq!(judged("failed-logins")["judged"], "rhai");
    assert_eq!(judged("failed-logins")["stopped"][0]["what"], "a loop");
    assert_eq!(judged("failed-logins")["stopped"][0]["line"], 12);
}
