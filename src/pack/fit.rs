//! What cases and words say, against what the columns hold: a fact of another type than its column, a
//! value that its filter can't say. Where the types of a column are not known, nothing is said.

use super::cross_check::{field, is_row, unknown_column};
use super::{Pack, PackRule};
use crate::domain::{
    About, Absence, Absent, Field, FieldType, FieldTypes, Kind, Kinds, KnownFrom, Place, Problem,
    SignalName, Value,
};
use crate::rules::cases::{Fact, Written, written};
use crate::templates::Filtered;

/// Everything of a pack's cases and words that doesn't fit the types.
pub fn check(pack: &Pack, types: &FieldTypes) -> Vec<Problem> {
    let mut problems = Vec::new();
    for rule in pack.rules.values() {
        for fact in facts(pack, rule) {
            problems.extend(misfit(pack, rule, &fact, types));
        }
        for template in rule.templates.names() {
            let unsayable = |filtered| unsayable(pack, rule, filtered, types);
            problems.extend(rule.templates.filtered(template).filter_map(unsayable));
            let unsaid = |filtered| unsaid(pack, rule, filtered, types);
            problems.extend(rule.templates.filtered(template).filter_map(unsaid));
        }
    }
    problems
}

/// The facts of a rule's cases, and what is absent in them.
fn facts(pack: &Pack, rule: &PackRule) -> Vec<Fact> {
    let file = rule.rule.folder.join("cases.toml");
    if !file.is_file() {
        return Vec::new();
    }
    let Written { mut facts, absent, .. } = written(&file, rule.rule.subject_name.as_deref());
    facts.extend(absent.into_iter().filter(|fact| !is_row(&fact.field, &pack.signals)));
    facts
}

/// A fact that a database would never give.
fn misfit(pack: &Pack, rule: &PackRule, fact: &Fact, types: &FieldTypes) -> Option<Problem> {
    let about = &rule.rule.settings.about;
    let (signal, column) = column(&fact.field, about)?;
    let columns = types.0.get(&signal)?;
    let Some(known) = columns.get(column) else {
        let from_source = columns.values().any(|known| known.known_from == KnownFrom::Source);
        // What the query can't give at all is told without any database.
        let signal = pack.signals.get(&signal).filter(|s| from_source && s.may_give(column))?;
        let names = columns.keys().map(String::as_str);
        if signal.name == pack.signals.customers.name && pack.is_misspelt(column, names.clone()) {
            return None;
        }
        return Some(unknown_column(&fact.name_place, signal, column, names));
    };
    let value = fact.value.as_ref()?;
    let kind = Kind::of(value).filter(|kind| !may_be(known, *kind))?;
    let message = format!(
        "`{column}` is {} here, and the signal `{signal}` gives {}",
        kind.words(),
        known.kinds
    );
    let problem = Problem::finding(fact.place.clone(), "fact-type", message);
    Some(problem.label(format!("not {}", known.kinds)).help(instead(value, known.kinds)))
}

/// Whether a case may give a value of this kind where the column holds others: a day is a midnight, a
/// whole number is a number.
fn may_be(known: &FieldType, kind: Kind) -> bool {
    let kinds = known.kinds;
    kinds.is_unknown()
        || kinds.has(kind)
        || match kind {
            Kind::Int => kinds.has(Kind::Float),
            Kind::Date | Kind::Instant => {
                [Kind::Text, Kind::Date, Kind::Instant].into_iter().any(|kind| kinds.has(kind))
            }
            Kind::Bool | Kind::Float | Kind::Text => false,
        }
}

/// The value as the column would hold it, as far as that can be told.
fn instead(value: &Value, kinds: Kinds) -> String {
    let number = match value {
        Value::Text(text) => text.trim().parse::<f64>().ok().map(|_| text.trim().to_owned()),
        Value::Bool(flag) => Some(i64::from(*flag).to_string()),
        Value::Float(number) if number.fract() == 0.0 => Some(format!("{number}")),
        _ => None,
    };
    let takes_numbers = kinds.has(Kind::Int) || kinds.has(Kind::Float);
    match number.filter(|_| takes_numbers) {
        Some(number) => format!("write it as the signal gives it: {number}"),
        None if kinds.has(Kind::Date) => "write it as a date: \"1998-05-07\"".to_owned(),
        None if kinds.has(Kind::Instant) => {
            "write it as an instant: \"1998-05-07T09:00:00Z\"".to_owned()
        }
        None if kinds.has(Kind::Text) => "write it in double quotes".to_owned(),
        None if kinds.has(Kind::Bool) => "write true or false".to_owned(),
        None => "write it as the signal gives it".to_owned(),
    }
}

/// A field that goes into a filter which can say none of its values.
fn unsayable(
    pack: &Pack,
    rule: &PackRule,
    filtered: &Filtered,
    types: &FieldTypes,
) -> Option<Problem> {
    let field = field(&filtered.path, rule.rule.subject_name.as_deref(), &pack.signals)?;
    let known = types.field(&rule.rule.settings.about, &field)?;
    // With the facts of the cases the words are written by `test`, which says what fails.
    if known.known_from == KnownFrom::Cases {
        return None;
    }
    let (says, wanted): (&[Kind], &str) = match filtered.filter.as_str() {
        "number" | "money" | "plural" => (&[Kind::Int, Kind::Float], "a number"),
        "date" => (&[Kind::Date, Kind::Instant], "a date or an instant"),
        "datetime" => (&[Kind::Instant], "an instant"),
        _ => return None,
    };
    if known.kinds.is_unknown() || says.iter().any(|kind| known.kinds.has(*kind)) {
        return None;
    }
    let (path, filter) = (&filtered.path, &filtered.filter);
    let message = format!("`| {filter}` says {wanted}, and `{path}` is {}", known.kinds);
    let help = match known.kinds.has(Kind::Date) {
        true if filter == "datetime" => format!("write {{{{ {path} | date }}}}"),
        true => format!("write {{{{ {path} | date }}}}, or another column"),
        false => format!("write {{{{ {path} }}}}, or another column"),
    };
    let place: Place = filtered.place.clone();
    Some(Problem::error(place, "filter-type", message).label(known.kinds.to_string()).help(help))
}

/// A field that goes into a filter which fails on what is absent, and may be. Of what the script reads, it
/// may have made sure of.
fn unsaid(
    pack: &Pack,
    rule: &PackRule,
    filtered: &Filtered,
    types: &FieldTypes,
) -> Option<Problem> {
    let fails = ["date", "datetime", "number", "money", "plural"];
    if filtered.is_asked || !fails.contains(&filtered.filter.as_str()) {
        return None;
    }
    let field = field(&filtered.path, rule.rule.subject_name.as_deref(), &pack.signals)?;
    let known = types.field(&rule.rule.settings.about, &field)?;
    let why = match &known.absence {
        Absence::Possible(why) => why,
        _ => return None,
    };
    let is_read = |other: &Field| match (other, &field) {
        (Field::Signal(of, _), Field::Signal(name, _)) => of == name,
        (other, field) => other == field,
    };
    // Where the script names a column that is not there, that is told first: it may mean this one.
    let is_unknown = |other: &Field| types.field(&rule.rule.settings.about, other).is_none();
    if rule.rule.places.keys().any(|other| is_read(other) || is_unknown(other)) {
        return None;
    }
    let label = match why {
        Absent::NoRow(signal, _) => format!("a customer may have no row in `{signal}`"),
        Absent::Empty(1) => "1 row has nothing in it".to_owned(),
        Absent::Empty(rows) => format!("{rows} rows have nothing in it"),
    };
    let (path, filter) = (&filtered.path, &filtered.filter);
    let message = format!("`| {filter}` fails where `{path}` is absent, and nothing is sent");
    let help = format!("put what says it between {{% if {path} %}} and {{% endif %}}");
    let problem = Problem::finding(filtered.place.clone(), "may-be-absent", message);
    Some(problem.label(label).help(help))
}

/// The signal and the column of a field.
fn column<'f>(field: &'f Field, about: &About) -> Option<(SignalName, &'f str)> {
    match (field, about) {
        (Field::Customer(column), _) => Some((SignalName::from("customers"), column)),
        (Field::Signal(signal, column), _) => Some((signal.clone(), column)),
        (Field::Subject(column), About::Signal(signal)) => Some((signal.clone(), column)),
        (Field::Subject(_), About::Customers) => None,
    }
}
