//! Writing a run down: decisions, episodes, outbox and tasks become visible at once, and only if
//! the books are still those that the run was decided on. No subject is ever told about twice.

mod outreaches;

use std::collections::BTreeMap;

use super::database::Transaction;
use super::given::{Cell, Given, given};
use super::memory::{self, FieldSeen};
use super::sql::json;
use super::{Store, StoreError, runs, tasks, volumes};
use crate::domain::{
    CustomerId, Decided, Decision, EpisodeChange, HistoryVersion, Instant, OutreachKey, RuleId,
    RunReport, SubjectId,
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
    /// What it learned of rules and signals beside.
    pub learned: &'a Learned,
    /// The state of the books that it was decided on.
    pub version: HistoryVersion,
}

/// What a run learned beside its decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Learned {
    /// Which version of each rule was evaluated.
    pub versions: BTreeMap<RuleId, String>,
    /// Which columns of signals were seen with something in them, or empty.
    pub fields: Vec<FieldSeen>,
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
        let mut tx = self.database.write("record").await?;
        let done = write(&mut tx, run, self.database.is_sqlite()).await;
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

async fn write(tx: &mut Transaction<'_>, run: &Run<'_>, alone: bool) -> Result<(), StoreError> {
    let version = turn_page(tx).await?;
    check_instant(tx, run.as_of).await?;
    if version != run.version {
        return Err(StoreError::Moved);
    }
    let sql = "INSERT INTO runs (as_of, started_at, pack, report) VALUES ($1, $2, $3, $4)";
    let pack = run.report.pack.as_str();
    let head = runs::head(run.report)?;
    tx.execute(sql, &[run.as_of.into(), run.started_at.into(), pack.into(), head.into()]).await?;
    outreaches::take_back(tx, run).await?;
    change_episodes(tx, run).await?;
    outreaches::put(tx, run).await?;
    if !alone && !run.decided.outreaches.is_empty() {
        tx.fetch(super::wakes::TELL, &[]).await?;
    }
    let at = [run.as_of.into()];
    tx.bulk(&DECISIONS, &at, run.report.decisions.iter().zip(0..).map(decided)).await?;
    volumes::write(tx, &run.learned.versions, run.as_of).await?;
    memory::write(tx, run).await?;
    // A run that carried out a plan left things undone: a rule stays as due as it was.
    if run.report.plan.is_none() {
        let rules = run.evaluated.iter().map(|rule| Ok([rule.as_str().into()]));
        tx.bulk(&EVALUATED, &at, rules).await?;
    }
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

const DECISIONS: Given<11> = given!(
    1,
    (place bigint, rule text, customer_id text, subject text, position bigint, channel text,
     outcome text, reason text, evidence text, outreach text, not_before bigint),
    "INSERT INTO decisions (run, place, rule, customer_id, subject, position, channel, outcome,
         reason, evidence, outreach, not_before)
     SELECT $1, place, rule, customer_id, subject, position, channel, outcome, reason, evidence,
         outreach, not_before FROM given"
);

fn decided((decision, place): (&Decision, i64)) -> Result<[Cell<'_>; 11], StoreError> {
    let told = decision.refusal.as_ref().map(serde_json::to_value).transpose();
    let told = told.map_err(|error| StoreError::Contradiction(error.to_string()))?;
    Ok([
        place.into(),
        decision.rule.as_str().into(),
        decision.customer_id.as_str().into(),
        decision.subject.as_str().into(),
        decision.position.into(),
        decision.channel.0.as_str().into(),
        decision.outcome.name().into(),
        decision.refusal.as_ref().map(|refusal| refusal.code()).into(),
        told.map(|told| json(&told["evidence"])).transpose()?.into(),
        decision.outreach.as_ref().map(|key| key.as_str()).into(),
        decision.not_before.into(),
    ])
}

const EVALUATED: Given<1> = given!(
    1,
    (rule text),
    "INSERT INTO rule_evaluations (rule, at) SELECT rule, $1 FROM given WHERE true
     ON CONFLICT (rule) DO UPDATE SET at = excluded.at"
);

const STARTED: Given<3> = given!(
    1,
    (rule text, customer_id text, subject text),
    "INSERT INTO episodes (rule, customer_id, subject, started_at)
     SELECT rule, customer_id, subject, $1 FROM given"
);

const ENDED: Given<3> = given!(
    1,
    (rule text, customer_id text, subject text),
    "UPDATE episodes SET ended_at = $1 FROM given
     WHERE episodes.rule = given.rule AND episodes.customer_id = given.customer_id
         AND episodes.subject = given.subject AND episodes.ended_at IS NULL"
);

async fn change_episodes(tx: &mut Transaction<'_>, run: &Run<'_>) -> Result<(), StoreError> {
    let at = [run.as_of.into()];
    let ended = run.decided.episodes.iter().filter_map(|change| match change {
        EpisodeChange::Ended(rule, customer, subject) => Some(episode(rule, customer, subject)),
        EpisodeChange::Started(..) => None,
    });
    tx.bulk(&ENDED, &at, ended).await?;
    tasks::solve(tx, run).await?;
    let started = run.decided.episodes.iter().filter_map(|change| match change {
        EpisodeChange::Started(rule, customer, subject) => Some(episode(rule, customer, subject)),
        EpisodeChange::Ended(..) => None,
    });
    tx.bulk(&STARTED, &at, started).await?;
    Ok(())
}

fn episode<'a>(
    rule: &'a RuleId,
    customer: &'a CustomerId,
    subject: &'a SubjectId,
) -> Result<[Cell<'a>; 3], StoreError> {
    Ok([rule.as_str().into(), customer.as_str().into(), subject.as_str().into()])
}
