//! What can only be wrong between two parts of a pack: a rule and the signals, the topics, the words.

mod cases;
mod channels;
mod languages;
mod outranked;
mod silenced;
mod unasked;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) use cases::{is_row, unknown_column};
pub(super) use words::field;

use super::{Pack, PackRule};
use crate::document::{did_you_mean, misnamed};
use crate::domain::{
    Ask, Channel, Customer, Field, Place, Problem, RuleId, Severity, SignalName, nearest,
};
use crate::policy::Policy;
use crate::rules::check::is_called;
use crate::signals::{Signal, Signals};

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
    let policy_file = pack.folder.join("policy.toml");
    let contacts: BTreeMap<RuleId, bool> =
        rules.iter().map(|(id, rule)| (id.clone(), rule.contacts().next().is_some())).collect();
    for (id, rule) in rules {
        rivals(id, rule, &contacts, problems);
        topic(rule, policy, &policy_file, problems);
        asks(id, rule, problems);
        unasked::words(rule, policy, problems);
        languages::check(rule, problems);
        words::check(rule, signals, problems);
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
        channels::of_rule(rule, policy, problems);
    }
    problems.extend(super::spine::of_queries(pack));
    for rule in pack.rules.values() {
        silenced::check(rule, &pack.policy, &pack.signals, problems);
    }
    let names = cases::Names::of(pack);
    for rule in pack.rules.values() {
        cases::check(rule, &pack.signals, &names, problems);
    }
    channels::of_policy(&pack.rules, &pack.policy, &policy_file, problems);
    outranked::check(&pack.rules, &pack.policy, problems);
}

/// The rules that a rule's cases name as its rivals are there, and contact customers.
fn rivals(
    id: &RuleId,
    rule: &PackRule,
    contacts: &BTreeMap<RuleId, bool>,
    problems: &mut Vec<Problem>,
) {
    let begun = rule.cases.iter().flat_map(|case| &case.rivals);
    let steps = rule.cases.iter().flat_map(|case| &case.steps);
    for rival in begun.chain(steps.flat_map(|step| &step.rivals)) {
        let (message, help) = match contacts.get(&rival.value) {
            _ if rival.value == *id => {
                let help = "name the other rules that want to write to the same person";
                (format!("`{id}` is no rival of itself"), help.to_owned())
            }
            Some(true) => continue,
            Some(false) => (
                format!("`{}` contacts no customer", rival.value),
                "only what reaches a customer can outrank a contact".to_owned(),
            ),
            None => {
                let known = contacts.keys().filter(|known| *known != id).map(RuleId::as_str);
                let help = match nearest(rival.value.as_str(), known.clone()) {
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => format!("rules of this pack: {}", known.collect::<Vec<_>>().join(", ")),
                };
                (format!("there is no rule `{}`", rival.value), help)
            }
        };
        let problem = Problem::error(rival.place.clone(), "unknown-rival", message);
        problems.push(problem.help(help));
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

/// Reports where a rule can't be about a signal.
pub(super) fn about(
    id: &RuleId,
    name: &SignalName,
    place: Place,
    signals: &Signals,
    problems: &mut Vec<Problem>,
) {
    match signals.others.get(name) {
        Some(signal) if signal.key.is_some() => {}
        Some(signal) => {
            let message =
                format!("`{id}` is about the rows of `{name}`, but that signal has no key");
            let help = format!("add `-- key: COLUMN` to the top of {}", signal.file.display());
            problems.push(Problem::error(place, "not-keyed", message).help(help));
        }
        None => no_signal(name, signals, place, problems),
    }
}

/// Reports a field whose signal is not there, or can't be read as one row, or is read as if it were a
/// value.
fn signal_of(field: &Field, signals: &Signals, place: &Place, problems: &mut Vec<Problem>) {
    if let Field::Customer(column) = field
        && let Some(signal) = bare_signal(column, signals)
    {
        let (message, help) = no_value(signal);
        problems.push(Problem::error(place.clone(), "whole-row", message).help(help));
    }
    let Field::Signal(name, column) = field else { return };
    match signals.others.get(name) {
        Some(signal) if signal.key.is_some() => {
            let message = format!("`customer.{name}.{column}`: `{name}` has many rows a customer");
            let help = "only a rule that is about it (`const ABOUT`) sees its rows, one at a time";
            problems.push(Problem::error(place.clone(), "keyed-signal", message).help(help));
        }
        Some(_) => {}
        None if is_called(column) && signals.customers.names(name.as_str()) => {
            let message = format!("`{column}` is a function");
            let help = format!("call it: `customer.{name}.{column}()`");
            problems.push(Problem::error(place.clone(), "unknown-function", message).help(help));
        }
        None => no_signal(name, signals, place.clone(), problems),
    }
}

/// The signal that a column of the spine would be, where the spine has no such column.
fn bare_signal<'s>(column: &str, signals: &'s Signals) -> Option<&'s Signal> {
    let signal = signals.others.get(&SignalName::from(column))?;
    (!signals.customers.may_give(column)).then_some(signal)
}

/// What is wrong where a signal's name stands for a value, and what helps.
fn no_value(signal: &Signal) -> (String, String) {
    let (name, file) = (&signal.name, signal.file.display());
    let help = match (&signal.key, signal.defaults.keys().next()) {
        (Some(_), _) => "it has many rows a customer: only a rule that is about it (`const ABOUT`) sees them, one at a time".to_owned(),
        (None, Some(column)) => {
            format!("say which of its columns, such as `customer.{name}.{column}`; {file} gives them")
        }
        (None, None) => {
            format!("say which of its columns, as `customer.{name}.COLUMN`; {file} gives them")
        }
    };
    (format!("`{name}` is a signal, and no value"), help)
}

/// Reports a signal that is not there. One whose file has mistakes is there, and they are told.
fn no_signal(name: &SignalName, signals: &Signals, place: Place, problems: &mut Vec<Problem>) {
    if has_mistakes(name, signals, problems) {
        return;
    }
    let folder = signals.customers.file.parent().unwrap_or(Path::new(""));
    let wanted = format!("{name}.sql");
    let is_read = |file: &String| file.ends_with(".sql");
    if let Some(found) = misnamed(folder, &wanted).filter(|file| !is_read(file)) {
        let message = "this file is not read: the name of a signal's file ends in .sql";
        let problem = Problem::error(Place::file(folder.join(found)), "misnamed-file", message);
        problems.push(problem.help(format!("did you mean {wanted}? Rename it")));
    } else {
        let message = format!("there is no signal `{name}`");
        let problem = Problem::error(place, "unknown-signal", message);
        problems.push(problem.help(instead_of(name, signals)));
    }
}

/// Whether a signal's file has mistakes: then it is there, and they are told.
fn has_mistakes(name: &SignalName, signals: &Signals, problems: &[Problem]) -> bool {
    let folder = signals.customers.file.parent();
    let is_its_file = |file: &Path| {
        let stem =
            file.file_name().and_then(|name| name.to_str()).and_then(|n| n.split('.').next());
        file.parent() == folder && stem == Some(name.as_str())
    };
    problems.iter().any(|problem| is_its_file(&problem.place.file))
}

/// What helps where a signal is named that is not there.
fn instead_of(name: &SignalName, signals: &Signals) -> String {
    let known = signals.others.keys().map(SignalName::as_str);
    match nearest(name.as_str(), known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("signals of this pack: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

fn topic(rule: &PackRule, policy: &Policy, file: &Path, problems: &mut Vec<Problem>) {
    let Some(topic) = &rule.rule.settings.topic else { return };
    let is_wrong = |p: &Problem| p.place.file == file && p.severity == Severity::Error;
    // Where no topic could be read, the mistakes that kept them from being read are told.
    let unread = policy.topics.is_empty() && problems.iter().any(is_wrong);
    if unread || policy.topics.contains_key(topic) {
        return;
    }
    let known = policy.topics.keys().map(String::as_str);
    let help = match nearest(topic, known.clone()) {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None if policy.topics.is_empty() => {
            format!("it names no topics yet: add [topics.{topic}] with consent = \"opt-out\"")
        }
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
    let folder = &rule.rule.folder;
    // Words with mistakes are there, and their mistakes are told.
    let wrong: BTreeSet<String> = problems
        .iter()
        .map(|problem| &problem.place.file)
        .filter(|file| file.parent() == Some(folder) && file.extension().is_some_and(|e| e == "md"))
        .filter_map(|file| Some(file.file_name()?.to_str()?.split('.').next()?.to_owned()))
        .collect();
    for ask in &rule.rule.asks {
        match &ask.ask {
            Ask::Send(_, template) if wrong.contains(template) => {}
            Ask::Send(_, template) if !names.contains(template.as_str()) => {
                let message = format!("`{id}` has no words named `{template}`");
                let bare = template.strip_suffix(".md").unwrap_or(template);
                let help = match nearest(bare, names.iter().copied()) {
                    _ if names.contains(bare) => format!("leave out the `.md`: \"{bare}\""),
                    Some(meant) => format!("did you mean \"{meant}\"?"),
                    None => did_you_mean(folder, &format!("{bare}.md")).unwrap_or_else(|| {
                        format!("write them into {}", folder.join(format!("{bare}.md")).display())
                    }),
                };
                problems.push(
                    Problem::error(ask.place.clone(), "unknown-template", message).help(help),
                );
            }
            Ask::Contact(_) if rule.contact_channels().is_empty() && wrong.is_empty() => {
                let message = "contact() has no words to send on any channel";
                let file = folder.join("email.md");
                let help = did_you_mean(folder, "email.md")
                    .unwrap_or_else(|| format!("write {}", file.display()));
                problems.push(
                    Problem::error(ask.place.clone(), "unknown-template", message).help(help),
                );
            }
            _ => {}
        }
    }
}
