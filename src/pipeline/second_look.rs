//! The second look: just before messages leave, their rules are asked again for their subjects, on
//! fresh facts and in batches. A subject is called untrue only where its rule says so in good
//! health; whatever can't be judged waits.

pub(super) mod again;

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};

use super::RunError;
use super::ask::muted;
use crate::domain::{
    Facts, Field, Instant, Outreach, OutreachKey, OutreachSubject, Refusal, SignalName,
};
use crate::pack::{Pack, PackRule};
use crate::policy::{self, Muted};
use crate::rules::RowError;
use crate::signals::View;
use again::{Answers, Fresh};

/// What a second look at an outreach found.
#[derive(Clone, Debug, PartialEq)]
pub enum Looked {
    /// It still holds, of all its subjects or of some.
    True(Box<StillTrue>),
    /// Nothing of it holds any more, or the customer's facts refuse it now.
    NoLonger {
        /// `no_longer_true`, `true_again` (of a last word), `rule_removed`, `not_asked` (the rule has
        /// no last word any more), `another_address`, or the code of a refusal.
        because: String,
        /// What was read, as JSON.
        evidence: Json,
    },
    /// It can't be judged now, so it waits.
    Unknown {
        /// Why not, for people.
        why: String,
    },
}

/// An outreach as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct StillTrue {
    /// With fresh facts, address and recipients, and without the subjects that no longer hold. It
    /// keeps its key.
    pub outreach: Outreach,
    /// The dedupe keys of the subjects that were left out: their charge is given back.
    pub no_longer: Vec<OutreachKey>,
    /// Why they were left out, as JSON; null where none was.
    pub evidence: Json,
}

/// Looks at outreaches again at an instant: one answer for each, in their order. Sends a constant
/// number of statements for each kind of subject, however many outreaches there are.
///
/// `ailing` names the signals that are not to be believed now (emptied, without a column): what
/// reads one of them is unknown.
///
/// # Errors
/// When the company's data can't be read at all.
pub async fn look_again(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    ailing: &BTreeSet<SignalName>,
    outreaches: &[&Outreach],
) -> Result<Vec<Looked>, RunError> {
    let mut answers = again::ask(pack, view, as_of, ailing, &again::spoken_of(outreaches)).await?;
    let last_words = outreaches.iter().filter(|outreach| outreach.last_word);
    let people = last_words.flat_map(|outreach| {
        outreach.subjects.iter().map(|s| (outreach.rule.clone(), s.customer.clone()))
    });
    let people: BTreeSet<_> = people.collect();
    if !people.is_empty() {
        answers.ask_about_people(pack, view, as_of, people).await?;
    }
    let look = |outreach: &&Outreach| {
        let Some(rule) = pack.rules.get(&outreach.rule) else {
            return Looked::NoLonger { because: "rule_removed".to_owned(), evidence: json!({}) };
        };
        judge(pack, rule, outreach, &answers, as_of).unwrap_or_else(|why| Looked::Unknown { why })
    };
    Ok(outreaches.iter().map(look).collect())
}

/// Puts the answers about one outreach together. An error says why it can't be judged.
fn judge(
    pack: &Pack,
    rule: &PackRule,
    outreach: &Outreach,
    answers: &Answers,
    as_of: Instant,
) -> Result<Looked, String> {
    if let Some(why) = answers.unsure.get(&outreach.rule) {
        return Err(why.clone());
    }
    let mut now = outreach.clone();
    let mut reasons = Vec::new();
    for (subject, was) in now.subjects.iter_mut().zip(&outreach.subjects) {
        let fresh = answers.of(&outreach.rule, &was.customer, &was.subject);
        let person = answers.person(&outreach.rule, &was.customer);
        reasons.push(match outreach.last_word {
            true => still_over(rule, fresh, person)?,
            false => still_true(rule, was, fresh)?,
        });
        match (fresh, person) {
            (Some(Fresh { facts, .. }), _) => subject.facts = facts.clone(),
            (None, Some(person)) => {
                subject.facts = Facts { subject: was.facts.subject.clone(), ..person.clone() };
            }
            (None, None) => {}
        }
    }
    let muted = |subject: &OutreachSubject| muted(pack, rule, &subject.facts, as_of);
    let muted: Vec<Muted> = (now.subjects.iter().map(muted))
        .collect::<Result<_, RowError>>()
        .map_err(|error| error.message)?;
    now.topic = rule.rule.settings.topic.clone();
    let allowed = policy::still_allowed(&now, &muted, &rule.rule.settings, &pack.policy, as_of);
    for (reason, allowed) in reasons.iter_mut().zip(allowed) {
        if reason.is_none() {
            *reason = allowed.err().map(|refusal| Reason::refused(&refusal)).transpose()?;
        }
    }
    part_ways(&now, &mut reasons);
    Ok(verdict(now, reasons))
}

/// Why a subject is left out.
#[derive(Clone)]
struct Reason {
    code: &'static str,
    evidence: Json,
}

impl Reason {
    fn refused(refusal: &Refusal) -> Result<Self, String> {
        let told = serde_json::to_value(refusal).map_err(|error| error.to_string())?;
        Ok(Self { code: refusal.code(), evidence: told["evidence"].clone() })
    }
}

/// Whether the rule is still true of a subject; if not, what it read.
fn still_true(
    rule: &PackRule,
    was: &OutreachSubject,
    fresh: Option<&Fresh>,
) -> Result<Option<Reason>, String> {
    let evidence = match fresh {
        None => json!({ "gone": true }),
        Some(Fresh { verdict: Err(why), .. }) => return Err(why.clone()),
        Some(Fresh { verdict: Ok(true), .. }) => return Ok(None),
        Some(Fresh { facts, verdict: Ok(false) }) => what_changed(rule, &was.facts, facts),
    };
    Ok(Some(Reason { code: "no_longer_true", evidence }))
}

/// Whether what a last word is about is still over.
fn still_over(
    rule: &PackRule,
    fresh: Option<&Fresh>,
    person: Option<&Facts>,
) -> Result<Option<Reason>, String> {
    if !rule.rule.has_last_word() {
        return Ok(Some(Reason { code: "not_asked", evidence: json!({}) }));
    }
    Ok(match (fresh, person) {
        (Some(Fresh { verdict: Err(why), .. }), _) => return Err(why.clone()),
        (Some(Fresh { verdict: Ok(false), .. }), _) | (None, Some(_)) => None,
        (Some(Fresh { facts, .. }), _) => {
            Some(Reason { code: "true_again", evidence: what_changed(rule, facts, facts) })
        }
        (None, None) => Some(Reason { code: "no_longer_true", evidence: json!({ "gone": true }) }),
    })
}

/// What `when` reads now, and what of it was different when the outreach was decided.
pub(super) fn what_changed(rule: &PackRule, was: &Facts, now: &Facts) -> Json {
    let (mut read, mut before) = (Map::new(), Map::new());
    for field in rule.rule.when_reads() {
        let value = now.get(field);
        read.insert(told(rule, field), json!(value));
        if was.get(field) != value {
            before.insert(told(rule, field), json!(was.get(field)));
        }
    }
    json!({ "read": read, "was": before })
}

/// A field as its rule writes it.
fn told(rule: &PackRule, field: &Field) -> String {
    let row = rule.rule.subject_name.as_deref().unwrap_or("customer");
    match field {
        Field::Customer(name) => format!("customer.{name}"),
        Field::Signal(signal, name) => format!("customer.{signal}.{name}"),
        Field::Subject(name) => format!("{row}.{name}"),
    }
}

/// Who no longer shares the address of the first that is still spoken of is not written to through
/// it: that customer hears by a message of their own.
fn part_ways(now: &Outreach, reasons: &mut [Option<Reason>]) {
    let recipient = |subject: &OutreachSubject| policy::recipient(&now.channel, &subject.facts);
    let mut kept = now.subjects.iter().zip(reasons).filter(|(_, reason)| reason.is_none());
    let Some((first, _)) = kept.next().filter(|_| now.channel.is_contact()) else { return };
    for (subject, reason) in kept {
        if recipient(subject) != recipient(first) {
            *reason = Some(Reason { code: "another_address", evidence: json!({}) });
        }
    }
}

fn verdict(mut now: Outreach, reasons: Vec<Option<Reason>>) -> Looked {
    let mut no_longer = Vec::new();
    let mut evidence = Vec::new();
    let mut kept = Vec::new();
    for (subject, reason) in now.subjects.into_iter().zip(&reasons) {
        match reason {
            None => kept.push(subject),
            Some(Reason { code, evidence: told }) => {
                evidence.push(json!({
                    "customer_id": subject.customer, "subject": subject.subject,
                    "reason": code, "evidence": told,
                }));
                no_longer.push(subject.dedupe_key);
            }
        }
    }
    let evidence = match evidence.is_empty() {
        true => Json::Null,
        false => json!({ "subjects": evidence }),
    };
    if kept.is_empty() {
        // What the customer's facts refuse says more than that the rest is over.
        let codes = || reasons.iter().flatten().map(|reason| reason.code);
        let refused = codes().find(|code| *code != "no_longer_true");
        let because = refused.or_else(|| codes().next()).unwrap_or("no_longer_true").to_owned();
        return Looked::NoLonger { because, evidence };
    }
    now.subjects = kept;
    policy::readdress(&mut now);
    Looked::True(Box::new(StillTrue { outreach: now, no_longer, evidence }))
}
