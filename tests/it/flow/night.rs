//! What is put off at night, and what becomes of it in the morning.

use super::*;

/// One late parcel, found at ten in the evening.
async fn evening() -> (Courier, Store) {
    let courier = Courier::new(&[("lost", LOST), ("heavy", HEAVY)]);
    courier.customer("ana", "ana@example.com");
    courier.parcel("p1", "ana", "1998-04-29");
    let store = courier.store().await;
    let evening = courier.run(&store, "1998-05-07T22:00:00Z").await;
    assert_eq!(told(&evening), ["lost p1 deferred"]);
    assert_eq!(evening.report.decisions[0].not_before, Some(at("1998-05-08T08:00:00Z")));
    assert_eq!(send(&store, "1998-05-08T07:59:00Z").await, Vec::<String>::new());
    (courier, store)
}

#[tokio::test]
async fn what_was_put_off_leaves_with_the_morning_run() {
    let (courier, store) = evening().await;
    let morning = courier.run(&store, "1998-05-08T08:30:00Z").await;
    assert_eq!(told(&morning), ["lost p1 contact"]);
    assert_eq!(send(&store, "1998-05-08T08:30:00Z").await, ["ana"]);
    assert_eq!(outbox(&store).await, ["lost p1 sent 250 OK"]);
    let noon = courier.run(&store, "1998-05-08T12:00:00Z").await;
    assert_eq!(told(&noon), ["lost p1 already_contacted"]);
}

#[tokio::test]
async fn what_was_put_off_leaves_without_another_run() {
    let (_courier, store) = evening().await;
    assert_eq!(send(&store, "1998-05-08T08:00:00Z").await, ["ana"]);
}

#[tokio::test]
async fn a_problem_that_was_solved_overnight_is_not_spoken_of() {
    let (courier, store) = evening().await;
    courier.arrives("p1", "1998-05-08 07:00:00");
    let morning = courier.run(&store, "1998-05-08T07:30:00Z").await;
    assert_eq!(told(&morning), Vec::<String>::new());
    assert_eq!(outbox(&store).await, ["lost p1 withdrawn no_longer_true"]);
    assert_eq!(send(&store, "1998-05-08T09:00:00Z").await, Vec::<String>::new());
}

#[tokio::test]
async fn something_more_important_takes_its_place() {
    let (courier, store) = evening().await;
    courier.sql("UPDATE parcels SET weight = 30");
    let morning = courier.run(&store, "1998-05-08T08:30:00Z").await;
    assert_eq!(told(&morning), ["heavy p1 contact", "lost p1 outranked"]);
    assert_eq!(outbox(&store).await, ["heavy p1 ready -", "lost p1 withdrawn outranked"]);
    assert_eq!(send(&store, "1998-05-08T08:30:00Z").await, ["ana"]);

    // It has never been told, so it is, once there is room.
    let noon = courier.run(&store, "1998-05-08T12:00:00Z").await;
    assert_eq!(told(&noon), ["heavy p1 already_contacted", "lost p1 contact"]);
}

#[tokio::test]
async fn what_was_put_off_is_on_the_table_though_its_rule_is_not_due() {
    let (courier, store) = evening().await;
    courier.sql("UPDATE parcels SET weight = 30");
    let (pack, as_of) = (courier.pack(), at("1998-05-08T08:30:00Z"));
    let found = courier.find_some(&pack, as_of, &["heavy".into()].into()).await;
    let morning = pipeline::commit(&pack, &found, &store, as_of, as_of).await.unwrap();
    assert_eq!(told(&morning), ["heavy p1 contact", "lost p1 outranked"]);
    assert_eq!(outbox(&store).await, ["heavy p1 ready -", "lost p1 withdrawn outranked"]);
}
