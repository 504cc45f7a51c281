//! A customer's facts as a case to keep: played by itself, it gives the decision that it was made of.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::program::run;

/// One customer for each way in which something is decided.
fn different(decisions: &Value) -> Vec<(String, String, Value)> {
    let mut found = BTreeMap::new();
    for decision in decisions.as_array().unwrap() {
        let text = |name: &str| decision[name].as_str().unwrap_or_default().to_owned();
        let key = (text("rule"), text("channel"), text("outcome"), text("reason"));
        found.entry(key).or_insert((text("rule"), text("customer_id"), decision.clone()));
    }
    found.into_values().collect()
}

/// Makes a case of each, and gives how many were made.
fn hold(folder: &Path, as_of: &str) -> usize {
    let decided = run(folder, &format!("dry-run --format json --as-of {as_of}")).json();
    let mut kept: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    let different = different(&decided["decisions"]);
    for (rule, customer, decision) in &different {
        let line =
            format!("explain {customer} --rule {rule} --as-case --format json --as-of {as_of}");
        let ran = run(folder, &line);
        let made = ran.json();
        if decision["reason"] == "expired" {
            // Of what was put off by an earlier run, a case knows nothing; then it says so.
            assert_eq!((ran.code, &made["cases"][0]["same_decision"]), (1, &json!(false)));
            assert!(ran.err.contains("a message that waits already"), "{}", ran.err);
            continue;
        }
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{line}\n{}", ran.out);
        let cases = made["cases"].as_array().unwrap();
        let case = cases.iter().find(|case| case["subject"] == decision["subject"]).unwrap();
        let text = case["case"].as_str().unwrap().to_owned();
        kept.entry(rule.clone()).or_default().push((text, decision.clone()));
    }
    for (rule, cases) in &kept {
        let texts: Vec<&str> = cases.iter().map(|(text, _)| text.as_str()).collect();
        fs::write(folder.join("rules").join(rule).join("cases.toml"), texts.join("\n")).unwrap();
        drop(fs::remove_dir_all(folder.join("rules").join(rule).join("golden")));
        let tested = run(folder, &format!("test {rule} --format json"));
        assert_eq!(
            (tested.code, tested.err.as_str()),
            (0, ""),
            "{}\n{}",
            tested.out,
            texts.join("\n")
        );
        let tested = tested.json();
        for (number, (text, decision)) in cases.iter().enumerate() {
            let played = tested["cases"][number]["decisions"][0].as_array().unwrap();
            let same = |one: &&Value| {
                ["rule", "subject", "channel", "outcome", "reason", "not_before"]
                    .iter()
                    .all(|field| one[field] == decision[field])
            };
            assert!(played.iter().any(|one| same(&one)), "{decision:#}\n{played:#?}\n{text}");
        }
    }
    different.len()
}

#[test]
fn a_customer_becomes_a_case_that_decides_the_same() {
    let folder = tempfile::tempdir().unwrap();
    lookout::demo::unpack(folder.path()).unwrap();
    let folder = folder.path();
    let first = "1998-05-07T09:00:00Z";
    assert!(hold(folder, first) >= 12);

    let told =
        run(folder, &format!("explain RANCH --rule stalled-order --as-case --as-of {first}"));
    let text = told.fine();
    // What says who it is differs each time; what decides does not.
    assert!(text.contains("customer_id = \"RANCH\""), "{text}");
    assert!(text.contains("email = \"email\" }"), "{text}");
    let other =
        run(folder, &format!("explain RANCH --rule stalled-order --as-case --as-of {first}"));
    assert_ne!(text, other.fine());
    for personal in ["Sergio", "Rancho", "ranch@", "123-5555", "michael"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }

    run(folder, &format!("run --as-of {first}")).fine();
    // Who has stopped it since, and whose mail came back, by the books alone.
    run(folder, "suppress GREAL --topic service").fine();
    run(folder, "suppress OLDWO").fine();
    assert!(hold(folder, "1998-05-11T09:00:00Z") >= 6);
}

#[test]
fn what_is_silent_is_a_case_too_and_a_rule_has_to_be_named() {
    let folder = tempfile::tempdir().unwrap();
    lookout::demo::unpack(folder.path()).unwrap();
    let line =
        "explain ALFKI --rule onboarding --as-case --format json --as-of 1998-05-07T09:00:00Z";
    let made = run(folder.path(), line).json();
    assert_eq!(made["cases"][0]["same_decision"], json!(true));
    let text = made["cases"][0]["case"].as_str().unwrap();
    assert!(text.contains("expect = { no_match = true }"), "{text}");
    // Of many it is the one that `explain` shows: what turns next.
    let line = "explain SAVEA --rule thank-you-survey --as-of 1998-05-08T09:00:00Z";
    let shown = run(folder.path(), line).fine();
    assert!(shown.contains("delivery 11064: does not match"), "{shown}");
    let made = run(folder.path(), &format!("{line} --as-case --format json")).json();
    assert_eq!(made["cases"][0]["subject"], "11064");
    let without = run(folder.path(), "explain ALFKI --as-case");
    assert_eq!(without.code, 2);
    assert!(without.err.contains("--rule"), "{}", without.err);
}

/// The line of a case that begins so.
fn line<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find(|line| line.starts_with(key))
}

#[test]
fn what_a_customer_lacks_and_the_base_gives_is_absent() {
    let folder = tempfile::tempdir().unwrap();
    lookout::demo::unpack(folder.path()).unwrap();
    let file = folder.path().join("rules/onboarding/cases.toml");
    let base = "[base]\ncustomer = { customer_id = \"ANA\", email = \"ana@example.com\", \
                consents = \"surveys\", refusals = \"*\", habits = { orders = 3, last_order_date = \"1998-01-01\" }, \
                tickets = { open = 2 } }\n\n";
    fs::write(&file, base).unwrap();
    drop(fs::remove_dir_all(folder.path().join("rules/onboarding/golden")));
    let told = "explain FISSA --rule onboarding --as-case --as-of 1998-05-07T09:00:00Z";
    let made = run(folder.path(), told).fine();
    let absent = line(&made, "absent").unwrap().to_owned();
    for name in
        ["\"customer.refusals\"", "\"customer.tickets\"", "\"customer.habits.last_order_date\""]
    {
        assert!(absent.contains(name), "{name}: {absent}");
    }
    assert!(!absent.contains("customer_id") && !absent.contains("habits.orders"), "{absent}");
    assert!(line(&made, "expect").unwrap().contains("email"), "{made}");
    fs::write(&file, format!("{base}{made}")).unwrap();
    let tested = run(folder.path(), "test onboarding");
    assert_eq!(tested.code, 0, "{}{made}", tested.out);
}

/// The books as they stood then: what was decided at that instant, or later, plays no part.
#[test]
fn a_case_of_what_has_passed_stands_on_the_books_of_then() {
    let folder = tempfile::tempdir().unwrap();
    lookout::demo::unpack(folder.path()).unwrap();
    let folder = folder.path();
    let of = |rule: &str, customer: &str, as_of: &str| {
        let line = format!("explain {customer} --rule {rule} --as-case --as-of {as_of}");
        run(folder, &line)
    };
    let (earlier, first) = ("1998-05-06T09:00:00Z", "1998-05-07T09:00:00Z");
    let people =
        [("onboarding", "FISSA"), ("stalled-order", "RANCH"), ("thank-you-survey", "CHOPS")];
    let instants = [earlier, first];
    let made = || -> Vec<_> {
        let each = people.iter().flat_map(|who| instants.map(|as_of| (who, as_of)));
        each.map(|((rule, customer), as_of)| of(rule, customer, as_of)).collect()
    };
    let before = made();
    run(folder, &format!("run --as-of {first}")).fine();
    let after = made();
    let mut contacts = 0;
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((after.code, after.err.as_str()), (0, ""), "{}", after.out);
        for key in ["name", "matching_for", "contacts", "rivals", "expect"] {
            assert_eq!(line(&before.out, key), line(&after.out, key), "{}", after.out);
        }
        assert_eq!(line(&after.out, "contacts"), None);
        contacts += usize::from(line(&after.out, "expect").unwrap().contains("email = "));
    }
    assert!(contacts >= 1, "{}", after[1].out);
}
