//! `[hold]`: how many contacts in 24 hours go out without somebody's approval. A held rule never
//! takes another rule with it, and none gets under its limit by asking again.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::bid::Bid;
use super::decide::Inputs;
use super::{Evaluation, Policy};
use crate::domain::{
    Approval, History, HoldLimit, Instant, Looked, OutreachKey, Passage, Refusal, RuleId, Volume,
    Waiting,
};

/// What one decision keeps back.
#[derive(Clone, Debug, Default)]
pub(super) struct Hold<'a> {
    /// Rules beyond a limit of their own.
    rules: BTreeMap<RuleId, Over>,
    /// Whether all rules together are beyond theirs.
    everything: Option<Over>,
    /// What somebody approved and is still as it was, by what it speaks of.
    approved: BTreeMap<&'a OutreachKey, Approval>,
    /// How many messages of each rule were approved and are no longer what they were.
    pub voided: BTreeMap<RuleId, u64>,
}

/// A limit that is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over {
    limit: HoldLimit,
    contacts: u64,
    allowed: u64,
}

impl Over {
    /// What a candidate hears of it.
    pub fn refusal(self) -> Refusal {
        let Self { limit, contacts, allowed } = self;
        Refusal::Held { limit, contacts, allowed }
    }
}

impl<'a> Hold<'a> {
    /// Nothing is kept back yet. An approval fits while the rule and the policy are what they were.
    pub fn new(history: &'a History, evaluation: &Evaluation) -> Self {
        let mut hold = Self::default();
        for Waiting { outreach, bound, approval, .. } in &history.waiting {
            let Some(approval) = approval else { continue };
            let now = evaluation.versions.get(&outreach.rule).map(|version| &version.bound);
            match bound.as_ref().filter(|bound| Some(*bound) == now) {
                Some(bound) => {
                    let (bound, approval) = (bound.clone(), approval.clone());
                    let approval = Approval { bound, approval };
                    let keys = outreach.subjects.iter().map(|subject| &subject.dedupe_key);
                    hold.approved.extend(keys.map(|key| (key, approval.clone())));
                }
                None => *hold.voided.entry(outreach.rule.clone()).or_default() += 1,
            }
        }
        hold
    }

    /// Whether anything is kept back.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.everything.is_none()
    }

    /// Why a bid leaves the table, if it does. What somebody approved stays.
    pub fn keeps(&self, bid: &Bid<'_>) -> Option<Over> {
        let over = self.rules.get(&bid.rule.id).or(self.everything.as_ref())?;
        let kept = bid.channel.is_contact() && self.approval(bid).is_none();
        kept.then_some(*over)
    }

    /// The approval of a bid, if somebody gave it.
    pub fn approval(&self, bid: &Bid<'_>) -> Option<&Approval> {
        if self.approved.is_empty() {
            return None;
        }
        self.approved.get(&bid.key())
    }

    /// What a rule's limits look like beside what goes out of it; `drafts` is as in [`Self::tighten`].
    pub fn look(
        &self,
        rule: &RuleId,
        drafts: &BTreeMap<RuleId, u64>,
        approved: bool,
        inputs: &Inputs<'_>,
    ) -> Passage {
        let Inputs { policy, evaluation, history, as_of, .. } = inputs;
        let over = self.rules.get(rule).or(self.everything.as_ref());
        let day = history.volumes.get(rule).map_or(0, |volume| volume.day);
        let contacts = drafts.get(rule).copied().unwrap_or(0) + day;
        let (limit, allowed) = allowed(rule, policy, evaluation, history, *as_of);
        let Over { limit, contacts, allowed } =
            over.copied().unwrap_or(Over { limit, contacts, allowed });
        let looked = Looked::Hold { limit, contacts, allowed, approved };
        Passage { passes: over.is_none() || approved, looked }
    }

    /// Keeps back what is too much of what this decision would let out (`drafts`: messages that
    /// nobody approved, by rule). False where nothing more is.
    ///
    /// Each rule is judged by itself first; all together are judged when no rule alone is too much.
    pub fn tighten(
        &mut self,
        drafts: &BTreeMap<RuleId, u64>,
        policy: &Policy,
        evaluation: &Evaluation,
        history: &History,
        as_of: Instant,
    ) -> bool {
        if self.everything.is_some() {
            return false;
        }
        let day = |rule: &RuleId| history.volumes.get(rule).map_or(0, |volume| volume.day);
        let before = self.rules.len();
        for (rule, count) in drafts {
            let contacts = count + day(rule);
            if contacts <= policy.hold.never {
                continue;
            }
            let (limit, allowed) = allowed(rule, policy, evaluation, history, as_of);
            if contacts > allowed {
                self.rules.insert(rule.clone(), Over { limit, contacts, allowed });
            }
        }
        if self.rules.len() > before {
            return true;
        }
        let now: u64 = drafts.values().sum();
        let contacts = now + history.volumes.values().map(|volume| volume.day).sum::<u64>();
        let allowed = policy.hold.everything.max(policy.hold.never);
        if now > 0 && contacts > allowed {
            self.everything = Some(Over { limit: HoldLimit::Everything, contacts, allowed });
        }
        self.everything.is_some()
    }
}

/// The smallest limit of a rule.
fn allowed(
    rule: &RuleId,
    policy: &Policy,
    evaluation: &Evaluation,
    history: &History,
    as_of: Instant,
) -> (HoldLimit, u64) {
    let hold = &policy.hold;
    let volume = history.volumes.get(rule);
    // All of them is no limit: several messages to one customer are no larger share.
    let share = evaluation.customers.filter(|_| hold.share < 1.0);
    let share = share.map(|all| (all as f64 * hold.share).floor() as u64);
    let usual = volume.and_then(|volume| volume.usual);
    let new = is_new(rule, volume, evaluation, as_of);
    let limits = [
        Some((hold.rule, HoldLimit::Rule)),
        new.then_some((hold.new_rule, HoldLimit::NewRule)),
        share.map(|share| (share, HoldLimit::Share)),
        usual.map(|usual| (usual.saturating_mul(hold.times_usual), HoldLimit::TimesUsual)),
    ];
    let (allowed, limit) =
        limits.into_iter().flatten().min().unwrap_or((hold.rule, HoldLimit::Rule));
    (limit, allowed.max(hold.never))
}

/// Whether this version of a rule was first evaluated less than a day ago, or never.
fn is_new(rule: &RuleId, volume: Option<&Volume>, evaluation: &Evaluation, as_of: Instant) -> bool {
    let Some(version) = evaluation.versions.get(rule) else { return false };
    let since = volume.and_then(|volume| volume.versions.get(&version.rule));
    since.is_none_or(|since| as_of - *since < TimeDelta::days(1))
}
