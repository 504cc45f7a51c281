//! Rules that policy never lets through, whatever their customers are: nobody can give the consent,
//! nobody has the address, or it is always too late. Only what can be proven is said.

use chrono::{DateTime, TimeDelta, Utc};

use super::setting_place;
use crate::domain::{Ask, Channel, Consent, Customer, Problem};
use crate::pack::PackRule;
use crate::policy::{Lenience, Policy, Topic};
use crate::rules::StaticAsk;
use crate::signals::Signals;

/// How many nominal times of a SCHEDULE are looked at, and over how many days: every weekday and both
/// of a year's clock changes are among them.
const TIMES: usize = 1_000;
const DAYS: i64 = 420;
/// Where the look begins: Monday, 5 January 2026.
const FROM: i64 = 1_767_571_200;

/// Reports what keeps every contact of a rule from ever leaving.
pub(super) fn check(
    rule: &PackRule,
    policy: &Policy,
    signals: &Signals,
    problems: &mut Vec<Problem>,
) {
    let contacts: Vec<&StaticAsk> = rule.rule.asks.iter().filter(|ask| reaches(ask)).collect();
    if contacts.is_empty() {
        return;
    }
    let topic = rule.rule.settings.topic.as_ref().and_then(|topic| policy.topics.get(topic));
    let missing = match topic.and_then(|topic| nobody_agreed(rule, topic, signals)) {
        Some(problem) => vec![problem],
        None => contacts.iter().filter_map(|ask| no_address(rule, ask, signals)).collect(),
    };
    // A column that is there under a misspelt name is told where it is misspelt.
    let is_told = |missing: &Problem| {
        problems.iter().any(|told| {
            let meant = told.label.split('`').nth(1).unwrap_or_default();
            told.code == "misspelt-column" && missing.help.contains(&format!("`{meant}`"))
        })
    };
    let missing: Vec<Problem> = missing.into_iter().filter(|missing| !is_told(missing)).collect();
    problems.extend(missing);
    problems.extend(topic.and_then(|topic| too_late(rule, topic, policy)));
}

fn reaches(ask: &StaticAsk) -> bool {
    match &ask.ask {
        Ask::Send(channel, _) => channel.is_contact(),
        Ask::Contact(_) => true,
    }
}

/// The topic wants a consent, and the spine has no column in which anybody could have given it.
fn nobody_agreed(rule: &PackRule, topic: &Topic, signals: &Signals) -> Option<Problem> {
    if topic.consent != Consent::OptIn || signals.customers.may_give("consents") {
        return None;
    }
    let name = rule.rule.settings.topic.as_deref().unwrap_or_default();
    let message =
        format!("nobody ever hears this: `{name}` is opt-in, and nobody's consent is known");
    let help = format!(
        "give a column `consents` in {}, with the topics that each customer agreed to; or make the \
         topic opt-out in policy.toml",
        signals.customers.file.display()
    );
    let problem = Problem::finding(setting_place(rule, "TOPIC"), "never-heard", message);
    Some(problem.label("always refused: no_consent").help(help))
}

/// The spine has no column with an address on any channel that a call may take.
fn no_address(rule: &PackRule, ask: &StaticAsk, signals: &Signals) -> Option<Problem> {
    let channels = match &ask.ask {
        Ask::Send(channel, _) => vec![channel.clone()],
        Ask::Contact(_) => rule.contact_channels(),
    };
    let column = |channel: &Channel| Customer::address_column(&channel.0).to_owned();
    let wanted: Vec<String> = channels.iter().map(column).collect();
    if wanted.is_empty() || wanted.iter().any(|column| signals.customers.may_give(column)) {
        return None;
    }
    let columns = wanted.join("` or `");
    let message = format!("nobody ever hears this: no customer has an address in `{columns}`");
    let help = format!("give a column `{}` in {}", wanted[0], signals.customers.file.display());
    let problem = Problem::finding(ask.place.clone(), "never-heard", message);
    Some(problem.label("always refused: no_address").help(help))
}

/// At each nominal time of its SCHEDULE it is quiet for longer than it is worth saying, in the pack's
/// own zone.
fn too_late(rule: &PackRule, topic: &Topic, policy: &Policy) -> Option<Problem> {
    let (schedule, quiet) = (rule.schedule.as_ref()?, policy.quiet.as_ref()?);
    if topic.ignore.contains(&Lenience::QuietHours) {
        return None;
    }
    let zone = policy.calendar.timezone;
    let expires = rule.rule.settings.expires;
    let from = DateTime::from_timestamp(FROM, 0)?;
    let mut at = from;
    let mut example = None;
    for _ in 0..TIMES {
        at = match schedule.next_after(at, zone) {
            Some(next) if next - from < TimeDelta::days(DAYS) => next,
            _ => break,
        };
        let decent = quiet.first_decent(at, zone);
        if decent <= at + expires.delta() {
            return None;
        }
        example = example.or(Some((at, decent)));
    }
    let (at, decent) = example?;
    let told = |at: DateTime<Utc>| at.with_timezone(&zone).format("%a %H:%M").to_string();
    let message = format!(
        "nobody in {zone} ever hears this: found on {}, it may leave on {}, and is worth saying for \
         {expires} only",
        told(at),
        told(decent)
    );
    let set = if rule.rule.setting_places.contains_key("EXPIRES") { "EXPIRES" } else { "SCHEDULE" };
    Some(
        Problem::finding(setting_place(rule, set), "never-heard", message)
            .label("always refused: expired")
            .help("move SCHEDULE to a decent hour, or give EXPIRES more time"),
    )
}
