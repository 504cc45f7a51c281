//! What a replay costs grows with its days, not with their square.

use chrono::{NaiveDate, TimeDelta};
use lookout::backtest::{Edge, Period, Replay};
use lookout::pack;

use super::demo;

/// The statements that a replay of some days of 1997 sends to its books, both ends among them.
async fn statements(first: i64, last: i64) -> u64 {
    let folder = demo();
    let pack = pack::load(&folder.path().join("rules")).pack.unwrap();
    let url = format!("sqlite:{}", folder.path().join("northwind.db").display());
    let day = |number| NaiveDate::from_ymd_opt(1997, 1, 1).unwrap() + TimeDelta::days(number - 1);
    let every = "1d".parse().unwrap();
    let period = Period { from: Edge::Day(day(first)), to: Edge::Day(day(last)), every, at: None };
    let steps = period.steps(&pack.policy.calendar).unwrap();
    assert_eq!(steps.runs.len() as i64, last - first + 1);
    let replay =
        Replay { pack: &pack, others: false, url: &url, steps: &steps, every, outcome: None };
    replay.run(&|_| {}).await.unwrap().statements
}

#[tokio::test]
async fn the_same_days_cost_the_same_however_many_came_before() {
    let alone = statements(41, 50).await;
    let after_forty = statements(1, 50).await - statements(1, 40).await;
    assert!(alone > 100, "{alone} statements");
    assert!(
        after_forty * 10 <= alone * 11,
        "{alone} statements alone, {after_forty} after 40 days"
    );
}
