//! An address on that channel, and a valid one.

use super::{Bid, Gate, Table};
use crate::domain::{Customer, Looked, Refusal};

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, _: &Table<'_, '_>) -> Result<(), Refusal> {
    if bid.recipient().is_some() {
        return Ok(());
    }
    Err(Refusal::NoAddress { column: column(bid), invalid: bid.address().is_some() })
}

fn look(bid: &Bid<'_>, _: &Table<'_, '_>) -> Looked {
    Looked::Address { column: column(bid), address: bid.address() }
}

fn column(bid: &Bid<'_>) -> String {
    Customer::address_column(&bid.channel.0).to_owned()
}
