//! Rules that try to run for ever or to fill the memory.

use super::*;
use crate::domain::Column;

fn stopped(script: &str) -> String {
    verdict(script, &[("n", Value::Int(1)), ("t", text("seed"))]).unwrap_err()
}

#[test]
fn a_rule_can_not_hang_or_fill_the_memory() {
    let mut all = String::new();
    for when in [
        "loop { }",
        "while true { let x = 1; }",
        "for i in 0..9223372036854775807 { } true",
        "let s = customer.t; loop { s += s; }",
        "let s = customer.t; loop { s = `${s}${s}`; }",
        "let a = [1]; loop { a += a; }",
        "let a = []; loop { a.push(customer.t); }",
        "let a = [0, 0]; loop { a[0] = a; a[1] = a; }",
        "let m = #{}; let i = 0; loop { m[i.to_string()] = customer.t; i += 1; }",
        "let m = #{}; loop { m.a = m; m.b = m; }",
        "let m = #{}; let a = []; a.pad(999, 1); let i = 0; loop { m[`${i}`] = a; i += 1; }",
        "let a = []; a.pad(100000000, 0); true",
        "let s = \"\"; s.pad(100000000, \"x\"); true",
        "let s = \"\"; s.pad(7999, \"a\"); s.replace(\"a\", s); true",
    ] {
        writeln!(all, "{when}\n    {}", stopped(&about_customers(when))).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_rule_can_not_recurse_for_ever() {
    let script = |body: &str| {
        format!(
            "const TOPIC = \"a\";\nfn when(customer) {{ f(customer, 1) }}\nfn f(c, n) {{ {body} }}\nfn then(customer) {{ email(\"a\") }}"
        )
    };
    let message = "functions call each other too deeply: does one call itself for ever?";
    assert!(stopped(&script("f(c, n + 1)")).ends_with(message));
    assert!(stopped(&script("when_else(c, n) } fn when_else(c, n) { f(c, n)")).ends_with(message));
    assert!(stopped(&script("f(c, f(c, n))")).ends_with(message));
}

/// The deepest that the limits allow fits into the stack of a test's thread, in a debug build too.
#[test]
fn deep_calls_in_deep_expressions_leave_the_stack_whole() {
    let (open, close) = ("1 + (if true { ".repeat(5), " } else { 0 })".repeat(5));
    let script = format!(
        "const TOPIC = \"a\";\nfn when(customer) {{ f(1) > 0 }}\nfn f(n) {{ {open}f(n + 1){close} }}\nfn then(customer) {{ email(\"a\") }}"
    );
    assert!(stopped(&script).contains("call each other too deeply"));
}

#[test]
fn deep_nesting_is_refused_before_it_runs() {
    let nested = format!("{}1{} == 1", "(".repeat(5000), ")".repeat(5000));
    let (rule, problems) = load(&about_customers(&nested));
    assert!(rule.is_none());
    assert_eq!(problems[0].message, "this is nested too deeply");
}

#[test]
fn one_hanging_row_leaves_the_others_alone() {
    let rule = loaded(&about_customers("while customer.n == 2 { } true"));
    let field = |name: &str| Field::Customer(name.to_owned());
    let layout = layout(About::Customers, vec![field("customer_id"), field("n")]);
    let column = Arc::new(Column::of((1..=4).map(Value::Int)));
    let columns = vec![column.clone(), column];
    let judged = engine().judge(&rule, &Batch { layout, columns, broken: Vec::new() }, now());
    assert_eq!(judged.matched, [0, 2, 3]);
    assert_eq!(judged.errors.len(), 1);
}

#[test]
fn a_long_text_in_the_data_can_be_looked_at() {
    let note = format!("{}refund", "x".repeat(100_000));
    for when in [
        "customer.note.contains(\"refund\")",
        "\"refund\" in customer.note",
        "customer.note.len() > 100000",
        "customer.note != ()",
        "let note = customer.note; note.contains(\"refund\")",
    ] {
        assert_eq!(verdict(&about_customers(when), &[("note", text(&note))]), Ok(true), "{when}");
    }
    let longer =
        verdict(&about_customers("customer.note.to_lower() != ()"), &[("note", text(&note))]);
    assert!(longer.unwrap_err().contains("a text grows beyond 8000 bytes"));
}

#[test]
fn printing_does_nothing() {
    assert_eq!(
        verdict(&about_customers("print(\"x\"); debug(customer.n); true"), &[("n", Value::Int(1))]),
        Ok(true)
    );
}
