//! A worker's steps at the door, one outreach at a time, with nothing against anybody.

use lookout::domain::Instant;
use lookout::store::{Asking, Claim, Claimed, Passed, Settled, Settlement, Store};

/// Lets an outreach through, if it is still this worker's.
pub async fn begin(store: &Store, claimed: &Claimed) -> bool {
    let Claimed { outreach, claim, now, .. } = claimed;
    let asking = [Asking { claim, outreach, now: *now, since: *now }];
    let turn = store.turn(&[], &asking, &|_, _| None, claimed.taken_at).await.unwrap();
    turn.passed == [Passed::Through]
}

/// Writes down how an attempt went, if the outreach is still this worker's.
pub async fn settle(store: &Store, claim: &Claim, settlement: Settlement, wall: Instant) -> bool {
    let claim = claim.clone();
    let settled = Settled { claim, settlement, dead: None, blocked: None };
    store.turn(&[settled], &[], &|_, _| None, wall).await.unwrap().settled == [true]
}
