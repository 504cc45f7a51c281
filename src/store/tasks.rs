//! Work for colleagues. A task is made together with the outreach that it carries out, and never
//! twice.

use serde::Serialize;

use super::database::Transaction;
use super::given::{Cell, Given, given};
use super::{Store, StoreError, TaskText};
use crate::domain::{CustomerId, Instant, Outreach, OutreachKey, RuleId, SubjectId};

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
}

const ALL: &str = "SELECT id, outreach, rule, customer_id, subject, title, body, assign,
         due_at, made_at, done_at FROM tasks ORDER BY due_at IS NULL, due_at, id";
const OPEN: &str = "SELECT id, outreach, rule, customer_id, subject, title, body, assign,
         due_at, made_at, done_at FROM tasks WHERE done_at IS NULL
     ORDER BY due_at IS NULL, due_at, id";

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
        rows.iter()
            .map(|row| {
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
                })
            })
            .collect()
    }

    /// Marks a task as done at `wall`. False where no open task has that number.
    pub async fn finish_task(&self, id: i64, wall: Instant) -> Result<bool, StoreError> {
        let sql = "UPDATE tasks SET done_at = $2 WHERE id = $1 AND done_at IS NULL";
        let mut tx = self.database.write("finish_task").await?;
        let changed = tx.execute(sql, &[id.into(), wall.into()]).await;
        tx.end(changed).await.map(|changed| changed == 1)
    }
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
