//! The model test: random histories, played through the real store on both databases, and by a
//! plain reference that was written without a look at how the product decides.

mod histories;
mod product;
mod reference;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use lookout::domain::{
    Candidate, Channel, CustomerId, Decided, Decision, Instant, Match, Outreach, OutreachState,
    Recipient, Refusal, RuleId, RuleSettings, RunReport, SuppressionCause, Totals, format_instant,
    parse_instant,
};
use lookout::policy::{self, Evaluation, Judged, Lenience, Policy, Version};
use lookout::store::{
    Claim, ClaimQuery, Claimed, HistoryQuery, Learned, NewSuppression, OutboxQuery, OutboxRow, Run,
    Settlement, Store, StoreError, TaskText,
};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use self::histories::{Change, Fate, History, Step, Verdict, histories, hours};
use self::product::{
    asked, customers, describe, facts_of, id_of, name_of, policy_of, rule_id, settings_of, wall,
};
use self::reference::{Episode, Found, Reference, Suppression, Told, Who};
use crate::support::door::{begin, settle};
use crate::support::postgres;

#[test]
fn random_histories_end_as_the_reference_says_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    play_all(&format!("sqlite:{}", file.display()), async || {
        let database = rusqlite::Connection::open(&file).unwrap();
        database.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        let deletes = TABLES.map(|table| format!("DELETE FROM {table};")).concat();
        database.execute_batch(&format!("BEGIN; {deletes} COMMIT")).unwrap();
    });
}

#[test]
fn random_histories_end_as_the_reference_says_on_postgresql() {
    let url = runtime().block_on(postgres::database());
    play_all(&url, async || {
        let tables = TABLES.join(", lookout.");
        postgres::execute(&url, &format!("TRUNCATE lookout.{tables}")).await;
    });
}

/// Every table but the migrations and the page number of the books.
const TABLES: [&str; 12] = [
    "rule_versions",
    "rule_matches",
    "signal_fields",
    "runs",
    "rule_evaluations",
    "decisions",
    "episodes",
    "outreaches",
    "outreach_recipients",
    "contacts",
    "tasks",
    "suppressions",
];

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Plays the same histories each time (more of them where `PROPTEST_CASES` says so), each on empty
/// tables. One that fails is made as short as it can be.
fn play_all(url: &str, wipe: impl AsyncFn()) {
    let runtime = runtime();
    let store = runtime.block_on(Store::open(url)).unwrap();
    let cases = Config::default().cases.max(200);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let seen = RefCell::new(BTreeSet::new());
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let played = TestRunner::new_with_rng(config, rng).run(&histories(), |history| {
        let came_to = runtime.block_on(async {
            wipe().await;
            Game::new(&history, &store).play().await
        });
        seen.borrow_mut().extend(came_to);
        Ok(())
    });
    if let Err(failed) = played {
        panic!("{failed}");
    }
    for code in Refusal::CODES.iter().chain(&["ready", "sent", "failed", "uncertain", "withdrawn"])
    {
        assert!(seen.borrow().contains(*code), "no history came to `{code}`");
    }
}

/// A history as it is played.
struct Game<'a> {
    history: &'a History,
    store: &'a Store,
    policy: Policy,
    settings: BTreeMap<RuleId, RuleSettings>,
    reference: Reference,
    now: Instant,
    who: Vec<Who>,
    verdicts: BTreeMap<Episode, Verdict>,
    /// What left, by dedupe key.
    left: BTreeSet<String>,
    /// What lost workers held, and until when.
    lost: Vec<(Claim, Instant)>,
    /// Every reason and state that it came to.
    seen: BTreeSet<&'static str>,
}

impl<'a> Game<'a> {
    fn new(history: &'a History, store: &'a Store) -> Self {
        let rules = history.rules.iter().enumerate();
        let reference = Reference {
            rules: history.rules.clone(),
            policy: history.policy.clone(),
            open: BTreeMap::new(),
            told: Vec::new(),
            suppressed: Vec::new(),
            edits: vec![0; history.rules.len()],
        };
        Self {
            history,
            store,
            policy: policy_of(history),
            settings: rules.map(|(number, rule)| settings_of(number, rule)).collect(),
            reference,
            now: parse_instant("1998-05-04T09:00:00Z").unwrap(),
            who: customers(),
            verdicts: BTreeMap::new(),
            left: BTreeSet::new(),
            lost: Vec::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Plays it to its end, and gives every reason and state that it came to.
    async fn play(mut self) -> BTreeSet<&'static str> {
        for (number, step) in (1..).zip(&self.history.steps) {
            self.now += TimeDelta::minutes(step.after);
            for change in &step.changes {
                self.change(change).await;
            }
            let found = self.found(step);
            self.run(&found, number == self.history.steps.len()).await;
            self.compare_books().await;
            if let Some((after, fates)) = &step.delivery {
                self.deliver(self.now + TimeDelta::minutes(*after), fates).await;
                self.compare_books().await;
            }
            self.seen.extend(self.reference.told.iter().map(|told| told.state));
        }
        self.seen
    }

    async fn change(&mut self, change: &Change) {
        let toggle =
            |list: &mut Vec<String>, topic: &str| match list.iter().position(|t| t == topic) {
                Some(place) => _ = list.remove(place),
                None => list.push(topic.to_owned()),
            };
        match change {
            Change::Subject(rule, customer, row, verdict) => {
                let rule = rule % self.history.rules.len();
                let id = self.who[*customer].id.clone();
                let subject = match self.history.rules[rule].by_rows {
                    true => format!("{id}-{row}"),
                    false => id.clone(),
                };
                self.verdicts.insert((rule, id, subject), *verdict);
            }
            Change::Agree(customer) => toggle(&mut self.who[*customer].consents, "offers"),
            Change::Refuse(customer, topic) => {
                toggle(&mut self.who[*customer].refusals, topic.unwrap_or("*"));
            }
            Change::Ticket(customer) => self.who[*customer].open_ticket ^= true,
            Change::Correct => self.who[3].email = self.who[0].email.clone(),
            Change::Suppress(customer, by_id, topic, cause) => {
                let name = name_of(&self.who[*customer], *by_id);
                let person = NewSuppression {
                    customer: by_id.then(|| CustomerId::from(&name)),
                    recipient: (!by_id).then(|| Recipient(name.clone())),
                    topic: topic.map(str::to_owned),
                    cause: SuppressionCause::from_name(cause).unwrap(),
                    note: None,
                };
                let new = self.store.suppress(&[person], wall(self.now)).await.unwrap();
                let known = Suppression {
                    name,
                    topic: topic.map(str::to_owned),
                    cause: (*cause).to_owned(),
                };
                assert_eq!(new == 0, self.reference.suppressed.contains(&known));
                self.reference.suppressed.push(known);
            }
            Change::Approve(rule, yes) => {
                self.settle_held(rule % self.history.rules.len(), *yes).await
            }
            Change::Edit(rule) => {
                self.reference.edits[rule % self.history.rules.len()] += 1;
            }
            Change::Unsuppress(customer, by_id, topic) => {
                let name = name_of(&self.who[*customer], *by_id);
                let (id, to) = (CustomerId::from(&name), Recipient(name.clone()));
                let (id, to) = if *by_id { (Some(&id), None) } else { (None, Some(&to)) };
                self.store.unsuppress(id, to, *topic).await.unwrap();
                self.reference
                    .suppressed
                    .retain(|s| s.name != name || s.topic.as_deref() != *topic);
            }
        }
    }

    async fn settle_held(&mut self, rule: usize, yes: bool) {
        let held = self.store.held().await.unwrap();
        let held = held.iter().find(|held| held.rule == rule_id(rule));
        let expected = self.reference.settle_held(rule, yes);
        assert_eq!(held.map_or(0, |held| held.messages + held.approved), expected.0);
        let Some(held) = held else { return };
        if yes {
            let approved = self.store.approve(&held.rule, &held.shown).await.unwrap();
            assert_eq!(approved, Some(expected.1));
        } else {
            let rejected = self.store.reject(&held.rule, wall(self.now)).await.unwrap();
            assert_eq!(rejected, expected.1);
        }
    }

    fn found(&self, step: &Step) -> Found {
        let rules = 0..self.history.rules.len();
        let mut found = Found {
            due: rules.filter(|rule| !step.idle.contains(rule)).collect(),
            ..Found::default()
        };
        found.quarantined.extend(step.quarantined.filter(|rule| found.due.contains(rule)));
        for (episode, verdict) in self.verdicts.iter().filter(|(e, _)| found.due.contains(&e.0)) {
            let who = self.who.iter().find(|who| who.id == episode.1).unwrap();
            match verdict {
                Verdict::True => _ = found.matched.insert(episode.clone(), who.clone()),
                Verdict::Raises => _ = found.failing.insert(episode.clone()),
                Verdict::False => {}
            }
        }
        found
    }

    /// Decides and records an instant as the product does, and holds it against the reference.
    /// Watching somebody decides nothing differently, and what is told of them agrees with it.
    fn watch_somebody(
        &self,
        evaluation: Evaluation,
        past: &lookout::domain::History,
        decided: &Decided,
    ) {
        let Some(candidate) = evaluation.candidates.first() else { return };
        let watched = Some(candidate.matched.customer.clone());
        let evaluation = Evaluation { watched: watched.clone(), ..evaluation };
        let mut told = policy::decide(&evaluation, &self.settings, &self.policy, past, self.now);
        let trails = std::mem::take(&mut told.trails);
        assert_eq!(told, *decided);
        let theirs = decided.decisions.iter().filter(|d| Some(&d.customer_id) == watched.as_ref());
        assert_eq!(theirs.clone().count(), trails.len());
        for decision in theirs {
            let gates = &trails
                .iter()
                .find(|t| {
                    (&t.rule, &t.subject, &t.channel, t.position)
                        == (&decision.rule, &decision.subject, &decision.channel, decision.position)
                })
                .expect("every decision has its trail")
                .gates;
            let refusing = gates.iter().find(|gate| !gate.passes).map(|gate| gate.looked.name());
            let code = decision.refusal.as_ref().map(|refusal| refusal.code());
            let gate = code.map(|code| match code {
                "no_address" => "address",
                "no_consent" => "consent",
                "suppressed" => "suppression",
                "muted" => "mute",
                "pending" | "already_contacted" => "episode",
                "held" => "hold",
                "outranked" => "rank",
                "expired" => "quiet",
                other => other,
            });
            assert_eq!(refusing, gate, "{decision:?}\n{gates:#?}");
        }
    }

    async fn run(&mut self, found: &Found, again: bool) {
        let evaluation = self.evaluation(found);
        let evaluated: Vec<RuleId> = evaluation.rules.keys().cloned().collect();
        let people = || evaluation.candidates.iter().map(|c| &c.matched);
        let customers: BTreeSet<_> = people().map(|m| m.customer.clone()).collect();
        let recipients: BTreeSet<_> =
            people().flat_map(|m| m.facts.customer().recipients()).collect();
        let query = HistoryQuery {
            evaluated: &evaluated,
            customers: &customers.into_iter().collect::<Vec<_>>(),
            recipients: &recipients.into_iter().collect::<Vec<_>>(),
            since: self.now - hours(72),
            as_of: self.now,
        };
        let past = self.store.history(&query).await.unwrap();
        let decided = policy::decide(&evaluation, &self.settings, &self.policy, &past, self.now);
        self.watch_somebody(evaluation, &past, &decided);
        let order = |d: &Decision| {
            (
                d.rule.clone(),
                d.customer_id.clone(),
                d.subject.clone(),
                d.channel.clone(),
                d.position,
            )
        };
        assert!(decided.decisions.is_sorted_by_key(order));
        let mut lines: Vec<_> = decided.decisions.iter().map(|d| self.line(d, &decided)).collect();
        lines.sort();
        assert_eq!(lines, self.reference.run(self.now, found), "decisions as of {}", self.now);

        let report = RunReport {
            schema_version: 1,
            as_of: format_instant(&self.now),
            pack: "a pack".to_owned(),
            plan: None,
            decisions: decided.decisions.clone(),
            totals: Totals { candidates: decided.decisions.len() as u64, ..Totals::default() },
            rules: Vec::new(),
            alarms: Vec::new(),
        };
        let is_work = |o: &&Outreach| o.channel.is_task() && o.not_before <= self.now;
        let text = |o: &Outreach| TaskText {
            outreach: o.key.clone(),
            title: o.key.to_string(),
            body: String::new(),
        };
        let run = Run {
            as_of: self.now,
            started_at: wall(self.now),
            report: &report,
            decided: &decided,
            tasks: &decided.outreaches.iter().filter(is_work).map(text).collect::<Vec<_>>(),
            evaluated: &evaluated,
            learned: &Learned::default(),
            version: past.version,
        };
        self.seen.extend(decided.decisions.iter().filter_map(|d| Some(d.refusal.as_ref()?.code())));
        self.store.record(&run).await.unwrap();
        if again {
            self.record_again(&run).await;
        }
    }

    /// The same instant twice changes nothing; an older one is refused.
    async fn record_again(&self, run: &Run<'_>) {
        let before = self.books().await;
        let again = self.store.record(run).await;
        assert!(matches!(again, Err(StoreError::AlreadyRecorded(at)) if at == run.as_of));
        let older = Run { as_of: run.as_of - TimeDelta::minutes(1), ..*run };
        let older = self.store.record(&older).await;
        assert!(matches!(older, Err(StoreError::Before(newest)) if newest == run.as_of));
        assert_eq!(self.books().await, before);
        let recorded = self.store.recorded(run.as_of).await.unwrap();
        let report = serde_json::to_string(run.report).unwrap();
        assert_eq!(serde_json::to_string(&recorded).unwrap(), report);
    }

    fn evaluation(&self, found: &Found) -> Evaluation {
        let mut evaluation = Evaluation::default();
        for (number, edits) in self.reference.edits.iter().enumerate() {
            let version = Version { rule: format!("v{edits}"), bound: format!("b{edits}") };
            evaluation.versions.insert(rule_id(number), version);
        }
        let pair = |e: &Episode| (CustomerId::from(&e.1), (&e.2).into());
        for number in &found.due {
            let judged = Judged {
                matched: found.matched.keys().filter(|e| e.0 == *number).map(pair).collect(),
                failing: found.failing.iter().filter(|e| e.0 == *number).map(pair).collect(),
                quarantined: found.quarantined.contains(number),
            };
            evaluation.rules.insert(rule_id(*number), judged);
        }
        for ((number, customer, subject), who) in &found.matched {
            let rule = &self.history.rules[*number];
            let matched = Arc::new(Match {
                rule: rule_id(*number),
                customer: customer.into(),
                subject: subject.into(),
                facts: facts_of(who),
            });
            let muted = (rule.topic == "offers" && who.open_ticket).then(BTreeMap::new);
            evaluation.candidates.extend((0..).zip(rule.asks).map(|(position, channel)| {
                Candidate {
                    matched: matched.clone(),
                    position,
                    asked: asked(channel),
                    muted: muted.clone(),
                }
            }));
        }
        evaluation
    }

    fn line(&self, decision: &Decision, decided: &Decided) -> String {
        let Decision { rule, customer_id, subject, channel, position, .. } = decision;
        let name = format!("{rule} {customer_id} {subject} {channel} {position}");
        match (&decision.refusal, &decision.outreach) {
            (Some(refusal), None) => format!("{name}: refused {}", refusal.code()),
            (Some(Refusal::Held { .. }), Some(key)) => {
                let held = decided.held.iter().find(|held| held.outreach.key == *key).unwrap();
                format!("{name}: held in {}", id_of(&held.outreach))
            }
            (None, Some(key)) => {
                let outreach = decided.outreaches.iter().find(|o| o.key == *key).unwrap();
                let at = decision.not_before.unwrap_or(self.now).format("%dT%H:%M");
                format!("{name}: at {at} in {}", id_of(outreach))
            }
            _ => panic!("neither refused nor told: {decision:?}"),
        }
    }

    /// A worker takes what is due, and fares as it is fated to.
    async fn deliver(&mut self, now: Instant, fates: &[Fate]) {
        let query = ClaimQuery {
            wall: wall(now),
            lease: hours(1),
            limit: 1000,
            channels: &["email", "sms", "phone"].map(str::to_owned),
            near_only: &[],
        };
        let claimed = self.store.claim(&query).await.unwrap();
        let claimed: BTreeMap<String, Claimed> =
            claimed.into_iter().map(|one| (id_of(&one.outreach), one)).collect();
        let taken = self.reference.claim(now);
        assert_eq!(claimed.keys().cloned().collect::<BTreeSet<_>>(), taken, "taken at {now}");
        for (late, _) in self.lost.extract_if(.., |(_, lease)| *lease <= now) {
            let sent = Settlement::Sent { detail: String::new() };
            assert!(!settle(self.store, &late, sent, wall(now)).await, "came too late");
        }
        for ((id, one), fate) in claimed.iter().zip(fates.iter().cycle()) {
            assert_eq!(one.now, now);
            let state = self.work(one, *fate, now).await;
            let told = self.reference.told.iter_mut().find(|t| t.id == *id).unwrap();
            told.state = state;
            let late = now > told.at + TimeDelta::hours(1);
            if begins(*fate) && late && one.outreach.channel.0 != Channel::PHONE {
                told.began = Some(now);
            }
            if state == "retry" {
                told.due = now + TimeDelta::minutes(30);
            }
        }
    }

    async fn work(&mut self, one: &Claimed, fate: Fate, now: Instant) -> &'static str {
        let (claim, error) = (&one.claim, "what went wrong".to_owned());
        let begins = begins(fate);
        let by_phone = one.outreach.channel.0 == Channel::PHONE;
        if begins && !by_phone {
            assert!(begin(self.store, one).await);
            for subject in &one.outreach.subjects {
                let key = subject.dedupe_key.to_string();
                let again = fate != Fate::Sent || self.left.insert(key);
                assert!(again, "told twice of {}", subject.subject);
            }
        }
        if let Fate::Lost { .. } = fate {
            self.lost.push((claim.clone(), now + hours(1)));
            return if begins && !by_phone { "transmitting" } else { "claimed" };
        }
        if by_phone {
            let (title, body) = ("Call them".to_owned(), String::new());
            let text = TaskText { outreach: claim.key.clone(), title, body };
            assert!(self.store.hand_over(claim, &text).await.unwrap());
            return "sent";
        }
        let (state, settlement) = match fate {
            Fate::Failed => ("failed", Settlement::Failed { error }),
            Fate::Uncertain => ("uncertain", Settlement::Uncertain { error }),
            Fate::Retry => {
                let at = wall(now) + TimeDelta::minutes(30);
                ("retry", Settlement::Retry { at, error })
            }
            _ => ("sent", Settlement::Sent { detail: "250 OK".to_owned() }),
        };
        assert!(settle(self.store, claim, settlement, wall(now)).await);
        state
    }

    /// Outbox and open episodes are what the reference has, and no promise is broken.
    async fn compare_books(&self) {
        let books = self.books().await;
        let about =
            |t: &Told| t.about.iter().map(|b| b.subject.clone()).collect::<Vec<_>>().join("+");
        let told = self.reference.told.iter();
        let told = told.map(|t| (t.id.clone(), describe(t.state, t.at, t.expires, &about(t))));
        assert_eq!(books.outbox(), told.collect(), "the outbox at {}", self.now);
        let open = self.reference.open.iter();
        let open = open.map(|((rule, who, subject), at)| (format!("r{rule} {who} {subject}"), *at));
        assert_eq!(books.episodes, open.collect(), "open episodes at {}", self.now);
        books.check_promises(&self.policy);
    }

    async fn books(&self) -> Books {
        let query = OutboxQuery { state: None, limit: 10_000 };
        let evaluated: Vec<RuleId> = self.settings.keys().cloned().collect();
        let past = HistoryQuery {
            evaluated: &evaluated,
            customers: &[],
            recipients: &[],
            since: self.now,
            as_of: self.now,
        };
        let past = self.store.history(&past).await.unwrap();
        let episodes = past.episodes.into_iter().map(|((rule, who, subject), episode)| {
            (format!("{rule} {who} {subject}"), episode.started_at)
        });
        Books {
            rows: self.store.outbox(&query).await.unwrap().outreaches,
            episodes: episodes.collect(),
        }
    }
}

/// What the state database has.
#[derive(Debug, PartialEq)]
struct Books {
    rows: Vec<OutboxRow>,
    episodes: BTreeMap<String, Instant>,
}

impl Books {
    fn outbox(&self) -> BTreeMap<String, String> {
        let about = |o: &Outreach| {
            o.subjects.iter().map(|s| s.subject.to_string()).collect::<Vec<_>>().join("+")
        };
        let row = |row: &OutboxRow| {
            let o = &row.outreach;
            (id_of(o), describe(row.state.name(), o.not_before, o.expires_at, &about(o)))
        };
        self.rows.iter().map(row).collect()
    }

    /// No contact of an episode counts twice, and nobody heard more than a cap allows.
    fn check_promises(&self, policy: &Policy) {
        let mut keys = BTreeSet::new();
        let mut heard: BTreeMap<&Recipient, Vec<&Outreach>> = BTreeMap::new();
        let over = [OutreachState::Withdrawn, OutreachState::Expired];
        for row in self.rows.iter().filter(|row| !over.contains(&row.state)) {
            for subject in &row.outreach.subjects {
                assert!(keys.insert(&subject.dedupe_key), "two outreaches about {subject:?}");
            }
            let reached = [OutreachState::Sent, OutreachState::Uncertain].contains(&row.state);
            let topic = row.outreach.topic.as_ref().and_then(|t| policy.topics.get(t));
            let unlimited = topic.is_some_and(|t| t.ignore.contains(&Lenience::Cap));
            for recipient in row.outreach.recipients.iter().filter(|_| reached && !unlimited) {
                heard.entry(recipient).or_default().push(&row.outreach);
            }
        }
        for cap in &policy.caps {
            for (recipient, messages) in &heard {
                let counts = |o: &&&Outreach| cap.channel.as_ref().is_none_or(|c| *c == o.channel);
                let mut times: Vec<_> =
                    messages.iter().filter(counts).map(|o| o.not_before).collect();
                times.sort();
                for window in times.windows(cap.contacts as usize + 1) {
                    let length = window[window.len() - 1] - window[0];
                    assert!(length >= cap.per.delta(), "{recipient:?} heard too often: {window:?}");
                }
            }
        }
    }
}

/// Whether a message of this fate begins to leave: then it counts from that moment.
fn begins(fate: Fate) -> bool {
    matches!(fate, Fate::Sent | Fate::Uncertain | Fate::Lost { transmitting: true })
}
