//! `COOLDOWN`: after a rule contacted a recipient, no other episode of it does for so long.

use std::collections::BTreeSet;

use super::{Bid, Gate, Table};
use crate::domain::{Charge, Instant, Looked, Refusal, Span};

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    let Some(cooldown) = binding(bid) else { return Ok(()) };
    match contacted(bid, table).map(|contacted| (contacted, contacted + cooldown.delta())) {
        Some((contacted, until)) if table.as_of < until => {
            Err(Refusal::Cooldown { contacted, until })
        }
        _ => Ok(()),
    }
}

fn look(bid: &Bid<'_>, table: &Table<'_, '_>) -> Looked {
    let lasts = binding(bid);
    let contacted = lasts.and_then(|_| contacted(bid, table));
    let until = contacted.zip(lasts).map(|(contacted, lasts)| contacted + lasts.delta());
    Looked::Cooldown { lasts, contacted, until }
}

/// The cooldown that binds a bid.
fn binding(bid: &Bid<'_>) -> Option<Span> {
    // Who was told of the trouble hears that it is over.
    bid.rule.cooldown.filter(|_| !bid.last_word)
}

/// When the rule last contacted the recipient about something else.
fn contacted(bid: &Bid<'_>, table: &Table<'_, '_>) -> Option<Instant> {
    let contact = bid.channel.is_contact();
    let episode = (&bid.customer, &bid.subject, bid.episode.started_at);
    let ours = table
        .person
        .charges
        .iter()
        .filter(|charge| charge.channel.is_contact() == contact && charge.rule == bid.rule.id);
    let is_other = |c: &&&Charge| (&c.customer, &c.subject, c.episode_started_at) != episode;
    // A message that spoke of this episode, too, is this episode's own: it keeps no reminder back.
    let own: BTreeSet<_> = ours.clone().filter(|c| !is_other(c)).map(|c| &c.outreach).collect();
    let earlier = ours.filter(is_other).filter(|charge| !own.contains(&charge.outreach));
    // What merges is one message, so only another message of this run counts.
    let now = table.person.drafts.iter().filter(|draft| {
        !draft.takes_in(bid)
            && draft.bids.iter().any(|other| {
                other.channel.is_contact() == contact
                    && other.rule.id == bid.rule.id
                    && (&other.customer, &other.subject, other.episode.started_at) != episode
            })
    });
    earlier.map(|c| c.at).chain(now.map(|draft| draft.leaves_at)).max()
}
