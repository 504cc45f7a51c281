//! Work for colleagues. A task is made together with the outreach that it carries out, and never
//! twice. When all that it is about is over, it is done, unless a colleague has it in hand.

use serde::Serialize;

use super::database::Transaction;
use super::given::{Cell, Given, given};
use super::record::Run;
use super::sql::{Row, json};
use super::{Store, StoreError, TaskText};
use crate::domain::{CustomerId, EpisodeChange, Instant, Outreach, OutreachKey, RuleId, SubjectId};

/// Which tasks are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskFilter {
    /// Those still to be done.
    Open,
    /// Those done as well.
    All,
}

/// One task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TaskRow {
    /// Its number, by which it is finished.
    pub id: i64,
    /// The outreach that it carries out.
    pub outreach: OutreachKey,
    /// Whose idea it was.
    pub rule: RuleId,
    /// Whom it is about.
    pub customer_id: CustomerId,
    /// What it is about: the first of its subjects.
    pub subject: SubjectId,
    /// One line.
    pub title: String,
    /// What to do, and why.
    pub body: String,
    /// Whom it is for.
    pub assign: Option<String>,
    /// Until when it should be done, on its run's clock.
    pub due_at: Option<Instant>,
    /// When it was made, or, for a call that had to wait, was to be made; on its run's clock.
    pub made_at: Instant,
    /// When it was finished, on the wall clock.
    pub done_at: Option<Instant>,
    /// When a colleague took it in hand, on the wall clock.
    pub taken_at: Option<Instant>,
    /// Who did, where they said so.
    pub taken_by: Option<String>,
    /// The run that found that all it is about is over. It was done then, unless it was taken.
    pub solved_at: Option<Instant>,
    /// What was read: `read`, the values by the names of the fields, and `was`, what they were
    /// before, where they differ; or `gone`, where the subject is no longer there.
    pub solved_because: Option<serde_json::Value>,
}

const ALL: &str = "SELECT id, outreach, rule, customer_id, subject, title, body, assign,
         due_at, made_at, done_at, taken_at, taken_by, solved_at, solved_because
     FROM tasks ORDER BY due_at IS NULL, due_at, id";
const OPEN: &str = "SELECT id, outreach, rule, customer_id, subject, title, body, assign,
         due_at, made_at, done_at, taken_at, taken_by, solved_at, solved_because
     FROM tasks WHERE done_at IS NULL ORDER BY due_at IS NULL, due_at, id";
const TAKE: &str = "UPDATE tasks SET taken_at = $2, taken_by = $3
     WHERE id = $1 AND done_at IS NULL AND taken_at IS NULL";

impl Store {
    /// Tasks, the most urgent first.
    pub async fn tasks(&self, filter: TaskFilter) -> Result<Vec<TaskRow>, StoreError> {
        let sql = match filter {
            TaskFilter::Open => OPEN,
            TaskFilter::All => ALL,
        };
        let mut tx = self.database.read().await?;
        let rows = tx.fetch(sql, &[]).await;
        let rows = tx.end(rows).await?;
        rows.iter().map(read).collect()
    }

    /// Notes that a colleague has a task in hand since `wall`: it is theirs to finish, also when
    /// what it is about is over meanwhile. False where no open task has that number, or somebody
    /// else has it.
    pub async fn take_task(
        &self,
        id: i64,
        by: Option<&str>,
        wall: Instant,
    ) -> Result<bool, StoreError> {
        let args = [id.into(), wall.into(), by.map(str::to_owned).into()];
        let mut tx = self.database.write("take_task").await?;
        let changed = tx.execute(TAKE, &args).await;
        tx.end(changed).await.map(|changed| changed == 1)
    }

    /// Marks a task as done at `wall`. False where no open task has that number.
    pub async fn finish_task(&self, id: i64, wall: Instant) -> Result<bool, StoreError> {
        let sql = "UPDATE tasks SET done_at = $2 WHERE id = $1 AND done_at IS NULL";
        let mut tx = self.database.write("finish_task").await?;
        let changed = tx.execute(sql, &[id.into(), wall.into()]).await;
        tx.end(changed).await.map(|changed| changed == 1)
    }
}

fn read(row: &Row) -> Result<TaskRow, StoreError> {
    let because = row.get::<Option<String>>(14)?;
    let because = because.map(|text| serde_json::from_str(&text)).transpose();
    Ok(TaskRow {
        id: row.get(0)?,
        outreach: row.id(1)?,
        rule: row.id(2)?,
        customer_id: row.id(3)?,
        subject: row.id(4)?,
        title: row.get(5)?,
        body: row.get(6)?,
        assign: row.get(7)?,
        due_at: row.maybe_instant(8)?,
        made_at: row.instant(9)?,
        done_at: row.maybe_instant(10)?,
        taken_at: row.maybe_instant(11)?,
        taken_by: row.get(12)?,
        solved_at: row.maybe_instant(13)?,
        solved_because: because
            .map_err(|error| StoreError::Damaged { what: "a task", cause: error.to_string() })?,
    })
}

/// `$1` is the run. Of a task about several subjects all episodes must have ended.
const SOLVE: Given<5> = given!(
    1,
    (rule text, customer_id text, subject text, because text, wall bigint),
    "UPDATE tasks SET solved_at = $1, solved_because = found.because,
         done_at = CASE WHEN tasks.taken_at IS NULL THEN found.wall END
     FROM (SELECT c.outreach, MIN(g.because) AS because, MIN(g.wall) AS wall
         FROM given g CROSS JOIN episodes e CROSS JOIN contacts c
         WHERE e.rule = g.rule AND e.customer_id = g.customer_id AND e.subject = g.subject
             AND e.ended_at = $1
             AND c.rule = e.rule AND c.customer_id = e.customer_id AND c.subject = e.subject
             AND c.episode_started_at = e.started_at
         GROUP BY c.outreach) AS found
     WHERE tasks.outreach = found.outreach AND tasks.done_at IS NULL
         AND tasks.solved_at IS NULL
         AND NOT EXISTS (SELECT 1 FROM contacts c
             JOIN episodes e ON e.rule = c.rule AND e.customer_id = c.customer_id
                 AND e.subject = c.subject AND e.started_at = c.episode_started_at
             WHERE c.outreach = tasks.outreach AND e.ended_at IS NULL)"
);

/// Solves the tasks about episodes that end in a run, after they have ended.
pub(super) async fn solve(tx: &mut Transaction<'_>, run: &Run<'_>) -> Result<(), StoreError> {
    let ended = run.decided.episodes.iter().filter_map(|change| match change {
        EpisodeChange::Ended(rule, customer, subject) => Some((rule, customer, subject)),
        EpisodeChange::Started(..) => None,
    });
    let rows = ended.map(|(rule, customer, subject)| {
        let key = (rule.clone(), customer.clone(), subject.clone());
        let because = run.decided.read.get(&key).map(json).transpose()?;
        Ok([
            rule.as_str().into(),
            customer.as_str().into(),
            subject.as_str().into(),
            because.into(),
            run.started_at.into(),
        ])
    });
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    tx.bulk(&SOLVE, &[run.as_of.into()], rows.into_iter().map(Ok)).await?;
    Ok(())
}

const INSERT: Given<9> = given!(
    0,
    (outreach text, rule text, customer_id text, subject text, title text, body text, assign text,
     due_at bigint, made_at bigint),
    "INSERT INTO tasks (outreach, rule, customer_id, subject, title, body, assign, due_at, made_at)
     SELECT outreach, rule, customer_id, subject, title, body, assign, due_at, made_at FROM given"
);

/// A task about to be made.
pub(super) type NewTask<'a> = [Cell<'a>; 9];

/// A task that carries out an outreach.
pub(super) fn row<'a>(
    outreach: &'a Outreach,
    text: &'a TaskText,
    made_at: Instant,
) -> Result<NewTask<'a>, StoreError> {
    let first = outreach.subjects.first().ok_or_else(|| {
        StoreError::Contradiction(format!("a task of rule `{}` has no subject", outreach.rule))
    })?;
    Ok([
        outreach.key.as_str().into(),
        outreach.rule.as_str().into(),
        first.customer.as_str().into(),
        first.subject.as_str().into(),
        text.title.as_str().into(),
        text.body.as_str().into(),
        outreach.assign.as_deref().into(),
        outreach.due_at.into(),
        made_at.into(),
    ])
}

/// Makes tasks, numbered in this order.
pub(super) async fn insert<'a>(
    tx: &mut Transaction<'_>,
    tasks: impl IntoIterator<Item = Result<NewTask<'a>, StoreError>>,
) -> Result<(), StoreError> {
    tx.bulk(&INSERT, &[], tasks).await.map(|_| ())
}
