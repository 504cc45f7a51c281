//! Caps: rolling windows, counted at the minute the message would leave. A window counts both
//! ways, so that a message that leaves early never makes one too many with one that leaves late.

use super::{Bid, Lenience, Table, ignores};
use crate::domain::{Earlier, Instant, Refusal, RuleId};
use crate::policy::Cap;

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    if ignores(bid, Lenience::Cap) {
        return Ok(());
    }
    let caps = table
        .policy
        .caps
        .iter()
        .filter(|cap| cap.channel.as_ref().is_none_or(|c| *c == bid.channel));
    // Of several that are used up, the one that frees last is the one that tells the truth.
    let used_up = caps.filter_map(|cap| used_up(cap, table)).max_by_key(|(free_at, _)| *free_at);
    used_up.map_or(Ok(()), |(_, refusal)| Err(refusal))
}

/// When a cap has room again, and what it says until then; `None` if it has room now.
fn used_up(cap: &Cap, table: &Table<'_, '_>) -> Option<(Instant, Refusal)> {
    let per = cap.per.delta();
    let mut contacts: Vec<(Instant, RuleId)> = table.person.earlier_contacts(cap.channel.as_ref());
    contacts.extend(table.person.contacts().filter_map(|draft| {
        let first =
            draft.first().filter(|b| cap.channel.as_ref().is_none_or(|c| *c == b.channel))?;
        Some((draft.leaves_at, first.rule.id.clone()))
    }));
    contacts.retain(|(at, _)| (*at - table.leaves_at).abs() < per);
    contacts.sort();
    let room_after = contacts.len().checked_sub(cap.contacts as usize)?;
    let free_at = contacts[room_after].0 + per;
    let earlier = contacts.into_iter().map(|(at, rule)| Earlier { rule, at }).collect();
    let channel = cap.channel.clone();
    Some((
        free_at,
        Refusal::Cap { contacts: cap.contacts, per: cap.per, channel, earlier, free_at },
    ))
}
