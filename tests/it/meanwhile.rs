//! What changes between a decision and a message, and after it: on SQLite and on PostgreSQL, the
//! company's database as well as our own.

mod second_look;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use lookout::domain::{Instant, RuleId, SignalName, parse_instant};
use lookout::pack::{self, Pack};
use lookout::pipeline::{self, Considered, Looked, Watch};
use lookout::signals::Source;
use lookout::store::{ClaimQuery, Claimed, OutboxQuery, OutboxRow, Refreshed, Store, TakenBack};
use tempfile::TempDir;

use crate::support::postgres;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum On {
    Sqlite,
    Postgres,
}

const TABLES: &str = "
    CREATE TABLE people (id TEXT, name TEXT, email TEXT, refusals TEXT, holiday INTEGER);
    CREATE TABLE orders (no INTEGER, person TEXT, ordered_at TIMESTAMP, shipped_at TIMESTAMP);
    CREATE TABLE tickets (person TEXT, open INTEGER)";

const SIGNALS: [(&str, &str); 3] = [
    ("customers", "SELECT id AS customer_id, name, email, refusals, holiday FROM people"),
    (
        "orders",
        "-- key: order_id
         SELECT person AS customer_id, no AS order_id, ordered_at, shipped_at FROM orders
         WHERE ordered_at <= :as_of",
    ),
    ("tickets", "-- default: open = 0\nSELECT person AS customer_id, open FROM tickets"),
];

const POLICY: &str = r#"
    [topics.service]
    consent = "opt-out"
    mute_when = "customer.holiday == 1"
    [quiet_hours]
    from = "20:00"
    to = "08:00"
"#;

/// An order that has not left for a week.
const STALLED: &str = r#"
    //! Tell customers about a stalled order.
    const ABOUT = "orders";
    const TOPIC = "service";
    fn when(customer, order) {
        order.shipped_at == () && days_since(order.ordered_at) >= 7 && customer.tickets.open == 0
    }
    fn then(customer, order) { email("email"); }
"#;

const STALLED_WORDS: &str = "---\nsubject: Your order {{ order.order_id }}\n---\nDear \
     {{ customer.name }}{% for other in also %}, and {{ other.order.order_id }}{% endfor %}.\n";

fn at(text: &str) -> Instant {
    parse_instant(text).unwrap()
}

/// A shop's pack and database, and the state database beside them.
struct Shop {
    folder: TempDir,
    source: String,
    state: String,
}

impl Shop {
    /// Empty tables and one rule about stalled orders.
    async fn new(on: On) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (source, state) = match on {
            On::Sqlite => {
                let file = |name| format!("sqlite:{}", folder.path().join(name).display());
                (file("shop.db"), file("state.db"))
            }
            On::Postgres => (postgres::database().await, postgres::database().await),
        };
        let shop = Self { folder, source, state };
        shop.sql(TABLES).await;
        for (name, sql) in SIGNALS {
            shop.write(&format!("signals/{name}.sql"), sql);
        }
        shop.write("policy.toml", POLICY);
        shop.write("stalled/rule.rhai", STALLED);
        shop.write("stalled/email.md", STALLED_WORDS);
        shop
    }

    /// With Ana, whose orders 1 and 2 stall, and Bob, whose order 3 does.
    async fn with_stalled_orders(on: On) -> Self {
        let shop = Self::new(on).await;
        shop.sql(
            "INSERT INTO people VALUES ('ana', 'Ana', 'ana@example.com', NULL, 0);
             INSERT INTO people VALUES ('bob', 'Bob', 'bob@example.com', NULL, 0);
             INSERT INTO orders VALUES (1, 'ana', '1998-04-29 00:00:00', NULL);
             INSERT INTO orders VALUES (2, 'ana', '1998-04-30 00:00:00', NULL);
             INSERT INTO orders VALUES (3, 'bob', '1998-04-29 00:00:00', NULL)",
        )
        .await;
        shop
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join("rules").join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Runs SQL on the shop's own database.
    async fn sql(&self, sql: &str) {
        match self.source.strip_prefix("sqlite:") {
            Some(file) => rusqlite::Connection::open(file).unwrap().execute_batch(sql).unwrap(),
            None => postgres::execute(&self.source, sql).await,
        }
    }

    async fn ships(&self, order: u32, when: &str) {
        self.sql(&format!("UPDATE orders SET shipped_at = '{when}' WHERE no = {order}")).await;
    }

    fn pack(&self) -> Pack {
        let loaded = pack::load(&self.folder.path().join("rules"));
        loaded.pack.unwrap_or_else(|| panic!("{:#?}", loaded.problems))
    }

    async fn store(&self) -> Store {
        Store::open(&self.state).await.unwrap()
    }

    /// Decides and records an instant that is also the wall time.
    async fn run(&self, store: &Store, as_of: &str) -> Considered {
        let (pack, as_of) = (self.pack(), at(as_of));
        let rules: BTreeSet<RuleId> = pack.rules.keys().cloned().collect();
        let source = Source::open(&self.source).await.unwrap();
        let mut view = source.view(as_of).await.unwrap();
        let found =
            pipeline::find(&pack, &mut view, as_of, &rules, Watch::default()).await.unwrap();
        pipeline::commit(&pack, &found, store, as_of, as_of).await.unwrap()
    }

    /// The second look at what a worker has taken.
    async fn look(&self, claimed: &[Claimed], as_of: &str, ailing: &[&str]) -> Vec<Looked> {
        let ailing: BTreeSet<SignalName> = ailing.iter().map(SignalName::from).collect();
        let source = Source::open(&self.source).await.unwrap();
        let mut view = source.view(at(as_of)).await.unwrap();
        let outreaches: Vec<_> = claimed.iter().map(|claimed| &claimed.outreach).collect();
        pipeline::look_again(&self.pack(), &mut view, at(as_of), &ailing, &outreaches)
            .await
            .unwrap()
    }
}

/// Everything that is due for a worker, by the subject that it speaks of first.
async fn claim(store: &Store, wall: &str) -> Vec<Claimed> {
    let query = ClaimQuery {
        wall: at(wall),
        lease: TimeDelta::minutes(10),
        limit: 1000,
        channels: &["email".to_owned(), "phone".to_owned()],
        near_only: &[],
    };
    let mut claimed = store.claim(&query).await.unwrap();
    let first = |claimed: &Claimed| claimed.outreach.subjects[0].subject.clone();
    claimed.sort_by_key(first);
    claimed
}

/// The whole outbox, by the subject that each outreach was decided on first.
async fn outbox(store: &Store) -> Vec<OutboxRow> {
    let query = OutboxQuery { state: None, limit: 1000 };
    store.outbox(&query).await.unwrap().outreaches
}

/// Each decision in a line: rule, subject, and what became of it.
fn told(considered: &Considered) -> Vec<String> {
    let line = |d: &lookout::domain::Decision| {
        let outcome = d.refusal.as_ref().map_or(d.outcome.name(), |refusal| refusal.code());
        format!("{} {} {outcome}", d.rule, d.subject)
    };
    considered.report.decisions.iter().map(line).collect()
}

/// Writes down what a second look found.
async fn settle(store: &Store, claimed: &[Claimed], looked: &[Looked], wall: &str) {
    let pairs = || claimed.iter().zip(looked);
    let refreshed: Vec<_> = pairs()
        .filter_map(|(claimed, looked)| match looked {
            Looked::True(still) => Some(Refreshed {
                claim: &claimed.claim,
                outreach: &still.outreach,
                freed: &still.no_longer,
                evidence: &still.evidence,
            }),
            _ => None,
        })
        .collect();
    let back: Vec<_> = pairs()
        .filter_map(|(claimed, looked)| match looked {
            Looked::NoLonger { because, evidence } => {
                Some(TakenBack { claim: &claimed.claim, because, evidence })
            }
            _ => None,
        })
        .collect();
    assert_eq!(store.refresh(&refreshed, at(wall)).await.unwrap().len(), refreshed.len());
    assert_eq!(store.withdraw(&back, at(wall)).await.unwrap().len(), back.len());
}
