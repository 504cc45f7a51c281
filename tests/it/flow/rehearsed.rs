//! A rehearsal: what would have left, and when, on books in memory.

use lookout::rehearsal::Rehearsal;

use super::*;

/// A late parcel that is found at ten in the evening, rehearsed until the next noon.
async fn overnight(courier: &Courier, second_look: bool) -> (Vec<String>, Vec<Instant>) {
    let pack = courier.pack();
    let rehearsal = Rehearsal::new(&pack).await.unwrap();
    let evening = at("1998-05-07T22:00:00Z");
    let found = courier.find(&pack, evening).await;
    let run = pipeline::commit(&pack, &found, rehearsal.store(), evening, evening).await.unwrap();
    assert_eq!(told(&run), ["lost p1 deferred"]);
    let url = format!("sqlite:{}", courier.path("courier.db").display());
    let source = second_look.then_some(url.as_str());
    rehearsal.deliver(&pack, source, at("1998-05-08T07:59:00Z")).await.unwrap();
    assert_eq!(outbox(rehearsal.store()).await, ["lost p1 ready -"]);
    rehearsal.deliver(&pack, source, at("1998-05-08T12:00:00Z")).await.unwrap();
    let query = OutboxQuery { state: None, limit: 10 };
    let rows = rehearsal.store().outbox(&query).await.unwrap().outreaches;
    let settled = rows.iter().filter_map(|row| row.settled_at).collect();
    (outbox(rehearsal.store()).await, settled)
}

fn courier() -> Courier {
    let courier = Courier::new(&[("lost", LOST)]);
    courier.customer("ana", "ana@example.com");
    courier.parcel("p1", "ana", "1998-04-29");
    courier
}

#[tokio::test]
async fn what_waits_leaves_at_its_own_minute() {
    let (outbox, settled) = overnight(&courier(), true).await;
    assert_eq!(outbox, ["lost p1 sent nowhere"]);
    assert_eq!(settled, [at("1998-05-08T08:00:00Z")]);
}

#[tokio::test]
async fn what_is_no_longer_true_by_then_does_not() {
    let courier = courier();
    courier.arrives("p1", "1998-05-08 03:00:00");
    let (outbox, _) = overnight(&courier, true).await;
    assert_eq!(outbox, ["lost p1 withdrawn no_longer_true"]);
}

#[tokio::test]
async fn without_data_it_is_taken_as_still_true() {
    let courier = courier();
    courier.arrives("p1", "1998-05-08 03:00:00");
    let (outbox, _) = overnight(&courier, false).await;
    assert_eq!(outbox, ["lost p1 sent nowhere"]);
}

#[tokio::test]
async fn rehearsals_share_nothing() {
    let pack = courier().pack();
    let (one, other) = (Rehearsal::new(&pack).await.unwrap(), Rehearsal::new(&pack).await.unwrap());
    let (courier, as_of) = (courier(), at("1998-05-07T09:00:00Z"));
    let found = courier.find(&pack, as_of).await;
    pipeline::commit(&pack, &found, one.store(), as_of, as_of).await.unwrap();
    assert_eq!(outbox(one.store()).await, ["lost p1 ready -"]);
    assert_eq!(outbox(other.store()).await, Vec::<String>::new());
}
