//! One contact a recipient and run: the most important one.

use super::{Bid, Lenience, Table, ignores};
use crate::domain::Refusal;

pub(super) fn check(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    if ignores(bid, Lenience::Outranked) {
        return Ok(());
    }
    match table.person.contacts().find_map(|draft| draft.first()) {
        Some(winner) => {
            let other = (winner.customer != bid.customer).then(|| winner.customer.clone());
            Err(Refusal::Outranked { by: winner.rule.id.clone(), customer_id: other })
        }
        None => Ok(()),
    }
}
