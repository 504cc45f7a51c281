//! Why a case came out as it did: what `when` read, and what became of each thing that was asked for.

use crate::cli::tables::aligned;
use crate::cli::wording::{self, Times};
use crate::domain::{Decision, Facts, Field, Outcome, Value};
use crate::pack::{Pack, PackRule};
use crate::pipeline::case::Played;
use crate::rules::RowError;

/// The explanation of one step, `indent` blanks before each line.
pub(super) fn explanation(pack: &Pack, rule: &PackRule, played: &Played, indent: usize) -> String {
    let times = Times { zone: pack.policy.calendar.timezone, as_of: played.as_of };
    let facts: Vec<_> =
        rule.rule.when_reads().map(|field| said(rule, field, &played.facts)).collect();
    let mut text = aligned(&facts, indent);
    // What the error is stands above, as what came of the case.
    if let Err(RowError { line: Some(line), .. }) = &played.matched {
        let file = rule.rule.file.display();
        text.push_str(&format!("{:indent$}it fails at {file}:{line}\n", ""));
    }
    for decision in &played.considered.report.decisions {
        let whose = match decision.rule == rule.rule.settings.id {
            true => String::new(),
            false => format!("{}, ", decision.rule),
        };
        let (channel, outcome) = (&decision.channel, outcome(decision, &times));
        text.push_str(&format!("{:indent$}→ {whose}{channel}: {outcome}\n", ""));
    }
    text
}

/// A field by the name that the script reads it by, and its value.
fn said(rule: &PackRule, field: &Field, facts: &Facts) -> Vec<String> {
    let subject = rule.rule.subject_name.as_deref().unwrap_or_default();
    let name = match field {
        Field::Customer(name) => format!("customer.{name}"),
        Field::Signal(signal, name) => format!("customer.{signal}.{name}"),
        Field::Subject(name) => format!("{subject}.{name}"),
    };
    let value = match facts.get(field) {
        None | Some(Value::Null) => "absent".to_owned(),
        Some(Value::Text(text)) => format!("\"{}\"", text.escape_debug()),
        Some(value) => value.to_string(),
    };
    vec![name, value]
}

fn outcome(decision: &Decision, times: &Times) -> String {
    match (&decision.refusal, decision.outcome, decision.not_before) {
        (Some(refusal), Outcome::Held, _) => wording::refusal(refusal, &decision.channel, times),
        (Some(refusal), ..) => {
            format!("refused: {}", wording::refusal(refusal, &decision.channel, times))
        }
        (None, Outcome::Task, _) => "a task for a colleague".to_owned(),
        (None, _, Some(until)) => format!("waits for a decent hour, {}", times.say(&until)),
        (None, _, None) => "goes out now".to_owned(),
    }
}
