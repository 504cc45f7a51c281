//! What a rule needs of a database, and what is not there.

use std::collections::BTreeSet;

use super::RunError;
use crate::domain::{About, Field, FieldTypes, Place, Problem, SignalName, nearest};
use crate::pack::{self, Pack, PackRule};
use crate::signals::{Examined, View};

/// A pack as a database sees it.
#[derive(Debug)]
pub struct Examination {
    /// Everything that would keep a rule from being judged.
    pub problems: Vec<Problem>,
    /// What the columns hold.
    pub types: FieldTypes,
}

/// Holds the pack's names and queries against a database, and looks at what its columns hold.
pub async fn examine(pack: &Pack, view: &mut View) -> Result<Examination, RunError> {
    let all = pack.signals.others.keys().cloned().collect();
    let examined = view.examine(&pack.signals, &all).await?;
    let contents = view.contents(&pack.signals, &examined).await?;
    let signals = examined.problems.values().flatten().cloned();
    let rules = pack.rules.values().flat_map(|rule| unusable(rule, pack, &examined));
    let words = pack.rules.values().flat_map(|rule| missing_in_words(rule, pack, &examined));
    let types = pack::types::of_source(&pack.signals, &contents);
    let spine = misspelt_columns(pack, &examined);
    let problems: BTreeSet<Problem> = signals
        .filter(|problem| !is_told(pack, problem))
        .chain(rules)
        .chain(words)
        .chain(spine)
        .collect();
    Ok(Examination { problems: problems.into_iter().collect(), types })
}

/// Columns of `customers` that were probably meant to be one with a meaning, as the database calls them.
pub(super) fn misspelt_columns(pack: &Pack, examined: &Examined) -> Vec<Problem> {
    let columns = examined.columns.get(&pack.signals.customers.name);
    let names: Vec<&str> = columns.into_iter().flatten().map(|c| c.name.as_str()).collect();
    if names.is_empty() { Vec::new() } else { pack.misspelt_columns(&names) }
}

/// Whether the database refuses a query for what is told of the query itself: PostgreSQL wants the
/// GROUP BY that SQLite does without.
fn is_told(pack: &Pack, problem: &Problem) -> bool {
    let mut signals = pack.signals.others.values().chain([&pack.signals.customers]);
    let ungrouped = |file| move |told: &Problem| told.place.file == file;
    problem.code == "sql-error"
        && problem.message.contains("GROUP BY")
        && signals
            .any(|signal| signal.ungrouped().iter().any(ungrouped(problem.place.file.clone())))
}

/// The signals that a rule, its words and its topic's condition read.
pub(super) fn signals_of(rule: &PackRule) -> BTreeSet<SignalName> {
    let read = rule.reads.iter().filter_map(|field| match field {
        Field::Signal(name, _) => Some(name.clone()),
        _ => None,
    });
    let about = match &rule.rule.settings.about {
        About::Signal(name) => Some(name.clone()),
        About::Customers => None,
    };
    read.chain(about).collect()
}

/// Why a rule can't be judged on this database: its signals' problems, and names that aren't there.
pub(super) fn unusable(rule: &PackRule, pack: &Pack, examined: &Examined) -> Vec<Problem> {
    let signals = signals_of(rule);
    let broken = signals.iter().filter_map(|name| examined.problems.get(name)).flatten();
    let mut problems: Vec<Problem> = broken.cloned().collect();
    let about = &rule.rule.settings.about;
    for (field, place) in rule.named() {
        let signal = signal_of(field, about, &pack.signals.customers.name);
        if !examined.problems.contains_key(signal) && !has(examined, about, field) {
            problems.push(missing(field, signal, examined, place.clone()));
        }
    }
    problems
}

/// Names in a rule's words that aren't there, in every language that reads them.
fn missing_in_words(rule: &PackRule, pack: &Pack, examined: &Examined) -> Vec<Problem> {
    let about = &rule.rule.settings.about;
    let mut problems = Vec::new();
    for (field, place) in &rule.read_by_words {
        let signal = signal_of(field, about, &pack.signals.customers.name);
        let known = examined.columns.contains_key(signal);
        if known && !examined.problems.contains_key(signal) && !has(examined, about, field) {
            problems.push(missing(field, signal, examined, place.clone()));
        }
    }
    problems
}

/// The signal that gives a field.
pub(super) fn signal_of<'a>(
    field: &'a Field,
    about: &'a About,
    customers: &'a SignalName,
) -> &'a SignalName {
    field.signal(about).unwrap_or(customers)
}

pub(super) fn has(examined: &Examined, about: &About, field: &Field) -> bool {
    let customers = SignalName::from("customers");
    let columns = examined.columns.get(signal_of(field, about, &customers));
    columns.is_some_and(|columns| columns.iter().any(|column| column.name == field.column()))
}

fn missing(field: &Field, signal: &SignalName, examined: &Examined, place: Place) -> Problem {
    let column = field.column();
    let known = examined.columns.get(signal).into_iter().flatten().map(|c| c.name.as_str());
    let help = match nearest(column, known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("`{signal}` has: {}", known.collect::<Vec<_>>().join(", ")),
    };
    let message = format!("the signal `{signal}` has no column `{column}`");
    Problem::error(place, "unknown-name", message).label("not there").help(help)
}

/// Whether a rule reads one of the signals whose files have these problems.
pub(super) fn reads_one_of(rule: &PackRule, pack: &Pack, problems: &[Problem]) -> bool {
    let customers = pack.signals.customers.name.clone();
    signals_of(rule).into_iter().chain([customers]).any(|name| {
        let file = pack.signals.get(&name).map(|signal| &signal.file);
        problems.iter().any(|problem| Some(&problem.place.file) == file)
    })
}
