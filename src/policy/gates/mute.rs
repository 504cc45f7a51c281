//! The topic's `mute_when`.

use super::{Bid, Gate, Table};
use crate::domain::{Looked, Refusal};

pub(super) const GATE: Gate = Gate { check, look };

pub(super) fn check(bid: &Bid<'_>, _: &Table<'_, '_>) -> Result<(), Refusal> {
    let Some(read) = &bid.muted else { return Ok(()) };
    Err(Refusal::Muted {
        topic: bid.rule.topic.clone().unwrap_or_default(),
        condition: condition(bid).unwrap_or_default(),
        read: read.clone(),
    })
}

fn look(bid: &Bid<'_>, _: &Table<'_, '_>) -> Looked {
    Looked::Mute { condition: condition(bid), read: bid.muted.clone().unwrap_or_default() }
}

fn condition(bid: &Bid<'_>) -> Option<String> {
    bid.topic.and_then(|t| t.mute_when.as_ref()).map(|c| c.value.clone())
}
