//! What a test says: to people, to programs and to CI systems; and which rules a change touches.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{ORDER, pack, tested, write_cases};
use crate::support::program::run;

const WRONG: &str = r#"
[[case]]
name = "six days & <seven>"
order.order_date = "1998-05-01"
expect = { email = "email" }

[[case]]
name = "a word too many"
expect = { email = "mail", subject_contains = "11020", body_lacks = "Sergio" }

[[case]]
name = "not when we wrote an hour ago"
contacts = [{ rule = "churn-risk", ago = "1h" }]
expect = { refused = { reason = "cap", free_at = "1998-05-08T09:00:00Z", per = "2d" } }

[[case]]
name = "it holds"
expect = { contact = true }

[[case]]
name = "outranked"
rivals = ["reopened-ticket"]
expect = { email = "email" }

[[case]]
name = "told, and told that it is over"
expect = { email = "email" }

[[case.step]]
after = "1d"
gone = true
expect = { no_match = true }
"#;

#[test]
fn a_failure_shows_what_was_expected_beside_what_came_and_why() {
    let folder = pack();
    write_cases(folder.path(), "stalled-order", &format!("{ORDER}{WRONG}"));
    let told = run(folder.path(), "test stalled-order --junit report.xml");
    assert_eq!((told.code, told.err.as_str()), (1, ""));
    insta::assert_snapshot!("failures", told.out);
    insta::assert_snapshot!("junit", fs::read_to_string(folder.path().join("report.xml")).unwrap());
    let (_, tested) = tested(folder.path(), "stalled-order");
    assert_eq!(tested["failed"], 5);
    assert_eq!(
        tested["cases"][2]["failures"],
        json!([
            { "step": 0, "as_of": "1998-05-07T09:00:00Z", "line": 16, "what": "refused.free_at",
              "expected": "1998-05-08T09:00:00Z", "actual": "1998-05-08T08:00:00Z" },
            { "step": 0, "as_of": "1998-05-07T09:00:00Z", "line": 16, "what": "refused.per",
              "expected": "2d", "actual": "1d" },
        ])
    );
    assert_eq!(tested["cases"][5]["steps"], 2);
    assert_eq!(tested["cases"][5]["decisions"][1][0]["outcome"], "contact");
}

#[test]
fn a_rule_that_raises_fails_its_case_with_file_and_line() {
    let folder = pack();
    let rule = folder.path().join("rules/stalled-order/rule.rhai");
    let text = fs::read_to_string(&rule).unwrap();
    fs::write(&rule, text.replace("days_since(order.order_date) >=", "order.order_date - 1 >="))
        .unwrap();
    let told = run(folder.path(), "test stalled-order");
    assert_eq!(told.code, 1, "{}", told.out);
    assert!(told.out.contains("an error: "), "{}", told.out);
    assert!(told.out.contains("rules/stalled-order/rule.rhai:9\n"), "{}", told.out);
}

fn git(folder: &Path, line: &str) {
    let me = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"];
    let done = Command::new("git").arg("-C").arg(folder).args(me).args(line.split(' ')).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn only_what_a_change_touches_is_tested() {
    let folder = pack();
    let folder = folder.path();
    git(folder, "init -q");
    git(folder, "add -A");
    git(folder, "commit -qm first");
    let rules = |line: &str| {
        let (code, tested) = tested(folder, line);
        assert_eq!(code, 0, "{tested:#}");
        let mut rules: Vec<String> = tested["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| case["rule"].as_str().unwrap().to_owned())
            .collect();
        rules.dedup();
        rules
    };
    let touch = |file: &str| {
        let path = folder.join("rules").join(file);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}\n")).unwrap();
    };
    assert_eq!(rules("--changed"), [""; 0]);
    let told = run(folder, "test --changed").fine();
    assert_eq!(told, "Nothing that a case tries has changed since HEAD.\n");
    touch("onboarding/email.md");
    assert_eq!(rules("--changed"), ["onboarding"]);
    git(folder, "add -A");
    git(folder, "commit -qm second");
    assert_eq!(rules("--changed"), [""; 0]);
    assert_eq!(rules("--changed=HEAD~1"), ["onboarding"]);
    // A file that is named anew is missing where it was.
    git(folder, "mv rules/failed-logins/email.th.md rules/onboarding/email.th.md");
    let moved = folder.join("rules/onboarding/email.th.md");
    let text = fs::read_to_string(&moved).unwrap();
    fs::write(&moved, text.replace("{{ UNLOCK }}", "https://example.com")).unwrap();
    let told = run(folder, "test --changed");
    assert!(told.out.starts_with("failed-logins\n"), "{}{}", told.out, told.err);
    git(folder, "reset -q --hard");
    touch("signals/logins.sql");
    assert_eq!(rules("--changed"), ["failed-logins"]);
    // A rival's words are not tried, but its priority and topic are.
    touch("stalled-order/rule.rhai");
    assert_eq!(rules("--changed"), ["failed-logins", "stalled-order", "thank-you-survey"]);
    touch("policy.toml");
    assert_eq!(rules("--changed").len(), 7);
    git(folder, "checkout -q -- .");
    touch("signals/customers.sql");
    assert_eq!(rules("--changed").len(), 7);
    for line in ["test onboarding --changed", "test --changed onboarding"] {
        let both = run(folder, line);
        assert_eq!((both.code, both.out.as_str()), (2, ""), "{line}");
        assert!(both.err.contains("write --changed=onboarding\n"), "{}", both.err);
    }
    let unknown = run(folder, "test --changed=nowhere");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("git knows no revision `nowhere`"), "{}", unknown.err);
}
