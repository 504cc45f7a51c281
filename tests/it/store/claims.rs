//! Workers and the outbox.

use lookout::domain::OutreachState;
use lookout::store::{Claim, ClaimQuery, Settlement, TaskFilter, TaskText};
use rstest::rstest;
use sqlx::{Connection, Executor};

use super::*;
use crate::support::door::{begin, settle};

/// Ten e-mails to ten customers, due at once.
fn ten() -> Draft {
    (0..10).fold(Draft::first(), |draft, number| draft.with(email(&[&format!("o{number}")])))
}

fn sent() -> Settlement {
    Settlement::Sent { detail: "250 ok".to_owned() }
}

#[rstest]
#[tokio::test]
async fn two_workers_never_hold_the_same_outreach(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let (one, two) = (place.open().await, place.open().await);
    ten().record(&one).await.unwrap();
    let mut taken = Vec::new();
    for _ in 0..3 {
        let (a, b) = tokio::join!(claim(&one, wall(), 2), claim(&two, wall(), 2));
        taken.extend(a.into_iter().chain(b).map(|taken| taken.claim.key));
    }
    assert_eq!(taken.len(), 10);
    taken.sort();
    taken.dedup();
    assert_eq!(taken.len(), 10);
}

#[tokio::test]
async fn a_worker_waits_for_no_other() {
    let place = On::Postgres.place().await;
    // Whoever waits for a lock fails.
    place
        .execute(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = 200',
                 current_database()); END $$",
        )
        .await;
    let store = place.open().await;
    ten().record(&store).await.unwrap();
    let mut other = sqlx::PgConnection::connect(&place.url).await.unwrap();
    let lock = "BEGIN; SELECT 1 FROM lookout.outreaches WHERE key = 'o3' FOR UPDATE";
    other.execute(sqlx::raw_sql(lock)).await.unwrap();
    let taken = claim(&store, wall(), 20).await;
    assert_eq!(taken.len(), 9);
    assert!(taken.iter().all(|taken| taken.claim.key.as_str() != "o3"));
    assert_eq!(claim(&store, wall() + TimeDelta::days(4), 20).await, vec![]);
    other.execute(sqlx::raw_sql("ROLLBACK")).await.unwrap();
    assert_eq!(state(&store, "o3").await, OutreachState::Ready);
    assert_eq!(state(&store, "o4").await, OutreachState::Expired);
}

#[rstest]
#[tokio::test]
async fn an_outreach_goes_its_way(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11061"])).record(&store).await.unwrap();
    let soon = wall() + TimeDelta::seconds(30);
    let taken = claim(&store, soon, 9).await.remove(0);
    assert_eq!(taken.outreach, email(&["11061"]));
    assert_eq!(taken.now, at("1998-05-07T09:00:30Z"), "on the run's clock");
    assert_eq!(taken.attempts, 1);
    assert_eq!(past(&store, &["GREAL"], &[]).await.charges.len(), 1, "it counts from now on");

    assert!(begin(&store, &taken).await);
    assert!(!begin(&store, &taken).await);
    assert!(settle(&store, &taken.claim, sent(), soon).await);
    assert!(!settle(&store, &taken.claim, sent(), soon).await);
    let row = outbox(&store).await.outreaches.remove(0);
    assert_eq!((row.state, row.settled_at), (OutreachState::Sent, Some(soon)));
    assert_eq!(row.detail.as_deref(), Some("250 ok"));
}

#[rstest]
#[tokio::test]
async fn a_late_worker_changes_nothing(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11061"])).record(&store).await.unwrap();
    let late = claim(&store, wall(), 9).await.remove(0);
    assert_eq!(claim(&store, wall() + TimeDelta::seconds(59), 9).await, vec![]);
    let second = claim(&store, wall() + TimeDelta::seconds(60), 9).await.remove(0);
    let taken = (second.claim.key.as_str(), second.attempts);
    assert_eq!(taken, ("11061", 1), "what a lost worker had only taken was not tried");

    assert!(!begin(&store, &late).await);
    assert!(!settle(&store, &late.claim, sent(), wall()).await);
    assert_eq!(state(&store, "11061").await, OutreachState::Claimed);
    assert!(begin(&store, &second).await);
    assert!(!settle(&store, &late.claim, sent(), wall()).await);
    assert_eq!(state(&store, "11061").await, OutreachState::Transmitting);
}

#[rstest]
#[tokio::test]
async fn a_retry_stays_one_where_its_worker_is_lost(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11061"])).record(&store).await.unwrap();
    let first = claim(&store, wall(), 9).await.remove(0);
    let retry = Settlement::Retry { at: wall(), error: "503".to_owned() };
    assert!(settle(&store, &first.claim, retry, wall()).await);
    assert_eq!(claim(&store, wall(), 9).await.remove(0).attempts, 2);
    let later = wall() + TimeDelta::seconds(60);
    assert_eq!(claim(&store, later, 0).await, [], "its lease has run out, and nobody takes it");
    assert_eq!(state(&store, "11061").await, OutreachState::Retry);
    assert_eq!(claim(&store, later, 9).await.remove(0).attempts, 2);
}

#[rstest]
#[tokio::test]
async fn an_email_that_the_server_may_have_is_never_tried_again(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    let text = on_channel("sms", email(&["11040"]));
    Draft::first().with(email(&["11061"])).with(text).record(&store).await.unwrap();
    for taken in claim(&store, wall(), 9).await {
        assert!(begin(&store, &taken).await);
    }
    let again = claim(&store, wall() + TimeDelta::minutes(2), 9).await;
    assert_eq!(again.iter().map(|taken| taken.claim.key.as_str()).collect::<Vec<_>>(), ["11040"]);
    assert_eq!(state(&store, "11061").await, OutreachState::Uncertain);
}

#[rstest]
#[tokio::test]
async fn a_retry_waits_for_its_time(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11061"])).record(&store).await.unwrap();
    let first = claim(&store, wall(), 9).await.remove(0).claim;
    let at = wall() + TimeDelta::minutes(5);
    let retry = Settlement::Retry { at, error: "421 busy".to_owned() };
    assert!(settle(&store, &first, retry, wall()).await);
    assert_eq!(claim(&store, at - TimeDelta::seconds(1), 9).await, vec![]);
    let row = outbox(&store).await.outreaches.remove(0);
    assert_eq!((row.state, row.next_attempt_at), (OutreachState::Retry, at));
    assert_eq!(row.last_error.as_deref(), Some("421 busy"));

    let second = claim(&store, at, 9).await.remove(0);
    assert_eq!(second.attempts, 2);
    let failed = Settlement::Failed { error: "550 no such user".to_owned() };
    assert!(settle(&store, &second.claim, failed, at).await);
    let row = outbox(&store).await.outreaches.remove(0);
    assert_eq!((row.state, row.settled_at), (OutreachState::Failed, Some(at)));
    assert_eq!(row.last_error.as_deref(), Some("550 no such user"));
}

#[rstest]
#[tokio::test]
async fn a_deferred_outreach_waits_on_its_own_clock_and_expires_on_it(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    let deferred = not_before("1998-05-08T06:00:00Z", email(&["11061"]));
    Draft::first().with(deferred).record(&store).await.unwrap();
    let due = wall() + TimeDelta::hours(21);
    assert_eq!(claim(&store, due - TimeDelta::seconds(1), 9).await, vec![]);
    let taken = claim(&store, due, 9).await.remove(0);
    assert_eq!(taken.now, at("1998-05-08T06:00:00Z"));

    let last = wall() + TimeDelta::days(3);
    assert_eq!(claim(&store, last, 9).await.len(), 1, "not after: at that very instant, still");
    assert_eq!(claim(&store, last + TimeDelta::minutes(2), 9).await, vec![]);
    assert_eq!(state(&store, "11061").await, OutreachState::Expired);
}

#[rstest]
#[tokio::test]
async fn only_a_channel_that_is_served_and_near_enough_is_taken(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    let text = on_channel("sms", email(&["11040"]));
    let hook = on_channel("chat", email(&["11063"]));
    Draft::first().with(email(&["11061"])).with(text).with(hook).record(&store).await.unwrap();
    let channels = ["email", "sms"].map(str::to_owned);
    let mut query = ClaimQuery {
        wall: wall(),
        lease: TimeDelta::minutes(1),
        limit: 9,
        channels: &channels,
        near_only: &channels[..1],
    };
    let far = store.claim(&query).await.unwrap();
    assert_eq!(far.iter().map(|taken| taken.claim.key.as_str()).collect::<Vec<_>>(), ["11040"]);

    let mut near = Draft::new("2026-01-05T09:00:00Z").with(Outreach {
        not_before: wall(),
        expires_at: wall() + TimeDelta::days(9),
        ..email(&["11070"])
    });
    near.started_at = wall();
    near.record(&store).await.unwrap();
    query.lease = TimeDelta::minutes(2);
    let taken = store.claim(&query).await.unwrap();
    assert_eq!(taken.iter().map(|taken| taken.claim.key.as_str()).collect::<Vec<_>>(), ["11070"]);
}

#[rstest]
#[tokio::test]
async fn a_call_that_had_to_wait_is_handed_over_once(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let call = not_before("1998-05-08T06:00:00Z", on_channel("phone", email(&["11061"])));
    Draft::first().with(call).record(&store).await.unwrap();
    assert_eq!(store.tasks(TaskFilter::All).await.unwrap(), vec![]);
    let taken = claim(&store, wall() + TimeDelta::hours(21), 9).await.remove(0);
    let text = TaskText {
        outreach: taken.claim.key.clone(),
        title: "Call GREAL".to_owned(),
        body: "About 11061".to_owned(),
    };
    let stale = Claim { fence: taken.claim.fence - 1, ..taken.claim.clone() };
    assert!(!store.hand_over(&stale, &text).await.unwrap());
    assert!(store.hand_over(&taken.claim, &text).await.unwrap());
    assert!(!store.hand_over(&taken.claim, &text).await.unwrap());
    let tasks = store.tasks(TaskFilter::Open).await.unwrap();
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].made_at, at("1998-05-08T06:00:00Z"));
    assert_eq!(state(&store, "11061").await, OutreachState::Sent);
}
