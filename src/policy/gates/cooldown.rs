//! `COOLDOWN`: after a rule contacted a recipient, no other episode of it does for so long.

use super::{Bid, Table};
use crate::domain::Refusal;

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    let Some(cooldown) = bid.rule.cooldown else { return Ok(()) };
    let contact = bid.channel.is_contact();
    let other_episode = |customer, subject, started_at| {
        (customer, subject, started_at) != (&bid.customer, &bid.subject, bid.episode.started_at)
    };
    let earlier = table.person.charges.iter().filter(|charge| {
        charge.channel.is_contact() == contact
            && charge.rule == bid.rule.id
            && other_episode(&charge.customer, &charge.subject, charge.episode_started_at)
    });
    // What merges is one message, so only another message of this run counts.
    let now = table.person.drafts.iter().filter(|draft| {
        !draft.takes_in(bid)
            && draft.bids.iter().any(|other| {
                other.channel.is_contact() == contact
                    && other.rule.id == bid.rule.id
                    && other_episode(&other.customer, &other.subject, other.episode.started_at)
            })
    });
    let last = earlier.map(|c| c.at).chain(now.map(|draft| draft.leaves_at)).max();
    match last.map(|contacted| (contacted, contacted + cooldown.delta())) {
        Some((contacted, until)) if table.as_of < until => {
            Err(Refusal::Cooldown { contacted, until })
        }
        _ => Ok(()),
    }
}
