//! What a decision would have known at an instant that has passed, as far as the books can tell.
//! Nothing that was decided at that instant or later is among it; nothing is written here.

use super::database::Transaction;
use super::given::Given;
use super::history::{episodes, open_episodes, told, version, waiting};
use super::{HistoryQuery, Store, StoreError, volumes};
use crate::domain::{History, Instant};
use crate::opt_out::OptOut;

const EPISODES: Given<1> = open_episodes!(
    1,
    "e.started_at < $1 AND (e.ended_at IS NULL OR e.ended_at >= $1)",
    " AND c.at < $1"
);

/// What was decided before and was to leave later; what was taken back since, or decided afresh by a
/// later run, is no longer known to have waited then.
const WAITING: &str =
    "SELECT payload, CAST(CASE WHEN state = 'held' THEN 1 ELSE 0 END AS BIGINT), bound, approval
     FROM outreaches WHERE run < $1 AND channel <> 'task'
         AND (state = 'held' OR (not_before >= $1 AND state <> 'withdrawn'))";

/// The last run until then: it tells how far its clock is from the wall clock.
const RUN: &str =
    "SELECT as_of, started_at FROM runs WHERE as_of <= $1 ORDER BY as_of DESC LIMIT 1";

impl Store {
    /// The past as [`Store::history`] would have given it just before the run of `query.as_of`.
    /// What was taken back or lifted since is not known any more.
    pub async fn history_before(&self, query: &HistoryQuery<'_>) -> Result<History, StoreError> {
        let mut tx = self.database.read().await?;
        let history = read(&mut tx, query, self.opt_out.as_ref()).await;
        tx.end(history).await
    }
}

async fn read(
    tx: &mut Transaction<'_>,
    query: &HistoryQuery<'_>,
    opt_out: Option<&OptOut>,
) -> Result<History, StoreError> {
    let version = version(tx).await?;
    let at = [query.as_of.into()];
    let episodes = episodes(tx, &EPISODES, &at, query.evaluated).await?;
    let waiting = waiting(tx, WAITING, &at).await?;
    let volumes = volumes::read(tx, query.as_of, Some(query.as_of)).await?;
    let (mut charges, mut suppressions) = told(tx, query, &waiting, opt_out).await?;
    charges.retain(|charge| charge.at < query.as_of);
    let wall = wall(tx, query.as_of).await?;
    suppressions.retain(|suppression| suppression.since <= wall);
    Ok(History { version, episodes, charges, suppressions, waiting, volumes })
}

/// The wall time of an instant, by the clock of the last run until then.
async fn wall(tx: &mut Transaction<'_>, as_of: Instant) -> Result<Instant, StoreError> {
    let rows = tx.fetch(RUN, &[as_of.into()]).await?;
    let Some(run) = rows.first() else { return Ok(as_of) };
    Ok(run.instant(1)? + (as_of - run.instant(0)?))
}
