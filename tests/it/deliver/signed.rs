//! Signed mail, as a verifier sees it that is not ours (dkimpy): the very bytes that arrived.

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use rstest::rstest;

use super::*;

const VERIFY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/dkim_verify.py");

fn openssl(folder: &Path, line: &str) {
    let ran = Command::new("openssl").current_dir(folder).args(line.split(' ')).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// A fresh key as `openssl` makes it with these words, and what the DNS would say of it.
fn key(make: &str, is_rsa: bool) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    openssl(folder.path(), make);
    openssl(folder.path(), "pkey -in key.pem -pubout -outform DER -out public.der");
    let public = fs::read(folder.path().join("public.der")).unwrap();
    // RFC 8463: the bare key, which is the end of what openssl writes.
    let public = if is_rsa { &public[..] } else { &public[public.len() - 32..] };
    let kind = if is_rsa { "rsa" } else { "ed25519" };
    let record = format!("v=DKIM1; k={kind}; p={}", BASE64.encode(public));
    (fs::read_to_string(folder.path().join("key.pem")).unwrap(), record)
}

fn verify(file: &Path, record: &str) -> Value {
    let output = smtp::python().arg(VERIFY).arg(file).arg(record).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[rstest]
#[case::rsa("genrsa -traditional -out key.pem 2048", true)]
#[case::rsa_pkcs8("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem", true)]
#[case::ed25519("genpkey -algorithm ed25519 -out key.pem", false)]
#[tokio::test]
async fn a_signature_holds_on_what_arrived(#[case] make: &str, #[case] is_rsa: bool) {
    let (pem, record) = key(make, is_rsa);
    let peer = Peer::start("accept");
    let config = ChannelConfig {
        url: peer.url(),
        from: Some("Care team <care@mail.example.com>".to_owned()),
        bounces: Some("bounces@example.com".to_owned()),
        dkim_selector: Some("lookout".to_owned()),
        dkim_domain: Some("example.com".to_owned()),
        dkim_key: Some(pem),
        ..ChannelConfig::default()
    };
    let channels = open("email", config.clone());
    for (name, locale) in [("Ana", None), ("สมชาย", Some("th")), ("  Ana \t  X ", None)] {
        let parcel = Parcel {
            reply_to: Some("mary@example.com".to_owned()),
            unsubscribe: Some("https://care.example.com/stop?token=abc".to_owned()),
            ..rendered(name, locale)
        };
        let (delivery, _) = send(&channels, &parcel).await;
        assert!(matches!(delivery, Delivery::Sent { .. }), "{delivery:?}");
    }
    let received = peer.received();
    assert_eq!(received.len(), 3);
    for received in &received {
        assert_eq!(received.facts["from"], "bounces+5f0c@example.com");
        let verified = verify(&received.file, &record);
        assert_eq!(verified["verified"], true, "{verified}");
        assert_eq!(verified["asked"], json!(["lookout._domainkey.example.com"]));
        let signed: Vec<String> = serde_json::from_value(verified["signed"].clone()).unwrap();
        let times = |name: &str| signed.iter().filter(|n| n.eq_ignore_ascii_case(name)).count();
        for name in [
            "From",
            "Reply-To",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "MIME-Version",
            "Content-Type",
            "Auto-Submitted",
            "List-Unsubscribe",
            "List-Unsubscribe-Post",
        ] {
            assert_eq!(times(name), 2, "{name} is signed, and no second one may be added");
        }
        forge(&received.file, &record);
    }
}

/// Whatever is changed or added on the way, the signature no longer holds.
fn forge(file: &Path, record: &str) {
    let mail = fs::read_to_string(file).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let forged = folder.path().join("forged.eml");
    for (is, becomes) in [
        ("List-Unsubscribe: <https://care", "List-Unsubscribe: <https://evil"),
        ("List-Unsubscribe=One-Click", "List-Unsubscribe=Two-Click"),
        ("MIME-Version: 1.0\r\n", "MIME-Version: 1.0\r\nSubject: another\r\n"),
        ("MIME-Version: 1.0\r\n", "MIME-Version: 1.0\r\nCc: eve@example.com\r\n"),
        ("--=_5f0c--", "--=_5f0c--\r\nmore"),
    ] {
        assert!(mail.contains(is), "{is} is not in\n{mail}");
        fs::write(&forged, mail.replacen(is, becomes, 1)).unwrap();
        assert_eq!(verify(&forged, record)["verified"], false, "{becomes}");
    }
}
