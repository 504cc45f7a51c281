//! A rule's conditions in words: what each read, and how far it is from turning. Nothing is judged
//! here.

use chrono::NaiveDate;

use super::super::wording::{Times, thousands};
use crate::domain::Value;
use crate::predicate::{Comparison, TimeFunction, Told};
use crate::rules::{Compared, Joint, Read, ReadKind, Weighed, Weight};

/// Conditions as rows: what is written, and what it gave.
pub(super) fn rows(weighed: &Weighed, times: &Times) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    match (weighed.joint, weighed.parts.is_empty()) {
        // The parts of `a && b` speak for themselves.
        (Joint::All, false) => weighed.parts.iter().for_each(|part| add(part, 0, times, &mut rows)),
        _ => add(weighed, 0, times, &mut rows),
    }
    rows
}

fn add(weighed: &Weighed, depth: usize, times: &Times, rows: &mut Vec<Vec<String>>) {
    let blank = "\u{a0}".repeat(depth * 2);
    let mut head = |text: &str, story: String| {
        rows.push(vec![format!("{} {blank}{text}", mark(&weighed.weight)), story]);
    };
    let text = weighed.text.as_str();
    match weighed.joint {
        Joint::Alone => return head(text, story(weighed, times)),
        Joint::All => head("all of these", String::new()),
        Joint::Any => head("one of these", String::new()),
        Joint::Not => head("not this", String::new()),
        Joint::Named => head(text, String::new()),
        Joint::If => {
            let mut parts = weighed.parts.iter();
            let Some(asked) = parts.next() else { return };
            let holds =
                if asked.holds() == Some(true) { "this being true" } else { "this not being so" };
            add(asked, depth, times, rows);
            let place = format!("{}{holds}:", "\u{a0}".repeat(depth * 2 + 2));
            rows.push(vec![place, String::new()]);
            return parts.for_each(|part| add(part, depth + 1, times, rows));
        }
    }
    weighed.parts.iter().for_each(|part| add(part, depth + 1, times, rows));
}

fn mark(weight: &Weight) -> char {
    match weight {
        Weight::Holds(true) => '✓',
        Weight::Holds(false) => '✗',
        Weight::NotReached => '·',
        Weight::Gave(_) | Weight::Other(_) | Weight::Raised(_) => '!',
    }
}

/// What one condition read, and when or by how much it turns.
fn story(weighed: &Weighed, times: &Times) -> String {
    let mut told = match &weighed.weight {
        Weight::NotReached => return "not looked at".to_owned(),
        Weight::Raised(error) => vec![error.message.clone()],
        Weight::Gave(Value::Null) => vec!["absent, where true or false is needed".to_owned()],
        Weight::Gave(value) => vec![format!("gave {}, which is not true or false", say(value))],
        Weight::Other(what) => vec![format!("gave {what}, which is not true or false")],
        Weight::Holds(_) => read(&weighed.reads, times),
    };
    match (weighed.holds(), weighed.turns, &weighed.compared) {
        (Some(_), Some(turn), _) => {
            told.push(format!("turns {} on {}", turn.to, times.say_from(&turn.at)));
        }
        (Some(false), None, Some(compared)) => told.extend(distance(compared)),
        _ => {}
    }
    told.extend(weighed.hole.as_ref().map(|what| format!("{what}: not taken apart")));
    told.join("; ")
}

/// What was read, the facts first.
fn read(reads: &[Read], times: &Times) -> Vec<String> {
    let alias = |read: &&Read| {
        read.kind != ReadKind::Variable
            || !reads
                .iter()
                .any(|other| other.kind != ReadKind::Variable && other.value == read.value)
    };
    let shown: Vec<&Read> = reads.iter().filter(alias).collect();
    let facts = shown.iter().filter(|read| read.kind != ReadKind::Constant).count();
    let one = |read: &&Read| match &read.kind {
        ReadKind::Time(function, of) => counted(*function, read, of, times),
        ReadKind::Constant => format!("{} = {}", read.name, say(&read.value)),
        ReadKind::Field | ReadKind::Variable if facts == 1 => format!("is {}", say(&read.value)),
        ReadKind::Field | ReadKind::Variable => format!("{} = {}", read.name, say(&read.value)),
    };
    let (constants, facts): (Vec<&Read>, Vec<&Read>) =
        shown.into_iter().partition(|read| read.kind == ReadKind::Constant);
    facts.iter().chain(&constants).map(one).collect()
}

/// `6 days, from 1 May`
fn counted(function: TimeFunction, read: &Read, of: &Value, times: &Times) -> String {
    let Value::Int(count) = read.value else { return format!("{} is absent", read.name) };
    let (unit, way) = match function {
        TimeFunction::DaysSince => ("day", "from"),
        TimeFunction::DaysUntil => ("day", "to"),
        TimeFunction::HoursSince => ("hour", "from"),
        TimeFunction::HoursUntil => ("hour", "to"),
        TimeFunction::WorkingHoursSince => ("working hour", "from"),
    };
    let plural = if count.abs() == 1 { "" } else { "s" };
    let instant = match of {
        Value::Text(text) => match Told::read(text) {
            Some(Told::At(at)) => times.say(&at),
            Some(Told::Day(day)) => NaiveDate::from_epoch_days(day)
                .map_or_else(|| text.clone(), |day| times.say_day(day)),
            None => text.clone(),
        },
        other => other.to_string(),
    };
    format!("{count} {unit}{plural}, {way} {instant}")
}

/// How far a comparison that is false is from being true.
fn distance(compared: &Compared) -> Option<String> {
    use Comparison::{AtLeast, AtMost, Equal, Greater, Less, Unequal};
    let Compared { is, how, with } = compared;
    let wants = say(with);
    Some(match (is, with) {
        (Value::Null, _) => "absent is never that".to_owned(),
        (_, Value::Null) => return None,
        (Value::Int(is), Value::Int(with)) => match how {
            AtLeast => format!("needs {} more", with.saturating_sub(*is)),
            Greater => format!("needs {} more", with.saturating_sub(*is).saturating_add(1)),
            AtMost => format!("{} too many", is.saturating_sub(*with)),
            Less => format!("{} too many", is.saturating_sub(*with).saturating_add(1)),
            Equal => format!("needs {with}"),
            Unequal => format!("needs another than {with}"),
        },
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => match how {
            AtLeast => format!("needs {wants} or more"),
            Greater => format!("needs more than {wants}"),
            AtMost => format!("at most {wants}"),
            Less => format!("below {wants}"),
            Equal => format!("needs {wants}"),
            Unequal => format!("needs another than {wants}"),
        },
        (a, b) if std::mem::discriminant(a) != std::mem::discriminant(b) => {
            format!("a {} is never compared with a {}: always false", a.type_name(), b.type_name())
        }
        _ => match how {
            Equal => format!("needs {wants}"),
            Unequal => format!("needs another than {wants}"),
            _ => return None,
        },
    })
}

/// A value as a script would write it.
pub(super) fn say(value: &Value) -> String {
    match value {
        Value::Null => "absent".to_owned(),
        Value::Text(text) => format!("\"{}\"", text.escape_debug()),
        Value::Int(number) if *number >= 10_000 => thousands(*number as u64),
        value => value.to_string(),
    }
}
