//! People who are not to be contacted.

use lookout::domain::{CustomerId, Recipient, SuppressionCause};
use lookout::store::{NewSuppression, StoreError};
use rstest::rstest;

use super::*;

fn customer(id: &str, topic: Option<&str>) -> NewSuppression {
    NewSuppression {
        customer: Some(CustomerId::from(id)),
        recipient: None,
        topic: topic.map(str::to_owned),
        cause: SuppressionCause::Refused,
        note: Some("by phone".to_owned()),
    }
}

fn address(to: &str) -> NewSuppression {
    let recipient = Some(Recipient(to.to_owned()));
    NewSuppression { customer: None, recipient, ..customer("", None) }
}

#[rstest]
#[tokio::test]
async fn entering_somebody_twice_changes_nothing(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let people =
        [customer("GREAL", None), customer("GREAL", Some("offers")), address("tel:+4912345")];
    assert_eq!(store.suppress(&people, at("1998-05-01")).await.unwrap(), 3);
    let before = (version(&store).await, store.suppressions().await.unwrap());
    assert_eq!(before.0, HistoryVersion(1));
    assert_eq!(store.suppress(&people, at("1998-05-02")).await.unwrap(), 0);
    assert_eq!((version(&store).await, store.suppressions().await.unwrap()), before);
    assert_eq!(before.1.len(), 3);
    assert_eq!(before.1[0].suppression.since, at("1998-05-01"));
    assert_eq!(before.1[0].note.as_deref(), Some("by phone"));
}

#[rstest]
#[tokio::test]
async fn a_suppression_is_history_and_moves_the_books(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let books = version(&store).await;
    let people = [customer("GREAL", None), address("tel:+4912345"), customer("ALFKI", None)];
    store.suppress(&people, at("1998-05-01")).await.unwrap();
    let late = Draft::first().record_on(&store, books).await;
    assert!(matches!(late, Err(StoreError::Moved)), "{late:?}");

    let found = past(&store, &["GREAL"], &["tel:+4912345"]).await.suppressions;
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].customer, Some(CustomerId::from("GREAL")));
    assert_eq!(found[1].recipient, Some(Recipient("tel:+4912345".to_owned())));
    assert_eq!(found[0].topic, None);
}

#[rstest]
#[tokio::test]
async fn lifting_a_suppression_lifts_just_that_one(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let people = [customer("GREAL", None), customer("GREAL", Some("offers"))];
    store.suppress(&people, at("1998-05-01")).await.unwrap();
    let id = CustomerId::from("GREAL");
    assert_eq!(store.unsuppress(Some(&id), None, Some("offers")).await.unwrap(), 1);
    assert_eq!(store.unsuppress(Some(&id), None, Some("offers")).await.unwrap(), 0);
    assert_eq!(version(&store).await, HistoryVersion(2));
    let left = store.suppressions().await.unwrap();
    assert_eq!(left.iter().map(|row| &row.suppression.topic).collect::<Vec<_>>(), [&None]);
}

#[rstest]
#[tokio::test]
async fn nobody_is_an_error(#[values(On::Sqlite, On::Postgres)] on: On) {
    let place = on.place().await;
    let store = place.open().await;
    let nobody = NewSuppression { customer: None, ..customer("GREAL", None) };
    let result = store.suppress(&[nobody], at("1998-05-01")).await;
    assert!(matches!(result, Err(StoreError::Contradiction(_))), "{result:?}");
}
