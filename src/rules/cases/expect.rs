//! What a case expects. What is not written is not expected, and not forbidden either.

use super::words;
use crate::document::{Section, instant, wrong_value};
use crate::domain::{Channel, Instant, Place, Refusal, Template, nearest};

/// What has to come out of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Expect {
    /// Contacts and tasks that have to be there: the channel, and its template.
    pub asks: Vec<(Channel, Template)>,
    /// What a message's subject, or a task's title, has to contain.
    pub subject_contains: Option<String>,
    /// The rule has to stay silent because `when` is false.
    pub no_match: bool,
    /// The reason code with which something has to be refused.
    pub refused: Option<String>,
    /// Something has to wait for a decent hour.
    pub deferred: Option<Deferred>,
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

const KEYS: [&str; 4] = ["subject_contains", "no_match", "refused", "deferred"];
const CHANNELS: [&str; 4] = ["email", "sms", "phone", "task"];

/// Reads a case's `expect`.
pub(super) fn read(case: &Section<'_>) -> Option<Expect> {
    if case.lacks("expect") {
        case.missing(NOTHING, HELP);
    }
    let section = case.section("expect")?;
    let expect = Expect {
        asks: asks(&section),
        subject_contains: words(&section, "subject_contains"),
        no_match: section.boolean("no_match").unwrap_or(false),
        refused: reason(&section),
        deferred: deferred(&section),
        place: section.place(),
    };
    let says_more = section.keys().iter().any(|key| key != "no_match");
    match section.get("no_match") {
        Some(value) if expect.no_match && says_more => {
            let error = "a rule that does not match asks for nothing";
            let problem = wrong_value(section.place_of(value), "no_match", error);
            section.report(problem.help("expect `no_match` alone"));
        }
        _ if !expect.no_match && !says_more => section.missing(NOTHING, HELP),
        _ => {}
    }
    Some(expect)
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

fn reason(section: &Section<'_>) -> Option<String> {
    let code = section.text("refused")?;
    if !Refusal::CODES.contains(&code.value.as_str()) {
        let help = match nearest(&code.value, Refusal::CODES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the reasons are {}", Refusal::CODES.join(", ")),
        };
        let error = format!("`{}` is no reason", code.value);
        section.report(wrong_value(code.place.clone(), "refused", error).help(help));
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
