//! What a backtest refuses, each with the file and the cure.

use super::{demo, write};
use crate::support::program::run;

/// Everything on stderr of a backtest that must be refused.
fn refused(folder: &std::path::Path, options: &str) -> String {
    let ran = run(folder, &format!("backtest --from 1998-05-01 --to 1998-05-06 {options}"));
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    ran.err
}

#[test]
fn a_signal_that_never_asks_what_time_it_is_is_refused() {
    let folder = demo();
    let sql = "-- key: order_id\nSELECT customer_id, order_id, order_date, required_date\n\
               FROM orders WHERE shipped_date IS NULL";
    write(folder.path(), "rules/signals/orders.sql", sql);
    let told = refused(folder.path(), "");
    insta::assert_snapshot!("a_signal_that_knows_the_future", told);
    // A rule that does not read it can be replayed.
    let line = "backtest --from 1998-05-01 --to 1998-05-06 --rule churn-risk";
    assert_eq!(run(folder.path(), line).code, 0);
}

#[test]
fn a_page_is_written_over_nothing_but_a_page() {
    let folder = demo();
    let policy = folder.path().join("rules/policy.toml");
    let before = std::fs::read(&policy).unwrap();
    let told = refused(folder.path(), "--html rules/policy.toml");
    assert!(told.contains("is there already and is no page of a backtest"), "{told}");
    assert_eq!(std::fs::read(&policy).unwrap(), before);
    let told = refused(folder.path(), "--html nowhere/page.html");
    assert!(told.contains("its folder does not exist"), "{told}");
    let left = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(!left.into_iter().any(|name| name.to_string_lossy().starts_with(".tmp")));
}

#[test]
fn outcomes_must_say_when_they_happened() {
    let folder = demo();
    let told = refused(folder.path(), "--outcome late_delivery");
    assert!(told.contains("did you mean `late_deliveries`?"), "{told}");
    let told = refused(folder.path(), "--outcome deliveries");
    insta::assert_snapshot!("an_outcome_without_a_date", told);
    let told = refused(folder.path(), "--outcome habits");
    assert!(told.contains("`-- key: order_id` and `-- happened: cancelled_at`"), "{told}");
    let sql = "-- key: order_id\n-- happened: ship_city\n\
               SELECT customer_id, order_id, ship_city FROM orders WHERE order_date < :as_of";
    write(folder.path(), "rules/signals/cities.sql", sql);
    let told = refused(folder.path(), "--outcome cities");
    assert!(told.contains("holds what tells no time") && told.contains("cities.sql"), "{told}");
    let sql = "-- key: order_id\n-- happened: shipped\n\
               SELECT customer_id, order_id FROM orders WHERE order_date < :as_of";
    write(folder.path(), "rules/signals/cities.sql", sql);
    let told = refused(folder.path(), "--outcome cities");
    assert!(
        told.contains("`-- happened:` names `shipped`, which the query doesn't give"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let folder = demo();
    let told = refused(folder.path(), "--as-of 1998-05-07");
    assert!(told.contains("say --from and --to in place of --as-of"), "{told}");
    let told = refused(folder.path(), "--rule stalled-orders");
    assert!(told.contains("did you mean `stalled-order`?"), "{told}");
    run(folder.path(), "snapshot save now.snap --as-of 1998-05-07T09:00:00Z").fine();
    let told = refused(folder.path(), "--source snapshot:now.snap");
    assert!(told.contains("a snapshot holds one instant"), "{told}");
}
