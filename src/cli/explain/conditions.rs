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
        Weight::Holds(_) => read(&weighed.reads, weighed.compared.as_ref(), times),
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

/// What was read, the facts first; and what came of it, where that is what was compared.
fn read(reads: &[Read], compared: Option<&Compared>, times: &Times) -> Vec<String> {
    let alias = |read: &&Read| {
        read.kind != ReadKind::Variable
            || !reads
                .iter()
                .any(|other| other.kind != ReadKind::Variable && other.value == read.value)
    };
    let shown: Vec<&Read> = reads.iter().filter(alias).collect();
    let facts = shown.iter().filter(|read| read.kind != ReadKind::Constant).count();
    let worked_out =
        compared.filter(|compared| !shown.iter().any(|read| say(&read.value) == say(&compared.is)));
    let is_alone = facts == 1 && worked_out.is_none();
    let one = |read: &&Read| match &read.kind {
        ReadKind::Time(function, of) => counted(*function, read, of, times),
        ReadKind::Constant => format!("{} = {}", read.name, say(&read.value)),
        ReadKind::Field | ReadKind::Variable if is_alone => format!("is {}", say(&read.value)),
        ReadKind::Field | ReadKind::Variable => format!("{} = {}", read.name, say(&read.value)),
    };
    let (constants, facts): (Vec<&Read>, Vec<&Read>) =
        shown.into_iter().partition(|read| read.kind == ReadKind::Constant);
    let comes_to = worked_out.filter(|_| !facts.is_empty() || !constants.is_empty());
    let comes_to = comes_to.map(|compared| format!("comes to {}", say(&compared.is)));
    facts.iter().chain(&constants).map(one).chain(comes_to).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_said_to_be_what_it_is() {
        let field =
            |name: &str, value: Value| Read { name: name.to_owned(), value, kind: ReadKind::Field };
        let compared = |is: Value| Compared { is, how: Comparison::Greater, with: Value::Int(100) };
        let text = |text: &str| Value::Text(text.to_owned());
        let (seats, open) = (field("customer.seats", Value::Int(19)), field("open", Value::Int(2)));
        for (reads, compared, told) in [
            (vec![seats.clone()], Some(compared(Value::Int(19))), "is 19"),
            (vec![seats.clone()], None, "is 19"),
            (
                vec![seats.clone()],
                Some(compared(Value::Int(57))),
                "customer.seats = 19; comes to 57",
            ),
            (
                vec![field("customer.name", text("Ana"))],
                Some(compared(Value::Int(3))),
                "customer.name = \"Ana\"; comes to 3",
            ),
            (
                vec![field("x", Value::Null)],
                Some(compared(Value::Int(0))),
                "x = absent; comes to 0",
            ),
            (
                vec![seats.clone(), open.clone()],
                Some(compared(Value::Int(38))),
                "customer.seats = 19; open = 2; comes to 38",
            ),
            (vec![seats, open], Some(compared(Value::Int(19))), "customer.seats = 19; open = 2"),
            (vec![], Some(compared(Value::Int(3))), ""),
        ] {
            let times = Times { zone: chrono_tz::UTC, as_of: crate::domain::Instant::default() };
            assert_eq!(read(&reads, compared.as_ref(), &times).join("; "), told);
        }
    }
}
