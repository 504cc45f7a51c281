//! `FOR` has passed; not yet contacted, or a reminder is due. Contacts and tasks count apart.

use super::{Bid, Table};
use crate::domain::{Instant, Refusal};

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    if let Some(at) = told_in_this_run(bid, table) {
        let times = bid.episode.times + 1;
        return Err(Refusal::AlreadyContacted { at, times, reminder: None });
    }
    if bid.carried || bid.last_word {
        return Ok(());
    }
    if let Some(holds_for) = bid.rule.holds_for {
        let (since, until) = (bid.episode.started_at, bid.episode.started_at + holds_for.delta());
        if table.as_of < until {
            return Err(Refusal::Pending { since, until });
        }
    }
    let Some(at) = bid.episode.last_at else { return Ok(()) };
    let times = bid.episode.times;
    let repeat = bid.rule.repeat.filter(|_| times <= bid.rule.reminders);
    match repeat.map(|repeat| at + repeat.delta()) {
        Some(due) if due <= table.as_of => Ok(()),
        reminder => Err(Refusal::AlreadyContacted { at, times, reminder }),
    }
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
