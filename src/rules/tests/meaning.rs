//! The same scripts through Rhai itself, with each row as a map: the matches and errors must agree.

use rhai::{Dynamic, Map, Scope};

use super::*;
use crate::rules::row::to_dynamic;
use crate::rules::sandbox;

const EXPRESSIONS: [&str; 24] = [
    "customer.a > customer.b",
    "customer.a == customer.b",
    "customer.a != customer.s.c",
    "customer.a + customer.b == customer.s.c",
    "customer.a / customer.b >= customer.s.c",
    "customer.a % customer.b == 0 || customer.s.c",
    "!customer.a && customer.b",
    "(customer.a ?? customer.b) == customer.s.c",
    "customer.a in [customer.b, customer.s.c, 1]",
    "customer.a.len() > 2",
    "customer.a?.len() > 2",
    "customer.s.c.to_upper() == customer.b",
    "`${customer.a}-${customer.b}` == \"1-2\"",
    "if customer.a { customer.b } else { customer.s.c }",
    "switch customer.a { 1 => customer.b, \"abc\" => true, _ => customer.s.c == () }",
    "let x = customer.a; x += customer.b; x > 3",
    "for i in 0..customer.a { if i == customer.b { return true; } } false",
    "while customer.a == 1 { if customer.b == 2 { break; } throw customer.s.c; } true",
    "helper(customer, customer.b)",
    "nested(customer) && customer.a != 2",
    "customer.a.abs() > 1 || customer.s.c",
    "customer.a[0] == 'a'",
    "try { customer.a * customer.b > 1 } catch { customer.s.c }",
    "#{ x: customer.a, y: [customer.b] }.y[0] == customer.s.c",
];

const HELPERS: &str = "
fn helper(c, other) { let s = 1; c.a == other || c.s.c == s }
fn nested(row) { helper(row, row.s.c) }
";

/// `Ok(matches)`, or the line on which it raised: we underline a chain where it begins, Rhai where
/// its last name stands.
type Outcome = Result<bool, Option<u32>>;

fn through_rhai(script: &str, a: &Value, b: &Value, c: &Value) -> Outcome {
    let engine = sandbox::engine();
    let ast = engine.compile(script).unwrap();
    let map = |cells: &[(&str, Dynamic)]| -> Map {
        cells.iter().map(|(name, value)| ((*name).into(), value.clone())).collect()
    };
    let signal = map(&[("c", to_dynamic(c))]);
    let customer = map(&[("a", to_dynamic(a)), ("b", to_dynamic(b)), ("s", signal.into())]);
    let given = engine.call_fn::<Dynamic>(&mut Scope::new(), &ast, "when", (customer,));
    let raised = |error: &rhai::EvalAltResult| RowError::raised(error, rhai::Position::NONE).line;
    let value = given.map_err(|error| raised(&error))?;
    value.as_bool().map_err(|_| Some(0))
}

fn through_the_engine(rule: &Rule, engine: &Engine, a: &Value, b: &Value, c: &Value) -> Outcome {
    let facts = Facts {
        customer: fields(&[("a", a.clone()), ("b", b.clone())]),
        signals: [("s".to_owned(), fields(&[("c", c.clone())]))].into(),
        ..Facts::default()
    };
    let judged = engine.judge(rule, &Batch::of_facts(About::Customers, None, &facts), now());
    match judged.errors.first() {
        Some((_, error)) if error.message.starts_with("`when` has to give") => Err(Some(0)),
        Some((_, error)) => Err(error.line),
        None => Ok(!judged.matched.is_empty()),
    }
}

#[test]
fn rows_as_variables_mean_what_rows_as_maps_mean() {
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Int(0),
        Value::Int(1),
        Value::Int(2),
        Value::Float(2.0),
        Value::Float(f64::NAN),
        text("abc"),
        text(""),
    ];
    let engine = engine();
    let (mut matches, mut errors) = (0, 0);
    for expression in EXPRESSIONS {
        let script = about_customers(expression) + HELPERS;
        let rule = loaded(&script);
        for (n, a) in values.iter().enumerate() {
            for (m, b) in values.iter().enumerate() {
                let c = &values[(n * 2 + m * 5) % values.len()];
                let expected = through_rhai(&script, a, b, c);
                let found = through_the_engine(&rule, &engine, a, b, c);
                // Rhai names no place for some errors; we name the body's.
                let agree = found == expected || (found.is_err() && expected == Err(None));
                assert!(agree, "{expression} with {a:?}, {b:?}, {c:?}: {found:?}, {expected:?}");
                matches += u32::from(expected == Ok(true));
                errors += u32::from(expected.is_err());
            }
        }
    }
    assert!(matches > 100 && errors > 100, "{matches} matches and {errors} errors show too little");
}
