//! Workers take outreaches from the outbox, for a while. Every change names the state and the fence
//! it expects to find: a worker that comes late changes nothing.

use chrono::TimeDelta;

use super::database::Transaction;
use super::given::{Cell, Given, given};
use super::outbox::read_payload;
use super::sql::Sql;
use super::{Store, StoreError, TaskText, tasks};
use crate::domain::{Instant, Outreach, OutreachKey};

/// What a worker can take.
#[derive(Clone, Copy, Debug)]
pub struct ClaimQuery<'a> {
    /// The wall time.
    pub wall: Instant,
    /// For how long the worker may work on what it takes.
    pub lease: TimeDelta,
    /// At most so many.
    pub limit: u32,
    /// The channels that it serves.
    pub channels: &'a [String],
    /// Of those, the ones on which only an outreach whose clock is within an hour of the wall
    /// clock may leave.
    pub near_only: &'a [String],
}

/// The hold of one worker on one outreach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which outreach.
    pub key: OutreachKey,
    /// Grows each time it is taken.
    pub fence: i64,
}

/// An outreach that a worker has taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// What was decided.
    pub outreach: Outreach,
    /// The hold on it.
    pub claim: Claim,
    /// When it was taken, on the outreach's own clock: its run's `as_of`, plus the time since that run started.
    pub now: Instant,
    /// The wall time then.
    pub taken_at: Instant,
    /// How often it was taken since it was decided, this time included.
    pub attempts: u32,
    /// When its rule was last asked, on the wall clock.
    pub asked_at: Instant,
}

/// A statement whose last part picks rows; one that somebody else works on is not waited for.
macro_rules! skipping_locked {
    ($picks:literal) => {
        Sql { sqlite: concat!($picks, ")"), postgres: concat!($picks, " FOR UPDATE SKIP LOCKED)") }
    };
}

/// A worker whose lease has run out is gone. What it had not begun to send is as it was before it was
/// taken; what it had is tried again, but never an e-mail.
pub(super) const FREE_LEASES: Sql = skipping_locked!(
    "UPDATE outreaches SET
         state = CASE WHEN state = 'claimed' AND attempts = 1 THEN 'ready'
                      WHEN state = 'claimed' THEN 'retry'
                      WHEN channel = 'email' THEN 'uncertain' ELSE 'retry' END,
         attempts = CASE WHEN state = 'claimed' THEN attempts - 1 ELSE attempts END,
         settled_at = CASE WHEN state = 'transmitting' AND channel = 'email' THEN $1 END,
         last_error = CASE WHEN state = 'transmitting'
             THEN 'the worker was lost while the server may have taken it' ELSE last_error END,
         lease_until = NULL
     WHERE key IN (SELECT key FROM outreaches
         WHERE state IN ('claimed', 'transmitting') AND lease_until <= $1"
);

pub(super) const EXPIRE: Sql = skipping_locked!(
    "UPDATE outreaches SET state = 'expired', settled_at = $1, detail = 'expired'
     WHERE key IN (SELECT key FROM outreaches
         WHERE state IN ('ready', 'retry') AND last_attempt_at < $1"
);

/// `$1` is the wall time, `$2` the end of the lease. An hour is 3,600,000,000 microseconds.
pub(super) const TAKE: Given<2> = given!(
    3,
    (channel text, near bigint),
    ", due AS MATERIALIZED (
         SELECT o.key FROM outreaches o
         WHERE o.state IN ('ready', 'retry') AND o.next_attempt_at <= $1
             AND o.channel IN (SELECT channel FROM given WHERE near = 0
                 OR o.ahead BETWEEN -3600000000 AND 3600000000)
             AND NOT EXISTS (SELECT 1 FROM pauses p
                 WHERE p.scope IN ('everything', 'channel:' || o.channel, 'rule:' || o.rule))
         ORDER BY o.priority DESC, o.next_attempt_at, o.key LIMIT $3",
    postgres " FOR UPDATE OF o SKIP LOCKED",
    ")
     UPDATE outreaches SET state = 'claimed', fence = fence + 1, attempts = attempts + 1,
         lease_until = $2
     WHERE key IN (SELECT key FROM due)
     RETURNING key, fence, attempts, ahead, payload, priority, next_attempt_at, asked_at"
);

pub(super) const RENEW: Given<2> = given!(
    1,
    (held text, its_fence bigint),
    "UPDATE outreaches SET lease_until = $1 FROM given
     WHERE key = held AND fence = its_fence AND state IN ('claimed', 'transmitting')
     RETURNING key, fence"
);

pub(super) const RELEASE: Given<2> = given!(
    0,
    (held text, its_fence bigint),
    "UPDATE outreaches SET state = CASE WHEN attempts > 1 THEN 'retry' ELSE 'ready' END,
         attempts = attempts - 1, lease_until = NULL FROM given
     WHERE key = held AND fence = its_fence AND state = 'claimed'"
);

pub(super) const HAND_OVER: &str =
    "UPDATE outreaches SET state = 'sent', settled_at = next_attempt_at,
         lease_until = NULL
     WHERE key = $1 AND fence = $2 AND state = 'claimed' RETURNING payload";

impl Store {
    /// Takes outreaches that are due and not paused, the important ones first, and of these those that
    /// have waited longest. No two workers ever
    /// hold the same one.
    ///
    /// First, what a lost worker held is free again (or uncertain, if it is an e-mail that the
    /// server may have), and what is past its time expires.
    pub async fn claim(&self, query: &ClaimQuery<'_>) -> Result<Vec<Claimed>, StoreError> {
        let mut tx = self.database.write("claim").await?;
        let claimed = take(&mut tx, query).await;
        tx.end(claimed).await
    }

    /// Lets a worker go on with what it holds until `lease_until`, and gives what is still its own.
    pub async fn renew(
        &self,
        claims: &[Claim],
        lease_until: Instant,
    ) -> Result<Vec<Claim>, StoreError> {
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<_> = claims.iter().map(Claim::cells).collect();
        let mut tx = self.database.write("renew").await?;
        let kept = tx.fetch_given(&RENEW, &[lease_until.into()], &rows).await;
        let kept = tx.end(kept).await?;
        kept.iter().map(|row| Ok(Claim { key: row.id(0)?, fence: row.get(1)? })).collect()
    }

    /// Gives back what was taken and not begun, as if it had never been taken.
    pub async fn release(&self, claims: &[Claim]) -> Result<u64, StoreError> {
        let mut tx = self.database.write("release").await?;
        let released = tx.bulk(&RELEASE, &[], claims.iter().map(|claim| Ok(claim.cells()))).await;
        tx.end(released).await
    }

    /// Hands a call that had to wait to a colleague: the task is made and the outreach is `sent`.
    /// False where somebody else has it: then nothing changes.
    pub async fn hand_over(&self, claim: &Claim, text: &TaskText) -> Result<bool, StoreError> {
        let mut tx = self.database.write("hand_over").await?;
        let done = hand_over(&mut tx, claim, text).await;
        tx.end(done).await
    }
}

impl Claim {
    /// As a row of two cells.
    pub(super) fn cells(&self) -> [Cell<'_>; 2] {
        [self.key.as_str().into(), self.fence.into()]
    }
}

async fn take(
    tx: &mut Transaction<'_>,
    query: &ClaimQuery<'_>,
) -> Result<Vec<Claimed>, StoreError> {
    tx.execute(FREE_LEASES, &[query.wall.into()]).await?;
    tx.execute(EXPIRE, &[query.wall.into()]).await?;
    let channels = query.channels.iter().map(|channel| {
        let near = i64::from(query.near_only.contains(channel));
        [channel.as_str().into(), near.into()]
    });
    let channels: Vec<_> = channels.collect();
    let limit = i64::from(query.limit);
    let args = [query.wall.into(), (query.wall + query.lease).into(), limit.into()];
    let mut claimed = Vec::new();
    for row in tx.fetch_given(&TAKE, &args, &channels).await? {
        let taken = Claimed {
            outreach: read_payload(&row, 4)?,
            claim: Claim { key: row.id(0)?, fence: row.get(1)? },
            now: query.wall + TimeDelta::microseconds(row.get(3)?),
            taken_at: query.wall,
            attempts: row.count(2)?,
            asked_at: row.instant(7)?,
        };
        claimed.push((-row.get::<i64>(5)?, row.instant(6)?, taken));
    }
    claimed.sort_by(|(ap, at, a), (bp, bt, b)| (ap, at, &a.claim.key).cmp(&(bp, bt, &b.claim.key)));
    Ok(claimed.into_iter().map(|(_, _, taken)| taken).collect())
}

async fn hand_over(
    tx: &mut Transaction<'_>,
    claim: &Claim,
    text: &TaskText,
) -> Result<bool, StoreError> {
    let rows = tx.fetch(HAND_OVER, &[claim.key.as_str().into(), claim.fence.into()]).await?;
    let Some(row) = rows.first() else { return Ok(false) };
    let outreach = read_payload(row, 0)?;
    let task = tasks::row(&outreach, text, outreach.not_before);
    tasks::insert(tx, [task]).await?;
    Ok(true)
}
