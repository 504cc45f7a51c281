//! What becomes of a message when the mail server misbehaves: the exact outcome, whether
//! `transmitting` was asked, and what the server holds.

use std::collections::BTreeMap;
use std::time::Duration;

use lookout::config::ChannelConfig;
use lookout::deliver::{Channels, Delivery, Network, Parcel};
use rstest::rstest;

use super::{parcel, send};
use crate::support::sink::{Act, Entry, MailSink, Manner, Phase};

const FIRST: &str = "ana@example.com";
/// Long enough for a server that is well, and short enough to wait for.
const SHORT: Duration = Duration::from_millis(700);

fn numbered(key: &str) -> Parcel {
    Parcel { key: key.into(), ..parcel("email") }
}

fn to(key: &str, address: &str) -> Parcel {
    Parcel { to: address.into(), ..numbered(key) }
}

fn mail(sink: &MailSink, network: &Network) -> Channels {
    let from = Some("Care team <care@example.com>".to_owned());
    let config = ChannelConfig { url: sink.url(), from, ..ChannelConfig::default() };
    Channels::open_on(&BTreeMap::from([("email".to_owned(), config)]), network).unwrap()
}

fn patient(sink: &MailSink) -> Channels {
    mail(sink, &Network::default())
}

/// The outcome without its words.
pub(super) fn outcome(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Sent { .. } => "sent".to_owned(),
        Delivery::Temporary { after: None, .. } => "later".to_owned(),
        Delivery::Temporary { after: Some(wait), .. } => {
            format!("later, in {} s", wait.num_seconds())
        }
        Delivery::Permanent { dead: false, .. } => "never".to_owned(),
        Delivery::Permanent { dead: true, .. } => "never, nobody there".to_owned(),
        Delivery::Blocked { .. } => "blocked".to_owned(),
        Delivery::Uncertain { .. } => "uncertain".to_owned(),
        Delivery::GivenUp => "given up".to_owned(),
    }
}

pub(super) fn words(delivery: &Delivery) -> &str {
    match delivery {
        Delivery::Temporary { error, .. }
        | Delivery::Permanent { error, .. }
        | Delivery::Blocked { error }
        | Delivery::Uncertain { error } => error,
        other => panic!("{other:?} is no error"),
    }
}

#[rstest]
#[case(Phase::Greeting, "421 4.3.2 too busy", "later", 0)]
#[case(Phase::Greeting, "554 5.3.2 no service here", "blocked", 0)]
#[case(Phase::Hello, "550 5.7.1 who are you", "blocked", 0)]
#[case(Phase::Sender, "421 4.3.2 closing", "later", 0)]
#[case(Phase::Sender, "451 4.7.1 greylisted", "later, in 300 s", 0)]
#[case(Phase::Sender, "530 5.7.0 log in first", "blocked", 0)]
#[case(Phase::Recipient, "421 4.3.2 closing", "later", 0)]
#[case(Phase::Recipient, "451 4.3.0 later", "later", 0)]
#[case(Phase::Recipient, "450 4.7.1 greylisted", "later, in 300 s", 0)]
#[case(Phase::Recipient, "550 5.1.1 unknown", "never, nobody there", 0)]
#[case(Phase::Recipient, "550 unknown", "never", 0)]
#[case(Phase::Recipient, "550 5.7.54 unable to relay", "blocked", 0)]
#[case(Phase::Data, "421 4.3.2 closing", "later", 1)]
#[case(Phase::Data, "451 4.3.0 later", "later", 1)]
#[case(Phase::Data, "554 5.6.0 no", "never", 1)]
#[case(Phase::End, "421 4.3.2 closing", "later", 1)]
#[case(Phase::End, "451 4.3.0 later", "later", 1)]
#[case(Phase::End, "550 5.1.1 unknown after all", "never, nobody there", 1)]
#[case(Phase::End, "550 5.7.26 no DKIM", "blocked", 1)]
#[case(Phase::End, "552 5.3.4 too big", "never", 1)]
#[tokio::test]
async fn an_answer_means_what_it_says(
    #[case] phase: Phase,
    #[case] answer: &'static str,
    #[case] expected: &str,
    #[case] transmitting: u32,
    #[values(false, true)] pipelining: bool,
) {
    let sink = MailSink::start(Manner { pipelining, ..Manner::default() });
    sink.orders.next(phase.then(Act::Say(answer)));
    let channels = patient(&sink);
    let (delivery, asked) = send(&channels, &numbered("a1")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), (expected, transmitting), "{delivery:?}");
    let said = words(&delivery);
    assert!(said.contains(&answer[..3]) && !said.contains(FIRST), "{said}");
    assert_eq!(said.contains("lookout resume email"), expected == "blocked", "{said}");
    assert_eq!(sink.book.count(), 0);
    // The server is well again, and so are we.
    let (sent, asked) = send(&channels, &numbered("a1")).await;
    assert_eq!((outcome(&sent).as_str(), asked), ("sent", 1), "{sent:?}");
    assert_eq!(sink.book.keys(), ["a1"]);
}

#[rstest]
#[case(Phase::Greeting, "later", 0, 0)]
#[case(Phase::Hello, "later", 0, 0)]
#[case(Phase::Sender, "later", 0, 0)]
#[case(Phase::Recipient, "later", 0, 0)]
#[case(Phase::Data, "uncertain", 1, 0)]
#[case(Phase::Content, "uncertain", 1, 0)]
#[case(Phase::End, "uncertain", 1, 0)]
#[case(Phase::Taken, "uncertain", 1, 1)]
#[tokio::test]
async fn a_connection_that_breaks_is_uncertain_from_data_on(
    #[case] phase: Phase,
    #[case] expected: &str,
    #[case] transmitting: u32,
    #[case] taken: u64,
) {
    let sink = MailSink::start(Manner { pipelining: true, ..Manner::default() });
    sink.orders.next(phase.then(Act::Drop));
    let (delivery, asked) = send(&patient(&sink), &numbered("a1")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), (expected, transmitting), "{delivery:?}");
    assert_eq!(sink.book.count(), taken);
}

/// The same when nothing comes any more, or a byte a second.
#[rstest]
#[case(Phase::Greeting, "later", 0, 0)]
#[case(Phase::Sender, "later", 0, 0)]
#[case(Phase::Recipient, "later", 0, 0)]
#[case(Phase::Data, "uncertain", 1, 0)]
#[case(Phase::End, "uncertain", 1, 0)]
#[case(Phase::Taken, "uncertain", 1, 1)]
#[tokio::test]
async fn nobody_waits_for_ever(
    #[case] phase: Phase,
    #[case] expected: &str,
    #[case] transmitting: u32,
    #[case] taken: u64,
    #[values(Act::Hang, Act::Slow(Duration::from_secs(1)))] act: Act,
) {
    let sink = MailSink::start(Manner::default());
    sink.orders.next(phase.then(act));
    let network = match phase {
        Phase::Data => Network { data: SHORT, ..Network::default() },
        Phase::End | Phase::Taken => Network { content: SHORT, ..Network::default() },
        _ => Network { command: SHORT, ..Network::default() },
    };
    let (delivery, asked) = send(&mail(&sink, &network), &numbered("a1")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), (expected, transmitting), "{delivery:?}");
    assert!(words(&delivery).ends_with("no answer within 0.7 seconds"), "{delivery:?}");
    assert_eq!(sink.book.count(), taken);
}

#[tokio::test]
async fn a_server_that_is_slow_all_along_has_a_budget() {
    let sink = MailSink::start(Manner::default());
    sink.orders.every(Phase::Hello.then(Act::Slow(Duration::from_millis(20))));
    let network = Network { before_data: Duration::from_millis(900), ..Network::default() };
    let (delivery, asked) = send(&mail(&sink, &network), &numbered("a1")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), ("later", 0), "{delivery:?}");
    assert_eq!(words(&delivery), "no answer within 0.9 seconds");
    assert_eq!(sink.heard(), ["1 ehlo", "1 ehlo"], "each answer alone was in time");
}

#[tokio::test]
async fn a_slow_server_that_ends_in_time_has_the_message() {
    let sink = MailSink::start(Manner::default());
    sink.orders.every(Phase::Taken.then(Act::Slow(Duration::from_millis(2))));
    let (delivery, asked) = send(&patient(&sink), &numbered("a1")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), ("sent", 1), "{delivery:?}");
    assert_eq!(sink.book.keys(), ["a1"]);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let mut sink = MailSink::start(Manner::default());
    sink.shut().await;
    let channels = patient(&sink);
    let (refused, asked) = send(&channels, &numbered("a1")).await;
    assert_eq!((outcome(&refused).as_str(), asked), ("later", 0), "{refused:?}");
    assert!(words(&refused).starts_with("the mail server can't be reached: "), "{refused:?}");
    sink.open().await;
    let (sent, _) = send(&channels, &numbered("a1")).await;
    assert_eq!(outcome(&sent), "sent", "{sent:?}");
    assert_eq!(sink.book.keys(), ["a1"]);
}

#[tokio::test]
async fn a_conversation_that_was_cut_short_is_not_gone_on_with() {
    let sink = MailSink::start(Manner::default());
    sink.orders.every(Phase::Content.then(Act::Hang));
    let channels = patient(&sink);
    let first = numbered("a1");
    tokio::select! {
        ended = send(&channels, &first) => panic!("{ended:?}"),
        () = sink.orders.until(1) => {}
    }
    sink.orders.none();
    let (sent, _) = send(&channels, &numbered("a2")).await;
    assert_eq!(outcome(&sent), "sent", "{sent:?}");
    assert_eq!(sink.book.keys(), ["a2"]);
    assert!(sink.heard().ends_with(&["2 mail", "2 rcpt", "2 data", "2 ."].map(str::to_owned)));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_over_many_connections_are_all_in_the_book() {
    let sink = MailSink::start(Manner { pipelining: true, ..Manner::default() });
    let client = |client: usize| {
        let channels = patient(&sink);
        async move {
            for n in 0..100 {
                let (sent, _) = send(&channels, &numbered(&format!("{client}-{n}"))).await;
                assert_eq!(outcome(&sent), "sent");
            }
        }
    };
    let clients: Vec<_> = (0..16).map(|n| tokio::spawn(client(n))).collect();
    sink.book.until(1600).await;
    for client in clients {
        client.await.unwrap();
    }
    let mut keys = sink.book.keys();
    assert_eq!(keys.len(), 1600);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 1600);
}

/// What a recipient's own server has against us, or what we have done to deserve it: the number
/// is the same (RFC 3463 §3.8).
#[tokio::test]
async fn one_of_many_who_is_refused_stops_nobody_else() {
    let sink = MailSink::start(Manner { pipelining: true, ..Manner::default() });
    let denied = Phase::Recipient.then(Act::Say("554 5.7.1 access denied"));
    sink.orders.to("no@example.com", denied);
    let channels = patient(&sink);
    let mut seen = Vec::new();
    for (key, address) in [
        ("n1", "no@example.com"), // nobody knows yet whom it means
        ("a1", FIRST),
        ("n1", "no@example.com"), // others are taken: it means this one
        ("b1", "bob@example.com"),
    ] {
        seen.push(outcome(&send(&channels, &to(key, address)).await.0));
    }
    assert_eq!(seen, ["later", "sent", "never", "sent"]);
    let entries = sink.book.entries();
    let entry = |place: usize, key: &str, to: &str| {
        let (count, size) = (place as u64 + 1, entries[place].size);
        Entry { count, key: key.to_owned(), recipient: to.to_owned(), size }
    };
    assert_eq!(entries, [entry(0, "a1", FIRST), entry(1, "b1", "bob@example.com")]);
    assert!(entries.iter().all(|entry| entry.size > 500), "{entries:?}");
}

#[tokio::test]
async fn several_in_a_row_who_are_refused_mean_us() {
    let sink = MailSink::start(Manner::default());
    let channels = patient(&sink);
    let (sent, _) = send(&channels, &numbered("a0")).await;
    assert_eq!(outcome(&sent), "sent");
    sink.orders.every(Phase::End.then(Act::Say("550 5.7.1 looks like spam")));
    let mut seen = Vec::new();
    for key in ["a1", "a2", "a2", "a3", "a4"] {
        let (delivery, asked) = send(&channels, &numbered(key)).await;
        seen.push((outcome(&delivery), asked));
    }
    let seen: Vec<_> = seen.iter().map(|(outcome, asked)| (outcome.as_str(), *asked)).collect();
    assert_eq!(
        seen,
        [("never", 1), ("later", 1), ("later", 1), ("blocked", 1), ("blocked", 1)],
        "one message is given up at most"
    );
    assert_eq!(sink.book.keys(), ["a0"]);
}

/// A connection that waited is replaced once, whatever the server does with it, and nobody hears
/// twice. A new one is not.
#[rstest]
#[case(Phase::Sender, Act::Drop, "sent")]
#[case(Phase::Sender, Act::Say("421 4.4.2 too long"), "sent")]
#[case(Phase::Recipient, Act::Drop, "sent")]
#[case(Phase::Recipient, Act::Say("421 4.4.2 too long"), "sent")]
#[case(Phase::Data, Act::Drop, "uncertain")]
#[case(Phase::Data, Act::Say("421 4.4.2 too long"), "later")]
#[case(Phase::Content, Act::Drop, "uncertain")]
#[case(Phase::End, Act::Drop, "uncertain")]
#[case(Phase::Taken, Act::Drop, "uncertain")]
#[tokio::test]
async fn a_connection_that_waited_is_replaced_before_data_only(
    #[case] phase: Phase,
    #[case] act: Act,
    #[case] expected: &str,
    #[values(false, true)] pipelining: bool,
) {
    let sink = MailSink::start(Manner { pipelining, ..Manner::default() });
    let channels = patient(&sink);
    let (sent, _) = send(&channels, &numbered("a1")).await;
    assert_eq!(outcome(&sent), "sent");
    sink.orders.next(phase.then(act));
    let (delivery, asked) = send(&channels, &numbered("a2")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), (expected, 1), "{delivery:?}");
    let taken = expected == "sent" || phase == Phase::Taken;
    assert_eq!(sink.book.keys(), if taken { vec!["a1", "a2"] } else { vec!["a1"] });
    let connections = sink.heard().iter().filter(|heard| heard.ends_with(" ehlo")).count() / 2;
    assert_eq!(connections, if expected == "sent" { 2 } else { 1 });
}
