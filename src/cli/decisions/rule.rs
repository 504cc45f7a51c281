//! One rule's part of a run: who gets what and when, then who does not and why.

use std::collections::BTreeMap;

use super::{BOLD, RESET, Told};
use crate::cli::tables::list;
use crate::cli::wording::{Times, because, counted, plain, reason};
use crate::domain::{Decision, Outcome, Outreach, OutreachKey, Refusal, RuleTally};

/// The outreaches that decisions name.
pub(super) type Known<'a> = BTreeMap<&'a OutreachKey, &'a Outreach>;

/// Everything that a run says of one rule.
pub(super) fn text(
    told: &Told<'_>,
    known: &Known<'_>,
    tally: &RuleTally,
    decisions: &[&Decision],
    times: &Times,
) -> String {
    let note = told.rules.get(&tally.rule);
    let mut text = format!("{BOLD}{}{RESET}", tally.rule);
    if let Some(note) = note.filter(|note| !note.summary.is_empty()) {
        text.push_str(&format!("  {}", plain(&note.summary)));
    }
    text.push('\n');
    text.push_str(&health(tally, note.map_or(&[], |note| &note.errors), told.all));
    let sections = [
        ("To contact", outreaches(told, known, decisions, times, is_contact)),
        ("Waiting for approval", outreaches(told, known, decisions, times, |o| o == Outcome::Held)),
        ("Tasks for colleagues", outreaches(told, known, decisions, times, |o| o == Outcome::Task)),
    ];
    for (title, rows) in sections.iter().filter(|(_, rows)| !rows.is_empty()) {
        text.push_str(&format!("  {title} ({})\n", rows.len()));
        text.push_str(&list(rows, 4, told.all));
    }
    let mut not_contacted = |what: &str, wanted: &dyn Fn(&Refusal) -> bool| {
        let rows = refused(told, decisions, times, wanted);
        if !rows.is_empty() {
            text.push_str(&format!("  Not contacted: {what} ({})\n", rows.len()));
            text.push_str(&list(&rows, 4, told.all));
        }
    };
    for code in Refusal::CODES {
        not_contacted(reason(code), &|refusal| refusal.code() == code);
    }
    let outside = Refusal::NotPlanned { changed: None };
    let is_planned =
        |refusal: &Refusal| refusal.code() == Refusal::NOT_PLANNED && *refusal != outside;
    not_contacted("left out of the plan that was carried out", &is_planned);
    not_contacted(reason(Refusal::NOT_PLANNED), &|refusal| *refusal == outside);
    text
}

fn is_contact(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Contact | Outcome::Deferred)
}

/// How many matched, and what could not be judged.
fn health(tally: &RuleTally, errors: &[String], all: bool) -> String {
    let mut text = format!("  {}", counted(tally.matches, "match"));
    if tally.errors > 0 {
        text.push_str(&format!(", {} that could not be judged", counted(tally.errors, "subject")));
    }
    match (tally.quarantined, tally.errors) {
        (false, _) => {}
        (true, 0) => text.push_str("; what it reads can't be used, so nothing of it goes out"),
        (true, _) => {
            text.push_str("; too many, so this rule is quarantined: nothing of it goes out")
        }
    }
    text.push('\n');
    let rows: Vec<_> = errors.iter().map(|error| vec![error.clone()]).collect();
    text + list(&rows, 4, all).as_str()
}

/// A line an outreach: the customer, what it speaks of, how and when it goes, its title, and
/// who has to do it.
fn outreaches(
    told: &Told<'_>,
    known: &Known<'_>,
    decisions: &[&Decision],
    times: &Times,
    wanted: impl Fn(Outcome) -> bool,
) -> Vec<Vec<String>> {
    // Merged subjects name one outreach; what is not yet an outreach stands for itself.
    let mut groups: Vec<Vec<&Decision>> = Vec::new();
    let mut places: BTreeMap<&OutreachKey, usize> = BTreeMap::new();
    for &decision in decisions.iter().filter(|decision| wanted(decision.outcome)) {
        match decision.outreach.as_ref().and_then(|key| places.get(key)) {
            Some(place) => groups[*place].push(decision),
            None => {
                if let Some(key) = &decision.outreach {
                    places.insert(key, groups.len());
                }
                groups.push(vec![decision]);
            }
        }
    }
    groups.iter().map(|group| outreach(told, known, group, times)).collect()
}

fn outreach(told: &Told<'_>, known: &Known<'_>, group: &[&Decision], times: &Times) -> Vec<String> {
    let first = group[0];
    let subjects: Vec<_> = group.iter().filter_map(|decision| subject(decision)).collect();
    let key = first.outreach.as_ref();
    let known = key.and_then(|key| known.get(key));
    let title = key.and_then(|key| told.titles.get(key)).cloned().unwrap_or_default();
    let when = match (first.outcome, &first.not_before) {
        (Outcome::Contact, _) => "now".to_owned(),
        (Outcome::Deferred, Some(at)) => format!("from {}", times.say(at)),
        (Outcome::Deferred, None) => "later".to_owned(),
        _ => String::new(),
    };
    vec![
        first.customer_id.to_string(),
        name(told, first),
        subjects.join(", "),
        if first.outcome == Outcome::Task { String::new() } else { first.channel.to_string() },
        when,
        title,
        known.map(|outreach| errand(outreach, times)).unwrap_or_default(),
    ]
}

/// `for nancy, until 7 May 15:00`, where a colleague has to do it; and whether it is the last word.
fn errand(outreach: &Outreach, times: &Times) -> String {
    let last = outreach.last_word.then(|| "the last word: it is over".to_owned());
    let whom = outreach.assign.as_ref().map(|whom| format!("for {whom}"));
    let until = outreach.due_at.as_ref().map(|due| format!("until {}", times.say(due)));
    whom.into_iter().chain(until).chain(last).collect::<Vec<_>>().join(", ")
}

fn refused(
    told: &Told<'_>,
    decisions: &[&Decision],
    times: &Times,
    wanted: &dyn Fn(&Refusal) -> bool,
) -> Vec<Vec<String>> {
    let why = |decision: &Decision| {
        let refused = decision.refusal.as_ref().filter(|refusal| wanted(refusal))?;
        if decision.outcome == Outcome::Held {
            return None;
        }
        Some(because(decision.rule.as_str(), refused, &decision.channel, times))
    };
    let row = |decision: &&Decision| {
        let why = why(decision)?;
        Some(vec![
            decision.customer_id.to_string(),
            name(told, decision),
            subject(decision).unwrap_or_default(),
            decision.channel.to_string(),
            why,
        ])
    };
    decisions.iter().filter_map(row).collect()
}

fn name(told: &Told<'_>, decision: &Decision) -> String {
    told.names.get(&decision.customer_id).cloned().unwrap_or_default()
}

/// The row that a decision is about; nothing where it is about the customer.
fn subject(decision: &Decision) -> Option<String> {
    let subject = decision.subject.as_str();
    (subject != decision.customer_id.as_str()).then(|| subject.to_owned())
}
