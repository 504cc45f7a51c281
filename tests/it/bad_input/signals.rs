//! Signals that only the database shows to be wrong. The rules that read them sit out, and say so;
//! the others go on.

use super::company::*;
use crate::support::postgres;

/// What a person reads of a signal that is broken by `from` → `to`, with rows added by `sql`.
///
/// On the second day only the rule that does not read it goes on; on the third it is mended, and
/// nobody hears twice.
fn sits_out(file: &str, from: &str, to: &str, sql: &str) -> String {
    let company = Company::after_the_first_day();
    company.shop(sql);
    company.change(file, from, to);
    let (check, run) = (company.lookout("check"), company.run(SECOND_DAY));
    assert_eq!((check.code, run.code), (1, 4), "{}{}", check.whole(), run.whole());
    assert_eq!(company.contacts(), ["ANA late-order sent", "DORA welcome sent"]);
    assert_eq!(company.mail().len(), 2);
    assert_eq!(company.episodes(), ["ANA late-order", "DORA welcome"], "none of the rule's ends");
    company.restore(file);
    assert_eq!(company.run(THIRD_DAY).code, 0);
    let all = ["ANA late-order sent", "BEN late-order sent", "DORA welcome sent"];
    assert_eq!(company.contacts(), all);
    assert_eq!(company.mail().len(), 3);
    [check.whole(), run.whole()].join("\n")
}

/// What a person reads where the customers themselves can't be read: nobody hears anything.
fn stops_all(file: &str, from: &str, to: &str, sql: &str) -> String {
    let company = Company::after_the_first_day();
    company.shop(sql);
    if !file.is_empty() {
        company.change(file, from, to);
    }
    let before = company.books();
    let (check, run) = (company.lookout("check"), company.run(SECOND_DAY));
    assert_eq!(run.code, 2, "{}", run.whole());
    assert_eq!(company.books(), before);
    [check.whole(), run.whole()].join("\n")
}

#[test]
fn a_query_that_the_database_refuses() {
    insta::assert_snapshot!(sits_out(ORDERS, "FROM orders", "FORM orders", ""));
}

#[test]
fn a_signal_without_customer_id() {
    let others = sits_out(ORDERS, "person AS customer_id", "person", "");
    let customers = stops_all(CUSTOMERS, "id AS customer_id, ", "", "");
    insta::assert_snapshot!([others, customers].join("\n"));
}

#[test]
fn two_rows_for_one_customer() {
    let twice = "INSERT INTO tickets VALUES ('CID', '1998-04-21')";
    let each = "-- default: open = 0\nSELECT person AS customer_id, 1 AS open\nFROM tickets\n\
                WHERE opened_on <= :as_of\n";
    let others = sits_out(TICKETS, "", each, twice);
    let again = "INSERT INTO people VALUES ('ANA', 'Anna', 'anna@example.com', '1998-01-01')";
    insta::assert_snapshot!([others, stops_all("", "", "", again)].join("\n"));
}

#[test]
fn ids_of_another_type_on_sqlite() {
    insta::assert_snapshot!(sits_out(ORDERS, "person AS customer_id", "id AS customer_id", ""));
}

#[tokio::test]
async fn ids_of_another_type_on_postgresql() {
    let company = Company::new();
    let url = postgres::database().await;
    postgres::execute(&url, SHOP).await;
    company.change("lookout.toml", "sqlite:shop.db", &url);
    assert_eq!(company.run(FIRST_DAY).code, 0);
    company.change(ORDERS, "person AS customer_id", "id AS customer_id");
    let (check, run) = (company.lookout("check"), company.run(SECOND_DAY));
    assert_eq!((check.code, run.code), (1, 4));
    assert_eq!(company.contacts(), ["ANA late-order sent", "DORA welcome sent"]);
    assert_eq!(company.episodes(), ["ANA late-order", "DORA welcome"]);
    let said = [check.whole(), run.whole()].join("\n");
    insta::assert_snapshot!(without_server(&said, &url));
}

/// A function that writes is stopped by the database itself.
#[tokio::test]
async fn a_query_that_writes_behind_a_functions_back() {
    let company = Company::new();
    let url = postgres::database().await;
    let sneak = "CREATE FUNCTION sneak() RETURNS INTEGER LANGUAGE sql AS \
                 'DELETE FROM orders RETURNING 1'";
    postgres::execute(&url, &format!("{SHOP} {sneak}")).await;
    company.change("lookout.toml", "sqlite:shop.db", &url);
    company.change(ORDERS, "total,", "sneak() AS total,");
    let (check, run) = (company.lookout("check"), company.run(SECOND_DAY));
    assert_eq!((check.code, run.code), (1, 4));
    assert_eq!(company.contacts(), ["DORA welcome sent"]);
    company.restore(ORDERS);
    assert_eq!(company.run(THIRD_DAY).code, 0);
    assert_eq!(company.contacts().len(), 3, "both orders are still there");
    let said = [check.whole(), run.whole()].join("\n");
    insta::assert_snapshot!(without_server(&said, &url));
}

#[test]
fn a_column_that_is_not_there() {
    insta::assert_snapshot!(sits_out(WORDS, "Dear {{ customer.name", "Dear {{ customer.nmae", ""));
}

#[test]
fn a_row_without_an_id() {
    let key = sits_out(ORDERS, "id AS order_id", "NULLIF(id, 2) AS order_id", "");
    let nobody = "INSERT INTO people VALUES (NULL, 'Nobody', 'x@example.com', '1998-01-01')";
    insta::assert_snapshot!([key, stops_all("", "", "", nobody)].join("\n"));
}

/// Names of servers differ from machine to machine.
pub fn without_server(said: &str, url: &str) -> String {
    let (server, database) = url.rsplit_once('/').unwrap();
    let host = server.rsplit_once('@').unwrap().1;
    said.replace(host, "<server>").replace(database, "<database>")
}
