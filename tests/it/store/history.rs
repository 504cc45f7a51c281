//! What a decision gets to know.

use lookout::domain::{Episode, Recipient};
use rstest::rstest;

use super::*;

fn mailto(name: &str) -> Recipient {
    Recipient(format!("mailto:{name}@example.com"))
}

#[rstest]
#[tokio::test]
async fn an_episode_starts_counts_and_ends(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let first = Draft::first()
        .starting("stalled-order", "11061")
        .starting("churn-risk", "GREAL")
        .with(email(&["11061"]));
    first.record(&store).await.unwrap();
    let key = ("stalled-order".into(), "GREAL".into(), "11061".into());
    let fresh = Episode {
        started_at: at("1998-05-07T09:00:00Z"),
        contacts: 0,
        last_contact_at: None,
        tasks: 0,
        last_task_at: None,
    };
    let read = || async { past(&store, &["GREAL"], &[]).await.episodes };
    assert_eq!(read().await, [(key.clone(), fresh.clone())].into(), "what waits does not count");

    let contacted =
        Episode { contacts: 1, last_contact_at: Some(fresh.started_at), ..fresh.clone() };
    for state in ["claimed", "transmitting", "sent", "retry", "uncertain", "failed", "expired"] {
        place.execute(&format!("UPDATE outreaches SET state = '{state}'")).await;
        assert_eq!(read().await[&key], contacted, "{state}");
    }
    let task = on_channel("task", email(&["11061"]));
    let mut task = Outreach { key: "t".into(), ..task };
    task.subjects[0].dedupe_key = "t".into();
    Draft::second().with(task).record(&store).await.unwrap();
    let both = Episode { tasks: 1, last_task_at: Some(fresh.started_at), ..contacted };
    assert_eq!(read().await[&key], both);

    let third = Draft::new("1998-05-07T11:00:00Z").ending("stalled-order", "11061");
    third.record(&store).await.unwrap();
    assert_eq!(read().await, [].into());
    let fourth = Draft::new("1998-05-07T12:00:00Z").starting("stalled-order", "11061");
    fourth.record(&store).await.unwrap();
    let again = Episode { started_at: at("1998-05-07T12:00:00Z"), ..fresh };
    assert_eq!(read().await, [(key, again)].into());
}

#[rstest]
#[tokio::test]
async fn charges_are_found_by_customer_and_by_address(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let outreach = Outreach {
        recipients: vec![mailto("howard"), Recipient("tel:+15035557555".to_owned())],
        ..email(&["11040", "11061"])
    };
    Draft::first().with(outreach).record(&store).await.unwrap();
    assert_eq!(past(&store, &["GREAL"], &[]).await.charges, vec![], "it still waits");
    place.execute("UPDATE outreaches SET state = 'sent'").await;

    let charges = past(&store, &["GREAL"], &["mailto:howard@example.com"]).await.charges;
    let told: Vec<_> = charges.iter().map(|charge| charge.subject.as_str()).collect();
    assert_eq!(told, ["11040", "11061"], "each once, though found in two ways");
    assert_eq!(charges[1].outreach.as_str(), "11040", "and both in one outreach");
    assert_eq!(charges[0].recipients.len(), 2);
    assert_eq!(charges[0].at, at("1998-05-07T09:00:00Z"));
    assert_eq!(past(&store, &[], &["tel:+15035557555"]).await.charges, charges);
    assert_eq!(past(&store, &["ALFKI"], &["mailto:ann@example.com"]).await.charges, vec![]);

    place.execute("UPDATE contacts SET at = at - 2592000000000").await;
    assert_eq!(past(&store, &["GREAL"], &[]).await.charges, vec![], "just thirty days ago");
    place.execute("UPDATE contacts SET at = at + 1").await;
    assert_eq!(past(&store, &["GREAL"], &[]).await.charges.len(), 2);
    for state in ["failed", "expired", "withdrawn", "held", "ready"] {
        place.execute(&format!("UPDATE outreaches SET state = '{state}'")).await;
        assert_eq!(past(&store, &["GREAL"], &[]).await.charges, vec![], "{state}");
    }
}

#[rstest]
#[tokio::test]
async fn who_has_something_waiting_is_on_the_table(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    Draft::first().with(email(&["11040"])).record(&store).await.unwrap();
    assert_eq!(claim(&store, wall(), 9).await.len(), 1);
    let churn = Outreach {
        rule: "churn-risk".into(),
        recipients: vec![mailto("shared")],
        ..not_before("1998-05-08T06:00:00Z", email(&["11061"]))
    };
    Draft::second().with(churn.clone()).record(&store).await.unwrap();

    let history = past(&store, &[], &[]).await;
    assert_eq!(history.waiting.len(), 1, "whatever its rule");
    assert_eq!(history.waiting[0].outreach, churn);
    assert_eq!(history.charges.len(), 1, "of the customer for whom something waits");
    assert_eq!(history.charges[0].subject.as_str(), "11040");
}
