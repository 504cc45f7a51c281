//! Sending mail to a server on this machine: Lookout's own way beside lettre's pool as shipped,
//! with the same message; and four connections beside one. Every message is proved to have come.

pub mod bare;
mod sink;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use lettre::address::Envelope;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use lookout::config::ChannelConfig;
use lookout::deliver::{Channels, Delivery, Parcel};
use lookout::domain::parse_instant;
use tokio::task::JoinSet;

use crate::goal::{Bound, Goal};
pub use sink::Sink;

pub const FROM: &str = "care@example.com";
const TO: &str = "ana.trujillo@example.org";
/// How many messages lettre's pool gets to send; each takes it more than forty milliseconds.
const BY_POOL: usize = 50;
/// How long a server takes that writes a message down before it says yes, and how many messages it
/// gets.
const TAKING: Duration = Duration::from_millis(2);
const SLOWLY: usize = 400;
/// How many times lettre's pool, and how many times one connection.
const ONE: f64 = 100.0;
const FOUR: f64 = 2.5;

/// Sends so many messages `rounds` times in each way, in turns; the best round of each counts.
pub async fn measure(
    messages: usize,
    rounds: u32,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Vec<Goal>> {
    let (sink, slow_sink) = (Sink::start(Duration::ZERO)?, Sink::start(TAKING)?);
    let (mut pool, mut one, mut four) = (0_f64, 0_f64, 0_f64);
    let (mut one_slow, mut four_slow) = (0_f64, 0_f64);
    for round in 1..=rounds.max(1) {
        let one_now = by_lookout(&sink, messages, 1).await?;
        let four_now = by_lookout(&sink, messages, 4).await?;
        let pool_now = by_pool(&sink, BY_POOL).await?;
        let bare = (bare::rate(&sink, messages, 1)?, bare::rate(&sink, messages, 4)?);
        tell(&format!(
            "sending, round {round}: {one_now:.0} messages a second over one connection, \
             {four_now:.0} over four, {pool_now:.1} by lettre's pool; the bare bytes {:.0} and {:.0}",
            bare.0, bare.1
        ));
        (pool, one, four) = (pool.max(pool_now), one.max(one_now), four.max(four_now));
        one_slow = one_slow.max(by_lookout(&slow_sink, SLOWLY, 1).await?);
        four_slow = four_slow.max(by_lookout(&slow_sink, SLOWLY, 4).await?);
    }
    let figure = |rate: f64| format!("{rate:.0} a second");
    Ok(vec![
        Goal {
            what: "mail over one connection, server on this machine".to_owned(),
            rival: "lettre 0.11's pool as shipped".to_owned(),
            figures: (figure(one), figure(pool)),
            ratio: one / pool,
            bound: Bound::AtLeast(ONE),
        },
        Goal {
            what: "mail over four connections, server on this machine".to_owned(),
            rival: "one connection".to_owned(),
            figures: (figure(four), figure(one)),
            ratio: four / one,
            bound: Bound::AtLeast(FOUR),
        },
        Goal {
            what: format!("the same, where the server needs {TAKING:?} for a message"),
            rival: "one connection".to_owned(),
            figures: (figure(four_slow), figure(one_slow)),
            ratio: four_slow / one_slow,
            bound: Bound::Open,
        },
    ])
}

fn channels(sink: &Sink) -> anyhow::Result<Channels> {
    let config = ChannelConfig {
        url: format!("smtp://127.0.0.1:{}", sink.port()),
        from: Some(format!("Care team <{FROM}>")),
        ..ChannelConfig::default()
    };
    Ok(Channels::open(&BTreeMap::from([("email".to_owned(), config)]))?)
}

/// The first message, as it came.
async fn copy(sink: &Sink) -> anyhow::Result<String> {
    let delivery = channels(sink)?.send(&parcel(0)?, async { true }).await;
    let Delivery::Sent { .. } = delivery else { bail!("{delivery:?}") };
    Ok(String::from_utf8(sink.take().last)?)
}

/// Messages a second, as a worker sends them.
async fn by_lookout(sink: &Sink, messages: usize, connections: usize) -> anyhow::Result<f64> {
    let channels = Arc::new(channels(sink)?);
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for sender in 0..connections {
        let channels = Arc::clone(&channels);
        senders.spawn(async move {
            for number in (sender..messages).step_by(connections) {
                let delivery = channels.send(&parcel(number)?, async { true }).await;
                let Delivery::Sent { .. } = delivery else { bail!("{delivery:?}") };
            }
            Ok(())
        });
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    let took = start.elapsed();
    prove_all_came(sink, messages, Some(connections))?;
    Ok(messages as f64 / took.as_secs_f64())
}

/// Messages a second by lettre's own pool, one after the other: the same bytes, but for the id.
async fn by_pool(sink: &Sink, messages: usize) -> anyhow::Result<f64> {
    let message = copy(sink).await?;
    let pool: AsyncSmtpTransport<Tokio1Executor> =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
            .port(sink.port())
            .build();
    let envelope = Envelope::new(Some(FROM.parse()?), vec![TO.parse()?])?;
    let start = Instant::now();
    for number in 0..messages {
        let message = message.replacen(&key(0), &key(number), 1);
        pool.send_raw(&envelope, message.as_bytes()).await?;
    }
    let took = start.elapsed();
    // It gives a connection back on a task of its own, so the second message may find none.
    prove_all_came(sink, messages, None)?;
    Ok(messages as f64 / took.as_secs_f64())
}

/// Fails unless so many different messages came, over so many connections where that is known.
fn prove_all_came(sink: &Sink, messages: usize, over: Option<usize>) -> anyhow::Result<()> {
    let seen = sink.take();
    let (came, different) = (seen.messages, seen.ids.len());
    ensure!(
        (came, different) == (messages, messages),
        "of {messages} messages {came} came, {different} of them different"
    );
    let connections = seen.connections;
    ensure!(
        over.is_none_or(|over| over == connections),
        "they came over {connections} connections instead of {over:?}"
    );
    Ok(())
}

fn key(number: usize) -> String {
    format!("{number:064x}")
}

fn parcel(number: usize) -> anyhow::Result<Parcel> {
    let paragraph = "Your order has not left our warehouse yet, and we would rather tell you now \
         than let you wait for it. We expect to ship it on Thursday. "
        .repeat(4);
    Ok(Parcel {
        key: key(number).into(),
        channel: "email".to_owned(),
        to: TO.to_owned(),
        to_name: Some("Ana Trujillo".to_owned()),
        subject: format!("Your order {number} is late"),
        html: format!("<html><body><h1>Order {number}</h1><p>{paragraph}</p></body></html>\n"),
        text: format!("Order {number}\n\n{paragraph}\n"),
        rule: "stalled-order".into(),
        customer_id: "ANATR".into(),
        reply_to: None,
        unsubscribe: None,
        date: parse_instant("2026-01-05T08:00:00Z").context("the date")?,
    })
}
