//! What a turn at the door changes. Every change names the state and the fence that it expects to
//! find, and nothing is judged here.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::{Asking, Passed, Settled, Settlement};
use crate::domain::{Instant, OutreachKey, OutreachState, Recipient, SuppressionCause};
use crate::store::claims::Claim;
use crate::store::database::Transaction;
use crate::store::given::{Cell, Given, given};
use crate::store::{StoreError, pauses, sql, suppressions};

/// `$1` is the wall time. A state that is not final has no `settled_at`. What waits and was tried
/// before stays `retry`: an HTTP service may have it, so no run decides it afresh. Nothing begins to
/// leave that is paused by now.
pub(in crate::store) const CHANGE: Given<8> = given!(
    1,
    (held text, its_fence bigint, becomes text, waits bigint, said text, wrong text, again bigint,
     proof text),
    "UPDATE outreaches SET state = CASE WHEN waits = 1 AND attempts > 1 THEN 'retry' ELSE becomes END,
         settled_at = CASE WHEN again IS NULL AND becomes <> 'transmitting' THEN $1 END,
         detail = said, last_error = COALESCE(wrong, last_error), attempts = attempts - waits,
         next_attempt_at = COALESCE(again, next_attempt_at), evidence = COALESCE(proof, evidence),
         lease_until = CASE WHEN becomes = 'transmitting' THEN lease_until END
     FROM given
     WHERE key = held AND fence = its_fence
         AND (state = 'claimed' OR (state = 'transmitting' AND becomes <> 'transmitting'))
         AND (becomes <> 'transmitting' OR NOT EXISTS (SELECT 1 FROM pauses p
             WHERE p.scope IN ('everything', 'channel:' || outreaches.channel,
                 'rule:' || outreaches.rule)))
     RETURNING key"
);

/// A contact that leaves later than this counts from when it really leaves. Any other keeps the
/// minute that was decided, or a daily run would trip over a daily cap.
const PUNCTUAL: TimeDelta = TimeDelta::hours(1);

pub(in crate::store) const DATE: Given<2> = given!(
    0,
    (held text, leaves bigint),
    "UPDATE contacts SET at = leaves FROM given WHERE outreach = held"
);

/// What is taken back tells about nothing, and what it was to tell about is free again.
pub(in crate::store) const FREE: Given<1> = given!(
    0,
    (held text),
    "DELETE FROM contacts WHERE outreach IN (SELECT held FROM given)"
);

/// Settles what a server said something with of an address or of us: that holds for what asks now,
/// too.
pub(super) async fn close(
    tx: &mut Transaction<'_>,
    grave: &[&Settled],
    wall: Instant,
) -> Result<BTreeSet<OutreachKey>, StoreError> {
    let changed = change(tx, grave, &[], &[], wall).await?;
    let ours = || grave.iter().filter(|one| changed.contains(&one.claim.key));
    let dead: Vec<_> = ours().filter_map(|one| one.dead.clone()).map(bounced).collect();
    suppressions::add(tx, &dead, wall).await?;
    for (channel, why) in ours().filter_map(|one| one.blocked.as_ref()) {
        pauses::add(tx, &pauses::Scope::Channel(channel.clone()), why, wall).await?;
    }
    Ok(changed)
}

/// Settles, lets through and takes back; what was really changed.
pub(super) async fn change(
    tx: &mut Transaction<'_>,
    settled: &[&Settled],
    asking: &[Asking<'_>],
    verdicts: &[Option<(String, serde_json::Value)>],
    wall: Instant,
) -> Result<BTreeSet<OutreachKey>, StoreError> {
    let mut rows = settled.iter().map(|one| row(one)).collect::<Result<Vec<_>, _>>()?;
    for (one, verdict) in asking.iter().zip(verdicts) {
        rows.push(match verdict {
            None => cells(one.claim, OutreachState::Transmitting),
            Some((because, evidence)) => withdrawn(one.claim, because, evidence)?,
        });
    }
    if rows.is_empty() {
        return Ok(BTreeSet::new());
    }
    let changed = tx.fetch_given(&CHANGE, &[wall.into()], &rows).await?;
    let changed: BTreeSet<OutreachKey> =
        changed.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?;
    let refused = asking.iter().zip(verdicts).filter(|(_, verdict)| verdict.is_some());
    let taken_back = settled
        .iter()
        .filter(|one| matches!(one.settlement, Settlement::Withdrawn { .. }))
        .map(|one| &one.claim)
        .chain(refused.map(|(one, _)| one.claim))
        .filter(|claim| changed.contains(&claim.key));
    tx.bulk(&FREE, &[], taken_back.map(|claim| Ok([claim.key.as_str().into()]))).await?;
    Ok(changed)
}

/// Dates what leaves late.
pub(super) async fn date(
    tx: &mut Transaction<'_>,
    asking: &[Asking<'_>],
    passed: &[Passed],
) -> Result<(), StoreError> {
    let leaving = asking.iter().zip(passed).filter(|(_, passed)| **passed == Passed::Through);
    let late = leaving.filter(|(one, _)| one.now > one.outreach.not_before + PUNCTUAL);
    let rows = late.map(|(one, _)| Ok([one.claim.key.as_str().into(), one.now.into()]));
    tx.bulk(&DATE, &[], rows).await.map(|_| ())
}

fn bounced(recipient: Recipient) -> suppressions::NewSuppression {
    suppressions::NewSuppression {
        customer: None,
        recipient: Some(recipient),
        topic: None,
        cause: SuppressionCause::Bounce,
        note: None,
    }
}

/// A row of [`CHANGE`]: what it becomes, and nothing else.
fn cells(claim: &Claim, becomes: OutreachState) -> [Cell<'_>; 8] {
    let [key, fence] = claim.cells();
    let none = || Cell::Null;
    [key, fence, becomes.name().into(), 0_i64.into(), none(), none(), none(), none()]
}

fn withdrawn<'a>(
    claim: &'a Claim,
    because: &'a str,
    evidence: &serde_json::Value,
) -> Result<[Cell<'a>; 8], StoreError> {
    let [key, fence, becomes, waits, _, wrong, again, _] = cells(claim, OutreachState::Withdrawn);
    let proof = sql::json(evidence)?.into();
    Ok([key, fence, becomes, waits, because.into(), wrong, again, proof])
}

fn row(settled: &Settled) -> Result<[Cell<'_>; 8], StoreError> {
    let (mut waits, mut said, mut wrong, mut again) = (0_i64, Cell::Null, Cell::Null, Cell::Null);
    let state = match &settled.settlement {
        Settlement::Sent { detail } => {
            said = detail.as_str().into();
            OutreachState::Sent
        }
        Settlement::Retry { at, error } => {
            (again, wrong) = ((*at).into(), error.as_str().into());
            OutreachState::Retry
        }
        Settlement::Wait { until, error } => {
            (waits, again, wrong) = (1, (*until).into(), error.as_str().into());
            OutreachState::Ready
        }
        Settlement::Failed { error } => {
            wrong = error.as_str().into();
            OutreachState::Failed
        }
        Settlement::Uncertain { error } => {
            wrong = error.as_str().into();
            OutreachState::Uncertain
        }
        Settlement::Expired => {
            said = "expired".into();
            OutreachState::Expired
        }
        Settlement::Withdrawn { because, evidence } => {
            return withdrawn(&settled.claim, because, evidence);
        }
    };
    let [key, fence, becomes, ..] = cells(&settled.claim, state);
    Ok([key, fence, becomes, waits.into(), said, wrong, again, Cell::Null])
}
