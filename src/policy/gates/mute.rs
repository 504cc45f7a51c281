//! The topic's `mute_when`.

use super::{Bid, Table};
use crate::domain::Refusal;

pub(super) fn check(bid: &Bid<'_>, _: &Table<'_, '_>) -> Result<(), Refusal> {
    let Some(read) = &bid.muted else { return Ok(()) };
    let condition = bid.topic.and_then(|t| t.mute_when.as_ref()).map(|c| c.value.clone());
    Err(Refusal::Muted {
        topic: bid.rule.topic.clone().unwrap_or_default(),
        condition: condition.unwrap_or_default(),
        read: read.clone(),
    })
}
