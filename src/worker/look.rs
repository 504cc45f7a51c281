//! The second look: what was decided a while ago is asked about again before it leaves, in batches.
//! What the company's data can't be asked about now waits; nothing is sent unasked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::{SecondLook, Shift, Worker};
use crate::domain::{Instant, OutreachState};
use crate::pipeline::{Looked, ailing, look_again};
use crate::signals::Source;
use crate::store::{Claimed, Refreshed, Settled, Settlement, StoreError, TakenBack};

/// How old facts may be when a message leaves.
const FRESH: TimeDelta = TimeDelta::minutes(5);
/// When what could not be asked about is looked at again.
const LATER: TimeDelta = TimeDelta::minutes(2);

/// What a second look left of a batch.
pub(super) struct Seen {
    /// What still holds, in the order in which it was claimed.
    pub(super) ready: Vec<Claimed>,
    /// How many had to be asked about.
    pub(super) asked: usize,
}

/// Looks again at what was decided a while ago.
///
/// # Errors
/// When the state database can't be written.
pub(super) async fn look(
    worker: &Worker<'_>,
    shift: &Shift,
    claimed: Vec<Claimed>,
) -> Result<Seen, StoreError> {
    let wall = (worker.wall)();
    let waived = matches!(worker.second_look, SecondLook::Waived);
    let is_fresh = |one: &Claimed| waived || wall - one.asked_at < FRESH;
    let asked = claimed.iter().filter(|one| !is_fresh(one)).count();
    if asked == 0 {
        return Ok(Seen { ready: claimed, asked });
    }
    let mut places: BTreeMap<_, _> = claimed
        .iter()
        .zip(0..)
        .map(|(one, place): (_, usize)| (one.claim.key.clone(), place))
        .collect();
    let (mut ready, stale): (Vec<_>, Vec<_>) = claimed.into_iter().partition(is_fresh);
    for batch in by_clock(stale) {
        ready.extend(look_at(worker, shift, batch, wall).await?);
    }
    ready.sort_by_key(|one| places.remove(&one.claim.key));
    Ok(Seen { ready, asked })
}

/// Those whose clocks agree to the hour can be asked about at one instant.
fn by_clock(claimed: Vec<Claimed>) -> Vec<Vec<Claimed>> {
    let mut batches: BTreeMap<i64, Vec<Claimed>> = BTreeMap::new();
    for one in claimed {
        let ahead = (one.now - one.taken_at).num_minutes();
        batches.entry((ahead + 30).div_euclid(60)).or_default().push(one);
    }
    batches.into_values().collect()
}

async fn look_at(
    worker: &Worker<'_>,
    shift: &Shift,
    batch: Vec<Claimed>,
    wall: Instant,
) -> Result<Vec<Claimed>, StoreError> {
    let looked = match ask(worker, &batch).await {
        Ok(looked) => looked,
        Err(why) => batch.iter().map(|_| Looked::Unknown { why: why.clone() }).collect(),
    };
    let (mut refreshed, mut taken_back, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    for (one, looked) in batch.iter().zip(&looked) {
        let claim = &one.claim;
        match looked {
            Looked::True(still) => refreshed.push(Refreshed {
                claim,
                outreach: &still.outreach,
                freed: &still.no_longer,
                evidence: &still.evidence,
            }),
            Looked::NoLonger { because, evidence } => {
                taken_back.push(TakenBack { claim, because, evidence });
            }
            Looked::Unknown { why } => waiting.push(Settled {
                claim: claim.clone(),
                settlement: Settlement::Wait { until: wall + LATER, error: why.clone() },
                dead: None,
                blocked: None,
            }),
        }
    }
    let store = worker.store;
    let kept: BTreeSet<_> = match refreshed.is_empty() {
        true => BTreeSet::new(),
        false => store.refresh(&refreshed, wall).await?.into_iter().collect(),
    };
    if !taken_back.is_empty() {
        let withdrawn = store.withdraw(&taken_back, wall).await?.len() as u64;
        shift.count(OutreachState::Withdrawn, withdrawn);
        shift.delivered().late += taken_back.len() as u64 - withdrawn;
    }
    if !waiting.is_empty() {
        let turn = store.turn(&waiting, &[], &|_, _| None, wall).await?;
        let unasked = turn.settled.iter().filter(|ours| **ours).count() as u64;
        let mut delivered = shift.delivered();
        delivered.unasked += unasked;
        delivered.why_unasked.extend(waiting.iter().filter_map(|one| match &one.settlement {
            Settlement::Wait { error, .. } => Some(error.clone()),
            _ => None,
        }));
    }
    let still = batch.into_iter().zip(looked).filter_map(|(one, looked)| match looked {
        Looked::True(still) if kept.contains(&one.claim.key) => {
            Some(Claimed { outreach: still.outreach, asked_at: wall, ..one })
        }
        _ => {
            shift.held.drop(&one.claim);
            None
        }
    });
    Ok(still.collect())
}

/// Asks the rules of a batch, at the latest of its instants.
async fn ask(worker: &Worker<'_>, batch: &[Claimed]) -> Result<Vec<Looked>, String> {
    let SecondLook::In(Some(url)) = worker.second_look else {
        return Err("no database to read from is configured ([source] url)".to_owned());
    };
    let source = Source::open(url).await.map_err(|error| error.to_string())?;
    let as_of = batch.iter().map(|one| one.now).max().ok_or("nothing was asked")?;
    let mut view = source.view(as_of).await.map_err(|error| error.to_string())?;
    let outreaches: Vec<_> = batch.iter().map(|one| &one.outreach).collect();
    let rules = outreaches.iter().map(|outreach| outreach.rule.clone()).collect();
    let ailing = ailing(worker.pack, &mut view, worker.store, &rules).await;
    let ailing = ailing.map_err(|error| error.to_string())?.into_keys().collect();
    let looked = look_again(worker.pack, &mut view, as_of, &ailing, &outreaches).await;
    looked.map_err(|error| error.to_string())
}
