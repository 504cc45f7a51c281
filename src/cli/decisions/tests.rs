//! What a person reads of a run.

use super::*;
use crate::domain::{Earlier, Refusal, RuleTally, Span};

fn report() -> RunReport {
    let at = |text: &str| parse_instant(text).unwrap();
    let decision = |rule: &str, customer: &str, subject: &str, channel: &str, outcome| Decision {
        rule: rule.into(),
        customer_id: customer.into(),
        subject: subject.into(),
        channel: Channel(channel.to_owned()),
        outcome,
        refusal: None,
        outreach: None,
        not_before: None,
        position: 0,
    };
    let refused = |rule: &str, customer: &str, subject: &str, refusal| Decision {
        refusal: Some(refusal),
        ..decision(rule, customer, subject, "email", Outcome::Refused)
    };
    let made =
        |rule: &str, customer: &str, subject: &str, channel: &str, outcome, key: &str| Decision {
            outreach: Some(key.into()),
            ..decision(rule, customer, subject, channel, outcome)
        };
    let mut decisions = vec![
        made("churn-risk", "ERNSH", "ERNSH", "phone", Outcome::Contact, "k1"),
        refused(
            "churn-risk",
            "RANCH",
            "RANCH",
            Refusal::Outranked { by: "stalled-order".into(), customer_id: None },
        ),
        refused(
            "churn-risk",
            "BOTTM",
            "BOTTM",
            Refusal::Cap {
                contacts: 1,
                per: Span::days(1),
                channel: None,
                earlier: vec![Earlier {
                    rule: "ignored-ticket".into(),
                    at: at("1998-05-06T20:10:00Z"),
                }],
                free_at: at("1998-05-07T20:10:00Z"),
            },
        ),
        made("failed-logins", "TOMSP", "TOMSP", "task", Outcome::Task, "k2"),
        made("stalled-order", "GREAL", "11040", "email", Outcome::Contact, "k3"),
        made("stalled-order", "GREAL", "11061", "email", Outcome::Contact, "k3"),
        Decision {
            not_before: Some(at("1998-05-08T06:00:00Z")),
            ..made("stalled-order", "ไทย", "11019", "email", Outcome::Deferred, "k4")
        },
    ];
    decisions.extend((0..13).map(|n| {
        let customer = format!("C{n:02}");
        let invalid = Refusal::NoAddress { column: "email".to_owned(), invalid: true };
        refused("stalled-order", &customer, &format!("{}", 12000 + n), invalid)
    }));
    let tally = |rule: &str, matches| RuleTally {
        rule: rule.into(),
        matches,
        errors: 0,
        quarantined: false,
    };
    let rules = vec![
        tally("churn-risk", 3),
        tally("failed-logins", 1),
        RuleTally { errors: 12, quarantined: true, ..tally("onboarding", 40) },
        tally("reopened-ticket", 0),
        tally("stalled-order", 16),
    ];
    let totals = Totals {
        customers: 1234,
        matches: 60,
        candidates: 20,
        outreaches: 4,
        contact: 3,
        deferred: 1,
        refused: 15,
        held: 0,
        task: 1,
        orphans: 2,
    };
    RunReport {
        schema_version: 1,
        as_of: "1998-05-07T09:00:00Z".to_owned(),
        pack: "0f3a".to_owned(),
        plan: None,
        decisions,
        totals,
        rules,
        alarms: vec![],
    }
}

fn outreach(key: &str, assign: Option<&str>, due: Option<&str>) -> Outreach {
    Outreach {
        key: key.into(),
        rule: "churn-risk".into(),
        topic: None,
        priority: 50,
        channel: Channel("task".to_owned()),
        template: "task".to_owned(),
        address: None,
        recipients: vec![],
        assign: assign.map(str::to_owned),
        due_at: due.and_then(parse_instant),
        not_before: Default::default(),
        expires_at: Default::default(),
        position: 0,
        last_word: false,
        subjects: vec![],
    }
}

fn told(report: &RunReport, kind: Kind, all: bool) -> String {
    let outreaches = [
        outreach("k1", Some("nancy"), Some("1998-05-07T13:00:00Z")),
        outreach("k2", Some("security"), None),
    ];
    let titles =
        [("k2", "Many failed logins"), ("k3", "About your order 11040"), ("k4", "คำสั่งซื้อ 11019")];
    let titles = titles.map(|(key, title)| (key.into(), title.to_owned())).into();
    let names = [
        ("GREAL", "Great Lakes Food Market"),
        ("ERNSH", "Ernst Handel"),
        ("BOTTM", "Bottom\u{1b}[2J\nDollar"),
    ];
    let names = names.map(|(id, name)| (id.into(), name.to_owned())).into();
    let note = |summary: &str, errors: &[&str]| RuleNote {
        summary: summary.to_owned(),
        errors: errors.iter().map(|error| (*error).to_owned()).collect(),
    };
    let rules = [
        (
            "stalled-order",
            note("Tell customers about a stalled order before they have to ask.", &[]),
        ),
        (
            "onboarding",
            note(
                "Help with the first order.",
                &["rules/onboarding/rule.rhai:7:9: customer C01: `plan` is absent"],
            ),
        ),
    ];
    let rules = rules.map(|(id, note)| (id.into(), note)).into();
    let text = text(&Told {
        kind,
        report,
        outreaches: &outreaches,
        titles: &titles,
        unwritable: &[],
        names: &names,
        rules: &rules,
        zone: Tz::Europe__Berlin,
        source: "sqlite:shop.db",
        history: "none yet: nobody has been contacted",
        all,
    });
    anstream::adapter::strip_str(&text).to_string()
}

#[test]
fn a_dry_run_reads_well() {
    insta::assert_snapshot!(told(&report(), Kind::DryRun, false));
}

#[test]
fn everything_is_shown_where_asked_for() {
    let report = report();
    let text = told(&report, Kind::Run, true);
    for decision in &report.decisions {
        assert!(text.contains(decision.customer_id.as_str()), "{}", decision.customer_id);
    }
    assert!(!text.contains("more (--all"));
    assert!(text.starts_with("Run\n"));
}

#[test]
fn a_run_that_found_nobody_says_so() {
    let mut report = report();
    report.decisions.clear();
    report.rules.retain(|tally| !tally.quarantined);
    report.totals = Totals { customers: 91, ..Totals::default() };
    insta::assert_snapshot!(told(&report, Kind::Recorded, false));
}
