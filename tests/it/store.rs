//! The state database, on SQLite and on PostgreSQL.

mod claims;
mod door;
mod history;
mod opening;
mod record;
mod suppressions;
mod volumes;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use lookout::domain::{
    Channel, CustomerId, Decided, Decision, EpisodeChange, Facts, History, HistoryVersion, Instant,
    Outcome, Outreach, OutreachState, OutreachSubject, Recipient, RuleId, RunReport, Totals, Value,
    Withdrawal, parse_instant,
};
use lookout::store::{
    ClaimQuery, Claimed, HistoryQuery, Learned, Outbox, OutboxQuery, Run, Store, StoreError,
    TaskText,
};
use tempfile::TempDir;

use crate::support::postgres;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum On {
    Sqlite,
    Postgres,
}

/// A state database of the test's own, not yet opened.
struct Place {
    url: String,
    folder: TempDir,
}

impl On {
    async fn place(self) -> Place {
        let folder = tempfile::tempdir().unwrap();
        let url = match self {
            On::Sqlite => format!("sqlite:{}", folder.path().join("state.db").display()),
            On::Postgres => postgres::database().await,
        };
        Place { url, folder }
    }
}

impl Place {
    async fn open(&self) -> Store {
        Store::open(&self.url).await.unwrap()
    }

    /// Runs SQL behind the store's back.
    async fn execute(&self, sql: &str) {
        match self.url.strip_prefix("sqlite:") {
            Some(file) => rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap(),
            None => {
                postgres::execute(&self.url, &format!("SET search_path = lookout; {sql}")).await;
            }
        }
    }
}

/// An instant, UTC.
fn at(text: &str) -> Instant {
    parse_instant(text).unwrap()
}

/// The wall time at which the run as of 1998-05-07T09:00:00Z starts.
fn wall() -> Instant {
    at("2026-01-05T08:00:00Z")
}

/// A run on its way into the books.
struct Draft {
    as_of: Instant,
    started_at: Instant,
    decided: Decided,
    tasks: Vec<TaskText>,
}

impl Draft {
    fn new(as_of: &str) -> Self {
        let as_of = at(as_of);
        let started_at = wall() + (as_of - at("1998-05-07T09:00:00Z"));
        Self { as_of, started_at, decided: Decided::default(), tasks: Vec::new() }
    }

    fn first() -> Self {
        Self::new("1998-05-07T09:00:00Z")
    }

    fn second() -> Self {
        Self::new("1998-05-07T10:00:00Z")
    }

    fn with(mut self, outreach: Outreach) -> Self {
        if outreach.channel.is_task() {
            let title = format!("Look after {}", outreach.subjects[0].customer);
            let key = outreach.key.clone();
            self.tasks.push(TaskText { outreach: key, title, body: "Soon.".to_owned() });
        }
        self.decided.outreaches.push(outreach);
        self
    }

    fn without(mut self, key: &str, because: &str) -> Self {
        let told_of = ["11040", "11061"].map(Into::into);
        let freed = if because == "expired" { Vec::new() } else { told_of.into() };
        let because = because.to_owned();
        self.decided.withdrawals.push(Withdrawal { outreach: key.into(), because, freed });
        self
    }

    fn starting(mut self, rule: &str, subject: &str) -> Self {
        let change = EpisodeChange::Started(rule.into(), "GREAL".into(), subject.into());
        self.decided.episodes.push(change);
        self
    }

    fn ending(mut self, rule: &str, subject: &str) -> Self {
        let change = EpisodeChange::Ended(rule.into(), "GREAL".into(), subject.into());
        self.decided.episodes.push(change);
        self
    }

    fn report(&self) -> RunReport {
        RunReport {
            schema_version: 1,
            as_of: lookout::domain::format_instant(&self.as_of),
            pack: "abc".to_owned(),
            plan: None,
            decisions: self.decided.decisions.clone(),
            totals: Totals { customers: 91, ..Totals::default() },
            rules: Vec::new(),
            alarms: Vec::new(),
        }
    }

    /// Records it on the books as they are.
    async fn record(&self, store: &Store) -> Result<(), StoreError> {
        self.record_on(store, version(store).await).await
    }

    async fn record_on(&self, store: &Store, version: HistoryVersion) -> Result<(), StoreError> {
        self.write(store, version, &Learned::default()).await
    }

    async fn record_with(&self, store: &Store, learned: &Learned) -> Result<(), StoreError> {
        self.write(store, version(store).await, learned).await
    }

    async fn write(
        &self,
        store: &Store,
        version: HistoryVersion,
        learned: &Learned,
    ) -> Result<(), StoreError> {
        let run = Run {
            as_of: self.as_of,
            started_at: self.started_at,
            report: &self.report(),
            decided: &self.decided,
            tasks: &self.tasks,
            evaluated: &["stalled-order".into()],
            learned,
            version,
        };
        store.record(&run).await
    }
}

async fn version(store: &Store) -> HistoryVersion {
    past(store, &[], &[]).await.version
}

/// The history of `stalled-order`, some customers and some addresses, of the last thirty days.
async fn past(store: &Store, customers: &[&str], recipients: &[&str]) -> History {
    let customers: Vec<_> = customers.iter().map(CustomerId::from).collect();
    let recipients: Vec<_> = recipients.iter().map(|to| Recipient((*to).to_owned())).collect();
    let query = HistoryQuery {
        evaluated: &[RuleId::from("stalled-order")],
        customers: &customers,
        recipients: &recipients,
        since: at("1998-04-07T09:00:00Z"),
        as_of: at("1998-05-07T10:00:00Z"),
    };
    store.history(&query).await.unwrap()
}

/// An e-mail to GREAL about some subjects, due at 09:00 and not worth it after three days. The
/// dedupe key of a subject is the subject's own name here.
fn email(subjects: &[&str]) -> Outreach {
    let subject = |subject: &&str| OutreachSubject {
        dedupe_key: subject.into(),
        customer: "GREAL".into(),
        subject: subject.into(),
        episode_started_at: at("1998-05-07T09:00:00Z"),
        ordinal: 1,
        facts: Facts {
            customer: BTreeMap::from([
                (
                    "name".to_owned(),
                    Value::Text("Great Lakes \"Food\"\nMarket\u{1F34E}".to_owned()),
                ),
                ("share".to_owned(), Value::Float(31.245270191439438)),
                ("orders".to_owned(), Value::Float(2.0)),
                ("plan".to_owned(), Value::Null),
            ]),
            ..Facts::default()
        },
        values: BTreeMap::new(),
    };
    Outreach {
        key: subjects[0].into(),
        rule: "stalled-order".into(),
        topic: Some("service".to_owned()),
        priority: 80,
        channel: Channel("email".to_owned()),
        template: "email".to_owned(),
        address: Some("Howard@example.com".to_owned()),
        recipients: vec![Recipient("mailto:howard@example.com".to_owned())],
        assign: None,
        due_at: None,
        not_before: at("1998-05-07T09:00:00Z"),
        expires_at: at("1998-05-10T09:00:00Z"),
        position: 0,
        last_word: false,
        subjects: subjects.iter().map(subject).collect(),
    }
}

fn on_channel(channel: &str, outreach: Outreach) -> Outreach {
    Outreach { channel: Channel(channel.to_owned()), ..outreach }
}

fn not_before(instant: &str, outreach: Outreach) -> Outreach {
    Outreach { not_before: at(instant), ..outreach }
}

fn contact(outreach: &Outreach) -> Decision {
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

/// Everything a worker for e-mail, SMS and calls may take at a wall time, with leases of a minute.
async fn claim(store: &Store, wall: Instant, limit: u32) -> Vec<Claimed> {
    let channels = ["email", "sms", "phone"].map(str::to_owned);
    let lease = TimeDelta::minutes(1);
    let query = ClaimQuery { wall, lease, limit, channels: &channels, near_only: &[] };
    store.claim(&query).await.unwrap()
}

async fn outbox(store: &Store) -> Outbox {
    store.outbox(&OutboxQuery { state: None, limit: 1000 }).await.unwrap()
}

/// The state of one outreach.
async fn state(store: &Store, key: &str) -> OutreachState {
    let outbox = outbox(store).await;
    outbox.outreaches.iter().find(|row| row.outreach.key.as_str() == key).unwrap().state
}
