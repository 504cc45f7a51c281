//! Looking at the outbox. Nothing is changed here.

use std::collections::BTreeMap;

use super::database::Transaction;
use super::sql::Row;
use super::{Store, StoreError};
use crate::domain::{Instant, Outreach, OutreachState};

/// Which part of the outbox is asked for.
#[derive(Clone, Copy, Debug)]
pub struct OutboxQuery {
    /// Only those in this state; `None` for all.
    pub state: Option<OutreachState>,
    /// At most so many, the latest first.
    pub limit: u32,
}

/// The outbox, as far as it was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Outbox {
    /// How many outreaches are in each state; every state is there.
    pub states: BTreeMap<OutreachState, u64>,
    /// Ordered by `not_before`, the latest first, then by key.
    pub outreaches: Vec<OutboxRow>,
}

/// One outreach and how it fares.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// What was decided.
    pub outreach: Outreach,
    /// The run that decided it last.
    pub run: Instant,
    /// Where it stands.
    pub state: OutreachState,
    /// How often a worker has taken it.
    pub attempts: u32,
    /// When it falls due or is tried again, on the wall clock.
    pub next_attempt_at: Instant,
    /// When it left, failed, expired or was withdrawn, on the wall clock.
    pub settled_at: Option<Instant>,
    /// How it ended: what the server said, or why it was withdrawn.
    pub detail: Option<String>,
    /// What went wrong last.
    pub last_error: Option<String>,
}

const ALL: &str = "SELECT payload, run, state, attempts, next_attempt_at, settled_at, detail,
         last_error
     FROM outreaches ORDER BY not_before DESC, key LIMIT $1";
const IN_STATE: &str = "SELECT payload, run, state, attempts, next_attempt_at, settled_at, detail,
         last_error
     FROM outreaches WHERE state = $2 ORDER BY not_before DESC, key LIMIT $1";

/// What is paused is counted apart.
const DUE: &str = "SELECT o.channel, COUNT(*),
         COUNT(CASE WHEN EXISTS (SELECT 1 FROM pauses p WHERE p.scope IN
             ('everything', 'channel:' || o.channel, 'rule:' || o.rule)) THEN 1 END)
     FROM outreaches o WHERE o.state IN ('ready', 'retry') AND o.next_attempt_at <= $1
     GROUP BY o.channel";

/// What is due on a channel and not taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// What nothing keeps back.
    pub free: u64,
    /// What is paused.
    pub paused: u64,
}

const NEXT: &str = "SELECT MIN(next_attempt_at) FROM outreaches
     WHERE state IN ('ready', 'retry') AND channel <> 'task'";

const LATER: &str = "SELECT COUNT(*), MIN(not_before) FROM outreaches
     WHERE state IN ('ready', 'retry') AND state = 'ready' AND channel <> 'task'
         AND next_attempt_at > $1";

impl Store {
    /// How many outreaches wait for their time at a wall time, and the first such time, by the clock of
    /// the run that decided them.
    pub async fn later(&self, wall: Instant) -> Result<Option<(u64, Instant)>, StoreError> {
        let mut tx = self.database.read().await?;
        let rows = tx.fetch(LATER, &[wall.into()]).await;
        let rows = tx.end(rows).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let count = u64::from(row.count(0)?);
        Ok(row.maybe_instant(1)?.map(|first| (count, first)))
    }

    /// The first wall time at which something in the outbox is due; `None` where nothing waits.
    pub async fn next_due(&self) -> Result<Option<Instant>, StoreError> {
        let mut tx = self.database.read().await?;
        let rows = tx.fetch(NEXT, &[]).await;
        let rows = tx.end(rows).await?;
        rows.first().map_or(Ok(None), |row| row.maybe_instant(0))
    }

    /// How many outreaches are due at a wall time and not taken, by channel.
    pub async fn due(&self, wall: Instant) -> Result<BTreeMap<String, Due>, StoreError> {
        let mut tx = self.database.read().await?;
        let rows = tx.fetch(DUE, &[wall.into()]).await;
        let rows = tx.end(rows).await?;
        let due = rows.iter().map(|row| {
            let (all, paused) = (u64::from(row.count(1)?), u64::from(row.count(2)?));
            Ok((row.get(0)?, Due { free: all - paused, paused }))
        });
        due.collect()
    }

    /// How many outreaches are in each state, and some of them in full.
    pub async fn outbox(&self, query: &OutboxQuery) -> Result<Outbox, StoreError> {
        let mut tx = self.database.read().await?;
        let outbox = read(&mut tx, query).await;
        tx.end(outbox).await
    }
}

async fn read(tx: &mut Transaction<'_>, query: &OutboxQuery) -> Result<Outbox, StoreError> {
    let mut states: BTreeMap<_, _> = OutreachState::ALL.map(|state| (state, 0)).into();
    let counts = "SELECT state, COUNT(*) FROM outreaches GROUP BY state";
    for row in tx.fetch(counts, &[]).await? {
        states.insert(state(&row, 0)?, u64::from(row.count(1)?));
    }
    let limit = i64::from(query.limit).into();
    let rows = match query.state {
        Some(state) => tx.fetch(IN_STATE, &[limit, state.name().into()]).await?,
        None => tx.fetch(ALL, &[limit]).await?,
    };
    let outreaches = rows.iter().map(|row| {
        Ok(OutboxRow {
            outreach: read_payload(row, 0)?,
            run: row.instant(1)?,
            state: state(row, 2)?,
            attempts: row.count(3)?,
            next_attempt_at: row.instant(4)?,
            settled_at: row.maybe_instant(5)?,
            detail: row.get(6)?,
            last_error: row.get(7)?,
        })
    });
    Ok(Outbox { states, outreaches: outreaches.collect::<Result<_, StoreError>>()? })
}

/// The state in a column.
pub(super) fn state(row: &Row, column: usize) -> Result<OutreachState, StoreError> {
    let name: String = row.get(column)?;
    OutreachState::from_name(&name).ok_or(StoreError::Damaged {
        what: "an outreach's state",
        cause: format!("`{name}` is none"),
    })
}

/// The outreach in a column of JSON.
pub(super) fn read_payload(row: &Row, column: usize) -> Result<Outreach, StoreError> {
    serde_json::from_str(&row.get::<String>(column)?)
        .map_err(|error| StoreError::Damaged { what: "an outreach", cause: error.to_string() })
}
