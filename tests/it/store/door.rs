//! The door, and what a person does about what is on its way.

use lookout::domain::{OutreachKey, OutreachState, SuppressionCause};
use lookout::store::{
    Asking, Claim, Heard, NewSuppression, Passed, Past, Scope, Settled, Settlement, Word,
};
use rstest::rstest;
use serde_json::json;

use super::*;
use crate::support::door::{begin, settle};

/// What `judge` says of outreaches that ask at once, in this order.
async fn ask(
    store: &Store,
    claimed: &[&Claimed],
    judge: impl Fn(&Past) -> bool + Send + Sync,
) -> Vec<Passed> {
    let since = at("1998-05-06T09:00:00Z");
    let asking: Vec<_> = claimed
        .iter()
        .map(|c| Asking { claim: &c.claim, outreach: &c.outreach, now: c.now, since })
        .collect();
    let judge =
        |_: &Asking<'_>, past: &Past| judge(past).then(|| ("no".to_owned(), json!({ "so": 1 })));
    store.turn(&[], &asking, &judge, wall()).await.unwrap().passed
}

fn somebody() -> NewSuppression {
    NewSuppression {
        customer: None,
        recipient: Some(Recipient("mailto:howard@example.com".to_owned())),
        topic: None,
        cause: SuppressionCause::Refused,
        note: None,
    }
}

#[rstest]
#[tokio::test]
async fn who_opted_out_since_it_was_taken_is_seen_at_the_door(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11061", "11040"])).record(&store).await.unwrap();
    let taken = claim(&store, wall(), 9).await.remove(0);
    store.suppress(&[somebody()], wall()).await.unwrap();
    let passed = ask(&store, &[&taken], |past| past.suppressions.len() == 1).await;
    assert_eq!(passed, [Passed::Withdrawn { because: "no".to_owned() }]);
    let row = outbox(&store).await.outreaches.remove(0);
    assert_eq!((row.state, row.detail.as_deref()), (OutreachState::Withdrawn, Some("no")));
    assert_eq!(past(&store, &["GREAL"], &[]).await.charges, [], "its charge is given back");
    assert!(!begin(&store, &taken).await);
}

#[rstest]
#[tokio::test]
async fn what_goes_through_counts_for_those_after_it(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let three = Draft::first().with(email(&["o1"])).with(email(&["o2"])).with(email(&["o3"]));
    three.record(&store).await.unwrap();
    let taken = claim(&store, wall(), 9).await;
    let only_one = |past: &Past| !past.charges.is_empty();
    let passed = ask(&store, &[&taken[0], &taken[1]], only_one).await;
    let no = || Passed::Withdrawn { because: "no".to_owned() };
    assert_eq!(passed, [Passed::Through, no()]);
    assert_eq!(ask(&store, &[&taken[2]], only_one).await, [no()], "nor in a later turn");
    assert_eq!(ask(&store, &[&taken[0]], only_one).await, [Passed::NotNow], "it is through");
}

#[rstest]
#[tokio::test]
async fn a_pause_takes_effect_before_the_next_message(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let scopes = [
        Scope::Everything,
        Scope::Channel(Channel("email".to_owned())),
        Scope::Rule("stalled-order".into()),
    ];
    Draft::first().with(email(&["11061"])).record(&store).await.unwrap();
    for scope in scopes {
        let taken = claim(&store, wall(), 9).await.remove(0);
        assert!(store.pause(&scope, "why", wall()).await.unwrap());
        assert!(!store.pause(&scope, "again", wall()).await.unwrap());
        assert_eq!(ask(&store, &[&taken], |_| false).await, [Passed::NotNow]);
        assert_eq!(store.release(&[taken.claim]).await.unwrap(), 1);
        assert_eq!(claim(&store, wall(), 9).await, []);
        assert_eq!(store.due(wall()).await.unwrap()["email"].paused, 1);
        let lifted = store.resume(Some(&scope)).await.unwrap();
        assert_eq!((lifted.len(), lifted[0].because.as_str()), (1, "why"));
    }
    let taken = claim(&store, wall(), 9).await.remove(0);
    assert_eq!(taken.attempts, 1, "what was only given back was not tried");
}

#[rstest]
#[tokio::test]
async fn what_was_tried_before_is_no_runs_to_decide(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(on_channel("sms", email(&["11061"]))).record(&store).await.unwrap();
    let wait = || Settlement::Wait { until: wall(), error: "not now".to_owned() };
    let taken = claim(&store, wall(), 9).await.remove(0);
    assert!(settle(&store, &taken.claim, wait(), wall()).await);
    assert_eq!(state(&store, "11061").await, OutreachState::Ready, "untried");
    let taken = claim(&store, wall(), 9).await.remove(0);
    assert!(begin(&store, &taken).await);
    let broke = Settlement::Retry { at: wall(), error: "it broke".to_owned() };
    assert!(settle(&store, &taken.claim, broke, wall()).await);
    let taken = claim(&store, wall(), 9).await.remove(0);
    assert!(settle(&store, &taken.claim, wait(), wall()).await);
    assert_eq!(state(&store, "11061").await, OutreachState::Retry);
    let taken = claim(&store, wall(), 9).await.remove(0);
    assert_eq!(store.release(&[taken.claim]).await.unwrap(), 1);
    assert_eq!(state(&store, "11061").await, OutreachState::Retry);
    assert_eq!(past(&store, &["GREAL"], &[]).await.waiting, [], "the service may have it");
}

#[rstest]
#[tokio::test]
async fn the_important_ones_leave_first(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let with = |key: &str, priority| Outreach { priority, ..email(&[key]) };
    let draft = Draft::first().with(with("a", 10)).with(with("b", 90)).with(with("c", 50));
    draft.record(&store).await.unwrap();
    let mut order = Vec::new();
    while let Some(taken) = claim(&store, wall(), 1).await.pop() {
        order.push(taken.claim.key.to_string());
    }
    assert_eq!(order, ["b", "c", "a"]);
}

#[rstest]
#[tokio::test]
async fn a_lease_that_is_renewed_lasts(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["o1"])).with(email(&["o2"])).record(&store).await.unwrap();
    let held: Vec<Claim> = claim(&store, wall(), 9).await.into_iter().map(|c| c.claim).collect();
    let later = wall() + TimeDelta::minutes(2);
    let stale = Claim { fence: held[1].fence - 1, ..held[1].clone() };
    let kept = store.renew(&[held[0].clone(), stale], later).await.unwrap();
    assert_eq!(kept, [held[0].clone()]);
    let again = claim(&store, wall() + TimeDelta::minutes(1), 9).await;
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].claim.key, held[1].key, "whose lease was not renewed");
    assert!(!settle(&store, &held[1], Settlement::Expired, wall()).await, "came too late");
}

#[rstest]
#[tokio::test]
async fn what_leaves_late_counts_from_then_on(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["o1"])).with(email(&["o2"])).record(&store).await.unwrap();
    let soon = claim(&store, wall() + TimeDelta::minutes(59), 1).await.remove(0);
    assert!(begin(&store, &soon).await);
    let sent = Settlement::Sent { detail: String::new() };
    assert!(settle(&store, &soon.claim, sent, wall()).await);
    let late = claim(&store, wall() + TimeDelta::minutes(90), 1).await.remove(0);
    assert!(begin(&store, &late).await);
    let history = past(&store, &["GREAL"], &[]).await;
    let at = |key: &OutreachKey| history.charges.iter().find(|c| c.outreach == *key).unwrap().at;
    assert_eq!(at(&soon.claim.key), soon.outreach.not_before, "a little late");
    assert_eq!(at(&late.claim.key), late.now);
}

#[rstest]
#[tokio::test]
async fn what_a_server_has_against_us_or_an_address_is_written_down_with_it(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["o1"])).with(email(&["o2"])).record(&store).await.unwrap();
    let taken = claim(&store, wall(), 9).await;
    let howard = Recipient("mailto:howard@example.com".to_owned());
    let channel = Channel("email".to_owned());
    let failed = || Settlement::Failed { error: "no".to_owned() };
    let settled = |claim: &Claim, dead, blocked| Settled {
        claim: claim.clone(),
        settlement: failed(),
        dead,
        blocked,
    };
    let stale = Claim { fence: 0, ..taken[1].claim.clone() };
    let late = settled(&stale, Some(howard.clone()), Some((channel.clone(), "x".to_owned())));
    let turn = store.turn(&[late], &[], &|_, _| None, wall()).await.unwrap();
    assert_eq!(turn.settled, [false]);
    assert_eq!(store.suppressions().await.unwrap(), [], "a late worker has nothing to say");
    let both = [
        settled(&taken[0].claim, Some(howard.clone()), None),
        settled(&taken[1].claim, None, Some((channel.clone(), "it refuses us".to_owned()))),
    ];
    let turn = store.turn(&both, &[], &|_, _| None, wall()).await.unwrap();
    assert_eq!(turn.settled, [true, true]);
    let suppressed = store.suppressions().await.unwrap().remove(0).suppression;
    assert_eq!((suppressed.recipient, suppressed.cause), (Some(howard), SuppressionCause::Bounce));
    assert_eq!(store.pauses().await.unwrap()[0].scope, Scope::Channel(channel));
}

#[rstest]
#[tokio::test]
async fn a_person_settles_only_what_can_be_settled(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["o1"])).record(&store).await.unwrap();
    let key = OutreachKey::from("o1");
    let steer = async |word| store.steer(&key, word, wall()).await.unwrap();
    assert_eq!(steer(Word::Arrived).await, Heard::Still(OutreachState::Ready));
    let taken = claim(&store, wall(), 9).await.remove(0);
    assert_eq!(steer(Word::Cancel).await, Heard::Still(OutreachState::Claimed));
    assert!(begin(&store, &taken).await);
    let broke = Settlement::Uncertain { error: "it broke".to_owned() };
    assert!(settle(&store, &taken.claim, broke, wall()).await);
    assert_eq!(steer(Word::Cancel).await, Heard::Still(OutreachState::Uncertain));
    assert_eq!(steer(Word::Again).await, Heard::Now(OutreachState::Retry));
    assert_eq!(steer(Word::Cancel).await, Heard::Now(OutreachState::Failed));
    assert_eq!(claim(&store, wall(), 9).await, []);
    let unknown = store.steer(&"o9".into(), Word::Cancel, wall()).await.unwrap();
    assert_eq!(unknown, Heard::Unknown);
    assert_eq!(store.keys_like("o").await.unwrap(), [key]);
}

#[tokio::test]
async fn a_file_from_a_backup_is_told_by_its_mark() {
    let place = On::Sqlite.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["o1"])).record(&store).await.unwrap();
    let file = |name: &str| place.folder.path().join(name);
    place.execute(&format!("VACUUM INTO '{}'", file("backup.db").display())).await;
    assert!(!store.pause_if_restored(wall()).await.unwrap());
    let taken = claim(&store, wall(), 9).await.remove(0);
    assert!(begin(&store, &taken).await);
    assert!(!place.open().await.pause_if_restored(wall()).await.unwrap(), "nothing was restored");

    // The mark stays where it is; the database beside it is the one of before.
    std::fs::copy(file("state.db-mark"), file("backup.db-mark")).unwrap();
    let store = Store::open(&format!("sqlite:{}", file("backup.db").display())).await.unwrap();
    assert!(store.pause_if_restored(wall()).await.unwrap());
    assert_eq!(claim(&store, wall(), 9).await, []);
    let pause = store.pauses().await.unwrap().remove(0);
    assert!(pause.because.contains("restored from a backup"), "{}", pause.because);
    store.resume(None).await.unwrap();
    assert!(!store.pause_if_restored(wall()).await.unwrap(), "it is said once");
}

#[tokio::test]
async fn a_server_that_was_restored_is_told_by_its_tables() {
    let place = On::Postgres.place().await;
    let store = place.open().await;
    assert!(!store.pause_if_restored(wall()).await.unwrap());
    assert!(!store.pause_if_restored(wall()).await.unwrap());
    // A dump that is read back makes every table anew.
    place
        .execute(
            "ALTER TABLE outreaches RENAME TO old;
             CREATE TABLE outreaches (LIKE old INCLUDING ALL)",
        )
        .await;
    assert!(store.pause_if_restored(wall()).await.unwrap());
    assert_eq!(store.pauses().await.unwrap()[0].scope, Scope::Everything);
    assert!(!store.pause_if_restored(wall()).await.unwrap());
}
