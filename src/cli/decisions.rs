//! A run told to the people who answer for it: who hears from us, by rule, and why the others do
//! not. Nothing is decided here, and nothing that was decided is left out of the counts.

mod overview;
mod rule;

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

use super::output::{BOLD, RESET};
use super::tables::aligned;
use super::wording::{Times, counted, listed, plain};
use crate::domain::{
    Alarm, Channel, CustomerId, Decision, Outcome, Outreach, OutreachKey, RuleId, RunReport,
    Totals, parse_instant,
};

/// What kind of run is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is kept and nothing goes out.
    DryRun,
    /// It was just decided and written down.
    Run,
    /// It was decided before; nothing was decided again.
    Recorded,
    /// What is planned, to be done later.
    Plan,
    /// What was left of a plan was just decided and written down.
    Applied,
}

/// What is known of a rule beside its tally.
#[derive(Clone, Debug, Default)]
pub struct RuleNote {
    /// What it is for, in a sentence.
    pub summary: String,
    /// What went wrong on some rows, each with its place.
    pub errors: Vec<String>,
}

/// A run and what helps to tell it.
pub struct Told<'a> {
    /// What kind of run.
    pub kind: Kind,
    /// What was decided.
    pub report: &'a RunReport,
    /// The outreaches that the decisions name, as far as they are known.
    pub outreaches: &'a [Outreach],
    /// The subject line or the task's title of each outreach, as far as they are known.
    pub titles: &'a BTreeMap<OutreachKey, String>,
    /// Of what no words can be written, and why.
    pub unwritable: &'a [Alarm],
    /// The customers' names, as far as they are known.
    pub names: &'a BTreeMap<CustomerId, String>,
    /// What is known of the rules.
    pub rules: &'a BTreeMap<RuleId, RuleNote>,
    /// The pack's zone.
    pub zone: Tz,
    /// Which data was read, in words: `sqlite:shop.db`.
    pub source: &'a str,
    /// Which history was read, in words: `sqlite:lookout.db`, or that there is none yet.
    pub history: &'a str,
    /// Whether long lists are shown to their end.
    pub all: bool,
}

/// The whole run as text for a person, with colours.
pub fn text(told: &Told<'_>) -> String {
    let times =
        Times { zone: told.zone, as_of: parse_instant(&told.report.as_of).unwrap_or_default() };
    let mut text = alarms(told.report.alarms.iter().chain(told.unwritable));
    text.push_str(&heading(told, &times));
    text.push_str(&overview::text(told.report));
    let known = told.outreaches.iter().map(|outreach| (&outreach.key, outreach)).collect();
    let mut silent = Vec::new();
    for tally in &told.report.rules {
        let decisions: Vec<&Decision> =
            told.report.decisions.iter().filter(|d| d.rule == tally.rule).collect();
        if decisions.is_empty() && tally.errors == 0 && !tally.quarantined {
            silent.push(tally.rule.as_str());
        } else {
            text.push('\n');
            text.push_str(&rule::text(told, &known, tally, &decisions, &times));
        }
    }
    if !silent.is_empty() {
        text.push_str(&format!("\nNobody for {}.\n", silent.join(", ")));
    }
    text.push('\n');
    text.push_str(&closing(&told.report.totals));
    text
}

/// What somebody has to look at, before anything else is said.
pub(super) fn alarms<'a>(alarms: impl Iterator<Item = &'a Alarm>) -> String {
    let mut alarms = alarms.peekable();
    if alarms.peek().is_none() {
        return String::new();
    }
    let mut text = format!("{BOLD}Somebody has to look at this{RESET}\n");
    for alarm in alarms {
        text.push_str(&format!("  {}\n", plain(&alarm.message)));
        for line in alarm.help.lines() {
            text.push_str(&format!("    {}\n", plain(line)));
        }
    }
    text.push('\n');
    text
}

fn heading(told: &Told<'_>, times: &Times) -> String {
    let (title, reach) = match told.kind {
        Kind::DryRun => ("Dry run, nothing is kept and nothing goes out", "would hear"),
        Kind::Run => ("Run", "to hear"),
        Kind::Plan => ("Plan, nothing goes out before it is applied", "would hear"),
        Kind::Applied => ("Run of a plan", "to hear"),
        Kind::Recorded if told.report.plan.is_some() => {
            ("Run of a plan, decided before and not again", "to hear")
        }
        Kind::Recorded => ("Run, decided before and not again", "to hear"),
    };
    let rows = [
        ("as of", times.heading()),
        ("data", told.source.to_owned()),
        ("history", told.history.to_owned()),
        ("looked at", counted(told.report.totals.customers, "customer")),
        (reach, reached(&told.report.decisions)),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    format!("{BOLD}{title}{RESET}\n{}", aligned(&rows, 2))
}

/// `31 customers: 28 email, 3 phone; and 2 tasks for colleagues`
fn reached(decisions: &[Decision]) -> String {
    let mut customers = BTreeSet::new();
    let mut messages: BTreeMap<&Channel, BTreeSet<&OutreachKey>> = BTreeMap::new();
    let mut tasks = 0;
    for decision in decisions {
        match decision.outcome {
            Outcome::Contact | Outcome::Deferred => {
                customers.insert(&decision.customer_id);
                messages.entry(&decision.channel).or_default().extend(&decision.outreach);
            }
            Outcome::Task => tasks += 1,
            Outcome::Refused | Outcome::Held => {}
        }
    }
    let mut told = counted(customers.len() as u64, "customer");
    let by_channel: Vec<_> = messages
        .iter()
        .map(|(channel, outreaches)| {
            let count = outreaches.len() as u64;
            match channel.0.as_str() {
                Channel::EMAIL => counted(count, "e-mail"),
                Channel::PHONE => counted(count, "call"),
                other => format!("{count} {}", plain(other)),
            }
        })
        .collect();
    if !by_channel.is_empty() {
        told.push_str(&format!(", by {}", listed(&by_channel)));
    }
    if tasks > 0 {
        told.push_str(&format!("; {} for colleagues", counted(tasks, "task")));
    }
    told
}

/// The sums: every candidate is in exactly one of them.
fn closing(totals: &Totals) -> String {
    let parts = [
        (totals.contact, "contacted now"),
        (totals.deferred, "contacted later"),
        (totals.held, "waiting for approval"),
        (totals.task, "handed to colleagues"),
        (totals.refused, "not contacted"),
    ];
    let parts: Vec<_> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    let mut text = format!("{BOLD}{}{RESET}", counted(totals.candidates, "candidate"));
    if !parts.is_empty() {
        let makes = counted(totals.outreaches, "outreach");
        text.push_str(&format!(
            " = {}\nThat makes {makes}: one may speak of several subjects.",
            parts.join(" + ")
        ));
    }
    text.push('\n');
    if totals.orphans > 0 {
        let rows = counted(totals.orphans, "row");
        text.push_str(&format!("{rows} left out: their customer is not in customers.sql\n"));
    }
    text
}

#[cfg(test)]
mod tests;
