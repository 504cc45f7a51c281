//! The words of a rule against what it gives them: fields, constants, extra values of each call. What a
//! column holds is not known here.

use std::collections::{BTreeMap, BTreeSet};

use super::signal_of;
use crate::domain::{About, Ask, Customer, Field, Place, Problem, SignalName, nearest};
use crate::pack::PackRule;
use crate::rules::StaticAsk;
use crate::signals::{Signal, Signals};
use crate::templates::Loose;

/// Checks the names that the words use, and notes the fields among them.
pub(super) fn check(rule: &mut PackRule, signals: &Signals, problems: &mut Vec<Problem>) {
    let templates: Vec<String> = rule.templates.names().map(str::to_owned).collect();
    for template in templates {
        loose(rule, &template, signals, problems);
        let mut strangers: BTreeMap<String, Vec<(String, Place)>> = BTreeMap::new();
        for (path, place) in rule.templates.reads(&template) {
            match field(&path, rule.rule.subject_name.as_deref(), signals) {
                Some(field) => {
                    signal_of(&field, signals, &place, problems);
                    rule.read_by_words.push((field.clone(), place.clone()));
                    rule.places.entry(field).or_insert(place);
                }
                None => {
                    let name = path.split('.').next().unwrap_or_default().to_owned();
                    strangers.entry(name).or_default().push((path, place));
                }
            }
        }
        for (name, places) in strangers {
            value(rule, &template, &name, places, problems);
        }
    }
}

/// The field that a dotted path reads, if it reads one.
pub(in crate::pack) fn field(
    path: &str,
    subject: Option<&str>,
    signals: &Signals,
) -> Option<Field> {
    let parts: Vec<&str> = path.split('.').collect();
    match parts.as_slice() {
        ["customer", signal, column, ..]
            if signals.others.contains_key(&SignalName::from(signal)) =>
        {
            Some(Field::Signal((*signal).into(), (*column).to_owned()))
        }
        ["customer", column, ..] => Some(Field::Customer((*column).to_owned())),
        [name, column, ..] if Some(*name) == subject => Some(Field::Subject((*column).to_owned())),
        _ => None,
    }
}

/// A name that is no field: a constant, or a value that the calls give.
fn value(
    rule: &PackRule,
    template: &str,
    name: &str,
    places: Vec<(String, Place)>,
    problems: &mut Vec<Problem>,
) {
    let subject = rule.rule.subject_name.as_deref();
    let always = ["customer", "also"].into_iter().chain(subject);
    let always: BTreeSet<&str> =
        always.chain(rule.rule.constants.keys().map(String::as_str)).collect();
    if always.contains(name) {
        return;
    }
    let (calls, certain) = calls(rule, template);
    if calls.iter().any(|ask| !ask.values_are_written) {
        return;
    }
    let (giving, lacking): (Vec<&StaticAsk>, Vec<&StaticAsk>) =
        calls.iter().partition(|ask| ask.values.contains(name));
    if !giving.is_empty() {
        if certain && !rule.templates.spares(template, name) {
            problems.extend(lacking.into_iter().map(|ask| not_given(ask, template, name)));
        }
        return;
    }
    let given = calls.iter().flat_map(|ask| ask.values.iter().map(String::as_str));
    let known: BTreeSet<&str> = always.into_iter().chain(given).collect();
    let meant = nearest(name, known.iter().copied());
    let list = || known.iter().copied().collect::<Vec<_>>().join(", ");
    let help = match (meant, calls.first().filter(|_| certain)) {
        (Some(meant), _) => format!("did you mean `{meant}`?"),
        (None, Some(ask)) => {
            format!(
                "known here: {}; to give it in `then`, write {}",
                list(),
                giving_call(ask, &places)
            )
        }
        (None, None) => format!("known here: {}", list()),
    };
    let message = format!("the words use `{name}`, which nothing gives them");
    let languages = rule.templates.locales(template).len();
    // What all languages read is missing in one place, the call; what one of them reads is its own slip.
    let told = if meant.is_none() && places.len() == languages { 1 } else { places.len() };
    for (_, place) in places.into_iter().take(told) {
        let problem = Problem::error(place, "unknown-name", message.clone());
        problems.push(problem.label("not known").help(help.clone()));
    }
}

/// The calls that send a template, and whether these are they; all of the rule's where nobody can tell.
fn calls<'r>(rule: &'r PackRule, template: &str) -> (Vec<&'r StaticAsk>, bool) {
    let sends = |ask: &&StaticAsk| match &ask.ask {
        Ask::Send(_, own) => own == template,
        Ask::Contact(_) => rule.contact_channels().iter().any(|channel| channel.0 == template),
    };
    let calls: Vec<&StaticAsk> = rule.rule.asks.iter().filter(sends).collect();
    match calls.is_empty() || !rule.rule.asks_are_written {
        true => (rule.rule.asks.iter().collect(), false),
        false => (calls, true),
    }
}

fn not_given(ask: &StaticAsk, template: &str, name: &str) -> Problem {
    let message = format!("the words `{template}` use `{name}`, which this call doesn't give them");
    Problem::error(ask.place.clone(), "missing-value", message)
        .label(format!("no `{name}`"))
        .help(format!("write {}", call(ask, &format!("{name}: …"))))
}

/// How a call gives what the words ask for: a value, never a row.
fn giving_call(ask: &StaticAsk, asked: &[(String, Place)]) -> String {
    let paths: BTreeSet<&str> = asked.iter().map(|(path, _)| path.as_str()).collect();
    let values = paths.iter().map(|path| match path.split('.').collect::<Vec<_>>().as_slice() {
        ["episode", value] => format!("{value}: {path}"),
        [.., value] => format!("{value}: …"),
        [] => String::new(),
    });
    let call = call(ask, &values.collect::<Vec<_>>().join(", "));
    let last = |path: &&str| path.rsplit('.').next().map(|value| format!("{{{{ {value} }}}}"));
    let read: Vec<String> = paths.iter().filter(|p| p.contains('.')).filter_map(last).collect();
    let parameter = match paths.iter().any(|path| path.starts_with("episode.")) {
        true => " (`episode` is the last parameter of `then`)",
        false => "",
    };
    match read.is_empty() {
        true => call,
        false => format!("{call}{parameter}, and {} in the words", read.join(", ")),
    }
}

/// A call that gives these values.
fn call(ask: &StaticAsk, values: &str) -> String {
    match &ask.ask {
        Ask::Contact(_) => format!("contact(#{{ {values} }})"),
        Ask::Send(channel, words) => match channel.0.as_str() {
            "email" => format!("email(\"{words}\", #{{ {values} }})"),
            verb @ ("phone" | "task") => format!("{verb}(\"{words}\", #{{}}, #{{ {values} }})"),
            other => format!("send(\"{other}\", \"{words}\", #{{ {values} }})"),
        },
    }
}

/// Names in single braces or in brackets that would be right in double braces: they go out as they
/// stand.
fn loose(rule: &PackRule, template: &str, signals: &Signals, problems: &mut Vec<Problem>) {
    for Loose { path, written, place } in rule.templates.loose(template) {
        let Some(meant) = variable(rule, template, path, signals) else { continue };
        let message = format!("`{written}` goes out as it stands: nothing is put in its place");
        let problem = Problem::finding(place.clone(), "single-braces", message);
        let label = format!("did you mean {{{{ {meant} }}}}?");
        problems.push(
            problem.label(label).help("data is put in where its name stands in double braces"),
        );
    }
}

/// The variable of the words that a name stands for, if it stands for one.
fn variable(rule: &PackRule, template: &str, path: &str, signals: &Signals) -> Option<String> {
    let subject = rule.rule.subject_name.as_deref();
    let own = match &rule.rule.settings.about {
        About::Signal(name) => signals.others.get(name),
        About::Customers => None,
    };
    let is_column = |signal: &Signal, column: &str| {
        let written = signal.columns_written();
        written.iter().any(|(given, _)| given.iter().any(|given| given.name == column))
            || (signal.takes_all() && signal.name == signals.customers.name && is_spine(column))
    };
    let is_spine_column = |column: &str| is_column(&signals.customers, column);
    match path.split('.').collect::<Vec<_>>().as_slice() {
        ["customer", column] => is_spine_column(column).then(|| path.to_owned()),
        ["customer", signal, column] => {
            let signal = signals.others.get(&SignalName::from(*signal))?;
            is_column(signal, column).then(|| path.to_owned())
        }
        [row, column] if Some(*row) == subject => {
            own.is_some_and(|signal| is_column(signal, column)).then(|| path.to_owned())
        }
        [name] if rule.rule.constants.contains_key(*name) => Some(path.to_owned()),
        [name] if calls(rule, template).0.iter().any(|ask| ask.values.contains(*name)) => {
            Some(path.to_owned())
        }
        [column] if own.is_some_and(|signal| is_column(signal, column)) => {
            Some(format!("{}.{column}", subject?))
        }
        [column] => is_spine_column(column).then(|| format!("customer.{column}")),
        _ => None,
    }
}

fn is_spine(column: &str) -> bool {
    Customer::SPINE.contains(&column)
}
