//! The line to a mail server is encrypted by somebody whom we trust, or nothing is said on it.

use std::collections::BTreeMap;
use std::path::Path;

use lookout::config::ChannelConfig;
use lookout::deliver::{Channels, Delivery};
use rstest::rstest;

use super::faults_smtp::outcome;
use super::{parcel, send};
use crate::support::sink::{Act, Authority, MailSink, Manner, Phase, Tls, self_signed};

const HOST: &str = "127.0.0.1";

/// A channel that logs in over TLS, from the first byte (`smtps`) or after STARTTLS (`smtp`).
fn channels(sink: &MailSink, scheme: &str, ca: Option<&Path>) -> Channels {
    let config = ChannelConfig {
        url: format!("{scheme}://care@{HOST}:{}", sink.port),
        from: Some("care@example.com".to_owned()),
        secret: Some("s3cret".to_owned()),
        ca: ca.map(|file| file.display().to_string()),
        tls: Some("required".to_owned()),
        ..ChannelConfig::default()
    };
    Channels::open(&BTreeMap::from([("email".to_owned(), config)])).unwrap()
}

/// A server with this certificate.
fn server(scheme: &str, identity: crate::support::sink::Identity) -> MailSink {
    let tls = if scheme == "smtps" { Tls::Always(identity) } else { Tls::Offered(identity) };
    MailSink::start(Manner { login: true, tls, pipelining: true })
}

/// What it took, if anything; nothing was said in the clear but EHLO and STARTTLS.
async fn tried(sink: &MailSink, channels: &Channels) -> (Delivery, u32) {
    let (delivery, asked) = send(channels, &parcel("email")).await;
    let clear = |heard: &String| heard.chars().any(char::is_lowercase);
    let clear: Vec<String> = sink.heard().into_iter().filter(clear).collect();
    let harmless = |heard: &String| heard.ends_with(" ehlo") || heard.ends_with(" starttls");
    assert!(clear.iter().all(harmless), "{clear:?}");
    (delivery, asked)
}

fn untrusted(delivery: (Delivery, u32), why: &str) {
    let (Delivery::Temporary { after: None, error }, 0) = &delivery else { panic!("{delivery:?}") };
    assert!(error.starts_with("the mail server can't be reached: "), "{error}");
    assert!(error.contains(why), "{error}");
}

#[rstest]
#[tokio::test]
async fn a_company_trusts_its_own_authority(#[values("smtp", "smtps")] scheme: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (authority, ca) = (Authority::new(), folder.path().join("own.pem"));
    authority.write(&ca);
    let sink = server(scheme, authority.vouches_for(HOST));
    let channels = channels(&sink, scheme, Some(&ca));
    for _ in 0..2 {
        let (delivery, asked) = tried(&sink, &channels).await;
        assert_eq!((outcome(&delivery).as_str(), asked), ("sent", 1), "{delivery:?}");
    }
    let heard = sink.heard().join(", ");
    let greeting = if scheme == "smtp" { "1 ehlo, 1 starttls, " } else { "" };
    let message = "1 MAIL, 1 RCPT, 1 DATA, 1 .";
    assert_eq!(heard, format!("{greeting}1 EHLO, 1 EHLO, 1 AUTH, {message}, {message}"));
    assert_eq!(sink.book.count(), 2);
}

#[rstest]
#[tokio::test]
async fn a_certificate_that_proves_nothing_is_refused(#[values("smtp", "smtps")] scheme: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (authority, ca) = (Authority::new(), folder.path().join("own.pem"));
    authority.write(&ca);
    for (identity, ca, why) in [
        (self_signed(HOST), None, "nobody whom we trust vouches for its certificate"),
        (authority.vouches_for(HOST), None, "ca = \"FILE\""),
        (authority.vouches_for("mail.example.com"), Some(&ca), "made out to another name"),
        (authority.vouched_for(HOST), Some(&ca), "its certificate has expired"),
    ] {
        let sink = server(scheme, identity);
        let channels = channels(&sink, scheme, ca.map(|file| file.as_path()));
        untrusted(tried(&sink, &channels).await, why);
        assert_eq!(sink.book.count(), 0);
    }
}

#[tokio::test]
async fn where_encryption_is_stripped_nothing_is_said() {
    // Somebody in the middle takes the offer away, or the answer to it.
    let stripped = MailSink::start(Manner { login: true, ..Manner::default() });
    let refused = server("smtp", self_signed(HOST));
    refused.orders.every(Phase::Starttls.then(Act::Say("454 4.7.0 not now")));
    for (sink, why) in [(stripped, "it offers no encryption"), (refused, "454")] {
        untrusted(tried(&sink, &channels(&sink, "smtp", None)).await, why);
        assert!(!sink.heard().iter().any(|heard| heard.to_uppercase().contains("AUTH")));
        assert_eq!(sink.book.count(), 0);
    }
}

#[tokio::test]
async fn what_is_put_before_the_encryption_is_not_believed_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, ca) = (Authority::new(), folder.path().join("own.pem"));
    authority.write(&ca);
    let sink = server("smtp", authority.vouches_for(HOST));
    let injected = "250-mallory\r\n250 AUTH PLAIN\r\n235 2.7.0 welcome\r\n";
    sink.orders.next(Phase::Starttls.then(Act::Add(injected)));
    let channels = channels(&sink, "smtp", Some(&ca));
    untrusted(tried(&sink, &channels).await, "more than it was asked before encryption");
    assert_eq!((sink.heard().join(", ").as_str(), sink.book.count()), ("1 ehlo, 1 starttls", 0));
}

#[rstest]
#[case("535 5.7.8 wrong", "blocked")]
#[case("454 4.7.0 the directory is away", "later")]
#[tokio::test]
async fn a_password_that_is_refused_stops_the_channel(
    #[case] answer: &'static str,
    #[case] expected: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let (authority, ca) = (Authority::new(), folder.path().join("own.pem"));
    authority.write(&ca);
    let sink = server("smtps", authority.vouches_for(HOST));
    sink.orders.next(Phase::Login.then(Act::Say(answer)));
    let (delivery, asked) = tried(&sink, &channels(&sink, "smtps", Some(&ca))).await;
    assert_eq!((outcome(&delivery).as_str(), asked), (expected, 0), "{delivery:?}");
    let (Delivery::Blocked { error } | Delivery::Temporary { error, .. }) = &delivery else {
        panic!("{delivery:?}")
    };
    assert!(error.starts_with("the mail server refuses the user or password: "), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
    assert_eq!(sink.book.count(), 0);
}
