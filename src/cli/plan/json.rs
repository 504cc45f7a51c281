//! In what two versions differ, as JSON: ids and reasons, no names and no words.

use serde_json::{Value, json};

use super::base::Base;
use crate::pipeline::Considered;
use crate::pipeline::difference::{Change, Decided, Difference, Kind};

/// The comparison, as it stands in a plan.
pub(super) fn comparison(
    base: &Base,
    difference: &Difference,
    before: &Considered,
    after: &Considered,
) -> Value {
    let sums = difference.moved.iter().map(|moved| {
        json!({
            "rule": moved.rule, "what": moved.what, "before": moved.before, "after": moved.after,
        })
    });
    json!({
        "base": base.name,
        "pack": base.pack.hash,
        "totals": before.report.totals,
        "customers": {
            "looked_at": after.report.totals.customers,
            "differ": difference.customers(),
            "lost": difference.lost,
            "gained": difference.gained,
            "changed": difference.changed,
        },
        "differences": difference.changes.iter().map(change).collect::<Vec<_>>(),
        "sums": sums.collect::<Vec<_>>(),
    })
}

fn change(change: &Change) -> Value {
    let what: Vec<&str> = match &change.kind {
        Kind::Changed(what) => what.iter().map(|what| what.name()).collect(),
        Kind::Lost | Kind::Gained | Kind::Reason => Vec::new(),
    };
    json!({
        "rule": change.rule,
        "customer_id": change.customer,
        "subject": change.subject,
        "task": change.is_task,
        "kind": change.kind.name(),
        "what": what,
        "rival": change.rival,
        "before": change.before.as_ref().map(decision),
        "after": change.after.as_ref().map(decision),
    })
}

/// A decision without the facts that it was made on: what `mute_when` read of the customer.
fn decision(decided: &Decided) -> Value {
    let mut told = json!(decided.decision);
    if told["reason"] == "muted"
        && let Some(evidence) = told["evidence"].as_object_mut()
    {
        evidence.remove("read");
    }
    told
}
