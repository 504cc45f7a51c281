//! Cases as people write them, and as they miswrite them.

use std::fmt::Write;

use super::*;
use crate::domain::{Channel, SubjectId, Value, format_instant, parse_instant};

const CASES: &str = r#"
[base]
as_of = 1998-05-07T09:00:00Z
customer = { customer_id = "RANCH", plan = "basic", since = 1996-07-04, tickets = { open = 0, late = false } }
order = { order_id = 11019, freight = 1.5 }

[[case]]
name = "a week is too long"
order = { order_date = "1998-04-30", seen_at = 1998-05-01T12:00:00+02:00 }
expect = { email = "email", subject_contains = "11019" }

[[case]]
name = "not while they wait for an answer"
as_of = "1998-05-08T09:00:00Z"
customer = { plan = "pro", tickets = { open = 1_000 } }
matching_for = "2d"
contacts = [{ rule = "churn-risk", ago = "1h" }, { rule = "x", ago = "2d", channel = "sms", subject = 7 }]
expect = { refused = "cap", deferred = "1998-05-09T06:00:00Z" }

[[case]]
name = "quiet"
expect = { no_match = true }

[[case]]
name = "later"
expect = { deferred = true, whatsapp = "short" }
"#;

fn load_text(text: &str) -> (Vec<Case>, Vec<Problem>) {
    load_about(Some("order"), text)
}

fn load_about(subject: Option<&str>, text: &str) -> (Vec<Case>, Vec<Problem>) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cases.toml");
    std::fs::write(&file, text).unwrap();
    let mut problems = Vec::new();
    let cases = load(&file, subject, &mut problems);
    (cases, problems)
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[test]
fn a_case_stands_on_the_base() {
    let (cases, problems) = load_text(CASES);
    assert_eq!(problems, []);
    let [week, waiting, quiet, later] = cases.as_slice() else { panic!("{cases:?}") };
    assert_eq!(week.name, "a week is too long");
    assert_eq!((week.place.line, week.place.column), (Some(7), Some(1)));
    assert_eq!(format_instant(&week.as_of), "1998-05-07T09:00:00Z");
    assert_eq!(week.facts.customer["since"], text("1996-07-04"));
    assert_eq!(week.facts.subject["order_id"], Value::Int(11019));
    assert_eq!(week.facts.subject["freight"], Value::Float(1.5));
    assert_eq!(week.facts.subject["order_date"], text("1998-04-30"));
    assert_eq!(week.facts.subject["seen_at"], text("1998-05-01T10:00:00Z"));
    assert_eq!(week.expect.asks, [(Channel("email".to_owned()), "email".to_owned())]);
    assert_eq!(week.expect.subject_contains.as_deref(), Some("11019"));
    assert_eq!((week.matching_for, week.contacts.len()), (None, 0));

    assert_eq!(waiting.facts.customer["plan"], text("pro"));
    assert_eq!(waiting.facts.customer["customer_id"], text("RANCH"));
    let tickets = &waiting.facts.signals["tickets"];
    assert_eq!((&tickets["open"], &tickets["late"]), (&Value::Int(1000), &Value::Bool(false)));
    assert_eq!(waiting.matching_for.unwrap().to_string(), "2d");
    let [churn, other] = waiting.contacts.as_slice() else { panic!() };
    assert_eq!((churn.channel.0.as_str(), &churn.subject), ("email", &None));
    assert_eq!((other.channel.0.as_str(), &other.subject), ("sms", &Some(SubjectId::from("7"))));
    assert_eq!(waiting.expect.refused.as_deref(), Some("cap"));
    let until = parse_instant("1998-05-09T06:00:00Z").unwrap();
    assert_eq!(waiting.expect.deferred, Some(Deferred::Until(until)));

    assert!(quiet.expect.no_match);
    assert_eq!(later.expect.deferred, Some(Deferred::Sometime));
    assert_eq!(later.expect.asks, [(Channel("whatsapp".to_owned()), "short".to_owned())]);
}

#[test]
fn what_plays_out_stands_on_what_was_before() {
    let (cases, problems) = load_text(
        r#"
[base]
customer = { customer_id = "RANCH", plan = "basic", tickets = { open = 0 } }
order = { order_id = 11019, order_date = "1998-04-30" }

[[case]]
name = "Told once; & then Größe: no more!"
as_of = "1998-05-06T09:00:00Z"
golden = true
expect = { nothing = true }

[[case.step]]
after = "1d"
customer = { plan = "pro", tickets.open = 2 }
rivals = ["churn-risk"]
expect = { contact = true, body_contains = "a", body_lacks = "b" }

[[case.step]]
after = "3h"
absent = ["customer.plan", "customer.tickets.open", "order.order_date"]
gone = true
expect = { refused = { reason = "cap", free_at = "1998-05-09T09:00:00Z", contacts = 1 } }

[[case.step]]
after = "1m"
expect = { contact = false, assign = "ana@example.com", due_at = "1998-05-08" }
"#,
    );
    assert_eq!(problems, []);
    let [case] = cases.as_slice() else { panic!("{cases:?}") };
    assert_eq!(case.file_stem(), "told-once-then-größe-no-more");
    assert!(case.golden && case.expect.nothing);
    let [told, gone, after] = case.steps.as_slice() else { panic!("{case:?}") };
    assert_eq!((format_instant(&told.as_of).as_str(), told.gone), ("1998-05-07T09:00:00Z", false));
    assert_eq!((&told.facts.customer["plan"], told.rivals.len()), (&text("pro"), 1));
    assert_eq!(told.facts.signals["tickets"]["open"], Value::Int(2));
    assert_eq!(told.expect.contact, Some(true));
    assert_eq!(told.expect.body_lacks.as_deref(), Some("b"));
    assert_eq!((gone.gone, gone.facts.customer.get("plan")), (true, None));
    assert_eq!(gone.facts.subject["order_id"], Value::Int(11019));
    assert!(
        gone.facts.signals["tickets"].is_empty() && !gone.facts.subject.contains_key("order_date")
    );
    assert_eq!(gone.expect.refused.as_deref(), Some("cap"));
    assert_eq!(gone.expect.evidence["free_at"], text("1998-05-09T09:00:00Z"));
    // What is gone stays gone, and what is absent stays absent.
    assert_eq!(format_instant(&after.as_of), "1998-05-07T12:01:00Z");
    assert!(after.gone && !after.facts.customer.contains_key("plan") && after.rivals.is_empty());
    assert_eq!(after.expect.due_at, parse_instant("1998-05-08T00:00:00Z"));
}

#[test]
fn each_row_of_a_table_is_a_case() {
    let (cases, problems) = load_text(
        r#"
[base]
customer = { customer_id = "RANCH", plan = "basic" }

[[case]]
name = "idle"
as_of = "1998-05-07T09:00:00Z"
order = { order_id = 11019, order_date = "1998-04-30" }
expect = { email = "email" }
each = [
    { name = "a week" },
    { name = "less", order.order_date = "1998-05-01", expect = { no_match = true } },
    { name = "later", as_of = "1998-05-08T09:00:00Z", customer.plan = "pro", matching_for = "2d" },
]
"#,
    );
    assert_eq!(problems, []);
    let [week, less, later] = cases.as_slice() else { panic!("{cases:?}") };
    assert_eq!((week.name.as_str(), week.place.line), ("idle: a week", Some(11)));
    assert_eq!(week.expect.asks.len(), 1);
    assert_eq!((less.expect.no_match, less.expect.asks.len()), (true, 0));
    assert_eq!(less.facts.subject["order_id"], Value::Int(11019));
    assert_eq!(less.facts.subject["order_date"], text("1998-05-01"));
    assert_eq!(later.facts.customer["plan"], text("pro"));
    assert_eq!((later.matching_for.is_some(), week.matching_for), (true, None));
}

#[test]
fn a_rule_about_customers_has_no_row() {
    let text = "[[case]]\nname = \"a\"\nas_of = \"1998-05-07\"\ncustomer = { customer_id = 1 }\norder = { id = 1 }\nexpect = { no_match = true }";
    let (cases, problems) = load_about(None, text);
    assert_eq!(cases, []);
    assert_eq!(problems[0].message, "there is no `case.order`");
    let without = text.replace("order = { id = 1 }\n", "");
    assert_eq!(load_about(None, &without).0.len(), 1);
}

#[test]
fn mistakes_name_their_line() {
    let mut all = String::new();
    for wrong in [
        "[[cases]]",
        "[case]",
        "case = 5",
        "[[case]]\nnmae = \"x\"",
        "[[case]]\nname = 5",
        "[[case]]\nas_of = \"yesterday\"",
        "[[case]]\nordre = { order_id = 5 }",
        "[[case]]\ncustomer = { plan = [1, 2] }",
        "[[case]]\ncustomer = 5",
        "[[case]]\ncustomer = { at = 09:00:00 }",
        "[[case]]\nmatching_for = \"two days\"",
        "[[case]]\ncontacts = [{ rule = \"x\" }]",
        "[[case]]\ncontacts = [{ rul = \"x\", ago = \"1h\" }]",
        "[[case]]\ncontacts = { rule = \"x\" }",
        "[[case]]\nexpect = { subject_contains = \" \" }",
        "[[case]]\nexpect = {}",
        "[[case]]\nexpect = { no_match = false }",
        "[[case]]\nexpect = { emial = \"email\" }",
        "[[case]]\nexpect = { subject_contain = \"email\" }",
        "[[case]]\nexpect = { email = 5 }",
        "[[case]]\nexpect = { refused = \"caps\" }",
        "[[case]]\nexpect = { refused = \"because\" }",
        "[[case]]\nexpect = { deferred = 5 }",
        "[[case]]\nexpect = { no_match = true, email = \"email\" }",
        "[[case]]\nexpect = { nothing = true, email = \"email\" }",
        "[[case]]\nexpect = { refused = { free_at = \"1998-05-07\" } }",
        "[[case]]\nexpect = { refused = { reason = \"caps\" } }",
        "[[case]]\nexpect = { due_at = \"soon\", assign = \"\" }",
        "[[case]]\nabsent = [\"plan\"]",
        "[[case]]\ncontacts = [{ rule = \"x\", ago = \"0h\" }]",
        "[[case]]\nrivals = \"churn-risk\"",
        "[[case]]\nexpect = { email = \"email\" }\n[[case.step]]\nafter = \"0d\"\nexpect = { nothing = true }",
        "[[case]]\nexpect = { email = \"email\" }\n[[case.step]]\nafer = \"1d\"\nexpect = { nothing = true }",
        "[[case]]\nexpect = { email = \"email\" }\n[[case.step]]\nafter = \"1d\"",
        "[[case]]\nexpect = { email = \"email\" }\nresolved = true\n[[case.step]]\nafter = \"1d\"\nexpect = { nothing = true }",
        "[[case]]\nname = \"x\"\neach = [{ expect = { email = 5 } }]\n[[case.step]]\nafter = \"1d\"\nexpect = { nothing = true }",
        "[[case]]\nname = \"x\"\neach = [{ nmae = \"y\", expect = { email = 5 } }]",
        "[[case]]\nname = \"x",
        "[[case]]\nname = \"x\"\nname = \"y\"",
    ] {
        let (cases, problems) = load_text(wrong);
        assert_eq!(cases, [], "{wrong}");
        writeln!(all, "{wrong}").unwrap();
        // Each is incomplete besides; what is left out is shown once, below.
        let told = problems.iter().filter(|problem| {
            problem.code != "missing-key"
                || wrong.contains("expect") && problem.message.contains("expects")
                || wrong.contains("step") && problem.message.contains("step")
                || wrong.contains("each") && problem.message.contains("row")
                || problem.message.contains("refusal")
                || problem.message.contains("earlier")
        });
        for p in told {
            let (line, column) = (p.place.line.unwrap(), p.place.column.unwrap());
            let code = p.code;
            writeln!(
                all,
                "    {line}:{column}+{} [{code}] {}\n        {}",
                p.place.width, p.message, p.help
            )
            .unwrap();
        }
    }
    let (_, problems) = load_text("[[case]]\n");
    for p in problems {
        writeln!(all, "{}\n    {}", p.message, p.help).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_signals_name_among_what_is_absent_is_its_row() {
    let (cases, problems) = load_text(
        r#"
[base]
as_of = "1998-05-07T09:00:00Z"
customer = { customer_id = "RANCH", tickets = { open = 0, late = false } }
order = { order_id = 11019 }

[[case]]
name = "without a row"
absent = ["customer.tickets"]
expect = { no_match = true }
"#,
    );
    assert_eq!(problems, []);
    assert!(cases[0].facts.signals.is_empty(), "{:?}", cases[0].facts);
}
