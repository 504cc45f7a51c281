//! What is true for a while, comes back, waits for the night to end, or is over: a case in steps is
//! several runs with what leaves between them.

use std::collections::BTreeSet;
use std::fs;

use lookout::pipeline::case;
use lookout::stage;
use serde_json::json;

use super::{ORDER, pack, tested, write_cases};
use crate::support::program::run;

/// A rule with every constant that only shows in time.
const LATE: &str = r#"//! Write to who is late.
const TOPIC = "service";
const FOR = "2d";
const REPEAT = "3d";
const REMINDERS = 1;
const COOLDOWN = "10d";
const EXPIRES = "6h";

fn when(customer) { customer.plan == "late" }

fn then(customer, episode) {
    if episode.contacts == 0 { email("email"); } else { email("again"); }
}

fn resolved(customer) { email("over"); }
"#;

const LATE_CASES: &str = r#"
[base]
customer = { customer_id = "ANA", name = "Ana", email = "ana@example.com", plan = "late" }

[[case]]
name = "told after two days, reminded once, and told that it is over"
as_of = "1998-05-11T09:00:00Z"
expect = { refused = { reason = "pending", since = "1998-05-11T09:00:00Z", until = "1998-05-13T09:00:00Z" } }

[[case.step]]
after = "2d"
expect = { email = "email" }

[[case.step]]
after = "1d"
expect = { refused = { reason = "already_contacted", times = 1, reminder = "1998-05-16T09:00:00Z" } }

[[case.step]]                                   # a Saturday: quiet all day, and later is too late
after = "2d"
expect = { refused = "expired" }

[[case.step]]
after = "2d"
expect = { email = "again", subject_contains = "Again" }

[[case.step]]
after = "8d"
expect = { refused = { reason = "already_contacted", times = 2 } }

[[case.step]]
after = "1h"
customer.plan = "fine"
expect = { email = "over" }

[[case.step]]                                   # late again: another episode, which waits for FOR
after = "1d"
customer.plan = "late"
expect = { refused = "pending" }

[[case.step]]                                   # and for COOLDOWN after the last word
after = "2d"
expect = { refused = { reason = "cooldown", until = "1998-06-05T10:00:00Z" } }

[[case.step]]
after = "10d"
expect = { email = "email" }

[[case]]
name = "two days are behind us"
as_of = "1998-05-12T21:00:00Z"                  # eleven in the evening
matching_for = "2d"
expect = { refused = "expired" }

[[case.step]]
after = "6h"                                    # five in the morning: eight is near enough
expect = { email = "email", deferred = "1998-05-13T06:00:00Z" }

[[case.step]]                                   # it has left at eight
after = "3h"
expect = { refused = { reason = "already_contacted", at = "1998-05-13T06:00:00Z" } }
"#;

fn late() -> tempfile::TempDir {
    let folder = pack();
    let rule = folder.path().join("rules/late");
    fs::create_dir(&rule).unwrap();
    fs::write(rule.join("rule.rhai"), LATE).unwrap();
    for (name, title) in [("email", "Late"), ("again", "Again"), ("over", "Over")] {
        let because = "because: you are late\n";
        fs::write(
            rule.join(format!("{name}.md")),
            format!("---\nsubject: {title}\n{because}---\nHello\n"),
        )
        .unwrap();
    }
    write_cases(folder.path(), "late", LATE_CASES);
    folder
}

#[test]
fn time_passes_as_it_does_for_customers() {
    let folder = late();
    let told = run(folder.path(), "test late");
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{}", told.out);
    assert!(told.out.contains("told that it is over  (10 runs)"), "{}", told.out);
    // Every step is held against what it expects.
    let wrong: Vec<&str> = LATE_CASES
        .lines()
        .map(|line| if line.starts_with("expect") { "expect = { sms = \"sms\" }" } else { line })
        .collect();
    write_cases(folder.path(), "late", &wrong.join("\n"));
    let (code, tested) = tested(folder.path(), "late");
    assert_eq!((code, &tested["failed"]), (1, &json!(2)));
    let failures = |case: usize| tested["cases"][case]["failures"].as_array().unwrap().len();
    assert_eq!((failures(0), failures(1)), (10, 3), "{tested:#}");
    let lines: BTreeSet<u64> = tested["cases"][0]["failures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|failure| failure["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines.len(), 10, "each failure names its own step");
}

#[test]
fn who_wants_to_write_to_the_same_person_counts() {
    let folder = pack();
    let cases = |rival: &str, by: &str| {
        format!(
            "{ORDER}
[[case]]
name = \"the more important one wins\"
rivals = [\"{rival}\"]
expect = {{ refused = {{ reason = \"outranked\", by = \"{by}\" }} }}

[[case.step]]
after = \"1h\"
expect = {{ refused = {{ reason = \"cap\", free_at = \"1998-05-08T09:00:00Z\" }} }}

[[case.step]]
after = \"23h\"
expect = {{ email = \"email\" }}
"
        )
    };
    write_cases(folder.path(), "stalled-order", &cases("ignored-ticket", "ignored-ticket"));
    let told = run(folder.path(), "test stalled-order");
    assert_eq!(told.code, 0, "{}", told.out);
    // A less important one does not, and one that may not write is no rival.
    for rival in ["onboarding", "churn-risk"] {
        write_cases(folder.path(), "stalled-order", &cases(rival, rival));
        let (code, tested) = tested(folder.path(), "stalled-order");
        assert_eq!((code, &tested["failed"]), (1, &json!(1)), "{rival}");
        let actual = &tested["cases"][0]["failures"][0]["actual"];
        assert_eq!(actual, "email with the words `email`", "{rival}");
    }
    for (rival, said) in [
        ("ignored-tickets", "did you mean \"ignored-ticket\"?"),
        ("stalled-order", "no rival of itself"),
    ] {
        write_cases(folder.path(), "stalled-order", &cases(rival, rival));
        let told = run(folder.path(), "check");
        assert!(told.code == 1 && told.out.contains(said), "{}", told.out);
    }
}

/// What a rival was let to say leaves like anything else, and so does the rule's own beside it.
#[test]
fn rivals_and_the_rules_own_leave_at_their_minutes() {
    let folder = pack();
    let cases = r#"
[[case]]
name = "the rule's own wins and leaves"
rivals = ["churn-risk"]
customer.consents = "offers"
expect = { email = "email" }

[[case.step]]
after = "1h"
expect = { refused = { reason = "already_contacted", at = "1998-05-07T09:00:00Z" } }

[[case]]
name = "a rival's waits for the morning, and counts then"
as_of = "1998-05-07T21:00:00Z"
rivals = ["ignored-ticket"]
expect = { refused = { reason = "outranked", by = "ignored-ticket" } }

[[case.step]]
after = "11h"
expect = { refused = { reason = "cap", free_at = "1998-05-09T06:00:00Z" } }

[[case]]
name = "the rule's own waits, and something more important comes up"
as_of = "1998-05-07T21:00:00Z"
expect = { email = "email", deferred = "1998-05-08T06:00:00Z" }

[[case.step]]
after = "1h"
rivals = ["ignored-ticket"]
expect = { refused = "outranked" }
"#;
    write_cases(folder.path(), "stalled-order", &format!("{ORDER}{cases}"));
    let told = run(folder.path(), "test stalled-order");
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{}", told.out);
}

#[test]
fn who_has_stopped_it_hears_no_more() {
    let folder = pack();
    let cases = r#"
[[case]]
name = "before"
suppressed = [{ topic = "service", ago = "3d" }]
expect = { refused = { reason = "suppressed", topic = "service", since = "1998-05-04T09:00:00Z" } }

[[case]]
name = "another topic is another matter"
suppressed = [{ topic = "offers" }]
expect = { email = "email" }

[[case]]
name = "meanwhile: what waits is taken back"
as_of = "1998-05-07T21:00:00Z"
expect = { email = "email", deferred = "1998-05-08T06:00:00Z" }

[[case.step]]
after = "1h"
suppressed = [{}]
expect = { refused = { reason = "suppressed", cause = "refused" } }

[[case.step]]
after = "1d"
gone = true
expect = { no_match = true }

[[case]]
name = "a mailbox that is not there says nothing about the telephone"
suppressed = [{ cause = "bounce" }]
each = [
    { name = "e-mail", expect = { refused = { reason = "suppressed", cause = "bounce" } } },
    { name = "a call", customer.plan = "enterprise", expect = { phone = "task" } },
]
"#;
    write_cases(folder.path(), "stalled-order", &format!("{ORDER}{cases}"));
    let told = run(folder.path(), "test stalled-order");
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{}", told.out);
    let wrong =
        format!("{ORDER}{cases}").replace("{ cause = \"bounce\" }]", "{ cause = \"bounced\" }]");
    write_cases(folder.path(), "stalled-order", &wrong);
    let told = run(folder.path(), "check");
    assert!(told.out.contains("`bounced` is no cause"), "{}", told.out);
}

#[test]
fn what_a_message_and_a_task_say_is_held_against_the_case() {
    let folder = pack();
    let order = |expect: &str| {
        format!(
            "{ORDER}\n[[case]]\nname = \"x\"\ncustomer.plan = \"enterprise\"\nexpect = {{ {expect} }}\n"
        )
    };
    for (right, wrong) in [
        ("contact = true", "contact = false"),
        ("assign = \"michael.suyama@example.com\"", "assign = \"somebody@example.com\""),
        ("due_at = \"1998-05-07T13:00:00Z\"", "due_at = \"1998-05-07T13:00:01Z\""),
        ("body_contains = \"11019\"", "body_contains = \"11020\""),
        ("body_lacks = \"11020\"", "body_lacks = \"11019\""),
        ("phone = \"task\"", "nothing = true"),
        ("phone = \"task\"", "task = \"task\""),
    ] {
        for (expect, expected) in [(right, 0), (wrong, 1)] {
            write_cases(folder.path(), "stalled-order", &order(expect));
            let told = run(folder.path(), "test stalled-order");
            assert_eq!((told.code, told.err.as_str()), (expected, ""), "{expect}\n{}", told.out);
        }
    }
}

/// A case without steps is decided on a history that it describes; one with steps on books. They are
/// the same, for every case of the demo.
#[tokio::test]
async fn books_and_described_histories_agree() {
    let folder = late();
    let pack = lookout::pack::load(&folder.path().join("rules")).pack.unwrap();
    let mut played = 0;
    for rule in pack.rules.values() {
        for case in rule.cases.iter().filter(|case| !case.resolved) {
            let mut begun = case.clone();
            begun.steps.clear();
            let described = case::play(&pack, rule, &begun);
            let on_books = stage::play_out(&pack, rule, &begun).await.unwrap();
            let told = |played: &case::Played| {
                let mut decisions = json!(played.considered.report.decisions);
                // The books know contacts by keys of their own.
                for decision in decisions.as_array_mut().unwrap() {
                    decision["outreach"].take();
                }
                decisions
            };
            assert_eq!(
                told(&described),
                told(&on_books[0]),
                "{}: {}",
                case.place.file.display(),
                case.name
            );
            played += 1;
        }
    }
    assert!(played > 50, "{played}");
}
