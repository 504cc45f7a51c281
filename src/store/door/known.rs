//! What is known at the door about those who ask. Nothing is changed here.

use std::collections::BTreeSet;

use super::{Asking, Judge, Past, Settled, Settlement};
use crate::domain::{Charge, CustomerId, Recipient, Suppression};
use crate::opt_out::OptOut;
use crate::store::StoreError;
use crate::store::database::Transaction;
use crate::store::erased::Erased;
use crate::store::given::{Cell, Given};
use crate::store::history::{self, Found};

/// What these people are not to hear, and what has left for them, or may have.
pub(in crate::store) const KNOWN: Given<2> =
    history::past!("o.state IN ('transmitting', 'sent', 'uncertain') AND c.channel <> 'task'");

/// What the books say about everybody at the door.
pub(super) struct Known {
    suppressions: Vec<Suppression>,
    charges: Vec<Charge>,
}

impl Known {
    /// What is settled just now is known by how it went: what came back has not left.
    pub(super) async fn read(
        tx: &mut Transaction<'_>,
        asking: &[Asking<'_>],
        settled: &[Settled],
        opt_out: Option<&OptOut>,
    ) -> Result<Self, StoreError> {
        let Some(since) = asking.iter().map(|one| one.since).min() else {
            return Ok(Self { suppressions: Vec::new(), charges: Vec::new() });
        };
        let subjects = asking.iter().flat_map(|one| &one.outreach.subjects);
        let customers: BTreeSet<&str> = subjects.map(|s| s.customer.as_str()).collect();
        let recipients = asking.iter().flat_map(|one| &one.outreach.recipients);
        let recipients: BTreeSet<&str> = recipients.map(|to| to.0.as_str()).collect();
        let erased = Erased::of(opt_out, &customers, &recipients);
        let customers = customers.into_iter().map(|id| [id.into(), Cell::Null]);
        let recipients = recipients.into_iter().map(|to| [Cell::Null, to.into()]);
        let people: Vec<_> = customers.chain(recipients).chain(erased.people()).collect();
        let mut found = Found::default();
        found.read(tx, &KNOWN, &people, since).await?;
        let (mut charges, suppressions) = found.told(&erased);
        let has_left = |one: &&Settled| {
            matches!(one.settlement, Settlement::Sent { .. } | Settlement::Uncertain { .. })
        };
        let came_back = settled.iter().filter(|one| !has_left(one));
        let came_back: BTreeSet<_> = came_back.map(|one| &one.claim.key).collect();
        charges.retain(|charge| !came_back.contains(&charge.outreach));
        Ok(Self { suppressions, charges })
    }

    /// Judges one of them; if it goes through, it counts for those after it.
    pub(super) fn judged(
        &mut self,
        one: &Asking<'_>,
        judge: &Judge<'_>,
    ) -> Option<(String, serde_json::Value)> {
        let verdict = judge(one, &self.past(one));
        if verdict.is_none() {
            self.left(one);
        }
        verdict
    }

    /// What concerns one of them; what it says of itself is no hindrance.
    fn past(&self, one: &Asking<'_>) -> Past {
        let outreach = one.outreach;
        let is_customer = |id: &CustomerId| outreach.subjects.iter().any(|s| s.customer == *id);
        let is_theirs = |to: &Recipient| outreach.recipients.contains(to);
        Past {
            suppressions: self
                .suppressions
                .iter()
                .filter(|s| {
                    s.customer.as_ref().is_some_and(is_customer)
                        || s.recipient.as_ref().is_some_and(is_theirs)
                })
                .cloned()
                .collect(),
            charges: self
                .charges
                .iter()
                .filter(|charge| charge.outreach != outreach.key)
                .filter(|c| is_customer(&c.customer) || c.recipients.iter().any(is_theirs))
                .cloned()
                .collect(),
        }
    }

    /// Counts what goes through for those after it.
    fn left(&mut self, one: &Asking<'_>) {
        let outreach = one.outreach;
        self.charges.extend(outreach.subjects.iter().map(|subject| Charge {
            rule: outreach.rule.clone(),
            customer: subject.customer.clone(),
            subject: subject.subject.clone(),
            episode_started_at: subject.episode_started_at,
            outreach: outreach.key.clone(),
            channel: outreach.channel.clone(),
            recipients: outreach.recipients.clone(),
            at: one.now,
        }));
    }
}
