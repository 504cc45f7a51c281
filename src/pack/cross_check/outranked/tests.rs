//! The claim, played on the decision itself: many histories of two rules of which one is true wherever
//! the other one is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;

use super::*;
use crate::domain::{
    Asked, Candidate, Channel, Charge, Consent, Decided, Episode, EpisodeChange, Facts, History,
    Instant, Match, Outcome, SubjectId, parse_instant,
};
use crate::policy::{self, Cap, Evaluation, Judged, QuietHours, Topic};

const HISTORIES: u64 = 50;
const RUNS: usize = 10;
const CUSTOMERS: [&str; 3] = ["ANA", "BEN", "CID"];
const ROWS: [&str; 2] = ["1", "2"];

/// Numbers by chance, the same ones each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// Two rules, the more important one first, under one policy.
#[derive(Clone)]
struct Scene {
    first: RuleSettings,
    second: RuleSettings,
    channels: [&'static str; 2],
    policy: Policy,
}

fn rule(id: &str, priority: u8) -> RuleSettings {
    RuleSettings {
        id: id.into(),
        summary: String::new(),
        about: About::Signal("orders".into()),
        topic: Some("service".to_owned()),
        priority,
        schedule: None,
        holds_for: None,
        repeat: None,
        reminders: 1,
        cooldown: None,
        expires: "2d".parse().unwrap(),
    }
}

/// The plainest case in which the claim is made.
fn scene() -> Scene {
    let topic = |consent| Topic {
        consent,
        title: BTreeMap::new(),
        ignore: BTreeSet::new(),
        mute_when: None,
    };
    let topics = [("service", Consent::OptOut), ("offers", Consent::OptIn)];
    let time = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let policy = Policy {
        topics: topics.map(|(name, consent)| (name.to_owned(), topic(consent))).into(),
        quiet: Some(QuietHours { nightly: Some((time(20), time(8))), days: [6].into() }),
        caps: vec![
            Cap { contacts: 2, per: "3d".parse().unwrap(), channel: None },
            Cap {
                contacts: 2,
                per: "7d".parse().unwrap(),
                channel: Some(Channel("email".to_owned())),
            },
        ],
        ..Policy::default()
    };
    Scene {
        first: rule("general", 80),
        second: rule("special", 60),
        channels: ["email"; 2],
        policy,
    }
}

impl Scene {
    /// Whether in one history somebody hears the second rule about something before the first one.
    fn is_broken_by(&self, seed: u64) -> bool {
        let mut chance = Chance(seed * 2_654_435_761 + 1);
        let facts: Vec<Facts> = CUSTOMERS.iter().map(|id| facts(id, &mut chance)).collect();
        let settings: BTreeMap<_, _> =
            [&self.first, &self.second].map(|rule| (rule.id.clone(), rule.clone())).into();
        let mut history = History::default();
        let mut open: BTreeMap<(usize, usize), bool> = BTreeMap::new();
        let mut heard = BTreeSet::new();
        let mut as_of = parse_instant("1998-05-04T09:00:00Z").unwrap();
        for _ in 0..RUNS {
            // What is put off over the night leaves before the next run.
            as_of += TimeDelta::hours(14 + chance.below(30) as i64);
            let mut evaluation = Evaluation::default();
            for rule in settings.values() {
                if rule.schedule.is_none() || chance.one_in(2) {
                    evaluation.rules.insert(rule.id.clone(), Judged::default());
                }
            }
            for (customer, facts) in facts.iter().enumerate() {
                for row in 0..ROWS.len() {
                    let general = match open.contains_key(&(customer, row)) {
                        true => !chance.one_in(4),
                        false => chance.one_in(2),
                    };
                    open.remove(&(customer, row));
                    if !general {
                        continue;
                    }
                    let special = !chance.one_in(3);
                    open.insert((customer, row), special);
                    self.ask(0, customer, row, facts, &mut evaluation);
                    if special {
                        self.ask(1, customer, row, facts, &mut evaluation);
                    }
                }
            }
            let decided = policy::decide(&evaluation, &settings, &self.policy, &history, as_of);
            let told = |rule: &RuleSettings| -> BTreeSet<(String, SubjectId)> {
                let out = [Outcome::Contact, Outcome::Deferred];
                let own = decided.decisions.iter().filter(|d| d.rule == rule.id);
                let own = own.filter(|d| out.contains(&d.outcome));
                own.map(|d| (d.customer_id.to_string(), d.subject.clone())).collect()
            };
            heard.extend(told(&self.first));
            if !told(&self.second).is_subset(&heard) {
                return true;
            }
            happened(&decided, &mut history, as_of);
        }
        false
    }

    fn ask(
        &self,
        which: usize,
        customer: usize,
        row: usize,
        facts: &Facts,
        evaluation: &mut Evaluation,
    ) {
        let rule = [&self.first, &self.second][which];
        let subject = SubjectId::from(format!("{}-{}", CUSTOMERS[customer], ROWS[row]));
        let Some(judged) = evaluation.rules.get_mut(&rule.id) else { return };
        judged.matched.insert((CUSTOMERS[customer].into(), subject.clone()));
        let matched = Arc::new(Match {
            rule: rule.id.clone(),
            customer: CUSTOMERS[customer].into(),
            subject,
            facts: facts.clone(),
        });
        let ask = Ask::Send(Channel(self.channels[which].to_owned()), "words".to_owned());
        let asked = Asked { ask, assign: None, due: None, values: BTreeMap::new() };
        evaluation.candidates.push(Candidate { matched, position: 0, asked, muted: None });
    }

    fn is_ever_broken(&self) -> bool {
        (1..=HISTORIES).any(|seed| self.is_broken_by(seed))
    }

    fn is_claimed(&self) -> bool {
        speaks_first(&self.first, &self.second, &self.policy)
            && self.channels[0] == self.channels[1]
    }
}

/// A customer: two of them may share a mailbox, some have none, some refuse.
fn facts(id: &str, chance: &mut Chance) -> Facts {
    let mut facts = Facts::default();
    let mut set = |name: &str, value: &str| {
        facts.customer.insert(name.to_owned(), Value::Text(value.to_owned()));
    };
    set("customer_id", id);
    match chance.below(4) {
        0 => {}
        1 => set("email", "office@example.com"),
        _ => set("email", &format!("{}@example.com", id.to_lowercase())),
    }
    if !chance.one_in(4) {
        set("phone", &format!("+49 221 555{}", id.len() + id.as_bytes()[0] as usize));
    }
    if chance.one_in(5) {
        set("refusals", "service/email");
    }
    set("consents", "*");
    set("timezone", ["Europe/Berlin", "America/New_York"][chance.below(2) as usize]);
    facts
}

/// What was decided becomes the past: each message leaves at its minute.
fn happened(decided: &Decided, history: &mut History, as_of: Instant) {
    for change in &decided.episodes {
        match change {
            EpisodeChange::Started(rule, customer, subject) => {
                let episode = Episode {
                    started_at: as_of,
                    contacts: 0,
                    last_contact_at: None,
                    tasks: 0,
                    last_task_at: None,
                };
                let key = (rule.clone(), customer.clone(), subject.clone());
                history.episodes.insert(key, episode);
            }
            EpisodeChange::Ended(rule, customer, subject) => {
                history.episodes.remove(&(rule.clone(), customer.clone(), subject.clone()));
            }
        }
    }
    for outreach in &decided.outreaches {
        for subject in &outreach.subjects {
            let key = (outreach.rule.clone(), subject.customer.clone(), subject.subject.clone());
            if let Some(episode) = history.episodes.get_mut(&key) {
                episode.contacts += 1;
                episode.last_contact_at = Some(outreach.not_before);
            }
            history.charges.push(Charge {
                rule: outreach.rule.clone(),
                customer: subject.customer.clone(),
                subject: subject.subject.clone(),
                episode_started_at: subject.episode_started_at,
                outreach: outreach.key.clone(),
                channel: outreach.channel.clone(),
                recipients: outreach.recipients.clone(),
                at: outreach.not_before,
            });
        }
    }
}

#[test]
fn nobody_hears_the_second_before_the_first() {
    let mut scenes = vec![scene()];
    let mut with = |change: fn(&mut Scene)| {
        let mut scene = scene();
        change(&mut scene);
        scenes.push(scene);
    };
    with(|s| s.first.priority = 60);
    with(|s| s.first.repeat = Some("1d".parse().unwrap()));
    with(|s| s.second.repeat = Some("1d".parse().unwrap()));
    with(|s| s.second.cooldown = Some("5d".parse().unwrap()));
    with(|s| s.second.holds_for = Some("1d".parse().unwrap()));
    with(|s| s.second.schedule = Some("0 9 * * *".to_owned()));
    with(|s| s.first.expires = "9d".parse().unwrap());
    with(|s| s.channels = ["sms", "sms"]);
    with(|s| s.policy.caps.clear());
    with(|s| s.policy.quiet = None);
    for scene in &scenes {
        assert!(scene.is_claimed());
        assert!(!scene.is_ever_broken(), "{:?} {:?}", scene.first, scene.second);
    }
}

/// Each thing that the claim asks for has to be asked for: without it, there is a history in which the
/// second rule is heard first.
#[test]
fn nothing_that_is_asked_for_could_be_left_out() {
    type Change = (&'static str, fn(&mut Scene));
    let changes: [Change; 7] = [
        ("rank", |s| s.first.priority = 10),
        ("FOR", |s| s.first.holds_for = Some("2d".parse().unwrap())),
        ("COOLDOWN", |s| s.first.cooldown = Some("9d".parse().unwrap())),
        ("EXPIRES", |s| s.first.expires = "1h".parse().unwrap()),
        ("SCHEDULE", |s| s.first.schedule = Some("0 9 * * *".to_owned())),
        ("topic", |s| s.second.topic = Some("offers".to_owned())),
        ("channel", |s| s.channels = ["email", "sms"]),
    ];
    for (what, change) in changes {
        let mut scene = scene();
        change(&mut scene);
        assert!(!scene.is_claimed(), "{what}");
        assert!(scene.is_ever_broken(), "{what} is not needed");
    }
}
