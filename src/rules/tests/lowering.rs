//! What becomes of scripts in their typed form: how far it goes, and that it says what Rhai says.

use super::*;
use crate::domain::Column;
use crate::predicate::Reach;

/// Rows that conditions trip over: every column with something of every kind in it.
fn rows() -> Batch {
    let nasty = || {
        let numbers = [0, 1, 7, 8, 60, -3, i64::MAX, i64::MIN].map(Value::Int);
        let fractions = [0.0, -0.0, 7.5, f64::NAN, f64::INFINITY, 0.1 + 0.2].map(Value::Float);
        let texts = ["", "basic", "größer", "7", "1998-04-20", "1998-05-07T08:00:00Z"].map(text);
        let others = [Value::Null, Value::Bool(true), Value::Bool(false), Value::Null];
        numbers.into_iter().chain(fractions).chain(texts).chain(others).collect::<Vec<_>>()
    };
    let turned = |by: usize| {
        let mut values = nasty();
        values.rotate_left(by);
        Arc::new(Column::of(values))
    };
    let names = ["customer_id", "n", "plan", "since", "flag"];
    let fields = names.map(|name| Field::Customer(name.to_owned())).to_vec();
    // The first value of a column settles its type: whole numbers, texts, dates as text, bools.
    let columns = vec![turned(0), turned(3), turned(14), turned(18), turned(21)];
    Batch { layout: layout(About::Customers, fields), columns, broken: Vec::new() }
}

fn reach(when: &str) -> Reach {
    let rule = loaded(&about_customers(when));
    let engine = engine();
    let batch = rows();
    let by_rhai = engine.judge(&rule, &batch, now());
    let by_columns = engine.panel([&rule]).judge(&batch, now());
    assert_eq!(by_columns, [by_rhai], "{when}");
    rule.condition.reach()
}

#[test]
fn what_authors_write_has_a_typed_form() {
    for when in [
        "customer.n >= 7 && customer.plan == \"basic\"",
        "!customer.flag || customer.n % 2 == 0",
        "days_since(customer.since) >= 7 || hours_until(customer.since) < 3",
        "customer.plan in [\"basic\", \"größer\"] && customer.n in 1..8",
        "customer.plan != () && customer.plan.starts_with(\"b\") && customer.plan.len() > 3",
        "(customer.n ?? 3) * 2 - 1 > -customer.n",
        "customer.n == 7.5 || customer.n / 2 < 3.5",
        "let days = days_since(customer.since); days >= 7 && days < 60",
        "if customer.flag { return false; } customer.n > 1",
        "if customer.n == 7 { return true; } if customer.plan == \"7\" { return false; } !customer.flag",
        "let score = 0; if customer.n > 5 { score += 2; } if customer.plan == \"7\" { score += 3 } score >= 3",
        "let x = 1; { let x = 5; } x == customer.n",
        "if customer.flag { customer.n > 1 } else if customer.n == 0 { true } else { customer.plan == () }",
        "let n = if customer.flag == true { 7 } else { customer.n }; n == 7",
        "return customer.since > \"1998-05-01\";",
    ] {
        assert_eq!(reach(when), Reach::Whole, "{when}");
    }
}

#[test]
fn functions_of_the_script_are_put_in_their_place() {
    let when = "calm(customer, 1) && twice(customer.n) > 10
}
fn calm(who, least) { who.flag == true && who.n > least || quiet(who) }
fn quiet(customer) { customer.plan == \"basic\" }
fn twice(n) { let unused = n / 0.0; n *= 2; n";
    assert_eq!(reach(when), Reach::Whole);
    assert_eq!(
        reach("round(customer.n) }\nfn round(n) { if n > 0 { round(n - 1) } else { true }"),
        Reach::Part
    );
}

#[test]
fn the_rest_is_left_to_rhai() {
    for (when, what) in [
        ("customer.n > 5 && customer.plan.to_upper() == \"BASIC\"", "a call of `to_upper`"),
        (
            "if customer.n == () { return false; } for i in 0..3 { if i == customer.n { return true; } } false",
            "a loop",
        ),
        ("customer.n > 1 && `${customer.n}` == \"7\"", "a text with values in it"),
    ] {
        let rule = loaded(&about_customers(when));
        assert_eq!(rule.condition.stopped().last().unwrap().what, what);
        assert_eq!(reach(when), Reach::Part, "{when}");
    }
    let changed = "let s = \"a\"; customer.n == 7 && { s.make_upper(); true } && s == \"A\"";
    assert_eq!(reach(changed), Reach::Part);
    assert_eq!(reach("customer.plan.to_upper() == \"BASIC\" && customer.n > 5"), Reach::Nothing);
    assert_eq!(reach("let n = 0; while n < 3 { n += 1; } n == customer.n"), Reach::Nothing);
}

/// A variable that is used again and again doesn't make the form grow without end.
#[test]
fn what_grows_too_large_is_left_to_rhai() {
    let doubling = "x = x + x; ".repeat(20);
    let when = format!("let x = customer.n; {doubling} x > 5");
    assert_eq!(reach(&when), Reach::Nothing);
    let scores = "if customer.n > 3 { score += 1; } ".repeat(40);
    assert_eq!(reach(&format!("let score = 0; {scores} score > 5")), Reach::Whole);
}

#[test]
fn what_rules_share_is_judged_once() {
    let engine = engine();
    let first = loaded(&about_customers("customer.n > 5 && customer.plan == \"basic\""));
    let second = loaded(&about_customers("customer.plan == \"basic\" && !(customer.n > 5)"));
    let batch = rows();
    let judged = engine.panel([&first, &second]).judge(&batch, now());
    assert_eq!(judged[0], engine.judge(&first, &batch, now()));
    assert_eq!(judged[1], engine.judge(&second, &batch, now()));
}
