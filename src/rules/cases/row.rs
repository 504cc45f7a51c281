//! A case's facts, as tables of fields. What a table leaves out stays as it was.

use crate::document::{Section, wrong_value};
use crate::domain::{Facts, Field, Fields};

/// The keys that a table may have: its own, and the name of the keyed row.
pub(super) fn known_keys<'k>(keys: &[&'k str], subject: Option<&'k str>) -> Vec<&'k str> {
    keys.iter().copied().chain(subject).collect()
}

/// Puts a table's facts over those that are there, field by field, and takes away what it says is
/// absent: TOML has no word for nothing. A table inside the customer's is a signal's row.
pub(super) fn add_facts(section: &Section<'_>, subject: Option<&str>, facts: &mut Facts) {
    if let Some(customer) = section.section("customer") {
        for name in customer.keys() {
            if customer.get(&name).is_some_and(|value| value.get_ref().is_table()) {
                let row = customer.section(&name).map(|row| fields(&row)).unwrap_or_default();
                facts.signals.entry(name).or_default().extend(row);
            } else if let Some(cell) = customer.cell(&name) {
                facts.customer.insert(name, cell);
            }
        }
    }
    if let Some(row) = subject.and_then(|name| section.section(name)) {
        facts.subject.extend(fields(&row));
    }
    for name in section.texts("absent") {
        match absent(&name.value, subject) {
            Some(Field::Signal(signal, field)) => {
                facts.signals.get_mut(signal.as_str()).and_then(|row| row.remove(&field));
            }
            Some(Field::Customer(name)) => {
                facts.customer.remove(&name);
                facts.signals.remove(&name);
            }
            Some(Field::Subject(field)) => {
                facts.subject.remove(&field);
            }
            None => {
                let row = subject.unwrap_or("customer");
                let error = format!(
                    "`{}` is no field; write it as the rule does: \"{row}.name\"",
                    name.value
                );
                section.report(wrong_value(name.place, "absent", error));
            }
        }
    }
}

/// What a case says is absent. A column of the customer may be a signal's name: then it is its row.
pub(super) fn absent(path: &str, subject: Option<&str>) -> Option<Field> {
    match path.split('.').collect::<Vec<_>>().as_slice() {
        ["customer", signal, field] => Some(Field::Signal((*signal).into(), (*field).to_owned())),
        ["customer", name] => Some(Field::Customer((*name).to_owned())),
        [row, field] if Some(*row) == subject => Some(Field::Subject((*field).to_owned())),
        _ => None,
    }
}

fn fields(row: &Section<'_>) -> Fields {
    row.keys().into_iter().filter_map(|name| Some((name.clone(), row.cell(&name)?))).collect()
}
