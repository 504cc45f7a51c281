//! A rule's folder, from its files to what it asks for, through what the module promises.

use lookout::domain::{About, Batch, Instant, Problem, RuleId, parse_instant};
use lookout::policy::Calendar;
use lookout::rules::{Engine, EpisodeSoFar, cases};

const RULE: &str = r#"//! A subscription that is about to end unnoticed.
const ABOUT = "subscriptions";
const TOPIC = "service";
const NOTICE = 14;

fn ends_soon(subscription) {
    let left = days_until(subscription.ends_on) ?? NOTICE + 1;
    left >= 0 && left <= NOTICE
}

fn when(customer, subscription) {
    ends_soon(subscription) && customer.visits.lately < 3
}

fn then(customer, subscription) {
    email("email", #{ left: days_until(subscription.ends_on) });
    if customer.plan == "gold" { task("task", #{ assign: customer.owner, due: "1d" }); }
}
"#;

const CASES: &str = r#"
[base]
as_of = "2031-03-01T08:00:00Z"
customer = { customer_id = 7, plan = "gold", owner = "noor", visits = { lately = 1 } }

[[case]]
name = "two weeks before the end"
subscription = { id = "S-1", ends_on = 2031-03-15 }
expect = { email = "email", task = "task" }

[[case]]
name = "not a day earlier"
subscription = { id = "S-1", ends_on = 2031-03-16 }
expect = { no_match = true }

[[case]]
name = "not where it has no end"
subscription = { id = "S-1", ends_on = "" }
expect = { no_match = true }

[[case]]
name = "not while they come often"
customer = { visits = { lately = 3 } }
subscription = { id = "S-1", ends_on = 2031-03-15 }
expect = { no_match = true }
"#;

fn at(text: &str) -> Instant {
    parse_instant(text).unwrap()
}

#[test]
fn a_folder_s_rule_and_cases_agree() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rule.rhai"), RULE).unwrap();
    // A text that is no date is an error on its row, not a match: see below.
    std::fs::write(folder.path().join("cases.toml"), CASES).unwrap();
    let engine = Engine::new(&Calendar { timezone: chrono_tz::UTC, working: None });
    let mut problems: Vec<Problem> = Vec::new();
    let rule =
        engine.load(folder.path(), RuleId::from("ending"), &|_, _, _| (), &mut problems).unwrap();
    let file = folder.path().join("cases.toml");
    let cases = cases::load(&file, rule.subject_name.as_deref(), &mut problems);
    assert_eq!(problems, []);
    assert_eq!(cases.len(), 4);
    for case in &cases {
        let about = About::Signal("subscriptions".into());
        let batch = Batch::of_facts(about, Some("id"), &case.facts);
        let judged = engine.judge(&rule, &batch, case.as_of);
        assert_eq!(judged.matched.is_empty(), case.expect.no_match, "{}", case.name);
        let is_text = case.name == "not where it has no end";
        assert_eq!(judged.errors.len(), usize::from(is_text), "{}", case.name);
    }
    let so_far = EpisodeSoFar { contacts: 0, days: 0 };
    let asked = engine.ask(&rule, &cases[0].facts, so_far, at("2031-03-01T08:00:00Z")).unwrap();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].values["left"].to_string(), "14");
    assert_eq!(asked[1].assign.as_deref(), Some("noor"));
}
