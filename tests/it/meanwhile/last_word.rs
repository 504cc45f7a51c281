//! The last word to customers who were told of a trouble that is over.

use lookout::domain::OutreachState;
use lookout::pipeline::RunError;
use lookout::store::{NewSuppression, Settlement, StoreError};
use rstest::rstest;

use super::*;
use crate::support::door;

const MORNING: &str = "1998-05-08T09:00:00Z";
const NOON: &str = "1998-05-08T12:00:00Z";

const LAST_WORD: &str = r#"
    fn resolved(customer, order) { email("on-its-way", #{ late: days_since(order.ordered_at) }); }
"#;

const LAST_WORDS: &str = "---\nsubject: On its way: order {{ order.order_id }}\n---\nDear \
     {{ customer.name }}, after {{ late }} days{% for other in also %}, and \
     {{ other.order.order_id }}{% endfor %}.\n";

/// Stalled orders, with a last word; Ana and Bob were told in the morning.
async fn told_of_trouble(on: On) -> (Shop, Store) {
    let shop = quiet_shop(on).await;
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    assert_eq!(send(&store, MORNING).await, ["Your order 1", "Your order 3"]);
    (shop, store)
}

async fn quiet_shop(on: On) -> Shop {
    let shop = Shop::with_stalled_orders(on).await;
    shop.write("stalled/rule.rhai", &format!("{STALLED}{LAST_WORD}"));
    shop.write("stalled/on-its-way.md", LAST_WORDS);
    shop
}

/// Sends all that is due, and gives the subject lines.
async fn send(store: &Store, wall: &str) -> Vec<String> {
    settle_all(store, wall, Settlement::Sent { detail: "250 OK".to_owned() }).await
}

async fn settle_all(store: &Store, wall: &str, settlement: Settlement) -> Vec<String> {
    let mut lines = Vec::new();
    for claimed in claim(store, wall).await {
        assert!(door::begin(store, &claimed).await);
        assert!(door::settle(store, &claimed.claim, settlement.clone(), at(wall)).await);
        let words = &claimed.outreach;
        let first = &words.subjects[0].subject;
        lines.push(match words.template.as_str() {
            "on-its-way" => format!("On its way: order {first}"),
            _ => format!("Your order {first}"),
        });
    }
    lines
}

#[rstest]
#[tokio::test]
async fn who_was_told_hears_once_that_it_is_over(#[values(On::Sqlite, On::Postgres)] on: On) {
    let (shop, store) = told_of_trouble(on).await;
    shop.ships(1, "1998-05-08 10:00:00").await;
    shop.ships(2, "1998-05-08 10:30:00").await;
    shop.sql("UPDATE people SET name = 'Ana Li' WHERE id = 'ana'").await;
    let run = shop.run(&store, NOON).await;
    let three = ["stalled 1 contact", "stalled 2 contact", "stalled 3 already_contacted"];
    assert_eq!(told(&run), three);
    let words = &run.decided.outreaches[0];
    assert!(words.last_word);
    let message = shop.pack().message(words, None).unwrap();
    assert_eq!(message.subject, "On its way: order 1");
    assert!(message.text.starts_with("Dear Ana Li, after 9 days, and 2."), "{}", message.text);

    // The same instant once more changes nothing, and the next run has nothing more to say.
    let as_of = at(NOON);
    let pack = shop.pack();
    let found = shop.found(&pack, &store, NOON).await;
    let again = pipeline::commit(&pack, &found, &store, as_of, as_of).await;
    assert!(matches!(again, Err(RunError::Store(StoreError::AlreadyRecorded(_)))));
    assert_eq!(send(&store, NOON).await, ["On its way: order 1"]);
    let next = shop.run(&store, "1998-05-08T13:00:00Z").await;
    assert_eq!(told(&next), ["stalled 3 already_contacted"]);
    assert_eq!(send(&store, "1998-05-08T13:00:00Z").await, Vec::<String>::new());
}

#[rstest]
#[tokio::test]
async fn a_row_that_is_gone_is_spoken_of_as_it_was(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = quiet_shop(on).await;
    // As many signals are written: what has left is not in it any more.
    let only_open = SIGNALS[1].1.replace(
        "ordered_at <= :as_of",
        "ordered_at <= :as_of AND (shipped_at IS NULL OR shipped_at > :as_of)",
    );
    shop.write("signals/orders.sql", &only_open);
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    let uncertain = Settlement::Uncertain { error: "the connection broke".to_owned() };
    settle_all(&store, MORNING, uncertain).await;
    shop.ships(3, "1998-05-08 10:00:00").await;
    shop.sql("UPDATE people SET email = 'bob@home.example.com' WHERE id = 'bob'").await;
    let run = shop.run(&store, NOON).await;
    assert!(told(&run).contains(&"stalled 3 contact".to_owned()), "{:?}", told(&run));
    let claimed = claim(&store, NOON).await;
    assert_eq!(claimed[0].outreach.address.as_deref(), Some("bob@home.example.com"));
    let looked = shop.look(&claimed, NOON, &[]).await;
    let Looked::True(still) = &looked[0] else { panic!("{looked:?}") };
    assert_eq!(still.outreach, claimed[0].outreach);
    let message = shop.pack().message(&still.outreach, None).unwrap();
    assert_eq!(message.subject, "On its way: order 3");
    assert!(message.text.starts_with("Dear Bob, after 9 days."), "{}", message.text);

    shop.sql("UPDATE people SET name = 'Bob Ray', refusals = 'service' WHERE id = 'bob'").await;
    let looked = shop.look(&claimed, NOON, &[]).await;
    assert!(matches!(&looked[0], Looked::NoLonger { because, .. } if because == "no_consent"));
}

#[rstest]
#[tokio::test]
async fn who_was_not_told_hears_nothing(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = quiet_shop(on).await;
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    let failed = Settlement::Failed { error: "550 no such user".to_owned() };
    settle_all(&store, MORNING, failed).await;
    shop.ships(1, "1998-05-08 10:00:00").await;
    shop.ships(3, "1998-05-08 10:00:00").await;
    let run = shop.run(&store, NOON).await;
    assert_eq!(told(&run), ["stalled 2 already_contacted"]);
}

#[rstest]
#[tokio::test]
async fn it_passes_the_gates_and_is_not_asked_twice(#[values(On::Sqlite, On::Postgres)] on: On) {
    let (shop, store) = told_of_trouble(on).await;
    let bob = NewSuppression {
        customer: Some("bob".into()),
        recipient: None,
        topic: None,
        cause: lookout::domain::SuppressionCause::Refused,
        note: None,
    };
    store.suppress(&[bob], at(MORNING)).await.unwrap();
    shop.sql("UPDATE people SET refusals = 'service' WHERE id = 'ana'").await;
    shop.sql("UPDATE orders SET shipped_at = '1998-05-08 10:00:00'").await;
    let run = shop.run(&store, NOON).await;
    let refused = ["stalled 1 no_consent", "stalled 2 no_consent", "stalled 3 suppressed"];
    assert_eq!(told(&run), refused);
    shop.sql("UPDATE people SET refusals = NULL").await;
    assert_eq!(told(&shop.run(&store, "1998-05-08T13:00:00Z").await), Vec::<String>::new());
}

/// Whether Bob was told is not known before the server has answered.
#[rstest]
#[tokio::test]
async fn what_is_on_its_way_is_waited_for(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = quiet_shop(on).await;
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    let claimed = claim(&store, MORNING).await;
    for one in &claimed {
        assert!(door::begin(&store, one).await);
    }
    shop.ships(1, "1998-05-08 09:00:00").await;
    shop.ships(3, "1998-05-08 09:00:00").await;
    assert_eq!(
        told(&shop.run(&store, "1998-05-08T09:01:00Z").await),
        ["stalled 2 already_contacted"]
    );
    let sent = Settlement::Sent { detail: "250 OK".to_owned() };
    let failed = Settlement::Failed { error: "550 no such user".to_owned() };
    for (one, settlement) in claimed.iter().zip([failed, sent]) {
        assert!(door::settle(&store, &one.claim, settlement, at(MORNING)).await);
    }
    let run = shop.run(&store, NOON).await;
    assert_eq!(told(&run), ["stalled 2 already_contacted", "stalled 3 contact"]);
}

/// Solved in the evening: the last word waits for the morning.
async fn put_off(on: On) -> (Shop, Store) {
    let (shop, store) = told_of_trouble(on).await;
    shop.ships(3, "1998-05-08 20:00:00").await;
    let run = shop.run(&store, "1998-05-08T21:00:00Z").await;
    assert!(told(&run).contains(&"stalled 3 deferred".to_owned()), "{:?}", told(&run));
    // It stays, run after run, although nobody asks for it again.
    let run = shop.run(&store, "1998-05-08T22:00:00Z").await;
    assert!(told(&run).contains(&"stalled 3 deferred".to_owned()), "{:?}", told(&run));
    assert_eq!(send(&store, "1998-05-08T23:00:00Z").await, Vec::<String>::new());
    (shop, store)
}

#[rstest]
#[tokio::test]
async fn what_was_put_off_leaves_in_the_morning(#[values(On::Sqlite, On::Postgres)] on: On) {
    let (shop, store) = put_off(on).await;
    let run = shop.run(&store, "1998-05-09T08:30:00Z").await;
    assert!(told(&run).contains(&"stalled 3 contact".to_owned()), "{:?}", told(&run));
    // The run asked no rule about it: whoever sends it does.
    let row = outbox(&store).await.into_iter().find(|row| row.outreach.last_word).unwrap();
    let taken = claim(&store, "1998-05-09T08:30:00Z").await;
    assert_eq!(taken[0].outreach.key, row.outreach.key);
    assert!(at("1998-05-09T08:30:00Z") - taken[0].asked_at > TimeDelta::hours(1));
    shop.state_sql("UPDATE outreaches SET state = 'ready' WHERE state = 'claimed'").await;
    assert_eq!(send(&store, "1998-05-09T08:30:00Z").await, ["On its way: order 3"]);
}

#[rstest]
#[tokio::test]
async fn trouble_that_is_back_takes_it_back(#[values(On::Sqlite, On::Postgres)] on: On) {
    let (shop, store) = put_off(on).await;
    shop.sql("UPDATE orders SET shipped_at = NULL WHERE no = 3").await;

    // A worker that comes before any run sees it.
    let claimed = claim(&store, "1998-05-09T08:05:00Z").await;
    let looked = shop.look(&claimed, "1998-05-09T08:05:00Z", &[]).await;
    let Looked::NoLonger { because, evidence } = &looked[0] else { panic!("{looked:?}") };
    assert_eq!(because, "true_again");
    let read = &evidence["subjects"][0]["evidence"]["read"];
    assert!(read["order.shipped_at"].is_null(), "{evidence}");
    let lapsed = "1998-05-09T08:20:00Z";
    assert_eq!(claim(&store, lapsed).await.len(), 1, "taken once more, and let go");
    let release = "UPDATE outreaches SET state = 'ready' WHERE state = 'claimed'";
    shop.state_sql(release).await;

    let run = shop.run(&store, "1998-05-09T08:30:00Z").await;
    assert!(told(&run).contains(&"stalled 3 contact".to_owned()), "{:?}", told(&run));
    let rows = outbox(&store).await;
    let last = rows.iter().find(|row| row.outreach.last_word).unwrap();
    let (state, because) = (last.state, last.detail.as_deref());
    assert_eq!((state, because), (OutreachState::Withdrawn, Some("true_again")));
    assert_eq!(send(&store, "1998-05-09T08:30:00Z").await, ["Your order 3"]);
}

#[rstest]
#[tokio::test]
async fn what_can_not_be_read_now_stays_open(#[values(On::Sqlite, On::Postgres)] on: On) {
    let (shop, store) = told_of_trouble(on).await;
    shop.ships(3, "1998-05-08 10:00:00").await;
    // It raises on Bob, so that nothing is lost: the next run says it.
    let raises = LAST_WORD.replace("email(", "let n = customer.holiday / 0; email(");
    shop.write("stalled/rule.rhai", &format!("{STALLED}{raises}"));
    shop.write("policy.toml", &format!("errors = \"90%\"\n{POLICY}"));
    let run = shop.run(&store, NOON).await;
    assert_eq!(run.report.rules[0].errors, 1);
    shop.write("stalled/rule.rhai", &format!("{STALLED}{LAST_WORD}"));
    let run = shop.run(&store, "1998-05-08T13:00:00Z").await;
    assert!(told(&run).contains(&"stalled 3 contact".to_owned()), "{:?}", told(&run));
}

/// COOLDOWN keeps other orders' messages back, not what is owed to those who were told; and the
/// trouble that is new goes before the one that is over.
#[rstest]
#[tokio::test]
async fn it_yields_to_trouble_and_not_to_cooldown(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = quiet_shop(on).await;
    let cooled = STALLED.replace("fn when", "const COOLDOWN = \"9d\";\n    fn when");
    shop.write("stalled/rule.rhai", &format!("{cooled}{LAST_WORD}"));
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    send(&store, MORNING).await;
    shop.ships(1, "1998-05-08 10:00:00").await;
    shop.ships(3, "1998-05-08 10:00:00").await;
    shop.sql("INSERT INTO orders VALUES (4, 'ana', '1998-04-30 00:00:00', NULL)").await;
    shop.write("stalled/rule.rhai", &format!("{STALLED}{LAST_WORD}"));
    let dry = {
        let pack = shop.pack();
        let found = shop.found(&pack, &store, NOON).await;
        pipeline::consider(&pack, &found, Some(&store), at(NOON)).await.unwrap()
    };
    let [one, four] = ["stalled 1 outranked".to_owned(), "stalled 4 contact".to_owned()];
    assert!(told(&dry).contains(&one) && told(&dry).contains(&four), "{:?}", told(&dry));
    shop.write("stalled/rule.rhai", &format!("{cooled}{LAST_WORD}"));
    let run = told(&shop.run(&store, NOON).await);
    let expected = [
        "stalled 1 contact",
        "stalled 2 already_contacted",
        "stalled 4 cooldown",
        "stalled 3 contact",
    ];
    assert_eq!(run, expected);
}
