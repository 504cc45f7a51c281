//! `cases.toml`: the examples that a rule must hold to, read and checked.
//! Nothing is evaluated here.

mod earlier;
mod expect;
mod row;
mod step;
mod suppressed;
mod written;

use std::collections::BTreeSet;
use std::path::Path;

use crate::document::{Document, Placed, Section, wrong_value};
use crate::domain::{Facts, Instant, Place, Problem, RuleId, Span};

pub use earlier::EarlierContact;
pub use expect::{Deferred, Expect};
pub use step::Step;
pub use suppressed::Suppressed;
pub use written::{Fact, Written, written};

use row::{add_facts, known_keys};

/// One example: facts at an instant, and what has to become of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name, in the author's words; a row of a table has the table's before its own.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// When it plays.
    pub as_of: Instant,
    /// What is known. A field that neither the case nor `[base]` gives is not in there.
    pub facts: Facts,
    /// Who contacted the customer before, in the order written.
    pub contacts: Vec<EarlierContact>,
    /// What the customer is not to hear any more.
    pub suppressed: Vec<Suppressed>,
    /// How long the rule has matched already; left out, long enough for `FOR`, or not at all for a
    /// case with steps.
    pub matching_for: Option<Span>,
    /// Whether it is over and the customer had been told: `resolved` is asked, not `when`.
    pub resolved: bool,
    /// Rules that want to write to the same person in the same run.
    pub rivals: Vec<Placed<RuleId>>,
    /// Whether its messages are kept beside it, to be compared with.
    pub golden: bool,
    /// What has to come out.
    pub expect: Expect,
    /// How it goes on, in order.
    pub steps: Vec<Step>,
}

/// What a case says, as far as `[base]`, a table and its row have said it.
#[derive(Clone, Debug, Default)]
struct Draft {
    as_of: Option<Instant>,
    /// Whether it says one, be it none that can be read.
    says_as_of: bool,
    facts: Facts,
    contacts: Vec<EarlierContact>,
    suppressed: Vec<Suppressed>,
    matching_for: Option<Span>,
    resolved: bool,
    rivals: Vec<Placed<RuleId>>,
    golden: bool,
    expect: Option<Expect>,
}

/// What a case may say beside its facts, and a row of its table, too.
pub(crate) const KEYS: [&str; 11] = [
    "name",
    "as_of",
    "customer",
    "absent",
    "contacts",
    "suppressed",
    "matching_for",
    "resolved",
    "rivals",
    "golden",
    "expect",
];

/// Reads a rule's cases. `subject` is what its script calls the keyed row; none for a rule about
/// customers. A case with a mistake in it is left out.
pub fn load(file: &Path, subject: Option<&str>, problems: &mut Vec<Problem>) -> Vec<Case> {
    Base::default().load(file, subject, problems)
}

/// What the `[base]` of a file says.
#[derive(Clone, Debug, Default)]
pub struct Base(Draft);

impl Base {
    /// Reads it. Its mistakes are for [`load`] to tell.
    pub fn of(file: &Path, subject: Option<&str>) -> Self {
        let base = |document: &Section<'_>| Self::default().and(document, subject);
        Document::read(file, &mut Vec::new(), base).unwrap_or_default()
    }

    /// The facts that it gives every case of its file.
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// Reads cases as [`load`] would, if they stood in the file of this base.
    pub fn load(
        &self,
        file: &Path,
        subject: Option<&str>,
        problems: &mut Vec<Problem>,
    ) -> Vec<Case> {
        let read = |document: &Section<'_>| cases(document, subject, self.clone());
        Document::read(file, problems, read).unwrap_or_default()
    }

    fn and(mut self, document: &Section<'_>, subject: Option<&str>) -> Self {
        let name = misspelt_base(document, subject).unwrap_or_else(|| "base".to_owned());
        if let Some(section) = document.section(&name) {
            section.only(&known_keys(&["as_of", "customer", "golden"], subject));
            self.0.take(&section, subject);
        }
        self
    }
}

/// A section that says what `[base]` would, under another name, where there is no `[base]`. It is taken
/// for it, so that the one slip is the one that is told.
fn misspelt_base(document: &Section<'_>, subject: Option<&str>) -> Option<String> {
    if document.has("base") {
        return None;
    }
    let says = known_keys(&["as_of", "customer"], subject);
    document.keys().into_iter().find(|name| {
        let table = document.get(name).and_then(|value| value.get_ref().as_table());
        name != "case" && table.is_some_and(|table| says.iter().any(|key| table.contains_key(*key)))
    })
}

fn cases(document: &Section<'_>, subject: Option<&str>, base: Base) -> Vec<Case> {
    let mut known = vec!["base", "case"];
    let misspelt = misspelt_base(document, subject);
    if let Some(name) = &misspelt {
        let message = format!("there is no `{name}`");
        let problem = Problem::error(document.place_of_key(name), "unknown-key", message);
        document.report(problem.label("not known").help("did you mean `base`?"));
        known.push(name);
    }
    document.only(&known);
    let before = document.mistakes();
    let Base(base) = base.and(document, subject);
    // What a [base] holds that can't be read is missed by every case.
    let is_table = document.get("base").is_none_or(|base| base.get_ref().is_table());
    if document.mistakes() > before && !is_table {
        return Vec::new();
    }
    let sections = document.sections("case");
    let mut cases: Vec<Case> =
        sections.iter().flat_map(|section| case(section, subject, &base)).collect();
    refuse_twins(document, &mut cases);
    cases
}

/// The case, or one case for each row of its table.
fn case(section: &Section<'_>, subject: Option<&str>, base: &Draft) -> Vec<Case> {
    let before = section.mistakes();
    let keys = KEYS.into_iter().chain(["step", "each"]).collect::<Vec<_>>();
    section.only(&known_keys(&keys, subject));
    let mut draft = base.clone();
    draft.take(section, subject);
    let name = words(section, "name");
    if section.lacks("name") {
        section.missing("the case has no name", "write `name = \"what it shows\"`");
    }
    if !section.has("each") {
        let steps = step::read(section, subject, &draft);
        return draft.finish(section, subject, before, name, steps).into_iter().collect();
    }
    if section.has("step") {
        let message = "a table of variations can't have steps";
        section.report(
            Problem::error(section.place(), "wrong-value", message)
                .help("write a case of its own for what plays out in steps"),
        );
    }
    if section.mistakes() > before {
        return Vec::new();
    }
    let row = |row: &Section<'_>| {
        let before = row.mistakes();
        row.only(&known_keys(&KEYS, subject));
        let mut draft = draft.clone();
        draft.take(row, subject);
        if row.lacks("name") {
            row.missing("the row has no name", "write `name = \"what differs\"`");
        }
        let own = words(row, "name");
        let name = name.as_ref().zip(own).map(|(case, own)| format!("{case}: {own}"));
        draft.finish(row, subject, before, name, Vec::new())
    };
    let rows = section.sections("each");
    if rows.is_empty() && section.mistakes() == before {
        section.missing("the table has no rows", "write `each = [{ name = \"what differs\", … }]`");
    }
    rows.iter().filter_map(row).collect()
}

impl Draft {
    /// Takes over what a table says, over what was said before.
    fn take(&mut self, section: &Section<'_>, subject: Option<&str>) {
        add_facts(section, subject, &mut self.facts);
        if section.has("as_of") {
            self.as_of = section.instant("as_of");
        }
        self.says_as_of |= !section.lacks("as_of");
        if section.has("contacts") {
            self.contacts = earlier::read(section);
        }
        if section.has("suppressed") {
            self.suppressed = suppressed::read(section);
        }
        if section.has("matching_for") {
            self.matching_for = section.parsed("matching_for");
        }
        if section.has("resolved") {
            self.resolved = section.boolean("resolved").unwrap_or(false);
        }
        if section.has("rivals") {
            self.rivals = rivals(section);
        }
        if section.has("golden") {
            self.golden = section.boolean("golden").unwrap_or(false);
        }
        if section.has("expect") {
            self.expect = expect::read(section);
        }
    }

    /// The case, if it says all that a case has to say, and nothing since `before` was wrong.
    fn finish(
        self,
        section: &Section<'_>,
        subject: Option<&str>,
        before: usize,
        name: Option<String>,
        steps: Vec<Step>,
    ) -> Option<Case> {
        let misspells = |key: &str| !section.has(key) && !section.lacks(key);
        if !self.facts.customer.contains_key("customer_id") && !misspells("customer") {
            section.missing(
                "the case doesn't say who the customer is",
                "write `customer = { customer_id = \"ANA\" }`, or put it into [base]",
            );
        }
        if let Some(name) = subject.filter(|name| self.facts.subject.is_empty() && !misspells(name))
        {
            section.missing(
                format!("the case has no `{name}`"),
                format!("write `{name} = {{ … }}`, or put it into [base]"),
            );
        }
        if self.as_of.is_none() && !self.says_as_of {
            section.missing(
                "the case doesn't say when it plays",
                "write `as_of = \"1998-05-07T09:00:00Z\"`",
            );
        }
        if self.expect.is_none() && section.lacks("expect") {
            expect::missing(section);
        }
        if self.resolved && section.has("step") {
            let message = "`resolved` and steps don't go together";
            section.report(Problem::error(section.place(), "wrong-value", message).help(
                "begin before it is over, and let a step say what changes, or `gone = true`",
            ));
        }
        if section.mistakes() > before {
            return None;
        }
        Some(Case {
            name: name?,
            place: section.place(),
            as_of: self.as_of?,
            facts: self.facts,
            contacts: self.contacts,
            suppressed: self.suppressed,
            matching_for: self.matching_for,
            resolved: self.resolved,
            rivals: self.rivals,
            golden: self.golden,
            expect: self.expect?,
            steps,
        })
    }
}

impl Case {
    /// Its name as a file's: letters and digits of any script, hyphens for the rest; its beginning, where
    /// a file system would find it too long.
    pub fn file_stem(&self) -> String {
        let letters = self.name.chars().flat_map(char::to_lowercase);
        let mut stem = String::new();
        for letter in letters {
            match letter.is_alphanumeric() {
                true if stem.len() + letter.len_utf8() > LONGEST_STEM => break,
                true => stem.push(letter),
                false if stem.ends_with('-') || stem.is_empty() => {}
                false => stem.push('-'),
            }
        }
        stem.trim_end_matches('-').to_owned()
    }
}

/// Of the 255 bytes that file systems take, with room for what stands beside it.
const LONGEST_STEM: usize = 200;

/// Cases of one name, and those whose messages would be kept in one file, or in one without a name.
fn refuse_twins(document: &Section<'_>, cases: &mut Vec<Case>) {
    let (mut names, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for case in cases.iter().filter(|case| !names.insert(case.name.clone())) {
        let message = format!("there is another case named \"{}\"", case.name);
        let problem = Problem::finding(case.place.clone(), "same-name", message);
        document
            .report(problem.help("give one of them another name, so that results tell them apart"));
    }
    cases.retain(|case| {
        if !case.golden {
            return true;
        }
        let stem = case.file_stem();
        let (message, help) = match (stem.is_empty(), seen.insert(stem.clone())) {
            (true, _) => {
                let message = format!("a file can't be named after `{}`", case.name);
                (message, "its messages are kept under its name: use a letter or a digit in it")
            }
            (false, true) => return true,
            (false, false) => {
                let message = format!("two cases keep their messages as `{stem}`");
                (message, "give one of them another name; of long ones, the beginning counts")
            }
        };
        document.report(Problem::error(case.place.clone(), "same-name", message).help(help));
        false
    });
}

/// Rules that want to write to the same person.
fn rivals(section: &Section<'_>) -> Vec<Placed<RuleId>> {
    let rule = |text: Placed<String>| Placed { value: text.value.into(), place: text.place };
    section.texts("rivals").into_iter().map(rule).collect()
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
