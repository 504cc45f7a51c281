//! What is under way, as lists for people: outreaches, tasks, suppressions. Nothing is read or
//! changed here.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::tables::{aligned, list};
use super::wording::{Times, counted};
use crate::domain::{Instant, OutreachState};

/// One outreach of the outbox.
#[derive(Clone, Debug)]
pub struct OutreachLine {
    /// The beginning of its key.
    pub key: String,
    /// Where it stands.
    pub state: OutreachState,
    /// Whose idea it was.
    pub rule: String,
    /// Whom it is for.
    pub customer: String,
    /// What it speaks of.
    pub subjects: Vec<String>,
    /// How it goes.
    pub channel: String,
    /// Not before this.
    pub not_before: Instant,
    /// What became of it last: an error, or where it went.
    pub detail: String,
}

/// One task for a colleague.
#[derive(Clone, Debug)]
pub struct TaskLine {
    /// Its number.
    pub id: i64,
    /// Whom it is for.
    pub assign: Option<String>,
    /// Until when.
    pub due: Option<Instant>,
    /// Whose idea it was.
    pub rule: String,
    /// The customer it is about.
    pub customer: String,
    /// What is to be done.
    pub title: String,
    /// When it was done.
    pub done: Option<Instant>,
    /// Whether a colleague has it in hand, and who, where they said so.
    pub taken: Option<Option<String>>,
    /// How it was solved while nobody worked on it, or while somebody did.
    pub solved: Option<String>,
}

/// Somebody who is not to be contacted.
#[derive(Clone, Debug)]
pub struct SuppressionLine {
    /// The customer, or the address, or the customer and their addresses.
    pub who: Vec<String>,
    /// About what; everything where it is absent.
    pub topic: Option<String>,
    /// Why.
    pub cause: String,
    /// Since when.
    pub since: Instant,
    /// What was noted.
    pub note: String,
}

/// The outbox: how many are in each state, then a line each, what a person must settle first.
pub fn outbox(
    states: &BTreeMap<OutreachState, u64>,
    lines: &[OutreachLine],
    times: &Times,
) -> String {
    if states.values().sum::<u64>() == 0 {
        return "Nothing is on its way, and nothing has been.\n".to_owned();
    }
    let counts: Vec<_> = OutreachState::ALL
        .into_iter()
        .filter_map(|state| Some((state, *states.get(&state)?)))
        .filter(|(_, count)| *count > 0)
        .map(|(state, count)| {
            vec![count.to_string(), state.name().to_owned(), meaning(state).to_owned()]
        })
        .collect();
    let mut lines: Vec<_> = lines.iter().collect();
    lines.sort_by(|a, b| {
        let place = |line: &OutreachLine| (urgency(line.state), Reverse(line.not_before));
        let name = |line: &'_ OutreachLine| (line.rule.clone(), line.customer.clone());
        place(a).cmp(&place(b)).then_with(|| name(a).cmp(&name(b)))
    });
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            vec![
                line.state.name().to_owned(),
                line.key.clone(),
                line.rule.clone(),
                line.customer.clone(),
                about(line),
                line.channel.clone(),
                times.say(&line.not_before),
                line.detail.clone(),
            ]
        })
        .collect();
    let counts = aligned(&counts, 0);
    format!("{counts}\nTimes are {}.\n{}", times.zone, aligned(&rows, 0))
}

/// What a state means for the person who looks.
fn meaning(state: OutreachState) -> &'static str {
    match state {
        OutreachState::Held => "waits for approval",
        OutreachState::Ready => "waits for its time or for the next delivery",
        OutreachState::Claimed => "is being taken care of",
        OutreachState::Transmitting => "is leaving",
        OutreachState::Sent => "has left; a task: a colleague has it",
        OutreachState::Retry => "failed for now and is tried again",
        OutreachState::Failed => "failed for good",
        OutreachState::Uncertain => "may have left; it is never sent again, look into the mailbox",
        OutreachState::Expired => "was no longer worth saying",
        OutreachState::Withdrawn => "was taken back before it left",
    }
}

/// The more a person has to do about it, the earlier.
fn urgency(state: OutreachState) -> u8 {
    match state {
        OutreachState::Uncertain => 0,
        OutreachState::Failed => 1,
        OutreachState::Held => 2,
        OutreachState::Retry => 3,
        OutreachState::Transmitting | OutreachState::Claimed => 4,
        OutreachState::Ready => 5,
        OutreachState::Sent => 6,
        OutreachState::Expired => 7,
        OutreachState::Withdrawn => 8,
    }
}

/// The rows that an outreach speaks of, where they are not the customer.
fn about(line: &OutreachLine) -> String {
    let others = line.subjects.iter().filter(|subject| **subject != line.customer);
    others.map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The tasks, a line each.
pub fn tasks(lines: &[TaskLine], times: &Times, all: bool) -> String {
    if lines.is_empty() {
        return "There are no tasks.\n".to_owned();
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            vec![
                line.id.to_string(),
                with_whom(line),
                until(line, times),
                line.customer.clone(),
                line.rule.clone(),
                line.title.clone(),
                line.solved.as_ref().map(|how| format!("solved: {how}")).unwrap_or_default(),
            ]
        })
        .collect();
    let open = lines.iter().filter(|line| line.done.is_none()).count() as u64;
    format!("{} to do (times are {})\n{}", counted(open, "task"), times.zone, list(&rows, 2, all))
}

/// For whom a task is, and who has it.
fn with_whom(line: &TaskLine) -> String {
    let whom = line.assign.as_ref().map(|whom| format!("for {whom}"));
    let taken = line.taken.as_ref().map(|by| match by {
        Some(name) => format!("taken by {name}"),
        None => "taken".to_owned(),
    });
    whom.into_iter().chain(taken).collect::<Vec<_>>().join(", ")
}

fn until(line: &TaskLine, times: &Times) -> String {
    match (&line.done, &line.due) {
        // What solved itself was closed by nobody's hand.
        (Some(done), _) if line.solved.is_some() && line.taken.is_none() => {
            format!("closed {}", times.say(done))
        }
        (Some(done), _) => format!("done {}", times.say(done)),
        (None, Some(due)) => format!("until {}", times.say(due)),
        (None, None) => String::new(),
    }
}

/// Who is suppressed, a line each.
pub fn suppressions(lines: &[SuppressionLine], times: &Times) -> String {
    if lines.is_empty() {
        return "Nobody is suppressed.\n".to_owned();
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            vec![
                line.who.join(" "),
                line.topic.clone().unwrap_or_else(|| "everything".to_owned()),
                line.cause.clone(),
                format!("since {}", times.say(&line.since)),
                line.note.clone(),
            ]
        })
        .collect();
    aligned(&rows, 0)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;
    use crate::domain::parse_instant;

    fn at(text: &str) -> Instant {
        parse_instant(text).unwrap()
    }

    fn times() -> Times {
        Times { zone: Tz::Europe__Berlin, as_of: at("1998-05-07T09:00:00Z") }
    }

    #[test]
    fn what_a_person_must_settle_comes_first() {
        let line = |state, customer: &str, subjects: &[&str], detail: &str| OutreachLine {
            key: "3f09a1c2".to_owned(),
            state,
            rule: "stalled-order".to_owned(),
            customer: customer.to_owned(),
            subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
            channel: "email".to_owned(),
            not_before: at("1998-05-07T09:00:00Z"),
            detail: detail.to_owned(),
        };
        let lines = [
            line(OutreachState::Sent, "GREAL", &["11040", "11061"], ""),
            line(OutreachState::Uncertain, "RANCH", &["RANCH"], "the connection broke after DATA"),
        ];
        let states = BTreeMap::from([
            (OutreachState::Sent, 1),
            (OutreachState::Uncertain, 1),
            (OutreachState::Failed, 0),
        ]);
        insta::assert_snapshot!(outbox(&states, &lines, &times()));
        assert_eq!(
            outbox(&BTreeMap::new(), &[], &times()),
            "Nothing is on its way, and nothing has been.\n"
        );
    }

    #[test]
    fn tasks_say_for_whom_until_when_and_what_solved_itself() {
        let task = |id, assign: Option<&str>, done| TaskLine {
            id,
            assign: assign.map(str::to_owned),
            due: Some(at("1998-05-07T13:00:00Z")),
            rule: "failed-logins".to_owned(),
            customer: "TOMSP".to_owned(),
            title: "Many failed logins".to_owned(),
            done,
            taken: None,
            solved: None,
        };
        let ten = Some(at("1998-05-07T10:00:00Z"));
        let how = Some("customer.logins.failed is now 0".to_owned());
        let tasks_of_today = [
            task(1, Some("security"), None),
            TaskLine {
                taken: Some(Some("Ana".to_owned())),
                solved: how.clone(),
                ..task(2, Some("security"), None)
            },
            TaskLine { taken: Some(None), ..task(3, None, None) },
            task(12, None, ten),
            TaskLine { solved: how, ..task(13, None, ten) },
        ];
        insta::assert_snapshot!(tasks(&tasks_of_today, &times(), false));
    }

    #[test]
    fn suppressions_say_since_when() {
        let line = SuppressionLine {
            who: vec!["ana@example.com".to_owned()],
            topic: None,
            cause: "refused".to_owned(),
            since: at("1997-12-31T12:00:00Z"),
            note: String::new(),
        };
        assert_eq!(
            suppressions(&[line], &times()),
            "ana@example.com  everything  refused  since 31 Dec 1997 13:00\n"
        );
    }
}
