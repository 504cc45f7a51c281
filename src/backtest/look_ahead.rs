//! No look-ahead: what a signal would know of the future is found before anything is replayed.
//! No database is asked here.

use std::collections::BTreeSet;

use crate::domain::{About, Field, Place, Problem, SignalName};
use crate::pack::{Pack, PackRule};
use crate::signals::Signal;

/// Why the pack can't be replayed: each signal that a rule of it reads and that knows the future.
///
/// The spine, `customers`, is not among them: it says who people are now, and the figures say so.
pub fn refuse_look_ahead(pack: &Pack) -> Vec<Problem> {
    let names: BTreeSet<&SignalName> = pack.rules.values().flat_map(signals).collect();
    let signals = names.into_iter().filter_map(|name| pack.signals.others.get(name));
    signals.filter(|signal| signal.is_timeless()).map(timeless).collect()
}

fn timeless(signal: &Signal) -> Problem {
    let message =
        "this signal never asks what time it is, so it says at every run what is so today";
    Problem::error(Place::file(&signal.file), "knows-the-future", message).help(
        "compare its dates with `:as_of`, the instant of the run, such as \
         `order_date <= :as_of AND (shipped_date IS NULL OR shipped_date > :as_of)`",
    )
}

/// The signals that a rule reads.
fn signals(rule: &PackRule) -> impl Iterator<Item = &SignalName> {
    let about = match &rule.rule.settings.about {
        About::Signal(name) => Some(name),
        About::Customers => None,
    };
    let read = rule.reads.iter().filter_map(|field| match field {
        Field::Signal(name, _) => Some(name),
        Field::Customer(_) | Field::Subject(_) => None,
    });
    about.into_iter().chain(read)
}
