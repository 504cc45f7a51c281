//! The scripts of a pack held against what its fields can hold: the rules', and the conditions in
//! policy.toml. What a script means is for [`crate::rules::check`] to say.

use std::collections::BTreeSet;

use super::{Pack, PackRule};
use crate::domain::{About, Field, FieldTypes, Place, Problem, SignalName, nearest};
use crate::rules::check;

/// Every mistake in the pack's scripts that the types of the fields show, and what is there for nothing.
pub fn review(pack: &Pack, types: &FieldTypes) -> Vec<Problem> {
    let rules = pack.rules.values().flat_map(|rule| {
        let mut problems = check::rule(&rule.rule, types);
        problems.extend(unread_constants(rule));
        problems
    });
    let mutes = pack.mutes.values().flat_map(|condition| check::condition(condition, types));
    rules.chain(mutes).collect()
}

/// Divisions whose fraction is cut off with the facts of the cases alone: there, a case decides otherwise
/// than a run, because `types` has fractions where the cases write whole numbers.
pub fn lost_in_cases(pack: &Pack, types: &FieldTypes) -> Vec<Problem> {
    let lost = |types: &FieldTypes| {
        let problems = review(pack, types).into_iter();
        problems.filter(|problem| problem.code == "lost-fraction")
    };
    let known: BTreeSet<Place> = lost(types).map(|problem| problem.place).collect();
    let only =
        lost(&super::types::of_cases(pack)).filter(|problem| !known.contains(&problem.place));
    only.map(|problem| {
        let message = format!("{} in the cases, and not in the data", problem.message);
        let help = "write the facts of the cases as the data have them, with a point: 30.0";
        Problem { message, help: help.to_owned(), ..problem }
    })
    .collect()
}

/// Names that are nowhere, as far as the queries themselves and the facts of the cases show it: where
/// neither a database nor a snapshot is at hand.
pub fn unknown_names(pack: &Pack, cases: &FieldTypes) -> Vec<Problem> {
    let mut problems = BTreeSet::new();
    for rule in pack.rules.values() {
        let about = &rule.rule.settings.about;
        let words = rule.read_by_words.iter().map(|(field, place)| (field, place));
        let named = rule.named().chain(words);
        problems
            .extend(named.filter_map(|(field, place)| unknown(pack, cases, about, field, place)));
    }
    problems.into_iter().collect()
}

fn unknown(
    pack: &Pack,
    cases: &FieldTypes,
    about: &About,
    field: &Field,
    place: &Place,
) -> Option<Problem> {
    let customers: &SignalName = &pack.signals.customers.name;
    let name = field.signal(about).unwrap_or(customers);
    let (signal, column) = (pack.signals.get(name)?, field.column());
    let given = cases.0.get(name);
    let known = given.into_iter().flatten().filter(|(_, of)| !of.kinds.is_unknown());
    let mut known = known.map(|(column, _)| column.as_str());
    if known.clone().any(|known| known == column) {
        return None;
    }
    let meant = nearest(column, &mut known);
    let problem = match (signal.may_give(column), meant) {
        (false, _) => {
            let message = format!("the query of `{name}` gives no column `{column}`");
            Problem::error(place.clone(), "unknown-name", message).label("not there")
        }
        (true, Some(_)) if !signal.names(column) => {
            let message = format!("no case has a `{column}` of `{name}`");
            Problem::finding(place.clone(), "unknown-name", message).label("in no case")
        }
        (true, _) => return None,
    };
    Some(problem.help(match meant.or_else(|| nearest(column, signal.words())) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("add it to {}, or correct the name", signal.file.display()),
    }))
}

/// Constants of the author's own that neither the script nor the words read.
fn unread_constants(rule: &PackRule) -> Vec<Problem> {
    let words: BTreeSet<String> = (rule.templates.names())
        .flat_map(|name| rule.templates.reads(name))
        .filter_map(|(path, _)| path.split('.').next().map(str::to_owned))
        .collect();
    let unread = check::unread_constants(&rule.rule).into_iter();
    let unread = unread.filter(|(name, _)| !words.contains(*name));
    let problem = |(name, place): (&str, &Place)| {
        let message = format!("nothing reads `{name}`");
        Problem::finding(place.clone(), "unused-constant", message)
            .label("neither the script nor the words")
            .help("delete it, or use it where its value stands")
    };
    unread.map(problem).collect()
}
