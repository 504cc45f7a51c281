//! Rows that hold what nobody expected: each is counted, shown and harmless.

use serde_json::Value;

use super::company::*;
use super::signals::without_server;
use crate::support::postgres;

fn dry_run(company: &Company) -> String {
    let said = company.lookout(&format!("dry-run --as-of {SECOND_DAY}"));
    assert_eq!(said.code, 0, "{}", said.whole());
    said.whole()
}

#[test]
fn rows_without_a_customer_are_counted_and_shown() {
    let company = Company::after_the_first_day();
    company.shop("INSERT INTO orders VALUES (9, 'ZOE', 1, '1998-04-01'), (10, NULL, 1, NULL)");
    company.shop("INSERT INTO orders VALUES (11, NULL, 1, '1998-04-01')");
    let before = company.books();
    let json = company.lookout(&format!("dry-run --as-of {SECOND_DAY} --format json"));
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(report["totals"]["orphans"], 2);
    let said = dry_run(&company);
    assert_eq!(company.books(), before);
    assert_eq!(company.run(SECOND_DAY).code, 0);
    assert_eq!(company.mail().len(), 3);
    insta::assert_snapshot!(said);
}

#[test]
fn what_is_absent_is_absent() {
    let company = Company::after_the_first_day();
    company.shop(
        "UPDATE people SET name = NULL, email = NULL WHERE id = 'BEN';
         UPDATE people SET name = NULL WHERE id = 'DORA';
         INSERT INTO orders VALUES (3, 'CID', NULL, '1998-04-01');
         DELETE FROM tickets",
    );
    assert_eq!(company.lookout("approve --signal tickets --yes").code, 0);
    let dry_run = dry_run(&company);
    let dora = company.lookout(&format!("dry-run --as-of {SECOND_DAY} --message DORA"));
    assert_eq!(company.run(SECOND_DAY).code, 0);
    assert_eq!(
        company.contacts(),
        ["ANA late-order sent", "CID late-order sent", "DORA welcome sent"]
    );
    insta::assert_snapshot!([dry_run, dora.whole()].join("\n"));
}

#[test]
fn an_absent_value_in_a_calculation() {
    let company = Company::after_the_first_day();
    company.shop("UPDATE orders SET total = NULL WHERE id = 1");
    company.change(RULE, "days_since(", "order.total / 2 > 1.0 && days_since(");
    let run = company.run(SECOND_DAY);
    assert_eq!(run.code, 4);
    assert_eq!(company.contacts(), ["ANA late-order sent", "DORA welcome sent"]);
    assert_eq!(company.episodes(), ["ANA late-order", "DORA welcome"]);
    let explained = company.lookout(&format!("explain ANA --rule late-order --as-of {SECOND_DAY}"));
    insta::assert_snapshot!([run.whole(), explained.whole()].join("\n"));
}

/// A rule sits out where too many of its rows fail; else only the row does.
#[test]
fn text_that_is_not_utf8() {
    let told = ["1%", "60%"].map(|errors| {
        let company = Company::after_the_first_day();
        company.change(POLICY, "timezone", &format!("errors = \"{errors}\"\ntimezone"));
        company.shop("UPDATE people SET name = CAST(x'426ae92e' AS TEXT) WHERE id = 'BEN'");
        let run = company.run(SECOND_DAY);
        match errors {
            "1%" => {
                assert_eq!(run.code, 4);
                assert_eq!(company.contacts(), ["ANA late-order sent"]);
            }
            _ => {
                assert_eq!(run.code, 0);
                assert_eq!(company.contacts(), ["ANA late-order sent", "DORA welcome sent"]);
            }
        }
        assert!(company.episodes().contains(&"ANA late-order".to_owned()));
        format!("──── errors = {errors}\n{}", run.whole())
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[tokio::test]
async fn what_is_no_number() {
    let company = Company::new();
    let url = postgres::database().await;
    postgres::execute(&url, SHOP).await;
    postgres::execute(&url, "UPDATE orders SET total = 'NaN' WHERE id = 2").await;
    company.change("lookout.toml", "sqlite:shop.db", &url);
    company.change(RULE, "days_since(", "!(order.total > 15.0) && days_since(");
    company.change(WORDS, "is late", "over {{ order.total }} is late");
    let run = company.run(SECOND_DAY);
    assert_eq!(run.code, 0, "{}", run.whole());
    let ben = company
        .lookout(&format!("dry-run --as-of {SECOND_DAY} --message BEN --state sqlite:none.db"));
    let explained = company.lookout(&format!("explain BEN --rule late-order --as-of {SECOND_DAY}"));
    let said = [run.whole(), ben.whole(), explained.whole()].join("\n");
    assert_eq!(company.mail().len(), 3);
    insta::assert_snapshot!(without_server(&said, &url));
}

/// A server may write such a key otherwise than a rule sees it; the customer is known all the same.
#[tokio::test]
async fn a_key_that_is_an_instant() {
    let company = Company::new();
    let url = postgres::database().await;
    postgres::execute(&url, SHOP).await;
    company.change("lookout.toml", "sqlite:shop.db", &url);
    company.change(ORDERS, "id AS order_id", "placed_on + id * INTERVAL '1 hour' AS order_id");
    let run = company.run(FIRST_DAY);
    assert_eq!(run.code, 0, "{}", run.whole());
    assert_eq!(company.contacts(), ["ANA late-order sent"]);
    postgres::execute(
        &url,
        "ALTER TABLE people ADD refusals TEXT; UPDATE people SET refusals = '*'",
    )
    .await;
    company.change(CUSTOMERS, "email,", "email, refusals,");
    company.change(RULE, "days_since(", "customer.email != () && days_since(");
    let refused = company.run(SECOND_DAY);
    assert_eq!(refused.code, 0, "{}", refused.whole());
    assert_eq!(company.contacts(), ["ANA late-order sent"]);
}

#[test]
fn an_address_that_is_none() {
    let told =
        ["ben at example", "ben@", "ben@example.com\nBcc: all@example.com", " "].map(|bad| {
            let company = Company::after_the_first_day();
            company.shop(&format!("UPDATE people SET email = '{bad}' WHERE id = 'BEN'"));
            let said = dry_run(&company);
            assert_eq!(company.run(SECOND_DAY).code, 0);
            assert_eq!(company.contacts(), ["ANA late-order sent", "DORA welcome sent"]);
            format!("──── {bad:?}\n{said}")
        });
    insta::assert_snapshot!(told.join("\n"));
}
