//! Pull and judge: which rules are true for whom. Memory grows with the matches and the failing
//! rows, never with the customers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{RunError, Watch};
use crate::domain::{
    About, Batch, CustomerId, Facts, Field, Instant, Match, Problem, RuleId, RuleTally, SignalName,
    SubjectId,
};
use crate::pack::{Pack, PackRule};
use crate::rules::RowError;
use crate::signals::{Examined, View};

/// How many failing rows of a rule are kept to be shown.
const SHOWN: usize = 5;

/// Everything the rules found at one instant.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Customers there are.
    pub customers: u64,
    /// Rows of keyed signals without a customer.
    pub orphans: u64,
    /// How each rule fared.
    pub rules: BTreeMap<RuleId, RuleFound>,
    /// The watched customer's subjects, whether a rule matched or not.
    pub seen: Vec<Seen>,
}

/// How one rule fared.
#[derive(Clone, Debug, Default)]
pub struct RuleFound {
    /// How many subjects it was asked about.
    pub subjects: u64,
    /// For whom it is true.
    pub matches: Vec<Arc<Match>>,
    /// How many subjects it failed on.
    pub errors: u64,
    /// Some of them, to be shown.
    pub samples: Vec<FailedRow>,
    /// All of them, so that none of their episodes ends.
    pub failing: BTreeSet<(CustomerId, SubjectId)>,
    /// Why nothing of it goes out.
    pub quarantine: Option<Quarantine>,
}

/// One subject that a rule failed on.
#[derive(Clone, Debug)]
pub struct FailedRow {
    /// Whom.
    pub customer: CustomerId,
    /// What.
    pub subject: SubjectId,
    /// Why.
    pub error: RowError,
}

/// Why nothing of a rule goes out in a run, and no episode of it ends.
#[derive(Clone, Debug)]
pub enum Quarantine {
    /// It failed on too many subjects.
    Errors,
    /// A signal that it reads can't be used, or lacks what it reads.
    Signals(Vec<Problem>),
}

/// One subject of the watched customer.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which rule looked.
    pub rule: RuleId,
    /// At what.
    pub subject: SubjectId,
    /// What it read.
    pub facts: Facts,
    /// What it found.
    pub verdict: Result<bool, RowError>,
}

impl RuleFound {
    /// The rule's line in the report.
    pub fn tally(&self, rule: &RuleId) -> RuleTally {
        RuleTally {
            rule: rule.clone(),
            matches: self.matches.len() as u64,
            errors: self.errors,
            quarantined: self.quarantine.is_some(),
        }
    }

    /// Notes a subject that the rule failed on.
    pub(super) fn fail(&mut self, customer: CustomerId, subject: SubjectId, error: RowError) {
        self.errors += 1;
        if self.samples.len() < SHOWN {
            let (customer, subject) = (customer.clone(), subject.clone());
            self.samples.push(FailedRow { customer, subject, error });
        }
        self.failing.insert((customer, subject));
    }

    /// Quarantines the rule if it failed on more than `share` of its subjects.
    pub(super) fn judge_health(&mut self, share: f64) {
        if self.quarantine.is_none() && self.errors as f64 > self.subjects as f64 * share {
            self.quarantine = Some(Quarantine::Errors);
        }
    }
}

/// Pulls the signals that the rules need and judges every subject, in one consistent view.
pub async fn find(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    rules: &BTreeSet<RuleId>,
    watch: Watch<'_>,
) -> Result<Found, RunError> {
    let rules: BTreeMap<&RuleId, &PackRule> =
        pack.rules.iter().filter(|(id, _)| rules.contains(id)).collect();
    let in_use = rules.values().flat_map(|rule| signals_of(rule)).collect();
    let examined = view.examine(&pack.signals, &in_use).await?;
    if let Some(problems) = examined.problems.get(&pack.signals.customers.name) {
        return Err(RunError::Customers(problems.clone()));
    }
    let mut found = Found { customers: examined.customers, ..Found::default() };
    let mut by_about: BTreeMap<&About, Vec<(&RuleId, &PackRule)>> = BTreeMap::new();
    for (id, rule) in rules {
        let problems = unusable(rule, pack, &examined);
        let entry = found.rules.entry(id.clone()).or_default();
        if problems.is_empty() {
            by_about.entry(&rule.rule.settings.about).or_default().push((id, rule));
        } else {
            entry.quarantine = Some(Quarantine::Signals(problems));
        }
    }
    let mut rows = 0;
    for (about, group) in by_about {
        let fields: BTreeSet<Field> =
            group.iter().flat_map(|(_, rule)| &rule.reads).cloned().collect();
        let fields = fields.into_iter().filter(|field| has(&examined, about, field)).collect();
        let mut on_batch = |batch: Batch| {
            for (id, rule) in &group {
                judge(pack, (id, rule), &batch, as_of, watch, &mut found);
            }
            rows += batch.len() as u64;
            if let Some(progress) = watch.progress {
                progress(rows);
            }
        };
        let pulled =
            view.pull(&pack.signals, &examined, about, &fields, None, &mut on_batch).await?;
        found.orphans += pulled.orphans;
    }
    for rule in found.rules.values_mut() {
        rule.judge_health(pack.policy.errors);
    }
    Ok(found)
}

fn judge(
    pack: &Pack,
    (id, rule): (&RuleId, &PackRule),
    batch: &Batch,
    as_of: Instant,
    watch: Watch<'_>,
    found: &mut Found,
) {
    let judged = pack.engine.judge(&rule.rule, batch, as_of);
    if let Some(customer) = watch.customer {
        for row in (0..batch.len()).filter(|row| batch.customer(*row) == *customer) {
            let error = judged.errors.iter().find(|(failed, _)| *failed == row);
            found.seen.push(Seen {
                rule: id.clone(),
                subject: batch.subject(row),
                facts: batch.facts(row, &rule.reads),
                verdict: match error {
                    Some((_, error)) => Err(error.clone()),
                    None => Ok(judged.matched.contains(&row)),
                },
            });
        }
    }
    let Some(rule_found) = found.rules.get_mut(id) else { return };
    rule_found.subjects += batch.len() as u64;
    rule_found.matches.extend(judged.matched.into_iter().map(|row| {
        Arc::new(Match {
            rule: id.clone(),
            customer: batch.customer(row),
            subject: batch.subject(row),
            facts: batch.facts(row, &rule.reads),
        })
    }));
    for (row, error) in judged.errors {
        rule_found.fail(batch.customer(row), batch.subject(row), error);
    }
}

/// Holds the pack's names and queries against a database: everything that would keep a rule from
/// being judged.
pub async fn examine(pack: &Pack, view: &mut View) -> Result<Vec<Problem>, RunError> {
    let all = pack.signals.others.keys().cloned().collect();
    let examined = view.examine(&pack.signals, &all).await?;
    let signals = examined.problems.values().flatten().cloned();
    let rules = pack.rules.values().flat_map(|rule| unusable(rule, pack, &examined));
    let problems: BTreeSet<Problem> = signals.chain(rules).collect();
    Ok(problems.into_iter().collect())
}

/// The signals that a rule, its words and its topic's condition read.
pub(crate) fn signals_of(rule: &PackRule) -> BTreeSet<SignalName> {
    let read = rule.reads.iter().filter_map(|field| match field {
        Field::Signal(name, _) => Some(name.clone()),
        _ => None,
    });
    let about = match &rule.rule.settings.about {
        About::Signal(name) => Some(name.clone()),
        About::Customers => None,
    };
    read.chain(about).collect()
}

/// Why a rule can't be judged on this database: its signals' problems, and names that aren't there.
pub(crate) fn unusable(rule: &PackRule, pack: &Pack, examined: &Examined) -> Vec<Problem> {
    let signals = signals_of(rule);
    let broken = signals.iter().filter_map(|name| examined.problems.get(name)).flatten();
    let mut problems: Vec<Problem> = broken.cloned().collect();
    let about = &rule.rule.settings.about;
    for (field, place) in rule.named() {
        let signal = signal_of(field, about, &pack.signals.customers.name);
        if !examined.problems.contains_key(signal) && !has(examined, about, field) {
            problems.push(missing(field, signal, examined, place.clone()));
        }
    }
    problems
}

/// The signal that gives a field.
fn signal_of<'a>(field: &'a Field, about: &'a About, customers: &'a SignalName) -> &'a SignalName {
    match (field, about) {
        (Field::Signal(name, _), _) | (Field::Subject(_), About::Signal(name)) => name,
        _ => customers,
    }
}

fn column_of(field: &Field) -> &str {
    match field {
        Field::Customer(column) | Field::Signal(_, column) | Field::Subject(column) => column,
    }
}

fn has(examined: &Examined, about: &About, field: &Field) -> bool {
    let customers = SignalName::from("customers");
    let columns = examined.columns.get(signal_of(field, about, &customers));
    columns.is_some_and(|columns| columns.iter().any(|column| column.name == column_of(field)))
}

fn missing(
    field: &Field,
    signal: &SignalName,
    examined: &Examined,
    place: crate::domain::Place,
) -> Problem {
    let column = column_of(field);
    let known = examined.columns.get(signal).into_iter().flatten().map(|c| c.name.as_str());
    let help = match crate::document::did_you_mean(column, known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("`{signal}` has: {}", known.collect::<Vec<_>>().join(", ")),
    };
    let message = format!("the signal `{signal}` has no column `{column}`");
    Problem::error(place, "unknown-name", message).label("not there").help(help)
}
