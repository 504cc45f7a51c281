//! A case as TOML. Nothing is decided or masked here.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Facts, Fields, Instant, RuleId, Span, Value, format_instant};

/// What a case says.
pub(super) struct Written<'a> {
    pub(super) name: String,
    pub(super) as_of: Instant,
    /// What the script calls the keyed row.
    pub(super) row: Option<&'a str>,
    pub(super) facts: Facts,
    /// What is given to every case of the file, and this one lacks.
    pub(super) absent: Vec<String>,
    pub(super) matching_for: Option<Span>,
    pub(super) contacts: Vec<BTreeMap<&'static str, String>>,
    pub(super) suppressed: Vec<BTreeMap<&'static str, String>>,
    pub(super) resolved: bool,
    pub(super) rivals: BTreeSet<RuleId>,
    pub(super) expect: BTreeMap<String, String>,
}

impl Written<'_> {
    pub(super) fn text(&self) -> String {
        let mut lines = vec!["[[case]]".to_owned()];
        let mut line = |key: &str, value: String| lines.push(format!("{key} = {value}"));
        line("name", quoted(&self.name));
        line("as_of", quoted(&format_instant(&self.as_of)));
        let mut customer = cells(&self.facts.customer);
        for (signal, row) in &self.facts.signals {
            let row = cells(row);
            if !row.is_empty() {
                customer.push(format!("{} = {}", key(signal), table(&row)));
            }
        }
        line("customer", table(&customer));
        if let Some(row) = self.row {
            line(row, table(&cells(&self.facts.subject)));
        }
        if !self.absent.is_empty() {
            let absent: Vec<_> = self.absent.iter().map(|path| quoted(path)).collect();
            line("absent", format!("[{}]", absent.join(", ")));
        }
        if let Some(span) = self.matching_for {
            line("matching_for", quoted(&span.to_string()));
        }
        for (name, list) in [("contacts", &self.contacts), ("suppressed", &self.suppressed)] {
            if !list.is_empty() {
                let all: Vec<_> = list.iter().map(one_of).collect();
                line(name, format!("[{}]", all.join(", ")));
            }
        }
        if self.resolved {
            line("resolved", "true".to_owned());
        }
        if !self.rivals.is_empty() {
            let rivals: Vec<_> = self.rivals.iter().map(|id| quoted(id.as_str())).collect();
            line("rivals", format!("[{}]", rivals.join(", ")));
        }
        let expect = self.expect.iter().map(|(name, said)| match name.as_str() {
            "no_match" | "nothing" => format!("{name} = true"),
            _ => format!("{} = {}", key(name), quoted(said)),
        });
        line("expect", table(&expect.collect::<Vec<_>>()));
        lines.join("\n") + "\n"
    }
}

/// What `given` has and `facts` lack, as a case names it: a signal's row that lacks everything is one.
pub(super) fn absent(given: &Facts, facts: &Facts, row: Option<&str>) -> Vec<String> {
    let is_there = |fields: &Fields, name: &String| {
        fields.get(name).is_some_and(|value| !matches!(value, Value::Null))
    };
    let lacks = |of: String, given: &Fields, fields: &Fields| -> Vec<String> {
        let lacking = given.keys().filter(|name| !is_there(fields, name));
        lacking.map(|name| format!("{of}.{name}")).collect()
    };
    let mut absent = lacks("customer".to_owned(), &given.customer, &facts.customer);
    for (signal, row) in &given.signals {
        let of = format!("customer.{signal}");
        let own = facts.signals.get(signal).cloned().unwrap_or_default();
        match own.keys().any(|name| is_there(&own, name)) {
            true => absent.extend(lacks(of, row, &own)),
            false => absent.push(of),
        }
    }
    let subject = row.map(|row| lacks(row.to_owned(), &given.subject, &facts.subject));
    absent.extend(subject.unwrap_or_default());
    absent
}

/// A contact or a suppression, without what it says of itself when left out.
fn one_of(said: &BTreeMap<&'static str, String>) -> String {
    let order = ["rule", "topic", "cause", "ago", "channel", "subject"];
    let usual = [("channel", "email"), ("cause", "refused")];
    let told = order.iter().filter_map(|key| Some((*key, said.get(key)?.as_str())));
    let told = told.filter(|said| !usual.contains(said));
    table(&told.map(|(key, said)| format!("{key} = {}", quoted(said))).collect::<Vec<_>>())
}

/// The fields that are there.
fn cells(fields: &Fields) -> Vec<String> {
    let there = fields.iter().filter(|(_, value)| !matches!(value, Value::Null));
    there.map(|(name, value)| format!("{} = {}", key(name), cell(value))).collect()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Float(number) if number.is_nan() => "nan".to_owned(),
        other => other.to_string(),
    }
}

fn table(cells: &[String]) -> String {
    match cells {
        [] => "{}".to_owned(),
        cells => format!("{{ {} }}", cells.join(", ")),
    }
}

fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !name.is_empty() && name.chars().all(is_bare) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

/// A text in quotes, on one line.
fn quoted(text: &str) -> String {
    let mut told = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => told.extend(['\\', c]),
            '\n' => told.push_str("\\n"),
            '\t' => told.push_str("\\t"),
            c if c.is_control() => told.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => told.push(c),
        }
    }
    told + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_text_holds_reads_back() {
        for text in ["plain", "\"quoted\\\"", "two\nlines\r\n", "\u{7f}\u{1}\tไทย 🐎"] {
            let line = format!("it = {}", quoted(text));
            let read: toml::Table = line.parse().unwrap();
            assert_eq!(read["it"].as_str(), Some(text), "{line}");
        }
        assert_eq!((key("open"), key("größe")), ("open".to_owned(), "\"größe\"".to_owned()));
    }
}
