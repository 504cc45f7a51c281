//! The outbox side of a run: what is taken back, what goes in, and the tasks that are handed out
//! with it. An outreach that a worker has taken is never changed here.

use std::collections::BTreeMap;

use super::super::database::Transaction;
use super::super::given::{Cell, Given, given};
use super::super::sql::json;
use super::super::{StoreError, tasks};
use super::{Run, TaskText};
use crate::domain::{
    Channel, HeldBack, Outreach, OutreachKey, OutreachState, OutreachSubject, Withdrawal,
};

const TAKE_BACK: Given<3> = given!(
    1,
    (key text, state text, because text),
    "UPDATE outreaches SET state = given.state, detail = given.because, settled_at = $1
     FROM given WHERE outreaches.key = given.key AND outreaches.state IN ('ready', 'held')"
);

const FREE: Given<1> = given!(
    0,
    (key text),
    "DELETE FROM contacts WHERE outreach IN (SELECT key FROM given)"
);

const FREE_SOME: Given<2> = given!(
    0,
    (outreach text, dedupe_key text),
    "DELETE FROM contacts WHERE (dedupe_key, outreach) IN (SELECT dedupe_key, outreach FROM given)"
);

const FORGET_RECIPIENTS: Given<1> = given!(
    0,
    (key text),
    "DELETE FROM outreach_recipients WHERE outreach IN (SELECT key FROM given)"
);

/// `$1` is the run, `$2` how far its clock is ahead, `$3` the wall time. What stays held keeps the
/// run that held it first.
///
/// `asked` is 0 where its rule was not asked in this run.
const PUT: Given<11> = given!(
    3,
    (key text, rule text, channel text, state text, not_before bigint, expires_at bigint,
     priority bigint, asked bigint, payload text, bound text, approval text),
    "INSERT INTO outreaches (key, run, rule, channel, state, not_before, expires_at, ahead,
         next_attempt_at, last_attempt_at, attempts, fence, settled_at, priority, asked_at, payload,
         bound, approval)
     SELECT key, $1, rule, channel, state, not_before, expires_at, $2, not_before - $2,
         expires_at - $2, 0, 0, CASE WHEN state = 'sent' THEN $3 END, priority, asked * $3,
         payload, bound, approval
     FROM given WHERE true
     ON CONFLICT (key) DO UPDATE SET
         run = CASE WHEN outreaches.state = 'held' AND excluded.state = 'held'
             THEN outreaches.run ELSE excluded.run END,
         rule = excluded.rule,
         channel = excluded.channel, state = excluded.state, not_before = excluded.not_before,
         expires_at = excluded.expires_at, ahead = excluded.ahead,
         next_attempt_at = excluded.next_attempt_at, last_attempt_at = excluded.last_attempt_at,
         attempts = CASE WHEN outreaches.state = 'ready' THEN outreaches.attempts ELSE 0 END,
         settled_at = excluded.settled_at, detail = NULL, last_error = NULL, evidence = NULL,
         priority = excluded.priority,
         asked_at = CASE WHEN excluded.asked_at = 0 THEN outreaches.asked_at
             ELSE excluded.asked_at END,
         payload = excluded.payload, bound = excluded.bound, approval = excluded.approval
     WHERE outreaches.state IN ('ready', 'held', 'withdrawn')"
);

const RECIPIENTS: Given<2> = given!(
    0,
    (outreach text, recipient text),
    "INSERT INTO outreach_recipients (outreach, recipient)
     SELECT DISTINCT outreach, recipient FROM given"
);

const CONTACTS: Given<9> = given!(
    0,
    (dedupe_key text, outreach text, rule text, customer_id text, subject text,
     episode_started_at bigint, ordinal bigint, channel text, at bigint),
    "INSERT INTO contacts (dedupe_key, outreach, rule, customer_id, subject, episode_started_at,
         ordinal, channel, at)
     SELECT dedupe_key, outreach, rule, customer_id, subject, episode_started_at, ordinal,
         channel, at FROM given WHERE true
     ON CONFLICT (dedupe_key) DO NOTHING"
);

/// Takes waiting outreaches back, and frees what they were to tell about but for what expired.
pub(super) async fn take_back(tx: &mut Transaction<'_>, run: &Run<'_>) -> Result<(), StoreError> {
    let withdrawals = &run.decided.withdrawals;
    let expired = OutreachState::Expired.name();
    let rows = withdrawals.iter().map(|Withdrawal { outreach, because, .. }| {
        let state = if because == expired { expired } else { OutreachState::Withdrawn.name() };
        Ok([outreach.as_str().into(), state.into(), because.as_str().into()])
    });
    if tx.bulk(&TAKE_BACK, &[run.started_at.into()], rows).await? != withdrawals.len() as u64 {
        return Err(StoreError::Moved);
    }
    let freed = withdrawals.iter().flat_map(|Withdrawal { outreach, because, freed }| {
        // The key that it bears may be one that it no longer speaks of.
        let own = std::iter::once(outreach).filter(move |_| because != expired);
        let keys = freed.iter().chain(own);
        keys.map(|key| Ok([outreach.as_str().into(), key.as_str().into()]))
    });
    tx.bulk(&FREE_SOME, &[], freed).await?;
    Ok(())
}

/// Puts outreaches into the outbox: new ones, waiting ones decided afresh, and withdrawn ones that
/// come back. What is held and stands there just like this is left alone. All that is freed is
/// freed before anything is taken, so that a subject can move from one outreach to another.
pub(super) async fn put(tx: &mut Transaction<'_>, run: &Run<'_>) -> Result<(), StoreError> {
    let held = run.decided.held.iter().filter(|held| !held.stands);
    let outreaches = || run.decided.outreaches.iter().chain(held.clone().map(|h| &h.outreach));
    let count = outreaches().count() as u64;
    let ahead = (run.as_of - run.started_at).num_microseconds().unwrap_or_default();
    let args = [run.as_of.into(), ahead.into(), run.started_at.into()];
    let released = run.decided.outreaches.iter().map(|outreach| released(run, outreach));
    if tx.bulk(&PUT, &args, released.chain(held.clone().map(|held| kept_back(run, held)))).await?
        != count
    {
        return Err(StoreError::Moved);
    }
    let keys = || outreaches().map(|outreach| Ok([outreach.key.as_str().into()]));
    tx.bulk(&FREE, &[], keys()).await?;
    tx.bulk(&FORGET_RECIPIENTS, &[], keys()).await?;
    let recipients = outreaches().flat_map(|outreach| {
        let recipients = outreach.recipients.iter();
        recipients.map(|to| Ok([outreach.key.as_str().into(), to.0.as_str().into()]))
    });
    tx.bulk(&RECIPIENTS, &[], recipients).await?;
    let told: usize = outreaches().map(|outreach| outreach.subjects.len()).sum();
    let contacts = outreaches()
        .flat_map(|outreach| outreach.subjects.iter().map(|subject| contact(outreach, subject)));
    if tx.bulk(&CONTACTS, &[], contacts).await? != told as u64 {
        let twice = "a contact of an episode is in the books already".to_owned();
        return Err(StoreError::Contradiction(twice));
    }
    hand_out(tx, run).await
}

/// Makes the tasks of those outreaches that are one.
async fn hand_out(tx: &mut Transaction<'_>, run: &Run<'_>) -> Result<(), StoreError> {
    let texts: BTreeMap<&OutreachKey, &TaskText> =
        run.tasks.iter().map(|text| (&text.outreach, text)).collect();
    let due = run.decided.outreaches.iter().filter(|outreach| is_task(run, outreach));
    let tasks = due.map(|outreach| {
        let text = texts.get(&outreach.key).ok_or_else(|| {
            let rule = &outreach.rule;
            StoreError::Contradiction(format!("a task of rule `{rule}` has no words"))
        })?;
        tasks::row(outreach, text, run.as_of)
    });
    tasks::insert(tx, tasks).await
}

/// Whether it is work for a colleague that is due at once.
fn is_task(run: &Run<'_>, outreach: &Outreach) -> bool {
    outreach.channel.0 == Channel::TASK
        || (outreach.channel.0 == Channel::PHONE && outreach.not_before <= run.as_of)
}

/// Whether its rule was asked about all that it speaks of. A last word may have waited for a while:
/// before it leaves, the company's data are always asked again.
fn asked(run: &Run<'_>, outreach: &Outreach) -> i64 {
    i64::from(run.evaluated.contains(&outreach.rule) && !outreach.last_word)
}

fn released<'a>(run: &Run<'a>, outreach: &'a Outreach) -> Result<[Cell<'a>; 11], StoreError> {
    let state = match is_task(run, outreach) {
        true => OutreachState::Sent,
        false => OutreachState::Ready,
    };
    let approval = run.decided.approved.get(&outreach.key);
    let bound = approval.map(|approval| approval.bound.as_str());
    row(run, outreach, state, bound, approval.map(|approval| approval.approval.as_str()))
}

fn kept_back<'a>(run: &Run<'a>, held: &'a HeldBack) -> Result<[Cell<'a>; 11], StoreError> {
    row(run, &held.outreach, OutreachState::Held, Some(&held.bound), None)
}

fn row<'a>(
    run: &Run<'a>,
    outreach: &'a Outreach,
    state: OutreachState,
    bound: Option<&'a str>,
    approval: Option<&'a str>,
) -> Result<[Cell<'a>; 11], StoreError> {
    Ok([
        outreach.key.as_str().into(),
        outreach.rule.as_str().into(),
        outreach.channel.0.as_str().into(),
        state.name().into(),
        outreach.not_before.into(),
        outreach.expires_at.into(),
        u32::from(outreach.priority).into(),
        asked(run, outreach).into(),
        json(outreach)?.into(),
        bound.into(),
        approval.into(),
    ])
}

fn contact<'a>(
    outreach: &'a Outreach,
    subject: &'a OutreachSubject,
) -> Result<[Cell<'a>; 9], StoreError> {
    Ok([
        subject.dedupe_key.as_str().into(),
        outreach.key.as_str().into(),
        outreach.rule.as_str().into(),
        subject.customer.as_str().into(),
        subject.subject.as_str().into(),
        subject.episode_started_at.into(),
        subject.ordinal.into(),
        outreach.channel.0.as_str().into(),
        outreach.not_before.into(),
    ])
}
