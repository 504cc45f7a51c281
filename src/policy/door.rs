//! The last questions before a message leaves, asked of the books as they are now. The same gates as
//! in the decision; nothing new is let in here.

use std::collections::BTreeSet;

use super::bid::{Bid, Standing};
use super::gates::{self, Table};
use super::recipient::Person;
use super::{Lenience, Policy};
use crate::domain::{Ask, Asked, Charge, Instant, Outreach, Refusal, RuleSettings, Suppression};

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
    let Some(bid) = bid(outreach, rule, policy) else { return Ok(()) };
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
    let bid = bid(outreach, rule, policy);
    match (&policy.quiet, bid) {
        (Some(quiet), Some(bid)) if !gates::ignores(&bid, Lenience::QuietHours) => {
            let zone = bid.facts.customer().timezone().unwrap_or(policy.calendar.timezone);
            quiet.first_decent(now, zone)
        }
        _ => now,
    }
}

/// An outreach as it lay on the table; none for one that speaks of nothing.
fn bid<'a>(outreach: &'a Outreach, rule: &'a RuleSettings, policy: &'a Policy) -> Option<Bid<'a>> {
    let first = outreach.subjects.first()?;
    Some(Bid {
        rule,
        topic: outreach.topic.as_ref().and_then(|topic| policy.topics.get(topic)),
        customer: first.customer.clone(),
        subject: first.subject.clone(),
        facts: &first.facts,
        position: outreach.position,
        options: Vec::new(),
        channel: outreach.channel.clone(),
        template: outreach.template.clone(),
        asked: Asked {
            ask: Ask::Send(outreach.channel.clone(), outreach.template.clone()),
            assign: None,
            due: None,
            values: first.values.clone(),
        },
        muted: None,
        episode: Standing {
            started_at: first.episode_started_at,
            times: first.ordinal.saturating_sub(1),
            last_at: None,
        },
        carried: true,
        expires_at: outreach.expires_at,
    })
}
