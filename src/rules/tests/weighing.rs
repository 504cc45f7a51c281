//! Conditions taken apart: what is shown of them, and that every instant named as a turn is one.

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::policy::WorkingHours;

fn weighed(when: &str, cells: &[(&str, Value)]) -> Weighed {
    let rule = loaded(&script(when));
    let facts = Facts { customer: fields(cells), ..Facts::default() };
    engine().weigh(&rule, &facts, now())
}

fn script(when: &str) -> String {
    let constants = "const LIMIT = 7;\n";
    let own = "fn is_big(customer, n) { customer.size >= n && customer.open > 1 }\n";
    let small =
        "fn is_small(n) { n < 2 }\nfn is_more(a, b) { a > b }\nfn is_over(n) { n > LIMIT }\n";
    format!("{constants}{own}{small}{}", about_customers(when))
}

/// A tree of conditions, a line each.
fn shown(weighed: &Weighed) -> String {
    fn line(weighed: &Weighed, depth: usize, told: &mut String) {
        let verdict = match &weighed.weight {
            Weight::Holds(holds) => holds.to_string(),
            Weight::Gave(value) => format!("gave {value}"),
            Weight::Other(what) => format!("gave {what}"),
            Weight::Raised(error) => format!("raised: {error}"),
            Weight::NotReached => "not reached".to_owned(),
        };
        let reads: Vec<String> =
            weighed.reads.iter().map(|read| format!("{} = {}", read.name, read.value)).collect();
        let turns = weighed.turns.map(|turn| format!("; {} from {}", turn.to, turn.at));
        let decides = if weighed.decides { "*" } else { " " };
        let hole = weighed.hole.as_ref().map(|what| format!("; not taken apart: {what}"));
        let more = [turns.unwrap_or_default(), hole.unwrap_or_default()].concat();
        writeln!(
            told,
            "{decides} {:indent$}{} → {verdict} [{}]{more}",
            "",
            weighed.text,
            reads.join(", "),
            indent = depth * 2
        )
        .unwrap();
        weighed.parts.iter().for_each(|part| line(part, depth + 1, told));
    }
    let mut told = String::new();
    line(weighed, 0, &mut told);
    told
}

#[test]
fn conditions_are_shown_as_they_are_written() {
    let cells = [
        ("since", text("1998-05-01")),
        ("size", Value::Int(3)),
        ("open", Value::Int(2)),
        ("plan", text("basic")),
        ("seen", Value::Null),
        ("note", text("a \"quoted\" // note")),
    ];
    let whens = [
        "days_since(customer.since) >= LIMIT && customer.open == 0",
        "(customer.size > 5 || customer.plan in [\"basic\", \"plus\"])\n    && // why\n    !(customer.open == 0)",
        "let days = days_since(customer.since);\nlet late = days > 3 && days < 10;\nlate && is_big(customer, days / 2)",
        "if customer.seen == () { return customer.size * 2 > 5; }\nhours_since(customer.seen) < 3",
        "let score = 0;\nif customer.open > 1 { score += 2; }\nscore >= 2",
        "if customer.size > 2 { days_since(customer.since) > 100 } else { false }",
        "customer.seen > 3",
        "customer.seen + 1 > 3 || true",
        "for n in 0..3 { if n == customer.open { return true; } }\nfalse",
        "customer.note.contains(\"// n\") && customer.note.len() > 3",
        "customer.plan",
        "let big = customer.size; big >= 3",
        "5 > customer.open",
        "customer.size > -5 && customer.open < -2",
        "customer.plan == #\"basic\"# && customer.note != \"say \"\"hi\"\"\" && customer.size * 2 > 7",
        "let x = customer.size; let x = x + 1; x > 3",
        "let n = customer.size; is_small(n)",
        "if customer.open > 1 { for n in [2, 3] { if customer.open == n { return true; } } }\ncustomer.size > 30",
        "if customer.open > 1 { switch customer.open { 2 => { return true; } _ => {} } }\ncustomer.size > 30",
        "if customer.open > 1 { try { return true; } catch {} }\ncustomer.size > 30",
        "{ while customer.open > 1 { return true; } }\ncustomer.size > 30",
        "let x = if customer.open > 1 { return true; } else { 30 };\ncustomer.size > x",
        "if customer.open > 5 { return true; }\nlet y = customer.size;\ny > 30",
        "let x = customer.size; let b = customer.open; is_more(x, b)",
        "let x = customer.size; let a = customer.open; is_more(x, a)",
        "let LIMIT = 1; is_over(customer.size)",
        "is_over({ let x = customer.size; x })",
    ];
    let told: Vec<String> =
        whens.iter().map(|when| format!("{when}\n{}", shown(&weighed(when, &cells)))).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn the_whole_turns_when_what_decides_it_does() {
    let turn = |when: &str, since: &str| {
        let rule = loaded(&script(when));
        let facts = Facts {
            customer: fields(&[("since", text(since)), ("open", Value::Int(2))]),
            ..Facts::default()
        };
        let weighed = engine().weigh(&rule, &facts, now());
        engine().turn(&rule, &facts, &weighed).map(|turn| format!("{} {}", turn.to, turn.at))
    };
    let days = "let days = days_since(customer.since); days >= 5 && days <= 10";
    // Midnight in Berlin.
    assert_eq!(turn(days, "1998-05-05").as_deref(), Some("true 1998-05-09 22:00:00 UTC"));
    assert_eq!(turn(days, "1998-05-01").as_deref(), Some("false 1998-05-11 22:00:00 UTC"));
    assert_eq!(turn(days, "1998-04-01"), None);
    assert_eq!(
        turn("days_since(customer.since) == 9", "1998-05-01").as_deref(),
        Some("true 1998-05-09 22:00:00 UTC")
    );
    assert_eq!(turn("days_since(customer.since) >= 9 && customer.open == 0", "1998-05-01"), None);
    // What may turn more than once is left alone.
    assert_eq!(turn("days_since(customer.since) % 3 == 2", "1998-05-01"), None);
    assert_eq!(turn("1 / (days_since(customer.since) - 9) > 0", "1998-05-01"), None);
    assert_eq!(turn("is_big(customer, days_since(customer.since))", "1998-05-01"), None);
}

/// A time function, an operator, and a number to compare with.
fn comparison() -> impl Strategy<Value = String> {
    let function = prop::sample::select(super::super::dates::NAMES.to_vec());
    let operator = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    (function, operator, -60i64..60, prop::bool::ANY, 1i64..3, any::<bool>()).prop_map(
        |(function, operator, number, turned, times, negated)| {
            let sign = if negated { "-" } else { "" };
            let side = format!("{sign}{function}(customer.since) * {times} + 1");
            match turned {
                true => format!("{number} {operator} {side}"),
                false => format!("{side} {operator} {number}"),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_instant_that_is_named_really_turns(
        when in comparison(),
        ago in -40 * 24 * 60i64..40 * 24 * 60,
        seconds in 0i64..60,
        as_date in any::<bool>(),
        start in 0i64..365 * 24 * 60,
    ) {
        let days = (0..5).collect();
        let time = |hour| chrono::NaiveTime::from_hms_opt(hour, 30, 0).unwrap();
        let working = WorkingHours { from: time(9), to: time(17), days, holidays: [].into() };
        let engine = Engine::new(&Calendar { working: Some(working), ..calendar() });
        let as_of = now() + TimeDelta::minutes(start);
        let since = as_of - TimeDelta::minutes(ago) + TimeDelta::seconds(seconds);
        let since = if as_date {
            since.format("%Y-%m-%d").to_string()
        } else {
            crate::domain::format_instant(&since)
        };
        let rule = loaded(&about_customers(&when));
        let facts = Facts { customer: fields(&[("since", text(&since))]), ..Facts::default() };
        let judged = |at: Instant| {
            let batch = Batch::of_facts(About::Customers, None, &facts);
            !engine.judge(&rule, &batch, at).matched.is_empty()
        };
        let weighed = engine.weigh(&rule, &facts, as_of);
        prop_assert_eq!(weighed.holds(), Some(judged(as_of)), "{}", when);
        let last = match engine.turn(&rule, &facts, &weighed) {
            Some(turn) => {
                prop_assert_eq!(judged(turn.at), turn.to, "{} at {}", when, turn.at);
                let before = turn.at - TimeDelta::microseconds(1);
                prop_assert_eq!(judged(before), !turn.to, "{} before {}", when, turn.at);
                turn.at
            }
            None => as_of + TimeDelta::days(400),
        };
        // Nothing turns earlier, as far as stepping shows.
        let mut at = as_of;
        while at < last {
            prop_assert_eq!(Some(judged(at)), weighed.holds(), "{} already at {}", when, at);
            at += TimeDelta::minutes(30 * 60 + 7);
        }
    }
}
