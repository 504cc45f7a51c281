//! The second look, just before messages leave.

use lookout::domain::OutreachState;
use lookout::pipeline::StillTrue;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

const MORNING: &str = "1998-05-08T09:00:00Z";
const LATER: &str = "1998-05-08T10:00:00Z";

/// Decided in the morning and taken by a worker: Ana's message about 1 and 2, Bob's about 3.
async fn taken(shop: &Shop) -> (Store, Vec<Claimed>) {
    let store = shop.store().await;
    let run = shop.run(&store, MORNING).await;
    let three = ["stalled 1 contact", "stalled 2 contact", "stalled 3 contact"];
    assert_eq!(told(&run), three);
    let claimed = claim(&store, MORNING).await;
    assert_eq!(claimed.len(), 2);
    (store, claimed)
}

fn still(looked: &Looked) -> &StillTrue {
    match looked {
        Looked::True(still) => still,
        other => panic!("{other:?}"),
    }
}

fn no_longer(looked: &Looked) -> (&str, &Value) {
    match looked {
        Looked::NoLonger { because, evidence } => (because, &evidence["subjects"]),
        other => panic!("{other:?}"),
    }
}

fn why_unknown(looked: &Looked) -> &str {
    match looked {
        Looked::Unknown { why } => why,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[tokio::test]
async fn what_shipped_meanwhile_is_not_spoken_of(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = Shop::with_stalled_orders(on).await;
    let (store, claimed) = taken(&shop).await;
    shop.ships(3, "1998-05-08 09:30:00").await;
    let looked = shop.look(&claimed, LATER, &[]).await;
    let ana = still(&looked[0]);
    assert_eq!((&ana.outreach, ana.no_longer.len()), (&claimed[0].outreach, 0));
    let (because, evidence) = no_longer(&looked[1]);
    assert_eq!(because, "no_longer_true");
    assert_eq!(evidence[0]["subject"], "3");
    let read = &evidence[0]["evidence"];
    assert_eq!(read["read"]["order.shipped_at"], "1998-05-08T09:30:00Z");
    assert_eq!(read["was"], json!({ "order.shipped_at": null }));

    settle(&store, &claimed, &looked, LATER).await;
    let rows = outbox(&store).await;
    let bob = rows.iter().find(|row| row.outreach.subjects[0].subject.as_str() == "3").unwrap();
    assert_eq!(
        (bob.state, bob.detail.as_deref()),
        (OutreachState::Withdrawn, Some("no_longer_true"))
    );

    // It stalls again before anybody looked: the charge was given back, and it is told.
    shop.sql("UPDATE orders SET shipped_at = NULL").await;
    let next = shop.run(&store, "1998-05-08T11:00:00Z").await;
    assert!(told(&next).contains(&"stalled 3 contact".to_owned()), "{:?}", told(&next));
}

#[rstest]
#[tokio::test]
async fn of_two_orders_the_one_that_still_stalls_is_told(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values((1, "2"), (2, "1"))] (ships, stalls): (u32, &str),
) {
    let shop = Shop::with_stalled_orders(on).await;
    let (store, claimed) = taken(&shop).await;
    shop.ships(ships, "1998-05-08 09:30:00").await;
    shop.sql("UPDATE people SET name = 'Ana Li', email = 'li@example.com' WHERE id = 'ana'").await;
    let looked = shop.look(&claimed, LATER, &[]).await;
    let ana = still(&looked[0]);
    assert_eq!(ana.outreach.key, claimed[0].outreach.key);
    assert_eq!(ana.no_longer.len(), 1);
    assert_eq!(ana.evidence["subjects"][0]["reason"], "no_longer_true");
    let message = shop.pack().message(&ana.outreach, None).unwrap();
    assert_eq!(message.subject, format!("Your order {stalls}"));
    assert_eq!(message.text.trim(), "Dear Ana Li.");
    assert_eq!(ana.outreach.address.as_deref(), Some("li@example.com"));
    assert_eq!(ana.outreach.recipients[0].0, "mailto:li@example.com");

    settle(&store, &claimed, &looked, LATER).await;
    let rows = outbox(&store).await;
    let row = rows.iter().find(|row| row.outreach.key == ana.outreach.key).unwrap();
    assert_eq!((&row.outreach, row.state), (&ana.outreach, OutreachState::Claimed));

    // Whatever comes next, the books take it, and nobody hears twice of one order.
    shop.sql("UPDATE orders SET shipped_at = NULL").await;
    let next = told(&shop.run(&store, "1998-05-08T11:00:00Z").await);
    assert!(next.contains(&format!("stalled {stalls} already_contacted")), "{next:?}");
}

#[rstest]
#[tokio::test]
async fn a_refusal_meanwhile_holds(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = Shop::with_stalled_orders(on).await;
    let (_, claimed) = taken(&shop).await;
    shop.sql("UPDATE people SET refusals = 'service' WHERE id = 'ana'").await;
    shop.sql("UPDATE people SET holiday = 1 WHERE id = 'bob'").await;
    let looked = shop.look(&claimed, LATER, &[]).await;
    let (because, evidence) = no_longer(&looked[0]);
    assert_eq!((because, evidence.as_array().unwrap().len()), ("no_consent", 2));
    assert_eq!(evidence[1]["evidence"]["topic"], "service");
    let (because, evidence) = no_longer(&looked[1]);
    assert_eq!(because, "muted");
    assert_eq!(evidence[0]["evidence"]["read"], json!({ "customer.holiday": 1 }));

    shop.sql("UPDATE people SET refusals = NULL, holiday = 0, email = 'nowhere'").await;
    let looked = shop.look(&claimed, LATER, &[]).await;
    assert_eq!(no_longer(&looked[0]).0, "no_address");
}

#[rstest]
#[tokio::test]
async fn two_behind_one_address(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = Shop::with_stalled_orders(on).await;
    shop.sql("UPDATE people SET email = 'home@example.com'").await;
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    let claimed = claim(&store, MORNING).await;
    assert_eq!((claimed.len(), claimed[0].outreach.subjects.len()), (1, 3));

    // What Bob refuses does not reach the address, even though his own order has left.
    shop.sql("UPDATE people SET refusals = '*' WHERE id = 'bob'").await;
    shop.ships(3, "1998-05-08 09:30:00").await;
    let looked = shop.look(&claimed, LATER, &[]).await;
    assert_eq!(no_longer(&looked[0]).0, "no_consent");

    // Where Bob has moved out, Ana's message is about her own orders.
    shop.sql("UPDATE people SET email = 'bob@example.com' WHERE id = 'bob'").await;
    shop.sql("UPDATE orders SET shipped_at = NULL; UPDATE people SET refusals = NULL").await;
    let looked = shop.look(&claimed, LATER, &[]).await;
    let home = still(&looked[0]);
    assert_eq!(home.outreach.subjects.len(), 2);
    assert_eq!(home.evidence["subjects"][0]["reason"], "another_address");
    assert_eq!(home.outreach.recipients.len(), 1);
}

#[rstest]
#[tokio::test]
async fn what_can_not_be_judged_waits(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = Shop::with_stalled_orders(on).await;
    let (_, claimed) = taken(&shop).await;
    let looked = shop.look(&claimed, LATER, &["tickets"]).await;
    assert_eq!(why_unknown(&looked[0]), "the signal `tickets` is not to be believed now");

    // Nobody knows how many tickets Bob has; Ana's message goes.
    shop.sql("INSERT INTO tickets VALUES ('bob', NULL)").await;
    shop.write("stalled/rule.rhai", &STALLED.replace("open == 0", "open - 0 == 0"));
    let looked = shop.look(&claimed, LATER, &[]).await;
    assert_eq!(still(&looked[0]).no_longer, []);
    assert!(why_unknown(&looked[1]).contains("()"), "{:?}", looked[1]);

    // Two rows where one belongs.
    shop.sql("DELETE FROM tickets; INSERT INTO people VALUES ('bob', 'B', 'b@b.de', NULL, 0)")
        .await;
    shop.write("stalled/rule.rhai", STALLED);
    let looked = shop.look(&claimed, LATER, &[]).await;
    assert_eq!(why_unknown(&looked[1]), "`3` is there more than once");

    shop.sql("DROP TABLE tickets").await;
    for looked in shop.look(&claimed, LATER, &[]).await {
        assert!(why_unknown(&looked).contains("tickets"), "{looked:?}");
    }
    shop.sql("CREATE TABLE tickets (person TEXT, open INTEGER); DROP TABLE people").await;
    for looked in shop.look(&claimed, LATER, &[]).await {
        assert!(why_unknown(&looked).contains("`customers` can't be used"), "{looked:?}");
    }
}

#[rstest]
#[tokio::test]
async fn who_and_what_is_gone_is_not_spoken_of(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = Shop::with_stalled_orders(on).await;
    let (_, claimed) = taken(&shop).await;
    shop.sql("DELETE FROM people WHERE id = 'bob'; UPDATE orders SET person = 'bob' WHERE no = 2")
        .await;
    let looked = shop.look(&claimed, LATER, &[]).await;
    let ana = still(&looked[0]);
    assert_eq!(ana.evidence["subjects"][0]["evidence"], json!({ "gone": true }));
    assert_eq!(ana.outreach.subjects.len(), 1);
    assert_eq!(no_longer(&looked[1]).0, "no_longer_true");
}

#[rstest]
#[tokio::test]
async fn a_rule_that_was_deleted_tells_nobody(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = Shop::with_stalled_orders(on).await;
    let (store, claimed) = taken(&shop).await;
    std::fs::rename(
        shop.folder.path().join("rules/stalled"),
        shop.folder.path().join("rules/other"),
    )
    .unwrap();
    let looked = shop.look(&claimed, LATER, &[]).await;
    assert_eq!(no_longer(&looked[0]).0, "rule_removed");

    // A worker that lost its claim changes nothing.
    claim(&store, "1998-05-08T09:11:00Z").await;
    let Looked::NoLonger { because, evidence } = &looked[0] else { panic!("{looked:?}") };
    let late = TakenBack { claim: &claimed[0].claim, because, evidence };
    assert_eq!(store.withdraw(&[late], at(LATER)).await.unwrap(), []);
    let freed = [claimed[0].outreach.subjects[1].dedupe_key.clone()];
    let late = Refreshed {
        claim: &claimed[0].claim,
        outreach: &claimed[1].outreach,
        freed: &freed,
        evidence: &Value::Null,
    };
    assert_eq!(store.refresh(&[late], at(LATER)).await.unwrap(), []);
    let rows = outbox(&store).await;
    assert!(rows.iter().all(|row| row.state == OutreachState::Claimed), "{rows:?}");
    let kept = rows.iter().find(|row| row.outreach.key == claimed[0].claim.key).unwrap();
    assert_eq!(kept.outreach, claimed[0].outreach);
}

/// Keys that a database writes in another way than we do are found all the same.
#[rstest]
#[tokio::test]
async fn a_key_of_any_type_is_found_again(#[values(On::Sqlite, On::Postgres)] on: On) {
    let shop = Shop::with_stalled_orders(on).await;
    let orders = SIGNALS[1].1.replace("no AS order_id", "ordered_at AS order_id");
    shop.write("signals/orders.sql", &orders);
    shop.sql("UPDATE orders SET ordered_at = '1998-04-28 00:00:00' WHERE no = 3").await;
    let store = shop.store().await;
    shop.run(&store, MORNING).await;
    let claimed = claim(&store, MORNING).await;
    assert_eq!(claimed.len(), 2);
    for looked in shop.look(&claimed, LATER, &[]).await {
        assert_eq!(still(&looked).no_longer, []);
    }
}
