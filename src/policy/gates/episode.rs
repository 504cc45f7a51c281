//! `FOR` has passed; not yet contacted, or a reminder is due. Contacts and tasks count apart.

use super::{Bid, Gate, Table};
use crate::domain::{Instant, Looked, Refusal};

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    if let Some(at) = told_in_this_run(bid, table) {
        let times = bid.episode.times + 1;
        return Err(Refusal::AlreadyContacted { at, times, reminder: None });
    }
    if bid.carried || bid.last_word {
        return Ok(());
    }
    if let Some(until) = due(bid).filter(|until| table.as_of < *until) {
        return Err(Refusal::Pending { since: bid.episode.started_at, until });
    }
    let Some(at) = bid.episode.last_at else { return Ok(()) };
    match reminder(bid) {
        Some(due) if due <= table.as_of => Ok(()),
        reminder => {
            let times = bid.episode.times;
            Err(Refusal::AlreadyContacted { at, times, reminder })
        }
    }
}

fn look(bid: &Bid<'_>, table: &Table<'_, '_>) -> Looked {
    Looked::Episode {
        since: bid.episode.started_at,
        due: due(bid),
        times: bid.episode.times,
        last_at: bid.episode.last_at,
        reminder: reminder(bid),
        told_now: told_in_this_run(bid, table),
        last_word: bid.last_word,
    }
}

/// When `FOR` has passed.
fn due(bid: &Bid<'_>) -> Option<Instant> {
    bid.rule.holds_for.map(|holds_for| bid.episode.started_at + holds_for.delta())
}

/// When a reminder falls due; none where none follows.
fn reminder(bid: &Bid<'_>) -> Option<Instant> {
    let repeat = bid.rule.repeat.filter(|_| bid.episode.times <= bid.rule.reminders);
    Some(bid.episode.last_at? + repeat?.delta())
}

/// An episode is contacted once a run, however many ways its rule asks for.
fn told_in_this_run(bid: &Bid<'_>, table: &Table<'_, '_>) -> Option<Instant> {
    let same = |other: &Bid<'_>| {
        other.channel.is_contact()
            && bid.channel.is_contact()
            && other.rule.id == bid.rule.id
            && other.customer == bid.customer
            && other.subject == bid.subject
    };
    table
        .person
        .drafts
        .iter()
        .find(|draft| draft.bids.iter().any(same))
        .map(|draft| draft.leaves_at)
}
