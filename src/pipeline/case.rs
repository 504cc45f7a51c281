//! A case: the whole decision, policy included, on written facts with a virtual clock.

use std::sync::Arc;

use super::judge::{Found, RuleFound};
use super::{Considered, Over, decide};
use crate::domain::{
    Batch, Channel, Charge, Decision, Episode, Facts, Field, History, Instant, Match, Outcome,
    OutreachKey, Value,
};
use crate::pack::{Pack, PackRule};
use crate::rules::RowError;
use crate::rules::cases::{Case, Deferred};

/// What became of a case.
#[derive(Debug)]
pub struct Played {
    /// Whether `when` was true, or is taken to be over; an error where it raised.
    pub matched: Result<bool, RowError>,
    /// What was decided.
    pub considered: Considered,
    /// Where it is not what the case expects: what was expected, and what came instead.
    pub failures: Vec<Failure>,
}

/// One expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the case says.
    pub expected: String,
    /// What came.
    pub actual: String,
}

/// Plays a case. It starts with `FOR` satisfied and nobody contacted, unless it says otherwise,
/// and ignores `SCHEDULE`.
pub fn play(pack: &Pack, rule: &PackRule, case: &Case) -> Played {
    let facts = complete(pack, rule, &case.facts);
    let batch = batch(pack, rule, &facts);
    let id = &rule.rule.settings.id;
    let (customer, subject) = (batch.customer(0), batch.subject(0));
    let history = history(rule, case, &batch, &facts);
    let mut fared = RuleFound { subjects: 1, ..RuleFound::default() };
    let mut found = Found { customers: 1, ..Found::default() };
    let matched = match case.resolved {
        true => {
            let key = (id.clone(), customer, subject);
            let started_at = history.episodes.get(&key).map_or(case.as_of, |e| e.started_at);
            let evidence = serde_json::Value::Null;
            let over = Over { started_at, facts: facts.clone(), told: true, evidence };
            found.over.insert(key, over);
            Ok(true)
        }
        false => {
            let judged = pack.engine.judge(&rule.rule, &batch, case.as_of);
            let matched = match judged.errors.into_iter().next() {
                Some((_, error)) => Err(error),
                None => Ok(!judged.matched.is_empty()),
            };
            if matches!(matched, Ok(true)) {
                let (rule, facts) = (id.clone(), facts.clone());
                fared.matches.push(Arc::new(Match { rule, customer, subject, facts }));
            }
            matched
        }
    };
    found.rules.insert(id.clone(), fared);
    let considered = decide(pack, &found, &history, case.as_of);
    let failed = considered.rules.get(id).and_then(|rule| rule.samples.first());
    let matched = match failed {
        Some(row) => Err(row.error.clone()),
        None => matched,
    };
    let failures = failures(pack, case, &matched, &considered);
    Played { matched, considered, failures }
}

/// The case's facts as a batch of one row.
pub(crate) fn batch(pack: &Pack, rule: &PackRule, facts: &Facts) -> Batch {
    let about = rule.rule.settings.about.clone();
    let key = match &about {
        crate::domain::About::Signal(name) => {
            pack.signals.others.get(name).and_then(|s| s.key.clone())
        }
        crate::domain::About::Customers => None,
    };
    Batch::of_facts(about, key.as_deref(), facts)
}

/// The facts with what they leave out: absent, or what the signal says of a customer with no row.
pub fn complete(pack: &Pack, rule: &PackRule, facts: &Facts) -> Facts {
    let mut facts = facts.clone();
    for field in &rule.reads {
        match field {
            Field::Customer(name) => facts.customer.entry(name.clone()).or_insert(Value::Null),
            Field::Subject(name) => facts.subject.entry(name.clone()).or_insert(Value::Null),
            Field::Signal(signal, name) => {
                let default = pack.signals.others.get(signal).and_then(|s| s.defaults.get(name));
                let fields = facts.signals.entry(signal.to_string()).or_default();
                fields.entry(name.clone()).or_insert(default.cloned().unwrap_or(Value::Null))
            }
        };
    }
    facts
}

/// The history that the case describes.
fn history(rule: &PackRule, case: &Case, batch: &Batch, facts: &Facts) -> History {
    let (id, customer, own) = (&rule.rule.settings.id, batch.customer(0), batch.subject(0));
    let about_this = |contact: &&crate::rules::cases::EarlierContact| {
        contact.rule == *id && contact.subject.as_ref().is_none_or(|subject| *subject == own)
    };
    let at = |contact: &crate::rules::cases::EarlierContact| case.as_of - contact.ago.delta();
    let matching_for =
        case.matching_for.or(rule.rule.settings.holds_for).map(|span| case.as_of - span.delta());
    let told: Vec<_> = case.contacts.iter().filter(about_this).collect();
    let started_at = told.iter().map(|c| at(c)).chain(matching_for).min().unwrap_or(case.as_of);
    let times = |task: bool| -> (u32, Option<Instant>) {
        let kind = told.iter().filter(|c| c.channel.is_contact() != task);
        (kind.clone().count() as u32, kind.map(|c| at(c)).max())
    };
    let ((contacts, last_contact_at), (tasks, last_task_at)) = (times(false), times(true));
    let episode = Episode { started_at, contacts, last_contact_at, tasks, last_task_at };
    let charges = case.contacts.iter().enumerate().map(|(number, contact)| Charge {
        rule: contact.rule.clone(),
        customer: customer.clone(),
        subject: contact.subject.clone().unwrap_or_else(|| own.clone()),
        episode_started_at: if about_this(&contact) { started_at } else { at(contact) },
        outreach: OutreachKey::from(format!("earlier {number}")),
        channel: contact.channel.clone(),
        recipients: facts.customer().recipients(),
        at: at(contact),
    });
    History {
        charges: charges.collect(),
        episodes: [((id.clone(), customer.clone(), own.clone()), episode)].into(),
        ..History::default()
    }
}

fn failures(
    pack: &Pack,
    case: &Case,
    matched: &Result<bool, RowError>,
    considered: &Considered,
) -> Vec<Failure> {
    let expect = &case.expect;
    let fail = |expected: String, actual: String| Failure { expected, actual };
    let actual = || told(considered);
    match matched {
        Err(error) => {
            let expected =
                if expect.no_match { "no match".to_owned() } else { "a match".to_owned() };
            return vec![fail(expected, format!("an error: {}", error.message))];
        }
        Ok(true) if expect.no_match => {
            return vec![fail("no match".to_owned(), format!("a match: {}", actual()))];
        }
        Ok(false) if expect.no_match => return Vec::new(),
        Ok(false) => return vec![fail("a match".to_owned(), "no match".to_owned())],
        Ok(true) => {}
    }
    let mut failures = Vec::new();
    for (channel, template) in &expect.asks {
        if !goes_out(considered, channel, template, expect.deferred.is_some()) {
            failures.push(fail(format!("{channel} with the words `{template}`"), actual()));
        }
    }
    if let Some(code) = &expect.refused {
        let refused = |d: &Decision| d.refusal.as_ref().is_some_and(|r| r.code() == code);
        if !considered.report.decisions.iter().any(refused) {
            failures.push(fail(format!("refused: {code}"), actual()));
        }
    }
    if let Some(deferred) = expect.deferred {
        let waits = |d: &Decision| match deferred {
            Deferred::Sometime => d.outcome == Outcome::Deferred,
            Deferred::Until(until) => d.not_before == Some(until),
        };
        if !considered.report.decisions.iter().any(waits) {
            let expected = match deferred {
                Deferred::Sometime => "deferred".to_owned(),
                Deferred::Until(until) => {
                    format!("deferred until {}", crate::domain::format_instant(&until))
                }
            };
            failures.push(fail(expected, actual()));
        }
    }
    failures.extend(words(pack, expect.subject_contains.as_deref(), considered));
    failures
}

fn goes_out(considered: &Considered, channel: &Channel, template: &str, deferred: bool) -> bool {
    considered.report.decisions.iter().any(|decision| {
        let outcome = match decision.outcome {
            Outcome::Contact | Outcome::Task => true,
            Outcome::Deferred => deferred,
            Outcome::Refused | Outcome::Held => false,
        };
        let mut outreaches = considered.decided.outreaches.iter();
        let words = outreaches.find(|o| Some(&o.key) == decision.outreach.as_ref());
        outcome && decision.channel == *channel && words.is_some_and(|o| o.template == *template)
    })
}

/// Every message can be written, and one has the title that the case expects.
fn words(pack: &Pack, wanted: Option<&str>, considered: &Considered) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut titles = Vec::new();
    for outreach in &considered.decided.outreaches {
        match pack.message(outreach, None) {
            Ok(message) => titles.push(message.subject),
            Err(error) => failures.push(Failure {
                expected: format!("the words `{}`", outreach.template),
                actual: format!("they can't be written: {error}"),
            }),
        }
    }
    if let Some(wanted) = wanted.filter(|wanted| !titles.iter().any(|title| title.contains(wanted)))
    {
        let actual = if titles.is_empty() {
            told(considered)
        } else {
            format!("“{}”", titles.join("”, “"))
        };
        failures.push(Failure { expected: format!("a subject with “{wanted}”"), actual });
    }
    failures
}

/// What was decided, in a few words.
fn told(considered: &Considered) -> String {
    let one = |decision: &Decision| match &decision.refusal {
        Some(refusal) => format!("{} refused: {}", decision.channel, refusal.code()),
        None => match decision.not_before {
            Some(until) => {
                format!(
                    "{} deferred until {}",
                    decision.channel,
                    crate::domain::format_instant(&until)
                )
            }
            None => {
                let mut outreaches = considered.decided.outreaches.iter();
                let words = outreaches.find(|o| Some(&o.key) == decision.outreach.as_ref());
                let words =
                    words.map(|o| format!(" with the words `{}`", o.template)).unwrap_or_default();
                format!("{}{words}", decision.channel)
            }
        },
    };
    match considered.report.decisions.as_slice() {
        [] => "nothing is asked for".to_owned(),
        decisions => decisions.iter().map(one).collect::<Vec<_>>().join("; "),
    }
}
