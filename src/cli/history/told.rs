//! A story in words and as JSON. Nothing is decided here.

use chrono_tz::Tz;
use serde_json::{Value, json};

use super::super::addresses::{bare, shown};
use super::super::output::{BOLD, RESET};
use super::super::tables::aligned;
use super::super::wording::{self, Times, counted, plain};
use super::events::{self, Event, What};
use crate::domain::{Instant, Outreach, OutreachState, RuleId, SuppressionCause, format_instant};
use crate::pack::Pack;
use crate::store::Kept;

/// What no table holds any more.
const GONE: &str = "Opt-outs that were lifted and what was held and rejected are not kept.";

/// What is told of somebody.
pub(super) struct Story<'a> {
    pub(super) kept: &'a Kept,
    pub(super) name: Option<&'a str>,
    pub(super) named: &'a str,
    pub(super) pack: Option<&'a Pack>,
    pub(super) books: &'a str,
    pub(super) zone: Tz,
    pub(super) now: Instant,
}

impl Story<'_> {
    pub(super) fn text(&self) -> String {
        let times = Times { zone: self.zone, as_of: self.now };
        let ids: Vec<String> = self.kept.customers.iter().map(|id| plain(id.as_str())).collect();
        let who = if ids.is_empty() { plain(self.named) } else { ids.join(", ") };
        let name = self.name.map(|name| format!("  {}", plain(name))).unwrap_or_default();
        let addresses: Vec<&str> = self.kept.recipients.iter().map(bare).collect();
        let head = [
            vec!["addresses".to_owned(), addresses.join(", ")],
            vec!["books".to_owned(), format!("{} (times are {})", self.books, self.zone)],
        ];
        let head = head.into_iter().filter(|row| !row[1].is_empty()).collect::<Vec<_>>();
        let mut text = format!("{BOLD}{who}{name}{RESET}\n{}", aligned(&head, 2));
        let events = events::of(self.kept);
        if let Some(erased_at) = &self.kept.erased_at {
            let since = times.say(erased_at);
            text.push_str(&format!(
                "\nThey were erased {since}. Nothing is kept of what was before but keyed hashes, and \
                 nothing goes to them any more.\n"
            ));
        } else if events.is_empty() {
            text.push_str("\nThe books hold nothing about them.\n");
        }
        text.push_str(&self.timeline(&events));
        if !events.is_empty() {
            text.push_str(&format!("\n{GONE}\n"));
        }
        text
    }

    /// The events under their instants, each with whose idea it was.
    fn timeline(&self, events: &[Event]) -> String {
        let whose = |event: &Event| match self.is_themselves(&event.subject) {
            true => plain(&event.rule),
            false => plain(format!("{} {}", event.rule, event.subject).trim()),
        };
        let width = events.iter().map(|event| whose(event).chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        let mut last = None;
        for event in events {
            if last != Some(event.at) {
                let at = event.at.with_timezone(&self.zone).format("%a %-d %b %Y %H:%M");
                text.push_str(&format!("\n{at}\n"));
                last = Some(event.at);
            }
            let whose = whose(event);
            let blank = width - whose.chars().count();
            text.push_str(&format!("  {whose}{:blank$}  {}\n", "", self.told(event)));
        }
        text
    }

    fn is_themselves(&self, subject: &str) -> bool {
        self.kept.customers.iter().any(|id| id.as_str() == subject)
    }

    fn told(&self, event: &Event) -> String {
        let times = &Times { zone: self.zone, as_of: event.at };
        match &event.what {
            What::Began => format!("became true{}", self.read(event)),
            What::Ended => "is over".to_owned(),
            What::Refused { channel, reason, held, times: count, last } => {
                let what = if *held { "" } else { "refused: " };
                let told = wording::because(&event.rule, reason, channel, times);
                let again = match count {
                    1 => String::new(),
                    count => {
                        format!(" (so in {}, until {})", counted(*count, "run"), times.say(last))
                    }
                };
                format!("{channel} {what}{told}{again}")
            }
            What::Deferred { channel, until } => {
                format!("{channel} put off to {}", times.say(until))
            }
            What::Message { outreach, state, left, detail, approved } => {
                let title = self.title(outreach).map(|title| format!(" “{}”", plain(&title)));
                let how = match (state, left) {
                    (OutreachState::Sent, Some(left)) => format!("left {}", times.say(left)),
                    (OutreachState::Ready, _) => {
                        format!("waits for {}", times.say(&outreach.not_before))
                    }
                    (OutreachState::Expired, _) => {
                        format!("expired: worth saying until {}", times.say(&outreach.expires_at))
                    }
                    (state, Some(at)) => format!("{} {}", state.name(), times.say(at)),
                    (state, None) => state.name().to_owned(),
                };
                let detail = match (state, detail.as_str()) {
                    (OutreachState::Sent | OutreachState::Ready, _) | (_, "") => String::new(),
                    (state, detail) if detail == state.name() => String::new(),
                    (OutreachState::Withdrawn, code) => format!(": {}", wording::reason(code)),
                    (_, detail) => format!(": {}", plain(detail)),
                };
                let others = self.others(outreach);
                let approved = if *approved { ", approved" } else { "" };
                let title = title.unwrap_or_default();
                format!("{}{title}{others}{approved}, {how}{detail}", outreach.channel)
            }
            What::Task { id, title, assign, state } => {
                let to =
                    assign.as_ref().map(|to| format!(" for {}", plain(to))).unwrap_or_default();
                format!("task {id} “{}”{to}, {state}", plain(title))
            }
            What::Suppressed { who, topic, cause, note } => {
                let what =
                    topic.as_ref().map_or("anything".to_owned(), |topic| format!("`{topic}`"));
                let why = match cause {
                    SuppressionCause::Refused => format!("{} is not to hear {what}", self.who(who)),
                    SuppressionCause::Bounce => format!("mail to {} came back", self.who(who)),
                    SuppressionCause::Erasure => format!("{} was erased", self.who(who)),
                };
                let note = note.as_ref().map(|note| format!(" ({})", plain(note)));
                format!("{why}{}", note.unwrap_or_default())
            }
        }
    }

    fn who(&self, who: &str) -> String {
        let address = self.kept.recipients.iter().find(|to| to.0 == who);
        plain(&shown(address.map_or(who, bare)))
    }

    /// What the rule read when it was first told of.
    fn read(&self, event: &Event) -> String {
        let rule = self.pack.and_then(|pack| pack.rules.get(&RuleId::from(&event.rule)));
        let spoken =
            self.kept.rows("outreaches").iter().filter_map(|row| {
                serde_json::from_value::<Outreach>(row.get("payload")?.clone()).ok()
            });
        let facts =
            spoken.filter(|outreach| outreach.rule.as_str() == event.rule).find_map(|outreach| {
                let mut subjects = outreach.subjects.into_iter();
                let ours = |s: &crate::domain::OutreachSubject| {
                    s.subject.as_str() == event.subject && s.episode_started_at == event.at
                };
                subjects.find(ours).map(|subject| subject.facts)
            });
        let (Some(rule), Some(facts)) = (rule, facts) else { return String::new() };
        let name = |field: &crate::domain::Field| match field {
            crate::domain::Field::Customer(name) | crate::domain::Field::Subject(name) => {
                name.clone()
            }
            crate::domain::Field::Signal(signal, name) => format!("{signal}.{name}"),
        };
        let read = rule.rule.when_reads().filter_map(|field| {
            Some(format!("{} = {}", name(field), plain(&facts.get(field)?.to_string())))
        });
        let read: Vec<_> = read.collect();
        if read.is_empty() { String::new() } else { format!(": {}", read.join(", ")) }
    }

    /// For whom a message was that went to an address of theirs and is about somebody else.
    fn others(&self, outreach: &Outreach) -> String {
        let customers: std::collections::BTreeSet<_> =
            outreach.subjects.iter().map(|subject| &subject.customer).collect();
        if customers.is_empty() || customers.iter().any(|id| self.kept.customers.contains(id)) {
            return String::new();
        }
        let customers: Vec<_> =
            customers.into_iter().map(|id| plain(&shown(id.as_str()))).collect();
        format!(" to {} at the same address", wording::listed(&customers))
    }

    /// The subject line, as today's words would say it of the facts of then.
    fn title(&self, outreach: &Outreach) -> Option<String> {
        self.pack?.message(outreach, None).ok().map(|message| message.subject)
    }

    pub(super) fn json(&self) -> Value {
        let events = events::of(self.kept);
        json!({
            "schema_version": 1,
            "customers": self.kept.customers,
            "addresses": self.kept.recipients.iter().map(bare).collect::<Vec<_>>(),
            "name": self.name,
            "erased_at": self.kept.erased_at.as_ref().map(format_instant),
            "events": events.iter().map(|event| self.event(event)).collect::<Vec<_>>(),
        })
    }

    fn event(&self, event: &Event) -> Value {
        let mut told = json!({
            "at": format_instant(&event.at),
            "rule": Some(&event.rule).filter(|rule| !rule.is_empty()),
            "subject": Some(&event.subject).filter(|subject| !subject.is_empty()),
        });
        let more = match &event.what {
            What::Began => json!({ "event": "began" }),
            What::Ended => json!({ "event": "ended" }),
            What::Refused { channel, reason, held, times, last } => {
                let mut told = json!(reason);
                told["event"] = json!(if *held { "held" } else { "refused" });
                told["channel"] = json!(channel);
                told["runs"] = json!(times);
                told["last"] = json!(format_instant(last));
                told
            }
            What::Deferred { channel, until } => json!({
                "event": "deferred", "channel": channel, "until": format_instant(until),
            }),
            What::Message { outreach, state, left, detail, approved } => json!({
                "event": "message",
                "channel": outreach.channel,
                "outreach": outreach.key,
                "state": state.name(),
                "approved": approved,
                "settled_at": left.as_ref().map(format_instant),
                "title": self.title(outreach),
                "detail": Some(detail).filter(|detail| !detail.is_empty()),
            }),
            What::Task { id, title, assign, state } => json!({
                "event": "task", "id": id, "title": title, "assign": assign, "state": state,
            }),
            What::Suppressed { who, topic, cause, note } => json!({
                "event": "suppressed", "who": who, "topic": topic, "cause": cause, "note": note,
            }),
        };
        if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
            told.extend(more);
        }
        told
    }
}
