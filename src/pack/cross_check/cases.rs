//! The examples of a rule against the pack: the words, rules and signals that they name. What columns
//! hold is not known here.

use std::collections::BTreeSet;

use super::{bare_signal, has_mistakes, instead_of, no_value};
use crate::document::Placed;
use crate::domain::{About, Ask, Field, Place, Problem, RuleId, Severity, SignalName, nearest};
use crate::pack::{Pack, PackRule};
use crate::rules::cases::{Fact, Written, written};
use crate::signals::{Signal, Signals};

/// What a case may name beside its own rule.
pub(super) struct Names<'p> {
    pub(super) rules: BTreeSet<&'p str>,
    /// Those that the rules of the pack send by, and the usual ones.
    pub(super) channels: BTreeSet<&'p str>,
    pub(super) topics: BTreeSet<&'p str>,
}

impl<'p> Names<'p> {
    pub(super) fn of(pack: &'p Pack) -> Self {
        let asks = pack.rules.values().flat_map(|rule| &rule.rule.asks);
        let sent = asks.filter_map(|ask| match &ask.ask {
            Ask::Send(channel, _) => Some(channel.0.as_str()),
            Ask::Contact(_) => None,
        });
        Self {
            rules: pack.rules.keys().map(RuleId::as_str).collect(),
            channels: sent.chain(USUAL).collect(),
            topics: pack.policy.topics.keys().map(String::as_str).collect(),
        }
    }
}

const USUAL: [&str; 4] = ["email", "sms", "phone", "task"];

/// Reports what a rule's cases name and nothing in the pack is.
pub(super) fn check(
    rule: &PackRule,
    signals: &Signals,
    names: &Names<'_>,
    problems: &mut Vec<Problem>,
) {
    let file = rule.rule.folder.join("cases.toml");
    if !file.is_file() || problems.iter().any(|problem| problem.place.file == file) {
        return;
    }
    let written = written(&file, rule.rule.subject_name.as_deref());
    // Words with mistakes, or that no file holds, are told where they are missed.
    let is_own = |problem: &Problem| problem.place.file.starts_with(&rule.rule.folder);
    if !problems.iter().any(|problem| problem.severity == Severity::Error && is_own(problem)) {
        words(rule, &written, problems);
    }
    let nowhere = |what: &str, code, named: &Placed<String>, known: &BTreeSet<&str>| {
        let message = format!("there is no {what} `{}`", named.value);
        let known = Some(known).filter(|known| !known.contains(named.value.as_str()));
        let meant = nearest(&named.value, known?.iter().copied())?;
        let problem = Problem::finding(named.place.clone(), code, message);
        Some(problem.help(format!("did you mean \"{meant}\"?")))
    };
    let of_rules = |named| nowhere("rule", "unknown-rule", named, &names.rules);
    problems.extend(written.rules.iter().filter_map(of_rules));
    let of_channels = |named| nowhere("channel", "unknown-channel", named, &names.channels);
    problems.extend(written.channels.iter().filter_map(of_channels));
    let of_topics = |named| nowhere("topic", "unknown-topic", named, &names.topics);
    problems.extend(written.topics.iter().filter_map(of_topics));
    let absent = written.absent.iter().filter(|fact| !is_row(&fact.field, signals));
    for fact in written.facts.iter().chain(absent) {
        let problem = unknown_fact(rule, fact, signals);
        problems.extend(problem.filter(|_| !is_told(fact, signals, problems)));
    }
}

/// Whether what is said to be absent is a customer's row of a signal.
pub(in crate::pack) fn is_row(field: &Field, signals: &Signals) -> bool {
    let Field::Customer(name) = field else { return false };
    signals.others.get(&name.as_str().into()).is_some_and(|signal| signal.key.is_none())
}

/// Whether the case is right and something else is told: the signal's file has mistakes, or a rule is
/// never heard for want of this column.
fn is_told(fact: &Fact, signals: &Signals, problems: &[Problem]) -> bool {
    match &fact.field {
        Field::Signal(name, _) => has_mistakes(name, signals, problems),
        Field::Customer(column) => {
            let column = format!("`{column}`");
            let wants = |p: &Problem| {
                (p.code == "never-heard" && p.help.contains(&column))
                    || (p.code == "misspelt-column" && p.label.contains(&column))
            };
            problems.iter().any(wants)
        }
        Field::Subject(_) => false,
    }
}

/// Words that a case waits for, and the rule's folder has none of.
fn words(rule: &PackRule, written: &Written, problems: &mut Vec<Problem>) {
    let mut channels: Vec<&str> = USUAL.to_vec();
    channels.extend(rule.rule.asks.iter().filter_map(|ask| match &ask.ask {
        Ask::Send(channel, _) => Some(channel.0.as_str()),
        Ask::Contact(_) => None,
    }));
    for (channel, words) in &written.words {
        let names = || rule.templates.names();
        if !channels.contains(&channel.as_str()) || names().any(|name| name == words.value) {
            continue;
        }
        let message = format!("the case expects words `{}`, and the rule has none", words.value);
        let help = match nearest(&words.value, names()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("the rule has: {}", names().collect::<Vec<_>>().join(", ")),
        };
        let problem = Problem::finding(words.place.clone(), "unknown-template", message);
        problems.push(problem.help(help));
    }
}

/// A fact of a signal that is not there or is read otherwise, or of a column that its query can't give.
fn unknown_fact(rule: &PackRule, fact: &Fact, signals: &Signals) -> Option<Problem> {
    let (signal, column) = match (&fact.field, &rule.rule.settings.about) {
        (Field::Customer(column), _) if let Some(signal) = bare_signal(column, signals) => {
            let (message, _) = no_value(signal);
            let help = match signal.defaults.keys().next() {
                _ if signal.key.is_some() => {
                    return Some(many_rows(&fact.name_place, &signal.name));
                }
                Some(column) => {
                    format!("give one of its columns: `{} = {{ {column} = … }}`", signal.name)
                }
                None => format!("give one of its columns: `{} = {{ COLUMN = … }}`", signal.name),
            };
            let problem = Problem::finding(fact.name_place.clone(), "whole-row", message);
            return Some(problem.help(help));
        }
        (Field::Customer(column), _) => (&signals.customers, column),
        (Field::Subject(column), About::Signal(name)) => {
            (signals.others.get(name).filter(|signal| signal.key.is_some())?, column)
        }
        (Field::Subject(_), About::Customers) => return None,
        (Field::Signal(name, column), _) => match signals.others.get(name) {
            Some(signal) if signal.key.is_none() => (signal, column),
            Some(_) => return Some(many_rows(&fact.name_place, name)),
            None => return Some(no_signal(&fact.name_place, name, signals)),
        },
    };
    if signal.may_give(column) {
        return None;
    }
    let rows = signals.others.iter().filter(|_| matches!(fact.field, Field::Customer(_)));
    let keyed =
        |(name, signal): &(&SignalName, &Signal)| name.as_str() == column && signal.key.is_some();
    if let Some((name, _)) = rows.clone().find(keyed) {
        return Some(many_rows(&fact.name_place, name));
    }
    let rows = rows.filter(|(_, signal)| signal.key.is_none()).map(|(name, _)| name.as_str());
    let read = rule.places.keys().filter_map(|field| match (field, &fact.field) {
        (Field::Customer(own), Field::Customer(_)) | (Field::Subject(own), Field::Subject(_)) => {
            Some(own.as_str())
        }
        (Field::Signal(of, own), Field::Signal(name, _)) if of == name => Some(own.as_str()),
        _ => None,
    });
    Some(unknown_column(&fact.name_place, signal, column, read.chain(rows)))
}

/// The problem of a fact of which a signal gives no column.
pub(in crate::pack) fn unknown_column<'n>(
    place: &Place,
    signal: &Signal,
    column: &str,
    known: impl IntoIterator<Item = &'n str>,
) -> Problem {
    let message = format!("the signal `{}` has no column `{column}`", signal.name);
    let help = match nearest(column, known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("leave it out, or give it in {}", signal.file.display()),
    };
    Problem::finding(place.clone(), "unknown-fact", message).label("not there").help(help)
}

fn many_rows(place: &Place, name: &SignalName) -> Problem {
    let message = format!("`{name}` has many rows a customer, so no customer has one of them");
    let help = "leave it out: only a rule that is about it (`const ABOUT`) sees its rows";
    Problem::finding(place.clone(), "keyed-signal", message).help(help)
}

fn no_signal(place: &Place, name: &SignalName, signals: &Signals) -> Problem {
    let message = format!("there is no signal `{name}`");
    Problem::finding(place.clone(), "unknown-signal", message).help(instead_of(name, signals))
}
