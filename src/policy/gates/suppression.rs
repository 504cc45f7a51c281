//! What Lookout itself was told: refusals, bounces, erasures.

use super::{Bid, Gate, Table};
use crate::domain::{Consent, Looked, Refusal, Suppressed, Suppression, SuppressionCause};

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    match applying(bid, table) {
        None => Ok(()),
        Some(found) => Err(Refusal::Suppressed {
            topic: found.topic.clone(),
            cause: found.cause,
            since: found.since,
        }),
    }
}

fn look(bid: &Bid<'_>, table: &Table<'_, '_>) -> Looked {
    let applies = applying(bid, table).map(|found| Suppressed {
        topic: found.topic.clone(),
        cause: found.cause,
        since: found.since,
    });
    let others = table.person.suppressions.len() as u32 - u32::from(applies.is_some());
    Looked::Suppression { applies, others }
}

/// The oldest suppression that binds this bid.
fn applying<'a>(bid: &Bid<'_>, table: &Table<'_, 'a>) -> Option<&'a Suppression> {
    let always = bid.topic.is_some_and(|topic| topic.consent == Consent::Always);
    let recipient = bid.recipient();
    let applies = |suppression: &&Suppression| {
        (suppression.cause.is_absolute() || !always)
            && (suppression.topic.is_none() || suppression.topic == bid.rule.topic)
            // A mailbox that bounces says nothing about the telephone.
            && (suppression.cause != SuppressionCause::Bounce || suppression.recipient == recipient)
    };
    table.person.suppressions.iter().copied().filter(applies).min_by_key(|s| s.since)
}
