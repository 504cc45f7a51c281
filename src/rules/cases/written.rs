//! What stands in `cases.toml`, each thing once and in its place, wherever a case takes it from: a fact
//! of `[base]` is one fact here. Nothing is checked; [`super::load`] tells what can't be read.

use std::path::Path;

use super::row;
use crate::document::{Document, Placed, Section};
use crate::domain::{Field, Place, Value};

/// Everything of a `cases.toml` that names something of the rest of the pack.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// The facts.
    pub facts: Vec<Fact>,
    /// What is said to be absent, without a value. A column of the customer may be a signal's name: then
    /// it is its row.
    pub absent: Vec<Fact>,
    /// The words that are expected, under the channel that they are expected on.
    pub words: Vec<(String, Placed<String>)>,
    /// The rules of earlier contacts.
    pub rules: Vec<Placed<String>>,
    /// Their channels.
    pub channels: Vec<Placed<String>>,
    /// The topics that are suppressed.
    pub topics: Vec<Placed<String>>,
}

/// One fact as it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// What it is of.
    pub field: Field,
    /// What it says; none for what no cell can hold.
    pub value: Option<Value>,
    /// Where its name stands.
    pub name_place: Place,
    /// Where its value stands.
    pub place: Place,
}

/// Reads a file once more. `subject` is what the script calls the keyed row.
pub fn written(file: &Path, subject: Option<&str>) -> Written {
    let mut written = Written::default();
    let mut told_elsewhere = Vec::new();
    Document::read(file, &mut told_elsewhere, |document| walk(document, subject, &mut written));
    written
}

fn walk(section: &Section<'_>, subject: Option<&str>, written: &mut Written) {
    for key in section.keys() {
        let Some(value) = section.get(&key).map(|value| value.get_ref()) else { continue };
        let tables =
            value.as_array().is_some_and(|items| items.iter().all(|i| i.get_ref().is_table()));
        match key.as_str() {
            "customer" if value.is_table() => section.section(&key).iter().for_each(|customer| {
                self::customer(customer, written);
            }),
            name if Some(name) == subject && value.is_table() => {
                cells(section, &key, Field::Subject, written);
            }
            "absent" => {
                let names = section.texts(&key).into_iter();
                written.absent.extend(names.filter_map(|name| absent(name, subject)));
            }
            "expect" if value.is_table() => {
                section.section(&key).iter().for_each(|expect| expected(expect, written));
            }
            "contacts" if tables => {
                let contacts = section.sections(&key);
                written.rules.extend(contacts.iter().filter_map(|contact| contact.text("rule")));
                let channels = contacts.iter().filter_map(|contact| contact.text("channel"));
                written.channels.extend(channels);
            }
            "suppressed" if tables => {
                let suppressed = section.sections(&key);
                written.topics.extend(suppressed.iter().filter_map(|one| one.text("topic")));
            }
            _ if value.is_table() => {
                section.section(&key).iter().for_each(|inner| walk(inner, subject, written));
            }
            _ if tables => {
                section.sections(&key).iter().for_each(|inner| walk(inner, subject, written));
            }
            _ => {}
        }
    }
}

fn customer(customer: &Section<'_>, written: &mut Written) {
    for name in customer.keys() {
        if customer.get(&name).is_some_and(|value| value.get_ref().is_table()) {
            let signal = name.as_str();
            cells(customer, signal, |column| Field::Signal(signal.into(), column), written);
        } else {
            written.facts.extend(fact(customer, &name, Field::Customer(name.clone())));
        }
    }
}

fn cells(section: &Section<'_>, key: &str, field: impl Fn(String) -> Field, written: &mut Written) {
    let Some(row) = section.section(key) else { return };
    for column in row.keys() {
        written.facts.extend(fact(&row, &column, field(column.clone())));
    }
}

fn fact(row: &Section<'_>, name: &str, field: Field) -> Option<Fact> {
    let place = row.place_of(row.get(name)?);
    Some(Fact { field, value: row.cell(name), name_place: row.place_of_key(name), place })
}

fn absent(name: Placed<String>, subject: Option<&str>) -> Option<Fact> {
    let field = row::absent(&name.value, subject)?;
    Some(Fact { field, value: None, name_place: name.place.clone(), place: name.place })
}

fn expected(expect: &Section<'_>, written: &mut Written) {
    for channel in expect.keys() {
        let is_text = expect.get(&channel).is_some_and(|value| value.get_ref().as_str().is_some());
        if let Some(words) = expect.text(&channel).filter(|_| is_text) {
            written.words.push((channel, words));
        }
    }
}
