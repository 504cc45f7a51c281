//! How long things had lasted when somebody was told: what the time functions of a rule's condition
//! gave at the first contact about each subject. Rhai is not asked: a date is counted from as in
//! [`Moment`].

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::figures::Reached;
use super::spread::Spread;
use crate::domain::{CustomerId, Field, Instant, SubjectId, Value};
use crate::pack::{Pack, PackRule};
use crate::predicate::{Expr, TimeFunction, Told};

/// What one time function gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// As the rule says it: `days_since(order.order_date)`.
    pub measure: String,
    /// What it gave at the first contact of each episode; for a rule that only makes tasks, at
    /// the first task.
    #[serde(flatten)]
    pub spread: Spread,
}

/// Measures a rule by what it reached.
pub(super) fn of(pack: &Pack, rule: &PackRule, reached: &[Reached<'_>]) -> Vec<Measure> {
    let first = first(reached);
    let mut counted = BTreeSet::new();
    let mut measures = Vec::new();
    rule.rule.condition.visit(&mut |expr| {
        let Expr::Time(function, inner) = expr else { return };
        let Expr::Field(field) = inner.as_ref() else { return };
        let measure = format!("{}({})", function.name(), said(field, rule));
        if !counted.insert(measure.clone()) {
            return;
        }
        let numbers = first.iter().filter_map(|at| count(pack, *function, field, at));
        if let Some(spread) = Spread::of(numbers.collect()) {
            measures.push(Measure { measure, spread });
        }
    });
    measures
}

/// A subject when it was first told about.
struct FirstTime<'a> {
    at: Instant,
    facts: &'a crate::domain::Facts,
}

/// The first time that each episode was told about.
fn first<'a>(reached: &[Reached<'a>]) -> Vec<FirstTime<'a>> {
    let contacts = reached.iter().any(|one| one.is_warning());
    let wanted = reached.iter().filter(|one| !one.outreach.last_word);
    let wanted = wanted.filter(|one| one.is_warning() == contacts);
    let mut first: BTreeMap<(&CustomerId, &SubjectId, Instant), FirstTime<'a>> = BTreeMap::new();
    for one in wanted {
        for subject in &one.outreach.subjects {
            let episode = (&subject.customer, &subject.subject, subject.episode_started_at);
            let told = || FirstTime { at: one.at, facts: &subject.facts };
            first.entry(episode).or_insert_with(told);
        }
    }
    first.into_values().collect()
}

fn count(pack: &Pack, function: TimeFunction, field: &Field, told: &FirstTime<'_>) -> Option<i64> {
    let Value::Text(text) = told.facts.get(field)? else { return None };
    Some(pack.engine.moment(told.at).count(function, Told::read(text)?))
}

/// A field as the rule's script names it.
fn said(field: &Field, rule: &PackRule) -> String {
    match field {
        Field::Customer(name) => format!("customer.{name}"),
        Field::Signal(signal, name) => format!("customer.{signal}.{name}"),
        Field::Subject(name) => {
            format!("{}.{name}", rule.rule.subject_name.as_deref().unwrap_or("subject"))
        }
    }
}
