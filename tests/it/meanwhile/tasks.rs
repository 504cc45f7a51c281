//! Work for colleagues that solves itself.

use lookout::store::{TaskFilter, TaskRow};
use rstest::rstest;
use serde_json::json;

use super::*;

const MORNING: &str = "1998-05-08T09:00:00Z";
const NOON: &str = "1998-05-08T12:00:00Z";

/// Asks a colleague to look after each stalled order.
async fn with_tasks(on: On) -> (Shop, Store) {
    let shop = Shop::with_stalled_orders(on).await;
    shop.write("stalled/rule.rhai", &STALLED.replace("email(\"email\")", "task(\"email\")"));
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    assert_eq!(tasks(&store).await.len(), 3);
    (shop, store)
}

/// All tasks, in the order in which they were made.
async fn tasks(store: &Store) -> Vec<TaskRow> {
    let mut tasks = store.tasks(TaskFilter::All).await.unwrap();
    tasks.sort_by_key(|task| task.id);
    tasks
}

fn of<'t>(tasks: &'t [TaskRow], subject: &str) -> &'t TaskRow {
    tasks.iter().find(|task| task.subject.as_str() == subject).unwrap()
}

#[rstest]
#[tokio::test]
async fn a_task_is_closed_when_what_it_is_about_is_over(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let (shop, store) = with_tasks(on).await;
    let before = tasks(&store).await;
    assert!(store.take_task(of(&before, "2").id, Some("Lea"), at(MORNING)).await.unwrap());
    assert!(!store.take_task(of(&before, "2").id, Some("Tom"), at(MORNING)).await.unwrap());
    shop.ships(1, "1998-05-08 10:00:00").await;
    shop.ships(2, "1998-05-08 10:30:00").await;
    shop.run(&store, NOON).await;

    let after = tasks(&store).await;
    let (closed, taken, open) = (of(&after, "1"), of(&after, "2"), of(&after, "3"));
    assert_eq!((closed.solved_at, closed.done_at), (Some(at(NOON)), Some(at(NOON))));
    let because = closed.solved_because.as_ref().unwrap();
    assert_eq!(because["was"], json!({ "order.shipped_at": null }));
    assert_eq!(because["read"]["order.shipped_at"], "1998-05-08T10:00:00Z");
    assert_eq!((taken.solved_at, taken.done_at), (Some(at(NOON)), None));
    assert_eq!(taken.taken_by.as_deref(), Some("Lea"));
    assert_eq!((open.solved_at, open.done_at), (None, None));
    assert_eq!(store.tasks(TaskFilter::Open).await.unwrap().len(), 2);

    // It stalls again, and stops once more: that is another task, and Lea's stays as it was.
    shop.sql("UPDATE orders SET shipped_at = NULL WHERE no = 2").await;
    shop.run(&store, "1998-05-09T09:00:00Z").await;
    assert_eq!(tasks(&store).await.len(), 4);
    shop.sql("DELETE FROM orders WHERE no = 2").await;
    shop.run(&store, "1998-05-10T09:00:00Z").await;
    let last = tasks(&store).await;
    assert_eq!(of(&last, "2"), taken);
    assert_eq!(last[3].solved_because, Some(json!({ "gone": true })));
    assert_eq!(last[3].done_at, Some(at("1998-05-10T09:00:00Z")));
    assert!(!store.take_task(last[3].id, None, at(NOON)).await.unwrap());
}

#[rstest]
#[tokio::test]
async fn a_call_about_two_orders_is_closed_when_both_are_over(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let shop = Shop::with_stalled_orders(on).await;
    shop.write("stalled/rule.rhai", &STALLED.replace("email(\"email\")", "phone(\"email\")"));
    let customers = SIGNALS[0].1.replace("refusals", "'+4922155512' AS phone, refusals");
    shop.write("signals/customers.sql", &customers);
    shop.sql("DELETE FROM people WHERE id = 'bob'").await;
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    assert_eq!(tasks(&store).await.len(), 1);
    shop.ships(1, "1998-05-08 10:00:00").await;
    shop.run(&store, NOON).await;
    assert_eq!(tasks(&store).await[0].solved_at, None);
    shop.ships(2, "1998-05-08 13:00:00").await;
    shop.run(&store, "1998-05-08T14:00:00Z").await;
    let task = tasks(&store).await.remove(0);
    assert_eq!(task.solved_at, Some(at("1998-05-08T14:00:00Z")));
    assert!(task.done_at.is_some());
}

#[rstest]
#[tokio::test]
async fn a_signal_that_can_not_be_read_closes_nothing(#[values(On::Sqlite, On::Postgres)] on: On) {
    let (shop, store) = with_tasks(on).await;
    shop.sql("ALTER TABLE tickets RENAME TO other").await;
    shop.run(&store, NOON).await;
    assert!(tasks(&store).await.iter().all(|task| task.solved_at.is_none()));
}
