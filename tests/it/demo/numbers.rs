//! The counts of a run: who is found, that each candidate is decided once, and that the sums add up.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::unpacked;
use crate::support::program::run;

fn report() -> Value {
    let demo = unpacked();
    let line = "dry-run --as-of 1998-05-07T09:00:00Z --format json";
    serde_json::from_str(&run(demo.path(), line).fine()).unwrap()
}

fn text<'a>(decision: &'a Value, field: &str) -> &'a str {
    decision[field].as_str().unwrap_or_default()
}

#[test]
fn the_eleven_stalled_orders_of_ten_customers_are_found() {
    let report = report();
    let decisions = report["decisions"].as_array().unwrap();
    let stalled: Vec<_> = decisions.iter().filter(|d| d["rule"] == "stalled-order").collect();
    let orders: BTreeSet<_> = stalled.iter().map(|d| text(d, "subject")).collect();
    let known = [
        "11008", "11019", "11039", "11040", "11045", "11051", "11054", "11058", "11059", "11061",
        "11062",
    ];
    assert_eq!(orders, known.into());
    assert_eq!(stalled.len(), 11, "one decision an order");
    assert_eq!(stalled.iter().map(|d| text(d, "customer_id")).collect::<BTreeSet<_>>().len(), 10);
    let tally = report["rules"].as_array().unwrap().iter().find(|r| r["rule"] == "stalled-order");
    assert_eq!(
        tally.unwrap(),
        &serde_json::json!({ "rule": "stalled-order", "matches": 11, "errors": 0, "quarantined": false })
    );

    let great: Vec<_> = stalled.iter().filter(|d| d["customer_id"] == "GREAL").collect();
    assert_eq!(great.iter().map(|d| text(d, "subject")).collect::<Vec<_>>(), ["11040", "11061"]);
    assert!(great.iter().all(|d| d["outcome"] == "contact"), "{great:?}");
    assert_eq!(great[0]["outreach"], great[1]["outreach"]);
    assert_eq!(text(great[0], "outreach").len(), 32);
}

#[test]
fn every_candidate_has_one_decision_and_a_reason_where_it_is_refused() {
    let report = report();
    let decisions = report["decisions"].as_array().unwrap();
    let place = |d: &Value| {
        ["rule", "customer_id", "subject", "channel"].map(|field| text(d, field).to_owned())
    };
    let places: Vec<_> = decisions.iter().map(place).collect();
    assert!(places.len() > 40);
    assert!(places.is_sorted(), "ordered by rule, customer, subject, channel");
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), places.len(), "none comes twice");
    for decision in decisions {
        let outcome = text(decision, "outcome");
        let refused = outcome == "refused";
        assert_eq!(decision["reason"].is_string(), refused, "{decision}");
        assert_eq!(decision["outreach"].is_null(), refused || outcome == "held", "{decision}");
        assert_eq!(decision["not_before"].is_string(), outcome == "deferred", "{decision}");
        assert!(decision["evidence"].is_object(), "{decision}");
    }
}

#[test]
fn the_totals_add_up() {
    let report = report();
    let decisions = report["decisions"].as_array().unwrap();
    let total = |name: &str| report["totals"][name].as_u64().unwrap();
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    for decision in decisions {
        *outcomes.entry(text(decision, "outcome")).or_default() += 1;
    }
    for outcome in ["contact", "deferred", "refused", "held", "task"] {
        assert_eq!(total(outcome), outcomes.get(outcome).copied().unwrap_or(0), "{outcome}");
    }
    assert_eq!(total("candidates"), decisions.len() as u64);
    let outcomes = ["contact", "deferred", "refused", "held", "task"];
    assert_eq!(total("candidates"), outcomes.map(total).iter().sum::<u64>());
    assert_eq!(total("customers"), 91);
    let outreaches: BTreeSet<_> = decisions.iter().filter_map(|d| d["outreach"].as_str()).collect();
    assert_eq!(total("outreaches"), outreaches.len() as u64);
    let tallies = report["rules"].as_array().unwrap();
    let matches: u64 = tallies.iter().map(|r| r["matches"].as_u64().unwrap()).sum();
    assert_eq!(total("matches"), matches);
    for tally in tallies {
        let of_rule = decisions.iter().filter(|d| d["rule"] == tally["rule"]);
        let subjects: BTreeSet<_> =
            of_rule.map(|d| (text(d, "customer_id"), text(d, "subject"))).collect();
        assert_eq!(tally["matches"], subjects.len(), "each match of {tally} asks for something");
    }
}
