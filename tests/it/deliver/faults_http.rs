//! What becomes of a message when an HTTP service misbehaves: the exact outcome, how often
//! `transmitting` was asked, and what the service holds.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use lookout::config::ChannelConfig;
use lookout::deliver::{Channels, Delivery, Names, Network, Parcel};
use rstest::rstest;

use super::faults_smtp::{outcome, words};
use super::{parcel, send};
use crate::support::sink::{Reply, WebSink, self_signed};

fn numbered(key: &str) -> Parcel {
    Parcel { key: key.into(), ..parcel("sms") }
}

fn open(config: ChannelConfig, network: &Network) -> Channels {
    Channels::open_on(&BTreeMap::from([("sms".to_owned(), config)]), network).unwrap()
}

fn channels(url: String) -> Channels {
    open(ChannelConfig { url, ..ChannelConfig::default() }, &Network::default())
}

fn hasty(url: String) -> Channels {
    let network = Network { exchange: Duration::from_millis(700), ..Network::default() };
    open(ChannelConfig { url, ..ChannelConfig::default() }, &network)
}

fn says(status: u16) -> Reply {
    Reply::Say(status, Vec::new())
}

fn waits(status: u16, how_long: &str) -> Reply {
    Reply::Say(status, vec![("retry-after", how_long.to_owned())])
}

#[rstest]
#[case::broken(says(500), "later")]
#[case::away(says(503), "later")]
#[case::too_many(says(429), "later")]
#[case::too_many_for_a_while(waits(429, "90"), "later, in 90 s")]
// The mail's date, which is the wall's, is 2026-01-02T03:04:05Z.
#[case::too_many_until_then(waits(429, "Fri, 02 Jan 2026 03:05:05 GMT"), "later, in 60 s")]
#[case::too_many_for_years(waits(503, "Fri, 02 Jan 2032 03:05:05 GMT"), "later, in 86400 s")]
#[case::gone(says(410), "blocked")]
#[case::wrong_credentials(says(401), "blocked")]
#[case::not_this_one(says(422), "never")]
#[tokio::test]
async fn an_answer_means_what_it_says(#[case] reply: Reply, #[case] expected: &str) {
    let sink = WebSink::start(None);
    sink.orders.next(reply.clone());
    let channels = channels(sink.url());
    let (delivery, asked) = send(&channels, &numbered("a1")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), (expected, 1), "{delivery:?}");
    let Reply::Say(status, _) = reply else { panic!("{reply:?}") };
    let said = words(&delivery);
    assert!(said.starts_with(&format!("the service answered {status}")), "{said}");
    assert_eq!(said.contains("lookout resume sms"), expected == "blocked", "{said}");
    assert_eq!(sink.book.count(), 0);
    let (sent, _) = send(&channels, &numbered("a1")).await;
    assert_eq!(sent, Delivery::Sent { detail: "HTTP 202".to_owned() });
    assert_eq!(sink.book.keys(), ["a1"]);
}

#[rstest]
#[tokio::test]
async fn a_redirect_is_never_followed(#[values(301, 302, 303, 307, 308)] status: u16) {
    let (sink, elsewhere) = (WebSink::start(None), WebSink::start(None));
    sink.orders.every(Reply::Say(status, vec![("location", elsewhere.url())]));
    let (delivery, asked) = send(&channels(sink.url()), &numbered("a1")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), ("blocked", 1), "{delivery:?}");
    assert!(words(&delivery).contains("a redirect is never followed"), "{delivery:?}");
    assert_eq!((sink.heard().len(), elsewhere.heard().len()), (1, 0));
    assert_eq!((sink.book.count(), elsewhere.book.count()), (0, 0));
}

#[tokio::test]
async fn a_service_that_has_gone_says_how_to_go_on() {
    let sink = WebSink::start(None);
    sink.orders.every(says(410));
    let (delivery, _) = send(&channels(sink.url()), &numbered("a1")).await;
    let error = "the service answered 410 Gone: the service is gone for good; write its new address \
                 as url; once that is put right: lookout resume sms";
    assert_eq!(delivery, Delivery::Blocked { error: error.to_owned() });
}

/// The service may have it, and hears of it again under the same key.
#[rstest]
#[case::dropped(Reply::Drop, 0)]
#[case::taken_and_dropped(Reply::TakeAndDrop, 1)]
#[case::silent(Reply::Hang, 0)]
#[case::a_byte_a_second(Reply::Slow(Duration::from_secs(1)), 1)]
#[tokio::test]
async fn without_an_answer_it_is_sent_again(#[case] reply: Reply, #[case] taken: u64) {
    let sink = WebSink::start(None);
    sink.orders.next(reply);
    let channels = hasty(sink.url());
    let (delivery, asked) = send(&channels, &numbered("a1")).await;
    assert_eq!((outcome(&delivery).as_str(), asked), ("later", 1), "{delivery:?}");
    assert_eq!(sink.book.count(), taken);
    let (sent, _) = send(&channels, &numbered("a1")).await;
    assert_eq!(outcome(&sent), "sent");
    let ids: Vec<_> = sink.heard().iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert_eq!(ids, ["a1", "a1"]);
}

#[tokio::test]
async fn of_an_endless_answer_enough_is_read() {
    let sink = WebSink::start(None);
    sink.orders.next(Reply::Endless);
    let channels = channels(sink.url());
    let (delivery, asked) = send(&channels, &numbered("a1")).await;
    assert_eq!((delivery, asked), (Delivery::Sent { detail: "HTTP 200".to_owned() }, 1));
    let (sent, _) = send(&channels, &numbered("a2")).await;
    assert_eq!(outcome(&sent), "sent", "on another connection");
    assert_eq!(sink.book.keys(), ["a1", "a2"]);
}

#[tokio::test]
async fn a_refused_connection_is_tried_again() {
    let mut sink = WebSink::start(None);
    sink.shut().await;
    let channels = channels(sink.url());
    let (refused, asked) = send(&channels, &numbered("a1")).await;
    let error = "the service can't be reached".to_owned();
    assert_eq!((refused, asked), (Delivery::Temporary { after: None, error }, 1));
    sink.open().await;
    assert_eq!(outcome(&send(&channels, &numbered("a1")).await.0), "sent");
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused() {
    let sink = WebSink::start(Some(self_signed("127.0.0.1")));
    let channels = channels(sink.url().replace("http://", "https://"));
    let (refused, asked) = send(&channels, &numbered("a1")).await;
    assert_eq!((outcome(&refused).as_str(), asked), ("later", 1), "{refused:?}");
    assert_eq!((sink.heard().len(), sink.book.count()), (0, 0));
}

/// Some services say 404 of a recipient; where it is the address that is wrong, they say it of all.
#[tokio::test]
async fn one_of_many_who_is_unknown_stops_nobody_else() {
    let sink = WebSink::start(None);
    sink.orders.to("+49 0", says(404));
    let channels = channels(sink.url());
    let unknown = Parcel { to: "+49 0".into(), ..numbered("n1") };
    let mut seen = Vec::new();
    for parcel in [&unknown, &numbered("a1"), &unknown, &numbered("a2")] {
        seen.push(outcome(&send(&channels, parcel).await.0));
    }
    assert_eq!(seen, ["later", "sent", "never", "sent"]);
    sink.orders.every(says(404));
    seen.clear();
    for key in ["b1", "b2", "b3"] {
        seen.push(outcome(&send(&channels, &numbered(key)).await.0));
    }
    assert_eq!(seen, ["never", "later", "blocked"], "one message is given up at most");
    assert_eq!(sink.book.keys(), ["a1", "a2"]);
}

/// A service by name, on a network where the name stands for these addresses.
fn named(sink: &WebSink, networks: Option<&str>, addresses: &[&str]) -> Channels {
    let config = ChannelConfig {
        url: format!("http://hooks.example.com:{}/send", sink.port),
        networks: networks.map(str::to_owned),
        ..ChannelConfig::default()
    };
    let addresses = addresses.iter().map(|address| address.parse::<IpAddr>().unwrap()).collect();
    let names = Names::Given(BTreeMap::from([("hooks.example.com".to_owned(), addresses)]));
    open(config, &Network { names, ..Network::default() })
}

#[rstest]
#[case("127.0.0.1")]
#[case("::1")]
#[case("::ffff:127.0.0.1")]
#[case("10.1.2.3")]
#[case("169.254.169.254")]
#[tokio::test]
async fn no_name_leads_inside(#[case] address: &str) {
    let sink = WebSink::start(None);
    let (delivery, asked) = send(&named(&sink, None, &[address]), &numbered("a1")).await;
    let error = format!(
        "the service's name leads to {address}, which is inside; if that is meant, write networks = \
         \"{address}\"; once that is put right: lookout resume sms"
    );
    assert_eq!((delivery, asked), (Delivery::Blocked { error }, 1));
    assert_eq!((sink.heard().len(), sink.book.count()), (0, 0));
}

#[tokio::test]
async fn a_network_that_is_named_may_be_reached() {
    let sink = WebSink::start(None);
    let channels = named(&sink, Some("10.0.0.0/8, 127.0.0.0/8"), &["192.168.7.7", "127.0.0.1"]);
    let (delivery, _) = send(&channels, &numbered("a1")).await;
    assert_eq!(outcome(&delivery), "sent", "past the address that is not named: {delivery:?}");
    let other = named(&sink, Some("10.0.0.0/8"), &["127.0.0.1"]);
    assert_eq!(outcome(&send(&other, &numbered("a2")).await.0), "blocked");
    assert_eq!(sink.book.keys(), ["a1"]);
}

#[tokio::test]
async fn a_service_on_this_machine_names_itself() {
    let sink = WebSink::start(None);
    for host in ["localhost", "127.0.0.1"] {
        let (delivery, _) =
            send(&channels(sink.url().replace("127.0.0.1", host)), &numbered(host)).await;
        assert_eq!(outcome(&delivery), "sent", "{host}: {delivery:?}");
    }
    assert_eq!(sink.book.count(), 2);
}

#[tokio::test]
async fn a_request_is_signed_with_every_secret() {
    let sink = WebSink::start(None);
    let config = ChannelConfig {
        url: sink.url(),
        signing_secret: Some(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                .to_owned(),
        ),
        ..ChannelConfig::default()
    };
    let channels = open(config, &Network::default());
    assert!(!format!("{channels:?}").contains("MfKQ"));
    let (delivery, _) = send(&channels, &numbered("5f0c")).await;
    assert_eq!(outcome(&delivery), "sent");
    let request = &sink.heard()[0];
    assert_eq!(request.line, "POST /send HTTP/1.1");
    assert_eq!(request.header("webhook-id"), "5f0c");
    assert_eq!(request.header("webhook-timestamp"), "1767323045");
    let content = format!("5f0c.1767323045.{}", request.body);
    insta::assert_snapshot!(format!("{content}\n{}", request.header("webhook-signature")));
}
