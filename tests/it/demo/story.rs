//! What somebody sees who tries the demo, and that the same instant twice changes nothing.

use std::path::Path;

use crate::support::program::{files, lookout, ran, run};
use crate::support::smtp;

const INSTANT: &str = "1998-05-07T09:00:00Z";

#[test]
fn the_demo_tells_the_whole_story() {
    let folder = tempfile::tempdir().unwrap();
    let told = run(folder.path(), "demo d").fine();
    insta::assert_snapshot!(told);

    let found = files(&folder.path().join("d"));
    let mails: Vec<_> = found.keys().filter(|name| name.starts_with("mail/")).collect();
    assert_eq!(mails.len(), 16);
    for mail in mails {
        let parsed = smtp::parse(&folder.path().join("d").join(mail));
        assert_eq!(parsed["defects"], serde_json::json!([]), "{mail}");
        assert_eq!(smtp::header(&parsed, "From"), ["Northwind Traders <care@example.com>"]);
    }
    assert_eq!(found.keys().filter(|name| name.starts_with("sms/")).count(), 1);
    assert_eq!(found["LICENSE-northwind"], std::fs::read("demo/northwind/LICENSE").unwrap());
    let tasks = run(&folder.path().join("d"), "tasks --format json").json();
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 7);
    for task in tasks["tasks"].as_array().unwrap() {
        assert!(told.contains(task["title"].as_str().unwrap()), "{task}");
    }
}

#[test]
fn the_demo_takes_no_folder_that_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    let refused = run(folder.path(), "demo .");
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert_eq!(
        refused.err,
        "error: . is there already and not empty; name a new folder, or remove this one\n"
    );
    assert_eq!(files(folder.path()).len(), 1);
}

/// What is there to see after a run: the outbox, the tasks and every file but the state itself.
fn standing(folder: &Path) -> String {
    let seen = ["outbox --format json", "tasks --all --format json", "suppress --list"];
    let seen: Vec<_> = seen.iter().map(|line| run(folder, line).fine()).collect();
    let mut kept = files(folder);
    kept.retain(|name, _| !name.starts_with("lookout.db"));
    format!("{seen:?}\n{kept:?}")
}

#[test]
fn the_same_instant_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let first = run(folder.path(), "demo d --format json").fine();
    let inside = folder.path().join("d");
    let before = standing(&inside);
    assert!(before.matches(".eml").count() >= 16);

    let from_elsewhere = format!("run --config d/lookout.toml --as-of {INSTANT} --format json");
    assert_eq!(run(folder.path(), &from_elsewhere).fine(), first);
    let from_inside = format!("run --as-of {INSTANT} --format json");
    assert_eq!(run(&inside, &from_inside).fine(), first);
    assert_eq!(standing(&inside), before);

    let told = run(&inside, &format!("run --as-of {INSTANT}")).fine();
    assert!(told.starts_with("Run, decided before and not again\n"), "{told}");
    let rest = "Nothing was due to leave.\n6 wait for their time, the first for 7 May 13:00.\n";
    assert!(told.ends_with(rest), "{told}");
    assert_eq!(standing(&inside), before);

    let earlier = run(&inside, "run --as-of 1998-05-06T09:00:00Z --format json");
    assert_eq!((earlier.code, earlier.out.as_str()), (2, ""));
    assert_eq!(standing(&inside), before);
}

#[test]
fn the_next_morning_nobody_hears_twice() {
    let folder = tempfile::tempdir().unwrap();
    let first: serde_json::Value =
        serde_json::from_str(&run(folder.path(), "demo d --format json").fine()).unwrap();
    let inside = folder.path().join("d");
    let again = "run --as-of 1998-05-08T09:00:00Z --format json";
    let next: serde_json::Value = serde_json::from_str(&run(&inside, again).fine()).unwrap();

    let told = |report: &serde_json::Value| -> Vec<String> {
        let decisions = report["decisions"].as_array().unwrap().iter();
        let told =
            decisions.filter(|d| ["contact", "task"].contains(&d["outcome"].as_str().unwrap()));
        let who = |d: &serde_json::Value| {
            ["rule", "customer_id", "subject", "channel"].map(|f| d[f].as_str().unwrap()).join(" ")
        };
        told.map(who).collect()
    };
    let before = told(&first);
    assert!(before.len() > 20);
    let again: Vec<_> = told(&next).into_iter().filter(|who| before.contains(who)).collect();
    // A reminder, which its rule asks for: that customer refused our mail, and nobody answered.
    assert_eq!(again, ["ignored-ticket VAFFE 5044 task"]);
    let great =
        next["decisions"].as_array().unwrap().iter().filter(|d| d["customer_id"] == "GREAL");
    let reasons: Vec<_> = great.map(|d| d["reason"].as_str().unwrap_or_default()).collect();
    assert_eq!(reasons, ["already_contacted", "already_contacted"]);
}

#[test]
fn what_the_demo_says_to_try_next_works() {
    let folder = tempfile::tempdir().unwrap();
    let told = run(folder.path(), "demo d").fine();
    let next: Vec<&str> =
        told.lines().filter_map(|line| line.trim().strip_prefix("lookout ")).collect();
    assert!(next.len() >= 3, "{told}");
    for line in next {
        let ran = ran(lookout(folder.path()).args(line.split_whitespace()));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
    }
}
