//! How many statements the state database is asked: a few, and a few more for every thousand.

use super::*;

/// Statements to read the history of a run with so many matches, and to record it.
async fn statements(matches: u32) -> (u64, u64) {
    let courier = Courier::new(&[("lost", LOST)]);
    courier.sql(&format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {matches})
         INSERT INTO people (id, name, email) SELECT 'c' || i, 'C' || i, 'c' || i || '@example.com' FROM n;
         INSERT INTO parcels SELECT 'p' || id, id, '1998-04-20 00:00:00', NULL, 5 FROM people"
    ));
    courier.write("rules/policy.toml", &format!("{POLICY}{NOBODY_APPROVES}"));
    let (store, pack) = (courier.store().await, courier.pack());
    let mut sent = Vec::new();
    // The second day's history has all those messages in it.
    for as_of in [at("1998-05-07T09:00:00Z"), at("1998-05-08T09:00:00Z")] {
        let found = courier.find(&pack, as_of).await;
        let before = store.statements();
        let considered = pipeline::consider(&pack, &found, Some(&store), as_of).await.unwrap();
        assert_eq!(considered.report.totals.matches, u64::from(matches));
        let read = store.statements() - before;
        pipeline::commit(&pack, &found, &store, as_of, as_of).await.unwrap();
        let committed = store.statements() - before - read;
        sent.push((read, committed - read));
        assert_eq!(send_none_twice(&store, as_of).await, as_of == at("1998-05-07T09:00:00Z"));
    }
    sent.into_iter().max().unwrap()
}

/// Takes all that is ready, as a worker of another machine would, and says whether there was any.
async fn send_none_twice(store: &Store, wall: Instant) -> bool {
    let query = ClaimQuery {
        wall,
        lease: TimeDelta::days(30),
        limit: 100_000,
        channels: &["email".to_owned()],
        near_only: &[],
    };
    !store.claim(&query).await.unwrap().is_empty()
}

#[tokio::test]
async fn statements_grow_by_few_a_thousand_matches() {
    let (read, written) = statements(3_000).await;
    let (read_more, written_more) = statements(6_000).await;
    assert!(read <= 12, "{read} statements for 3,000 matches");
    assert!(read_more <= read + 3, "{read} statements, then {read_more}");
    // One table after the other, a thousand rows a statement.
    assert!(written_more <= written + 3 * 8, "{written} statements, then {written_more}");
}
