//! From the outbox to a mail server: Lookout's worker beside the least that could keep the promise, a
//! loop of two durable commits and one message. Every message is proved to have come once.

mod loops;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::TimeDelta;
use lookout::config::ChannelConfig;
use lookout::deliver::Channels;
use lookout::domain::OutreachState;
use lookout::pack::{self, Pack};
use lookout::store::Store;
use lookout::worker::{Halt, SecondLook, Worker};

use crate::goal::{Bound, Goal};
use crate::record::{Books, Generated};
use crate::send::{FROM, Sink};

/// How many times the loop's messages a second are promised.
const LEAST: f64 = 0.8;

const RULE: &str = "//! Generated to be measured.
const ABOUT = \"orders\";
const TOPIC = \"service\";
fn when(customer, order) { true }
fn then(customer, order) { email(\"email\"); }
";

const EMAIL: &str = "---
subject: Your order {{ order.order_id }} is taking longer than it should
because: You ordered from us.
---
Dear {{ customer.name }},

your order **{{ order.order_id }}** of {{ order.order_date }} has not left our warehouse yet. We would
rather tell you now than let you wait for it, and expect to ship it by {{ order.required_date }}.

You need do nothing.
";

const FILES: [(&str, &str); 6] = [
    (
        "policy.toml",
        "[topics.service]\nconsent = \"opt-out\"\n[[cap]]\ncontacts = 1\nper = \"1d\"\n",
    ),
    (
        "signals/customers.sql",
        "SELECT customer_id, name, email, locale, timezone, plan, share FROM customers",
    ),
    (
        "signals/orders.sql",
        "-- key: order_id\nSELECT customer_id, order_id, order_date, required_date FROM orders",
    ),
    ("stalled-order/rule.rhai", RULE),
    ("stalled-order/email.md", EMAIL),
    ("stalled-order/email.de.md", EMAIL),
];

/// Sends so many messages `rounds` times in each way, in turns, over one connection and over four;
/// the best round of each counts. On PostgreSQL too, where `server` is one's address.
pub async fn measure(
    messages: usize,
    rounds: u32,
    server: Option<&str>,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Vec<Goal>> {
    let folder = tempfile::tempdir()?;
    let pack = pack(folder.path())?;
    let generated = Generated::new(messages)?;
    let sink = Sink::start(Duration::ZERO)?;
    let mut goals = Vec::new();
    for server in [None].into_iter().chain(server.map(Some)) {
        let name = if server.is_some() { "PostgreSQL" } else { "SQLite" };
        for connections in [1, 4] {
            let (mut ours, mut theirs) = (0_f64, 0_f64);
            for round in 1..=rounds.max(1) {
                let worker = by_worker(server, &generated, &pack, &sink, connections).await?;
                let by_loop = by_loop(server, &generated, &sink, connections).await?;
                tell(&format!(
                    "{name}, {connections} at a time, round {round}: {worker:.0} messages a second, \
                     {by_loop:.0} by the loop"
                ));
                (ours, theirs) = (ours.max(worker), theirs.max(by_loop));
            }
            goals.push(Goal {
                what: format!(
                    "{messages} messages from ready to sent, {name}, {connections} at a time"
                ),
                rival: "two durable commits and a bare message each".to_owned(),
                figures: (format!("{ours:.0} a second"), format!("{theirs:.0} a second")),
                ratio: ours / theirs,
                bound: Bound::AtLeast(LEAST),
            });
        }
    }
    Ok(goals)
}

fn pack(folder: &Path) -> anyhow::Result<Pack> {
    for (name, text) in FILES {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().context("a folder")?)?;
        fs::write(file, text)?;
    }
    let loaded = pack::load(folder);
    let problems = || loaded.problems.iter().map(|p| p.message.clone()).collect::<Vec<_>>();
    loaded.pack.with_context(|| format!("the pack has errors: {:?}", problems()))
}

/// Messages a second, as a worker brings them from `ready` to `sent`.
async fn by_worker(
    server: Option<&str>,
    generated: &Generated,
    pack: &Pack,
    sink: &Sink,
    connections: usize,
) -> anyhow::Result<f64> {
    let books = Books::new(server).await?;
    let store = Store::open(books.url()).await?;
    let run = generated.run();
    store.record(&run).await?;
    let config = ChannelConfig {
        url: format!("smtp://127.0.0.1:{}", sink.port()),
        from: Some(format!("Care team <{FROM}>")),
        connections: Some(connections.to_string()),
        ..ChannelConfig::default()
    };
    let channels = Channels::open(&BTreeMap::from([("email".to_owned(), config)]))?;
    let start = Instant::now();
    let wall = move || run.started_at + TimeDelta::from_std(start.elapsed()).unwrap_or_default();
    let worker = Worker {
        pack,
        store: &store,
        second_look: SecondLook::In(None),
        channels: &channels,
        wall: &wall,
        allow_time_travel: false,
        progress: None,
        halt: &Halt::default(),
        follow: false,
    };
    let delivered = worker.deliver().await?;
    let took = start.elapsed();
    let messages = run.decided.outreaches.len();
    let sent = delivered.states.get(&OutreachState::Sent).copied().unwrap_or_default();
    ensure!(sent == messages as u64, "of {messages} messages: {delivered:?}");
    came(sink, messages)?;
    drop(store);
    books.remove().await?;
    Ok(messages as f64 / took.as_secs_f64())
}

/// Messages a second, as the loop does it.
async fn by_loop(
    server: Option<&str>,
    generated: &Generated,
    sink: &Sink,
    connections: usize,
) -> anyhow::Result<f64> {
    let books = Books::new(server).await?;
    let run = generated.run();
    Store::open(books.url()).await?.record(&run).await?;
    let keys: Vec<String> = run.decided.outreaches.iter().map(|o| o.key.to_string()).collect();
    let start = Instant::now();
    loops::work(books.url(), sink.port(), &keys, connections)?;
    let took = start.elapsed();
    came(sink, keys.len())?;
    books.remove().await?;
    Ok(keys.len() as f64 / took.as_secs_f64())
}

fn came(sink: &Sink, messages: usize) -> anyhow::Result<()> {
    let seen = sink.take();
    let (came, different) = (seen.messages, seen.ids.len());
    ensure!((came, different) == (messages, messages), "{came} came, {different} different");
    Ok(())
}
