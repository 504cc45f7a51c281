//! A case: the whole decision, policy included, on written facts with a virtual clock. Nothing is
//! kept here; a case with steps is played on books of its own by [`crate::stage`].

mod held_against;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::judge::{Found, RuleFound};
use super::look_back::{self, Over, Written};
use super::{Considered, RunError, decide};
use crate::document::Placed;
use crate::domain::{
    About, Ask, Asked, Batch, Candidate, Charge, CustomerId, Episode, Facts, Field, History,
    Instant, Match, OutreachKey, RuleId, SubjectId, Suppression, SuppressionCause, Value,
    normalise_email,
};
use crate::pack::{Pack, PackRule};
use crate::rules::RowError;
use crate::rules::cases::{Case, EarlierContact, Suppressed};
use crate::store::Store;

pub use held_against::{Failure, failures};

/// What became of a case, or of one of its steps.
#[derive(Debug)]
pub struct Played {
    /// When it played.
    pub as_of: Instant,
    /// What was known, with what the case left out.
    pub facts: Facts,
    /// Whether `when` was true, or is taken to be over; an error where it raised.
    pub matched: Result<bool, RowError>,
    /// What was decided.
    pub considered: Considered,
    /// Where it is not what the case expects: what was expected, and what came instead.
    pub failures: Vec<Failure>,
}

/// What is known at one instant of a case.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'c> {
    /// The instant.
    pub as_of: Instant,
    /// The facts, as they are written.
    pub facts: &'c Facts,
    /// Whether the row that the rule looks at is no longer there.
    pub gone: bool,
    /// Rules that want to write to the same person.
    pub rivals: &'c [Placed<RuleId>],
}

/// Plays a case without its steps. It starts with `FOR` satisfied and nobody contacted, unless it
/// says otherwise, and ignores `SCHEDULE`.
pub fn play(pack: &Pack, rule: &PackRule, case: &Case) -> Played {
    let facts = complete(pack, rule, &case.facts);
    let batch = batch(pack, rule, &facts);
    let history = history(rule, case, &batch, &facts);
    let scene = Scene { as_of: case.as_of, facts: &case.facts, gone: false, rivals: &case.rivals };
    let (mut found, matched) = match case.resolved {
        false => find(pack, rule, &scene),
        true => {
            let (mut found, _) = find(pack, rule, &Scene { gone: true, ..scene });
            let key = (rule.rule.settings.id.clone(), batch.customer(0), batch.subject(0));
            let started_at = history.episodes.get(&key).map_or(case.as_of, |e| e.started_at);
            let evidence = serde_json::Value::Null;
            let over = Over { started_at, facts: facts.clone(), told: true, evidence };
            found.over.insert(key, over);
            (found, Ok(true))
        }
    };
    found.customers = 1;
    let considered = decide(pack, &found, &history, case.as_of);
    let matched = verdict(rule, matched, &considered);
    let failures = failures(pack, rule, &case.expect, &matched, &considered);
    Played { as_of: case.as_of, facts, matched, considered, failures }
}

/// What `when` said, or the error of what was asked after it.
pub fn verdict(
    rule: &PackRule,
    matched: Result<bool, RowError>,
    considered: &Considered,
) -> Result<bool, RowError> {
    let fared = considered.rules.get(&rule.rule.settings.id);
    match fared.and_then(|rule| rule.samples.first()) {
        Some(row) => Err(row.error.clone()),
        None => matched,
    }
}

/// What a rule and its rivals find in a scene, and what its `when` said.
pub fn find(pack: &Pack, rule: &PackRule, scene: &Scene<'_>) -> (Found, Result<bool, RowError>) {
    let id = &rule.rule.settings.id;
    let facts = complete(pack, rule, scene.facts);
    let batch = batch(pack, rule, &facts);
    let (customer, subject) = (batch.customer(0), batch.subject(0));
    let mut found = Found { customers: 1, ..Found::default() };
    let mut fared = RuleFound { subjects: 1, ..RuleFound::default() };
    let mut matched = Ok(false);
    if !scene.gone {
        let judged = pack.engine.judge(&rule.rule, &batch, scene.as_of);
        matched = match judged.errors.into_iter().next() {
            Some((_, error)) => {
                fared.fail(customer.clone(), subject.clone(), error.clone());
                Err(error)
            }
            None => Ok(!judged.matched.is_empty()),
        };
    }
    if matches!(matched, Ok(true)) {
        let (rule, facts, customer) = (id.clone(), facts.clone(), customer.clone());
        fared.matches.push(Arc::new(Match { rule, customer, subject, facts }));
    }
    fared.judge_health(pack.policy.errors);
    found.rules.insert(id.clone(), fared);
    let rivals = scene.rivals.iter();
    found.rivals = rivals.filter_map(|id| rival(pack, &id.value, &customer, scene)).collect();
    (found, matched)
}

/// What a rival asks for: the first contact in its script for which the customer has an address. What
/// would keep it back by itself (FOR, COOLDOWN, `mute_when`) is for its own cases to try.
fn rival(pack: &Pack, id: &RuleId, customer: &CustomerId, scene: &Scene<'_>) -> Option<Candidate> {
    let rule = pack.rules.get(id)?;
    let facts = Facts { subject: BTreeMap::new(), ..complete(pack, rule, scene.facts) };
    let asks: Vec<Ask> = rule.contacts().collect();
    let reaches = |ask: &&Ask| match ask {
        Ask::Send(channel, _) => facts.customer().address(&channel.0).is_some(),
        Ask::Contact(_) => true,
    };
    let ask = asks.iter().find(reaches).or(asks.first())?.clone();
    // Each run has a trouble of its own to tell about, else only the first would.
    let subject = SubjectId::from(format!("rival {}", crate::domain::format_instant(&scene.as_of)));
    let matched = Match { rule: id.clone(), customer: customer.clone(), subject, facts };
    let asked = Asked { ask, assign: None, due: None, values: BTreeMap::new() };
    Some(Candidate { matched: Arc::new(matched), position: 0, asked, muted: None })
}

/// Notes in `found` what is over, as far as the customer was told by the books of the case.
///
/// # Errors
/// When the books can't be read.
pub async fn look_back(
    pack: &Pack,
    rule: &PackRule,
    scene: &Scene<'_>,
    store: &Store,
    found: &mut Found,
) -> Result<(), RunError> {
    let facts = complete(pack, rule, scene.facts);
    let batch = batch(pack, rule, &facts);
    let known = Written {
        rule: rule.rule.settings.id.clone(),
        customer: batch.customer(0),
        subject: (!scene.gone).then(|| batch.subject(0)),
        facts,
    };
    look_back::look_back_on(pack, known, store, found).await
}

/// The case's facts as a batch of one row.
pub(crate) fn batch(pack: &Pack, rule: &PackRule, facts: &Facts) -> Batch {
    let about = rule.rule.settings.about.clone();
    let key = match &about {
        About::Signal(name) => pack.signals.others.get(name).and_then(|s| s.key.clone()),
        About::Customers => None,
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

/// An earlier contact of a case, in its place in time.
#[derive(Clone, Debug)]
pub struct Before<'c> {
    /// The contact as it is written.
    pub contact: &'c EarlierContact,
    /// When it was.
    pub at: Instant,
    /// What it was about.
    pub subject: SubjectId,
    /// Whether it belongs to the episode that the case speaks of.
    pub own: bool,
    /// When its episode began.
    pub episode_started_at: Instant,
}

/// What was before a case: since when its rule has matched, if it has, and who contacted whom.
pub fn before<'c>(
    rule: &PackRule,
    case: &'c Case,
    subject: &SubjectId,
) -> (Option<Instant>, Vec<Before<'c>>) {
    let id = &rule.rule.settings.id;
    let holds_for = rule.rule.settings.holds_for.filter(|_| case.steps.is_empty());
    let matching_for = case.matching_for.or(holds_for).map(|span| case.as_of - span.delta());
    let own = |contact: &EarlierContact| {
        contact.rule == *id && contact.subject.as_ref().is_none_or(|about| about == subject)
    };
    let at = |contact: &EarlierContact| case.as_of - contact.ago.delta();
    let told = case.contacts.iter().filter(|contact| own(contact)).map(at);
    let started_at = told.chain(matching_for).min();
    let contacts = case.contacts.iter().map(|contact| Before {
        contact,
        at: at(contact),
        subject: contact.subject.clone().unwrap_or_else(|| subject.clone()),
        own: own(contact),
        episode_started_at: started_at.filter(|_| own(contact)).unwrap_or_else(|| at(contact)),
    });
    (started_at, contacts.collect())
}

/// What a customer is not to hear, as the books know it. A bounce is about their mailbox.
pub fn suppressions(
    facts: &Facts,
    customer: &CustomerId,
    suppressed: &[Suppressed],
    as_of: Instant,
) -> Vec<Suppression> {
    let one = |one: &Suppressed| {
        let bounced = one.cause == SuppressionCause::Bounce;
        let email = facts.customer().text("email").and_then(|email| normalise_email(&email));
        let who = match bounced {
            true => (None, Some(email?)),
            false => (Some(customer.clone()), None),
        };
        let (topic, cause, since) = (one.topic.clone(), one.cause, as_of - one.ago.delta());
        Some(Suppression { customer: who.0, recipient: who.1, topic, cause, since })
    };
    suppressed.iter().filter_map(one).collect()
}

/// The history that the case describes.
fn history(rule: &PackRule, case: &Case, batch: &Batch, facts: &Facts) -> History {
    let (id, customer, subject) = (&rule.rule.settings.id, batch.customer(0), batch.subject(0));
    let (started_at, contacts) = before(rule, case, &subject);
    let times = |task: bool| -> (u32, Option<Instant>) {
        let own = contacts.iter().filter(|before| before.own);
        let kind = own.filter(|before| before.contact.channel.is_contact() != task);
        (kind.clone().count() as u32, kind.map(|before| before.at).max())
    };
    let ((told, last_contact_at), (tasks, last_task_at)) = (times(false), times(true));
    let started_at = started_at.unwrap_or(case.as_of);
    let episode = Episode { started_at, contacts: told, last_contact_at, tasks, last_task_at };
    let charges = contacts.iter().enumerate().map(|(number, before)| Charge {
        rule: before.contact.rule.clone(),
        customer: customer.clone(),
        subject: before.subject.clone(),
        episode_started_at: before.episode_started_at,
        outreach: OutreachKey::from(format!("earlier {number}")),
        channel: before.contact.channel.clone(),
        recipients: facts.customer().recipients(),
        at: before.at,
    });
    History {
        charges: charges.collect(),
        suppressions: suppressions(facts, &customer, &case.suppressed, case.as_of),
        episodes: [((id.clone(), customer.clone(), subject.clone()), episode)].into(),
        ..History::default()
    }
}
