//! What each column of the pack's signals can hold: as a database shows it, or as the facts of the
//! cases say where none is at hand. Nothing is judged here.

use std::collections::BTreeMap;

use super::Pack;
use crate::domain::{
    About, Absence, Absent, FieldType, FieldTypes, Kind, Kinds, KnownFrom, SignalName, Value,
};
use crate::signals::{Contents, Signal, Signals};

/// The types that a database or a snapshot shows.
pub fn of_source(signals: &Signals, contents: &Contents) -> FieldTypes {
    let of_signal = |(name, columns): (&SignalName, &BTreeMap<String, (Kinds, u64)>)| {
        let signal = signals.get(name)?;
        let types = columns.iter().map(|(column, (kinds, empty))| {
            let absence = match (absence(signal, signals, column), empty) {
                (Absence::Unknown, 0) => Absence::Unseen,
                (Absence::Unknown, rows) => Absence::Possible(Absent::Empty(*rows)),
                (Absence::Possible(Absent::NoRow(name, _)), rows) => {
                    Absence::Possible(Absent::NoRow(name, *rows))
                }
                (known, _) => known,
            };
            let kinds = with_default(*kinds, signal.defaults.get(column));
            (column.clone(), FieldType { kinds, absence, known_from: KnownFrom::Source })
        });
        Some((name.clone(), types.collect()))
    };
    FieldTypes(contents.iter().filter_map(of_signal).collect())
}

/// The types that the facts of all rules' cases show, taken together.
pub fn of_cases(pack: &Pack) -> FieldTypes {
    let customers = pack.signals.customers.name.clone();
    let mut held: BTreeMap<SignalName, BTreeMap<String, Kinds>> = BTreeMap::new();
    for rule in pack.rules.values() {
        let steps = rule.cases.iter().flat_map(|case| &case.steps).map(|step| &step.facts);
        for facts in rule.cases.iter().map(|case| &case.facts).chain(steps) {
            let signals = facts.signals.iter().map(|(name, row)| (SignalName::from(name), row));
            let subject = match &rule.rule.settings.about {
                About::Signal(name) => Some((name.clone(), &facts.subject)),
                About::Customers => None,
            };
            let spine = [(customers.clone(), &facts.customer)];
            for (signal, row) in spine.into_iter().chain(signals).chain(subject) {
                let columns = held.entry(signal).or_default();
                for (column, value) in row {
                    let kinds = columns.entry(column.clone()).or_default();
                    *kinds = Kind::of(value).map_or(*kinds, |kind| kinds.with(kind));
                }
            }
        }
    }
    // Of what no case gives, the signal itself may say whether it can be absent.
    for rule in pack.rules.values() {
        for (field, _) in rule.named() {
            let signal = field.signal(&rule.rule.settings.about).unwrap_or(&customers);
            let columns = held.entry(signal.clone()).or_default();
            columns.entry(field.column().to_owned()).or_default();
        }
    }
    let of_signal = |(name, columns): (SignalName, BTreeMap<String, Kinds>)| {
        let signal = pack.signals.get(&name)?;
        let types = columns.into_iter().map(|(column, kinds)| {
            let absence = absence(signal, &pack.signals, &column);
            let kinds = with_default(kinds, signal.defaults.get(&column));
            (column, FieldType { kinds, absence, known_from: KnownFrom::Cases })
        });
        Some((name.clone(), types.collect()))
    };
    FieldTypes(held.into_iter().filter_map(of_signal).collect())
}

/// Whether a column may be absent, as far as the signal itself says.
fn absence(signal: &Signal, signals: &Signals, column: &str) -> Absence {
    let is_spine = signal.name == signals.customers.name;
    match &signal.key {
        Some(key) if key == column => Absence::Impossible,
        None if is_spine && column == "customer_id" => Absence::Impossible,
        None if !is_spine && !signal.defaults.contains_key(column) => {
            Absence::Possible(Absent::NoRow(signal.name.clone(), 0))
        }
        _ => Absence::Unknown,
    }
}

fn with_default(kinds: Kinds, default: Option<&Value>) -> Kinds {
    match default.and_then(Kind::of) {
        Some(kind) if !kinds.is_unknown() => kinds.with(kind),
        _ => kinds,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_cases_of_all_rules_tell_types_together() {
        let pack = crate::pack::load(Path::new("rules")).pack.unwrap();
        let types = of_cases(&pack);
        let told = |signal: &str, column: &str| {
            let of = types.column(&signal.into(), column)?;
            assert_eq!(of.known_from, KnownFrom::Cases);
            Some((of.kinds.to_string(), of.absence.clone()))
        };
        let no_row = Absence::Possible(Absent::NoRow("habits".into(), 0));
        for (signal, column, kinds, absence) in [
            ("customers", "customer_id", "text", Absence::Impossible),
            ("customers", "plan", "text", Absence::Unknown),
            ("orders", "order_id", "a whole number", Absence::Impossible),
            ("orders", "order_date", "a date", Absence::Unknown),
            ("habits", "orders", "a whole number", Absence::Unknown),
            ("habits", "last_order_date", "a date", no_row),
        ] {
            assert_eq!(
                told(signal, column),
                Some((kinds.to_owned(), absence)),
                "{signal}.{column}"
            );
        }
        assert_eq!(told("customers", "nothing"), None);
    }
}
