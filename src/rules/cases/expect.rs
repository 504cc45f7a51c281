//! What a case expects. What is not written is not expected, and not forbidden either.

use toml::de::DeValue;

use super::table::{Table, Tables};
use crate::domain::{Channel, Instant, Place, Refusal, Template, nearest, parse_instant};

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
pub(super) fn read(tables: &mut Tables, case: &Table) -> Option<Expect> {
    let Some(table) = tables.table(case, "expect") else {
        if !case.entries.contains_key("expect") {
            tables.refuse(case.span.clone(), "missing-key", "the case expects nothing", HELP);
        }
        return None;
    };
    let mut expect = Expect {
        asks: Vec::new(),
        subject_contains: tables.text(&table, "subject_contains"),
        no_match: tables.flag(&table, "no_match").unwrap_or(false),
        refused: tables.text(&table, "refused"),
        deferred: deferred(tables, &table),
        place: tables.place(table.span.clone()),
    };
    for key in table.entries.keys().filter(|key| !KEYS.contains(&key.get_ref().as_ref())) {
        let channel = key.get_ref().as_ref();
        let near = nearest(channel, KEYS.into_iter().chain(CHANNELS));
        if let Some(meant) = near.filter(|meant| *meant != channel) {
            let message = format!("`{channel}` is nothing that a case can expect");
            tables.refuse(key.span(), "unknown-key", &message, &format!("did you mean `{meant}`?"));
        } else if let Some(template) = tables.text(&table, channel) {
            expect.asks.push((Channel(channel.to_owned()), template));
        }
    }
    if let Some(code) = expect.refused.as_deref().filter(|code| !Refusal::CODES.contains(code)) {
        let help = match nearest(code, Refusal::CODES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the reasons are {}", Refusal::CODES.join(", ")),
        };
        tables.refuse_value(&table, "refused", &format!("`{code}` is no reason"), &help);
    }
    let says_more = !expect.asks.is_empty()
        || expect.subject_contains.is_some()
        || expect.refused.is_some()
        || expect.deferred.is_some();
    if expect.no_match && says_more {
        tables.refuse_value(
            &table,
            "no_match",
            "a rule that does not match asks for nothing",
            "expect `no_match` alone",
        );
    } else if !expect.no_match
        && !says_more
        && table.entries.keys().all(|key| key.get_ref() == "no_match")
    {
        tables.refuse(table.span.clone(), "missing-key", "the case expects nothing", HELP);
    }
    Some(expect)
}

const HELP: &str =
    "write `expect = { email = \"email\" }`, `{ no_match = true }` or `{ refused = \"cap\" }`";

fn deferred(tables: &mut Tables, table: &Table) -> Option<Deferred> {
    match table.entries.get("deferred")?.get_ref() {
        DeValue::Boolean(true) => return Some(Deferred::Sometime),
        DeValue::String(text) => {
            if let Some(at) = parse_instant(text) {
                return Some(Deferred::Until(at));
            }
        }
        DeValue::Datetime(at) => {
            if let Some(at) = parse_instant(&at.to_string()) {
                return Some(Deferred::Until(at));
            }
        }
        _ => {}
    }
    tables.refuse_value(
        table,
        "deferred",
        "`deferred` is true or an instant",
        "write `deferred = true` or `deferred = \"1998-05-08T06:00:00Z\"`",
    );
    None
}
