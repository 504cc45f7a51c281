//! One contact a recipient and run: the most important one.

use super::{Bid, Gate, Lenience, Table, ignores};
use crate::domain::{Looked, Refusal, Rival};

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    if ignores(bid, Lenience::Outranked) {
        return Ok(());
    }
    match winner(table) {
        Some(winner) => {
            let other = (winner.customer != bid.customer).then(|| winner.customer.clone());
            Err(Refusal::Outranked { by: winner.rule.id.clone(), customer_id: other })
        }
        None => Ok(()),
    }
}

fn look(bid: &Bid<'_>, table: &Table<'_, '_>) -> Looked {
    let (mut ahead, mut behind): (Vec<Rival>, Vec<Rival>) = Default::default();
    let mut reached = false;
    for other in table.person.bids.iter().filter(|other| other.channel.is_contact()) {
        reached |= other.key() == bid.key() && other.position == bid.position;
        let rivals = if reached { &mut behind } else { &mut ahead };
        let known = rivals.iter().any(|rival| rival.rule == other.rule.id);
        if !known && !goes_with(other, bid) {
            rivals.push(rival(other));
        }
    }
    Looked::Rank {
        ignored: ignores(bid, Lenience::Outranked),
        priority: bid.rule.priority,
        winner: winner(table).map(rival),
        ahead,
        behind,
    }
}

/// Whether the two are what one message says.
fn goes_with(other: &Bid<'_>, bid: &Bid<'_>) -> bool {
    // Where `contact()` goes is not settled yet for those that come later.
    let settled =
        |bid: &Bid<'_>| bid.options.is_empty().then(|| (bid.channel.clone(), bid.template.clone()));
    let said = |bid: &Bid<'_>| (bid.last_word, settled(bid));
    other.rule.id == bid.rule.id && said(other) == said(bid)
}

/// The first contact of this run, as far as it has come.
fn winner<'t>(table: &'t Table<'_, '_>) -> Option<&'t Bid<'t>> {
    table.person.contacts().find_map(|draft| draft.first())
}

fn rival(bid: &Bid<'_>) -> Rival {
    Rival {
        rule: bid.rule.id.clone(),
        priority: bid.rule.priority,
        customer_id: bid.customer.clone(),
        subject: bid.subject.clone(),
    }
}
