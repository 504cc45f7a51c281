//! What a second look found, on outreaches that a worker holds: some go on with fresh facts, some
//! are taken back. A worker that lost its claim changes nothing.

use serde_json::Value as Json;

use super::claims::Claim;
use super::database::Transaction;
use super::given::{Cell, Given, given};
use super::sql::json;
use super::{Store, StoreError};
use crate::domain::{Instant, Outreach, OutreachKey};

/// An outreach that goes on, as it stands now.
#[derive(Clone, Copy, Debug)]
pub struct Refreshed<'a> {
    /// The hold on it.
    pub claim: &'a Claim,
    /// With fresh facts, and without the subjects that no longer hold.
    pub outreach: &'a Outreach,
    /// The dedupe keys of the subjects that it no longer speaks of.
    pub freed: &'a [OutreachKey],
    /// Why it no longer does, as JSON; null where it speaks of all of them.
    pub evidence: &'a Json,
}

/// An outreach that is taken back.
#[derive(Clone, Copy, Debug)]
pub struct TakenBack<'a> {
    /// The hold on it.
    pub claim: &'a Claim,
    /// The code of the reason.
    pub because: &'a str,
    /// What was read, as JSON.
    pub evidence: &'a Json,
}

/// `$1` is the wall time at which the rules were asked.
const REFRESH: Given<4> = given!(
    1,
    (key text, fence bigint, payload text, evidence text),
    "UPDATE outreaches SET payload = given.payload, asked_at = $1,
         evidence = COALESCE(given.evidence, outreaches.evidence)
     FROM given WHERE outreaches.key = given.key AND outreaches.fence = given.fence
         AND outreaches.state = 'claimed'
     RETURNING outreaches.key"
);

const FORGET_RECIPIENTS: Given<1> = given!(
    0,
    (key text),
    "DELETE FROM outreach_recipients WHERE outreach IN (SELECT key FROM given)"
);

const RECIPIENTS: Given<2> = given!(
    0,
    (outreach text, recipient text),
    "INSERT INTO outreach_recipients (outreach, recipient)
     SELECT DISTINCT outreach, recipient FROM given"
);

/// The row that bears the outreach's own key stays: while the outreach lives, nobody else has it.
const FREE_SOME: Given<2> = given!(
    0,
    (outreach text, dedupe_key text),
    "DELETE FROM contacts WHERE (dedupe_key, outreach) IN (SELECT dedupe_key, outreach FROM given)
         AND dedupe_key <> outreach"
);

const WITHDRAW: Given<4> = given!(
    1,
    (key text, fence bigint, because text, evidence text),
    "UPDATE outreaches SET state = 'withdrawn', detail = given.because,
         evidence = given.evidence, settled_at = $1, lease_until = NULL
     FROM given WHERE outreaches.key = given.key AND outreaches.fence = given.fence
         AND outreaches.state = 'claimed'
     RETURNING outreaches.key"
);

const FREE: Given<1> = given!(
    0,
    (key text),
    "DELETE FROM contacts WHERE outreach IN (SELECT key FROM given)"
);

impl Store {
    /// Writes down how outreaches stand at `wall`: their facts, their recipients, and what they no
    /// longer speak of, which may be told another way. The subject that gave an outreach its key
    /// counts as told while the outreach lives, even where it is left out.
    ///
    /// Gives the keys of those that changed; on the others, somebody else has the claim.
    pub async fn refresh(
        &self,
        all: &[Refreshed<'_>],
        wall: Instant,
    ) -> Result<Vec<OutreachKey>, StoreError> {
        let mut tx = self.database.write("refresh").await?;
        let done = refresh(&mut tx, all, wall).await;
        tx.end(done).await
    }

    /// Takes outreaches back at `wall`, and gives their charge back: what they were to tell about
    /// may be told again.
    ///
    /// Gives the keys of those that changed; on the others, somebody else has the claim.
    pub async fn withdraw(
        &self,
        all: &[TakenBack<'_>],
        wall: Instant,
    ) -> Result<Vec<OutreachKey>, StoreError> {
        let mut tx = self.database.write("withdraw").await?;
        let done = withdraw(&mut tx, all, wall).await;
        tx.end(done).await
    }
}

async fn refresh(
    tx: &mut Transaction<'_>,
    all: &[Refreshed<'_>],
    wall: Instant,
) -> Result<Vec<OutreachKey>, StoreError> {
    let rows = all.iter().map(|Refreshed { claim, outreach, evidence, .. }| {
        Ok([
            claim.key.as_str().into(),
            Cell::Int(claim.fence),
            json(outreach)?.into(),
            told(evidence)?,
        ])
    });
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    let changed = keys(tx, &REFRESH, &[wall.into()], &rows).await?;
    let ours = || all.iter().filter(|one| changed.binary_search(&one.claim.key).is_ok());
    tx.bulk(&FORGET_RECIPIENTS, &[], changed.iter().map(|key| Ok([key.as_str().into()]))).await?;
    let recipients = ours().flat_map(|Refreshed { claim, outreach, .. }| {
        let recipients = outreach.recipients.iter();
        recipients.map(|to| Ok([claim.key.as_str().into(), to.0.as_str().into()]))
    });
    tx.bulk(&RECIPIENTS, &[], recipients).await?;
    let freed = ours().flat_map(|Refreshed { claim, freed, .. }| {
        freed.iter().map(|key| Ok([claim.key.as_str().into(), key.as_str().into()]))
    });
    tx.bulk(&FREE_SOME, &[], freed).await?;
    Ok(changed)
}

async fn withdraw(
    tx: &mut Transaction<'_>,
    all: &[TakenBack<'_>],
    wall: Instant,
) -> Result<Vec<OutreachKey>, StoreError> {
    let rows = all.iter().map(|TakenBack { claim, because, evidence }| {
        Ok([claim.key.as_str().into(), Cell::Int(claim.fence), (*because).into(), told(evidence)?])
    });
    let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
    let changed = keys(tx, &WITHDRAW, &[wall.into()], &rows).await?;
    tx.bulk(&FREE, &[], changed.iter().map(|key| Ok([key.as_str().into()]))).await?;
    Ok(changed)
}

async fn keys<const N: usize>(
    tx: &mut Transaction<'_>,
    statement: &Given<N>,
    args: &[super::sql::Arg],
    rows: &[[Cell<'_>; N]],
) -> Result<Vec<OutreachKey>, StoreError> {
    let mut changed = Vec::new();
    for row in tx.fetch_given(statement, args, rows).await? {
        changed.push(row.id(0)?);
    }
    changed.sort();
    Ok(changed)
}

fn told<'a>(evidence: &Json) -> Result<Cell<'a>, StoreError> {
    match evidence.is_null() {
        true => Ok(Cell::Null),
        false => Ok(json(evidence)?.into()),
    }
}
