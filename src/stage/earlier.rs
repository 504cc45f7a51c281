//! What was before a case, written into its books as runs of the past. Nothing of it is rendered:
//! whoever it reached has it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::domain::{
    Decided, EpisodeChange, HistoryVersion, Instant, Outreach, OutreachKey, OutreachSubject,
    RunReport, Suppression, Totals, format_instant,
};
use crate::pack::{Pack, PackRule};
use crate::pipeline::case::{self, Before, Scene};
use crate::pipeline::{Found, RunError, consider};
use crate::policy::{Kind, dedupe_key};
use crate::rules::cases::{Case, Suppressed};
use crate::store::{
    Asking, ClaimQuery, Claimed, Learned, NewSuppression, Passed, Run, Settled, Settlement, Store,
    TaskText,
};

/// Writes down since when the rule has matched, and who contacted the customer.
///
/// # Errors
/// When the books can't be read or written.
pub(super) async fn write_down(
    pack: &Pack,
    rule: &PackRule,
    case: &Case,
    store: &Store,
) -> Result<(), RunError> {
    let facts = case::complete(pack, rule, &case.facts);
    let batch = case::batch(pack, rule, &facts);
    let (customer, subject) = (batch.customer(0), batch.subject(0));
    let (started_at, contacts) = case::before(rule, case, &subject);
    let started_at = started_at.filter(|at| *at < case.as_of);
    let instants: BTreeSet<Instant> =
        contacts.iter().map(|before| before.at).chain(started_at).collect();
    let scene = Scene { as_of: case.as_of, facts: &facts, gone: false, rivals: &[] };
    let mut ordinals: BTreeMap<bool, u32> = BTreeMap::new();
    for at in instants {
        let mut decided = Decided::default();
        if started_at == Some(at) {
            let id = rule.rule.settings.id.clone();
            decided.episodes.push(EpisodeChange::Started(id, customer.clone(), subject.clone()));
        }
        for (number, before) in contacts.iter().enumerate().filter(|(_, before)| before.at == at) {
            let ordinal = ordinals.entry(before.contact.channel.is_contact()).or_default();
            *ordinal += u32::from(before.own);
            decided.outreaches.push(outreach(pack, before, &scene, (number, *ordinal), &customer));
        }
        record(pack, store, at, decided).await?;
        for claimed in claim(store, at).await? {
            send(store, &claimed, at).await?;
        }
    }
    suppress(pack, rule, &case.suppressed, &scene, store).await
}

/// Writes down what the customer is not to hear any more.
///
/// # Errors
/// When the books can't be written.
pub(super) async fn suppress(
    pack: &Pack,
    rule: &PackRule,
    suppressed: &[Suppressed],
    scene: &Scene<'_>,
    store: &Store,
) -> Result<(), RunError> {
    let facts = case::complete(pack, rule, scene.facts);
    let customer = case::batch(pack, rule, &facts).customer(0);
    for one in case::suppressions(&facts, &customer, suppressed, scene.as_of) {
        let Suppression { customer, recipient, topic, cause, since } = one;
        let new = NewSuppression { customer, recipient, topic, cause, note: None };
        store.suppress(&[new], since).await?;
    }
    Ok(())
}

/// Lets the messages of a case's rivals go: their words are not what is tried.
///
/// # Errors
/// When the books can't be read or written.
pub(super) async fn let_rivals_go(
    rule: &PackRule,
    store: &Store,
    now: Instant,
) -> Result<(), RunError> {
    let id = &rule.rule.settings.id;
    let claimed = claim(store, now).await?;
    for claimed in &claimed {
        if claimed.outreach.rule != *id {
            send(store, claimed, now).await?;
            continue;
        }
        let settlement = Settlement::Wait { until: now, error: "it is the worker's".to_owned() };
        store.turn(&[settled(claimed, settlement)], &[], &|_, _| None, now).await?;
    }
    Ok(())
}

/// A contact as it was decided then.
fn outreach(
    pack: &Pack,
    before: &Before<'_>,
    scene: &Scene<'_>,
    (number, ordinal): (usize, u32),
    customer: &crate::domain::CustomerId,
) -> Outreach {
    let (rule, channel) = (&before.contact.rule, &before.contact.channel);
    let settings = pack.rules.get(rule).map(|rule| &rule.rule.settings);
    let kind = if channel.is_contact() { Kind::Contact } else { Kind::Task(0) };
    let ordinal = if before.own { ordinal } else { 1 };
    let key = match before.own {
        true => {
            let started_at = before.episode_started_at;
            dedupe_key(rule, customer, &before.subject, started_at, ordinal, kind)
        }
        false => OutreachKey::from(format!("earlier {number}")),
    };
    let subject = OutreachSubject {
        dedupe_key: key.clone(),
        customer: customer.clone(),
        subject: before.subject.clone(),
        episode_started_at: before.episode_started_at,
        ordinal,
        facts: scene.facts.clone(),
        values: BTreeMap::new(),
    };
    Outreach {
        key,
        rule: rule.clone(),
        topic: settings.and_then(|settings| settings.topic.clone()),
        priority: settings.map_or(50, |settings| settings.priority),
        channel: channel.clone(),
        template: channel.0.clone(),
        address: scene.facts.customer().address(&channel.0),
        recipients: scene.facts.customer().recipients(),
        assign: None,
        due_at: None,
        not_before: before.at,
        expires_at: before.at + TimeDelta::days(1),
        position: 0,
        last_word: false,
        subjects: vec![subject],
    }
}

async fn record(pack: &Pack, store: &Store, at: Instant, decided: Decided) -> Result<(), RunError> {
    let version: HistoryVersion = consider(pack, &Found::default(), Some(store), at).await?.version;
    let report = RunReport {
        schema_version: 1,
        as_of: format_instant(&at),
        pack: pack.hash.clone(),
        decisions: Vec::new(),
        totals: Totals::default(),
        rules: Vec::new(),
        alarms: Vec::new(),
        plan: None,
    };
    let words = |outreach: &Outreach| TaskText {
        outreach: outreach.key.clone(),
        title: format!("{} of {}", outreach.channel, outreach.rule),
        body: String::new(),
    };
    let tasks: Vec<TaskText> =
        decided.outreaches.iter().filter(|o| o.channel.is_task()).map(words).collect();
    let evaluated = Vec::new();
    let learned = Learned::default();
    let run = Run {
        as_of: at,
        started_at: at,
        report: &report,
        decided: &decided,
        tasks: &tasks,
        evaluated: &evaluated,
        learned: &learned,
        version,
    };
    Ok(store.record(&run).await?)
}

/// Everything that is due now.
async fn claim(store: &Store, now: Instant) -> Result<Vec<Claimed>, RunError> {
    let channels: Vec<String> = store.due(now).await?.into_keys().collect();
    let (lease, limit) = (TimeDelta::minutes(1), 1000);
    let query = ClaimQuery { wall: now, lease, limit, channels: &channels, near_only: &[] };
    Ok(store.claim(&query).await?)
}

/// Sends nothing, and writes down that it was sent.
async fn send(store: &Store, claimed: &Claimed, now: Instant) -> Result<(), RunError> {
    let (claim, outreach) = (&claimed.claim, &claimed.outreach);
    let asking = Asking { claim, outreach, now, since: now - TimeDelta::days(1) };
    let turn = store.turn(&[], &[asking], &|_, _| None, now).await?;
    if turn.passed.first() == Some(&Passed::Through) {
        let sent = Settlement::Sent { detail: "before the case".to_owned() };
        store.turn(&[settled(claimed, sent)], &[], &|_, _| None, now).await?;
    }
    Ok(())
}

fn settled(claimed: &Claimed, settlement: Settlement) -> Settled {
    Settled { claim: claimed.claim.clone(), settlement, dead: None, blocked: None }
}
