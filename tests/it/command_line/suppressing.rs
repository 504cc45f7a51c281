//! Keeping somebody from being contacted: one by one, or all who refused before.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{demo, told};
use crate::support::program::{lookout, ran, run};

/// What becomes of the candidates of a rule for a customer: outcome and reason.
fn outcome(folder: &Path, rule: &str, customer: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_str(&told(folder, "dry-run --format json")).unwrap();
    let decisions = report["decisions"].as_array().unwrap().iter();
    let ours = decisions.filter(|d| d["rule"] == rule && d["customer_id"] == customer);
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    ours.map(|d| (word(&d["outcome"]), word(&d["reason"]))).collect()
}

fn is(outcome: &str, reason: &str) -> (String, String) {
    (outcome.to_owned(), reason.to_owned())
}

#[test]
fn who_is_suppressed_hears_nothing_until_it_is_lifted() {
    let demo = demo();
    let demo = demo.path();
    assert_eq!(run(demo, "suppress --list").fine(), "Nobody is suppressed.\n");
    let said = run(demo, "suppress BLAUS").fine();
    let necessary = "What nobody can refuse goes on reaching them: security.\n";
    let done = "1 customer or address will not be contacted any more.\n";
    let addresses = "Nor will whoever else is at hanna.moos@blaus.example.com and 062108460.\n";
    assert_eq!(said, format!("{done}{addresses}{necessary}"));
    let said = run(demo, "suppress Howard.Snyder@Greal.example.com --topic service").fine();
    assert_eq!(said, "1 customer or address will not be contacted any more about service.\n");
    let said = run(demo, "suppress BLAUS").fine();
    assert_eq!(said, "Nothing changed: 1 customer or address was suppressed already.\n");
    assert_eq!(outcome(demo, "stalled-order", "BLAUS"), [is("refused", "suppressed")]);
    let both = [is("refused", "suppressed"), is("refused", "suppressed")];
    assert_eq!(outcome(demo, "stalled-order", "GREAL"), both);
    assert_eq!(outcome(demo, "stalled-order", "LAMAI"), [is("contact", "-")]);

    let unknown = run(demo, "suppress BLAUSS");
    assert_eq!((unknown.code, unknown.out.as_str()), (1, ""));
    let nobody = "has no customer with the id `BLAUSS`, so this keeps nobody from being contacted.";
    assert!(unknown.err.contains(nobody), "{}", unknown.err);
    let named = ran(lookout(demo).args(["suppress", "Lazy K Kountry Store", "--topic", "service"]));
    assert_eq!(named.code, 1);
    assert!(
        named.err.contains("They have another id: lookout suppress LAZYK --topic service"),
        "{}",
        named.err
    );
    run(demo, "unsuppress BLAUSS");
    ran(lookout(demo).args(["unsuppress", "Lazy K Kountry Store", "--topic", "service"]));

    let listed = run(demo, "suppress --list").fine();
    let who: Vec<_> = listed.lines().map(|l| l.split("  ").next().unwrap()).collect();
    assert_eq!(
        who,
        ["BLAUS hanna.moos@blaus.example.com 062108460", "howard.snyder@greal.example.com"]
    );
    let listed = run(demo, "suppress --list --format json").json();
    assert_eq!(listed["suppressions"][3]["topic"], "service");
    assert_eq!(listed["suppressions"][0]["customer_id"], "BLAUS");

    // Lifting is as exact as suppressing: another topic lifts nothing.
    let said = run(demo, "unsuppress BLAUS --topic offers").fine();
    assert_eq!(said, "Nothing changed: 1 customer or address was not suppressed about offers.\n");
    assert_eq!(outcome(demo, "stalled-order", "BLAUS"), [is("refused", "suppressed")]);
    let said = run(demo, "unsuppress BLAUS").fine();
    assert_eq!(said, "1 customer or address may be contacted again.\n");
    assert_eq!(outcome(demo, "stalled-order", "BLAUS"), [is("contact", "-")]);
}

#[test]
fn a_list_of_those_who_refused_before_is_taken_whole_or_not_at_all() {
    let demo = demo();
    let demo = demo.path();
    let list =
        "# from the old system\nBLAUS\n\n howard.snyder@greal.example.com \n+49 (221) 555-1\n";
    fs::write(demo.join("refused.txt"), format!("{list}ana@example.com, Ana\nx@\n+12\n")).unwrap();
    let refused = run(demo, "suppress --from refused.txt");
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    insta::assert_snapshot!("suppress_from_a_bad_list", refused.err);
    assert_eq!(run(demo, "suppress --list").fine(), "Nobody is suppressed.\n");

    fs::write(demo.join("refused.txt"), list).unwrap();
    let taken = run(demo, "suppress --from refused.txt --format json").json();
    let told = json!({
        "schema_version": 1, "named": 3, "changed": 3, "addresses": 2, "unread": null, "unknown": [],
    });
    assert_eq!(taken, told);
    let twice = run(demo, "suppress --from refused.txt").fine();
    assert_eq!(twice, "Nothing changed: 3 customers or addresses were suppressed already.\n");
    let listed = run(demo, "suppress --list --format json").json();
    let notes = listed["suppressions"].as_array().unwrap().iter().map(|s| &s["note"]);
    assert_eq!(notes.collect::<Vec<_>>(), ["from refused.txt"; 5]);
    assert_eq!(outcome(demo, "stalled-order", "BLAUS"), [is("refused", "suppressed")]);
    let lifted = run(demo, "unsuppress --from refused.txt").fine();
    assert_eq!(lifted, "3 customers or addresses may be contacted again.\n");
    assert_eq!(run(demo, "suppress --list").fine(), "Nobody is suppressed.\n");

    fs::write(demo.join("empty.txt"), "# nobody\n").unwrap();
    let empty = run(demo, "suppress --from empty.txt");
    assert_eq!((empty.code, empty.out.as_str()), (2, ""));
    assert!(empty.err.contains("empty.txt names nobody"), "{}", empty.err);
    let topic = run(demo, "suppress BLAUS --topic servise");
    assert_eq!((topic.code, topic.out.as_str()), (2, ""));
    assert!(topic.err.contains("policy.toml has no topic `servise`"), "{}", topic.err);
}
