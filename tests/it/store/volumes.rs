//! How much a rule contacts, by the books.

use rstest::rstest;

use super::*;
use lookout::domain::Volume;

async fn volume(store: &Store, as_of: &str) -> Volume {
    let query = HistoryQuery {
        evaluated: &[],
        customers: &[],
        recipients: &[],
        since: at(as_of),
        as_of: at(as_of),
    };
    let history = store.history(&query).await.unwrap();
    history.volumes.get(&RuleId::from("stalled-order")).cloned().unwrap_or_default()
}

/// So many messages as of an instant, of two subjects each.
fn messages(as_of: &str, count: usize) -> Draft {
    (0..count).fold(Draft::new(as_of), |draft, number| {
        let subject = |place: usize| format!("{as_of} {number} {place}");
        draft.with(not_before(as_of, email(&[&subject(1), &subject(2)])))
    })
}

#[rstest]
#[tokio::test]
async fn a_day_is_24_hours_and_what_is_usual_is_the_median_of_earlier_ones(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    let days = [
        ("1998-04-01T09:00:00Z", 50),
        ("1998-05-01T09:00:00Z", 7),
        ("1998-05-02T09:00:00Z", 2),
        ("1998-05-05T10:00:00Z", 1),
        ("1998-05-06T09:00:00Z", 3),
        ("1998-05-06T09:30:00Z", 1),
    ];
    for (as_of, count) in days {
        let before = volume(&store, as_of).await;
        messages(as_of, count).record(&store).await.unwrap();
        assert_eq!(volume(&store, as_of).await, before, "what waits is on the table instead");
        place.execute("UPDATE outreaches SET state = 'sent' WHERE state = 'ready'").await;
    }
    let known = |day, usual| Volume { day, usual, ..Volume::default() };
    assert_eq!(volume(&store, "1998-05-07T08:59:00Z").await, known(4, Some(2)));
    // Exactly 24 hours ago is the day before; 28 days ago is of no interest.
    assert_eq!(volume(&store, "1998-05-07T09:00:00Z").await, known(1, Some(4)));
    assert_eq!(volume(&store, "1998-05-02T10:00:00Z").await.usual, None, "too few days");
    messages("1998-05-07T09:00:00Z", 2).record(&store).await.unwrap();
    assert_eq!(
        volume(&store, "1998-05-07T09:00:00Z").await.day,
        1,
        "messages that wait don't count"
    );
}

#[rstest]
#[tokio::test]
async fn a_version_is_known_since_the_first_run_that_evaluated_it(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let place = on.place().await;
    let store = place.open().await;
    for (as_of, name) in [
        ("1998-05-07T09:00:00Z", "a"),
        ("1998-05-07T10:00:00Z", "b"),
        ("1998-05-07T11:00:00Z", "a"),
    ] {
        let learned = Learned {
            versions: BTreeMap::from([("stalled-order".into(), name.to_owned())]),
            ..Learned::default()
        };
        Draft::new(as_of).record_with(&store, &learned).await.unwrap();
    }
    let versions = volume(&store, "1998-05-07T12:00:00Z").await.versions;
    let known = [("a", "1998-05-07T09:00:00Z"), ("b", "1998-05-07T10:00:00Z")];
    assert_eq!(versions, known.map(|(name, since)| (name.to_owned(), at(since))).into());
}
