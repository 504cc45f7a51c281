//! Writing runs down.

use lookout::domain::{
    Channel, Decision, Earlier, Outcome, OutreachState, Refusal, RuleId, Span, Value,
};
use lookout::store::{StoreError, TaskFilter};
use rstest::rstest;

use super::*;

#[rstest]
#[tokio::test]
async fn a_run_reads_back_as_it_was_printed(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let outreach = email(&["11040", "11061"]);
    let mut draft = Draft::first().with(outreach.clone());
    let refused = |refusal| Decision {
        outcome: Outcome::Refused,
        refusal: Some(refusal),
        outreach: None,
        ..contact(&outreach)
    };
    draft.decided.decisions = vec![
        contact(&outreach),
        Decision {
            outcome: Outcome::Deferred,
            not_before: Some(at("1998-05-08T06:00:00Z")),
            ..contact(&outreach)
        },
        refused(Refusal::Cap {
            contacts: 1,
            per: Span::days(1),
            channel: Some(Channel("email".to_owned())),
            earlier: vec![Earlier { rule: "churn-risk".into(), at: at("1998-05-07T08:00:00Z") }],
            free_at: at("1998-05-08T08:00:00Z"),
        }),
        refused(Refusal::Muted {
            topic: "offers".to_owned(),
            condition: "customer.share > 0.3".to_owned(),
            read: [("customer.share".to_owned(), Value::Float(31.245270191439438))].into(),
        }),
        refused(Refusal::Outranked { by: "failed-logins".into(), customer_id: None }),
    ];
    draft.record(&store).await.unwrap();

    let printed = serde_json::to_string(&draft.report()).unwrap();
    let read = place.open().await.recorded(draft.as_of).await.unwrap().unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), printed);
    assert_eq!(read, draft.report());
    assert_eq!(store.recorded(at("1998-05-07T09:00:01Z")).await.unwrap(), None);
    assert_eq!(store.newest_run().await.unwrap(), Some(draft.as_of));
    let evaluated = store.last_evaluated().await.unwrap();
    assert_eq!(evaluated, [(RuleId::from("stalled-order"), draft.as_of)].into());
    assert_eq!(outbox(&store).await.outreaches[0].outreach, outreach);
}

#[rstest]
#[tokio::test]
async fn an_instant_is_recorded_once_and_time_only_moves_on(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    let draft = Draft::second().with(email(&["11061"]));
    draft.record(&store).await.unwrap();
    let before = (version(&store).await, outbox(&store).await);

    let again = draft.record(&store).await;
    assert!(matches!(again, Err(StoreError::AlreadyRecorded(as_of)) if as_of == draft.as_of));
    let stale = draft.record_on(&store, HistoryVersion(0)).await;
    assert!(matches!(stale, Err(StoreError::AlreadyRecorded(_))), "{stale:?}");
    let earlier = Draft::first().with(email(&["11040"])).record(&store).await;
    assert!(matches!(earlier, Err(StoreError::Before(newest)) if newest == draft.as_of));
    assert_eq!((version(&store).await, outbox(&store).await), before);
}

#[rstest]
#[tokio::test]
async fn of_two_runs_decided_on_the_same_books_one_is_recorded(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let (one, two) = (place.open().await, place.open().await);
    let books = version(&one).await;
    let earlier = Draft::first().with(email(&["11040"]));
    let later = Draft::second().with(email(&["11061"]));
    let results = tokio::join!(earlier.record_on(&one, books), later.record_on(&two, books));

    let (won, lost) = match results {
        (Ok(()), lost) => ("11040", lost),
        (lost, Ok(())) => ("11061", lost),
        both => panic!("{both:?}"),
    };
    assert!(matches!(lost, Err(StoreError::Moved | StoreError::Before(_))), "{lost:?}");
    let outbox = outbox(&one).await;
    assert_eq!(outbox.outreaches.len(), 1);
    assert_eq!(outbox.outreaches[0].outreach.key.as_str(), won);
}

#[rstest]
#[tokio::test]
async fn a_run_decided_on_older_books_is_not_recorded(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let books = version(&store).await;
    Draft::first().starting("stalled-order", "11061").record(&store).await.unwrap();
    let late = Draft::second().with(email(&["11061"])).record_on(&store, books).await;
    assert!(matches!(late, Err(StoreError::Moved)), "{late:?}");
    assert_eq!(outbox(&store).await.outreaches, vec![]);
}

#[rstest]
#[tokio::test]
async fn a_waiting_outreach_is_decided_afresh(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11040", "11061"])).record(&store).await.unwrap();
    let afresh = not_before("1998-05-08T06:00:00Z", email(&["11040"]));
    // The subject that it no longer speaks of may go to another outreach in the same run.
    let other = on_channel("sms", email(&["11061"]));
    Draft::second().with(afresh.clone()).with(other.clone()).record(&store).await.unwrap();

    let waiting: Vec<_> =
        past(&store, &[], &[]).await.waiting.into_iter().map(|waiting| waiting.outreach).collect();
    assert_eq!(waiting, vec![afresh, other]);
    assert_eq!(claim(&store, wall() + TimeDelta::hours(2), 9).await.len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_withdrawn_outreach_frees_what_it_was_to_tell(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11040", "11061"])).record(&store).await.unwrap();
    let merged = email(&["11061", "11040"]);
    Draft::second().without("11040", "merged").with(merged.clone()).record(&store).await.unwrap();
    assert_eq!(state(&store, "11040").await, OutreachState::Withdrawn);
    assert_eq!(state(&store, "11061").await, OutreachState::Ready);
    let outbox = outbox(&store).await;
    let withdrawn = outbox.outreaches.iter().find(|row| row.outreach.key.as_str() == "11040");
    assert_eq!(withdrawn.unwrap().detail.as_deref(), Some("merged"));

    // A worker takes the other and is lost. It is withdrawn, and revived.
    assert_eq!(claim(&store, wall() + TimeDelta::hours(1), 9).await.len(), 1);
    assert_eq!(claim(&store, wall() + TimeDelta::minutes(61), 0).await, vec![]);
    let third = Draft::new("1998-05-07T11:00:00Z");
    let third = third.without("11061", "merged").with(email(&["11040", "11061"]));
    third.record(&store).await.unwrap();
    let fourth = Draft::new("1998-05-07T12:00:00Z").without("11040", "merged").with(merged);
    fourth.record(&store).await.unwrap();
    let taken = claim(&store, wall() + TimeDelta::hours(3), 9).await;
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].claim.key.as_str(), taken[0].attempts), ("11061", 1), "it counts anew");
    assert_eq!(taken[0].outreach.subjects.len(), 2);
}

#[rstest]
#[tokio::test]
async fn what_a_worker_has_taken_is_not_changed(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(true, false)] withdraw: bool,
) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11040"])).record(&store).await.unwrap();
    let books = version(&store).await;
    assert_eq!(claim(&store, wall(), 9).await.len(), 1);

    let draft = Draft::second().with(email(&["11061"]));
    let draft = match withdraw {
        true => draft.without("11040", "no_longer_true"),
        false => draft.with(not_before("1998-05-08T06:00:00Z", email(&["11040"]))),
    };
    let late = draft.record_on(&store, books).await;
    assert!(matches!(late, Err(StoreError::Moved)), "{late:?}");
    assert_eq!(state(&store, "11040").await, OutreachState::Claimed);
    assert_eq!(outbox(&store).await.outreaches.len(), 1, "nothing of the run is there");
    assert_eq!(store.newest_run().await.unwrap(), Some(at("1998-05-07T09:00:00Z")));
}

#[rstest]
#[tokio::test]
async fn no_contact_of_an_episode_is_ever_told_twice(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values("sent", "expired", "failed", "ready")] state: &str,
) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11040", "11061"])).record(&store).await.unwrap();
    place.execute(&format!("UPDATE outreaches SET state = '{state}'")).await;

    let other = on_channel("sms", email(&["11061"]));
    let twice = Draft::second().with(other).record(&store).await;
    assert!(matches!(twice, Err(StoreError::Contradiction(_))), "{twice:?}");
    assert_eq!(outbox(&store).await.outreaches.len(), 1);
}

#[rstest]
#[tokio::test]
async fn what_expired_while_it_waited_counts_as_told(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let first = Draft::first().starting("stalled-order", "11061").with(email(&["11061"]));
    first.record(&store).await.unwrap();
    Draft::second().without("11061", "expired").record(&store).await.unwrap();
    assert_eq!(state(&store, "11061").await, OutreachState::Expired);
    let episodes = past(&store, &["GREAL"], &[]).await.episodes;
    assert_eq!(episodes.values().map(|episode| episode.contacts).collect::<Vec<_>>(), [1]);
}

#[rstest]
#[tokio::test]
async fn what_has_not_expired_with_a_message_may_be_told_another_way(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    let both = ["11040", "11061"];
    let first =
        Draft::first().starting("stalled-order", both[0]).starting("stalled-order", both[1]);
    first.with(email(&both)).record(&store).await.unwrap();
    let mut second = Draft::second().without("11040", "expired").with(email(&["11061"]));
    second.decided.withdrawals[0].freed = vec!["11061".into()];
    second.record(&store).await.unwrap();
    assert_eq!(state(&store, "11040").await, OutreachState::Expired);
    assert_eq!(state(&store, "11061").await, OutreachState::Ready);
    let episodes = past(&store, &["GREAL"], &[]).await.episodes;
    assert_eq!(episodes.values().map(|episode| episode.contacts).collect::<Vec<_>>(), [1, 0]);
}

#[rstest]
#[tokio::test]
async fn tasks_are_made_with_the_run(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let task = Outreach {
        assign: Some("Nancy".to_owned()),
        due_at: Some(at("1998-05-07T13:00:00Z")),
        ..on_channel("task", email(&["11040"]))
    };
    let call = on_channel("phone", email(&["11061"]));
    let later = not_before("1998-05-08T06:00:00Z", on_channel("phone", email(&["11063"])));
    Draft::first().with(call).with(task).with(later).record(&store).await.unwrap();

    let tasks = store.tasks(TaskFilter::Open).await.unwrap();
    let told: Vec<_> = tasks.iter().map(|task| (task.subject.as_str(), &*task.title)).collect();
    assert_eq!(told, [("11040", "Look after GREAL"), ("11061", "Look after GREAL")]);
    assert_eq!(tasks[0].assign.as_deref(), Some("Nancy"));
    assert_eq!(tasks[0].due_at, Some(at("1998-05-07T13:00:00Z")));
    let outbox = outbox(&store).await;
    assert_eq!(outbox.states[&OutreachState::Sent], 2);
    assert_eq!(outbox.states[&OutreachState::Ready], 1);
    assert_eq!(outbox.states.len(), OutreachState::ALL.len());

    assert!(store.finish_task(tasks[0].id, wall()).await.unwrap());
    assert!(!store.finish_task(tasks[0].id, wall()).await.unwrap());
    assert_eq!(store.tasks(TaskFilter::Open).await.unwrap().len(), 1);
    let all = store.tasks(TaskFilter::All).await.unwrap();
    assert_eq!(all[0].done_at, Some(wall()));
}

#[rstest]
#[tokio::test]
async fn a_task_without_words_is_not_recorded(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let mut draft = Draft::first().with(on_channel("task", email(&["11040"])));
    draft.tasks.clear();
    let result = draft.record(&store).await;
    assert!(matches!(result, Err(StoreError::Contradiction(_))), "{result:?}");
    assert_eq!(store.newest_run().await.unwrap(), None);
}

#[rstest]
#[tokio::test]
async fn statements_grow_by_thousands_of_rows_not_by_rows(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    let (mut small, mut large) = (Draft::first(), Draft::second());
    for number in 0..2500 {
        let mut outreach = email(&[&number.to_string()]);
        outreach.subjects[0].customer = format!("C{number}").into();
        outreach.recipients = vec![Recipient(format!("mailto:{number}@example.com"))];
        let draft = if number < 10 { &mut small } else { &mut large };
        draft.decided.decisions.push(contact(&outreach));
        let (rule, subject) = (outreach.rule.clone(), outreach.subjects[0].subject.clone());
        let customer = outreach.subjects[0].customer.clone();
        draft.decided.episodes.push(EpisodeChange::Started(rule, customer, subject));
        draft.decided.outreaches.push(outreach);
    }
    let mut counts = Vec::new();
    for draft in [small, large] {
        let books = version(&store).await;
        let before = store.statements();
        draft.record_on(&store, books).await.unwrap();
        counts.push(store.statements() - before);
    }
    // PostgreSQL is told besides that there is something new.
    assert_eq!(counts[0], if on == On::Postgres { 14 } else { 13 });
    assert!(counts[1] <= counts[0] * 3, "{counts:?}");
    assert_eq!(outbox(&store).await.states[&OutreachState::Ready], 2500);

    let customers: Vec<String> = (0..2500).map(|number| format!("C{number}")).collect();
    let customers: Vec<&str> = customers.iter().map(String::as_str).collect();
    let before = store.statements();
    let history = past(&store, &customers, &[]).await;
    assert_eq!((history.episodes.len(), history.waiting.len()), (2500, 2500));
    assert_eq!(store.statements() - before, 9);
    let before = store.statements();
    past(&store, &[], &[]).await;
    assert_eq!(store.statements() - before, 9);
}
