//! An address on that channel, and a valid one.

use super::{Bid, Table};
use crate::domain::{Customer, Refusal};

pub(super) fn check(bid: &Bid<'_>, _: &Table<'_, '_>) -> Result<(), Refusal> {
    if bid.recipient().is_some() {
        return Ok(());
    }
    let column = Customer::address_column(&bid.channel.0).to_owned();
    Err(Refusal::NoAddress { column, invalid: bid.address().is_some() })
}
