//! Ask: what each match's rule wants done, told how far the episode has come.

use std::collections::BTreeMap;

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
        fared.judge_health(pack.policy.errors);
        let pair = |m: &std::sync::Arc<Match>| (m.customer.clone(), m.subject.clone());
        let judged = Judged {
            matched: fared.matches.iter().map(pair).collect(),
            failing: fared.failing.clone(),
            quarantined: fared.quarantine.is_some(),
        };
        if !judged.quarantined {
            evaluation.candidates.append(&mut candidates);
        }
        evaluation.rules.insert(id.clone(), judged);
        rules.insert(id.clone(), fared);
    }
    (evaluation, rules)
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
