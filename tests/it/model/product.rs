//! A history in the product's own types. Nothing is decided here.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveTime, TimeDelta};
use lookout::domain::{
    About, Ask, Asked, Channel, Consent, Facts, Instant, Outreach, RuleId, RuleSettings, Span,
    Value,
};
use lookout::policy::{Cap, Hold, Lenience, Policy, QuietHours, Topic};

use super::histories::{History, Rule};
use super::reference::{Who, is_task};

/// The wall clock is far from the histories' own.
pub fn wall(at: Instant) -> Instant {
    at + TimeDelta::days(10_000)
}

/// An outreach that is over may speak of what others told instead.
pub fn describe(state: &str, at: Instant, expires: Instant, about: &str) -> String {
    let about = if ["withdrawn", "expired"].contains(&state) { "" } else { about };
    format!("{state}, from {at} to {expires}, about {about}")
}

/// An outreach in the words of the reference.
pub fn id_of(outreach: &Outreach) -> String {
    let first = &outreach.subjects[0];
    let started = first.episode_started_at.format("%dT%H:%M");
    let task = match is_task(&outreach.channel.0) {
        true => format!(" task {}", outreach.position),
        false => String::new(),
    };
    let (rule, customer, subject) = (&outreach.rule, &first.customer, &first.subject);
    format!("{rule} {customer} {subject} {started} #{}{task}", first.ordinal)
}

pub fn rule_id(number: usize) -> RuleId {
    RuleId::from(format!("r{number}"))
}

pub fn name_of(who: &Who, by_id: bool) -> String {
    match (by_id, &who.email) {
        (true, _) => who.id.clone(),
        (false, Some(email)) => email.clone(),
        (false, None) => who.phone.clone().unwrap(),
    }
}

/// Two of them share a mailbox; the last has no valid address at first, then the first one's.
pub fn customers() -> Vec<Who> {
    let who = |number: usize, email: Option<&str>, ahead| Who {
        id: format!("c{number}"),
        email: email.map(|name| format!("mailto:{name}@example.com")),
        phone: Some(format!("tel:+49221555{number}")),
        ahead,
        ..Who::default()
    };
    vec![who(0, Some("a"), 0), who(1, Some("b"), 7), who(2, Some("b"), 0), who(3, None, -3)]
}

pub fn facts_of(who: &Who) -> Facts {
    let zone = match who.ahead {
        7 => "Asia/Bangkok",
        -3 => "America/Argentina/Buenos_Aires",
        _ => "",
    };
    // Written in another way than normalised, where that makes no difference.
    let email = who.email.as_ref().map(|e| e.replace("mailto:b", "B"));
    let email = email.map_or("no address".to_owned(), |e| e.replace("mailto:", ""));
    let columns = [
        ("customer_id", who.id.clone()),
        ("email", email),
        ("phone", who.phone.clone().unwrap_or_default().replace("tel:", "")),
        ("timezone", zone.to_owned()),
        ("consents", who.consents.join(", ")),
        ("refusals", who.refusals.join(", ")),
    ];
    let customer = columns.map(|(name, value)| (name.to_owned(), Value::Text(value)));
    Facts { customer: customer.into(), ..Facts::default() }
}

pub fn asked(channel: &str) -> Asked {
    let named = |name: &str| Channel(name.to_owned());
    let ask = match channel {
        "contact" => Ask::Contact(vec![named("email"), named("sms")]),
        other => Ask::Send(named(other), other.to_owned()),
    };
    Asked { ask, assign: None, due: None, values: BTreeMap::new() }
}

pub fn span(hours: i64) -> Span {
    format!("{hours}h").parse().unwrap()
}

pub fn settings_of(number: usize, rule: &Rule) -> (RuleId, RuleSettings) {
    let about = if rule.by_rows { About::Signal("rows".into()) } else { About::Customers };
    let settings = RuleSettings {
        id: rule_id(number),
        summary: String::new(),
        about,
        topic: Some(rule.topic.to_owned()),
        priority: rule.priority,
        schedule: None,
        holds_for: rule.holds_for.map(span),
        repeat: rule.repeat.map(span),
        reminders: rule.reminders,
        cooldown: rule.cooldown.map(span),
        expires: span(rule.expires),
    };
    (settings.id.clone(), settings)
}

pub fn policy_of(history: &History) -> Policy {
    let plan = &history.policy;
    let lenient = plan.lenient.iter().map(|gate| match *gate {
        "quiet_hours" => Lenience::QuietHours,
        "cap" => Lenience::Cap,
        _ => Lenience::Outranked,
    });
    let topic =
        |consent, ignore| Topic { title: BTreeMap::new(), consent, ignore, mute_when: None };
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    Policy {
        channels: ["sms", "email"].map(|name| Channel(name.to_owned())).into(),
        topics: BTreeMap::from([
            ("service".to_owned(), topic(Consent::OptOut, BTreeSet::new())),
            ("offers".to_owned(), topic(Consent::OptIn, BTreeSet::new())),
            ("security".to_owned(), topic(Consent::Always, lenient.collect())),
        ]),
        quiet: plan.quiet.as_ref().map(|(from, to, days)| QuietHours {
            nightly: Some((time(*from), time(*to))),
            days: days.iter().copied().collect(),
        }),
        caps: plan
            .caps
            .iter()
            .map(|cap| Cap {
                contacts: cap.contacts,
                per: span(cap.hours),
                channel: cap.channel.map(|name| Channel(name.to_owned())),
            })
            .collect(),
        hold: match plan.hold {
            None => Hold::default(),
            Some((rule, everything)) => {
                Hold { rule, everything, times_usual: 1_000_000, never: 0, ..Hold::default() }
            }
        },
        ..Policy::default()
    }
}
