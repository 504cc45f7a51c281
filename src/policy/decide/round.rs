//! The table judged once, without what is held; then what is held by itself. No round knows what
//! an earlier one let through.

use std::collections::BTreeMap;

use super::super::hold::Hold;
use super::super::recipient::seat;
use super::{Inputs, Judgement};
use crate::domain::{
    Decided, Decision, HeldBack, Looked, Outcome, OutreachKey, Passage, RuleId, Trail,
};

/// The table judged once.
#[derive(Default)]
pub(super) struct Round {
    pub decided: Decided,
    /// How many messages of each rule would go out that nobody approved.
    pub contacts: BTreeMap<RuleId, u64>,
    /// Whether somebody approved what each of the trails is about.
    approved: Vec<bool>,
    /// Why what was asked for is refused, by its key.
    pub refused: BTreeMap<OutreachKey, &'static str>,
}

impl Inputs<'_> {
    /// Judges everything that nobody holds back, as if what is held were absent.
    pub(super) fn round(&self, hold: &Hold<'_>) -> Round {
        let mut round = Round::default();
        let bids = self.bids().into_iter();
        let on_table = bids.filter(|bid| hold.keeps(bid).is_none()).collect();
        for mut person in seat(on_table, self.history) {
            for bid in person.bids.clone() {
                let approved = hold.approval(&bid).is_some();
                round.note(self.judge(bid, &mut person, None), approved);
            }
            for draft in &person.drafts {
                let Some(outreach) = self.outreach(draft, &person) else { continue };
                match draft.bids.iter().map(|bid| hold.approval(bid)).collect::<Option<Vec<_>>>() {
                    Some(approved) if outreach.channel.is_contact() => {
                        let approval = approved.first().copied().cloned();
                        let key = outreach.key.clone();
                        round.decided.approved.extend(approval.map(|approval| (key, approval)));
                    }
                    _ if outreach.channel.is_contact() => {
                        *round.contacts.entry(outreach.rule.clone()).or_default() += 1;
                    }
                    _ => {}
                }
                round.decided.outreaches.push(outreach);
            }
        }
        round
    }

    /// Judges what is held: what could not go out anyway keeps its own reason.
    pub(super) fn keep_back(&self, hold: &Hold<'_>, round: &mut Round) {
        let held = self.history.waiting.iter().filter(|w| w.held);
        let standing: BTreeMap<_, _> = held.map(|w| (&w.outreach.key, w)).collect();
        for mut person in seat(self.bids(), self.history) {
            for bid in person.bids.clone() {
                let Some(over) = hold.keeps(&bid) else { continue };
                round.note(self.judge(bid, &mut person, Some(over)), false);
            }
            for draft in &person.drafts {
                let Some(mut outreach) = self.outreach(draft, &person) else { continue };
                let version = self.evaluation.versions.get(&outreach.rule);
                let bound = version.map(|version| version.bound.clone()).unwrap_or_default();
                // Its first minute is moved when it is decided afresh; until then the row stands.
                let before = standing.get(&outreach.key);
                if let Some(before) = before {
                    outreach.not_before = before.outreach.not_before;
                    outreach.due_at = before.outreach.due_at;
                }
                let stands = before.is_some_and(|before| {
                    before.outreach == outreach && before.bound.as_ref() == Some(&bound)
                });
                round.decided.held.push(HeldBack { outreach, bound, stands });
            }
        }
    }
}

impl Inputs<'_> {
    /// Tells what `[hold]` looked at, of whoever is watched: it comes before rank.
    pub(super) fn tell_hold(&self, hold: &Hold<'_>, round: &mut Round) {
        let Round { decided, contacts, approved, .. } = round;
        for (trail, approved) in decided.trails.iter_mut().zip(approved) {
            if !trail.channel.is_contact() {
                continue;
            }
            let looked = hold.look(&trail.rule, contacts, *approved, self);
            // What would come too late anyway has that reason, also where it would be held.
            let room = |passage: &Passage| match passage.looked {
                Looked::Rank { .. } | Looked::Joins { .. } => true,
                Looked::Quiet { .. } => passage.passes,
                _ => false,
            };
            let at = trail.gates.iter().position(room).unwrap_or(trail.gates.len());
            trail.gates.insert(at, looked);
        }
    }
}

impl Round {
    fn note(&mut self, judgement: Judgement, approved: bool) {
        let Judgement { decision, key, trail } = judgement;
        if let Some(gates) = trail {
            let Decision { rule, customer_id, subject, channel, position, .. } = decision.clone();
            self.decided.trails.push(Trail {
                rule,
                customer_id,
                subject,
                channel,
                position,
                gates,
            });
            self.approved.push(approved);
        }
        if let (Outcome::Refused, Some(refusal)) = (decision.outcome, &decision.refusal) {
            self.refused.entry(key).or_insert_with(|| refusal.code());
        }
        self.decided.decisions.push(decision);
    }
}
