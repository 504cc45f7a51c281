//! What can only be wrong between two parts of a pack: a rule and the signals, the topics, the words.

use std::collections::BTreeSet;

use super::{Pack, PackRule};
use crate::document::did_you_mean;
use crate::domain::{About, Ask, Channel, Customer, Field, Place, Problem, RuleId, SignalName};
use crate::policy::Policy;
use crate::signals::Signals;

/// Checks every rule against the rest of the pack, and notes what its words and its topic read.
pub(super) fn pack(pack: &mut Pack, problems: &mut Vec<Problem>) {
    let Pack { policy, signals, rules, mutes, .. } = pack;
    for (topic, condition) in mutes.iter() {
        let place = policy.topics[topic].condition().map(|(_, place)| place.clone());
        let place = place.unwrap_or_else(|| Place::file(&pack.folder));
        for field in condition.reads() {
            signal_of(&field, signals, &place, problems);
        }
    }
    for (id, rule) in rules {
        about(id, rule, signals, problems);
        topic(rule, policy, problems);
        asks(id, rule, problems);
        words(rule, signals, problems);
        for (field, place) in &rule.rule.places {
            signal_of(field, signals, place, problems);
        }
        if let Some(condition) = rule.rule.settings.topic.as_ref().and_then(|t| mutes.get(t)) {
            let place = rule.rule.settings.topic.as_ref().and_then(|t| policy.topics.get(t));
            let place = place.and_then(|t| t.condition()).map(|(_, place)| place.clone());
            for field in condition.reads() {
                let place = place.clone().unwrap_or_else(|| Place::file(&rule.rule.file));
                rule.places.entry(field).or_insert(place);
            }
        }
        rule.reads.extend(rule.places.keys().cloned());
        rule.reads.extend(addresses(rule));
    }
}

/// The columns with the addresses of the channels that a rule may send on.
fn addresses(rule: &PackRule) -> Vec<Field> {
    let channels = rule.rule.asks.iter().flat_map(|ask| match &ask.ask {
        Ask::Send(channel, _) => vec![channel.clone()],
        Ask::Contact(_) => rule.contact_channels(),
    });
    let contacts = channels.filter(Channel::is_contact);
    contacts.map(|c| Field::Customer(Customer::address_column(&c.0).to_owned())).collect()
}

fn setting_place(rule: &PackRule, name: &str) -> Place {
    rule.rule.setting_places.get(name).cloned().unwrap_or_else(|| Place::file(&rule.rule.file))
}

fn about(id: &RuleId, rule: &PackRule, signals: &Signals, problems: &mut Vec<Problem>) {
    let About::Signal(name) = &rule.rule.settings.about else { return };
    let place = setting_place(rule, "ABOUT");
    match signals.others.get(name) {
        Some(signal) if signal.key.is_some() => {}
        Some(signal) => {
            let message =
                format!("`{id}` is about the rows of `{name}`, but that signal has no key");
            let help = format!("add `-- key: COLUMN` to the top of {}", signal.file.display());
            problems.push(Problem::error(place, "not-keyed", message).help(help));
        }
        None => problems.push(no_signal(name, signals, place)),
    }
}

/// Reports a field whose signal is not there, or can't be read as one row.
fn signal_of(field: &Field, signals: &Signals, place: &Place, problems: &mut Vec<Problem>) {
    let Field::Signal(name, column) = field else { return };
    match signals.others.get(name) {
        Some(signal) if signal.key.is_some() => {
            let message = format!("`customer.{name}.{column}`: `{name}` has many rows a customer");
            let help = "only a rule that is about it (`const ABOUT`) sees its rows, one at a time";
            problems.push(Problem::error(place.clone(), "keyed-signal", message).help(help));
        }
        Some(_) => {}
        None => problems.push(no_signal(name, signals, place.clone())),
    }
}

fn no_signal(name: &SignalName, signals: &Signals, place: Place) -> Problem {
    let known = signals.others.keys().map(SignalName::as_str);
    let help = match did_you_mean(name.as_str(), known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("signals of this pack: {}", known.collect::<Vec<_>>().join(", ")),
    };
    Problem::error(place, "unknown-signal", format!("there is no signal `{name}`")).help(help)
}

fn topic(rule: &PackRule, policy: &Policy, problems: &mut Vec<Problem>) {
    let Some(topic) = &rule.rule.settings.topic else { return };
    if policy.topics.contains_key(topic) {
        return;
    }
    let known = policy.topics.keys().map(String::as_str);
    let help = match did_you_mean(topic, known.clone()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => format!(
            "name it in policy.toml; topics there: {}",
            known.collect::<Vec<_>>().join(", ")
        ),
    };
    let message = format!("policy.toml has no topic `{topic}`");
    problems
        .push(Problem::error(setting_place(rule, "TOPIC"), "unknown-topic", message).help(help));
}

fn asks(id: &RuleId, rule: &PackRule, problems: &mut Vec<Problem>) {
    let names: BTreeSet<&str> = rule.templates.names().collect();
    for ask in &rule.rule.asks {
        match &ask.ask {
            Ask::Send(_, template) if !names.contains(template.as_str()) => {
                let message = format!("`{id}` has no words named `{template}`");
                let help = match did_you_mean(template, names.iter().copied()) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => format!(
                        "write them into {}",
                        rule.rule.folder.join(format!("{template}.md")).display()
                    ),
                };
                problems.push(
                    Problem::error(ask.place.clone(), "unknown-template", message).help(help),
                );
            }
            Ask::Contact(_) if rule.contact_channels().is_empty() => {
                let message = "contact() has no words to send on any channel";
                let help = format!("write {}", rule.rule.folder.join("email.md").display());
                problems.push(
                    Problem::error(ask.place.clone(), "unknown-template", message).help(help),
                );
            }
            _ => {}
        }
    }
}

/// Checks the names that the words use, and notes the fields among them.
fn words(rule: &mut PackRule, signals: &Signals, problems: &mut Vec<Problem>) {
    let subject = rule.rule.subject_name.clone();
    let given: BTreeSet<&String> = rule.rule.asks.iter().flat_map(|ask| &ask.values).collect();
    let reads: Vec<_> =
        rule.templates.names().flat_map(|name| rule.templates.reads(name)).collect();
    for (path, place) in reads {
        let parts: Vec<&str> = path.split('.').collect();
        let field = match parts.as_slice() {
            ["customer", signal, column, ..]
                if signals.others.contains_key(&SignalName::from(signal)) =>
            {
                Some(Field::Signal((*signal).into(), (*column).to_owned()))
            }
            ["customer", column, ..] => Some(Field::Customer((*column).to_owned())),
            [name, column, ..] if Some(*name) == subject.as_deref() => {
                Some(Field::Subject((*column).to_owned()))
            }
            _ => None,
        };
        if let Some(field) = field {
            signal_of(&field, signals, &place, problems);
            rule.places.entry(field).or_insert(place);
            continue;
        }
        let name = parts[0];
        let whole = ["customer", "also"].contains(&name) || Some(name) == subject.as_deref();
        if whole || rule.rule.constants.contains_key(name) || given.contains(&name.to_owned()) {
            continue;
        }
        let known = ["customer", "also"].into_iter().chain(subject.as_deref());
        let known = known.chain(rule.rule.constants.keys().map(String::as_str));
        let known: Vec<&str> = known.chain(given.iter().map(|n| n.as_str())).collect();
        let help = match did_you_mean(name, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let message = format!("the words use `{name}`, which nothing gives them");
        problems.push(Problem::error(place, "unknown-name", message).label("not known").help(help));
    }
}
