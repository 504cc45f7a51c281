//! How commands end, and what stands where: results on stdout, everything else on stderr.

use std::fs;

use super::{INSTANT, demo};
use crate::support::program::{lookout, ran, run};

#[test]
fn exit_codes_say_how_it_went() {
    let demo = demo();
    let demo = demo.path();
    let at = format!("--as-of {INSTANT}");
    let code = |line: &str| run(demo, line).code;
    assert_eq!(code("check"), 0);
    // 1: findings.
    fs::remove_file(demo.join("rules/onboarding/cases.toml")).unwrap();
    assert_eq!(code("check"), 1, "a rule without a case is a finding …");
    assert_eq!(code(&format!("dry-run {at}")), 0, "… and never stops a run");
    // 2: usage or configuration.
    let wrong = [
        "",
        "dry-run --as-of yesterday",
        "frobnicate",
        "dry-run --snapshot a --source b",
        "deliver --as-of 1998-05-07",
        "test --as-of 1998-05-07",
    ];
    for line in wrong {
        assert_eq!(code(line), 2, "{line}");
    }
    assert_eq!(code(&format!("dry-run --rules elsewhere {at}")), 2);
    assert_eq!(code("dry-run --config missing.toml"), 2);
    // 3: a database or server is unavailable.
    let down = "postgres://nobody@127.0.0.1:1/none";
    assert_eq!(code(&format!("dry-run --source {down} {at}")), 3);
    assert_eq!(code(&format!("run --state {down} {at}")), 3);
    assert_eq!(code(&format!("outbox --state {down}")), 3);
    // 4: partly failed. A rule that fails on every row sits out, and the others go on.
    let rule = demo.join("rules/stalled-order/rule.rhai");
    let text = fs::read_to_string(&rule).unwrap();
    fs::write(&rule, text.replace(">= PATIENCE", ">= PATIENCE / (PATIENCE - 7)")).unwrap();
    let partly = run(demo, &format!("dry-run {at} --format json"));
    assert_eq!(partly.code, 4);
    let tallies = partly.json()["rules"].as_array().unwrap().clone();
    let quarantined: Vec<_> = tallies.iter().filter(|r| r["quarantined"] == true).collect();
    assert_eq!((quarantined.len(), &quarantined[0]["rule"]), (1, &"stalled-order".into()));
    assert!(partly.json()["totals"]["contact"].as_u64().unwrap() > 5);
}

#[test]
fn json_stands_alone_on_stdout() {
    let demo = demo();
    let demo = demo.path();
    let looking = [
        "check",
        "dry-run",
        "plan --base rules --out p.json",
        "explain GREAL",
        "snapshot save a.snap",
        "run",
        "run",
    ];
    let looking = looking.map(|line| format!("{line} --as-of {INSTANT}"));
    let by_the_clock =
        ["test", "deliver", "outbox", "tasks", "tasks --all", "suppress BLAUS", "suppress --list"];
    for line in looking.iter().map(String::as_str).chain(by_the_clock) {
        let line = format!("{line} --format json");
        // Even with logs, which are JSON too where nobody looks at a terminal.
        let ran = ran(lookout(demo).args(line.split(' ')).env("LOOKOUT_LOG", "debug"));
        assert_eq!(ran.code, 0, "{line}: {}", ran.err);
        assert!(ran.json().is_object(), "{line}");
        for log in ran.err.lines() {
            assert!(serde_json::from_str::<serde_json::Value>(log).is_ok(), "{line}: {log}");
        }
    }
    let other = self::demo();
    let ran = run(other.path(), "demo d --format json");
    assert!(ran.json()["totals"].is_object());
    let at = format!("--as-of {INSTANT}");
    let message = format!("dry-run --message GREAL {at}");
    for line in ["tasks --done 1", "init care", "preview stalled-order", &message] {
        let ran = run(demo, &format!("{line} --format json"));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}");
        assert!(ran.json().is_object(), "{line}");
    }
}

#[test]
fn a_failure_leaves_stdout_empty() {
    let demo = demo();
    for line in [
        "dry-run --source sqlite:none.db --format json",
        "explain NOBODY --format json",
        "tasks --done 7 --format json",
        "run --config none.toml --format json",
        "test no-such-rule --format json",
    ] {
        let ran = run(demo.path(), line);
        assert!(ran.code >= 2, "{line}");
        assert_eq!(ran.out, "", "{line}");
        assert!(ran.err.starts_with("error"), "{line}: {}", ran.err);
    }
    assert!(!demo.path().join("none.db").exists(), "an absent database is never made");
}

#[test]
fn help_is_there_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), "--help").fine();
    insta::assert_snapshot!("help", help);
    for line in help.lines().filter(|l| l.starts_with("  ") && !l.starts_with("   ")) {
        let command = line.split_whitespace().next().unwrap();
        if command.starts_with('-') || command == "help" {
            continue;
        }
        let own = run(folder.path(), &format!("{command} --help")).fine();
        assert!(own.contains(&format!("Usage: lookout {command}")), "{own}");
    }
    assert_eq!(
        run(folder.path(), "--version").fine(),
        concat!("lookout ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_dry_run_is_of_all_rules() {
    let demo = demo();
    let one = run(demo.path(), "dry-run --rule churn-risk");
    assert_eq!((one.code, one.out.as_str()), (2, ""));
    assert!(one.err.contains("`lookout explain CUSTOMER --rule churn-risk`"), "{}", one.err);
}

#[test]
fn an_export_is_written_over_nothing() {
    let demo = demo();
    let demo = demo.path();
    run(demo, &format!("run --as-of {INSTANT}")).fine();
    run(demo, "history GREAL --export greal.json").fine();
    let again = run(demo, "history GREAL --export greal.json");
    assert_eq!((again.code, again.out.as_str()), (2, ""));
    assert_eq!(
        again.err,
        "error: greal.json is there already, and nothing is written over it; name another file, or \
         remove this one\n"
    );
}
