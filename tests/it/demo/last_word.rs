//! What becomes of the demo when its stalled orders ship: whoever was told hears it once, and a call
//! that somebody has in hand is marked as solved.

use std::path::Path;

use serde_json::Value;

use super::unpacked;
use crate::support::program::{files, run};

const NEXT_DAY: &str = "--as-of 1998-05-08T10:30:00Z";

/// The mails that say that an order is on its way, in whatever language.
fn last_words(folder: &Path) -> usize {
    let outbox = run(folder, "outbox --only sent --format json").json();
    let outreaches = outbox["outreaches"].as_array().unwrap().iter();
    let told = |o: &&Value| o["rule"] == "stalled-order" && o["run"] == "1998-05-08T10:30:00Z";
    let keys: Vec<_> = outreaches.filter(told).map(|o| o["key"].as_str().unwrap()).collect();
    let mails = files(&folder.join("mail"));
    assert!(keys.iter().all(|key| mails.contains_key(&format!("{key}.eml"))), "{keys:?}");
    keys.len()
}

#[test]
fn what_was_stalled_and_ships_is_told_once_and_its_call_is_solved() {
    let demo = unpacked();
    let demo = demo.path();
    run(demo, "run --as-of 1998-05-07T09:00:00Z").fine();
    assert_eq!(run(demo, "tasks --take 4 --by Ana").fine(), "Task 4 is with Ana.\n");
    let again = run(demo, "tasks --take 4");
    assert_eq!((again.code, again.err.as_str()), (2, "error: task 4 is taken already, by Ana\n"));
    let database = rusqlite::Connection::open(demo.join("northwind.db")).unwrap();
    let ships = "UPDATE orders SET shipped_date = '1998-05-07 18:00:00'
         WHERE shipped_date IS NULL AND order_date <= '1998-05-01'";
    assert!(database.execute(ships, []).unwrap() > 10);

    let why = run(demo, &format!("explain ERNSH --rule stalled-order {NEXT_DAY}")).fine();
    insta::assert_snapshot!("explain_what_is_over", why);
    let why = run(demo, &format!("explain BLAUS --rule stalled-order {NEXT_DAY} --format json"));
    let gone = &why.json()["subjects"][0];
    assert_eq!((&gone["matched"], &gone["facts"]), (&Value::Bool(false), &Value::Null));
    assert_eq!(gone["decisions"][0]["outcome"], "contact");

    run(demo, &format!("run {NEXT_DAY}")).fine();
    assert_eq!(last_words(demo), 4);
    let tasks = run(demo, "tasks --format json").json();
    let call = tasks["tasks"].as_array().unwrap().iter().find(|task| task["id"] == 4).unwrap();
    assert_eq!((&call["taken_by"], &call["done_at"]), (&"Ana".into(), &Value::Null));
    assert_eq!(call["solved_because"], serde_json::json!({ "gone": true }));

    run(demo, &format!("run {NEXT_DAY}")).fine();
    run(demo, "run --as-of 1998-05-09T10:30:00Z").fine();
    let outbox = run(demo, "outbox --format json").json();
    let about: Vec<_> = outbox["outreaches"].as_array().unwrap().iter().collect();
    let of_it = about.iter().filter(|o| o["rule"] == "stalled-order" && o["state"] == "sent");
    assert_eq!(of_it.count(), 8, "four were told of it, and four that it is over");
}
