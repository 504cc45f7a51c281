//! Rows against rules: what matches, what raises, what is asked.

use super::*;
use crate::domain::{Ask, Asked, Channel, Column};

#[test]
fn a_row_matches_where_when_is_true() {
    let rule = loaded(STALLED_ORDER);
    let judge = |facts: &Facts| engine().judge(&rule, &batch(facts), now());
    assert_eq!(judge(&facts("1998-04-30", 0, "basic")).matched, [0]);
    assert_eq!(judge(&facts("1998-05-01", 0, "basic")), Judged::default());
    assert_eq!(judge(&facts("1998-04-30", 2, "basic")), Judged::default());
}

#[test]
fn a_batch_keeps_its_rows_apart() {
    let rule = loaded(&about_customers(
        "let limit = 10 / customer.n; limit > 3 || customer.name == \"Ana\"",
    ));
    let field = |name: &str| Field::Customer(name.to_owned());
    let columns = [
        (1..=5).map(Value::Int).collect(),
        [2, 0, 9, 3, 9].map(Value::Int).to_vec(),
        ["Bo", "Bo", "Ana", "Ana", "Bo"].map(text).to_vec(),
    ];
    let columns = columns.map(|column: Vec<Value>| Arc::new(Column::of(column))).to_vec();
    let fields = vec![field("customer_id"), field("n"), field("name")];
    let batch = Batch { layout: layout(About::Customers, fields), columns, broken: Vec::new() };
    let judged = engine().judge(&rule, &batch, now());
    assert_eq!(judged.matched, [0, 2, 3]);
    assert_eq!(judged.errors.len(), 1);
    let (row, error) = &judged.errors[0];
    assert_eq!((*row, error.line, error.column), (1, Some(3), Some(16)));
    assert_eq!(error.message, "it divides by zero: 10 / 0");
}

#[test]
fn a_field_that_is_not_there_is_an_error_and_never_absent() {
    let script = about_customers("customer.plan == ()");
    assert_eq!(verdict(&script, &[("plan", Value::Null)]), Ok(true));
    assert_eq!(verdict(&script, &[]), Err("3:1 `customer.plan` is not among the facts".to_owned()));
    let helper = "const TOPIC = \"a\"; fn f(c) { c.plan == () } fn when(customer) { f(customer) } fn then(customer) { email(\"a\") }";
    assert_eq!(verdict(helper, &[("plan", Value::Null)]), Ok(true));
    assert!(verdict(helper, &[]).unwrap_err().contains("`customer.plan` is not among the facts"));
}

#[test]
fn rhai_is_the_meaning() {
    let cases = [
        ("customer.n > 3", Value::Null, Ok(false)),
        ("customer.n == 0", Value::Null, Ok(false)),
        ("customer.n != 0", Value::Null, Ok(true)),
        ("customer.n == 5.0", Value::Int(5), Ok(true)),
        ("customer.n > 3", text("5"), Ok(false)),
        ("9 / 10 > 0.8", Value::Int(1), Ok(false)),
        ("customer.n == true", Value::Int(1), Ok(false)),
        ("customer.n > 0.0", Value::Float(f64::NAN), Ok(false)),
        ("customer.n?.len() == ()", Value::Null, Ok(true)),
        ("customer?.n.len() == 3", text("abc"), Ok(true)),
        ("customer.n.len == 3", text("abc"), Ok(true)),
        ("customer.n[0] == 'a'", text("abc"), Ok(true)),
        ("customer.n == 'a'", text("a"), Ok(true)),
        ("customer.n > 'a'", text("ab"), Ok(true)),
        ("customer.n > '0'", Value::Int(5), Ok(false)),
        ("customer.n in ['a', 'b']", text("a"), Ok(true)),
        ("(customer.n ?? 4) == 4", Value::Null, Ok(true)),
        ("\"b\" in customer.n", text("abc"), Ok(true)),
        ("`<${customer.n}>` == \"<7>\"", Value::Int(7), Ok(true)),
        (
            "switch customer.n { 1 | 2 => true, 3..6 if customer.n > 4 => true, _ => false }",
            Value::Int(5),
            Ok(true),
        ),
        ("let sum = 0; for i in 0..customer.n { sum += i; } sum == 10", Value::Int(5), Ok(true)),
        ("if customer.n > 3 { return true; } false", Value::Int(5), Ok(true)),
        ("try { customer.n + () } catch (error) { return true; } false", Value::Int(5), Ok(true)),
        ("[1, customer.n].contains(5) && #{ a: customer.n }.a == 5", Value::Int(5), Ok(true)),
        ("let list = [1, 2, 3]; list[customer.n] == 3", Value::Int(2), Ok(true)),
        ("let copy = customer.n; copy.trim(); copy == \"x\"", text(" x "), Ok(true)),
        ("type_of(customer.n) == \"()\"", Value::Null, Ok(true)),
        ("customer.n == 5;", Value::Int(5), Ok(true)),
    ];
    for (when, value, expected) in cases {
        // A field named `len` would be a row's field: only text has a length.
        let when = when.replace("customer.n.len ==", "customer.n.len() ==");
        assert_eq!(verdict(&about_customers(&when), &[("n", value)]), expected, "{when}");
    }
}

#[test]
fn errors_are_said_in_plain_words() {
    let mut all = String::new();
    for (when, value) in [
        ("customer.n + 1 > 3", Value::Null),
        ("!customer.n", Value::Null),
        ("-customer.n > 3", Value::Null),
        ("customer.n - \"a\" > 3", Value::Int(1)),
        ("\"a\" in customer.n", Value::Null),
        ("customer.n && true", Value::Null),
        ("if customer.n { true } else { false }", Value::Int(1)),
        ("customer.n * 9223372036854775807 > 1", Value::Int(2)),
        ("1 / customer.n > 1", Value::Int(0)),
        ("1 % customer.n > 1", Value::Int(0)),
        ("customer.n.len() > 1", Value::Null),
        ("customer.n.abs() > 1", text("x")),
        ("customer.n.trim(); true", text("x")),
        ("customer.n[0] == 1", Value::Null),
        ("customer.n[7] == 'a'", text("abc")),
        ("[1, 2][customer.n] == 1", Value::Int(5)),
        ("#{ a: 1 }.b == customer.n", Value::Int(5)),
        ("for x in customer.n { } true", Value::Int(5)),
        ("let x = (customer.n).foo; true", Value::Int(5)),
        ("days_since(customer.n) > 5", Value::Int(5)),
        ("days_since(customer.n) > 5", text("yesterday")),
        ("hours_until(customer.n) > 5", text("1998-02-30")),
        ("throw \"no such plan\"", Value::Int(5)),
        ("throw customer.n", Value::Int(5)),
        ("customer.n", Value::Int(5)),
        ("customer.n", text("yes")),
        ("while false { }", Value::Int(5)),
        ("if customer.n == 4 { true }", Value::Int(5)),
    ] {
        let error = verdict(&about_customers(when), &[("n", value.clone())]);
        let error = error.expect_err(when);
        writeln!(all, "{when}   with {} {value}\n    {error}", value.type_name()).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn an_error_in_a_helper_names_the_helpers_line() {
    let script = "const TOPIC = \"a\";\nconst LIMIT = 3;\n\nfn share(c) {\n    c.part / c.whole > LIMIT\n}\n\nfn when(customer) { share(customer) }\nfn then(customer) { email(\"a\") }";
    let cells = [("part", Value::Int(8)), ("whole", Value::Int(0))];
    assert_eq!(verdict(script, &cells), Err("5:12 it divides by zero: 8 / 0".to_owned()));
    assert_eq!(verdict(script, &[("part", Value::Int(8)), ("whole", Value::Int(2))]), Ok(true));
}

#[test]
fn then_is_collected_in_its_order() {
    let rule = loaded(STALLED_ORDER);
    let ask = |plan: &str, contacts| {
        engine()
            .ask(&rule, &facts("1998-04-30", 0, plan), EpisodeSoFar { contacts, days: 0 }, now())
            .unwrap()
    };
    let send =
        |channel: &str, template: &str| Ask::Send(Channel(channel.to_owned()), template.to_owned());
    let email = Asked { ask: send("email", "email"), assign: None, due: None, values: fields(&[]) };
    let phone = Asked {
        ask: send("phone", "task"),
        assign: Some("ana".to_owned()),
        due: Some("4h".parse().unwrap()),
        values: fields(&[("days", Value::Int(7))]),
    };
    assert_eq!(ask("basic", 0), [email]);
    assert_eq!(ask("basic", 1), ask("enterprise", 0));
    assert_eq!(ask("basic", 1), [phone]);

    let many = loaded(
        "const TOPIC = \"a\"; fn when(customer) { true } fn then(customer, episode) { contact(); send(\"sms\", \"short\", #{ n: episode.days }); task(\"task\", #{ assign: customer.owner, due: () }); email(\"e\", #{ a: 1.5, b: true, c: () }); }",
    );
    let facts = Facts { customer: fields(&[("owner", Value::Null)]), ..Facts::default() };
    let asked = engine().ask(&many, &facts, EpisodeSoFar { contacts: 1, days: 4 }, now()).unwrap();
    let asks: Vec<_> = asked.iter().map(|asked| asked.ask.clone()).collect();
    assert_eq!(
        asks,
        [Ask::Contact(vec![]), send("sms", "short"), send("task", "task"), send("email", "e")]
    );
    assert_eq!(asked[1].values, fields(&[("n", Value::Int(4))]));
    assert_eq!((&asked[2].assign, asked[2].due), (&None, None));
    assert_eq!(asked[3].values.len(), 3);
}

#[test]
fn verbs_say_what_they_need() {
    let mut all = String::new();
    for then in [
        "email(5)",
        "email(\"\")",
        "let x = 5; email(\"email\", x)",
        "send(\"phone\", \"task\")",
        "send(\"sms\", ())",
        "let x = \"ana\"; task(\"task\", x)",
        "let x = #{ asign: \"ana\" }; task(\"task\", x)",
        "let x = #{ order: 5 }; task(\"task\", x)",
        "let x = \"soon\"; task(\"task\", #{ due: x })",
        "let x = 5; phone(\"task\", #{ assign: x })",
        "let x = [1, 2]; email(\"email\", #{ list: x })",
        "let x = #{ customer: 1 }; contact(x)",
    ] {
        let rule = loaded(&format!(
            "const TOPIC = \"a\";\nfn when(customer) {{ true }}\nfn then(customer) {{\n{then};\n}}"
        ));
        let error =
            engine().ask(&rule, &Facts::default(), EpisodeSoFar::default(), now()).unwrap_err();
        writeln!(all, "{then}\n    {}:{} {error}", error.line.unwrap(), error.column.unwrap())
            .unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_condition_tells_what_it_read() {
    let place = crate::domain::Place::at("policy.toml", 7, 13, 1);
    let mut problems = Vec::new();
    let engine = engine();
    let condition =
        engine.condition("customer.tickets.open > 0", place.clone(), &mut problems).unwrap();
    assert_eq!(condition.reads(), [Field::Signal("tickets".into(), "open".to_owned())].into());
    let holds =
        |open| engine.holds(&condition, &facts("1998-04-30", open, "basic"), now()).unwrap();
    assert_eq!(holds(2), Some(fields(&[("customer.tickets.open", Value::Int(2))])));
    assert_eq!(holds(0), None);
    let broken = engine.condition("customer.n", place.clone(), &mut problems).unwrap();
    let facts = Facts { customer: fields(&[("n", Value::Int(1))]), ..Facts::default() };
    let error = engine.holds(&broken, &facts, now()).unwrap_err();
    assert_eq!(
        error.message,
        "the condition has to give true or false, and gave the whole number 1"
    );
    for wrong in ["customer.tickets.open >", "order.x > 0", "email(\"x\")", "customer"] {
        assert!(engine.condition(wrong, place.clone(), &mut problems).is_none(), "{wrong}");
    }
    insta::assert_snapshot!(told(&problems));
}

#[test]
fn the_same_rows_give_the_same_result() {
    let rule = loaded(STALLED_ORDER);
    let engine = engine();
    let facts = facts("1998-04-30", 0, "basic");
    let once = engine.judge(&rule, &batch(&facts), now());
    assert_eq!(engine.judge(&rule, &batch(&facts), now()), once);
    std::thread::scope(|threads| {
        let judged = threads.spawn(|| engine.judge(&rule, &batch(&facts), now())).join().unwrap();
        assert_eq!(judged, once);
    });
}
