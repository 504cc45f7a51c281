//! The whole flow: a pack and a database of a made-up courier, through pull, judge, decide and
//! record. Nothing of the demo's names is in here.

mod night;
mod quarantine;
mod rehearsed;
mod same_decisions;
mod statements;
mod telling;

use std::collections::BTreeSet;
use std::path::Path;

use chrono::TimeDelta;
use lookout::domain::{Instant, OutreachState, RuleId, parse_instant};
use lookout::pack::{self, Pack};
use lookout::pipeline::{self, Considered, Found, RunError, Watch};
use lookout::signals::Source;
use lookout::store::{ClaimQuery, OutboxQuery, Settlement, Store};
use tempfile::TempDir;

use crate::support::door::{begin, settle};

const TABLES: &str = "
    CREATE TABLE people (id TEXT, name TEXT, email TEXT, phone TEXT, timezone TEXT, refusals TEXT);
    CREATE TABLE parcels (no TEXT, person TEXT, sent_at TIMESTAMP, arrived_at TIMESTAMP,
        weight INTEGER);
    CREATE TABLE visits (person TEXT, minutes INTEGER);";

const SIGNALS: [(&str, &str); 3] = [
    ("customers", "SELECT id AS customer_id, name, email, phone, timezone, refusals FROM people"),
    (
        "parcels",
        "-- key: parcel_id
         SELECT person AS customer_id, no AS parcel_id, sent_at, weight FROM parcels
         WHERE sent_at <= :as_of AND (arrived_at IS NULL OR arrived_at > :as_of)",
    ),
    ("visits", "-- default: minutes = 100\nSELECT person AS customer_id, minutes FROM visits"),
];

const POLICY: &str = r#"
    [topics.service]
    consent = "opt-out"
    [quiet_hours]
    from = "20:00"
    to = "08:00"
"#;

/// However much it is, it goes out without anybody's approval.
const NOBODY_APPROVES: &str = r#"
    [hold]
    rule = 1000000
    new_rule = 1000000
    everything = 1000000
    share = "100%"
    times_usual = 1000000
"#;

/// A parcel has been on its way for a week.
const LOST: &str = r#"
    //! Tell customers about a parcel that is late.
    const ABOUT = "parcels";
    const TOPIC = "service";
    const PRIORITY = 80;
    fn when(customer, parcel) { days_since(parcel.sent_at) >= 7 }
    fn then(customer, parcel) { email("email"); }
"#;

/// Raises on a parcel that nobody weighed.
const HEAVY: &str = r#"
    //! Ask for help with a heavy parcel.
    const ABOUT = "parcels";
    const TOPIC = "service";
    const PRIORITY = 90;
    fn when(customer, parcel) { parcel.weight * 2 > 40 }
    fn then(customer, parcel) { email("email"); }
"#;

/// Looks at another signal.
const ABSENT: &str = r#"
    //! Welcome back those who are hardly ever here.
    const TOPIC = "service";
    const PRIORITY = 20;
    fn when(customer) { customer.visits.minutes < 10 }
    fn then(customer) { email("email"); }
"#;

const PARCEL_WORDS: &str = "---\nsubject: Your parcel {{ parcel.parcel_id }}\n---\nDear \
     {{ customer.name }}{% for other in also %}, and {{ other.parcel.parcel_id }}{% endfor %}.\n";
const WORDS: &str = "---\nsubject: Hello\n---\nDear {{ customer.name }}.\n";

fn at(text: &str) -> Instant {
    parse_instant(text).unwrap()
}

/// A courier's pack and database, and the state database beside them.
struct Courier {
    folder: TempDir,
}

impl Courier {
    /// With empty tables, and these rules.
    fn new(rules: &[(&str, &str)]) -> Self {
        let courier = Self { folder: tempfile::tempdir().unwrap() };
        courier.sql(TABLES);
        for (name, sql) in SIGNALS {
            courier.write(&format!("rules/signals/{name}.sql"), sql);
        }
        courier.write("rules/policy.toml", POLICY);
        for (name, script) in rules {
            courier.rule(name, script);
        }
        courier
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    fn rule(&self, name: &str, script: &str) {
        let words = if script.contains("ABOUT") { PARCEL_WORDS } else { WORDS };
        self.write(&format!("rules/{name}/rule.rhai"), script);
        self.write(&format!("rules/{name}/email.md"), words);
        self.write(&format!("rules/{name}/task.md"), words);
    }

    fn sql(&self, sql: &str) {
        rusqlite::Connection::open(self.path("courier.db")).unwrap().execute_batch(sql).unwrap();
    }

    fn customer(&self, id: &str, email: &str) {
        let name = id.to_uppercase();
        self.sql(&format!(
            "INSERT INTO people (id, name, email) VALUES ('{id}', '{name}', '{email}')"
        ));
    }

    fn parcel(&self, number: &str, customer: &str, sent: &str) {
        self.sql(&format!(
            "INSERT INTO parcels VALUES ('{number}', '{customer}', '{sent} 00:00:00', NULL, 5)"
        ));
    }

    fn arrives(&self, number: &str, when: &str) {
        self.sql(&format!("UPDATE parcels SET arrived_at = '{when}' WHERE no = '{number}'"));
    }

    fn pack(&self) -> Pack {
        load(&self.path("rules"))
    }

    async fn store(&self) -> Store {
        Store::open(&format!("sqlite:{}", self.path("state.db").display())).await.unwrap()
    }

    /// What all rules find.
    async fn find(&self, pack: &Pack, as_of: Instant) -> Found {
        let rules: BTreeSet<RuleId> = pack.rules.keys().cloned().collect();
        self.find_some(pack, as_of, &rules).await
    }

    async fn find_some(&self, pack: &Pack, as_of: Instant, rules: &BTreeSet<RuleId>) -> Found {
        let url = format!("sqlite:{}", self.path("courier.db").display());
        let source = Source::open(&url).await.unwrap();
        let mut view = source.view(as_of).await.unwrap();
        pipeline::find(pack, &mut view, as_of, rules, Watch::default()).await.unwrap()
    }

    /// Decides and records an instant that is also the wall time.
    async fn run(&self, store: &Store, as_of: &str) -> Considered {
        self.try_run(store, as_of).await.unwrap()
    }

    async fn try_run(&self, store: &Store, as_of: &str) -> Result<Considered, RunError> {
        let (pack, as_of) = (self.pack(), at(as_of));
        let found = self.find(&pack, as_of).await;
        pipeline::commit(&pack, &found, store, as_of, as_of).await
    }
}

fn load(folder: &Path) -> Pack {
    let loaded = pack::load(folder);
    loaded.pack.unwrap_or_else(|| panic!("{:#?}", loaded.problems))
}

/// Each decision in a line: rule, subject, and what became of it.
fn told(considered: &Considered) -> Vec<String> {
    let line = |d: &lookout::domain::Decision| {
        let outcome = d.refusal.as_ref().map_or(d.outcome.name(), |refusal| refusal.code());
        format!("{} {} {outcome}", d.rule, d.subject)
    };
    considered.report.decisions.iter().map(line).collect()
}

fn json(considered: &Considered) -> String {
    serde_json::to_string(&considered.report).unwrap()
}

/// A worker sends all that is due, and gives the customers that it wrote to.
async fn send(store: &Store, wall: &str) -> Vec<String> {
    let query = ClaimQuery {
        wall: at(wall),
        lease: TimeDelta::minutes(10),
        limit: 100_000,
        channels: &["email".to_owned(), "phone".to_owned()],
        near_only: &[],
    };
    let mut reached = Vec::new();
    for claimed in store.claim(&query).await.unwrap() {
        assert!(begin(store, &claimed).await);
        let sent = Settlement::Sent { detail: "250 OK".to_owned() };
        assert!(settle(store, &claimed.claim, sent, at(wall)).await);
        reached.push(claimed.outreach.subjects[0].customer.to_string());
    }
    reached.sort();
    reached
}

/// The open episodes of every rule of the pack: rule and subject.
async fn open_episodes(courier: &Courier, store: &Store) -> Vec<String> {
    let pack = courier.pack();
    let evaluated: Vec<RuleId> = pack.rules.keys().cloned().collect();
    let query = lookout::store::HistoryQuery {
        evaluated: &evaluated,
        customers: &[],
        recipients: &[],
        since: at("1998-01-01"),
        as_of: at("1998-05-07"),
    };
    let history = store.history(&query).await.unwrap();
    history.episodes.keys().map(|(rule, _, subject)| format!("{rule} {subject}")).collect()
}

/// Every outreach's state and how it ended, by the subject that it speaks of first.
async fn outbox(store: &Store) -> Vec<String> {
    let query = OutboxQuery { state: None, limit: 100_000 };
    let rows = store.outbox(&query).await.unwrap().outreaches;
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let state: OutreachState = row.state;
            let because = row.detail.as_deref().unwrap_or("-");
            let first = &row.outreach.subjects[0].subject;
            format!("{} {first} {} {because}", row.outreach.rule, state.name())
        })
        .collect();
    lines.sort();
    lines
}
