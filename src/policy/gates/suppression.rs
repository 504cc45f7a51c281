//! What Lookout itself was told: refusals, bounces, erasures.

use super::{Bid, Gate, Table};
use crate::domain::{Consent, Looked, Refusal, Suppressed, Suppression, SuppressionCause};

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    match oldest(applying(bid, table)) {
        None => Ok(()),
        Some(found) => Err(Refusal::Suppressed {
            topic: found.topic.clone(),
            cause: found.cause,
            since: found.since,
        }),
    }
}

fn look(bid: &Bid<'_>, table: &Table<'_, '_>) -> Looked {
    let all: Vec<_> = applying(bid, table).collect();
    let others = (table.person.suppressions.len() - all.len()) as u32;
    let applies = oldest(all.iter().copied()).map(|found| {
        let alike = all.iter().all(|s| (&s.topic, s.cause) == (&found.topic, found.cause));
        let customer = found.customer.clone().filter(|_| alike);
        let recipient = found.recipient.clone().filter(|_| alike);
        Suppressed {
            topic: found.topic.clone(),
            cause: found.cause,
            since: found.since,
            customer_id: customer.filter(|id| all.iter().all(|s| s.customer.as_ref() == Some(id))),
            recipient: recipient.filter(|to| all.iter().all(|s| s.recipient.as_ref() == Some(to))),
        }
    });
    Looked::Suppression { applies, others }
}

fn oldest<'a>(applying: impl Iterator<Item = &'a Suppression>) -> Option<&'a Suppression> {
    applying.min_by_key(|suppression| suppression.since)
}

/// The suppressions that bind this bid.
fn applying<'a>(bid: &Bid<'_>, table: &Table<'_, 'a>) -> impl Iterator<Item = &'a Suppression> {
    let always = bid.topic.is_some_and(|topic| topic.consent == Consent::Always);
    let recipient = bid.recipient();
    let applies = move |suppression: &&Suppression| {
        (suppression.cause.is_absolute() || !always)
            && (suppression.topic.is_none() || suppression.topic == bid.rule.topic)
            // A mailbox that bounces says nothing about the telephone.
            && (suppression.cause != SuppressionCause::Bounce || suppression.recipient == recipient)
    };
    table.person.suppressions.iter().copied().filter(applies)
}
