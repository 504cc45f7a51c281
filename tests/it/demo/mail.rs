//! The demo's mail over SMTP, as Python reads what a real server received. The demo's instant is
//! far from the wall clock, but a server on this machine is nobody's mailbox.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::unpacked;
use crate::support::program::{Ran, lookout, ran, run};
use crate::support::smtp::{self, Peer};

fn send_through(peer: &Peer, folder: &Path) -> Ran {
    let line = "run --as-of 1998-05-07T09:00:00Z --format json";
    ran(lookout(folder).args(line.split(' ')).env("LOOKOUT_CHANNELS__EMAIL__URL", peer.url()))
}

/// The outreaches of one channel in one state, as `outbox` tells them.
fn outbox(folder: &Path, state: &str, channel: &str) -> Vec<Value> {
    let line = format!("outbox --only {state} --format json");
    let outbox: Value = serde_json::from_str(&run(folder, &line).fine()).unwrap();
    let outreaches = outbox["outreaches"].as_array().unwrap();
    outreaches.iter().filter(|o| o["channel"] == channel).cloned().collect()
}

/// What the server received, by the customer that it is for.
fn by_customer(peer: &Peer, sent: &[Value]) -> BTreeMap<String, Value> {
    let keys: BTreeMap<_, _> = sent
        .iter()
        .map(|o| (o["key"].as_str().unwrap(), o["subjects"][0]["customer_id"].as_str().unwrap()))
        .collect();
    let parsed = peer.received().into_iter().map(|received| smtp::parse(&received.file));
    let customer = |mail: &Value| {
        let id = smtp::header(mail, "Message-ID").remove(0);
        let key = id.trim_start_matches('<').split('@').next().unwrap().to_owned();
        keys[key.as_str()].to_owned()
    };
    parsed.map(|mail| (customer(&mail), mail)).collect()
}

fn part(mail: &Value, place: usize) -> &str {
    mail["parts"][place]["content"].as_str().unwrap()
}

#[test]
fn a_mail_server_receives_each_mail_once_in_the_customers_language() {
    let demo = unpacked();
    let peer = Peer::start("accept");
    send_through(&peer, demo.path()).fine();
    let sent = outbox(demo.path(), "sent", "email");
    assert_eq!((peer.received().len(), sent.len()), (16, 16));
    let mails = by_customer(&peer, &sent);
    assert_eq!(mails.len(), 16);
    for (customer, mail) in &mails {
        assert_eq!(mail["type"], "multipart/alternative", "{customer}");
        assert_eq!(mail["defects"], serde_json::json!([]), "{customer}");
        let parts = mail["parts"].as_array().unwrap();
        let kinds: Vec<_> =
            parts.iter().map(|p| (p["type"].as_str(), p["charset"].as_str())).collect();
        let utf8 = Some("utf-8");
        assert_eq!(kinds, [(Some("text/plain"), utf8), (Some("text/html"), utf8)], "{customer}");
    }
    let subject = |customer: &str| smtp::header(&mails[customer], "Subject").remove(0);

    assert_eq!(subject("LAMAI"), "คำสั่งซื้อหมายเลข 11051 ของคุณล่าช้ากว่าที่ควร");
    assert_eq!(subject("EASTC"), "เข้าสู่ระบบไม่ได้ใช่ไหม เราพร้อมช่วยคุณ");
    for (customer, words) in [
        ("LAMAI", "ยังไม่ได้ออกจากคลังสินค้าของเรา เราต้องขออภัยในความล่าช้า"),
        ("LAMAI", "เรียน คุณ Annette Roulet"),
        ("EASTC", "เราจึงล็อกบัญชีไว้ชั่วคราว"),
        ("BLAUS", "Guten Tag Hanna Moos,"),
        ("BLAUS", "hat unser Lager noch nicht verlassen. Das tut uns leid"),
        ("GREAL", "Dear Howard Snyder,"),
        ("GREAL", "11061"),
    ] {
        let unbroken = |place| part(&mails[customer], place).replace('\n', " ");
        assert!(unbroken(0).contains(words), "{customer}: {}", unbroken(0));
        assert!(unbroken(1).contains(words), "{customer}: {}", unbroken(1));
    }
    assert_eq!(subject("BLAUS"), "Ihre Bestellung 11058 verzögert sich");
    assert!(part(&mails["GREAL"], 1).contains("<strong>11061</strong>"));
    assert!(!part(&mails["GREAL"], 0).contains('*'));
    assert_eq!(
        smtp::header(&mails["GREAL"], "To"),
        ["Great Lakes Food Market <howard.snyder@greal.example.com>"]
    );

    // Once more, and nobody hears twice.
    send_through(&peer, demo.path()).fine();
    assert_eq!(peer.received().len(), 16);
}

#[test]
fn no_customers_name_gets_markup_or_a_header_into_a_mail() {
    let demo = unpacked();
    let names = [
        ("BLAUS", "{{7*7}}"),
        ("GREAL", "<script>alert(1)</script>"),
        ("LAMAI", "Ana\r\nBcc: x@example.net\r\n\r\nHi"),
        ("HILAA", "**bold** [a](https://example.net) \"Q\" <x@example.net>, y@example.net"),
    ];
    let database = rusqlite::Connection::open(demo.path().join("northwind.db")).unwrap();
    for (customer, name) in names {
        let sql =
            "UPDATE customers SET company_name = ?2, contact_name = ?2 WHERE customer_id = ?1";
        assert_eq!(database.execute(sql, [customer, name]).unwrap(), 1);
    }
    drop(database);
    let peer = Peer::start("accept");
    send_through(&peer, demo.path()).fine();
    let sent = outbox(demo.path(), "sent", "email");
    let mails = by_customer(&peer, &sent);
    for (customer, name) in names {
        let mail = &mails[customer];
        assert_eq!(mail["defects"], serde_json::json!([]), "{customer}");
        let headers = mail["headers"].as_array().unwrap();
        let mut names: Vec<_> = headers.iter().map(|pair| pair[0].as_str().unwrap()).collect();
        names.sort_unstable();
        let other = mails["FOLKO"]["headers"].as_array().unwrap().iter();
        let mut usual: Vec<_> = other.map(|pair| pair[0].as_str().unwrap()).collect();
        usual.sort_unstable();
        assert_eq!(names, usual, "{customer}: no header more than others have");

        let plain = name.replace("\r\n\r\n", "  ").replace("\r\n", " ");
        assert!(part(mail, 0).contains(&plain), "{customer}: {}", part(mail, 0));
        let html = part(mail, 1);
        let escaped = plain.replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        assert!(html.contains(&escaped), "{customer}: {html}");
        for markup in ["<script", "49", "<strong>bold", "href=\"https://example.net"] {
            assert!(!html.contains(markup), "{customer}: {markup} in {html}");
        }
    }
    let everyone: Vec<_> = peer.received().iter().map(|r| r.facts["to"].to_string()).collect();
    assert_eq!(everyone.len(), 16);
    assert!(everyone.iter().all(|to| !to.contains("example.net")), "{everyone:?}");
}

#[test]
fn a_server_that_refuses_is_told_of_and_nothing_else_suffers() {
    let demo = unpacked();
    let peer = Peer::start("refuse-451");
    let refused = send_through(&peer, demo.path());
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert_eq!(refused.json()["totals"]["contact"], 21);
    assert!(
        refused.err.contains("  stalled-order GREAL on email: retry ("),
        "the trouble is told with the rule and the customer: {}",
        refused.err
    );
    assert!(!refused.err.contains("howard.snyder"), "no address: {}", refused.err);
    assert_eq!(outbox(demo.path(), "retry", "email").len(), 16);
    assert_eq!(outbox(demo.path(), "sent", "sms").len(), 1);
    assert_eq!(outbox(demo.path(), "sent", "task").len(), 5);
}
