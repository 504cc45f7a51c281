//! A generated run: so many customers, each with one stalled order, one decision and one e-mail.
//! The same number always gives the same run.

use std::collections::BTreeMap;

use anyhow::Context;
use chrono::TimeDelta;
use lookout::domain::{
    Channel, Decided, Decision, EpisodeChange, Facts, HistoryVersion, Instant, Outcome, Outreach,
    OutreachKey, OutreachSubject, Recipient, RuleId, RuleTally, RunReport, Totals, Value,
    format_instant, parse_instant,
};
use lookout::store::{Learned, Run};

const RULE: &str = "stalled-order";

/// What a run decided, and where it stands in time.
pub struct Generated {
    as_of: Instant,
    report: RunReport,
    decided: Decided,
    evaluated: Vec<RuleId>,
    learned: Learned,
}

impl Generated {
    /// A run with so many decisions, outreaches and new episodes.
    pub fn new(matches: usize) -> anyhow::Result<Self> {
        let as_of = parse_instant("2026-01-05T08:00:00Z").context("the run's instant")?;
        let mut decided = Decided::default();
        for number in 0..matches {
            let outreach = outreach(number, as_of);
            let subject = &outreach.subjects[0];
            decided.decisions.push(decision(&outreach));
            decided.episodes.push(EpisodeChange::Started(
                outreach.rule.clone(),
                subject.customer.clone(),
                subject.subject.clone(),
            ));
            decided.outreaches.push(outreach);
        }
        decided.outreaches.sort_by(|a, b| a.key.cmp(&b.key));
        let count = matches as u64;
        let report = RunReport {
            schema_version: 1,
            as_of: format_instant(&as_of),
            pack: "0".repeat(64),
            plan: None,
            decisions: decided.decisions.clone(),
            totals: Totals {
                customers: 10 * count,
                matches: count,
                candidates: count,
                outreaches: count,
                contact: count,
                ..Totals::default()
            },
            rules: vec![RuleTally {
                rule: RULE.into(),
                matches: count,
                errors: 0,
                quarantined: false,
            }],
            alarms: Vec::new(),
        };
        Ok(Self {
            as_of,
            report,
            decided,
            evaluated: vec![RULE.into()],
            learned: Learned::default(),
        })
    }

    /// The run as it is written down, on books that nobody has written in yet.
    pub fn run(&self) -> Run<'_> {
        Run {
            as_of: self.as_of,
            started_at: self.as_of,
            report: &self.report,
            decided: &self.decided,
            tasks: &[],
            evaluated: &self.evaluated,
            learned: &self.learned,
            version: HistoryVersion(0),
        }
    }
}

fn outreach(number: usize, as_of: Instant) -> Outreach {
    let address = format!("Buyer.{number}@shop-{}.example", number % 977);
    let key = key(number);
    Outreach {
        key: key.clone(),
        rule: RULE.into(),
        topic: Some("service".to_owned()),
        priority: 80,
        channel: Channel("email".to_owned()),
        template: "email".to_owned(),
        recipients: vec![Recipient(format!("mailto:{}", address.to_lowercase()))],
        address: Some(address.clone()),
        assign: None,
        due_at: None,
        not_before: as_of,
        expires_at: as_of + TimeDelta::days(3),
        position: 0,
        last_word: false,
        subjects: vec![OutreachSubject {
            dedupe_key: key,
            customer: format!("C{number:07}").into(),
            subject: (10_000 + number).to_string().into(),
            episode_started_at: as_of,
            ordinal: 1,
            facts: facts(number, address),
            values: BTreeMap::new(),
        }],
    }
}

fn facts(number: usize, address: String) -> Facts {
    let text = |text: &str| Value::Text(text.to_owned());
    let fields = |given: Vec<(&str, Value)>| {
        given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    };
    Facts {
        customer: fields(vec![
            ("customer_id", Value::Text(format!("C{number:07}"))),
            ("name", Value::Text(format!("Zoë \"Z\" Müller & {number}"))),
            ("email", Value::Text(address)),
            ("locale", text("de-DE")),
            ("timezone", text("Europe/Berlin")),
            ("plan", if number.is_multiple_of(3) { Value::Null } else { text("basic") }),
            ("share", Value::Float(number as f64 / 7.0)),
        ]),
        signals: BTreeMap::from([(
            "tickets".to_owned(),
            fields(vec![("open", Value::Int(0)), ("last_at", Value::Null)]),
        )]),
        subject: fields(vec![
            ("order_id", Value::Int(10_000 + number as i64)),
            ("order_date", text("2025-12-24")),
            ("required_date", text("2026-01-07")),
        ]),
    }
}

/// Sixty-four hexadecimal digits without any order, as a hash has them.
fn key(number: usize) -> OutreachKey {
    let word = |part: u64| {
        let mut mixed = (number as u64 * 4 + part).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    let digits: String = (0..4).map(|part| format!("{:016x}", word(part))).collect();
    OutreachKey::from(digits)
}

fn decision(outreach: &Outreach) -> Decision {
    Decision {
        rule: outreach.rule.clone(),
        customer_id: outreach.subjects[0].customer.clone(),
        subject: outreach.subjects[0].subject.clone(),
        channel: outreach.channel.clone(),
        outcome: Outcome::Contact,
        refusal: None,
        outreach: Some(outreach.key.clone()),
        not_before: None,
        position: outreach.position,
    }
}
