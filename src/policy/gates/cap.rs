//! Caps: rolling windows, counted at the minute the message would leave. A window counts both
//! ways, so that a message that leaves early never makes one too many with one that leaves late.

use super::{Bid, Gate, Lenience, Table, ignores};
use crate::domain::{CapLooked, Earlier, Instant, Looked, Refusal, RuleId};
use crate::policy::Cap;

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    if ignores(bid, Lenience::Cap) {
        return Ok(());
    }
    // Of several that are used up, the one that frees last is the one that tells the truth.
    let used_up = binding(bid, table).filter_map(|cap| used_up(cap, table));
    let used_up = used_up.max_by_key(|(free_at, _)| *free_at);
    used_up.map_or(Ok(()), |(_, refusal)| Err(refusal))
}

fn look(bid: &Bid<'_>, table: &Table<'_, '_>) -> Looked {
    let caps = binding(bid, table).map(|cap| {
        let contacts = counting(cap, table);
        let free_at = free_at(cap, &contacts);
        let (contacts, per, channel) = (told(contacts), cap.per, cap.channel.clone());
        CapLooked { contacts: cap.contacts, per, channel, earlier: contacts, free_at }
    });
    Looked::Cap { ignored: ignores(bid, Lenience::Cap), caps: caps.collect() }
}

/// The caps that bind a bid's channel.
fn binding<'t>(bid: &Bid<'_>, table: &Table<'t, '_>) -> impl Iterator<Item = &'t Cap> {
    let channel = bid.channel.clone();
    table.policy.caps.iter().filter(move |cap| cap.channel.as_ref().is_none_or(|c| *c == channel))
}

/// When a cap has room again, and what it says until then; `None` if it has room now.
fn used_up(cap: &Cap, table: &Table<'_, '_>) -> Option<(Instant, Refusal)> {
    let contacts = counting(cap, table);
    let free_at = free_at(cap, &contacts)?;
    let (earlier, channel) = (told(contacts), cap.channel.clone());
    Some((
        free_at,
        Refusal::Cap { contacts: cap.contacts, per: cap.per, channel, earlier, free_at },
    ))
}

/// The contacts within one window of the minute the message would leave, oldest first.
fn counting(cap: &Cap, table: &Table<'_, '_>) -> Vec<(Instant, RuleId)> {
    let per = cap.per.delta();
    let mut contacts: Vec<(Instant, RuleId)> = table.person.earlier_contacts(cap.channel.as_ref());
    contacts.extend(table.person.contacts().filter_map(|draft| {
        let first =
            draft.first().filter(|b| cap.channel.as_ref().is_none_or(|c| *c == b.channel))?;
        Some((draft.leaves_at, first.rule.id.clone()))
    }));
    contacts.retain(|(at, _)| (*at - table.leaves_at).abs() < per);
    contacts.sort();
    contacts
}

/// When so many contacts leave room again; `None` if they do now.
fn free_at(cap: &Cap, contacts: &[(Instant, RuleId)]) -> Option<Instant> {
    let room_after = contacts.len().checked_sub(cap.contacts as usize)?;
    contacts.get(room_after).map(|(at, _)| *at + cap.per.delta())
}

fn told(contacts: Vec<(Instant, RuleId)>) -> Vec<Earlier> {
    contacts.into_iter().map(|(at, rule)| Earlier { rule, at }).collect()
}
