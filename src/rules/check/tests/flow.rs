//! What is known by the way that a script takes: through functions, variables and constants.

use super::{comes_to, problems, rows, told, told_of};
use crate::rules::tests::about_customers;

#[test]
fn a_named_constant_may_be_a_switch() {
    for (constants, when) in [
        ("const PILOT = \"DE\";", "PILOT == \"\" || customer.plan == PILOT"),
        ("const LIMIT = 3;", "LIMIT > 0 && customer.orders > LIMIT"),
        ("const LIMIT = 0;", "if LIMIT * 2 == 0 { true } else { customer.orders > LIMIT }"),
        ("const LEAST = 0;", "customer.plan.len() >= LEAST"),
        ("const PILOT = \"DE\";", "PILOT in [\"DE\", \"PT\"] && customer.vip"),
    ] {
        let script = format!("{constants}\n{}", about_customers(when));
        assert_eq!(told(&script), [""; 0], "{when}");
    }
}

#[test]
fn what_is_known_is_said_as_it_was_written() {
    for (when, label) in [
        (
            "customer.share > 7.5 && customer.share < 3.5",
            "what comes before leaves `customer.share` at 7.5 or more",
        ),
        (
            "customer.share * 100 > 3 && customer.share > 4999.7 && customer.share < 499.9",
            "what comes before leaves `customer.share` at 4999.7 or more",
        ),
        (
            "customer.orders > 3 && customer.orders + 1 > 2",
            "what comes before leaves `customer.orders + 1` at 5 or more",
        ),
        ("3 > 2", "nothing in it changes from row to row"),
    ] {
        let labels: Vec<String> =
            problems(&about_customers(when)).into_iter().map(|problem| problem.label).collect();
        assert_eq!(labels, [label], "{when}");
    }
}

#[test]
fn a_function_is_judged_by_all_its_calls() {
    let script = |calls: &str| {
        about_customers(&format!("{calls}\n}}\nfn many(n, limit) {{\n    n > limit && limit > 3"))
    };
    assert_eq!(told(&script("many(customer.orders, 5) || many(customer.paid, 2)")), [""; 0]);
    // It may be right for other values than those that it is called with today.
    assert_eq!(told(&script("many(customer.orders, 5)")), [""; 0]);
    assert_eq!(
        told(&script("many(customer.orders, 5) || many(customer.plan, 2)")),
        ["different-kinds: n > limit"]
    );
}

#[test]
fn a_function_that_calls_itself_is_read_in_no_time() {
    let script = about_customers(
        "f(customer, 6) && customer.flag == true\n}\nfn f(c, n) {\n    if n == 0 { c.orders > 3 } else { f(c, n - 1) && f(c, n - 1) && f(c, n - 1) }",
    );
    let began = std::time::Instant::now();
    problems(&script);
    assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn what_would_change_a_fact_raises() {
    let [there, _] = rows();
    for call in [
        "trim()",
        "clear()",
        "replace(\"a\", \"b\")",
        "crop(1)",
        "truncate(1)",
        "remove(\"a\")",
        "pop()",
        "pad(9, \"x\")",
        "make_upper()",
        "make_lower()",
    ] {
        let when = format!("customer.plan.{call} == \"x\"");
        assert_eq!(told_of(&when), [format!("changed-fact: customer.plan.{call}")]);
        assert_eq!(comes_to(&when, &there), None, "{when}");
        let right = format!("let copy = customer.plan; copy.{call}; copy == \"x\"");
        assert_eq!(told_of(&right), [""; 0], "{right}");
        assert_eq!(comes_to(&right, &there), Some(false), "{right}");
    }
}
