//! The last questions before a message leaves, asked of the books as they are now. The same gates as
//! in the decision; nothing new is let in here.

use std::collections::BTreeSet;

use super::Policy;
use super::bid::Bid;
use super::gates::{self, Table};
use super::recipient::Person;
use crate::domain::{Charge, Instant, Outreach, Refusal, RuleSettings, Suppression};

/// Whether an outreach may still leave at `now` on its own clock, beside what else has left for the
/// same person. `charges` are without its own.
///
/// # Errors
/// The reason why not.
pub fn may_leave(
    outreach: &Outreach,
    rule: &RuleSettings,
    policy: &Policy,
    suppressions: &[Suppression],
    charges: &[Charge],
    now: Instant,
) -> Result<(), Refusal> {
    let Some(first) = outreach.subjects.first() else { return Ok(()) };
    let bid = Bid::decided(outreach, first, rule, policy);
    let person = Person {
        customers: outreach.subjects.iter().map(|s| s.customer.clone()).collect(),
        recipients: outreach.recipients.iter().cloned().collect::<BTreeSet<_>>(),
        charges: charges.iter().collect(),
        suppressions: suppressions.iter().collect(),
        ..Person::default()
    };
    let table = Table { policy, as_of: now, person: &person, leaves_at: now };
    gates::still_open(&bid, &table)
}

/// The first decent minute for an outreach, from `now` on its own clock; `now`, if it is one.
pub fn first_decent(
    outreach: &Outreach,
    rule: &RuleSettings,
    policy: &Policy,
    now: Instant,
) -> Instant {
    let bid = outreach.subjects.first().map(|s| Bid::decided(outreach, s, rule, policy));
    bid.map_or(now, |bid| gates::first_decent(&bid, policy, now))
}
