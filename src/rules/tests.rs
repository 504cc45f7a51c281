//! A rule set like those people write, for the tests of this module.

mod dates;
mod judging;
mod loading;
mod lowering;
mod meaning;
mod sandbox;
mod weighing;

use std::fmt::Write;
use std::sync::Arc;

use super::*;
use crate::domain::{About, Batch, Facts, Fields, Instant, Layout, Problem, RuleId, parse_instant};
use crate::policy::Calendar;

const STALLED_ORDER: &str = r#"//! Tell customers about a stalled order before they have to ask.
//! The warehouse needs a nudge too.

const ABOUT = "orders";
const TOPIC = "service";
const PRIORITY = 80;
const PATIENCE = 7;                 // the author's own
const VIP = "enterprise";

fn is_stalled(order) {
    days_since(order.order_date) >= PATIENCE
}

fn calm(customer) { customer.tickets.open == 0 }

fn when(customer, order) {
    is_stalled(order) && calm(customer)
}

fn then(customer, order, episode) {
    if customer.plan == VIP || episode.contacts > 0 {
        phone("task", #{ assign: customer.owner, due: "4h" }, #{ days: days_since(order.order_date) });
    } else {
        email("email");
    }
}
"#;

fn calendar() -> Calendar {
    Calendar { timezone: chrono_tz::Europe::Berlin, working: None }
}

pub(super) fn engine() -> Engine {
    Engine::new(&calendar())
}

fn at(text: &str) -> Instant {
    parse_instant(text).unwrap()
}

pub(super) fn now() -> Instant {
    at("1998-05-07T09:00:00Z")
}

/// Loads a script from a folder of its own; the problems' file is shown without the folder.
fn load(script: &str) -> (Option<Rule>, Vec<Problem>) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rule.rhai"), script).unwrap();
    let mut problems = Vec::new();
    let rule =
        engine().load(folder.path(), RuleId::from("stalled-order"), &|_, _, _| (), &mut problems);
    for problem in &mut problems {
        problem.place.file = "rule.rhai".into();
    }
    (rule, problems)
}

pub(super) fn loaded(script: &str) -> Rule {
    let (rule, problems) = load(script);
    rule.unwrap_or_else(|| panic!("{}", told(&problems)))
}

/// Problems as people read them, one a paragraph.
fn told(problems: &[Problem]) -> String {
    let mut text = String::new();
    for p in problems {
        let (line, column) = (p.place.line.unwrap_or(0), p.place.column.unwrap_or(0));
        let width = p.place.width;
        write!(
            text,
            "{}:{line}:{column}+{width} [{}] {}",
            p.place.file.display(),
            p.code,
            p.message
        )
        .unwrap();
        for more in [&p.label, &p.help] {
            if !more.is_empty() {
                write!(text, "\n    {more}").unwrap();
            }
        }
        text.push('\n');
    }
    text
}

/// A rule about customers whose `when` is this.
pub(super) fn about_customers(when: &str) -> String {
    format!(
        "const TOPIC = \"service\";\nfn when(customer) {{\n{when}\n}}\nfn then(customer) {{ email(\"email\"); }}\n"
    )
}

pub(super) fn fields(cells: &[(&str, Value)]) -> Fields {
    cells.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

/// One customer with an order and a row of tickets.
fn facts(order_date: &str, open: i64, plan: &str) -> Facts {
    Facts {
        customer: fields(&[
            ("customer_id", text("RANCH")),
            ("plan", text(plan)),
            ("owner", text("ana")),
        ]),
        signals: [("tickets".to_owned(), fields(&[("open", Value::Int(open))]))].into(),
        subject: fields(&[("order_id", Value::Int(11019)), ("order_date", text(order_date))]),
    }
}

fn batch(facts: &Facts) -> Batch {
    Batch::of_facts(About::Signal("orders".into()), Some("order_id"), facts)
}

/// What `when` gives for one customer with these columns: `Ok(matches)`, or the error's words.
fn verdict(script: &str, cells: &[(&str, Value)]) -> Result<bool, String> {
    let rule = loaded(script);
    let facts = Facts { customer: fields(cells), ..Facts::default() };
    let judged = engine().judge(&rule, &Batch::of_facts(About::Customers, None, &facts), now());
    match judged.errors.first() {
        Some((_, error)) => {
            Err(format!("{}:{} {}", error.line.unwrap_or(0), error.column.unwrap_or(0), error))
        }
        None => Ok(!judged.matched.is_empty()),
    }
}

fn layout(about: About, fields: Vec<Field>) -> Arc<Layout> {
    Arc::new(Layout { about, fields })
}
