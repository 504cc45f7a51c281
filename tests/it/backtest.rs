//! Replays of the demo's pack, and what they are worth: the same figures by plain SQL.

mod growth;
mod refusals;

use std::path::Path;

use lookout::demo::{Dialect, generated_sql, unpack};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{postgres, program::run};

const PERIOD: &str = "--from 1997-01-01 --to 1998-05-06";

/// Nobody is left out, put off, merged with somebody else or kept back.
const NOTHING_IN_THE_WAY: &str = r#"
    timezone = "Europe/Berlin"
    [topics.service]
    consent = "opt-out"
    ignore = ["quiet_hours", "cap", "outranked"]
    [working_hours]
    from = "09:00"
    to = "17:00"
    [[cap]]
    contacts = 1000
    per = "1d"
    [hold]
    rule = 1000000
    new_rule = 1000000
    everything = 1000000
    share = "100%"
    times_usual = 1000000
"#;

/// Everybody can be reached, at an address of their own.
const CUSTOMERS: &str = "
    SELECT c.customer_id, c.company_name AS name, c.contact_name,
           c.customer_id || '@example.com' AS email, '+4930' || (1000000 + c.rowid) AS phone,
           'Europe/Berlin' AS timezone, k.owner, k.plan
    FROM customers c JOIN customer_contacts k ON k.customer_id = c.customer_id";

/// Each order on the first morning of the period on which it was seven days old and not shipped:
/// it is shipped from the morning of that day on. Plain SQL on the company's own tables.
const TOLD: &str = "
    WITH stalled AS (
        SELECT order_id, customer_id, order_date, required_date, shipped_date,
               MAX(DATE(order_date, '+7 days'), '1997-01-01') AS told_on
        FROM orders),
    told AS (
        SELECT * FROM stalled
        WHERE told_on <= '1998-05-06' AND (shipped_date IS NULL OR shipped_date > told_on)),
    late AS (
        SELECT * FROM stalled
        WHERE required_date > '1997-01-01' AND required_date <= '1998-05-06'
          AND (shipped_date > required_date OR shipped_date IS NULL))
    ";

fn demo() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    unpack(folder.path()).unwrap();
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// The demo, with nothing between an order that stalls and its customer.
fn with_nothing_in_the_way() -> TempDir {
    let folder = demo();
    write(folder.path(), "rules/policy.toml", NOTHING_IN_THE_WAY);
    write(folder.path(), "rules/signals/customers.sql", CUSTOMERS);
    for rule in std::fs::read_dir(folder.path().join("rules")).unwrap() {
        let rule = rule.unwrap().path();
        if rule.is_dir() && !rule.ends_with("signals") && !rule.ends_with("stalled-order") {
            std::fs::remove_dir_all(rule).unwrap();
        }
    }
    folder
}

fn json(folder: &Path, line: &str) -> Value {
    serde_json::from_str(&run(folder, &format!("{line} --format json")).fine()).unwrap()
}

/// One number, by a query that goes on from `TOLD`.
fn counted(database: &Connection, query: &str) -> i64 {
    database.query_row(&format!("{TOLD}{query}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn it_counts_what_plain_sql_counts() {
    let folder = with_nothing_in_the_way();
    let figures = json(folder.path(), &format!("backtest {PERIOD} --outcome late_deliveries"));
    let database = Connection::open(folder.path().join("northwind.db")).unwrap();
    let count = |query: &str| counted(&database, query);

    let rule = &figures["rules"][0];
    assert_eq!(rule["rule"], "stalled-order");
    // Orders of one customer that stall on one day are one message.
    let messages = count("SELECT COUNT(DISTINCT customer_id || told_on) FROM told");
    let solved = "SELECT COUNT(DISTINCT customer_id || shipped_date) FROM told
                  WHERE shipped_date <= '1998-05-06'";
    let solved = count(solved);
    assert!(messages > 200 && solved > 150, "{messages} {solved}");
    assert_eq!(rule["last_words"], solved);
    assert_eq!(rule["contacts"], messages + solved);
    assert_eq!(
        rule["first_run"],
        count("SELECT COUNT(DISTINCT customer_id) FROM told WHERE told_on = '1997-01-01'")
    );
    assert_eq!(rule["customers"], count("SELECT COUNT(DISTINCT customer_id) FROM told"));
    let days = (messages + solved) as f64 / 491.0;
    assert_eq!(rule["a_day"], (days * 100.0).round() / 100.0);

    // A contact a day, to the day: those that tell of something, and those that say it is over.
    let by_day = "SELECT day, SUM(messages) FROM (
            SELECT told_on AS day, COUNT(DISTINCT customer_id) AS messages FROM told GROUP BY 1
            UNION ALL
            SELECT shipped_date, COUNT(DISTINCT customer_id) FROM told
            WHERE shipped_date <= '1998-05-06' GROUP BY 1)
        GROUP BY day ORDER BY day";
    let mut statement = database.prepare(&format!("{TOLD}{by_day}")).unwrap();
    let expected: Vec<(String, i64)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let days = figures["days"].as_array().unwrap().iter();
    let days = days
        .map(|day| (day["day"].as_str().unwrap().to_owned(), day["contacts"].as_i64().unwrap()));
    assert_eq!(days.collect::<Vec<_>>(), expected);

    // How long an order had waited when its customer was told.
    let middle = "SELECT CAST(JULIANDAY(told_on) - JULIANDAY(order_date) AS INTEGER) FROM told
                  ORDER BY 1 LIMIT 1 OFFSET (SELECT (COUNT(*) + 1) / 2 - 1 FROM told)";
    let time = &rule["times"][0];
    assert_eq!(time["measure"], "days_since(order.order_date)");
    assert_eq!(time["count"], count("SELECT COUNT(*) FROM told"));
    assert_eq!(time["median"], count(middle));
    let most = "SELECT MAX(JULIANDAY(told_on) - JULIANDAY(order_date)) FROM told";
    assert_eq!(
        time["most"],
        count(&most.replace("MAX(", "CAST(MAX(").replace(") FROM", ") AS INTEGER) FROM"))
    );

    // And who was told before the order was late.
    let outcome = &figures["outcome"];
    let late = count("SELECT COUNT(*) FROM late");
    let told = count(
        "SELECT COUNT(*) FROM late JOIN told USING (order_id) WHERE told.told_on < late.required_date",
    );
    assert!(late > 20 && told > 10, "{late} {told}");
    assert_eq!((&outcome["outcomes"], &outcome["told"]), (&late.into(), &told.into()));
    let share = (told as f64 / late as f64 * 1000.0).round() / 1000.0;
    assert_eq!(outcome["share"], share);
    let lead = "SELECT CAST(JULIANDAY(late.required_date) - JULIANDAY(told_on) AS INTEGER)
                FROM late JOIN told USING (order_id) WHERE told_on < late.required_date
                ORDER BY 1 LIMIT 1 OFFSET (SELECT (COUNT(*) + 1) / 2 - 1
                    FROM late JOIN told USING (order_id) WHERE told_on < late.required_date)";
    let lead = lead.replace(" told_on", " told.told_on").replace("(told_on", "(told.told_on");
    assert_eq!(outcome["lead_days"]["median"], count(&lead));
    let by_rule = &outcome["rules"][0];
    assert_eq!(by_rule["matched_by"], "order_id");
    assert_eq!(by_rule["contacts"], count("SELECT COUNT(*) FROM told"));
    let followed = count(
        "SELECT COUNT(*) FROM told JOIN orders o USING (order_id)
         WHERE o.required_date > told_on AND o.required_date <= '1998-05-06'
           AND (o.shipped_date > o.required_date OR o.shipped_date IS NULL)",
    );
    assert_eq!(by_rule["followed"], followed);
}

/// The pack's zone is of no account: the last day is in it, the one after is not.
#[test]
fn nothing_of_the_day_after_is_counted() {
    let folder = with_nothing_in_the_way();
    let policy = NOTHING_IN_THE_WAY.replace("Europe/Berlin", "UTC");
    write(folder.path(), "rules/policy.toml", &policy);
    let line = "backtest --from 1998-04-01 --to 1998-05-05 --outcome late_deliveries";
    let figures = json(folder.path(), line);
    let database = Connection::open(folder.path().join("northwind.db")).unwrap();
    let late = "SELECT COUNT(*) FROM orders
         WHERE required_date > '1998-04-01' AND required_date <= ?
           AND (shipped_date > required_date OR shipped_date IS NULL)";
    let late =
        |until: &str| -> i64 { database.query_row(late, [until], |row| row.get(0)).unwrap() };
    assert!(late("1998-05-05") < late("1998-05-06"));
    assert_eq!(figures["outcome"]["outcomes"], late("1998-05-05"));
    assert_eq!(figures["last_day"], "1998-05-05");

    // What waits for the midnight after it has not left.
    let quiet = policy.replace("ignore = [\"quiet_hours\", ", "ignore = [");
    let quiet = format!("{quiet}\n[quiet_hours]\nfrom = \"18:00\"\nto = \"00:00\"\n");
    write(folder.path(), "rules/policy.toml", &quiet);
    let customers = CUSTOMERS.replace("Europe/Berlin", "UTC");
    write(folder.path(), "rules/signals/customers.sql", &customers);
    let line = "backtest --from 1998-05-03 --to 1998-05-03 --at 19:00";
    let figures = json(folder.path(), line);
    assert_eq!(figures["totals"]["contacts"], 0, "{}", figures["days"]);
    let figures =
        json(folder.path(), &line.replace("--to 1998-05-03", "--to 1998-05-04T00:00:00Z"));
    assert!(figures["totals"]["contacts"].as_i64() > Some(0));
    assert_eq!(
        (&figures["last_day"], &figures["days"][0]["day"]),
        (&"1998-05-04".into(), &"1998-05-04".into())
    );
}

#[test]
fn the_demo_replayed() {
    let folder = demo();
    let line =
        "backtest --from 1998-04-01 --to 1998-05-06 --outcome late_deliveries --html page.html";
    let told = run(folder.path(), line).fine();
    let (before, after) = told.split_once("pack ").unwrap();
    insta::assert_snapshot!("the_demo_replayed", format!("{before}pack …{}", &after[12..]));
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert_eq!(page.matches("<section>").count(), 8, "every part has something to show");
    for outside in ["http:", "https:", "src=", "url(", "<script", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Nothing of it is written down, and it reads no books.
    assert!(!folder.path().join("lookout.db").exists());
    // A customer is known by the id only.
    assert!(!page.contains("Alfreds") && !told.contains("Alfreds"));
}

#[test]
fn runs_that_decided_nothing_are_said_without_a_cure_that_is_none() {
    let folder = demo();
    let sql = std::fs::read_to_string(folder.path().join("rules/signals/customers.sql")).unwrap();
    let sql = format!(
        "SELECT * FROM ({}) WHERE date(:as_of) NOT BETWEEN '1998-04-10' AND '1998-04-12'",
        sql.trim_end().trim_end_matches(';')
    );
    write(folder.path(), "rules/signals/customers.sql", &sql);
    let line = "backtest --from 1998-04-08 --to 1998-04-14 --html page.html";
    let told = run(folder.path(), line).fine();
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    for told in [told, page] {
        assert!(told.contains("3 runs decided nothing: by the data of then"), "{told}");
        assert!(!told.contains("lookout approve"), "{told}");
    }
}

#[test]
fn the_same_again_gives_the_same_bytes() {
    let folder = demo();
    let line = "backtest --from 1998-04-01 --to 1998-04-14 --outcome late_deliveries --format json";
    let first = run(folder.path(), &format!("{line} --html a.html"));
    let second = run(folder.path(), &format!("{line} --html a.html"));
    assert_eq!(first.fine(), second.fine());
    let page = || std::fs::read(folder.path().join("a.html")).unwrap();
    let before = page();
    run(folder.path(), &format!("{line} --html a.html")).fine();
    assert_eq!(before, page());
}

#[test]
fn what_would_be_held_is_taken_as_approved_and_said() {
    let folder = with_nothing_in_the_way();
    let policy = NOTHING_IN_THE_WAY.replace("share = \"100%\"", "share = \"1%\"");
    write(folder.path(), "rules/policy.toml", &policy);
    // Every order is told about at once.
    let rule = folder.path().join("rules/stalled-order/rule.rhai");
    let script = std::fs::read_to_string(&rule).unwrap();
    std::fs::write(&rule, script.replace(">= PATIENCE", ">= -PATIENCE * 1000")).unwrap();
    let sql =
        "-- key: order_id\nSELECT customer_id, order_id, order_date, required_date FROM orders
               WHERE order_date <= :as_of";
    write(folder.path(), "rules/signals/orders.sql", sql);
    let figures = json(folder.path(), "backtest --from 1998-05-01 --to 1998-05-03");
    let rule = &figures["rules"][0];
    let customers = 89;
    assert_eq!(rule["held"], serde_json::json!({ "messages": customers, "days": 1 }));
    assert_eq!(rule["contacts"], customers, "they leave at the second run");
    assert_eq!(figures["days"][0]["day"], "1998-05-02");
    let limits = figures["limits"].to_string();
    assert!(
        limits.contains("[hold] would have kept back 89 messages of stalled-order on 1 day"),
        "{limits}"
    );
}

/// A date of a server and a text of a file are the same date.
#[tokio::test]
async fn both_databases_give_the_same_figures() {
    let url = postgres::database().await;
    let dump = std::fs::read_to_string("demo/northwind/northwind.sql").unwrap();
    postgres::execute(&url, &dump).await;
    postgres::execute(&url, &generated_sql(Dialect::Postgres)).await;
    let folder = demo();
    let line = "backtest --from 1998-04-27 --to 1998-05-06 --outcome late_deliveries";
    let mut figures =
        [line.to_owned(), format!("{line} --source {url}")].map(|line| json(folder.path(), &line));
    assert!(figures[0]["outcome"]["told"].as_i64() > Some(0), "{}", figures[0]["outcome"]);
    for figures in &mut figures {
        figures["source"].take();
    }
    assert_eq!(figures[0], figures[1]);
}

#[test]
fn what_the_data_hold_never_becomes_markup() {
    let folder = with_nothing_in_the_way();
    let customers = CUSTOMERS.replace("k.owner", "'<u>' || k.owner || '\"' AS owner");
    write(folder.path(), "rules/signals/customers.sql", &customers);
    run(folder.path(), "backtest --from 1998-05-05 --to 1998-05-06 --html page.html").fine();
    let page = std::fs::read_to_string(folder.path().join("page.html")).unwrap();
    assert!(page.contains("&lt;u&gt;") && !page.contains("<u>"), "{page}");
}
