//! What the books hold about somebody as events in the order of time. The same refusal run after
//! run is one event. Nothing is read here but what was held.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::domain::{
    Channel, Instant, Outreach, OutreachState, Refusal, SuppressionCause, parse_instant,
};
use crate::store::Kept;

type Row = Map<String, Value>;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Event {
    /// When, on the clock of the run that it belongs to; opt-outs on the wall clock.
    pub(super) at: Instant,
    /// Whose idea it was; empty for an opt-out.
    pub(super) rule: String,
    /// About what; empty for an opt-out.
    pub(super) subject: String,
    /// What it was.
    pub(super) what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A rule began to match.
    Began,
    /// A rule no longer matches.
    Ended,
    /// Nothing went out, or it is held: the reason, how often in a row, and until which run.
    Refused { channel: Channel, reason: Box<Refusal>, held: bool, times: u64, last: Instant },
    /// It was decided, and had to wait.
    Deferred { channel: Channel, until: Instant },
    /// A message or a call.
    Message {
        outreach: Box<Outreach>,
        state: OutreachState,
        /// When it came to this state, where its own clock tells that.
        left: Option<Instant>,
        detail: String,
        approved: bool,
    },
    /// Work for a colleague.
    Task { id: i64, title: String, assign: Option<String>, state: String },
    /// They are not to be contacted.
    Suppressed { who: String, topic: Option<String>, cause: SuppressionCause, note: Option<String> },
}

/// Everything in its order.
pub(super) fn of(kept: &Kept) -> Vec<Event> {
    let mut events: Vec<Event> = kept.rows("episodes").iter().flat_map(episode).collect();
    events.extend(refusals(kept));
    events.extend(deferrals(kept));
    events.extend(kept.rows("outreaches").iter().filter_map(message));
    events.extend(kept.rows("tasks").iter().filter_map(task));
    for event in kept.rows("suppressions").iter().filter_map(suppression) {
        // One who opted out is entered with each address.
        if !events.contains(&event) {
            events.push(event);
        }
    }
    let order = |what: &What| match what {
        What::Ended => 0,
        What::Suppressed { .. } => 1,
        What::Began => 2,
        What::Refused { .. } => 3,
        What::Deferred { .. } => 4,
        What::Message { .. } => 5,
        What::Task { .. } => 6,
    };
    events.sort_by(|a, b| {
        let key = |event: &Event| (event.at, order(&event.what));
        key(a).cmp(&key(b)).then_with(|| (&a.rule, &a.subject).cmp(&(&b.rule, &b.subject)))
    });
    events
}

fn text(row: &Row, column: &str) -> String {
    row.get(column).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn maybe(row: &Row, column: &str) -> Option<String> {
    row.get(column).and_then(Value::as_str).map(str::to_owned)
}

fn at(row: &Row, column: &str) -> Option<Instant> {
    row.get(column).and_then(Value::as_str).and_then(parse_instant)
}

fn event(row: &Row, at: Instant, what: What) -> Event {
    Event { at, rule: text(row, "rule"), subject: text(row, "subject"), what }
}

fn episode(row: &Row) -> Vec<Event> {
    let began = at(row, "started_at").map(|at| event(row, at, What::Began));
    let ended = at(row, "ended_at").map(|at| event(row, at, What::Ended));
    began.into_iter().chain(ended).collect()
}

/// Refusals, those that follow one another for the same reason as one.
fn refusals(kept: &Kept) -> Vec<Event> {
    let mut told: Vec<Event> = Vec::new();
    let mut last: BTreeMap<(String, String, String, i64), usize> = BTreeMap::new();
    for row in kept.rows("decisions") {
        let position = row.get("position").and_then(Value::as_i64).unwrap_or(0);
        let key = (text(row, "rule"), text(row, "subject"), text(row, "channel"), position);
        let Some(now) = at(row, "run") else { continue };
        let Some(reason) = refusal(row) else {
            last.remove(&key);
            continue;
        };
        if let Some(number) = last.get(&key)
            && let What::Refused { reason: before, times, last, .. } = &mut told[*number].what
            && before.code() == reason.code()
        {
            *times += 1;
            *last = now;
            continue;
        }
        last.insert(key, told.len());
        let what = What::Refused {
            channel: Channel(text(row, "channel")),
            reason: Box::new(reason),
            held: text(row, "outcome") == "held",
            times: 1,
            last: now,
        };
        told.push(event(row, now, what));
    }
    told
}

/// What had to wait, once for each minute that it waited for. What its message says itself is not said
/// twice: that stands at the run which decided it last.
fn deferrals(kept: &Kept) -> Vec<Event> {
    let said = |row: &Row| (text(row, "outreach"), text(row, "run"));
    let told_by_message = |row: &Row| {
        let mut messages = kept.rows("outreaches").iter();
        messages.any(|message| (text(message, "key"), text(message, "run")) == said(row))
    };
    let mut told = BTreeSet::new();
    let deferred = kept.rows("decisions").iter().filter(|row| text(row, "outcome") == "deferred");
    let waits = deferred.filter_map(|row| {
        let until = at(row, "not_before")?;
        let first = told.insert((text(row, "outreach"), text(row, "subject"), until));
        let what = What::Deferred { channel: Channel(text(row, "channel")), until };
        let event = event(row, at(row, "run")?, what);
        (first && !told_by_message(row)).then_some(event)
    });
    waits.collect()
}

fn refusal(row: &Row) -> Option<Refusal> {
    let reason = row.get("reason").filter(|reason| !reason.is_null())?;
    serde_json::from_value(json!({ "reason": reason, "evidence": row.get("evidence") })).ok()
}

/// Tasks speak for themselves; a call is told with its task.
fn message(row: &Row) -> Option<Event> {
    let outreach: Outreach = serde_json::from_value(row.get("payload")?.clone()).ok()?;
    if outreach.channel.is_task() && text(row, "state") == "sent" {
        return None;
    }
    let state = OutreachState::from_name(&text(row, "state"))?;
    let ahead = row.get("ahead").and_then(Value::as_i64).unwrap_or(0);
    // What a later run took back has its wall time, and no clock that leads from there to the run's.
    let ours = !matches!(state, OutreachState::Expired | OutreachState::Withdrawn);
    let settled = at(row, "settled_at").filter(|_| ours);
    let left = settled.map(|at| at + chrono::TimeDelta::microseconds(ahead));
    let subjects: Vec<&str> = outreach.subjects.iter().map(|s| s.subject.as_str()).collect();
    let detail = maybe(row, "detail").or_else(|| maybe(row, "last_error")).unwrap_or_default();
    Some(Event {
        at: at(row, "run")?,
        rule: text(row, "rule"),
        subject: subjects.join(", "),
        what: What::Message {
            outreach: Box::new(outreach),
            state,
            left,
            detail,
            approved: maybe(row, "approval").is_some(),
        },
    })
}

fn task(row: &Row) -> Option<Event> {
    let state = match (at(row, "done_at"), at(row, "solved_at"), maybe(row, "taken_by")) {
        (Some(_), Some(_), _) => "closed: it is over".to_owned(),
        (Some(_), None, _) => "done".to_owned(),
        (None, _, Some(by)) => format!("with {by}"),
        (None, ..) if at(row, "taken_at").is_some() => "in hand".to_owned(),
        (None, ..) => "open".to_owned(),
    };
    let what = What::Task {
        id: row.get("id").and_then(Value::as_i64)?,
        title: text(row, "title"),
        assign: maybe(row, "assign"),
        state,
    };
    Some(event(row, at(row, "made_at")?, what))
}

fn suppression(row: &Row) -> Option<Event> {
    let who = maybe(row, "customer_id").or_else(|| maybe(row, "recipient"))?;
    let cause = SuppressionCause::from_name(&text(row, "cause"))?;
    let what =
        What::Suppressed { who, topic: maybe(row, "topic"), cause, note: maybe(row, "note") };
    Some(event(row, at(row, "since")?, what))
}
