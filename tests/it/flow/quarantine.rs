//! A rule or a signal that fails takes nothing else down, and ends nothing.

use lookout::pipeline::Quarantine;

use super::*;

/// Many customers with a parcel each; every twentieth is hardly ever here.
fn busy(rules: &[(&str, &str)]) -> Courier {
    let courier = Courier::new(rules);
    courier.sql(
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 299)
         INSERT INTO people (id, name, email) SELECT 'c' || i, 'C' || i, 'c' || i || '@example.com' FROM n;
         INSERT INTO parcels SELECT 'p' || substr(id, 2), id,
             CASE WHEN id < 'c110' THEN '1998-04-20 00:00:00' ELSE '1998-05-06 00:00:00' END,
             NULL, CASE WHEN id > 'c294' THEN 30 ELSE 5 END FROM people;
         INSERT INTO visits SELECT id, 3 FROM people WHERE substr(id, 3) IN ('00', '20', '40', '60', '80', '99')",
    );
    courier
}

/// Of some decisions, those of one rule.
fn of<'a>(lines: &'a [String], rule: &str) -> Vec<&'a str> {
    lines.iter().map(String::as_str).filter(|line| line.starts_with(rule)).collect()
}

#[tokio::test]
async fn a_rule_that_fails_too_often_sits_the_run_out() {
    let all = [("lost", LOST), ("heavy", HEAVY), ("absent", ABSENT)];
    let courier = busy(&all);
    let store = courier.store().await;
    let first = courier.run(&store, "1998-05-07T09:00:00Z").await;
    assert_eq!(of(&told(&first), "heavy").len(), 5);
    send(&store, "1998-05-07T09:00:00Z").await;
    let before = open_episodes(&courier, &store).await;
    assert_eq!(of(&before, "heavy").len(), 5);

    // Nobody weighs three of them any more, nor are any of the heavy ones still heavy.
    courier.sql(
        "UPDATE parcels SET weight = NULL WHERE no IN ('p150', 'p151', 'p298');
                 UPDATE parcels SET weight = 5 WHERE weight = 30;
                 INSERT INTO parcels VALUES ('q1', 'c130', '1998-04-20 00:00:00', NULL, 40)",
    );
    let (pack, as_of) = (courier.pack(), at("1998-05-08T09:00:00Z"));
    std::fs::rename(courier.path("rules/heavy"), courier.path("heavy")).unwrap();
    let without = courier.pack();
    std::fs::rename(courier.path("heavy"), courier.path("rules/heavy")).unwrap();
    let found = courier.find(&pack, as_of).await;
    let expected = courier.find(&without, as_of).await;
    for store in [Some(&store), None] {
        let decided = pipeline::consider(&pack, &found, store, as_of).await.unwrap();
        let expected = pipeline::consider(&without, &expected, store, as_of).await.unwrap();
        let decisions = |c: &Considered| serde_json::to_string(&c.report.decisions).unwrap();
        assert_eq!(decisions(&decided), decisions(&expected));
        assert!(told(&decided).contains(&"lost q1 contact".to_owned()));
    }
    let second = courier.run(&store, "1998-05-08T09:00:00Z").await;
    assert!(matches!(second.rules[&"heavy".into()].quarantine, Some(Quarantine::Errors)));
    let tally = second.report.rules.iter().find(|tally| tally.rule.as_str() == "heavy").unwrap();
    assert_eq!((tally.errors, tally.quarantined), (3, true));
    let after = open_episodes(&courier, &store).await;
    assert_eq!(of(&after, "heavy"), of(&before, "heavy"), "nothing of it ends");
    assert!(after.contains(&"lost q1".to_owned()));

    // Back in health, it ends what is over.
    courier.sql("UPDATE parcels SET weight = 5 WHERE weight IS NULL");
    courier.run(&store, "1998-05-09T09:00:00Z").await;
    assert_eq!(of(&open_episodes(&courier, &store).await, "heavy"), ["heavy q1"]);
}

#[tokio::test]
async fn a_row_that_fails_ends_no_episode() {
    let courier = busy(&[("heavy", HEAVY)]);
    let store = courier.store().await;
    courier.run(&store, "1998-05-07T09:00:00Z").await;
    courier.sql(
        "UPDATE parcels SET weight = NULL WHERE no = 'p298';
                 UPDATE parcels SET weight = 5 WHERE no = 'p299'",
    );
    let second = courier.run(&store, "1998-05-08T09:00:00Z").await;
    let tally = &second.report.rules[0];
    assert_eq!((tally.errors, tally.matches, tally.quarantined), (1, 3, false));
    let open = open_episodes(&courier, &store).await;
    assert_eq!(open, ["heavy p295", "heavy p296", "heavy p297", "heavy p298"]);
}

#[tokio::test]
async fn a_signal_that_breaks_takes_down_only_the_rules_that_read_it() {
    let courier = busy(&[("lost", LOST), ("absent", ABSENT)]);
    let store = courier.store().await;
    let first = courier.run(&store, "1998-05-07T09:00:00Z").await;
    let absent = of(&told(&first), "absent").len();
    assert_eq!((absent, of(&told(&first), "lost").len()), (12, 10));
    let before = open_episodes(&courier, &store).await;

    courier.sql("ALTER TABLE visits DROP COLUMN minutes; UPDATE parcels SET arrived_at = '1998-05-07 10:00:00' WHERE no = 'p100'");
    let second = courier.run(&store, "1998-05-08T09:00:00Z").await;
    let problems = match &second.rules[&"absent".into()].quarantine {
        Some(Quarantine::Signals(problems)) => problems,
        other => panic!("{other:?}"),
    };
    assert!(problems[0].message.contains("minutes"), "{problems:#?}");
    assert!(second.rules[&"lost".into()].quarantine.is_none());
    let lines = told(&second);
    assert_eq!((of(&lines, "absent").len(), of(&lines, "lost").len()), (0, 9));
    let after = open_episodes(&courier, &store).await;
    assert_eq!(of(&after, "absent"), of(&before, "absent"));
    assert_eq!(of(&after, "lost"), of(&before, "lost")[1..]);
}
