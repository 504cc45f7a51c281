//! Day after day: who is told, once, about what is still so.

use lookout::domain::OutreachState;
use lookout::pipeline::RunError;
use lookout::store::{NewSuppression, StoreError};

use super::*;

#[tokio::test]
async fn next_day_only_what_is_new_is_told() {
    let courier = Courier::new(&[("lost", LOST)]);
    for id in ["ana", "bob", "cy"] {
        courier.customer(id, &format!("{id}@example.com"));
    }
    courier.parcel("p1", "ana", "1998-04-29");
    courier.parcel("p2", "bob", "1998-04-30");
    courier.parcel("p3", "cy", "1998-05-01");
    let store = courier.store().await;
    let first = courier.run(&store, "1998-05-07T09:00:00Z").await;
    assert_eq!(told(&first), ["lost p1 contact", "lost p2 contact"]);
    assert_eq!(send(&store, "1998-05-07T09:00:00Z").await, ["ana", "bob"]);

    courier.arrives("p2", "1998-05-07 15:00:00");
    let second = courier.run(&store, "1998-05-08T09:00:00Z").await;
    assert_eq!(told(&second), ["lost p1 already_contacted", "lost p3 contact"]);
    assert_eq!(open_episodes(&courier, &store).await, ["lost p1", "lost p3"]);
    assert_eq!(send(&store, "1998-05-08T09:00:00Z").await, ["cy"]);

    // It gets lost a second time: that is another episode.
    courier.sql("UPDATE parcels SET arrived_at = NULL WHERE no = 'p2'");
    let third = courier.run(&store, "1998-05-09T09:00:00Z").await;
    let third = told(&third);
    assert_eq!(
        third,
        ["lost p1 already_contacted", "lost p2 contact", "lost p3 already_contacted"]
    );
}

#[tokio::test]
async fn the_same_instant_twice_changes_nothing() {
    let courier = Courier::new(&[("lost", LOST)]);
    courier.customer("ana", "ana@example.com");
    courier.parcel("p1", "ana", "1998-04-29");
    let store = courier.store().await;
    let first = courier.run(&store, "1998-05-07T09:00:00Z").await;
    let before = outbox(&store).await;
    assert_eq!(before, ["lost p1 ready -"]);

    courier.customer("bob", "bob@example.com");
    courier.parcel("p2", "bob", "1998-04-29");
    let again = courier.try_run(&store, "1998-05-07T09:00:00Z").await;
    assert!(matches!(again, Err(RunError::Store(StoreError::AlreadyRecorded(_)))));
    let older = courier.try_run(&store, "1998-05-07T08:59:00Z").await;
    assert!(matches!(older, Err(RunError::Store(StoreError::Before(_)))));
    assert_eq!(outbox(&store).await, before);
    assert_eq!(open_episodes(&courier, &store).await, ["lost p1"]);
    let recorded = store.recorded(at("1998-05-07T09:00:00Z")).await.unwrap().unwrap();
    assert_eq!(serde_json::to_string(&recorded).unwrap(), json(&first));
}

#[tokio::test]
async fn one_mailbox_hears_once_about_all_parcels_of_those_behind_it() {
    let courier = Courier::new(&[("lost", LOST), ("absent", ABSENT)]);
    courier.customer("ana", "ana@example.com");
    courier.customer("bob", "ANA@example.com");
    courier.customer("cy", "cy@example.com");
    for (number, customer) in [("p1", "ana"), ("p2", "ana"), ("p3", "bob"), ("p4", "cy")] {
        courier.parcel(number, customer, "1998-04-29");
    }
    courier.sql("INSERT INTO visits VALUES ('bob', 3)");
    let store = courier.store().await;
    let run = courier.run(&store, "1998-05-07T09:00:00Z").await;
    let lines = told(&run);
    let parcels = ["p1", "p2", "p3", "p4"].map(|parcel| format!("lost {parcel} contact"));
    assert_eq!(lines, [&["absent bob outranked".to_owned()][..], &parcels].concat());
    assert_eq!((run.report.totals.outreaches, run.decided.outreaches.len()), (2, 2));
    let ours = run.decided.outreaches.iter().find(|o| o.subjects.len() == 3).unwrap();
    let message = courier.pack().message(ours, None).unwrap();
    assert_eq!(message.subject, "Your parcel p1");
    let (words, _) = message.text.split_once("\n\n-- \n").unwrap();
    assert_eq!(words, "Dear ANA, and p2, and p3.");
    assert_eq!(send(&store, "1998-05-07T09:00:00Z").await, ["ana", "cy"]);

    // None of them again, whoever's parcel it was.
    let next = courier.run(&store, "1998-05-08T09:00:00Z").await;
    let next = told(&next);
    assert_eq!(
        next.iter().filter(|line| line.ends_with("already_contacted")).count(),
        4,
        "{next:?}"
    );
}

/// Another process turns a page after the history was read and before the run is recorded: it
/// holds the books for that long.
#[tokio::test]
async fn a_run_that_was_decided_on_older_books_is_decided_again() {
    let courier = Courier::new(&[("lost", LOST)]);
    courier.customer("ana", "ana@example.com");
    courier.customer("bob", "bob@example.com");
    courier.parcel("p1", "ana", "1998-04-29");
    courier.parcel("p2", "bob", "1998-04-29");
    let (store, other) = (courier.store().await, courier.store().await);
    let (pack, as_of) = (courier.pack(), at("1998-05-07T09:00:00Z"));
    let found = courier.find(&pack, as_of).await;
    let before = store.statements();
    let first = pipeline::consider(&pack, &found, Some(&store), as_of).await.unwrap();
    let reads = store.statements() - before;
    assert_eq!(told(&first), ["lost p1 contact", "lost p2 contact"]);

    let elsewhere = rusqlite::Connection::open(courier.path("state.db")).unwrap();
    elsewhere.execute_batch("BEGIN IMMEDIATE").unwrap();
    let reads_and_waits = store.statements() + reads + 1;
    let commit = pipeline::commit(&pack, &found, &store, as_of, as_of);
    let meanwhile = async {
        while store.statements() < reads_and_waits {
            tokio::task::yield_now().await;
        }
        let refusal =
            "INSERT INTO suppressions (customer_id, cause, since) VALUES ('ana', 'refused', 0);
             UPDATE books SET version = version + 1; COMMIT";
        elsewhere.execute_batch(refusal).unwrap();
    };
    let (committed, ()) = tokio::join!(commit, meanwhile);
    let committed = committed.unwrap();
    assert_eq!(told(&committed), ["lost p1 suppressed", "lost p2 contact"]);
    assert_ne!(committed.version, first.version);
    assert_eq!(outbox(&other).await, ["lost p2 ready -"]);
}

#[tokio::test]
async fn two_processes_that_run_at_once_tell_each_customer_once() {
    let courier = Courier::new(&[("lost", LOST)]);
    for number in 0..20 {
        courier.customer(&format!("c{number}"), &format!("c{number}@example.com"));
        courier.parcel(&format!("p{number}"), &format!("c{number}"), "1998-04-29");
    }
    let (one, two) = (courier.store().await, courier.store().await);
    let someone = NewSuppression {
        customer: Some("c0".into()),
        recipient: None,
        topic: None,
        cause: lookout::domain::SuppressionCause::Refused,
        note: None,
    };
    let (earlier, later, new) = tokio::join!(
        courier.try_run(&one, "1998-05-07T09:00:00Z"),
        courier.try_run(&two, "1998-05-07T09:01:00Z"),
        one.suppress(std::slice::from_ref(&someone), at("1998-05-07T09:00:00Z")),
    );
    assert_eq!(new.unwrap(), 1);
    later.unwrap();
    assert!(matches!(earlier, Ok(_) | Err(RunError::Store(StoreError::Before(_)))), "{earlier:?}");
    let query = OutboxQuery { state: Some(OutreachState::Ready), limit: 1000 };
    let ready = one.outbox(&query).await.unwrap().outreaches;
    let told: BTreeSet<_> = ready.iter().map(|row| &row.outreach.subjects[0].customer).collect();
    assert_eq!(told.len(), ready.len());
    assert!(told.len() >= 19);
}
