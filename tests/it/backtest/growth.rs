//! What a replay costs grows with its days, not with their square.

use super::demo;

use lookout::backtest::{Period, Replay};
use lookout::pack;

/// The statements that a replay of so many days of 1997 sends to its books.
async fn statements(days: u32) -> u64 {
    let folder = demo();
    let pack = pack::load(&folder.path().join("rules")).pack.unwrap();
    let url = format!("sqlite:{}", folder.path().join("northwind.db").display());
    let first = chrono::NaiveDate::from_ymd_opt(1997, 1, 1).unwrap();
    let last = first + chrono::TimeDelta::days(i64::from(days) - 1);
    let every = "1d".parse().unwrap();
    let period = Period {
        from: lookout::backtest::Edge::Day(first),
        to: lookout::backtest::Edge::Day(last),
        every,
        at: None,
    };
    let steps = period.steps(&pack.policy.calendar).unwrap();
    assert_eq!(steps.runs.len(), days as usize);
    let replay =
        Replay { pack: &pack, others: false, url: &url, steps: &steps, every, outcome: None };
    replay.run(&|_| {}).await.unwrap().statements
}

#[tokio::test]
async fn a_day_costs_the_same_however_many_came_before() {
    let (short, long) = (statements(10).await, statements(40).await);
    let (few, many) = (short as f64 / 10.0, long as f64 / 40.0);
    assert!(few > 10.0, "{few} statements a day");
    assert!(many < few * 1.25, "{few} statements a day at first, {many} later");
}
