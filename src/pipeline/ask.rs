//! Ask: what each match's rule wants done, told how far the episode has come; and what it has to say
//! last of what is over.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Found, RuleFound};
use crate::domain::{Ask, Asked, Candidate, Facts, History, Instant, Match, RuleId};
use crate::pack::{Pack, PackRule};
use crate::policy::{Evaluation, Judged, Muted};
use crate::rules::{EpisodeSoFar, RowError};

/// Runs `then` for every match. A match on which it fails is an error of its rule, not a match.
pub(super) fn ask(
    pack: &Pack,
    found: &Found,
    history: &History,
    as_of: Instant,
) -> (Evaluation, BTreeMap<RuleId, RuleFound>) {
    let mut evaluation = Evaluation {
        customers: Some(found.customers),
        versions: pack.versions(),
        watched: found.watched.clone(),
        ..Evaluation::default()
    };
    let mut rules = BTreeMap::new();
    for (id, rule_found) in &found.rules {
        let Some(rule) = pack.rules.get(id) else { continue };
        let mut candidates = Vec::new();
        let mut fared = RuleFound { matches: Vec::new(), ..rule_found.clone() };
        for matched in &rule_found.matches {
            match ask_one(pack, rule, matched, history, as_of) {
                Ok((asked, muted)) => {
                    fared.matches.push(matched.clone());
                    candidates.extend((0..).zip(asked).map(|(position, asked)| Candidate {
                        matched: matched.clone(),
                        position,
                        asked,
                        muted: muted.clone(),
                    }));
                }
                Err(error) => fared.fail(matched.customer.clone(), matched.subject.clone(), error),
            }
        }
        let last_words = last_words(pack, (id, rule), found, &mut fared, history, as_of);
        fared.judge_health(pack.policy.errors);
        let pair = |m: &std::sync::Arc<Match>| (m.customer.clone(), m.subject.clone());
        let judged = Judged {
            matched: fared.matches.iter().map(pair).collect(),
            failing: fared.failing.clone(),
            quarantined: fared.quarantine.is_some(),
        };
        if !judged.quarantined {
            evaluation.candidates.append(&mut candidates);
            evaluation.last_words.extend(last_words);
        }
        evaluation.rules.insert(id.clone(), judged);
        rules.insert(id.clone(), fared);
    }
    for rival in &found.rivals {
        let judged = evaluation.rules.entry(rival.matched.rule.clone()).or_default();
        judged.matched.insert((rival.matched.customer.clone(), rival.matched.subject.clone()));
        evaluation.candidates.push(rival.clone());
    }
    (evaluation, rules)
}

/// Runs `resolved` for every episode of a rule that is over and that the customer was told about.
/// Where it fails, the episode stays open.
fn last_words(
    pack: &Pack,
    (id, rule): (&RuleId, &PackRule),
    found: &Found,
    fared: &mut RuleFound,
    history: &History,
    as_of: Instant,
) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for (key, over) in found.over.iter().filter(|((of, ..), over)| of == id && over.told) {
        let (_, customer, subject) = key;
        let is_open = history.episodes.get(key).is_some_and(|e| e.started_at == over.started_at);
        if !is_open {
            continue;
        }
        let asked = pack.engine.ask_last_word(&rule.rule, &over.facts, as_of);
        let asked = asked.and_then(|asked| Ok((asked, muted(pack, rule, &over.facts, as_of)?)));
        match asked {
            Ok((asked, muted)) => {
                let (rule, facts) = (id.clone(), over.facts.clone());
                let (customer, subject) = (customer.clone(), subject.clone());
                let matched = Arc::new(Match { rule, customer, subject, facts });
                candidates.extend((0..).zip(asked).map(|(position, asked)| Candidate {
                    matched: matched.clone(),
                    position,
                    asked,
                    muted: muted.clone(),
                }));
            }
            Err(error) => fared.fail(customer.clone(), subject.clone(), error),
        }
    }
    let channels = rule.contact_channels();
    for candidate in &mut candidates {
        if let Ask::Contact(any) = &mut candidate.asked.ask {
            any.clone_from(&channels);
        }
    }
    candidates
}

type Answer = (Vec<Asked>, Muted);

fn ask_one(
    pack: &Pack,
    rule: &PackRule,
    matched: &Match,
    history: &History,
    as_of: Instant,
) -> Result<Answer, RowError> {
    let key = (matched.rule.clone(), matched.customer.clone(), matched.subject.clone());
    let episode = history.episodes.get(&key).map(|episode| EpisodeSoFar {
        contacts: episode.contacts,
        days: (as_of - episode.started_at).num_days(),
    });
    let mut asked =
        pack.engine.ask(&rule.rule, &matched.facts, episode.unwrap_or_default(), as_of)?;
    for one in &mut asked {
        if let Ask::Contact(channels) = &mut one.ask {
            *channels = rule.contact_channels();
        }
    }
    Ok((asked, muted(pack, rule, &matched.facts, as_of)?))
}

/// What the topic's condition read, where the topic is muted.
pub(super) fn muted(
    pack: &Pack,
    rule: &PackRule,
    facts: &Facts,
    as_of: Instant,
) -> Result<Muted, RowError> {
    match pack.mute(&rule.rule.settings) {
        Some(condition) => pack.engine.holds(condition, facts, as_of),
        None => Ok(None),
    }
}
