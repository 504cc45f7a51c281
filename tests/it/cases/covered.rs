//! What of a rule its cases reach. To look changes nothing.

use std::fs;

use lookout::rules::coverage::Coverage;
use lookout::stage;
use serde_json::json;

use super::{ORDER, pack, write_cases};
use crate::support::program::{Ran, run};

const RULE: &str = r#"//! Everything that can be looked at.
const ABOUT = "orders";
const TOPIC = "service";
const PATIENCE = 7;

fn is_stalled(order) {
    if order.required_date == () { return false; }
    days_since(order.order_date) >= PATIENCE
}

fn when(customer, order) {
    if customer.plan == "none" {
        return false;
    }
    is_stalled(order) && !(customer.plan == "free" || customer.plan == "trial")
}

fn then(customer, order) {
    switch customer.plan {
        "enterprise" => phone("task", #{ assign: customer.owner }),
        "basic" if order.order_id > 11000 => email("email"),
        _ => { task("task"); }
    }
}

fn resolved(customer, order) { email("on-its-way"); }
"#;

const CASES: &str = r#"
[[case]]
name = "a week is too long"
expect = { email = "email" }

[[case]]
name = "six days are not"
order.order_date = "1998-05-01"
expect = { no_match = true }

[[case]]
name = "not for those on trial"
customer.plan = "trial"
expect = { no_match = true }
"#;

#[test]
fn what_no_case_reaches_is_shown_with_its_line() {
    let folder = pack();
    let folder = folder.path();
    fs::write(folder.join("rules/stalled-order/rule.rhai"), RULE).unwrap();
    write_cases(folder, "stalled-order", &format!("{ORDER}{CASES}"));
    let told = run(folder, "test stalled-order --coverage").fine();
    insta::assert_snapshot!("coverage", told);
    let json = run(folder, "test stalled-order --coverage --format json").json();
    let rule = &json["coverage"][0];
    assert_eq!((&rule["seen"], &rule["whole"]), (&json!(10), &json!(17)));
    let stalled = rule["points"].as_array().unwrap().iter().find(|point| point["line"] == 15);
    assert_eq!((&stalled.unwrap()["yes"], &stalled.unwrap()["no"]), (&json!(2), &json!(1)));
    // 10 of 17 are 58 of a hundred.
    run(folder, "test stalled-order --min-coverage 58").fine();
    let below = run(folder, "test stalled-order --min-coverage 59");
    assert_eq!(below.code, 1);
    assert!(below.out.ends_with("\n3 cases hold; below 59%: stalled-order.\n"), "{}", below.out);
    run(folder, "test stalled-order --min-coverage 58%").fine();
    assert_eq!(run(folder, "test stalled-order --min-coverage 59%").code, 1);
    assert_eq!(run(folder, "test --min-coverage 101").code, 2);
}

/// A function that hides one of the language means what it meant, and is not looked at.
#[test]
fn a_function_by_the_name_of_one_of_the_language_stays_what_it_is() {
    let own = "fn abs(x) { x + 100 }\nfn max(a, b) { 100 }\nfn less(a) { abs(a) < 50 }";
    let told = watched("less(3) || max(1, 3) < 50", own).json();
    let points = told["coverage"][0]["points"].as_array().unwrap();
    assert!(points.iter().all(|point| point["yes"] == 0), "{points:#?}");
    assert!(points.iter().any(|point| point["no"] == 1), "{points:#?}");
}

/// Who looks is stopped by what calls on and on.
#[test]
fn to_look_comes_to_an_end() {
    let calls = |level: usize| vec![format!("f{level}(n)"); 12].join(" || ");
    let levels = (0..6).map(|level| format!("fn f{level}(n) {{ {} }}\n", calls(level + 1)));
    let functions = levels.collect::<String>() + "fn f6(n) { n > 3 }";
    assert_eq!(watched("f0(1)", &functions).code, 1);
    assert_eq!(watched("f(1)", "fn f(n) { f(n + 1) }").code, 1);
}

/// The stalled order's rule with another `when`, on one case that it doesn't match, looked at.
fn watched(when: &str, functions: &str) -> Ran {
    let folder = pack();
    let rule = format!(
        "//! Looked at.\nconst ABOUT = \"orders\";\nconst TOPIC = \"service\";\nconst PATIENCE = 7;\n{functions}\n\
         fn when(customer, order) {{ {when} }}\n\
         fn then(customer, order) {{ email(\"email\"); }}\n\
         fn resolved(customer, order) {{ email(\"on-its-way\"); }}\n"
    );
    fs::write(folder.path().join("rules/stalled-order/rule.rhai"), rule).unwrap();
    let case = "[[case]]\nname = \"one\"\nexpect = { no_match = true }\n";
    write_cases(folder.path(), "stalled-order", &format!("{ORDER}{case}"));
    run(folder.path(), "test stalled-order --coverage --format json")
}

/// A rule that is watched decides as it does when nobody looks.
#[tokio::test]
async fn to_look_changes_nothing() {
    let folder = pack();
    let rules = folder.path().join("rules");
    fs::create_dir(rules.join("looked-at")).unwrap();
    for entry in fs::read_dir(rules.join("stalled-order")).unwrap() {
        let file = entry.unwrap().path();
        if file.is_file() {
            fs::copy(&file, rules.join("looked-at").join(file.file_name().unwrap())).unwrap();
        }
    }
    fs::write(rules.join("looked-at/rule.rhai"), RULE).unwrap();
    write_cases(folder.path(), "looked-at", &format!("{ORDER}{CASES}"));
    let pack = lookout::pack::load(&rules).pack.unwrap();
    let mut watched = lookout::pack::load(&rules).pack.unwrap();
    let all = watched.rules.values_mut().map(|rule| &mut rule.rule);
    let coverage = Coverage::watch(&mut watched.engine, all);
    let mut decisions = 0;
    for (id, rule) in &pack.rules {
        for case in &rule.cases {
            let plain = stage::play(&pack, rule, case).await.unwrap();
            let seen = stage::play(&watched, &watched.rules[id], case).await.unwrap();
            for (plain, seen) in plain.iter().zip(&seen) {
                assert_eq!(plain.matched, seen.matched, "{id}: {}", case.name);
                let told = |played: &lookout::pipeline::case::Played| {
                    json!(played.considered.report.decisions)
                };
                assert_eq!(told(plain), told(seen), "{id}: {}", case.name);
                assert_eq!(plain.considered.decided.outreaches, seen.considered.decided.outreaches);
                decisions += plain.considered.report.decisions.len();
            }
        }
    }
    assert!(decisions > 30, "{decisions}");
    let seen = |rule: &str| {
        let points = &coverage.points()[&lookout::domain::RuleId::from(rule)];
        points.iter().map(|point| point.seen()).sum::<u64>()
    };
    assert_eq!(seen("looked-at"), 10);
    assert!(seen("churn-risk") > 0);
}
