//! What a replay can't know, in sentences: they stand below every result. Pure.

use std::collections::BTreeSet;

use super::{Figures, Replay};
use crate::domain::Field;
use crate::pack::PackRule;

/// The limits of these figures.
pub(super) fn of(replay: &Replay<'_>, figures: &Figures) -> Vec<String> {
    let mut limits = vec![
        "Customers' reactions are not simulated: because of a contact nobody answers, buys, \
         complains or unsubscribes, no colleague does a task, and a problem ends when it ended."
            .to_owned(),
        format!(
            "Nobody had been contacted before the first run, so it finds all that had piled up: \
             {} of the {} contacts. Suppressions and pauses of today are not in the replay.",
            figures.totals.first_run, figures.totals.contacts
        ),
        people(replay),
        "Of the other signals, what the data no longer hold is not seen: a date that was changed \
         since is read as it is now."
            .to_owned(),
    ];
    if replay.others {
        let rules: Vec<&str> = replay.pack.rules.keys().map(|id| id.as_str()).collect();
        let rules = rules.join(", ");
        limits.push(format!(
            "Only {rules} ran: the pack's other rules would compete with it for the same people."
        ));
    }
    let held = figures.rules.iter().filter(|rule| rule.held.messages > 0);
    let held: Vec<String> = held
        .map(|rule| {
            let plural = |count| if count == 1 { "" } else { "s" };
            let (messages, on) = (rule.held.messages, rule.held.days);
            let (s, days) = (plural(messages), plural(on));
            format!("{messages} message{s} of {} on {on} day{days}", rule.rule)
        })
        .collect();
    if !held.is_empty() {
        limits.push(format!(
            "[hold] would have kept back {}. They are taken as approved the same day, so that they \
             were decided again at the next run.",
            held.join(", ")
        ));
    }
    limits
}

/// Whose facts are those of now, and which rules look at them.
fn people(replay: &Replay<'_>) -> String {
    let signal = &replay.pack.signals.customers;
    let file = signal.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let file = file.unwrap_or_else(|| signal.name.to_string());
    let there = match signal.is_timeless() {
        false => "",
        true => ", and everybody of today was there all along",
    };
    let read: BTreeSet<String> = replay.pack.rules.values().flat_map(columns).collect();
    let read = match read.is_empty() {
        true => String::new(),
        false => {
            let read: Vec<String> = read.into_iter().collect();
            format!("; rules read {}", read.join(", "))
        }
    };
    format!(
        "{file} says who people are now{there}: addresses, consents and owners are today's all \
         the way back{read}."
    )
}

/// What a rule's script reads of the spine.
fn columns(rule: &PackRule) -> impl Iterator<Item = String> {
    rule.rule.reads.iter().filter_map(|field| match field {
        Field::Customer(name) if name != "customer_id" => Some(format!("customer.{name}")),
        _ => None,
    })
}
