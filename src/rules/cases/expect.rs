//! What a case expects. What is not written is not expected, and not forbidden either.

use super::words;
use crate::document::{Section, instant, wrong_value};
use crate::domain::{Channel, Fields, Instant, Place, Refusal, Template, nearest};

/// What has to come out of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// Contacts and tasks that have to be there: the channel, and its template.
    pub asks: Vec<(Channel, Template)>,
    /// What a message's subject, or a task's title, has to contain.
    pub subject_contains: Option<String>,
    /// What the text of a message or task has to contain.
    pub body_contains: Option<String>,
    /// What the text of none may contain.
    pub body_lacks: Option<String>,
    /// The rule has to stay silent because `when` is false.
    pub no_match: bool,
    /// `when` has to be true, and `then` to ask for nothing.
    pub nothing: bool,
    /// Whether a contact has to go out, now or later, on whatever channel; `false`: none may.
    pub contact: Option<bool>,
    /// The reason code with which something has to be refused.
    pub refused: Option<String>,
    /// What that refusal's evidence has to say, as far as it is written.
    pub evidence: Fields,
    /// Something has to wait for a decent hour.
    pub deferred: Option<Deferred>,
    /// For whom a task or call has to be.
    pub assign: Option<String>,
    /// Until when it has to be done.
    pub due_at: Option<Instant>,
    /// Where it is written.
    pub place: Place,
}

/// Until when something is deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deferred {
    /// `deferred = true`: whenever that is.
    Sometime,
    /// `deferred = "1998-05-08T06:00:00Z"`: until exactly then.
    Until(Instant),
}

const KEYS: [&str; 10] = [
    "subject_contains",
    "body_contains",
    "body_lacks",
    "no_match",
    "nothing",
    "contact",
    "refused",
    "deferred",
    "assign",
    "due_at",
];
const CHANNELS: [&str; 4] = ["email", "sms", "phone", "task"];

/// Those that say of a rule that it stays silent: they stand alone.
const SILENCES: [(&str, &str); 2] = [
    ("no_match", "a rule that does not match asks for nothing"),
    ("nothing", "where nothing is asked for, nothing becomes of it"),
];

/// Reads a case's `expect`.
pub(super) fn read(case: &Section<'_>) -> Option<Expect> {
    let section = case.section("expect")?;
    let (refused, evidence) = refused(&section);
    let expect = Expect {
        asks: asks(&section),
        subject_contains: words(&section, "subject_contains"),
        body_contains: words(&section, "body_contains"),
        body_lacks: words(&section, "body_lacks"),
        no_match: section.boolean("no_match").unwrap_or(false),
        nothing: section.boolean("nothing").unwrap_or(false),
        contact: section.boolean("contact"),
        refused,
        evidence,
        deferred: deferred(&section),
        assign: words(&section, "assign"),
        due_at: section.instant("due_at"),
        place: section.place(),
    };
    let silent = [expect.no_match, expect.nothing];
    for ((key, error), _) in SILENCES.iter().zip(silent).filter(|(_, silent)| *silent) {
        if let Some(value) = section.get(key).filter(|_| section.keys().len() > 1) {
            let problem = wrong_value(section.place_of(value), key, error);
            section.report(problem.help(format!("expect `{key}` alone")));
        }
    }
    // A silence that is no yes or no is told as such.
    let says = |key: &String| {
        let is_silence = SILENCES.iter().any(|(silence, _)| silence == key);
        !is_silence || section.get(key).is_some_and(|value| value.get_ref().as_bool().is_none())
    };
    if !silent.contains(&true) && !section.keys().iter().any(says) {
        section.missing(NOTHING, HELP);
    }
    Some(expect)
}

/// Reports a case or a step without `expect`.
pub(super) fn missing(case: &Section<'_>) {
    case.missing(NOTHING, HELP);
}

const NOTHING: &str = "the case expects nothing";

const HELP: &str =
    "write `expect = { email = \"email\" }`, `{ no_match = true }` or `{ refused = \"cap\" }`";

/// Whatever is no other key is a channel, unless it is all too like one that is known.
fn asks(section: &Section<'_>) -> Vec<(Channel, Template)> {
    let known = || KEYS.into_iter().chain(CHANNELS);
    let names = section.keys();
    let is_channel = |name: &&str| {
        !KEYS.contains(name) && nearest(name, known()).is_none_or(|meant| meant == *name)
    };
    let channels: Vec<&str> = names.iter().map(String::as_str).filter(is_channel).collect();
    section.only(&known().chain(channels.iter().copied()).collect::<Vec<_>>());
    let ask = |channel: &&str| Some((Channel((*channel).to_owned()), words(section, channel)?));
    channels.iter().filter_map(ask).collect()
}

/// `refused = "cap"`, or with some of its evidence: `refused = { reason = "cap", free_at = "…" }`.
fn refused(section: &Section<'_>) -> (Option<String>, Fields) {
    let is_table = section.get("refused").is_some_and(|value| value.get_ref().is_table());
    if !is_table {
        return (reason(section, "refused"), Fields::new());
    }
    let Some(table) = section.section("refused") else { return Default::default() };
    if table.lacks("reason") {
        table.missing("the refusal has no reason", "write `refused = { reason = \"cap\", … }`");
    }
    let fields = table.keys().into_iter().filter(|key| key != "reason");
    let evidence = fields.filter_map(|key| Some((key.clone(), table.cell(&key)?))).collect();
    (reason(&table, "reason"), evidence)
}

fn reason(section: &Section<'_>, key: &str) -> Option<String> {
    let code = section.text(key)?;
    if !Refusal::CODES.contains(&code.value.as_str()) {
        let help = match nearest(&code.value, Refusal::CODES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the reasons are {}", Refusal::CODES.join(", ")),
        };
        let error = format!("`{}` is no reason", code.value);
        section.report(wrong_value(code.place.clone(), key, error).help(help));
    }
    Some(code.value)
}

fn deferred(section: &Section<'_>) -> Option<Deferred> {
    let value = section.get("deferred")?;
    let deferred = match value.get_ref().as_bool() {
        Some(true) => Some(Deferred::Sometime),
        _ => instant(value.get_ref()).map(Deferred::Until),
    };
    let wanted = "true, or an instant such as \"1998-05-08T06:00:00Z\"";
    deferred.or_else(|| section.expected(section.place_of(value), "deferred", wanted))
}
