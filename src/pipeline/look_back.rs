//! What is over: episodes that a run may end and in which somebody was told or works on it, with
//! what the company's data say of their subjects now. It is read while the view is open; nothing is
//! decided here.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::{Value as Json, json};

use super::second_look::{again, what_changed};
use super::{Found, RuleFound, RunError};
use crate::domain::{CustomerId, Facts, Instant, Outreach, OutreachKey, RuleId, SubjectId};
use crate::pack::{Pack, PackRule};
use crate::signals::View;
use crate::store::{OpenEnd, Store};

/// A subject that its rule is no longer true of.
#[derive(Clone, Debug)]
pub struct Over {
    /// When its episode started.
    pub started_at: Instant,
    /// What is known now. The row of a keyed signal that is no longer there is as it was when the
    /// customer was last told.
    pub facts: Facts,
    /// Whether the customer was told, and can still be spoken to.
    pub told: bool,
    /// What was read of it, as JSON.
    pub evidence: Json,
}

/// Which episode: rule, customer and subject.
pub type EpisodeKey = (RuleId, CustomerId, SubjectId);

/// Notes in `found` what is over, as far as somebody was told or works on it.
///
/// Sends a constant number of statements. A subject that was told about and can't be read now
/// counts as failing: its episode stays open until it can. So does one with a message that is just on
/// its way: whether they were told is not known before it has left.
///
/// # Errors
/// When the company's data or the state database can't be read.
pub async fn look_back(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    store: &Store,
    found: &mut Found,
) -> Result<(), RunError> {
    let rules = with_last_words(pack, found);
    let ends = ends_that_stand(store.open_ends(&rules).await?, found);
    follow(pack, view, as_of, (store, ends), found).await
}

/// The same on the books as they stood before that instant: what customers had been told of by then.
pub(super) async fn look_back_then(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    store: &Store,
    found: &mut Found,
) -> Result<(), RunError> {
    let rules = with_last_words(pack, found);
    let ends = ends_that_stand(store.open_ends_before(&rules, as_of).await?, found);
    follow(pack, view, as_of, (store, ends), found).await
}

async fn follow(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    (store, ends): (&Store, Vec<OpenEnd>),
    found: &mut Found,
) -> Result<(), RunError> {
    if ends.is_empty() {
        return Ok(());
    }
    let outreaches = outreaches(store, &ends).await?;
    let asked: Vec<_> = outreaches.values().collect();
    let ailing = BTreeSet::new();
    let mut answers = again::ask(pack, view, as_of, &ailing, &again::spoken_of(&asked)).await?;
    let customers = ends.iter().map(|end| (end.rule.clone(), end.customer.clone())).collect();
    answers.ask_about_people(pack, view, as_of, customers).await?;
    note(pack, ends, &outreaches, &answers, found);
    Ok(())
}

/// What is written of the one customer whom a case is about.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) rule: RuleId,
    pub(super) customer: CustomerId,
    /// The subject, where it is still there. Its rule is not true of it, or nothing is over.
    pub(super) subject: Option<SubjectId>,
    pub(super) facts: Facts,
}

/// The same by what is written in place of the company's data.
pub(super) async fn look_back_on(
    pack: &Pack,
    known: Written,
    store: &Store,
    found: &mut Found,
) -> Result<(), RunError> {
    let rules = with_last_words(pack, found);
    let ends = ends_that_stand(store.open_ends(&rules).await?, found);
    let outreaches = outreaches(store, &ends).await?;
    let Written { rule, customer, subject, facts } = known;
    let answers = again::Answers::written((rule, customer), subject, facts);
    note(pack, ends, &outreaches, &answers, found);
    Ok(())
}

/// The open ends whose rules were judged in good health and are not true of them; but for those with a
/// message that is just on its way: whether there is anything to follow up is known at the next run.
fn ends_that_stand(mut ends: Vec<OpenEnd>, found: &mut Found) -> Vec<OpenEnd> {
    keep_what_ends(&mut ends, found);
    for end in ends.extract_if(.., |end| end.leaving) {
        let fared = found.rules.entry(end.rule).or_default();
        fared.failing.insert((end.customer, end.subject));
    }
    ends
}

/// What told of the open ends.
async fn outreaches(
    store: &Store,
    ends: &[OpenEnd],
) -> Result<BTreeMap<OutreachKey, Outreach>, RunError> {
    let keys: BTreeSet<OutreachKey> = ends.iter().map(|end| end.outreach.clone()).collect();
    Ok(store.outreaches(&keys).await?)
}

fn note(
    pack: &Pack,
    ends: Vec<OpenEnd>,
    outreaches: &BTreeMap<OutreachKey, Outreach>,
    answers: &again::Answers,
    found: &mut Found,
) {
    for end in ends {
        let Some(rule) = pack.rules.get(&end.rule) else { continue };
        let spoken_of = outreaches.get(&end.outreach).and_then(|outreach| {
            let mut subjects = outreach.subjects.iter();
            subjects.find(|s| s.customer == end.customer && s.subject == end.subject)
        });
        // What was left out of a message was not told.
        let Some(was) = spoken_of else { continue };
        let pair = (end.customer.clone(), end.subject.clone());
        match over(
            rule,
            &end,
            &was.facts,
            answers.of(&end.rule, &was.customer, &was.subject),
            answers,
        ) {
            Some(over) => {
                found.over.insert((end.rule, pair.0, pair.1), over);
            }
            None if end.told => {
                let fared = found.rules.entry(end.rule).or_default();
                fared.failing.insert(pair);
            }
            None => {}
        }
    }
}

/// The rules with a last word that were judged in good health.
fn with_last_words(pack: &Pack, found: &Found) -> Vec<RuleId> {
    let has_last_word = |(id, rule): &(&RuleId, &PackRule)| {
        rule.rule.has_last_word() && healthy(found, id).is_some()
    };
    pack.rules.iter().filter(has_last_word).map(|(id, _)| id.clone()).collect()
}

fn healthy<'f>(found: &'f Found, id: &RuleId) -> Option<&'f RuleFound> {
    found.rules.get(id).filter(|rule| rule.quarantine.is_none())
}

fn keep_what_ends(ends: &mut Vec<OpenEnd>, found: &Found) {
    let mut still: BTreeMap<RuleId, HashSet<(&CustomerId, &SubjectId)>> = BTreeMap::new();
    ends.retain(|end| {
        let Some(fared) = healthy(found, &end.rule) else { return false };
        let matched = still
            .entry(end.rule.clone())
            .or_insert_with(|| fared.matches.iter().map(|m| (&m.customer, &m.subject)).collect());
        let pair = (end.customer.clone(), end.subject.clone());
        !matched.contains(&(&end.customer, &end.subject)) && !fared.failing.contains(&pair)
    });
}

/// What is known of a subject that is over; none where that can't be told now.
fn over(
    rule: &PackRule,
    end: &OpenEnd,
    was: &Facts,
    fresh: Option<&again::Fresh>,
    answers: &again::Answers,
) -> Option<Over> {
    if answers.unsure.contains_key(&end.rule) {
        return None;
    }
    let started_at = end.started_at;
    match fresh {
        Some(again::Fresh { verdict: Ok(false), facts }) => Some(Over {
            started_at,
            told: end.told,
            evidence: what_changed(rule, was, facts),
            facts: facts.clone(),
        }),
        Some(_) => None,
        None => {
            let person = answers.person(&end.rule, &end.customer);
            let facts = match person {
                Some(person) => Facts { subject: was.subject.clone(), ..person.clone() },
                None => was.clone(),
            };
            let told = end.told && person.is_some();
            Some(Over { started_at, facts, told, evidence: json!({ "gone": true }) })
        }
    }
}
