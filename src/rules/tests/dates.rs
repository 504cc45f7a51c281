//! Days and hours, counted from `as_of` in the pack's zone.

use super::*;
use crate::policy::WorkingHours;

/// What an expression over `customer.at` gives, as of an instant, in Berlin.
fn given(expression: &str, value: Value, as_of: &str) -> String {
    let days = (0..5).collect();
    let time = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let working = WorkingHours { from: time(9), to: time(17), days, holidays: [].into() };
    let engine = Engine::new(&Calendar { working: Some(working), ..calendar() });
    let script = about_customers(&format!("throw \"\" + {expression};"));
    let rule = loaded(&script);
    let facts = Facts { customer: fields(&[("at", value)]), ..Facts::default() };
    let judged = engine.judge(&rule, &Batch::of_facts(About::Customers, None, &facts), at(as_of));
    judged.errors[0].1.message.clone()
}

#[test]
fn days_are_calendar_days_in_the_packs_zone() {
    let since = |value: &str, as_of| given("days_since(customer.at)", text(value), as_of);
    assert_eq!(since("1998-04-30", "1998-05-07T09:00:00Z"), "7");
    assert_eq!(since("1998-04-30", "1998-05-06T21:59:00Z"), "6");
    assert_eq!(since("1998-04-30", "1998-05-06T22:00:00Z"), "7", "midnight in Berlin");
    assert_eq!(since("1998-04-30T21:59:00Z", "1998-05-07T09:00:00Z"), "7");
    assert_eq!(since("1998-04-30T22:00:00Z", "1998-05-07T09:00:00Z"), "6");
    assert_eq!(given("days_until(customer.at)", text("1998-05-10"), "1998-05-07T09:00:00Z"), "3");
}

#[test]
fn hours_are_whole_hours_rounded_down() {
    let as_of = "1998-05-07T09:30:00Z";
    let counted = |function: &str, value: &str| {
        given(&format!("{function}(customer.at)"), text(value), as_of)
    };
    assert_eq!(counted("hours_since", "1998-05-07T08:31:00Z"), "0");
    assert_eq!(counted("hours_since", "1998-05-07T08:30:00Z"), "1");
    assert_eq!(counted("hours_since", "1998-05-07T10:00:00Z"), "-1");
    assert_eq!(counted("hours_until", "1998-05-07T10:00:00Z"), "0");
    assert_eq!(counted("hours_until", "1998-05-07T09:00:00Z"), "-1");
    assert_eq!(counted("hours_since", "1998-05-07"), "11", "the day starts at 22:00 UTC");
    assert_eq!(counted("working_hours_since", "1998-05-05T12:00:00Z"), "13");
}

#[test]
fn absent_stays_absent() {
    for function in super::super::dates::NAMES {
        let given = given(
            &format!("({function}(customer.at) ?? \"absent\")"),
            Value::Null,
            "1998-05-07T09:00:00Z",
        );
        assert_eq!(given, "absent", "{function}");
    }
}
