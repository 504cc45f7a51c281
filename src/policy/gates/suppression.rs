//! What Lookout itself was told: refusals, bounces, erasures.

use super::{Bid, Table};
use crate::domain::{Consent, Refusal, Suppression, SuppressionCause};

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    let always = bid.topic.is_some_and(|topic| topic.consent == Consent::Always);
    let recipient = bid.recipient();
    let applies = |suppression: &&&Suppression| {
        (suppression.cause.is_absolute() || !always)
            && (suppression.topic.is_none() || suppression.topic == bid.rule.topic)
            // A mailbox that bounces says nothing about the telephone.
            && (suppression.cause != SuppressionCause::Bounce || suppression.recipient == recipient)
    };
    match table.person.suppressions.iter().filter(applies).min_by_key(|s| s.since) {
        None => Ok(()),
        Some(found) => Err(Refusal::Suppressed {
            topic: found.topic.clone(),
            cause: found.cause,
            since: found.since,
        }),
    }
}
