//! `cases.toml`: the examples that a rule must hold to, read and checked.
//! Nothing is evaluated here.

mod expect;
mod written;

use std::path::Path;

use crate::document::{Document, Section, wrong_value};
use crate::domain::{Channel, Facts, Fields, Instant, Place, Problem, RuleId, Span, SubjectId};

pub use expect::{Deferred, Expect};
pub use written::{Fact, Written, written};

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
    /// Whether it is over and the customer had been told: `resolved` is asked, not `when`.
    pub resolved: bool,
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
    /// Whether it says one, be it none that can be read.
    says_as_of: bool,
    facts: Facts,
}

/// Reads a rule's cases. `subject` is what its script calls the keyed row; none for a rule about
/// customers. A case with a mistake in it is left out.
pub fn load(file: &Path, subject: Option<&str>, problems: &mut Vec<Problem>) -> Vec<Case> {
    Document::read(file, problems, |document| cases(document, subject)).unwrap_or_default()
}

fn cases(document: &Section<'_>, subject: Option<&str>) -> Vec<Case> {
    document.only(&["base", "case"]);
    let mut base = Base::default();
    if let Some(section) = document.section("base") {
        section.only(&known_keys(&["as_of", "customer"], subject));
        base.as_of = section.instant("as_of");
        base.says_as_of = !section.lacks("as_of");
        add_facts(&section, subject, &mut base.facts);
    }
    let sections = document.sections("case");
    sections.iter().filter_map(|section| case(section, subject, &base)).collect()
}

fn known_keys<'k>(keys: &[&'k str], subject: Option<&'k str>) -> Vec<&'k str> {
    keys.iter().copied().chain(subject).collect()
}

fn case(section: &Section<'_>, subject: Option<&str>, base: &Base) -> Option<Case> {
    let before = section.mistakes();
    let keys = ["name", "as_of", "customer", "contacts", "matching_for", "resolved", "expect"];
    section.only(&known_keys(&keys, subject));
    let mut facts = base.facts.clone();
    add_facts(section, subject, &mut facts);
    let misspells = |key: &str| !section.has(key) && !section.lacks(key);
    if !facts.customer.contains_key("customer_id") && !misspells("customer") {
        section.missing(
            "the case doesn't say who the customer is",
            "write `customer = { customer_id = \"ANA\" }`, or put it into [base]",
        );
    }
    if let Some(name) = subject.filter(|name| facts.subject.is_empty() && !misspells(name)) {
        section.missing(
            format!("the case has no `{name}`"),
            format!("write `{name} = {{ … }}`, or put it into [base]"),
        );
    }
    let name = words(section, "name");
    if section.lacks("name") {
        section.missing("the case has no name", "write `name = \"what it shows\"`");
    }
    let as_of = section.instant("as_of").or(base.as_of);
    if as_of.is_none() && section.lacks("as_of") && !base.says_as_of {
        section.missing(
            "the case doesn't say when it plays",
            "write `as_of = \"1998-05-07T09:00:00Z\"`",
        );
    }
    let contacts = section.sections("contacts");
    let contacts = contacts.iter().filter_map(earlier).collect();
    let matching_for = section.parsed("matching_for");
    let resolved = section.boolean("resolved").unwrap_or(false);
    let expect = expect::read(section);
    let clean = section.mistakes() == before;
    match (clean, name, as_of, expect) {
        (true, Some(name), Some(as_of), Some(expect)) => {
            let place = section.place();
            Some(Case { name, place, as_of, facts, contacts, matching_for, resolved, expect })
        }
        _ => None,
    }
}

/// Puts a table's facts over those that are there, field by field. A table inside the customer's
/// is a signal's row.
fn add_facts(section: &Section<'_>, subject: Option<&str>, facts: &mut Facts) {
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
}

fn fields(row: &Section<'_>) -> Fields {
    row.keys().into_iter().filter_map(|name| Some((name.clone(), row.cell(&name)?))).collect()
}

fn earlier(section: &Section<'_>) -> Option<EarlierContact> {
    section.only(&["rule", "ago", "channel", "subject"]);
    let (rule, ago) = (words(section, "rule"), section.parsed("ago"));
    for key in ["rule", "ago"] {
        if section.lacks(key) {
            section.missing(
                format!("an earlier contact needs `{key}`"),
                "write `{ rule = \"churn-risk\", ago = \"1h\" }`",
            );
        }
    }
    let channel = words(section, "channel").unwrap_or_else(|| Channel::EMAIL.to_owned());
    let subject = section.cell("subject");
    Some(EarlierContact {
        rule: rule?.as_str().into(),
        ago: ago?,
        channel: Channel(channel),
        subject: subject.map(|value| SubjectId::from(value.to_string())),
    })
}

/// A text that says something.
fn words(section: &Section<'_>, key: &str) -> Option<String> {
    let text = section.text(key)?;
    if text.value.trim().is_empty() {
        section.report(wrong_value(text.place, key, "there is nothing between the quotes"));
        return None;
    }
    Some(text.value)
}

#[cfg(test)]
mod tests;
