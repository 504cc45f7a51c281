//! The decision: every candidate on the table before any is decided, a recipient at a time, the
//! most important first. Pure: the same inputs give the same bytes.

mod round;

use std::collections::{BTreeMap, BTreeSet};

use super::bid::{Bid, Standing, normalise};
use super::gates::{self, Table};
use super::hold::{Hold, Over};
use super::recipient::{Draft, Person};
use super::{Evaluation, Policy};
use crate::domain::{
    Ask, Candidate, Channel, CustomerId, Decided, Decision, EpisodeChange, History, Instant, Match,
    Outcome, Outreach, OutreachKey, OutreachSubject, Passage, RuleId, RuleSettings, SubjectId,
    Withdrawal,
};
use round::Round;

/// Judges every candidate by policy and history.
///
/// `settings` has every rule of the pack. What an earlier run decided and has not left yet is on
/// the table again: through its rule's new candidate where the rule was evaluated, by itself where
/// it was not due. What is not decided again for the better is withdrawn.
///
/// Of the customer whom `evaluation` watches, what each gate looked at is told, too; it changes
/// nothing of what is decided.
pub fn decide(
    evaluation: &Evaluation,
    settings: &BTreeMap<RuleId, RuleSettings>,
    policy: &Policy,
    history: &History,
    as_of: Instant,
) -> Decided {
    let waiting = history.waiting.iter().map(|w| &w.outreach);
    let expires = waiting.flat_map(|o| o.subjects.iter().map(|s| (&s.dedupe_key, o.expires_at)));
    let expires = expires.chain(evaluation.expires.iter().map(|(key, at)| (key, *at))).collect();
    let inputs = Inputs { evaluation, settings, policy, history, as_of, expires };
    let mut hold = Hold::new(history, evaluation);
    let mut round = inputs.round(&hold);
    while hold.tighten(&round.contacts, policy, evaluation, history, as_of) {
        round = inputs.round(&hold);
    }
    if !hold.is_empty() {
        inputs.keep_back(&hold, &mut round);
    }
    inputs.tell_hold(&hold, &mut round);
    let Round { mut decided, refused, .. } = round;
    decided.episodes = inputs.episodes();
    decided.withdrawals = inputs.withdrawals(&decided, &refused);
    decided.voided = hold.voided;
    decided.outreaches.sort_by(|a, b| a.key.cmp(&b.key));
    decided.held.sort_by(|a, b| a.outreach.key.cmp(&b.outreach.key));
    decided.decisions.sort_by(|a, b| order(a).cmp(&order(b)));
    decided
}

fn order(decision: &Decision) -> (&RuleId, &CustomerId, &SubjectId, &Channel, u32) {
    let Decision { rule, customer_id, subject, channel, position, .. } = decision;
    (rule, customer_id, subject, channel, *position)
}

/// What became of one bid.
struct Judgement {
    decision: Decision,
    /// The key that it would bear.
    key: OutreachKey,
    /// What each gate looked at, of whoever is watched.
    trail: Option<Vec<Passage>>,
}

pub(super) struct Inputs<'a> {
    pub(super) evaluation: &'a Evaluation,
    settings: &'a BTreeMap<RuleId, RuleSettings>,
    pub(super) policy: &'a Policy,
    pub(super) history: &'a History,
    pub(super) as_of: Instant,
    /// When what was decided before stops being worth saying, by what it speaks of: each message that
    /// waits, and what a plan had.
    expires: BTreeMap<&'a OutreachKey, Instant>,
}

impl<'a> Inputs<'a> {
    /// Everything on the table.
    fn bids(&self) -> Vec<Bid<'a>> {
        let asked = self.fresh().into_iter().chain(self.last_words());
        asked.chain(self.carried()).collect()
    }

    /// The candidates of the rules that were evaluated in good health.
    fn fresh(&self) -> Vec<Bid<'a>> {
        let healthy = |c: &&Candidate| {
            self.evaluation.rules.get(&c.matched.rule).is_some_and(|r| !r.quarantined)
        };
        self.evaluation.candidates.iter().filter(healthy).filter_map(|c| self.bid(c)).collect()
    }

    pub(super) fn bid(&self, candidate: &'a Candidate) -> Option<Bid<'a>> {
        let matched = candidate.matched.as_ref();
        let rule = self.settings.get(&matched.rule)?;
        let (options, (channel, template)) = match &candidate.asked.ask {
            Ask::Send(channel, template) => (Vec::new(), (channel.clone(), template.clone())),
            Ask::Contact(channels) => {
                let options = self.in_order(channels, matched);
                let email = || Channel(Channel::EMAIL.to_owned());
                let channel = options.first().cloned().unwrap_or_else(email);
                (options, (channel.clone(), channel.0))
            }
        };
        let episode = (matched.rule.clone(), matched.customer.clone(), matched.subject.clone());
        let episode = self.history.episodes.get(&episode);
        let (times, last_at) = episode.map_or((0, None), |e| match channel.is_contact() {
            true => (e.contacts, e.last_contact_at),
            false => (e.tasks, e.last_task_at),
        });
        let started_at = episode.map_or(self.as_of, |e| e.started_at);
        let mut bid = Bid {
            rule,
            topic: rule.topic.as_ref().and_then(|t| self.policy.topics.get(t)),
            customer: matched.customer.clone(),
            subject: matched.subject.clone(),
            facts: &matched.facts,
            position: candidate.position,
            options,
            channel,
            template,
            asked: candidate.asked.clone(),
            muted: candidate.muted.clone(),
            episode: Standing { started_at, times, last_at },
            carried: false,
            last_word: false,
            expires_at: self.as_of + rule.expires.delta(),
        };
        bid.expires_at = self.expires_at(&bid);
        Some(bid)
    }

    /// Until when a bid is worth saying. What was decided before keeps its time.
    pub(super) fn expires_at(&self, bid: &Bid<'_>) -> Instant {
        let kept = match self.expires.is_empty() {
            true => None,
            false => self.expires.get(&bid.key()).copied(),
        };
        kept.unwrap_or(self.as_of + bid.rule.expires.delta())
    }

    /// The channels of `contact()`: the customer's own first, then policy's order.
    fn in_order(&self, channels: &[Channel], matched: &Match) -> Vec<Channel> {
        let own = matched.facts.customer().text("preferred_channel").map(Channel);
        let wanted =
            own.iter().chain(self.policy.channels.iter().filter(|c| Some(*c) != own.as_ref()));
        wanted.filter(|c| channels.contains(c)).cloned().collect()
    }

    /// What an earlier run decided, of rules that are not evaluated now; a last word always.
    fn carried(&self) -> Vec<Bid<'a>> {
        let waiting = self.history.waiting.iter().map(|w| &w.outreach);
        let not_due =
            waiting.filter(|o| o.last_word || !self.evaluation.rules.contains_key(&o.rule));
        let stands = |outreach: &Outreach, s: &OutreachSubject| {
            !outreach.last_word || !self.true_again(outreach, s)
        };
        not_due
            .flat_map(|outreach| {
                let subjects = outreach.subjects.iter().filter(move |s| stands(outreach, s));
                subjects.filter_map(|s| self.carry(outreach, s))
            })
            .collect()
    }

    fn carry(&self, outreach: &'a Outreach, subject: &'a OutreachSubject) -> Option<Bid<'a>> {
        let rule = self.settings.get(&outreach.rule)?;
        Some(Bid::decided(outreach, subject, rule, self.policy))
    }

    /// Sends a bid through the gates; what passes joins or becomes a draft.
    /// What is `held` needs no room: it goes nowhere before it is decided afresh.
    fn judge(&self, bid: Bid<'a>, person: &mut Person<'a>, held: Option<Over>) -> Judgement {
        let bid = self.settle_channel(bid, person);
        let leaves_at = gates::first_decent(&bid, self.policy, self.as_of);
        let table = Table { policy: self.policy, as_of: self.as_of, person, leaves_at };
        let verdict = if bid.channel.is_contact() {
            gates::stands(&bid, &table).and_then(|()| {
                match person.drafts.iter().position(|draft| draft.takes_in(&bid)) {
                    Some(draft) => {
                        let leaves_at = person.drafts[draft].leaves_at;
                        let table = Table { leaves_at, ..table };
                        gates::may_join(&bid, &table).map(|()| Some(draft))
                    }
                    None if held.is_some() => gates::may_join(&bid, &table).map(|()| None),
                    None => gates::has_room(&bid, &table).map(|()| None),
                }
            })
        } else {
            gates::admits_task(&bid, &table).map(|()| None)
        };
        let key = bid.key();
        let trail = self.is_watched(&bid).then(|| {
            let joins = person.drafts.iter().find(|draft| draft.takes_in(&bid));
            gates::trail(&bid, &table, joins, held.is_some())
        });
        let decision = Decision {
            rule: bid.rule.id.clone(),
            customer_id: bid.customer.clone(),
            subject: bid.subject.clone(),
            channel: bid.channel.clone(),
            outcome: Outcome::Refused,
            refusal: None,
            outreach: None,
            not_before: None,
            position: bid.position,
        };
        let draft = match verdict {
            Err(refusal) => {
                let decision = Decision { refusal: Some(refusal), ..decision };
                return Judgement { decision, key, trail };
            }
            Ok(Some(merged)) => merged,
            Ok(None) => {
                let expires_at = bid.expires_at;
                person.drafts.push(Draft {
                    key: key.clone(),
                    leaves_at,
                    expires_at,
                    bids: Vec::new(),
                });
                person.drafts.len() - 1
            }
        };
        let is_task = !bid.channel.is_contact();
        let draft = &mut person.drafts[draft];
        draft.expires_at = draft.expires_at.min(bid.expires_at);
        draft.bids.push(bid);
        if let Some(over) = held {
            let (outreach, refusal) = (Some(draft.key.clone()), Some(over.refusal()));
            let decision = Decision { outcome: Outcome::Held, refusal, outreach, ..decision };
            return Judgement { decision, key, trail };
        }
        let deferred = draft.leaves_at > self.as_of;
        let outcome = match (is_task, deferred) {
            (true, _) => Outcome::Task,
            (false, true) => Outcome::Deferred,
            (false, false) => Outcome::Contact,
        };
        let not_before = deferred.then_some(draft.leaves_at);
        let outreach = Some(draft.key.clone());
        Judgement { decision: Decision { outcome, outreach, not_before, ..decision }, key, trail }
    }

    /// Whether somebody wants to know of each gate what it looked at.
    fn is_watched(&self, bid: &Bid<'_>) -> bool {
        self.evaluation.watched.as_ref().is_some_and(|watched| *watched == bid.customer)
    }

    /// Decides where `contact()` goes: the first channel with an address and consent.
    fn settle_channel(&self, bid: Bid<'a>, person: &Person<'a>) -> Bid<'a> {
        let table = Table { policy: self.policy, as_of: self.as_of, person, leaves_at: self.as_of };
        let on = |channel: &Channel| Bid {
            channel: channel.clone(),
            template: channel.0.clone(),
            ..bid.clone()
        };
        bid.options.iter().map(on).find(|b| gates::is_open(b, &table)).unwrap_or(bid)
    }

    fn outreach(&self, draft: &Draft<'a>, person: &Person<'a>) -> Option<Outreach> {
        let first = draft.bids.first()?;
        let address = first.address();
        let mut recipients = BTreeSet::new();
        if first.channel.is_contact() {
            recipients.extend(draft.bids.iter().flat_map(|b| b.facts.customer().recipients()));
            recipients.extend(address.as_ref().and_then(|a| normalise(&first.channel, a)));
        }
        debug_assert!(person.customers.contains(&first.customer));
        let subject = |bid: &Bid<'_>| OutreachSubject {
            dedupe_key: bid.key(),
            customer: bid.customer.clone(),
            subject: bid.subject.clone(),
            episode_started_at: bid.episode.started_at,
            ordinal: bid.episode.times + 1,
            facts: bid.facts.clone(),
            values: bid.asked.values.clone(),
        };
        Some(Outreach {
            key: draft.key.clone(),
            rule: first.rule.id.clone(),
            topic: first.rule.topic.clone(),
            priority: first.rule.priority,
            channel: first.channel.clone(),
            template: first.template.clone(),
            address,
            recipients: recipients.into_iter().collect(),
            assign: first.asked.assign.clone(),
            due_at: first
                .asked
                .due
                .map(|due| self.policy.calendar.add_working(draft.leaves_at, due)),
            not_before: draft.leaves_at,
            expires_at: draft.expires_at,
            position: first.position,
            last_word: first.last_word,
            subjects: draft.bids.iter().map(subject).collect(),
        })
    }

    /// Episodes that start: a rule matches and none is open. Episodes that end: the rule was
    /// evaluated in good health, the subject was judged, and it no longer matches.
    fn episodes(&self) -> Vec<EpisodeChange> {
        let mut changes = BTreeSet::new();
        for (rule, judged) in self.evaluation.rules.iter().filter(|(_, judged)| !judged.quarantined)
        {
            for (customer, subject) in &judged.matched {
                let key = (rule.clone(), customer.clone(), subject.clone());
                if !self.history.episodes.contains_key(&key) {
                    changes.insert(EpisodeChange::Started(key.0, key.1, key.2));
                }
            }
        }
        for (rule, customer, subject) in self.history.episodes.keys() {
            if self.no_longer_true(rule, customer, subject) {
                changes.insert(EpisodeChange::Ended(
                    rule.clone(),
                    customer.clone(),
                    subject.clone(),
                ));
            }
        }
        changes.into_iter().collect()
    }

    fn no_longer_true(&self, rule: &RuleId, customer: &CustomerId, subject: &SubjectId) -> bool {
        let pair = (customer.clone(), subject.clone());
        self.evaluation.rules.get(rule).is_some_and(|judged| {
            !judged.quarantined
                && !judged.matched.contains(&pair)
                && !judged.failing.contains(&pair)
        })
    }

    /// What was waiting and was not decided again, each with the reason. What is held of a rule that
    /// sits out goes nowhere, so it stays.
    fn withdrawals(
        &self,
        decided: &Decided,
        refused: &BTreeMap<OutreachKey, &'static str>,
    ) -> Vec<Withdrawal> {
        let held = decided.held.iter().map(|held| &held.outreach);
        let outreaches = decided.outreaches.iter().chain(held);
        let kept: BTreeSet<_> = outreaches.clone().map(|o| &o.key).collect();
        let spoken_of: BTreeSet<_> =
            outreaches.flat_map(|o| o.subjects.iter().map(|s| &s.dedupe_key)).collect();
        let sits_out =
            |rule: &RuleId| self.evaluation.rules.get(rule).is_some_and(|r| r.quarantined);
        let too_late =
            |key: &&OutreachKey| refused.get(key) == Some(&"expired") && !spoken_of.contains(key);
        let because = |waiting: &Outreach| {
            let mut subjects = waiting.subjects.iter();
            if !self.settings.contains_key(&waiting.rule) {
                return "rule_removed";
            }
            let over =
                |s: &OutreachSubject| self.no_longer_true(&waiting.rule, &s.customer, &s.subject);
            if waiting.last_word {
                if subjects.clone().all(|s| self.true_again(waiting, s)) {
                    return "true_again";
                }
            } else if subjects.clone().all(over) {
                return "no_longer_true";
            }
            if let Some(code) = subjects.clone().find_map(|s| refused.get(&s.dedupe_key)) {
                return code;
            }
            if subjects.any(|s| spoken_of.contains(&s.dedupe_key)) {
                return "merged";
            }
            match self.evaluation.rules.get(&waiting.rule) {
                Some(judged) if judged.quarantined => "quarantined",
                _ => "not_asked",
            }
        };
        let waiting = self.history.waiting.iter();
        let waiting = waiting.filter(|w| !(w.held && sits_out(&w.outreach.rule)));
        let waiting = waiting.map(|w| &w.outreach).filter(|o| !kept.contains(&o.key));
        let withdraw = |o: &Outreach| {
            let keys = o.subjects.iter().map(|s| &s.dedupe_key);
            let freed: Vec<_> = keys.filter(|key| !too_late(key)).cloned().collect();
            let because = if freed.len() < o.subjects.len() { "expired" } else { because(o) };
            Withdrawal { outreach: o.key.clone(), because: because.to_owned(), freed }
        };
        let mut withdrawals: Vec<_> = waiting.map(withdraw).collect();
        withdrawals.sort_by(|a, b| a.outreach.cmp(&b.outreach));
        withdrawals
    }
}
