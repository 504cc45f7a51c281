//! Writing a run down: decisions, episodes, outbox and tasks become visible at once, and only if
//! the books are still those that the run was decided on. No subject is ever told about twice.

mod outreaches;

use serde::Serialize;

use super::database::Transaction;
use super::sql::{Sql, given, json};
use super::{Store, StoreError, runs};
use crate::domain::{
    Decided, Decision, EpisodeChange, HistoryVersion, Instant, OutreachKey, RuleId, RunReport,
};

/// A run and what it decided, ready to be written down.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The run's instant.
    pub as_of: Instant,
    /// The wall time at which it started: its outreaches live on a clock that read `as_of` then.
    pub started_at: Instant,
    /// What it prints.
    pub report: &'a RunReport,
    /// What it does.
    pub decided: &'a Decided,
    /// The words of tasks, for every outreach that is a task or a call that is due at once.
    pub tasks: &'a [TaskText],
    /// The rules that were evaluated in good health.
    pub evaluated: &'a [RuleId],
    /// The state of the books that it was decided on.
    pub version: HistoryVersion,
}

/// The words of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskText {
    /// The outreach that it carries out.
    pub outreach: OutreachKey,
    /// One line.
    pub title: String,
    /// What to do, and why.
    pub body: String,
}

impl Store {
    /// Writes a run down in one transaction, or nothing of it.
    ///
    /// # Errors
    ///
    /// `AlreadyRecorded` and `Before` where the instant is not later than every recorded one;
    /// `Moved` where the books changed since they were read, or a worker has taken an outreach
    /// that the run decided on afresh: read the history and decide again; `Contradiction` where
    /// the run would tell about a contact that another outreach tells about already.
    pub async fn record(&self, run: &Run<'_>) -> Result<(), StoreError> {
        let prepared = Prepared::new(run)?;
        let mut tx = self.database.write().await?;
        let done = write(&mut tx, run, &prepared).await;
        tx.end(done).await
    }
}

/// Takes the books for the rest of the transaction, and gives the version that they had.
pub(super) async fn turn_page(tx: &mut Transaction<'_>) -> Result<HistoryVersion, StoreError> {
    let sql = "UPDATE books SET version = version + 1 RETURNING version - 1";
    let rows = tx.fetch(sql, &[]).await?;
    let row = rows.first().ok_or(StoreError::Damaged {
        what: "a table `books`",
        cause: "its one row is gone".to_owned(),
    })?;
    Ok(HistoryVersion(row.get(0)?))
}

/// What can be made ready before anybody has to wait for us.
struct Prepared<'a> {
    head: String,
    decisions: Vec<DecisionRow<'a>>,
    outreaches: outreaches::Rows<'a>,
}

impl<'a> Prepared<'a> {
    fn new(run: &Run<'a>) -> Result<Self, StoreError> {
        let decisions = run.report.decisions.iter().enumerate().map(DecisionRow::new);
        Ok(Self {
            head: runs::head(run.report)?,
            decisions: decisions.collect::<Result<_, _>>()?,
            outreaches: outreaches::Rows::new(run)?,
        })
    }
}

async fn write(
    tx: &mut Transaction<'_>,
    run: &Run<'_>,
    prepared: &Prepared<'_>,
) -> Result<(), StoreError> {
    let version = turn_page(tx).await?;
    check_instant(tx, run.as_of).await?;
    if version != run.version {
        return Err(StoreError::Moved);
    }
    let sql = "INSERT INTO runs (as_of, started_at, pack, report) VALUES ($1, $2, $3, $4)";
    let pack = run.report.pack.as_str();
    let head = prepared.head.as_str();
    tx.execute(sql, &[run.as_of.into(), run.started_at.into(), pack.into(), head.into()]).await?;
    outreaches::take_back(tx, run).await?;
    change_episodes(tx, run).await?;
    outreaches::put(tx, run, &prepared.outreaches).await?;
    tx.bulk(DECISIONS, &prepared.decisions, &[run.as_of.into()]).await?;
    let evaluated: Vec<_> =
        run.evaluated.iter().map(|rule| serde_json::json!({ "rule": rule })).collect();
    tx.bulk(EVALUATED, &evaluated, &[run.as_of.into()]).await?;
    Ok(())
}

async fn check_instant(tx: &mut Transaction<'_>, as_of: Instant) -> Result<(), StoreError> {
    let sql = "SELECT (SELECT MAX(as_of) FROM runs), (SELECT as_of FROM runs WHERE as_of = $1)";
    let rows = tx.fetch(sql, &[as_of.into()]).await?;
    let Some(row) = rows.first() else { return Ok(()) };
    if row.maybe_instant(1)?.is_some() {
        return Err(StoreError::AlreadyRecorded(as_of));
    }
    match row.maybe_instant(0)? {
        Some(newest) if newest > as_of => Err(StoreError::Before(newest)),
        _ => Ok(()),
    }
}

const DECISIONS: Sql = given!(
    (place bigint, rule text, customer_id text, subject text, position bigint, channel text,
     outcome text, reason text, evidence text, outreach text, not_before bigint),
    "INSERT INTO decisions (run, place, rule, customer_id, subject, position, channel, outcome,
         reason, evidence, outreach, not_before)
     SELECT $2, place, rule, customer_id, subject, position, channel, outcome, reason, evidence,
         outreach, not_before FROM given"
);

const EVALUATED: Sql = given!(
    (rule text),
    "INSERT INTO rule_evaluations (rule, at) SELECT rule, $2 FROM given WHERE true
     ON CONFLICT (rule) DO UPDATE SET at = excluded.at"
);

const STARTED: Sql = given!(
    (rule text, customer_id text, subject text),
    "INSERT INTO episodes (rule, customer_id, subject, started_at)
     SELECT rule, customer_id, subject, $2 FROM given"
);

const ENDED: Sql = given!(
    (rule text, customer_id text, subject text),
    "UPDATE episodes SET ended_at = $2 FROM given
     WHERE episodes.rule = given.rule AND episodes.customer_id = given.customer_id
         AND episodes.subject = given.subject AND episodes.ended_at IS NULL"
);

#[derive(Serialize)]
struct DecisionRow<'a> {
    place: usize,
    rule: &'a str,
    customer_id: &'a str,
    subject: &'a str,
    position: u32,
    channel: &'a str,
    outcome: &'a str,
    reason: Option<&'a str>,
    evidence: Option<String>,
    outreach: Option<&'a OutreachKey>,
    not_before: Option<i64>,
}

impl<'a> DecisionRow<'a> {
    fn new((place, decision): (usize, &'a Decision)) -> Result<Self, StoreError> {
        let told = decision.refusal.as_ref().map(serde_json::to_value).transpose();
        let told = told.map_err(|error| StoreError::Contradiction(error.to_string()))?;
        Ok(Self {
            place,
            rule: decision.rule.as_str(),
            customer_id: decision.customer_id.as_str(),
            subject: decision.subject.as_str(),
            position: decision.position,
            channel: &decision.channel.0,
            outcome: decision.outcome.name(),
            reason: decision.refusal.as_ref().map(|refusal| refusal.code()),
            evidence: told.map(|told| json(&told["evidence"])).transpose()?,
            outreach: decision.outreach.as_ref(),
            not_before: decision.not_before.map(|at| at.timestamp_micros()),
        })
    }
}

async fn change_episodes(tx: &mut Transaction<'_>, run: &Run<'_>) -> Result<(), StoreError> {
    let (mut started, mut ended) = (Vec::new(), Vec::new());
    for change in &run.decided.episodes {
        let (rows, (rule, customer, subject)) = match change {
            EpisodeChange::Started(rule, customer, subject) => {
                (&mut started, (rule, customer, subject))
            }
            EpisodeChange::Ended(rule, customer, subject) => {
                (&mut ended, (rule, customer, subject))
            }
        };
        rows.push(serde_json::json!({ "rule": rule, "customer_id": customer, "subject": subject }));
    }
    tx.bulk(ENDED, &ended, &[run.as_of.into()]).await?;
    tx.bulk(STARTED, &started, &[run.as_of.into()]).await?;
    Ok(())
}
