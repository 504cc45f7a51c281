//! The outbox side of a run: what is taken back, what goes in, and the tasks that are handed out
//! with it. An outreach that a worker has taken is never changed here.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::database::Transaction;
use super::super::sql::{Sql, given, json};
use super::super::{StoreError, tasks};
use super::{Run, TaskText};
use crate::domain::{Channel, Outreach, OutreachKey, OutreachState, OutreachSubject, Withdrawal};

const TAKE_BACK: Sql = given!(
    (key text, state text, because text),
    "UPDATE outreaches SET state = given.state, detail = given.because, settled_at = $2
     FROM given WHERE outreaches.key = given.key AND outreaches.state = 'ready'"
);

const FREE: Sql = given!(
    (key text),
    "DELETE FROM contacts WHERE outreach IN (SELECT key FROM given)"
);

const FREE_SOME: Sql = given!(
    (outreach text, dedupe_key text),
    "DELETE FROM contacts WHERE (dedupe_key, outreach) IN (SELECT dedupe_key, outreach FROM given)"
);

const FORGET_RECIPIENTS: Sql = given!(
    (key text),
    "DELETE FROM outreach_recipients WHERE outreach IN (SELECT key FROM given)"
);

/// `$2` is the run, `$3` how far its clock is ahead, `$4` the wall time.
const PUT: Sql = given!(
    (key text, rule text, channel text, state text, not_before bigint, expires_at bigint,
     payload text),
    "INSERT INTO outreaches (key, run, rule, channel, state, not_before, expires_at, ahead,
         next_attempt_at, last_attempt_at, attempts, fence, settled_at, payload)
     SELECT key, $2, rule, channel, state, not_before, expires_at, $3, not_before - $3,
         expires_at - $3, 0, 0, CASE WHEN state = 'sent' THEN $4 END, payload
     FROM given WHERE true
     ON CONFLICT (key) DO UPDATE SET run = excluded.run, rule = excluded.rule,
         channel = excluded.channel, state = excluded.state, not_before = excluded.not_before,
         expires_at = excluded.expires_at, ahead = excluded.ahead,
         next_attempt_at = excluded.next_attempt_at, last_attempt_at = excluded.last_attempt_at,
         attempts = CASE WHEN outreaches.state = 'ready' THEN outreaches.attempts ELSE 0 END,
         settled_at = excluded.settled_at, detail = NULL, last_error = NULL,
         payload = excluded.payload
     WHERE outreaches.state IN ('ready', 'withdrawn')"
);

const RECIPIENTS: Sql = given!(
    (outreach text, recipient text),
    "INSERT INTO outreach_recipients (outreach, recipient)
     SELECT DISTINCT outreach, recipient FROM given"
);

const CONTACTS: Sql = given!(
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
    let expired = OutreachState::Expired.name();
    let (mut rows, mut freed) = (Vec::new(), Vec::new());
    for Withdrawal { outreach, because, freed: keys } in &run.decided.withdrawals {
        let state = if because == expired { expired } else { OutreachState::Withdrawn.name() };
        rows.push(serde_json::json!({ "key": outreach, "state": state, "because": because }));
        let key = |key| serde_json::json!({ "outreach": outreach, "dedupe_key": key });
        freed.extend(keys.iter().map(key));
    }
    if tx.bulk(TAKE_BACK, &rows, &[run.started_at.into()]).await? != rows.len() as u64 {
        return Err(StoreError::Moved);
    }
    tx.bulk(FREE_SOME, &freed, &[]).await?;
    Ok(())
}

/// The rows of what goes into the outbox.
pub(super) struct Rows<'a> {
    outreaches: Vec<OutreachRow<'a>>,
    recipients: Vec<RecipientRow<'a>>,
    contacts: Vec<ContactRow<'a>>,
    tasks: Vec<tasks::NewTask<'a>>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(run: &Run<'a>) -> Result<Self, StoreError> {
        let texts: BTreeMap<&OutreachKey, &TaskText> =
            run.tasks.iter().map(|text| (&text.outreach, text)).collect();
        let mut rows = Self {
            outreaches: Vec::new(),
            recipients: Vec::new(),
            contacts: Vec::new(),
            tasks: Vec::new(),
        };
        for outreach in &run.decided.outreaches {
            let is_task = outreach.channel.0 == Channel::TASK
                || (outreach.channel.0 == Channel::PHONE && outreach.not_before <= run.as_of);
            if is_task {
                let text = texts.get(&outreach.key).ok_or_else(|| {
                    let rule = &outreach.rule;
                    StoreError::Contradiction(format!("a task of rule `{rule}` has no words"))
                })?;
                rows.tasks.push(tasks::NewTask::new(outreach, text, run.as_of)?);
            }
            rows.outreaches.push(OutreachRow::new(outreach, is_task)?);
            rows.recipients.extend(
                outreach
                    .recipients
                    .iter()
                    .map(|to| RecipientRow { outreach: outreach.key.as_str(), recipient: &to.0 }),
            );
            rows.contacts.extend(outreach.subjects.iter().map(|s| ContactRow::new(outreach, s)));
        }
        Ok(rows)
    }
}

/// Puts outreaches into the outbox: new ones, waiting ones decided afresh, and withdrawn ones that
/// come back. All that is freed is freed before anything is taken, so that a subject can move from
/// one outreach to another.
pub(super) async fn put(
    tx: &mut Transaction<'_>,
    run: &Run<'_>,
    rows: &Rows<'_>,
) -> Result<(), StoreError> {
    let ahead = (run.as_of - run.started_at).num_microseconds().unwrap_or_default();
    let args = [run.as_of.into(), ahead.into(), run.started_at.into()];
    if tx.bulk(PUT, &rows.outreaches, &args).await? != rows.outreaches.len() as u64 {
        return Err(StoreError::Moved);
    }
    let keys: Vec<_> =
        rows.outreaches.iter().map(|row| serde_json::json!({ "key": row.key })).collect();
    tx.bulk(FREE, &keys, &[]).await?;
    tx.bulk(FORGET_RECIPIENTS, &keys, &[]).await?;
    tx.bulk(RECIPIENTS, &rows.recipients, &[]).await?;
    if tx.bulk(CONTACTS, &rows.contacts, &[]).await? != rows.contacts.len() as u64 {
        let twice = "a contact of an episode is in the books already".to_owned();
        return Err(StoreError::Contradiction(twice));
    }
    tasks::insert(tx, &rows.tasks).await
}

#[derive(Serialize)]
struct OutreachRow<'a> {
    key: &'a str,
    rule: &'a str,
    channel: &'a str,
    state: &'static str,
    not_before: i64,
    expires_at: i64,
    payload: String,
}

impl<'a> OutreachRow<'a> {
    fn new(outreach: &'a Outreach, is_task: bool) -> Result<Self, StoreError> {
        let state = if is_task { OutreachState::Sent } else { OutreachState::Ready };
        Ok(Self {
            key: outreach.key.as_str(),
            rule: outreach.rule.as_str(),
            channel: &outreach.channel.0,
            state: state.name(),
            not_before: outreach.not_before.timestamp_micros(),
            expires_at: outreach.expires_at.timestamp_micros(),
            payload: json(outreach)?,
        })
    }
}

#[derive(Serialize)]
struct RecipientRow<'a> {
    outreach: &'a str,
    recipient: &'a str,
}

#[derive(Serialize)]
struct ContactRow<'a> {
    dedupe_key: &'a str,
    outreach: &'a str,
    rule: &'a str,
    customer_id: &'a str,
    subject: &'a str,
    episode_started_at: i64,
    ordinal: u32,
    channel: &'a str,
    at: i64,
}

impl<'a> ContactRow<'a> {
    fn new(outreach: &'a Outreach, subject: &'a OutreachSubject) -> Self {
        Self {
            dedupe_key: subject.dedupe_key.as_str(),
            outreach: outreach.key.as_str(),
            rule: outreach.rule.as_str(),
            customer_id: subject.customer.as_str(),
            subject: subject.subject.as_str(),
            episode_started_at: subject.episode_started_at.timestamp_micros(),
            ordinal: subject.ordinal,
            channel: &outreach.channel.0,
            at: outreach.not_before.timestamp_micros(),
        }
    }
}
