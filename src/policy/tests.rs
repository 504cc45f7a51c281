//! The decision, gate by gate.

mod hold;

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    About, Ask, Asked, Charge, Decided, Episode, EpisodeChange, Facts, History, Instant, Match,
    Outcome, OutreachKey, Recipient, RuleSettings, Suppression, SuppressionCause, Value, Waiting,
    parse_instant,
};

fn at(text: &str) -> Instant {
    parse_instant(text).unwrap()
}

/// Thursday, 11:00 in Berlin.
fn noon() -> Instant {
    at("1998-05-07T09:00:00Z")
}

fn span(text: &str) -> Span {
    text.parse().unwrap()
}

fn rule(id: &str, priority: u8) -> RuleSettings {
    RuleSettings {
        id: id.into(),
        summary: String::new(),
        about: About::Customers,
        topic: Some("service".to_owned()),
        priority,
        schedule: None,
        holds_for: None,
        repeat: None,
        reminders: 1,
        cooldown: None,
        expires: Span::days(3),
    }
}

fn facts(customer: &str) -> Facts {
    let mut facts = Facts::default();
    let email = format!("{}@example.com", customer.to_lowercase());
    facts.customer.insert("customer_id".into(), Value::Text(customer.into()));
    facts.customer.insert("email".into(), Value::Text(email));
    facts
}

fn asked(channel: &str) -> Asked {
    let ask = match channel {
        "contact" => Ask::Contact(vec![Channel("sms".into()), Channel("email".into())]),
        other => Ask::Send(Channel(other.to_owned()), other.to_owned()),
    };
    Asked { ask, assign: None, due: None, values: BTreeMap::new() }
}

/// A table that a test sets: who matched what, under which policy, after what.
#[derive(Clone)]
struct Scene {
    evaluation: Evaluation,
    settings: BTreeMap<RuleId, RuleSettings>,
    policy: Policy,
    history: History,
    as_of: Instant,
}

impl Scene {
    fn new(rules: impl IntoIterator<Item = RuleSettings>) -> Self {
        let settings: BTreeMap<_, _> = rules.into_iter().map(|r| (r.id.clone(), r)).collect();
        let mut evaluation = Evaluation::default();
        evaluation.rules.extend(settings.keys().map(|id| (id.clone(), Judged::default())));
        let mut policy = Policy::default();
        policy.calendar.timezone = chrono_tz::Europe::Berlin;
        for (name, consent) in [
            ("service", Consent::OptOut),
            ("offers", Consent::OptIn),
            ("security", Consent::Always),
        ] {
            let topic =
                Topic { consent, title: BTreeMap::new(), ignore: BTreeSet::new(), mute_when: None };
            policy.topics.insert(name.to_owned(), topic);
        }
        Self { evaluation, settings, policy, history: History::default(), as_of: noon() }
    }

    fn matches(self, rule: &str, customer: &str, subject: &str, channels: &[&str]) -> Self {
        self.matches_with(rule, customer, subject, channels, facts(customer))
    }

    fn matches_with(
        mut self,
        rule: &str,
        customer: &str,
        subject: &str,
        channels: &[&str],
        facts: Facts,
    ) -> Self {
        let matched = Arc::new(Match {
            rule: rule.into(),
            customer: customer.into(),
            subject: subject.into(),
            facts,
        });
        let judged = self.evaluation.rules.get_mut(&RuleId::from(rule)).unwrap();
        judged.matched.insert((customer.into(), subject.into()));
        for (position, channel) in channels.iter().enumerate() {
            let candidate = Candidate {
                matched: matched.clone(),
                position: position as u32,
                asked: asked(channel),
                muted: None,
            };
            self.evaluation.candidates.push(candidate);
        }
        self
    }

    fn caps(mut self, contacts: u32, per: &str) -> Self {
        self.policy.caps.push(Cap { contacts, per: span(per), channel: None });
        self
    }

    fn quiet_nights(mut self) -> Self {
        let time = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        self.policy.quiet =
            Some(QuietHours { nightly: Some((time(20), time(8))), days: BTreeSet::new() });
        self
    }

    fn charged(mut self, rule: &str, customer: &str, when: &str) -> Self {
        self.history.charges.push(Charge {
            rule: rule.into(),
            customer: customer.into(),
            subject: "earlier".into(),
            episode_started_at: at("1998-01-01"),
            outreach: format!("{rule} {when}").into(),
            channel: Channel("email".into()),
            recipients: facts(customer).customer().recipients(),
            at: at(when),
        });
        self
    }

    fn episode(
        mut self,
        rule: &str,
        customer: &str,
        started: &str,
        contacts: u32,
        last: Option<&str>,
    ) -> Self {
        let episode = Episode {
            started_at: at(started),
            contacts,
            last_contact_at: last.map(at),
            tasks: 0,
            last_task_at: None,
        };
        self.history.episodes.insert((rule.into(), customer.into(), customer.into()), episode);
        self
    }

    fn at(mut self, when: &str) -> Self {
        self.as_of = at(when);
        self
    }

    fn decide(&self) -> Decided {
        decide(&self.evaluation, &self.settings, &self.policy, &self.history, self.as_of)
    }

    /// What was decided, a line a candidate.
    fn told(&self) -> Vec<String> {
        let line = |d: &crate::domain::Decision| {
            let why = d.refusal.as_ref().map_or(d.outcome.name(), |r| r.code());
            format!("{} {} {} {why}", d.rule, d.subject, d.channel)
        };
        self.decide().decisions.iter().map(line).collect()
    }

    /// The next run after this one, if nothing has left yet: what it let through waits.
    fn later(&self, when: &str) -> Self {
        let decided = self.decide();
        let mut next = Self { as_of: at(when), ..self.clone() };
        let waiting = decided.outreaches.into_iter().map(Waiting::from);
        next.history.waiting = waiting.collect();
        for change in decided.episodes {
            if let EpisodeChange::Started(rule, customer, subject) = change {
                let started = Episode {
                    started_at: self.as_of,
                    contacts: 0,
                    last_contact_at: None,
                    tasks: 0,
                    last_task_at: None,
                };
                next.history.episodes.insert((rule, customer, subject), started);
            }
        }
        next
    }

    fn nothing_matches(mut self) -> Self {
        self.evaluation.candidates.clear();
        self.evaluation.rules.values_mut().for_each(|judged| judged.matched.clear());
        self
    }
}

#[test]
fn two_orders_of_one_customer_make_one_message() {
    let scene = Scene::new([rule("stalled", 80)])
        .matches("stalled", "GREAL", "11061", &["email"])
        .matches("stalled", "GREAL", "11040", &["email"]);
    assert_eq!(scene.told(), ["stalled 11040 email contact", "stalled 11061 email contact"]);
    let decided = scene.decide();
    assert_eq!(decided.outreaches.len(), 1);
    let subjects: Vec<_> =
        decided.outreaches[0].subjects.iter().map(|s| s.subject.as_str()).collect();
    assert_eq!(subjects, ["11040", "11061"]);
    assert_eq!(decided.decisions[0].outreach, decided.decisions[1].outreach);
}

#[test]
fn the_most_important_wins_and_the_other_says_by_whom() {
    let scene = Scene::new([rule("a-chat", 20), rule("z-urgent", 90)])
        .matches("a-chat", "ANA", "ANA", &["email"])
        .matches("z-urgent", "ANA", "ANA", &["email"]);
    assert_eq!(scene.told(), ["a-chat ANA email outranked", "z-urgent ANA email contact"]);
    let json = serde_json::to_value(&scene.decide().decisions[0]).unwrap();
    assert_eq!(json["evidence"], serde_json::json!({ "by": "z-urgent" }));
}

#[test]
fn a_topic_that_ignores_rank_goes_out_beside_the_winner() {
    let mut security = rule("security", 10);
    security.topic = Some("security".into());
    let mut scene = Scene::new([rule("urgent", 90), security])
        .matches("urgent", "ANA", "ANA", &["email"])
        .matches("security", "ANA", "ANA", &["email"]);
    assert_eq!(scene.told(), ["security ANA email outranked", "urgent ANA email contact"]);
    scene.policy.topics.get_mut("security").unwrap().ignore.insert(Lenience::Outranked);
    assert_eq!(scene.told(), ["security ANA email contact", "urgent ANA email contact"]);
}

#[test]
fn a_cap_names_what_counted_and_when_there_is_room_again() {
    let scene = Scene::new([rule("a", 50)])
        .matches("a", "ANA", "ANA", &["email"])
        .caps(1, "1d")
        .caps(2, "30d")
        .charged("b", "ANA", "1998-05-06T20:00:00Z")
        .charged("b", "ANA", "1998-04-20T20:00:00Z");
    let refusal = scene.decide().decisions[0].refusal.clone().unwrap();
    let crate::domain::Refusal::Cap { contacts, free_at, earlier, .. } = refusal else {
        panic!("{refusal:?}")
    };
    // The cap that frees last is the one that tells the truth.
    assert_eq!((contacts, free_at, earlier.len()), (2, at("1998-05-20T20:00:00Z"), 2));
}

#[test]
fn a_window_of_a_day_is_24_hours_to_the_minute() {
    let scene = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]).caps(1, "1d");
    let minute_short = scene.clone().charged("b", "ANA", "1998-05-06T09:01:00Z");
    assert_eq!(minute_short.told(), ["a ANA email cap"]);
    assert_eq!(scene.charged("b", "ANA", "1998-05-06T09:00:00Z").told(), ["a ANA email contact"]);
}

#[test]
fn a_merged_message_is_charged_once() {
    let mut scene =
        Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]).caps(2, "7d");
    scene = scene.charged("b", "ANA", "1998-05-06").charged("b", "ANA", "1998-05-06");
    assert_eq!(scene.told(), ["a ANA email contact"]);
}

#[test]
fn at_night_a_message_waits_for_the_morning_unless_that_is_too_late() {
    let scene = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]).quiet_nights();
    let scene = scene.at("1998-05-07T20:00:00Z");
    let decided = scene.decide();
    assert_eq!(decided.decisions[0].outcome, Outcome::Deferred);
    assert_eq!(decided.decisions[0].not_before, Some(at("1998-05-08T06:00:00Z")));
    let mut hasty = scene.clone();
    hasty.settings.get_mut(&RuleId::from("a")).unwrap().expires = span("4h");
    assert_eq!(hasty.told(), ["a ANA email expired"]);
}

#[test]
fn quiet_hours_are_the_customers_own() {
    let mut facts = facts("ANA");
    facts.customer.insert("timezone".into(), Value::Text("America/Los_Angeles".into()));
    let scene = Scene::new([rule("a", 50)])
        .matches_with("a", "ANA", "ANA", &["email"], facts)
        .quiet_nights();
    // 11:00 in Berlin, 02:00 in Los Angeles.
    assert_eq!(scene.decide().decisions[0].not_before, Some(at("1998-05-07T15:00:00Z")));
}

#[test]
fn what_was_put_off_keeps_its_key_and_leaves_in_the_morning() {
    let night = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]).quiet_nights();
    let night = night.caps(1, "1d").at("1998-05-07T20:00:00Z");
    let morning = night.later("1998-05-08T06:30:00Z");
    let (before, after) = (night.decide(), morning.decide());
    assert_eq!(morning.told(), ["a ANA email contact"]);
    assert_eq!(before.outreaches[0].key, after.outreaches[0].key);
    assert_eq!(before.outreaches[0].expires_at, after.outreaches[0].expires_at);
    assert!(after.withdrawals.is_empty());
}

#[test]
fn a_message_whose_time_is_up_takes_no_other_with_it() {
    let hasty = RuleSettings { expires: span("6h"), ..rule("a", 50) };
    let late = Scene::new([hasty]).matches("a", "ANA", "11061", &["email"]);
    let later = late.later("1998-05-07T16:00:00Z").matches("a", "ANA", "11040", &["email"]);
    assert_eq!(later.told(), ["a 11040 email contact", "a 11061 email expired"]);
    assert_eq!(later.decide().outreaches[0].expires_at, at("1998-05-07T22:00:00Z"));

    let both = Scene::new([rule("a", 50)]).matches("a", "ANA", "11040", &["email"]).matches(
        "a",
        "ANA",
        "11061",
        &["email"],
    );
    let mut morning = both.later("1998-05-08T06:30:00Z");
    let first = std::sync::Arc::make_mut(&mut morning.evaluation.candidates[0].matched);
    first.facts.customer.insert("email".into(), Value::Null);
    let withdrawals = morning.decide().withdrawals;
    assert_eq!((withdrawals.len(), withdrawals[0].freed.len()), (1, 2));
}

#[test]
fn deferring_defeats_no_priority() {
    let night = Scene::new([rule("chat", 20), rule("urgent", 90)]).matches(
        "chat",
        "ANA",
        "ANA",
        &["email"],
    );
    let morning = night.quiet_nights().at("1998-05-07T20:00:00Z").later("1998-05-08T07:00:00Z");
    let morning = morning.matches("urgent", "ANA", "ANA", &["email"]);
    assert_eq!(morning.told(), ["chat ANA email outranked", "urgent ANA email contact"]);
    let withdrawals = morning.decide().withdrawals;
    assert_eq!(withdrawals.len(), 1);
    assert_eq!(withdrawals[0].because, "outranked");
}

#[test]
fn what_is_no_longer_true_is_withdrawn() {
    let night = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]).quiet_nights();
    let morning = night.at("1998-05-07T20:00:00Z").later("1998-05-08T07:00:00Z").nothing_matches();
    let decided = morning.decide();
    assert_eq!(decided.withdrawals[0].because, "no_longer_true");
    assert_eq!(decided.episodes, [EpisodeChange::Ended("a".into(), "ANA".into(), "ANA".into())]);
}

#[test]
fn what_waits_for_a_rule_that_is_not_due_is_on_the_table_by_itself() {
    let night = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]).quiet_nights();
    let mut morning =
        night.at("1998-05-07T20:00:00Z").later("1998-05-08T07:00:00Z").nothing_matches();
    morning.evaluation.rules.clear();
    morning.history.episodes.clear();
    assert_eq!(morning.told(), ["a ANA email contact"]);
    assert_eq!(morning.decide().outreaches[0].key, morning.history.waiting[0].outreach.key);
    morning.settings.clear();
    assert_eq!(morning.decide().withdrawals[0].because, "rule_removed");
}

#[test]
fn a_quarantined_rule_sends_nothing_and_ends_nothing() {
    let mut scene = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]);
    scene = scene.episode("a", "BOB", "1998-05-01", 1, Some("1998-05-01"));
    scene.evaluation.rules.get_mut(&RuleId::from("a")).unwrap().quarantined = true;
    assert_eq!(scene.decide(), Decided::default());
}

#[test]
fn a_row_that_fails_ends_no_episode() {
    let mut scene =
        Scene::new([rule("a", 50)]).episode("a", "BOB", "1998-05-01", 1, Some("1998-05-01"));
    assert_eq!(scene.decide().episodes.len(), 1);
    let judged = scene.evaluation.rules.get_mut(&RuleId::from("a")).unwrap();
    judged.failing.insert(("BOB".into(), "BOB".into()));
    assert!(scene.decide().episodes.is_empty());
}

#[test]
fn an_episode_is_told_about_once_and_reminded_of_as_often_as_the_rule_says() {
    let scene = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]);
    let told = scene.clone().episode("a", "ANA", "1998-05-01", 1, Some("1998-05-01"));
    assert_eq!(told.told(), ["a ANA email already_contacted"]);
    let mut repeats = told.clone();
    repeats.settings.get_mut(&RuleId::from("a")).unwrap().repeat = Some(span("5d"));
    assert_eq!(repeats.told(), ["a ANA email contact"]);
    assert_eq!(repeats.clone().at("1998-05-05").told(), ["a ANA email already_contacted"]);
    let reminded = repeats.episode("a", "ANA", "1998-05-01", 2, Some("1998-05-01"));
    assert_eq!(reminded.told(), ["a ANA email already_contacted"]);
}

#[test]
fn for_counts_from_the_first_run_that_saw_it() {
    let mut scene = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email", "task"]);
    scene.settings.get_mut(&RuleId::from("a")).unwrap().holds_for = Some(span("2d"));
    assert_eq!(scene.told(), ["a ANA email pending", "a ANA task pending"]);
    let young = scene.clone().episode("a", "ANA", "1998-05-05T09:01:00Z", 0, None);
    assert_eq!(young.told(), ["a ANA email pending", "a ANA task pending"]);
    let old = scene.episode("a", "ANA", "1998-05-05T09:00:00Z", 0, None);
    assert_eq!(old.told(), ["a ANA email contact", "a ANA task task"]);
}

#[test]
fn cooldown_keeps_other_episodes_of_the_same_rule_quiet() {
    let mut scene = Scene::new([rule("a", 50), rule("b", 40)]).matches("a", "ANA", "2", &["email"]);
    scene.settings.get_mut(&RuleId::from("a")).unwrap().cooldown = Some(span("7d"));
    let other_rule = scene.clone().charged("b", "ANA", "1998-05-01");
    assert_eq!(other_rule.told(), ["a 2 email contact"]);
    assert_eq!(scene.charged("a", "ANA", "1998-05-01").told(), ["a 2 email cooldown"]);
}

#[test]
fn a_message_about_two_keeps_no_reminder_of_either_back() {
    let mut scene = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]);
    let settings = scene.settings.get_mut(&RuleId::from("a")).unwrap();
    (settings.cooldown, settings.repeat) = (Some(span("30d")), Some(span("5d")));
    scene = scene.episode("a", "ANA", "1998-05-01", 1, Some("1998-05-01"));
    scene = scene.charged("a", "ANA", "1998-05-01");
    assert_eq!(scene.told(), ["a ANA email cooldown"]);
    let mut own = scene.history.charges[0].clone();
    (own.subject, own.episode_started_at) = ("ANA".into(), at("1998-05-01"));
    scene.history.charges.push(own);
    assert_eq!(scene.told(), ["a ANA email contact"]);
}

#[test]
fn consent_is_asked_in_the_topics_own_way() {
    let with = |column: &str, list: &str| {
        let mut facts = facts("ANA");
        facts.customer.insert(column.into(), Value::Text(list.into()));
        facts
    };
    let judge = |topic: &str, facts: Facts| {
        let mut rule = rule("a", 50);
        rule.topic = Some(topic.into());
        Scene::new([rule]).matches_with("a", "ANA", "ANA", &["email"], facts).told()[0].clone()
    };
    for (topic, facts, outcome) in [
        ("service", facts("ANA"), "contact"),
        ("service", with("refusals", "service"), "no_consent"),
        ("service", with("refusals", "offers, *"), "no_consent"),
        ("service", with("refusals", "service/sms"), "contact"),
        ("service", with("refusals", "service/email"), "no_consent"),
        ("offers", facts("ANA"), "no_consent"),
        ("offers", with("consents", "news,offers"), "contact"),
        ("offers", with("consents", "offers/sms"), "no_consent"),
        ("security", with("refusals", "*"), "contact"),
    ] {
        assert_eq!(
            judge(topic, facts.clone()),
            format!("a ANA email {outcome}"),
            "{topic} {facts:?}"
        );
    }
}

#[test]
fn a_suppressed_address_stops_everybody_behind_it() {
    let mut scene = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email"]);
    let suppress = |cause, customer: Option<&str>, recipient: Option<&str>| Suppression {
        customer: customer.map(Into::into),
        recipient: recipient.map(|r| Recipient(r.into())),
        topic: None,
        cause,
        since: at("1998-01-01"),
    };
    scene.history.suppressions =
        vec![suppress(SuppressionCause::Refused, None, Some("mailto:ana@example.com"))];
    assert_eq!(scene.told(), ["a ANA email suppressed"]);
    scene.settings.get_mut(&RuleId::from("a")).unwrap().topic = Some("security".into());
    assert_eq!(scene.told(), ["a ANA email contact"], "a necessary message is not refused");
    scene.history.suppressions = vec![suppress(SuppressionCause::Erasure, Some("ANA"), None)];
    assert_eq!(scene.told(), ["a ANA email suppressed"], "but somebody erased is not written to");
}

#[test]
fn two_customers_behind_one_address_are_one_recipient() {
    let mut bob = facts("BOB");
    bob.customer.insert("email".into(), Value::Text("ANA@example.com ".into()));
    let scene = Scene::new([rule("a", 50), rule("b", 60)])
        .matches("a", "ANA", "ANA", &["email"])
        .matches_with("b", "BOB", "BOB", &["email"], bob.clone());
    assert_eq!(scene.told(), ["a ANA email outranked", "b BOB email contact"]);
    let capped = Scene::new([rule("b", 60)]).matches_with("b", "BOB", "BOB", &["email"], bob);
    let capped = capped.caps(1, "1d").charged("a", "ANA", "1998-05-07T08:00:00Z");
    assert_eq!(capped.told(), ["b BOB email cap"]);
}

#[test]
fn contact_takes_the_first_channel_that_is_open() {
    let scene = |facts: Facts| {
        let mut scene =
            Scene::new([rule("a", 50)]).matches_with("a", "ANA", "ANA", &["contact"], facts);
        scene.policy.channels = vec![Channel("email".into()), Channel("sms".into())];
        scene.told()[0].clone()
    };
    assert_eq!(scene(facts("ANA")), "a ANA email contact");
    let mut prefers = facts("ANA");
    prefers.customer.insert("preferred_channel".into(), Value::Text("sms".into()));
    assert_eq!(scene(prefers.clone()), "a ANA email contact", "there is no number to send it to");
    prefers.customer.insert("phone".into(), Value::Text("+49 221 555 123".into()));
    assert_eq!(scene(prefers.clone()), "a ANA sms contact");
    prefers.customer.insert("refusals".into(), Value::Text("service/sms".into()));
    assert_eq!(scene(prefers), "a ANA email contact");
    assert_eq!(scene(Facts::default()), "a ANA email no_address");
}

#[test]
fn a_task_reaches_no_customer_and_passes_what_does_not_concern_it() {
    let scene = Scene::new([rule("a", 50)]).matches_with(
        "a",
        "ANA",
        "ANA",
        &["email", "task"],
        Facts::default(),
    );
    let scene = scene.caps(1, "1d").charged("b", "ANA", "1998-05-07T08:00:00Z").quiet_nights();
    assert_eq!(scene.told(), ["a ANA email no_address", "a ANA task task"]);
    let keys: Vec<OutreachKey> = scene.decide().outreaches.iter().map(|o| o.key.clone()).collect();
    assert_eq!(keys.len(), 1);
}

#[test]
fn an_episode_is_contacted_once_a_run_whatever_its_rule_asks() {
    let mut scene = Scene::new([rule("a", 50)]).matches("a", "ANA", "ANA", &["email", "email"]);
    scene.policy.topics.get_mut("service").unwrap().ignore.insert(Lenience::Outranked);
    assert_eq!(scene.told(), ["a ANA email contact", "a ANA email already_contacted"]);
}

proptest! {
    #[test]
    fn the_order_of_the_candidates_changes_nothing(
        picks in proptest::collection::vec((0usize..4, 0usize..4, 0usize..3), 1..25), seed in any::<u64>(),
    ) {
        let rules = ["a", "b", "c", "d"];
        let mut scene = Scene::new(rules.iter().enumerate().map(|(i, id)| rule(id, 10 * (i as u8 % 3))));
        scene = scene.caps(1, "1d").quiet_nights();
        let mut seen = BTreeSet::new();
        for (r, c, s) in picks {
            let customer = ["ANA", "BOB", "CID", "DEE"][c];
            let subject = format!("{customer}-{s}");
            if seen.insert((r, subject.clone())) {
                let mut facts = facts(customer);
                if c == 3 {
                    facts.customer.insert("email".into(), Value::Text("ana@example.com".into()));
                }
                scene = scene.matches_with(rules[r], customer, &subject, &["email", "task"], facts);
            }
        }
        let decided = scene.decide();
        let mut shuffled = scene.clone();
        let mut state = seed;
        shuffled.evaluation.candidates.sort_by_cached_key(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state
        });
        prop_assert_eq!(&shuffled.decide(), &decided);
        prop_assert_eq!(decided.decisions.len(), scene.evaluation.candidates.len());
    }
}
