//! Small scripts, each with what is said of it: the code and the text that is underlined.

mod flow;

use std::fmt::Write;

use crate::domain::{
    About, Absence, Absent, Batch, Facts, FieldType, FieldTypes, Kind, KnownFrom, Place, Problem,
    Severity, SignalName, Value,
};
use crate::rules::tests::{about_customers, engine, fields, loaded, now};

fn column(name: &str, kind: Kind, absence: Absence) -> (String, FieldType) {
    let kinds = [kind].into_iter().collect();
    (name.to_owned(), FieldType { kinds, absence, known_from: KnownFrom::Source })
}

/// A spine with a column of each kind that is always there, and of some kinds one that is not.
pub(super) fn types() -> FieldTypes {
    let empty = || Absence::Possible(Absent::Empty(3));
    let no_row = || Absence::Possible(Absent::NoRow("habits".into(), 0));
    let customers = [
        column("customer_id", Kind::Text, Absence::Impossible),
        column("plan", Kind::Text, Absence::Unseen),
        column("vip", Kind::Bool, Absence::Unseen),
        column("flag", Kind::Int, Absence::Unseen),
        column("orders", Kind::Int, Absence::Unseen),
        column("paid", Kind::Int, Absence::Unseen),
        column("share", Kind::Float, Absence::Unseen),
        column("since", Kind::Date, Absence::Unseen),
        column("seen", Kind::Instant, Absence::Unseen),
        column("note", Kind::Text, empty()),
        column("owes", Kind::Int, empty()),
        column("member", Kind::Bool, empty()),
        column("left", Kind::Date, empty()),
    ];
    let habits = [
        column("last", Kind::Date, no_row()),
        column("count", Kind::Int, Absence::Unseen),
        column("sum", Kind::Int, no_row()),
        column("spent", Kind::Int, Absence::Possible(Absent::NoRow("habits".into(), 2))),
    ];
    let signal = |name: &str| SignalName::from(name);
    FieldTypes([(signal("customers"), customers.into()), (signal("habits"), habits.into())].into())
}

pub(super) fn problems(script: &str) -> Vec<Problem> {
    super::rule(&loaded(script), &types())
}

/// Each problem as its code and what is underlined.
pub(super) fn told(script: &str) -> Vec<String> {
    let underlined = |problem: Problem| {
        let line = script.lines().nth(problem.place.line.unwrap() as usize - 1).unwrap();
        let from = problem.place.column.unwrap() as usize - 1;
        let text: String = line.chars().skip(from).take(problem.place.width as usize).collect();
        format!("{}: {text}", problem.code)
    };
    problems(script).into_iter().map(underlined).collect()
}

fn told_of(when: &str) -> Vec<String> {
    told(&about_customers(when))
}

#[test]
fn what_is_right_is_not_spoken_of() {
    let mut wrong = Vec::new();
    for when in [
        "customer.orders >= 3 && customer.plan == \"basic\"",
        "days_since(customer.since) >= 7",
        "days_since(customer.left) >= 7",
        "customer.habits.count == 0 && days_since(customer.habits.last) > 9",
        "let days = days_since(customer.habits.last); days >= 5 && days <= 10",
        "customer.left == () && customer.vip",
        "customer.left != () && days_since(customer.left) / 7 > 3",
        "customer.habits.last != () && customer.habits.sum * 2 > customer.orders",
        "switch customer.orders { 1 => true, /* \"old\" => false, */ _ => false }",
        "let late = days_since(customer.since) - 7; if late > 10 { true } else if late >= 0 { customer.vip } else { false }",
        "if customer.orders <= 10 { return false; } let more = customer.orders - 10; if more > 0 { customer.vip } else { false }",
        "clamp(customer.orders, 0, 100) > 3\n}\nfn clamp(x, low, high) { if x < low { low } else if x > high { high } else { x }",
        "between(customer.orders, 3, 9)\n}\nfn between(x, low, high) { low < high && x >= low && x <= high",
        "customer.orders > 100 && tier(customer) == 2\n}\nfn tier(c) { if c.orders < 10 { 1 } else if c.orders in [5, 7] { 3 } else { 2 }",
        "let pilot = \"DE\"; pilot == \"\" || customer.plan == pilot",
        "customer.since != \"\" && days_since(customer.since) > 7",
        "let known = customer.owes != (); known && customer.owes * 2 > 7",
        "let known = customer.owes != (); if known { customer.owes * 2 > 7 } else { false }",
        "let gone = customer.owes == (); if gone { return false; } customer.owes * 2 > 7",
        "let known = customer.habits.last != (); known && days_since(customer.habits.last) * 2 > 7",
        "let known = false; known = customer.owes != () && customer.vip; known && customer.owes * 2 > 7",
        "let known = is_known(customer.owes); known && customer.owes * 2 > 7\n}\nfn is_known(x) { x != ()",
        "(customer.owes ?? 0) > 5 && customer.owes * 2 > 12",
        "let owes = customer.owes ?? 0; if owes < 5 { return false; } customer.owes * 2 > 12",
        "0 != (customer.owes ?? 0) && 100 / customer.owes > 12",
        "(customer.habits.sum ?? 0) > 0 && customer.orders / customer.habits.sum >= 2",
        "if customer.habits.last == () { return true; } customer.habits.sum * 2 > customer.orders",
        "days_since(customer.habits.last) > 7 && customer.habits.sum * 2 > customer.orders",
        "customer.habits.last != () && days_since(customer.habits.last) + customer.habits.sum > 7",
        "customer.owes != () && customer.owes * 2 > 7",
        "(customer.owes ?? 0) * 2 > 7",
        "if customer.owes == () { return false; } customer.owes * 2 > 7",
        "days_since(customer.left) > 3 && days_since(customer.left) % 7 == 0",
        "customer.owes > 3 && customer.owes - 1 > 4",
        "customer.member == true || customer.member != true && customer.vip",
        "!(customer.member ?? false)",
        "customer.note != () && customer.note.contains(\"x\")",
        "(customer.note ?? \"\").len() > 3",
        "customer.note?.len() > 3",
        "customer.note == \"a\" || customer.note == \"b\"",
        "customer.plan in [\"basic\", \"pro\"]",
        "customer.orders in 1..10",
        "customer.paid * 1.0 / customer.orders > 0.8",
        "customer.paid / customer.orders > 3",
        "customer.paid / 100 * 100 == customer.paid",
        "customer.share > 0.8 && customer.share < 1",
        "customer.orders > 3 || customer.orders < 2",
        "customer.since >= \"1998-05-01\" && customer.since < \"1998-06-01\"",
        "customer.since == \"1998-05-01\"",
        "customer.nobody_knows > 3 || !customer.nobody_knows",
        "let score = 0; if customer.vip { score += 2; } if customer.orders > 3 { score += 3; } score >= 5",
        "if customer.orders > 30 { customer.vip } else if customer.orders <= 30 { customer.flag == 1 } else { false }",
        "customer.orders > 3 && !(customer.plan == \"basic\")",
        "switch customer.plan { \"basic\" => true, \"pro\" if customer.vip => false, _ => false }",
        "let n = 0; for i in 0..customer.orders { if i == 3 { n += 1; } } n > 0",
        "let n = 0; while n < 3 { n += 1; } n == 3",
        "let text = customer.plan; text.trim(); text == \"x\"",
        "let more = false; try { more = customer.owes * 2 > 3; } catch {} more",
        "try { return customer.owes * 2 > 3; } catch { return false; }",
        "for n in [1, 2] { if customer.orders == n { return true; } } false",
        "loop { for n in [1, 2] { break; } if customer.vip { return true; } return false; }",
        "let n = 0; while true { n += 1; if n > 3 { return customer.vip; } }",
        "let n = 0; loop { n += 1; if n > 3 { break customer.vip; } }",
        "true",
        "false",
        "late(customer, 3) || late(customer, 5)\n}\nfn late(c, days) {\n days_since(c.since) > days && days > 3",
        "is_known(customer.left) && days_since(customer.left) / 7 > 2\n}\nfn is_known(x) { x != ()",
        "let x = customer.owes; if x == () { x = 0; } x + 1 > 3",
        "customer.owes != () && (customer.owes < 3 || customer.owes * 2 > 90)",
        "`${customer.note}` == \"x\" || \"a\" + customer.note == \"ab\"",
        "customer.orders - customer.paid > 0 && customer.orders > 0",
        "customer.seen > \"1998-05-01\"",
        "customer.seen > \"1998-05-01T09:00:00Z\" || customer.since >= \"1998\"",
        "customer.since < \"1998-05\" && customer.plan > \"m\"",
        "let day = customer.plan; day = \"1998-05-01\"; days_since(day) > 3",
        "days_since(\"1998-05-01\") > 3 || hours_since(\"1998-05-01T09:00:00Z\") > customer.orders",
        "(customer.orders > 3) == customer.vip",
        "[customer.plan] == [\"pro\"]",
        "customer.plan == 'a' || customer.plan.contains('b')",
        "!(customer.vip && customer.flag == 1)",
        "customer.plan == \"a\" || customer.plan != \"a\" && customer.vip",
    ] {
        let told = told_of(when);
        wrong.extend((!told.is_empty()).then(|| format!("{when}\n    {told:?}")));
        let raises = rows().iter().any(|facts| comes_to(when, facts).is_none());
        wrong.extend(raises.then(|| format!("{when}\n    raises")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether these raise is for the values to say, and no value is seen here.
#[test]
fn what_only_values_could_show_is_not_spoken_of() {
    for when in [
        "days_since(customer.plan + \"-01-01\") > 3",
        "customer.note != () && parse_int(customer.note) > 3",
        "parse_float(customer.plan) > 3.5",
    ] {
        assert_eq!(told_of(when), [""; 0], "{when}");
    }
}

#[test]
fn each_mistake_is_told_once_where_it_stands() {
    let mut wrong = Vec::new();
    for (when, expected) in [
        // Kinds that never agree.
        ("customer.flag == true", "different-kinds: customer.flag == true"),
        ("customer.flag != false", "different-kinds: customer.flag != false"),
        ("customer.plan > 3", "different-kinds: customer.plan > 3"),
        ("customer.orders > \"5\"", "different-kinds: customer.orders > \"5\""),
        ("\"5\" > 3", "different-kinds: \"5\" > 3"),
        ("customer.since > 7 && customer.vip", "different-kinds: customer.since > 7"),
        ("customer.left > 7", "different-kinds: customer.left > 7"),
        (
            "days_since(customer.since) > \"1998-05-01\"",
            "different-kinds: days_since(customer.since) > \"1998-05-01\"",
        ),
        ("customer.plan in [\"a\", 3]", "different-kinds: 3"),
        ("customer.flag in [true]", "different-kinds: true"),
        ("customer.vip == \"true\"", "different-kinds: customer.vip == \"true\""),
        ("customer.since + 7 > \"1998-05-01\"", "different-kinds: customer.since + 7"),
        ("customer.left - customer.since > 7", "different-kinds: customer.left - customer.since"),
        ("switch customer.plan { 1 | 2 => true, _ => false }", "different-kinds: 1"),
        ("switch customer.flag { true => true, _ => { false } }", "different-kinds: true"),
        ("customer.orders == \"\"", "different-kinds: customer.orders == \"\""),
        ("customer.left == \"\"", "never-true: customer.left == \"\""),
        ("customer.orders > '0'", "different-kinds: customer.orders > '0'"),
        ("3 < customer.orders < 7", "different-kinds: 3 < customer.orders < 7"),
        ("customer.plan != [\"a\"]", "different-kinds: customer.plan != [\"a\"]"),
        ("[1, 2] == customer.orders", "different-kinds: [1, 2] == customer.orders"),
        // What is written like no date.
        ("customer.since < \"01.02.1998\"", "no-date: customer.since < \"01.02.1998\""),
        ("\"1998-5-1\" <= customer.left", "no-date: \"1998-5-1\" <= customer.left"),
        ("customer.seen > \"yesterday\"", "no-date: customer.seen > \"yesterday\""),
        // Whole numbers divided.
        ("9 / 10 > 0.8", "lost-fraction: 9 / 10"),
        ("customer.paid / customer.orders > 0.8", "lost-fraction: customer.paid / customer.orders"),
        ("0.5 < customer.paid / customer.orders", "lost-fraction: customer.paid / customer.orders"),
        (
            "customer.paid / customer.orders * 100 > 80",
            "lost-fraction: customer.paid / customer.orders",
        ),
        (
            "let part = customer.paid / customer.orders; part >= 0.5",
            "lost-fraction: customer.paid / customer.orders",
        ),
        // What may be absent.
        ("!customer.member", "may-be-absent: customer.member"),
        ("customer.member && customer.vip", "may-be-absent: customer.member"),
        ("customer.vip || customer.member", "may-be-absent: customer.member"),
        ("customer.member", "may-be-absent: customer.member"),
        ("if customer.member { true } else { false }", "may-be-absent: customer.member"),
        ("customer.note != \"gone\"", "may-be-absent: customer.note != \"gone\""),
        ("customer.member != false", "may-be-absent: customer.member != false"),
        (
            "customer.note != \"a\" && customer.note != \"b\"",
            "may-be-absent: customer.note != \"a\"",
        ),
        ("!(customer.note == \"gone\")", "may-be-absent: !(customer.note == \"gone\")"),
        ("!(customer.note in [\"a\", \"b\"])", "may-be-absent: !(customer.note in [\"a\", \"b\"])"),
        ("customer.note !in [\"a\", \"b\"]", "may-be-absent: customer.note !in [\"a\", \"b\"]"),
        ("customer.owes + 1 > 3", "may-be-absent: customer.owes"),
        ("-customer.owes > 3", "may-be-absent: customer.owes"),
        ("customer.owes in 1..3", "may-be-absent: customer.owes"),
        ("customer.note.contains(\"x\")", "may-be-absent: customer.note"),
        ("customer.note.len() > 3", "may-be-absent: customer.note"),
        ("\"x\" in customer.note", "may-be-absent: customer.note"),
        ("parse_int(customer.note) > 3", "may-be-absent: customer.note"),
        (
            "days_since(customer.habits.last) / 7 > 3",
            "may-be-absent: days_since(customer.habits.last)",
        ),
        ("days_since(customer.left) != 7", "may-be-absent: days_since(customer.left) != 7"),
        ("customer.owes * 2 > 3 && customer.owes * 3 > 9", "may-be-absent: customer.owes"),
        ("let x = customer.owes; x * 2 > 3", "may-be-absent: x"),
        // What was found out is found out on the other side only, or not at all.
        (
            "let gone = customer.owes == (); gone && customer.owes * 2 > 7",
            "may-be-absent: customer.owes",
        ),
        (
            "let known = customer.owes != (); (known || customer.vip) && customer.owes * 2 > 7",
            "may-be-absent: customer.owes",
        ),
        ("(customer.owes ?? 9) > 5 && customer.owes * 2 > 12", "may-be-absent: customer.owes"),
        // A default stands in for it where there is no row.
        (
            "customer.habits.count > 3 && customer.habits.sum * 2 > 3",
            "may-be-absent: customer.habits.sum",
        ),
        // It is empty in rows that are there.
        (
            "customer.habits.last != () && customer.habits.spent * 2 > 3",
            "may-be-absent: customer.habits.spent",
        ),
        ("double(customer.owes) > 3\n}\nfn double(x) { x * 2", "may-be-absent: x"),
        // Kinds that raise.
        ("!customer.orders", "wrong-kind: customer.orders"),
        ("customer.orders && customer.vip", "wrong-kind: customer.orders"),
        ("customer.plan * 2 > 3", "wrong-kind: customer.plan * 2"),
        ("days_since(customer.orders) > 3", "wrong-kind: days_since(customer.orders)"),
        ("days_since(customer.plan) > 3", "wrong-kind: days_since(customer.plan)"),
        ("days_since(\"1.5.1998\") > 3", "wrong-kind: days_since(\"1.5.1998\")"),
        ("parse_int(customer.orders) > 3", "wrong-kind: parse_int(customer.orders)"),
        ("customer.orders.contains(\"x\")", "wrong-kind: customer.orders.contains(\"x\")"),
        ("customer.plan in 1..3", "wrong-kind: customer.plan in 1..3"),
        ("customer.orders", "wrong-kind: customer.orders"),
        ("if customer.vip { true }", "may-be-absent: if"),
        ("let x = customer.vip;", "no-verdict: {"),
        ("for n in [1, 2] { if customer.orders == n { true } }", "no-verdict: for"),
        ("while customer.vip { customer.flag == 1 }", "no-verdict: while"),
        ("for n in [1, 2] { if customer.orders == n { return true; } }", "no-verdict: for"),
        ("try { customer.owes * 2 > 3 } catch { false }", "may-be-absent: try"),
        ("if customer.vip { return true; } let x = 3;", "no-verdict: {"),
        ("switch customer.plan { \"a\" => true, \"b\" => false }", "may-be-absent: switch"),
        ("customer.since == \"1998-5-1\"", "never-true: customer.since == \"1998-5-1\""),
        ("customer.seen == \"1998-05-07\"", "never-true: customer.seen == \"1998-05-07\""),
        // Always and never.
        ("customer.orders > 7 && customer.orders < 3", "never-true: customer.orders < 3"),
        (
            "days_since(customer.since) > 7 && days_since(customer.since) < 3",
            "never-true: days_since(customer.since) < 3",
        ),
        ("let days = days_since(customer.left); days > 7 && days < 3", "never-true: days < 3"),
        ("customer.plan == \"a\" && customer.plan == \"b\"", "never-true: customer.plan == \"b\""),
        (
            "customer.plan == \"a\" && customer.plan in [\"b\", \"c\"]",
            "never-true: customer.plan in [\"b\", \"c\"]",
        ),
        ("customer.plan != \"a\" && customer.plan == \"a\"", "never-true: customer.plan == \"a\""),
        ("customer.plan != \"a\" || customer.plan != \"b\"", "always-true: customer.plan != \"b\""),
        ("customer.orders > 3 && customer.orders > 2", "always-true: customer.orders > 2"),
        ("3 > 2", "always-true: 3 > 2"),
        ("customer.vip && true", "always-true: true"),
        ("customer.vip && false", "never-true: false"),
        ("customer.share > 7.5 && customer.share < 3.5", "never-true: customer.share < 3.5"),
        ("customer.orders > ()", "never-true: customer.orders > ()"),
        ("customer.customer_id == ()", "never-true: customer.customer_id == ()"),
        ("customer.plan.len() < 0", "never-true: customer.plan.len() < 0"),
        ("let score = 0; if customer.vip { score += 2; } score >= 5", "never-true: score >= 5"),
        ("let n = customer.owes ?? 0; n == ()", "never-true: n == ()"),
        (
            "if customer.orders > 3 { return true; } if customer.orders > 5 { return true; } false",
            "never-true: customer.orders > 5",
        ),
        // What nothing leads to.
        ("return customer.vip; customer.orders > 3", "unreachable: customer.orders > 3"),
        (
            "(customer.orders + 1) * 2 > (7) && (customer.flag) == (true)",
            "different-kinds: (customer.flag) == (true)",
        ),
    ] {
        let told = told_of(when);
        wrong.extend((told != [expected]).then(|| format!("{when}\n    {told:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_when_knows_then_knows_too() {
    let script = |when: &str| {
        format!(
            "const TOPIC = \"service\";\nfn when(customer) {{ {when} }}\n\
             fn then(customer) {{\n    if customer.member == true {{ contact(); }} else {{ email(\"email\", #{{ weeks: days_since(customer.left) / 7 }}); }}\n}}\n\
             fn resolved(customer) {{ email(\"email\", #{{ weeks: days_since(customer.left) / 7 }}); }}\n"
        )
    };
    let absent = "may-be-absent: days_since(customer.left)";
    assert_eq!(told(&script("days_since(customer.left) > 90")), [absent]);
    assert_eq!(told(&script("customer.vip")), [absent, absent]);
}

#[test]
fn problems_read_well() {
    let mut text = String::new();
    for when in [
        "customer.flag == true",
        "customer.plan > 3",
        "customer.since > 7",
        "customer.orders > \"5\"",
        "customer.paid / customer.orders > 0.8",
        "customer.note != \"gone\"",
        "!customer.member",
        "customer.owes + 1 > 3",
        "days_since(customer.habits.last) / 7 > 3",
        "customer.note.contains(\"x\")",
        "customer.owes in 1..3",
        "!customer.orders",
        "customer.orders > 7 && customer.orders < 3",
        "customer.plan != \"a\" || customer.plan != \"b\"",
        "customer.plan == \"a\" && customer.plan == \"b\"",
        "customer.left - customer.since > 7",
        "switch customer.plan { 1 => true, _ => false }",
        "if customer.vip { true }",
        "customer.since == \"1998-5-1\"",
        "customer.orders",
        "let x = 1;",
        "return customer.vip; false",
    ] {
        writeln!(text, "{when}").unwrap();
        for problem in problems(&about_customers(when)) {
            let Problem { severity, code, message, label, help, .. } = problem;
            writeln!(text, "  {severity:?}[{code}] {message}\n    ^ {label}\n    = {help}")
                .unwrap();
        }
    }
    insta::assert_snapshot!(text);
}

/// A customer of whom everything is known, and one of whom only what always is.
fn rows() -> [Facts; 2] {
    let text = |text: &str| Value::Text(text.to_owned());
    let always = [
        ("customer_id", text("RANCH")),
        ("plan", text("basic")),
        ("vip", Value::Bool(true)),
        ("flag", Value::Int(1)),
        ("orders", Value::Int(10)),
        ("paid", Value::Int(9)),
        ("share", Value::Float(0.5)),
        ("since", text("1998-04-01")),
        ("seen", text("1998-05-06T09:00:00Z")),
        ("nobody_knows", Value::Bool(true)),
    ];
    let there = [
        ("note", text("called")),
        ("owes", Value::Int(2)),
        ("member", Value::Bool(true)),
        ("left", text("1998-05-01")),
    ];
    let absent = there.clone().map(|(name, _)| (name, Value::Null));
    let row = |some: [(&str, Value); 4], [last, sum]: [Value; 2]| Facts {
        customer: fields(&[always.as_slice(), some.as_slice()].concat()),
        signals: [(
            "habits".to_owned(),
            fields(&[("last", last), ("count", Value::Int(0)), ("sum", sum)]),
        )]
        .into(),
        ..Facts::default()
    };
    [row(there, [text("1998-05-01"), Value::Int(40)]), row(absent, [Value::Null, Value::Null])]
}

/// What Rhai makes of a condition: true, false, or none where it raises.
fn comes_to(when: &str, facts: &Facts) -> Option<bool> {
    let rule = loaded(&about_customers(when));
    let judged = engine().judge(&rule, &Batch::of_facts(About::Customers, None, facts), now());
    judged.errors.is_empty().then_some(!judged.matched.is_empty())
}

#[test]
fn rhai_does_what_is_said_of_it() {
    let [there, absent] = rows();
    let (silently_false, silently_true) = (Some(false), Some(true));
    for (when, code, facts, expected) in [
        ("customer.flag == true", "different-kinds", &there, silently_false),
        ("customer.flag != true", "different-kinds", &there, silently_true),
        ("customer.plan > 3", "different-kinds", &there, silently_false),
        ("customer.plan < 3", "different-kinds", &there, silently_false),
        ("\"5\" > 3", "different-kinds", &there, silently_false),
        ("customer.since > 7", "different-kinds", &there, silently_false),
        ("customer.since + 7 == \"1998-04-017\"", "different-kinds", &there, silently_true),
        (
            "customer.left - customer.since == \"1998-05-01\"",
            "different-kinds",
            &there,
            silently_true,
        ),
        ("customer.flag in [true]", "different-kinds", &there, silently_false),
        (
            "switch customer.flag { true => true, _ => false }",
            "different-kinds",
            &there,
            silently_false,
        ),
        ("9 / 10 > 0.8", "lost-fraction", &there, silently_false),
        ("customer.paid / customer.orders > 0.8", "lost-fraction", &there, silently_false),
        ("customer.paid / customer.orders * 100 > 80", "lost-fraction", &there, silently_false),
        ("!customer.member", "may-be-absent", &absent, None),
        ("customer.member && customer.vip", "may-be-absent", &absent, None),
        ("customer.member || customer.vip", "may-be-absent", &absent, None),
        ("if customer.member { true } else { false }", "may-be-absent", &absent, None),
        ("customer.member", "may-be-absent", &absent, None),
        ("customer.note != \"gone\"", "may-be-absent", &absent, silently_true),
        ("customer.member != false", "may-be-absent", &absent, silently_true),
        ("!(customer.note == \"called\")", "may-be-absent", &absent, silently_true),
        ("!(customer.owes > 1)", "may-be-absent", &absent, silently_true),
        ("customer.note !in [\"called\"]", "may-be-absent", &absent, silently_true),
        ("days_since(customer.left) != 6", "may-be-absent", &absent, silently_true),
        ("customer.owes + 1 > 3", "may-be-absent", &absent, None),
        ("customer.owes - 1 > 3", "may-be-absent", &absent, None),
        ("customer.owes * 2 > 3", "may-be-absent", &absent, None),
        ("customer.owes / 2 > 3", "may-be-absent", &absent, None),
        ("customer.owes % 2 > 3", "may-be-absent", &absent, None),
        ("customer.owes ** 2 > 3", "may-be-absent", &absent, None),
        ("-customer.owes > 3", "may-be-absent", &absent, None),
        ("customer.owes.abs() > 3", "may-be-absent", &absent, None),
        ("customer.owes in 1..3", "may-be-absent", &absent, None),
        ("customer.note.contains(\"x\")", "may-be-absent", &absent, None),
        ("customer.note.starts_with(\"x\")", "may-be-absent", &absent, None),
        ("customer.note.ends_with(\"x\")", "may-be-absent", &absent, None),
        ("customer.note.len() > 3", "may-be-absent", &absent, None),
        ("customer.note.to_upper() == \"X\"", "may-be-absent", &absent, None),
        ("\"x\" in customer.note", "may-be-absent", &absent, None),
        ("customer.note in customer.plan", "may-be-absent", &absent, None),
        ("days_since(customer.habits.last) / 7 > 3", "may-be-absent", &absent, None),
        ("!customer.orders", "wrong-kind", &there, None),
        ("customer.vip && customer.orders", "wrong-kind", &there, None),
        ("customer.plan * 2 > 3", "wrong-kind", &there, None),
        ("days_since(customer.orders) > 3", "wrong-kind", &there, None),
        ("customer.orders.contains(\"x\")", "wrong-kind", &there, None),
        ("customer.orders.len() > 3", "wrong-kind", &there, None),
        ("customer.plan in 1..3", "wrong-kind", &there, None),
        ("customer.share in 1..3", "wrong-kind", &there, None),
        ("-customer.plan > 3", "wrong-kind", &there, None),
        ("customer.orders", "wrong-kind", &there, None),
    ] {
        let problems = problems(&about_customers(when));
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [code], "{when}");
        assert_eq!(comes_to(when, facts), expected, "{when}");
        let says_it_raises =
            ["fails where", "needs"].iter().any(|w| problems[0].message.contains(w));
        assert_eq!(says_it_raises, expected.is_none(), "{when}: {}", problems[0].message);
    }
}

#[test]
fn what_helps_helps() {
    let [there, absent] = rows();
    for (when, facts, expected) in [
        ("customer.flag == 1", &there, true),
        ("days_since(customer.since) > 7", &there, true),
        ("parse_int(\"5\") > 3", &there, true),
        ("parse_float(\"5.5\") > 3.5", &there, true),
        ("customer.paid * 1.0 / customer.orders > 0.8", &there, true),
        ("!(customer.member ?? false)", &absent, true),
        ("customer.member == true", &absent, false),
        ("customer.note != () && customer.note != \"gone\"", &absent, false),
        ("(customer.note == () || customer.note != \"gone\")", &absent, true),
        ("(customer.owes ?? 0) + 1 > 3", &absent, false),
        ("customer.owes != () && customer.owes in 1..3", &absent, false),
        ("customer.owes != () && customer.owes in 1..3", &there, true),
        ("(customer.note ?? \"\").contains(\"x\")", &absent, false),
        ("(days_since(customer.habits.last) ?? 0) / 7 > 3", &absent, false),
    ] {
        assert_eq!(told_of(when), [""; 0], "{when}");
        assert_eq!(comes_to(when, facts), Some(expected), "{when}");
    }
}

#[test]
fn a_condition_of_policy_is_read_in_its_place() {
    let place = Place::at("policy.toml", 7, 13, 38);
    let text = "customer.vip && customer.flag == true";
    let mut problems = Vec::new();
    let read = |text: &str, problems: &mut Vec<Problem>| {
        let place = Place { width: text.len() as u32 + 2, ..place.clone() };
        let condition = engine().condition(text, place, problems).unwrap();
        super::condition(&condition, &types())
    };
    let found = read(text, &mut problems);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code, "different-kinds");
    assert_eq!(found[0].place, Place::at("policy.toml", 7, 30, 21));
    assert_eq!(read("customer.orders > 3", &mut problems), []);
    assert_eq!(read("customer.orders", &mut problems)[0].severity, Severity::Error);
    assert_eq!(read("customer.member", &mut problems)[0].code, "may-be-absent");
}

#[test]
fn constants_that_nothing_reads_are_known() {
    let script = format!(
        "const USED = 3;\nconst INSIDE = 4;\nconst SPARE = 5;\n{}fn many(n) {{ n > INSIDE }}\n",
        about_customers("many(customer.orders) && customer.orders > USED")
    );
    let rule = loaded(&script);
    let unread: Vec<(&str, Option<u32>)> =
        super::unread_constants(&rule).into_iter().map(|(name, at)| (name, at.line)).collect();
    assert_eq!(unread, [("SPARE", Some(3))]);
}

#[test]
fn a_script_as_deep_as_rhai_takes_it_is_read() {
    let mut functions = String::new();
    for level in 0..8 {
        let (open, close) = ("(".repeat(20), " + 1)".repeat(20));
        let inner = if level == 7 { "n".to_owned() } else { format!("f{}(n)", level + 1) };
        functions += &format!("fn f{level}(n) {{ {open}{inner}{close} }}\n");
        let (ifs, ends) = ("if c.orders > 3 { ".repeat(8), "}".repeat(8));
        functions += &format!("fn g{level}(c) {{ {ifs}return g{}(c); {ends} false }}\n", level + 1);
    }
    functions += "fn g8(c) { c.flag == true }\n";
    let script = about_customers("f0(customer.orders) > 3 && g0(customer)") + functions.as_str();
    let problems = problems(&script);
    assert!(problems.iter().all(|problem| problem.code == "different-kinds"), "{problems:#?}");
}
