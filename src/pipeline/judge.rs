//! Pull and judge: which rules are true for whom. Memory grows with the matches and the failing
//! rows, never with the customers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::health::{self, Looked};
use super::names::{has, misspelt_columns, reads_one_of, signals_of, unusable};
use super::{EpisodeKey, Over, RunError, Watch};
use crate::domain::{
    About, Batch, Candidate, CustomerId, Facts, Field, Instant, Match, Problem, RuleId, RuleTally,
    Severity, SubjectId,
};
use crate::pack::{Pack, PackRule};
use crate::rules::{Judged, RowError};
use crate::signals::{Conditions, Examined, SourceError, View, Wanted};
use crate::store::FieldSeen;

/// How many matches' further facts are asked for in one statement.
pub(super) const AT_ONCE: usize = 30_000;

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
    /// Who is watched.
    pub watched: Option<CustomerId>,
    /// The watched customer's subjects, whether a rule matched or not.
    pub seen: Vec<Seen>,
    /// What was not known of signals' columns before.
    pub fields: Vec<FieldSeen>,
    /// What is over of what somebody was told about or works on.
    pub over: BTreeMap<EpisodeKey, Over>,
    /// What stands on the table beside the rules' own: the rivals of a case. Empty in a run.
    pub rivals: Vec<Candidate>,
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
    /// A signal that it reads can't be used, lacks what it reads, or is suddenly empty.
    Signals(Vec<Problem>),
    /// It usually finds many, and suddenly nobody.
    FindsNobody(Problem),
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

impl Quarantine {
    /// What is wrong beside its errors.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Errors => &[],
            Self::Signals(problems) => problems,
            Self::FindsNobody(problem) => std::slice::from_ref(problem),
        }
    }
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

    /// A rule that can't be judged at all.
    fn left_out(problems: Vec<Problem>) -> Self {
        Self { quarantine: Some(Quarantine::Signals(problems)), ..Self::default() }
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
    let rules: Group<'_> = pack.rules.iter().filter(|(id, _)| rules.contains(id)).collect();
    let in_use = rules.iter().flat_map(|(_, rule)| signals_of(rule)).collect();
    let examined = view.survey(&pack.signals, &in_use).await?;
    if let Some(problems) = examined.problems.get(&pack.signals.customers.name) {
        return Err(RunError::Customers(problems.clone()));
    }
    // Whoever said no under a misspelt column would hear from us all the same.
    let mut misspelt = misspelt_columns(pack, &examined);
    misspelt.retain(|problem| problem.severity == Severity::Error);
    if !misspelt.is_empty() {
        return Err(RunError::Customers(misspelt));
    }
    let customers = &pack.signals.customers.name;
    let looked = match watch.memory {
        Some(memory) => {
            let rules: Vec<&PackRule> = rules.iter().map(|(_, rule)| *rule).collect();
            health::look(pack, view, &examined, &rules, memory).await?
        }
        None => Looked::default(),
    };
    if let Some(problem) = looked.no_customers(customers) {
        return Err(RunError::NoCustomers(Box::new(problem.clone())));
    }
    let watched = watch.customer.cloned();
    let mut found = Found { customers: examined.customers, watched, ..Found::default() };
    let mut by_about: BTreeMap<&About, Group<'_>> = BTreeMap::new();
    for (id, rule) in rules {
        let mut problems = unusable(rule, pack, &examined);
        problems.extend(looked.of_rule(rule, customers));
        if problems.is_empty() {
            by_about.entry(&rule.rule.settings.about).or_default().push((id, rule));
        } else {
            found.rules.insert(id.clone(), RuleFound::left_out(problems));
        }
    }
    let mut pass = Pass { pack, examined: &examined, as_of, watch, rows: 0 };
    for (about, group) in by_about {
        pass.judge_group(view, about, group, &mut found).await?;
    }
    for rule in found.rules.values_mut() {
        rule.judge_health(pack.policy.errors);
    }
    if let Some(memory) = watch.memory.filter(|_| !watch.nobody_else) {
        health::mind_silence(pack, &mut found, memory);
    }
    found.fields = looked.news;
    Ok(found)
}

/// Rules that look at the same subjects.
type Group<'a> = Vec<(&'a RuleId, &'a PackRule)>;

/// One pass over the signals.
struct Pass<'a> {
    pack: &'a Pack,
    examined: &'a Examined,
    as_of: Instant,
    watch: Watch<'a>,
    rows: u64,
}

impl Pass<'_> {
    /// Judges a group of rules. Where a signal fails on its rows, the rules that read it sit out,
    /// and the others are judged afresh: half a signal is no signal.
    async fn judge_group(
        &mut self,
        view: &mut View,
        about: &About,
        mut group: Group<'_>,
        found: &mut Found,
    ) -> Result<(), RunError> {
        while !group.is_empty() {
            let before = self.rows;
            let judged = match self.pull(view, about, &group, true).await {
                // A company's query may rely on all of it being read in its own order; then it is.
                Err(SourceError::Signals(_)) => {
                    self.rows = before;
                    self.pull(view, about, &group, false).await
                }
                judged => judged,
            };
            let problems = match judged {
                Ok(mut judged) => {
                    found.orphans += judged.orphans;
                    found.seen.append(&mut judged.seen);
                    found.rules.append(&mut judged.rules);
                    return Ok(());
                }
                Err(SourceError::Signals(problems)) => problems,
                Err(error) => return Err(error.into()),
            };
            let (mut out, mut rest): (Group<'_>, Group<'_>) =
                group.into_iter().partition(|(_, rule)| reads_one_of(rule, self.pack, &problems));
            if out.is_empty() {
                out = std::mem::take(&mut rest);
            }
            for (id, _) in out {
                found.rules.insert(id.clone(), RuleFound::left_out(problems.clone()));
            }
            group = rest;
        }
        Ok(())
    }

    /// Pulls what a group reads, and judges it batch by batch. `narrowly`: the database may leave out
    /// whom no rule can be about, and what no condition reads is read of the matches.
    async fn pull(
        &mut self,
        view: &mut View,
        about: &About,
        group: &Group<'_>,
        narrowly: bool,
    ) -> Result<Found, SourceError> {
        // Whoever is watched is to be seen whole, whether or not a rule is true of them.
        let narrowly = narrowly && self.watch.customer.is_none();
        let fields = group.iter().flat_map(|(_, rule)| &rule.reads);
        let mut fields: BTreeSet<Field> =
            fields.filter(|field| has(self.examined, about, field)).cloned().collect();
        let late = match narrowly {
            false => BTreeSet::new(),
            true => {
                let conditions =
                    group.iter().flat_map(|(_, rule)| rule.rule.when_reads()).collect();
                view.late(self.examined, about, &fields, &conditions)
            }
        };
        fields.retain(|field| !late.contains(field));
        let mut found = Found::default();
        found.rules.extend(group.iter().map(|(id, _)| ((*id).clone(), RuleFound::default())));
        let rows = match about {
            About::Customers => self.examined.customers,
            About::Signal(name) => self.examined.rows.get(name).copied().unwrap_or(u64::MAX),
        };
        let too_many = (rows as f64 * self.pack.policy.errors) as u64;
        let mut panel = self.pack.engine.panel(group.iter().map(|(_, rule)| &rule.rule));
        let mut on_batch = |batch: Batch| {
            let judged = panel.judge(&batch, self.as_of);
            for (number, ((id, rule), judged)) in group.iter().zip(judged).enumerate() {
                note((id, rule), &batch, judged, self.watch, &mut found);
                // A rule that has failed too often already will sit out whatever the rest says; one
                // that never ends would take its time over every row.
                if found.rules.get(*id).is_some_and(|fared| fared.errors > too_many) {
                    panel.leave_out(number);
                }
            }
            self.rows += batch.len() as u64;
            if let Some(progress) = self.watch.progress {
                progress(self.rows);
            }
        };
        let signals = &self.pack.signals;
        let only = self.watch.customer.filter(|_| self.watch.nobody_else);
        let moment = self.pack.engine.moment(self.as_of);
        let any_of = group.iter().map(|(_, rule)| &rule.rule.condition).collect();
        let conditions = narrowly.then_some(Conditions { any_of, moment: &moment });
        let wanted = Wanted { about, fields: &fields, customer: only, subjects: None, conditions };
        let pulled = view.pull(signals, self.examined, &wanted, &mut on_batch).await?;
        found.orphans = pulled.orphans;
        for fared in found.rules.values_mut() {
            fared.subjects = match only {
                Some(_) => pulled.rows,
                None => rows.saturating_sub(pulled.orphans),
            };
        }
        // Nobody is decided on with half of what is known of them: a refusal may be the other half.
        if !late.is_empty() && !self.complete(view, about, group, &late, &mut found).await? {
            return Box::pin(self.pull(view, about, group, false)).await;
        }
        Ok(found)
    }

    /// Reads of the matches what no condition needed. Whether all of them were found again; a key of
    /// another type than text or a whole number may be written otherwise by the database.
    async fn complete(
        &self,
        view: &mut View,
        about: &About,
        group: &Group<'_>,
        late: &BTreeSet<Field>,
        found: &mut Found,
    ) -> Result<bool, SourceError> {
        let matches = found.rules.values().flat_map(|fared| &fared.matches);
        let subjects: BTreeSet<SubjectId> = matches.map(|m| m.subject.clone()).collect();
        let subjects: Vec<SubjectId> = subjects.into_iter().collect();
        let mut rest = BTreeMap::new();
        let reads: BTreeSet<Field> = group
            .iter()
            .flat_map(|(_, rule)| &rule.reads)
            .filter(|f| late.contains(f))
            .cloned()
            .collect();
        for some in subjects.chunks(AT_ONCE) {
            let mut on_batch = |batch: Batch| {
                rest.extend(
                    (0..batch.len()).map(|row| (batch.subject(row), batch.facts(row, &reads))),
                );
            };
            let wanted = Wanted {
                about,
                fields: late,
                customer: None,
                subjects: Some(some),
                conditions: None,
            };
            view.pull(&self.pack.signals, self.examined, &wanted, &mut on_batch).await?;
        }
        for (id, rule) in group {
            let Some(fared) = found.rules.get_mut(*id) else { continue };
            for found in &mut fared.matches {
                let more = rest.get(&found.subject);
                let (Some(found), Some(more)) = (Arc::get_mut(found), more) else {
                    return Ok(false);
                };
                found.facts.complete(more, &rule.reads);
            }
        }
        Ok(true)
    }
}

/// Writes down what became of a batch.
fn note(
    (id, rule): (&RuleId, &PackRule),
    batch: &Batch,
    mut judged: Judged,
    watch: Watch<'_>,
    found: &mut Found,
) {
    refuse_broken(rule, batch, &mut judged);
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

/// A row with a cell that the rule, its words or its topic read and nobody can is one that the rule
/// fails on, whatever `when` made of the rest.
pub(super) fn refuse_broken(rule: &PackRule, batch: &Batch, judged: &mut Judged) {
    for broken in &batch.broken {
        if rule.reads.contains(&batch.layout.fields[broken.column]) {
            judged.matched.retain(|row| *row != broken.row);
            judged.errors.retain(|(row, _)| *row != broken.row);
            let error = RowError { message: broken.message.clone(), line: None, column: None };
            judged.errors.push((broken.row, error));
        }
    }
}
