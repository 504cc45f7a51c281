//! What a person says about an outreach: it did arrive, it did not, try it again, or let it be. Each
//! names the states it can follow on; a worker that holds it is never disturbed.

use super::{Store, StoreError};
use crate::domain::{Instant, OutreachKey, OutreachState};

/// What a person says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// What was uncertain did arrive.
    Arrived,
    /// What was uncertain did not arrive, and is not to be tried again.
    Lost,
    /// What was uncertain or failed did not arrive, and may be tried again.
    Again,
    /// What has not left is not to leave; it counts as told, so that no run brings it back.
    Cancel,
}

/// What became of a person's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is in this state now.
    Now(OutreachState),
    /// It is in a state on which the word can't follow.
    Still(OutreachState),
    /// There is no such outreach.
    Unknown,
}

/// `$1` the key, `$2` the wall time, `$3` the detail, `$4` the state.
const ARRIVED: &str = "UPDATE outreaches SET state = $4, settled_at = $2, detail = $3
     WHERE key = $1 AND state = 'uncertain'";
const AGAIN: &str = "UPDATE outreaches SET state = $4, settled_at = NULL, next_attempt_at = $2,
         detail = $3
     WHERE key = $1 AND state IN ('uncertain', 'failed')";
const CANCEL: &str = "UPDATE outreaches SET state = $4, settled_at = $2, detail = $3
     WHERE key = $1 AND state IN ('held', 'ready', 'retry')";

impl Word {
    fn leads_to(self) -> OutreachState {
        match self {
            Self::Arrived => OutreachState::Sent,
            Self::Lost | Self::Cancel => OutreachState::Failed,
            Self::Again => OutreachState::Retry,
        }
    }

    fn statement(self) -> (&'static str, &'static str) {
        match self {
            Self::Arrived => (ARRIVED, "somebody saw that it arrived"),
            Self::Lost => (ARRIVED, "somebody saw that it did not arrive"),
            Self::Again => (AGAIN, "somebody wants it tried again"),
            Self::Cancel => (CANCEL, "cancelled"),
        }
    }
}

impl Store {
    /// Does what a person says about an outreach, at `wall`.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn steer(
        &self,
        key: &OutreachKey,
        word: Word,
        wall: Instant,
    ) -> Result<Heard, StoreError> {
        let (sql, detail) = word.statement();
        let state = word.leads_to();
        let args = [key.as_str().into(), wall.into(), detail.into(), state.name().into()];
        let mut tx = self.database.write("steer").await?;
        let done = async {
            if tx.execute(sql, &args).await? == 1 {
                return Ok(Heard::Now(state));
            }
            let found = "SELECT state FROM outreaches WHERE key = $1";
            let rows = tx.fetch(found, &[key.as_str().into()]).await?;
            rows.first()
                .map_or(Ok(Heard::Unknown), |row| super::outbox::state(row, 0).map(Heard::Still))
        }
        .await;
        tx.end(done).await
    }

    /// The keys that begin with these letters, at most two: one is what a person meant.
    pub async fn keys_like(&self, start: &str) -> Result<Vec<OutreachKey>, StoreError> {
        let sql = "SELECT key FROM outreaches WHERE key >= $1 AND key < $2 ORDER BY key LIMIT 2";
        let end = format!("{start}\u{10FFFF}");
        let mut tx = self.database.read().await?;
        let rows = tx.fetch(sql, &[start.into(), end.into()]).await;
        let rows = tx.end(rows).await?;
        rows.iter().map(|row| row.id(0)).collect()
    }
}
