//! One rule and its subjects, told: whether it is true, why, and what became of what it asked for.

use super::super::output::{BOLD, RESET};
use super::super::tables::aligned;
use super::super::wording::{self, Times};
use super::{Story, conditions, gates, would};
use crate::domain::{Decision, Field, Outcome, RuleId, SubjectId};
use crate::pack::PackRule;
use crate::pipeline::{Basis, Explained, Quarantine, Seen};
use crate::rules::Turn;

/// How many subjects that a rule is silent about, and will speak of, are shown of each rule.
const SILENT_SHOWN: usize = 2;
/// Of how many of these it is asked when they turn.
const SILENT_ASKED: usize = 100;

/// What is said of a trouble that has ended.
const OVER: &str = "they were told, and it is over";

/// The gates in the order in which they stand, each with the reason codes it gives.
const GATES: [(&str, &[&str]); 10] = [
    ("address", &["no_address"]),
    ("consent", &["no_consent"]),
    ("suppression", &["suppressed"]),
    ("mute", &["muted"]),
    ("episode", &["pending", "already_contacted"]),
    ("cooldown", &["cooldown"]),
    ("hold", &["held"]),
    ("rank", &["outranked"]),
    ("caps", &["cap"]),
    ("quiet hours", &["expired"]),
];

impl Story<'_> {
    pub(super) fn rule(&self, rule: &PackRule, times: &Times) -> String {
        let id = &rule.rule.settings.id;
        let mut text = format!("{BOLD}{id}{RESET}  {}\n", rule.rule.settings.summary);
        if !self.explanation.evaluated.contains(id) {
            text.push_str("  was not due in that run\n");
            return text;
        }
        match self.explanation.considered.rules.get(id).and_then(|fared| fared.quarantine.as_ref())
        {
            None => {}
            Some(Quarantine::Errors) => text.push_str("  sits out this run: it failed too often\n"),
            Some(Quarantine::FindsNobody(problem)) => {
                text.push_str(&format!("  sits out this run: {}\n", problem.message));
            }
            Some(Quarantine::Signals(problems)) => {
                text.push_str("  sits out this run: what it reads can't be used\n");
                for problem in problems {
                    text.push_str(&format!("    {}\n", problem.message));
                }
                return text;
            }
        }
        text.push_str(&self.subjects(rule, times));
        text
    }

    fn subjects(&self, rule: &PackRule, times: &Times) -> String {
        let id = &rule.rule.settings.id;
        let seen = self.seen(id);
        let mut text = String::new();
        if seen.is_empty() {
            let about = match &rule.rule.settings.about {
                crate::domain::About::Signal(signal) => format!("no row of `{signal}`"),
                crate::domain::About::Customers => "nothing".to_owned(),
            };
            text.push_str(&format!("  {about} for this customer\n"));
        }
        let is_silent = |seen: &Seen| {
            matches!(seen.verdict, Ok(false))
                && !self.is_over(id, &seen.subject)
                && self.explanation.of(id, &seen.subject).is_empty()
        };
        let (silent, shown): (Vec<&Seen>, Vec<&Seen>) =
            seen.into_iter().partition(|seen| is_silent(seen));
        for seen in shown {
            let turn = self.turn(rule, seen, &self.weigh(rule, seen));
            text.push_str(&self.subject(rule, seen, turn, times));
        }
        for subject in self.gone(id) {
            text.push_str(&self.gone_subject(rule, subject, times));
        }
        text.push_str(&self.silent(rule, &silent, times));
        text
    }

    /// What a rule is silent about, whatever turns first in front, then the last of the others.
    pub(super) fn in_order<'s>(
        &self,
        rule: &PackRule,
        silent: &[&'s Seen],
    ) -> Vec<(&'s Seen, Option<Turn>)> {
        let asked = silent.iter().rev().take(SILENT_ASKED);
        let turned = asked.map(|seen| (*seen, self.turn(rule, seen, &self.weigh(rule, seen))));
        let (mut soon, never): (Vec<_>, Vec<_>) = turned.partition(|(_, turn)| turn.is_some());
        soon.sort_by_key(|(_, turn)| turn.map(|turn| turn.at));
        soon.into_iter().chain(never).collect()
    }

    /// What a rule is silent about: whatever turns first, which is what somebody is asked about next;
    /// else the last.
    fn silent(&self, rule: &PackRule, silent: &[&Seen], times: &Times) -> String {
        let ordered = self.in_order(rule, silent);
        let soon = ordered.iter().filter(|(_, turn)| turn.is_some()).count();
        let shown = soon.clamp(1, SILENT_SHOWN);
        let mut text = String::new();
        for (seen, turn) in ordered.into_iter().take(shown) {
            text.push_str(&self.subject(rule, seen, turn, times));
        }
        let more = silent.len().saturating_sub(shown);
        if more > 0 {
            text.push_str(&format!("  … and {more} more that it does not match\n"));
        }
        text
    }

    fn subject(&self, rule: &PackRule, seen: &Seen, turn: Option<Turn>, times: &Times) -> String {
        let id = &rule.rule.settings.id;
        let verdict = match &seen.verdict {
            Ok(true) => "matches".to_owned(),
            Ok(false) if self.is_over(id, &seen.subject) => OVER.to_owned(),
            Ok(false) => "does not match".to_owned(),
            Err(error) => format!("could not be judged: {}", error.message),
        };
        let mut text = format!("  {}{verdict}\n", name(rule, &seen.subject));
        text.push_str(&aligned(&conditions::rows(&self.weigh(rule, seen), times), 6));
        if let (Some(turn), Ok(matched)) = (turn, &seen.verdict) {
            let what = if *matched { "no longer matches" } else { "would match" };
            let at = times.say_from(&turn.at);
            text.push_str(&format!("      {what} from {at}, if nothing else changes\n"));
        }
        if matches!(seen.verdict, Ok(true)) {
            text.push_str(&self.failed(id, seen));
        }
        self.add_decisions(&mut text, rule, &seen.subject, Some(seen), times);
        text
    }

    /// What the topic's `mute_when` reads of a subject.
    fn mute_read(&self, rule: &PackRule, seen: &Seen) -> String {
        let Some(condition) = self.pack.mute(&rule.rule.settings) else { return String::new() };
        let weighed = self.pack.engine.weigh_condition(condition, &seen.facts, self.as_of);
        let mut read = Vec::new();
        weighed.visit(&mut |part| read.extend(&part.reads));
        let told = |read: &&crate::rules::Read| {
            format!("{} = {}", read.name, conditions::say(&read.value))
        };
        read.iter().map(told).collect::<Vec<_>>().join(", ")
    }

    /// Why `then` asked for nothing, where it failed.
    fn failed(&self, id: &RuleId, seen: &Seen) -> String {
        let fared = self.explanation.considered.rules.get(id);
        let failed = fared.into_iter().flat_map(|fared| &fared.samples);
        let ours = |row: &&crate::pipeline::FailedRow| {
            row.subject == seen.subject && row.customer == *self.customer
        };
        let failed = failed.into_iter().find(ours);
        failed.map_or(String::new(), |row| {
            format!("      could not be asked what to do: {}\n", row.error.message)
        })
    }

    fn gone_subject(&self, rule: &PackRule, subject: &SubjectId, times: &Times) -> String {
        let id = &rule.rule.settings.id;
        let name = rule.rule.subject_name.as_deref().unwrap_or("customer");
        let what = match self.is_over(id, subject) {
            true => format!("{OVER}: it is no longer there"),
            false => "it is no longer there".to_owned(),
        };
        let mut text = format!("  {name} {subject}: {what}\n");
        self.add_decisions(&mut text, rule, subject, None, times);
        text
    }

    fn add_decisions(
        &self,
        text: &mut String,
        rule: &PackRule,
        subject: &SubjectId,
        seen: Option<&Seen>,
        times: &Times,
    ) {
        let explained = self.explanation.of(&rule.rule.settings.id, subject);
        if explained.is_empty() {
            return;
        }
        let rest = seen.map(|seen| also_read(rule, seen)).unwrap_or_default();
        if !rest.is_empty() {
            text.push_str(&aligned(&[vec!["also read:".to_owned(), rest.join(", ")]], 6));
        }
        if let (Basis::Recorded { .. }, Some(false)) =
            (&self.explanation.basis, seen.and_then(|seen| seen.verdict.as_ref().ok().copied()))
        {
            text.push_str(
                "      the data about that instant have changed since: the run found it true\n",
            );
        }
        let zone = seen.and_then(|seen| seen.facts.customer().timezone());
        let abroad = zone.filter(|zone| *zone != times.zone);
        let mute_read = seen.map(|seen| self.mute_read(rule, seen)).unwrap_or_default();
        for one in explained {
            let channel = &one.decision.channel;
            let rule = &one.decision.rule;
            let place = gates::Place { rule, channel, abroad, mute_read: &mute_read, times };
            text.push_str(&decision(one, &place, times));
            if let Some(error) = self.unwritable(&one.decision) {
                text.push_str(&format!("        {}\n", error.instead()));
            }
        }
    }
}

/// `order 11019: `
fn name(rule: &PackRule, subject: &SubjectId) -> String {
    match &rule.rule.subject_name {
        Some(name) => format!("{name} {}: ", wording::plain(subject.as_str())),
        None => String::new(),
    }
}

/// What the rule reads beside its conditions.
fn also_read(rule: &PackRule, seen: &Seen) -> Vec<String> {
    let when: Vec<&Field> = rule.rule.when_reads().collect();
    let subject = rule.rule.subject_name.as_deref().unwrap_or_default();
    let rest = rule.rule.reads.iter().filter(|field| !when.contains(field));
    let told = rest.map(|field| {
        let name = match field {
            Field::Customer(name) => format!("customer.{name}"),
            Field::Signal(signal, name) => format!("customer.{signal}.{name}"),
            Field::Subject(name) => format!("{subject}.{name}"),
        };
        let value = seen.facts.get(field).unwrap_or(&crate::domain::Value::Null);
        format!("{name} = {}", conditions::say(value))
    });
    told.collect()
}

/// One candidate: what became of it, and what each gate said on the way.
fn decision(explained: &Explained, place: &gates::Place<'_>, times: &Times) -> String {
    let decision = &explained.decision;
    let outcome = match (&decision.refusal, decision.outcome, decision.not_before) {
        (Some(refusal), Outcome::Held, _) => wording::refusal(refusal, &decision.channel, times),
        (Some(refusal), _, _) => {
            let rule = decision.rule.as_str();
            format!("refused: {}", wording::because(rule, refusal, &decision.channel, times))
        }
        (None, Outcome::Task, _) => "a task for a colleague".to_owned(),
        (None, _, Some(until)) => format!("waits for a decent hour, {}", times.say(&until)),
        (None, _, None) => "goes out now".to_owned(),
    };
    let mut text = format!("      → {}: {outcome}\n", decision.channel);
    match &explained.gates {
        Some(passages) => {
            text.push_str(&aligned(&gates::rows(passages, place), 8));
            if let Some(would) = would::told(decision, passages, times) {
                text.push_str(&format!("        {would}\n"));
            }
        }
        None => text.push_str(&format!("        {}\n", passed(decision))),
    }
    text
}

/// The gates of a decision of which only the reason was written down.
fn passed(decision: &Decision) -> String {
    let code = decision.refusal.as_ref().map(|refusal| refusal.code());
    let stopped =
        GATES.iter().position(|(_, codes)| code.is_some_and(|code| codes.contains(&code)));
    let passes =
        |name: &str| decision.channel.is_contact() || ["episode", "cooldown"].contains(&name);
    let gates: Vec<String> = GATES
        .iter()
        .enumerate()
        .filter(|(_, (name, _))| passes(name))
        .take_while(|(place, _)| stopped.is_none_or(|stopped| *place <= stopped))
        .map(|(place, (name, _))| {
            format!("{} {name}", if stopped == Some(place) { "✗" } else { "✓" })
        })
        .collect();
    gates.join("  ")
}
