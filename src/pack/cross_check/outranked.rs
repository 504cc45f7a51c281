//! A rule that another one always outranks: its words only ever come second.
//!
//! One recipient hears one contact a run, the most important one; an episode that was contacted once
//! leaves the table, and then others have their turn. So what can be said of a rule `b` and a rule `a`
//! that goes before it is this: *nobody hears `b` about something before they have heard `a` about it*.
//! It is proven where
//!
//! - `a` is true wherever `b` is: each of its conditions is one of `b`'s, about the same rows or about
//!   the customer whose rows they are;
//! - `a` goes before `b`: a higher `PRIORITY`, or the same and its id comes first;
//! - `a` always asks, on the channel on which `b` asks, under the same topic, so that address, consent,
//!   suppression, `mute_when`, caps and quiet hours let `a` pass wherever they let `b` pass;
//! - nothing of `a`'s own keeps it back where `b` may speak: no `FOR`, no `COOLDOWN`, no shorter
//!   `EXPIRES`, and no `SCHEDULE` but the one that `b` has;
//! - the topic leaves rank in force.
//!
//! Then in a run in which `b` would go out, `a` was told before, or goes out in its place. Only what
//! goes wrong makes an exception: `a` sits out a run for its errors, is held, or its message is lost.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::domain::{About, Ask, Problem, RuleId, RuleSettings, Value};
use crate::pack::PackRule;
use crate::policy::{Lenience, Policy};
use crate::predicate::Expr;

/// Reports each rule that another one always outranks, with the most important of those.
pub(super) fn check(
    rules: &BTreeMap<RuleId, PackRule>,
    policy: &Policy,
    problems: &mut Vec<Problem>,
) {
    let mut by_rank: Vec<&PackRule> = rules.values().collect();
    by_rank
        .sort_by_key(|rule| (Reverse(rule.rule.settings.priority), rule.rule.settings.id.clone()));
    for (rank, rule) in by_rank.iter().enumerate() {
        let first = by_rank[..rank].iter().find(|first| outranks(first, rule, policy));
        problems.extend(first.map(|first| second(rule, first)));
    }
}

fn second(rule: &PackRule, first: &PackRule) -> Problem {
    let (own, theirs) = (&rule.rule.settings, &first.rule.settings);
    let message = format!(
        "`{}` always comes second: wherever it is true, `{}` is true as well, and goes first",
        own.id, theirs.id
    );
    let label = match own.priority == theirs.priority {
        true => format!("`{}` has the same PRIORITY, and a name that comes first", theirs.id),
        false => format!("`{}` has {}", theirs.id, theirs.priority),
    };
    let help = format!(
        "give it a PRIORITY above {} if it is the special case; or let `{}` leave its customers out",
        theirs.priority, theirs.id
    );
    let places = &rule.rule.setting_places;
    let place = places.get("PRIORITY").unwrap_or(&rule.rule.when_place).clone();
    Problem::finding(place, "always-outranked", message).label(label).help(help)
}

/// Whether nobody hears `b` before `a`. `a` goes before `b` already.
fn outranks(a: &PackRule, b: &PackRule, policy: &Policy) -> bool {
    let (first, second) = (&a.rule.settings, &b.rule.settings);
    (first.about == About::Customers || first.about == second.about)
        && speaks_first(first, second, policy)
        && speaks_wherever(a, b)
        && implies(&b.rule.condition, &a.rule.condition)
}

/// Whether by their settings and the policy `first` always goes before `second`, where both are true and
/// ask on one channel. A test plays that on the decision itself.
fn speaks_first(first: &RuleSettings, second: &RuleSettings, policy: &Policy) -> bool {
    let rank = |rule: &RuleSettings| (Reverse(rule.priority), rule.id.clone());
    let topic = first.topic.as_ref().and_then(|topic| policy.topics.get(topic));
    rank(first) < rank(second)
        && topic.is_some_and(|topic| !topic.ignore.contains(&Lenience::Outranked))
        && first.topic == second.topic
        && first.holds_for.is_none()
        && first.cooldown.is_none()
        && first.expires.delta() >= second.expires.delta()
        && (first.schedule.is_none() || first.schedule == second.schedule)
}

/// Whether one of the contacts that `a` always asks for goes the only way that `b`'s may go.
fn speaks_wherever(a: &PackRule, b: &PackRule) -> bool {
    let ways = |rule: &PackRule, certain: bool| -> Vec<Vec<String>> {
        let asks = rule.rule.asks.iter().filter(|ask| ask.certain || !certain);
        let way = asks.filter_map(|ask| match &ask.ask {
            Ask::Send(channel, _) if channel.is_contact() => Some(vec![channel.0.clone()]),
            Ask::Send(..) => None,
            Ask::Contact(_) => {
                Some(rule.contact_channels().into_iter().map(|channel| channel.0).collect())
            }
        });
        way.collect()
    };
    let theirs = ways(b, false);
    b.rule.asks_are_written
        && !theirs.is_empty()
        && ways(a, true).iter().any(|way| theirs.iter().all(|other| other == way))
}

/// Whether `a` is true on every row on which `b` is, and doesn't raise there.
fn implies(b: &Expr, a: &Expr) -> bool {
    let (of_b, of_a) = (conditions(b), conditions(a));
    let is_typed = |condition: &Expr| condition.stopped().is_empty();
    of_a.iter().all(|condition| is_typed(condition) && of_b.contains(condition))
}

/// The parts of which each has to be true.
fn conditions(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::And(parts) => parts.iter().flat_map(conditions).collect(),
        Expr::Constant(Value::Bool(true)) => Vec::new(),
        other => vec![other],
    }
}

#[cfg(test)]
mod tests;
