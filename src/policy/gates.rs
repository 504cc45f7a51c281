//! The gates between a candidate and a customer, one a file, in the order they stand.
//! A gate never does anything: it lets a bid pass, or says why not.

mod address;
mod cap;
mod consent;
mod cooldown;
mod episode;
mod mute;
mod quiet;
mod rank;
mod suppression;

use super::bid::Bid;
use super::recipient::Person;
use super::{Lenience, Policy};
use crate::domain::{Instant, Refusal};

/// What a gate sees besides the bid.
pub(super) struct Table<'t, 'a> {
    /// The rules of contact.
    pub policy: &'t Policy,
    /// The run's instant.
    pub as_of: Instant,
    /// The recipient: their history, and what was let through before this bid.
    pub person: &'t Person<'a>,
    /// The first decent minute for this bid's customer.
    pub leaves_at: Instant,
}

/// One gate: passes, or the named reason why not.
type Gate = fn(&Bid<'_>, &Table<'_, '_>) -> Result<(), Refusal>;

/// Whether a contact stands by itself: may this customer hear this, from this rule, now?
const STANDING: &[Gate] = &[
    address::check,
    consent::check,
    suppression::check,
    mute::check,
    episode::check,
    cooldown::check,
];

/// Whether there is room for it, beside everything else this recipient hears.
const ROOM: &[Gate] = &[rank::check, cap::check, quiet::check];

/// What the customer's own facts say, which may have changed since a message was decided.
const STILL: &[Gate] = &[address::check, consent::check, mute::check];

/// What work for a colleague passes: it reaches no customer.
const TASK: &[Gate] = &[episode::check, cooldown::check];

/// Whether a contact stands by itself. The first refusal is the reason.
pub(super) fn stands(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    STANDING.iter().try_for_each(|gate| gate(bid, table))
}

/// Whether a contact that was decided may go by the customer's facts of now.
pub(super) fn still_stands(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    STILL.iter().try_for_each(|gate| gate(bid, table))
}

/// Whether there is room for a contact that stands by itself.
pub(super) fn has_room(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    ROOM.iter().try_for_each(|gate| gate(bid, table))
}

/// Whether a contact that stands by itself may go with a message that leaves at `table.leaves_at`:
/// what is not worth saying by then would make the whole message expire.
pub(super) fn may_join(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    quiet::check(bid, table)
}

/// Whether a task may be made.
pub(super) fn admits_task(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    TASK.iter().try_for_each(|gate| gate(bid, table))
}

/// What is asked once more when a message is about to leave.
const DOOR: &[Gate] = &[suppression::check, cap::check];

/// Whether a contact that was decided may still leave.
pub(super) fn still_open(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    DOOR.iter().try_for_each(|gate| gate(bid, table))
}

/// Whether a channel could be used at all: what `contact()` asks of each in turn.
pub(super) fn is_open(bid: &Bid<'_>, table: &Table<'_, '_>) -> bool {
    [address::check, consent::check, suppression::check].iter().all(|gate| gate(bid, table).is_ok())
}

/// Whether the bid's topic ignores a gate.
pub(super) fn ignores(bid: &Bid<'_>, gate: Lenience) -> bool {
    bid.topic.is_some_and(|topic| topic.ignore.contains(&gate))
}
