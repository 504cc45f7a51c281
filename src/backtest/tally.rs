//! What is counted while a replay runs, because the books do not keep it in a form that is cheap to
//! read again. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::figures::SatOut;
use crate::domain::{CustomerId, Outcome, OutreachKey, RuleId, SubjectId};
use crate::pipeline::Considered;

/// Counts over all runs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By rule.
    pub(super) rules: BTreeMap<RuleId, RuleTally>,
    /// Runs that found no customers at all, and why nothing was decided then.
    pub(super) skipped: SatOut,
}

/// Counts of one rule.
#[derive(Debug, Default)]
pub(super) struct RuleTally {
    /// By reason.
    pub(super) refused: BTreeMap<&'static str, Refusals>,
    /// The days on which it would have waited for approval.
    pub(super) held_on: BTreeSet<NaiveDate>,
    /// The messages that would have.
    pub(super) held: BTreeSet<OutreachKey>,
    /// Runs that it sat out.
    pub(super) sat_out: u64,
    /// Why.
    pub(super) because: BTreeSet<String>,
    /// Subjects that it failed on, over all runs.
    pub(super) errors: u64,
}

/// How often somebody was not contacted for one reason.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Decisions: the same subject counts at every run.
    pub(super) decisions: u64,
    /// Subjects, each once.
    pub(super) subjects: BTreeSet<(CustomerId, SubjectId)>,
}

impl Tally {
    /// Counts a run that was made on a day.
    pub(super) fn note(&mut self, considered: &Considered, day: NaiveDate) {
        for decision in &considered.report.decisions {
            let rule = self.rules.entry(decision.rule.clone()).or_default();
            let Some(refusal) = &decision.refusal else { continue };
            if decision.outcome == Outcome::Held {
                rule.held_on.insert(day);
                rule.held.extend(decision.outreach.clone());
                continue;
            }
            let refused = rule.refused.entry(refusal.code()).or_default();
            refused.decisions += 1;
            refused.subjects.insert((decision.customer_id.clone(), decision.subject.clone()));
        }
        for (id, fared) in &considered.rules {
            let rule = self.rules.entry(id.clone()).or_default();
            rule.errors += fared.errors;
            let Some(quarantine) = &fared.quarantine else { continue };
            rule.sat_out += 1;
            match quarantine.problems() {
                [] => rule.because.extend(["it failed on too many subjects".to_owned()]),
                some => rule.because.extend(some.iter().map(|problem| problem.message.clone())),
            }
        }
    }

    /// Counts a run that found no customers, where there were some before. What a run would have
    /// somebody do about it is of no use in a replay.
    pub(super) fn no_customers(&mut self) {
        self.skipped.runs += 1;
        self.skipped.because = vec!["by the data of then there were no customers".to_owned()];
    }
}
