//! How the sums of a run move between two versions of a pack. Only what differs is among them.

use std::collections::BTreeSet;

use crate::domain::{Decision, Outcome, Refusal, RuleId, RunReport};

/// A sum that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Of which rule; `None` for all of them.
    pub rule: Option<RuleId>,
    /// `matches`, `errors`, `contact`, `deferred`, `held`, `task`, `refused`, or the code of a reason.
    pub what: &'static str,
    /// Before.
    pub before: u64,
    /// After.
    pub after: u64,
}

/// Outcomes that are counted as such; a refusal counts by its reason as well.
const OUTCOMES: [Outcome; 5] =
    [Outcome::Contact, Outcome::Deferred, Outcome::Held, Outcome::Task, Outcome::Refused];

/// The sums that differ: of all rules, then of each.
pub(super) fn moved(before: &RunReport, after: &RunReport) -> Vec<Moved> {
    let tallies = before.rules.iter().chain(&after.rules);
    let rules: BTreeSet<&RuleId> = tallies.map(|tally| &tally.rule).collect();
    let of = std::iter::once(None).chain(rules.into_iter().map(Some));
    of.flat_map(|rule| {
        let (old, new) = (sums(before, rule), sums(after, rule));
        let moved = old.into_iter().zip(new).filter(|((_, before), (_, after))| before != after);
        moved.map(move |((what, before), (_, after))| Moved {
            rule: rule.cloned(),
            what,
            before,
            after,
        })
    })
    .collect()
}

/// Every sum of a rule, or of all of them, in one order.
fn sums(report: &RunReport, rule: Option<&RuleId>) -> Vec<(&'static str, u64)> {
    let ours = |of: &RuleId| rule.is_none_or(|rule| of == rule);
    let tallies = || report.rules.iter().filter(|tally| ours(&tally.rule));
    let decisions: Vec<&Decision> = report.decisions.iter().filter(|d| ours(&d.rule)).collect();
    let count = |wanted: &dyn Fn(&Decision) -> bool| {
        decisions.iter().filter(|decision| wanted(decision)).count() as u64
    };
    let mut sums = vec![
        ("matches", tallies().map(|tally| tally.matches).sum()),
        ("errors", tallies().map(|tally| tally.errors).sum()),
    ];
    for outcome in OUTCOMES {
        sums.push((outcome.name(), count(&|decision| decision.outcome == outcome)));
    }
    for code in Refusal::CODES {
        let refused = |decision: &Decision| {
            decision.outcome == Outcome::Refused
                && decision.refusal.as_ref().is_some_and(|refusal| refusal.code() == code)
        };
        sums.push((code, count(&refused)));
    }
    sums
}
