//! Quiet hours don't refuse: they put off. Only what would then come too late is refused.

use chrono_tz::Tz;

use super::{Bid, Gate, Lenience, Table, ignores};
use crate::domain::{Instant, Looked, Refusal};
use crate::policy::Policy;
use crate::policy::calendar::day_name;

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    if table.leaves_at <= bid.expires_at {
        return Ok(());
    }
    Err(Refusal::Expired { expires: bid.expires_at, first_decent: table.leaves_at })
}

fn look(bid: &Bid<'_>, table: &Table<'_, '_>) -> Looked {
    let quiet = table.policy.quiet.as_ref();
    let time = |time: chrono::NaiveTime| time.format("%H:%M").to_string();
    let nightly = quiet.and_then(|q| q.nightly).map(|(from, to)| (time(from), time(to)));
    let own = bid.facts.customer().timezone();
    Looked::Quiet {
        ignored: quiet.is_none() || ignores(bid, Lenience::QuietHours),
        nightly,
        days: quiet.into_iter().flat_map(|q| &q.days).map(|day| day_name(*day)).collect(),
        zone: zone(bid, table.policy).to_string(),
        own_zone: own.is_some(),
        leaves_at: table.leaves_at,
        expires: bid.expires_at,
    }
}

/// The zone in which a bid's customer lives.
fn zone(bid: &Bid<'_>, policy: &Policy) -> Tz {
    bid.facts.customer().timezone().unwrap_or(policy.calendar.timezone)
}

/// The first decent minute where the customer lives, from `at` on; `at`, for what ignores quiet hours.
pub(in crate::policy) fn first_decent(bid: &Bid<'_>, policy: &Policy, at: Instant) -> Instant {
    match &policy.quiet {
        Some(quiet) if bid.channel.is_contact() && !ignores(bid, Lenience::QuietHours) => {
            quiet.first_decent(at, zone(bid, policy))
        }
        _ => at,
    }
}
