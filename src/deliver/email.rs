//! A parcel as an Internet message. Nothing of a customer gets into a header unencoded, and no
//! bare line feed gets out.

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, address::Envelope};

use super::Parcel;
use crate::domain::normalise_email;

/// The longest display name, in characters.
const NAME_LENGTH: usize = 100;

/// Who the mail is from.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    mailbox: Mailbox,
}

impl Sender {
    pub(super) fn open(from: Option<&str>) -> Result<Self, String> {
        const CURE: &str = "write the sender as from = \"Care team <care@example.com>\"";
        let from = from.ok_or_else(|| format!("e-mail needs a sender; {CURE}"))?;
        let mailbox: Mailbox =
            from.parse().map_err(|_| format!("`{from}` is no sender; {CURE}"))?;
        let email = address(mailbox.email.as_ref())
            .ok_or_else(|| format!("`{from}` has no valid address; {CURE}"))?;
        Ok(Self { mailbox: Mailbox::new(mailbox.name.as_deref().and_then(clean_name), email) })
    }

    /// The domain behind the `@`.
    pub(super) fn domain(&self) -> &str {
        self.mailbox.email.domain()
    }
}

/// The parcel as a message, or why it can never be one.
pub(super) fn message(from: &Sender, parcel: &Parcel) -> Result<Message, String> {
    let to = address(&parcel.to).ok_or("the address is not a valid e-mail address")?;
    let envelope = Envelope::new(Some(from.mailbox.email.clone()), vec![to.clone()])
        .map_err(|_| "the address is not a valid e-mail address")?;
    let name = parcel.to_name.as_deref().and_then(clean_name);
    let boundary = format!("=_{}", parcel.key.as_str().chars().take(60).collect::<String>());
    Message::builder()
        .envelope(envelope)
        .from(from.mailbox.clone())
        .to(Mailbox::new(name, to))
        .subject(one_line(&parcel.subject))
        .date(parcel.date.into())
        .message_id(Some(format!("<{}@{}>", parcel.key, from.domain())))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ))
        .multipart(
            MultiPart::alternative()
                .boundary(boundary)
                .singlepart(part(ContentType::TEXT_PLAIN, &parcel.text)?)
                .singlepart(part(ContentType::TEXT_HTML, &parcel.html)?),
        )
        .map_err(|error| format!("the message can't be put together: {error}"))
}

fn part(kind: ContentType, text: &str) -> Result<SinglePart, String> {
    // Base64 is shorter where most of the text is in another script, and both are pure ASCII
    // with CRLF line ends.
    let foreign = text.bytes().filter(|byte| !byte.is_ascii()).count();
    let encoding = if foreign * 6 > text.len() {
        ContentTransferEncoding::Base64
    } else {
        ContentTransferEncoding::QuotedPrintable
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let body = Body::new_with_encoding(text, encoding)
        .map_err(|_| "the message can't be encoded".to_owned())?;
    Ok(SinglePart::builder().header(kind).body(body))
}

/// An address that a mail server takes without quoting, its domain in ASCII.
fn address(text: &str) -> Option<Address> {
    normalise_email(text)?;
    let (local, domain) = text.trim().rsplit_once('@')?;
    let url = reqwest::Url::parse(&format!("http://{domain}/")).ok()?;
    Address::new(local, url.host_str()?).ok()
}

/// A display name on one line: the builder panics on a line break, and a reader is misled by a
/// name that looks like another address.
fn clean_name(name: &str) -> Option<String> {
    let name: String = one_line(name).chars().take(NAME_LENGTH).collect();
    let name = name.trim();
    (!name.is_empty() && !name.contains('@')).then(|| name.to_owned())
}

/// Text without control characters, with single spaces.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel() -> Parcel {
        Parcel {
            key: "abc123".into(),
            channel: "email".into(),
            to: "ana@example.com".into(),
            to_name: Some("Ana".into()),
            subject: "Your order".into(),
            html: "<p>Hello</p>\n".into(),
            text: "Hello\n".into(),
            rule: "stalled".into(),
            customer_id: "RANCH".into(),
            reply_to: None,
            unsubscribe: None,
            date: crate::domain::parse_instant("1998-05-07T09:00:00Z").unwrap(),
        }
    }

    fn format(parcel: &Parcel) -> String {
        let from = Sender::open(Some("Care team <care@example.com>")).unwrap();
        String::from_utf8(message(&from, parcel).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_message_is_the_same_for_the_same_parcel() {
        let formatted = format(&parcel());
        assert_eq!(formatted, format(&parcel()));
        for line in [
            "From: \"Care team\" <care@example.com>\r\n",
            "To: Ana <ana@example.com>\r\n",
            "Message-ID: <abc123@example.com>\r\n",
            "Date: Thu, 07 May 1998 09:00:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
        ] {
            assert!(formatted.contains(line), "{line} is not in\n{formatted}");
        }
    }

    #[test]
    fn the_final_bytes_have_no_bare_line_feed_and_no_header_of_the_customer() {
        for evil in [
            "a\nb",
            "a\r\nBcc: x@example.com\r\n\r\n.\r\nMAIL FROM:<x>",
            "a\rb",
            "\n.\n",
            "สวัสดี\nครับ",
            "\u{0}\u{85}\u{2028}",
        ] {
            let formatted = format(&Parcel {
                to_name: Some(evil.into()),
                subject: evil.into(),
                html: evil.into(),
                text: evil.into(),
                ..parcel()
            });
            let rest = formatted.replace("\r\n", "");
            assert!(!rest.contains(['\r', '\n']) && formatted.is_ascii(), "{formatted:?}");
            let (headers, _) = formatted.split_once("\r\n\r\n").unwrap();
            assert!(!headers.lines().any(|line| line.starts_with("Bcc:")), "{formatted}");
            assert!(formatted.lines().all(|line| line.len() <= 998));
        }
    }

    #[test]
    fn only_a_plain_mailbox_is_an_address() {
        let from = Sender::open(Some("care@example.com")).unwrap();
        for wrong in [
            "",
            "ana",
            "a@example.com\r\nBcc: b@example.com",
            "a@example.com,b@example.com",
            "<a@example.com>",
        ] {
            let parcel = Parcel { to: wrong.into(), ..parcel() };
            let error = message(&from, &parcel).unwrap_err();
            assert_eq!(error, "the address is not a valid e-mail address", "{wrong:?}");
        }
        assert_eq!(
            address("ana@bücher.example").unwrap().as_ref() as &str,
            "ana@xn--bcher-kva.example"
        );
    }

    #[test]
    fn a_name_that_poses_as_an_address_is_left_out() {
        assert_eq!(clean_name("boss@bank.example"), None);
        assert_eq!(clean_name(" \r\n "), None);
        assert_eq!(clean_name("Ana\r\nTrujillo").as_deref(), Some("Ana Trujillo"));
    }
}
