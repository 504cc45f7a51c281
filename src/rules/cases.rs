//! `cases.toml`: the examples that a rule must hold to, read and checked.
//! Nothing is evaluated here.

mod expect;
mod table;

use std::path::Path;

use crate::document::{TOML_HELP, unreadable};
use crate::domain::{
    Channel, Facts, Fields, Instant, Place, Problem, RuleId, Span, SubjectId, Value, parse_instant,
};

use table::{Table, Tables};

pub use expect::{Deferred, Expect};

/// One example: facts at an instant, and what has to become of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name, in the author's words.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// When it plays.
    pub as_of: Instant,
    /// What is known. A field that neither the case nor `[base]` gives is not in there.
    pub facts: Facts,
    /// Who contacted the customer before, in the order written.
    pub contacts: Vec<EarlierContact>,
    /// How long the rule has matched already; left out, long enough for `FOR`.
    pub matching_for: Option<Span>,
    /// What has to come out.
    pub expect: Expect,
}

/// A contact before the case plays.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlierContact {
    /// Whose idea it was.
    pub rule: RuleId,
    /// How long before `as_of`.
    pub ago: Span,
    /// How it went; e-mail where left out.
    pub channel: Channel,
    /// What it was about; the case's own subject where left out.
    pub subject: Option<SubjectId>,
}

/// What `[base]` gives to every case.
#[derive(Default)]
struct Base {
    as_of: Option<Instant>,
    facts: Facts,
}

/// Reads a rule's cases. `subject` is what its script calls the keyed row; none for a rule about
/// customers. A file that is not there has no cases; a case with a mistake in it is left out.
pub fn load(file: &Path, subject: Option<&str>, problems: &mut Vec<Problem>) -> Vec<Case> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            problems.push(unreadable(file, &error));
            return Vec::new();
        }
    };
    read(file, &text, subject, problems)
}

fn read(file: &Path, text: &str, subject: Option<&str>, problems: &mut Vec<Problem>) -> Vec<Case> {
    let parsed = match toml::de::DeTable::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            let place = match error.span() {
                Some(span) => Place::at_offset(file, text, span.start, span.len() as u32),
                None => Place::file(file),
            };
            let message = format!("this is not TOML: {}", error.message());
            problems.push(Problem::error(place, "toml", message).help(TOML_HELP));
            return Vec::new();
        }
    };
    let mut tables = Tables { file, text, problems };
    let top = Table { entries: parsed.get_ref(), span: parsed.span() };
    tables.check_keys(&top, &["base", "case"], "the file");
    let mut base = Base::default();
    if let Some(table) = tables.table(&top, "base") {
        tables.check_keys(&table, &known_keys(&["as_of", "customer"], subject), "[base]");
        base.as_of = tables.instant(&table, "as_of");
        add_facts(&mut tables, &table, subject, &mut base.facts);
    }
    let cases = tables.tables(&top, "case");
    cases.iter().filter_map(|table| case(&mut tables, table, subject, &base)).collect()
}

fn known_keys<'k>(keys: &[&'k str], subject: Option<&'k str>) -> Vec<&'k str> {
    keys.iter().copied().chain(subject).collect()
}

fn case(tables: &mut Tables, table: &Table, subject: Option<&str>, base: &Base) -> Option<Case> {
    let before = tables.problems.len();
    let keys = ["name", "as_of", "customer", "contacts", "matching_for", "expect"];
    tables.check_keys(table, &known_keys(&keys, subject), "a case");
    let mut facts = base.facts.clone();
    add_facts(tables, table, subject, &mut facts);
    if !facts.customer.contains_key("customer_id") {
        let message = "the case doesn't say who the customer is";
        tables.refuse(
            table.span.clone(),
            "missing-key",
            message,
            "write `customer = { customer_id = \"ANA\" }`, or put it into [base]",
        );
    }
    if let Some(name) = subject.filter(|_| facts.subject.is_empty()) {
        let message = format!("the case has no `{name}`");
        tables.refuse(
            table.span.clone(),
            "missing-key",
            &message,
            &format!("write `{name} = {{ … }}`, or put it into [base]"),
        );
    }
    let name = tables.text(table, "name");
    if name.is_none() && !table.entries.contains_key("name") {
        tables.refuse(
            table.span.clone(),
            "missing-key",
            "the case has no name",
            "write `name = \"what it shows\"`",
        );
    }
    let as_of = tables.instant(table, "as_of").or(base.as_of);
    if as_of.is_none() && !table.entries.contains_key("as_of") {
        tables.refuse(
            table.span.clone(),
            "missing-key",
            "the case doesn't say when it plays",
            "write `as_of = \"1998-05-07T09:00:00Z\"`",
        );
    }
    let contacts = tables.tables(table, "contacts");
    let contacts = contacts.iter().filter_map(|contact| earlier(tables, contact)).collect();
    let matching_for = tables.span(table, "matching_for");
    let expect = expect::read(tables, table);
    let clean = tables.problems.len() == before;
    let place = tables.place(table.span.clone());
    match (clean, name, as_of, expect) {
        (true, Some(name), Some(as_of), Some(expect)) => {
            Some(Case { name, place, as_of, facts, contacts, matching_for, expect })
        }
        _ => None,
    }
}

/// Puts a table's facts over those that are there, field by field.
fn add_facts(tables: &mut Tables, table: &Table, subject: Option<&str>, facts: &mut Facts) {
    if let Some(customer) = tables.table(table, "customer") {
        for (name, value) in tables.fields(&customer, Some(&mut facts.signals)) {
            facts.customer.insert(name, value);
        }
    }
    if let Some(row) = subject.and_then(|name| tables.table(table, name)) {
        facts.subject.extend(tables.fields(&row, None));
    }
}

fn earlier(tables: &mut Tables, table: &Table) -> Option<EarlierContact> {
    tables.check_keys(table, &["rule", "ago", "channel", "subject"], "an earlier contact");
    let (rule, ago) = (tables.text(table, "rule"), tables.span(table, "ago"));
    for key in ["rule", "ago"] {
        if !table.entries.contains_key(key) {
            let message = format!("an earlier contact needs `{key}`");
            tables.refuse(
                table.span.clone(),
                "missing-key",
                &message,
                "write `{ rule = \"churn-risk\", ago = \"1h\" }`",
            );
        }
    }
    let channel = tables.text(table, "channel").unwrap_or_else(|| Channel::EMAIL.to_owned());
    let subject = table.entries.get("subject").and_then(|value| tables.cell("subject", value));
    Some(EarlierContact {
        rule: rule?.as_str().into(),
        ago: ago?,
        channel: Channel(channel),
        subject: subject.map(|value| SubjectId::from(value.to_string())),
    })
}

#[cfg(test)]
mod tests;
