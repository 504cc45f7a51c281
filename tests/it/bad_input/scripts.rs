//! Scripts that Rhai takes without a word, and that `check` knows better: by what the columns of a
//! database hold, and where none is at hand, by the queries and the facts of the cases.

use super::company::*;

const WITHOUT_SOURCE: (&str, &str) = ("[source]\nurl = \"sqlite:shop.db\"\n", "");

fn wrong() -> Company {
    let company = Company::new();
    company.shop("UPDATE people SET email = NULL WHERE id = 'CID'");
    company.change(
        RULE,
        "const PATIENCE = 7;",
        "const PATIENCE = 7;\nconst SPARE = 3;\nconst LARGE = \"20\";",
    );
    company.change(
        RULE,
        "days_since(order.placed_on) > PATIENCE &&",
        "order.placed_on > PATIENCE && order.total > LARGE\n        && customer.email != \"\" &&",
    );
    company.change(
        RULE,
        "    email(\"email\");",
        "    if customer.tickets.open > 3 && customer.tickets.open < 1 { email(\"email\"); }\n    \
         email(\"email\", #{ part: customer.tickets.open / 10 * 1.5 });",
    );
    company.change(
        POLICY,
        "consent = \"opt-out\"",
        "consent = \"opt-out\"\nmute_when = \"!customer.tickets.open\"",
    );
    company
}

#[test]
fn a_script_is_held_against_the_database() {
    let company = wrong();
    let said = company.lookout("check --as-of 1998-05-07T09:00:00Z");
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.whole());
}

#[test]
fn a_script_is_held_against_the_cases_where_there_is_no_database() {
    let company = wrong();
    company.change("lookout.toml", WITHOUT_SOURCE.0, WITHOUT_SOURCE.1);
    company.change(RULE, "order.total", "order.totl");
    let said = company.lookout("check");
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.whole());
}

#[test]
fn what_is_right_stays_right_without_a_database() {
    let company = Company::new();
    company.change("lookout.toml", WITHOUT_SOURCE.0, WITHOUT_SOURCE.1);
    let said = company.lookout("check");
    assert_eq!(said.code, 0, "{}", said.whole());
    // A `*` may give anything; only what looks like a slip of the pen is told.
    company.change(
        ORDERS,
        "SELECT person AS customer_id, id AS order_id, total, placed_on",
        "SELECT *",
    );
    assert_eq!(company.lookout("check").code, 0);
    company.change(RULE, "order.placed_on", "order.placed_onn");
    let said = company.lookout("check");
    assert!(said.whole().contains("did you mean `placed_on`?"), "{}", said.whole());
    company.change(RULE, "order.placed_onn", "order.shipped_on");
    assert_eq!(company.lookout("check").code, 0);
}
