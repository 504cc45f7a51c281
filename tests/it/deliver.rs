//! Every way out against a real peer: an SMTP server, an HTTP server, a folder.

mod conversation;
mod encryption;
mod end_states;
mod faults_http;
mod faults_smtp;
mod signed;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use lookout::config::ChannelConfig;
use lookout::deliver::{Channels, Delivery, Parcel};
use lookout::domain::parse_instant;
use lookout::templates::RuleTemplates;
use serde_json::{Value, json};
use wiremock::matchers::{body_json, header, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::smtp::{self, Peer};

fn parcel(channel: &str) -> Parcel {
    Parcel {
        key: "5f0c".into(),
        channel: channel.into(),
        to: if channel == "email" { "ana@example.com" } else { "+49 221 555" }.into(),
        to_name: Some("Ana Trujillo".into()),
        subject: "Your order 11061".into(),
        html: "<p>Hello</p>\n".into(),
        text: "Hello\n".into(),
        rule: "stalled-order".into(),
        customer_id: "GREAL".into(),
        reply_to: None,
        unsubscribe: None,
        date: parse_instant("2026-01-02T03:04:05Z").unwrap(),
    }
}

fn open(channel: &str, config: ChannelConfig) -> Channels {
    Channels::open(&BTreeMap::from([(channel.to_owned(), config)])).unwrap()
}

fn mail(url: String) -> Channels {
    let from = Some("Care team <care@example.com>".to_owned());
    open("email", ChannelConfig { url, from, ..ChannelConfig::default() })
}

/// Sends, and says how often `transmitting` was asked.
async fn send(channels: &Channels, parcel: &Parcel) -> (Delivery, u32) {
    let asked = AtomicU32::new(0);
    let delivery = channels
        .send(parcel, async {
            asked.fetch_add(1, Ordering::Relaxed);
            true
        })
        .await;
    (delivery, asked.into_inner())
}

fn error(delivery: &Delivery) -> &str {
    match delivery {
        Delivery::Temporary { after: None, error }
        | Delivery::Permanent { error, .. }
        | Delivery::Blocked { error }
        | Delivery::Uncertain { error } => error,
        other => panic!("{other:?} is no error"),
    }
}

/// Renders a template with a customer's name, as the whole way from the file to the mail.
fn rendered(name: &str, locale: Option<&str>) -> Parcel {
    let folder = tempfile::tempdir().unwrap();
    let source =
        "---\nsubject: Order 7 of {{ name }}\nbecause: You ordered.\n---\nDear {{ name }}.\n";
    let thai = "---\nsubject: คำสั่งซื้อของ {{ name }} ยังไม่ได้จัดส่งและเราขออภัยในความล่าช้าเป็นอย่างยิ่ง\n---\nเรียน {{ name }} คำสั่งซื้อของคุณล่าช้า\n";
    fs::write(folder.path().join("email.md"), source).unwrap();
    fs::write(folder.path().join("email.th.md"), thai).unwrap();
    let mut problems = Vec::new();
    let templates = RuleTemplates::load(folder.path(), &mut problems);
    assert_eq!(problems, []);
    let message = templates.render("email", locale, &json!({ "name": name })).unwrap();
    let (subject, html, text) = (message.subject, message.html, message.text);
    Parcel { to_name: Some(name.into()), subject, html, text, ..parcel("email") }
}

#[tokio::test]
async fn mail_arrives_as_text_and_html_that_python_reads() {
    let peer = Peer::start("accept");
    let (delivery, asked) = send(&mail(peer.url()), &rendered("Ana", Some("th-TH"))).await;
    assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
    assert_eq!(asked, 1);

    let received = peer.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].facts["from"], "care@example.com");
    assert_eq!(received[0].facts["to"], json!(["ana@example.com"]));
    let parsed = smtp::parse(&received[0].file);
    assert_eq!(parsed["defects"], json!([]));
    assert_eq!(parsed["type"], "multipart/alternative");
    let header = |name| smtp::header(&parsed, name);
    assert_eq!(header("Subject"), ["คำสั่งซื้อของ Ana ยังไม่ได้จัดส่งและเราขออภัยในความล่าช้าเป็นอย่างยิ่ง"]);
    assert_eq!(header("From"), ["Care team <care@example.com>"]);
    assert_eq!(header("To"), ["Ana <ana@example.com>"]);
    assert_eq!(header("Message-ID"), ["<5f0c@example.com>"]);
    assert_eq!(header("Date"), ["Fri, 02 Jan 2026 03:04:05 +0000"]);
    assert_eq!(header("Auto-Submitted"), ["auto-generated"]);
    let kinds: Vec<_> = parsed["parts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| (part["type"].as_str().unwrap(), part["charset"].as_str().unwrap()))
        .collect();
    assert_eq!(kinds, [("text/plain", "utf-8"), ("text/html", "utf-8")]);
    for part in parsed["parts"].as_array().unwrap() {
        let content = part["content"].as_str().unwrap();
        assert!(content.contains("เรียน Ana คำสั่งซื้อของคุณล่าช้า"), "{content}");
    }
}

#[tokio::test]
async fn no_name_gets_markup_or_a_header_into_a_mail() {
    let peer = Peer::start("accept");
    let channels = mail(peer.url());
    let names = [
        "{{7*7}}",
        "<script>alert(1)</script>",
        "Ana\r\nBcc: x@example.com\r\n\r\nHi",
        "**x** [a](javascript:alert(1))",
        "Zoë \"Z\" Ümlaut, Ltd.; <x@example.com>",
        "=?utf-8?q?Bcc:?=",
    ];
    for name in names {
        let (delivery, _) = send(&channels, &rendered(name, None)).await;
        assert!(matches!(delivery, Delivery::Sent { .. }), "{name:?}: {delivery:?}");
    }
    let received = peer.received();
    assert_eq!(received.len(), names.len());
    for (name, received) in names.into_iter().zip(received) {
        let raw = fs::read(&received.file).unwrap();
        let bare = raw.iter().enumerate().any(|(at, byte)| {
            (*byte == b'\n' && (at == 0 || raw[at - 1] != b'\r'))
                || (*byte == b'\r' && raw.get(at + 1) != Some(&b'\n'))
        });
        assert!(!bare && raw.is_ascii(), "{name:?}: a bare line end, or a byte beyond ASCII");
        assert_eq!(received.facts["to"], json!(["ana@example.com"]));

        let plain = name.replace("\r\n\r\n", "  ").replace("\r\n", " ");
        let parsed = smtp::parse(&received.file);
        assert_eq!(parsed["defects"], json!([]), "{name:?}");
        assert_eq!(smtp::header(&parsed, "Bcc"), [""; 0], "{name:?}");
        let squeezed = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        if !name.starts_with("=?") {
            assert_eq!(smtp::header(&parsed, "Subject"), [format!("Order 7 of {squeezed}")]);
        }
        let content = |part: usize| parsed["parts"][part]["content"].as_str().unwrap();
        assert_eq!(content(0), format!("Dear {plain}.\n\n-- \nYou ordered.\n"));
        let escaped = plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let escaped = escaped.replace('"', "&quot;");
        assert!(content(1).contains(&format!(">Dear {escaped}.</p>")), "{}", content(1));
    }
}

#[tokio::test]
async fn a_connection_serves_several_messages() {
    let peer = Peer::start("accept");
    let channels = mail(peer.url());
    for key in ["a1", "a2", "a3"] {
        let (delivery, _) = send(&channels, &Parcel { key: key.into(), ..parcel("email") }).await;
        assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
    }
    let connections: Vec<Value> =
        peer.received().iter().map(|received| received.facts["connection"].clone()).collect();
    assert_eq!(connections.len(), 3);
    assert!(connections.iter().all(|connection| *connection == connections[0]));
}

#[tokio::test]
async fn a_user_logs_in_with_the_secret() {
    let peer = Peer::start("auth");
    let login = |secret: &str| {
        open(
            "email",
            ChannelConfig {
                url: format!("smtp://care%40example.com@127.0.0.1:{}", peer.port),
                from: Some("care@example.com".to_owned()),
                secret: Some(secret.to_owned()),
                ..ChannelConfig::default()
            },
        )
    };
    let (wrong, asked) = send(&login("wr0ng"), &parcel("email")).await;
    assert!(matches!(wrong, Delivery::Blocked { .. }), "{wrong:?}");
    assert!(error(&wrong).contains("refuses the user or password: the mail server said 535"));
    assert!(!error(&wrong).contains("wr0ng") && asked == 0);

    let (right, _) = send(&login("s3cret"), &parcel("email")).await;
    assert!(matches!(right, Delivery::Sent { .. }), "{right:?}");
    assert_eq!(peer.received()[0].facts["authenticated"], true);
}

#[tokio::test]
async fn a_refusal_says_whether_to_try_again() {
    for (mode, code, asked_before) in
        [("refuse-550", "550", 0), ("refuse-451", "451", 0), ("refuse-data", "554", 1)]
    {
        let peer = Peer::start(mode);
        let channels = mail(peer.url());
        // The second one shows that the connection is still good after a refusal.
        for _ in 0..2 {
            let (delivery, asked) = send(&channels, &parcel("email")).await;
            let temporary = matches!(delivery, Delivery::Temporary { .. });
            let permanent = matches!(delivery, Delivery::Permanent { .. });
            assert_eq!((temporary, permanent), (mode == "refuse-451", mode != "refuse-451"));
            assert!(error(&delivery).contains(code), "{delivery:?}");
            assert!(!error(&delivery).contains("ana@example.com"), "{delivery:?}");
            assert_eq!(asked, asked_before, "{mode}");
        }
        assert_eq!(peer.received().len(), 0);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (delivery, asked) = send(&mail(format!("smtp://127.0.0.1:{port}")), &parcel("email")).await;
    assert!(matches!(delivery, Delivery::Temporary { .. }), "{delivery:?}");
    assert!(error(&delivery).starts_with("the mail server can't be reached: "), "{delivery:?}");
    assert_eq!(asked, 0);
}

#[tokio::test]
async fn a_connection_lost_after_the_message_leaves_it_uncertain() {
    let peer = Peer::start("drop-after-data");
    let (delivery, asked) = send(&mail(peer.url()), &parcel("email")).await;
    assert!(matches!(delivery, Delivery::Uncertain { .. }), "{delivery:?}");
    assert_eq!(asked, 1);
    assert_eq!(peer.received().len(), 1, "the server has it, and nobody told us");
}

#[tokio::test]
async fn a_parcel_that_is_no_longer_ours_is_given_up() {
    let peer = Peer::start("accept");
    let folder = tempfile::tempdir().unwrap();
    let service = MockServer::start().await;
    for (channel, channels) in [
        ("email", mail(peer.url())),
        ("email", mail(format!("file:{}", folder.path().display()))),
        ("sms", web(service.uri())),
    ] {
        let delivery = channels.send(&parcel(channel), async { false }).await;
        assert_eq!(delivery, Delivery::GivenUp);
    }
    assert_eq!(peer.received().len(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(service.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_address_that_is_none_never_leaves() {
    let peer = Peer::start("accept");
    let parcel =
        Parcel { to: "ana@example.com\r\nRCPT TO:<x@example.com>".into(), ..parcel("email") };
    let (delivery, asked) = send(&mail(peer.url()), &parcel).await;
    assert!(matches!(delivery, Delivery::Permanent { .. }), "{delivery:?}");
    assert_eq!((asked, peer.received().len()), (0, 0));
}

#[tokio::test]
async fn a_folder_has_one_file_an_outreach() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().join("made/when/needed");
    let channels = mail(format!("file:{}", outbox.display()));
    for _ in 0..2 {
        let (delivery, asked) = send(&channels, &parcel("email")).await;
        let detail = outbox.join("5f0c.eml").display().to_string();
        assert_eq!((delivery, asked), (Delivery::Sent { detail }, 1));
    }
    assert_eq!(names(&outbox), ["5f0c.eml"]);
    let parsed = smtp::parse(&outbox.join("5f0c.eml"));
    assert_eq!(parsed["type"], "multipart/alternative");

    fs::write(folder.path().join("taken"), "a file").unwrap();
    let channels = mail(format!("file:{}", folder.path().join("taken").display()));
    let (delivery, _) = send(&channels, &parcel("email")).await;
    assert!(matches!(delivery, Delivery::Temporary { .. }), "{delivery:?}");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn web(url: String) -> Channels {
    open("sms", ChannelConfig { url, ..ChannelConfig::default() })
}

#[tokio::test]
async fn a_service_gets_json_with_a_stable_key() {
    let service = MockServer::start().await;
    let evil = "a\"b\\c\n{{7*7}} สวัสดี";
    let body = json!({
        "to": "+49 221 555", "subject": "Your order 11061", "text": evil,
        "key": "5f0c", "rule": "stalled-order", "customer_id": "GREAL",
    });
    Mock::given(method("POST"))
        .and(header("content-type", "application/json"))
        .and(header("webhook-id", "5f0c"))
        .and(body_json(body))
        .respond_with(ResponseTemplate::new(202))
        .expect(2)
        .mount(&service)
        .await;
    let channels = web(service.uri());
    for _ in 0..2 {
        let (delivery, asked) =
            send(&channels, &Parcel { text: evil.into(), ..parcel("sms") }).await;
        assert_eq!((delivery, asked), (Delivery::Sent { detail: "HTTP 202".into() }, 1));
    }
}

#[tokio::test]
async fn a_service_is_called_as_configured() {
    let service = MockServer::start().await;
    Mock::given(method("PUT")).respond_with(ResponseTemplate::new(200)).mount(&service).await;
    let config = ChannelConfig {
        url: service.uri().replace("http://", "http://AC12@"),
        method: Some("put".into()),
        headers: BTreeMap::from([
            ("Content-Type".to_owned(), "application/x-www-form-urlencoded".to_owned()),
            ("X-Api-Key".to_owned(), "key {{ secret }}".to_owned()),
        ]),
        body: Some("To={{ to }}&Body={{ text }}".into()),
        secret: Some("s3cret".into()),
        ..ChannelConfig::default()
    };
    let channels = open("sms", config);
    assert!(!format!("{channels:?}").contains("s3cret"));
    let (delivery, _) = send(&channels, &Parcel { text: "1 & 2\nß".into(), ..parcel("sms") }).await;
    assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
    let requests = service.received_requests().await.unwrap();
    let request = &requests[0];
    assert_eq!(request.headers["x-api-key"], "key s3cret");
    assert_eq!(request.headers["authorization"], "Basic QUMxMjpzM2NyZXQ=");
    assert_eq!(
        String::from_utf8_lossy(&request.body),
        "To=%2B49%20221%20555&Body=1%20%26%202%0A%C3%9F"
    );
}

#[tokio::test]
async fn a_folder_shows_what_a_service_would_get() {
    let folder = tempfile::tempdir().unwrap();
    let config = ChannelConfig {
        url: format!("file:{}", folder.path().display()),
        headers: BTreeMap::from([("X-Api-Key".to_owned(), "{{ secret }}".to_owned())]),
        secret: Some("s3cret".into()),
        ..ChannelConfig::default()
    };
    let (delivery, _) = send(&open("sms", config), &parcel("sms")).await;
    assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
    let written = fs::read_to_string(folder.path().join("5f0c.json")).unwrap();
    assert!(!written.contains("s3cret"));
    let shown: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(shown["method"], "POST");
    assert_eq!(shown["headers"]["webhook-id"], "5f0c");
    assert_eq!(shown["body"]["to"], "+49 221 555");
}

#[tokio::test]
async fn an_unknown_channel_sends_nothing() {
    let channels = Channels::open(&BTreeMap::new()).unwrap();
    // On a task of its own, as a worker does it.
    let sent = tokio::spawn(async move { send(&channels, &parcel("sms")).await });
    let (delivery, asked) = sent.await.unwrap();
    assert!(error(&delivery).contains("[channels.sms]"), "{delivery:?}");
    assert!(matches!(delivery, Delivery::Permanent { .. }));
    assert_eq!(asked, 0);
}
