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
use super::recipient::{Draft, Person};
use super::{Lenience, Policy};
use crate::domain::{Instant, Looked, Passage, Refusal};

/// What a gate sees besides the bid.
#[derive(Clone, Copy)]
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

/// One gate.
struct Gate {
    /// Passes, or gives the named reason why not.
    check: Check,
    /// What it looks at, whether it lets the bid pass or not: asked only for somebody who is watched.
    look: fn(&Bid<'_>, &Table<'_, '_>) -> Looked,
}

type Check = fn(&Bid<'_>, &Table<'_, '_>) -> Result<(), Refusal>;

/// Whether a contact stands by itself: may this customer hear this, from this rule, now?
const STANDING: &[Gate] =
    &[address::GATE, consent::GATE, suppression::GATE, mute::GATE, episode::GATE, cooldown::GATE];

/// Whether there is room for it, beside everything else this recipient hears.
const ROOM: &[Gate] = &[rank::GATE, cap::GATE, quiet::GATE];

/// Whether it may go with a message that was let through already.
const JOINING: &[Gate] = &[quiet::GATE];

/// What work for a colleague passes: it reaches no customer.
const TASK: &[Gate] = &[episode::GATE, cooldown::GATE];

/// What the customer's own facts say, which may have changed since a message was decided.
const STILL: &[Check] = &[address::check, consent::check, mute::check];

fn pass(gates: &[Gate], bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    gates.iter().try_for_each(|gate| (gate.check)(bid, table))
}

/// Whether a contact stands by itself. The first refusal is the reason.
pub(super) fn stands(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    pass(STANDING, bid, table)
}

/// Whether a contact that was decided may go by the customer's facts of now.
pub(super) fn still_stands(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    STILL.iter().try_for_each(|check| check(bid, table))
}

/// Whether there is room for a contact that stands by itself.
pub(super) fn has_room(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    pass(ROOM, bid, table)
}

/// Whether a contact that stands by itself may go with a message that leaves at `table.leaves_at`:
/// what is not worth saying by then would make the whole message expire.
pub(super) fn may_join(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    pass(JOINING, bid, table)
}

/// Whether a task may be made.
pub(super) fn admits_task(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    pass(TASK, bid, table)
}

/// What each gate of a bid's way looks at and says. `joins`: the message that it goes with. What
/// comes after rank is asked as if nothing else went to them in this run, where rank refuses. What is
/// `held` needs no room yet.
pub(super) fn trail(
    bid: &Bid<'_>,
    table: &Table<'_, '_>,
    joins: Option<&Draft<'_>>,
    held: bool,
) -> Vec<Passage> {
    let look = |gate: &Gate, table: &Table<'_, '_>| Passage {
        passes: (gate.check)(bid, table).is_ok(),
        looked: (gate.look)(bid, table),
    };
    let on = |gates: &[Gate], table: &Table<'_, '_>| -> Vec<Passage> {
        gates.iter().map(|gate| look(gate, table)).collect()
    };
    if !bid.channel.is_contact() {
        return on(TASK, table);
    }
    let mut trail = on(STANDING, table);
    match joins.and_then(|draft| Some((draft, draft.first()?))) {
        joined if held => {
            let leaves_at = joined.map_or(table.leaves_at, |(draft, _)| draft.leaves_at);
            trail.extend(on(JOINING, &Table { leaves_at, ..*table }));
        }
        Some((draft, first)) => {
            let subject = first.subject.clone();
            trail.push(Passage { passes: true, looked: Looked::Joins { subject } });
            trail.extend(on(JOINING, &Table { leaves_at: draft.leaves_at, ..*table }));
        }
        None if rank::check(bid, table).is_err() => {
            let alone = Person { drafts: Vec::new(), ..table.person.clone() };
            trail.push(look(&rank::GATE, table));
            trail.extend(on(&ROOM[1..], &Table { person: &alone, ..*table }));
        }
        None => trail.extend(on(ROOM, table)),
    }
    trail
}

/// What is asked once more when a message is about to leave.
const DOOR: &[Check] = &[suppression::check, cap::check];

/// Whether a contact that was decided may still leave.
pub(super) fn still_open(bid: &Bid<'_>, table: &Table<'_, '_>) -> Result<(), Refusal> {
    DOOR.iter().try_for_each(|check| check(bid, table))
}

/// Whether a channel could be used at all: what `contact()` asks of each in turn.
pub(super) fn is_open(bid: &Bid<'_>, table: &Table<'_, '_>) -> bool {
    [address::check, consent::check, suppression::check].iter().all(|gate| gate(bid, table).is_ok())
}

pub(super) use quiet::first_decent;

/// Whether the bid's topic ignores a gate.
pub(super) fn ignores(bid: &Bid<'_>, gate: Lenience) -> bool {
    bid.topic.is_some_and(|topic| topic.ignore.contains(&gate))
}
