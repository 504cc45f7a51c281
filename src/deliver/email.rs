//! A parcel as an Internet message, down to its last byte. Nothing of a customer gets into a header
//! unencoded, no bare line feed gets out, and nothing is changed once it is signed.

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};
use lettre::{Address, address::Envelope};

use super::dkim::Signer;
use super::{DeliverError, Parcel};
use crate::config::ChannelConfig;
use crate::domain::normalise_email;

/// The longest display name, in characters.
const NAME_LENGTH: usize = 100;
/// The longest local part of an address (RFC 5321, section 4.5.3.1.1).
const LOCAL_PART: usize = 64;
/// How much of it an outreach's key takes, with the `+` before it.
const KEY_LENGTH: usize = 33;

/// Who the mail is from, who signs it, and where it goes if it comes back.
#[derive(Debug)]
pub(super) struct Sender {
    mailbox: Mailbox,
    bounces: Option<Address>,
    signer: Option<Signer>,
}

/// A message as it goes out.
#[derive(Debug)]
pub(super) struct Mail {
    envelope: Envelope,
    bytes: Vec<u8>,
}

impl Sender {
    pub(super) fn open(
        config: &ChannelConfig,
        fault: &dyn Fn(&'static str, String) -> DeliverError,
    ) -> Result<Self, DeliverError> {
        let mailbox = mailbox(config.from.as_deref()).map_err(|message| fault("from", message))?;
        let bounces = config.bounces.as_deref().map(return_path).transpose();
        let bounces = bounces.map_err(|message| fault("bounces", message))?;
        let signer = Signer::open(config, mailbox.email.domain(), fault)?;
        Ok(Self { mailbox, bounces, signer })
    }

    /// The domain behind the `@`.
    pub(super) fn domain(&self) -> &str {
        self.mailbox.email.domain()
    }

    /// The envelope's sender: what comes back to it names the outreach.
    fn return_path(&self, parcel: &Parcel) -> Result<Address, String> {
        let Some(bounces) = &self.bounces else { return Ok(self.mailbox.email.clone()) };
        let local = format!("{}+{}", bounces.user(), parcel.key);
        Address::new(local, bounces.domain())
            .map_err(|_| "the outreach's key is malformed".to_owned())
    }
}

impl Mail {
    /// From whom to whom the servers hand it on.
    pub(super) fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// Its bytes: ASCII, every line ended by CRLF, signed where a key is configured.
    pub(super) fn formatted(&self) -> Vec<u8> {
        self.bytes.clone()
    }
}

/// Refuses what only e-mail has on any other channel.
pub(super) fn not_for(
    config: &ChannelConfig,
    fault: &dyn Fn(&'static str, String) -> DeliverError,
) -> Result<(), DeliverError> {
    let keys = [
        ("bounces", &config.bounces),
        ("dkim_selector", &config.dkim_selector),
        ("dkim_domain", &config.dkim_domain),
        ("dkim_key", &config.dkim_key),
    ];
    match keys.into_iter().find(|(_, value)| value.is_some()) {
        Some((key, _)) => Err(fault(key, "only e-mail has it; remove the line".to_owned())),
        None => Ok(()),
    }
}

/// The parcel as a message, or why it can never be one.
pub(super) fn message(from: &Sender, parcel: &Parcel) -> Result<Mail, String> {
    const NO_ADDRESS: &str = "the address is not a valid e-mail address";
    let to = address(&parcel.to).ok_or(NO_ADDRESS)?;
    let envelope =
        Envelope::new(Some(from.return_path(parcel)?), vec![to.clone()]).map_err(|_| NO_ADDRESS)?;
    let name = parcel.to_name.as_deref().and_then(clean_name);
    let boundary = format!("=_{}", parcel.key.as_str().chars().take(60).collect::<String>());
    let mut builder = Message::builder()
        .from(from.mailbox.clone())
        .to(Mailbox::new(name, to))
        .subject(one_line(&parcel.subject))
        .date(parcel.date.into())
        .message_id(Some(format!("<{}@{}>", parcel.key, from.domain())))
        // RFC 3834: no machine answers it. Exchange listens to the second one only.
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()))
        .raw_header(header("X-Auto-Response-Suppress", "OOF, AutoReply".to_owned()));
    if let Some(reply_to) = parcel.reply_to.as_deref().and_then(address) {
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    if let Some(link) = &parcel.unsubscribe {
        let link = web_address(link).ok_or("the address for opting out is malformed")?;
        // RFC 2369 and RFC 8058.
        builder = builder
            .raw_header(header("List-Unsubscribe", format!("<{link}>")))
            .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
    }
    let message = builder
        .envelope(envelope.clone())
        .multipart(
            MultiPart::alternative()
                .boundary(boundary)
                .singlepart(part(ContentType::TEXT_PLAIN, &parcel.text)?)
                .singlepart(part(ContentType::TEXT_HTML, &parcel.html)?),
        )
        .map_err(|error| format!("the message can't be put together: {error}"))?;
    let mut bytes = message.formatted();
    if !is_clean(&bytes) {
        return Err("the message can't be encoded".to_owned());
    }
    if let Some(signer) = &from.signer {
        bytes.splice(0..0, signer.header(&bytes, parcel.date)?.into_bytes());
    }
    Ok(Mail { envelope, bytes })
}

/// A header whose value is ASCII already, and stays one word.
fn header(name: &'static str, value: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
}

/// Whether a server reads the same lines in it as we do.
fn is_clean(bytes: &[u8]) -> bool {
    let mut before = 0;
    bytes.iter().all(|byte| {
        let fits = byte.is_ascii() && (before == b'\r') == (*byte == b'\n');
        before = *byte;
        fits
    }) && bytes.ends_with(b"\r\n")
}

fn mailbox(from: Option<&str>) -> Result<Mailbox, String> {
    const CURE: &str = "write the sender as from = \"Care team <care@example.com>\"";
    let from = from.ok_or_else(|| format!("e-mail needs a sender; {CURE}"))?;
    let mailbox: Mailbox = from.parse().map_err(|_| format!("`{from}` is no sender; {CURE}"))?;
    let email = address(mailbox.email.as_ref())
        .ok_or_else(|| format!("`{from}` has no valid address; {CURE}"))?;
    Ok(Mailbox::new(mailbox.name.as_deref().and_then(clean_name), email))
}

fn return_path(bounces: &str) -> Result<Address, String> {
    let found = address(bounces).ok_or_else(|| {
        format!("`{bounces}` is no address; write bounces = \"bounces@example.com\"")
    })?;
    if found.user().len() + KEY_LENGTH > LOCAL_PART {
        let most = LOCAL_PART - KEY_LENGTH;
        return Err(format!(
            "`{bounces}` has no room for the key of a message, which comes before the @; \
             {most} characters before it are the most"
        ));
    }
    Ok(found)
}

/// An address of the web, in ASCII and without a space.
fn web_address(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let fits = ["https", "http"].contains(&url.scheme()) && !url.as_str().contains(['<', '>', ' ']);
    (fits && url.as_str().len() < 900).then(|| url.into())
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

    fn sender(change: impl Fn(&mut ChannelConfig)) -> Result<Sender, String> {
        let from = Some("Care team <care@example.com>".to_owned());
        let mut config = ChannelConfig { from, ..ChannelConfig::default() };
        change(&mut config);
        let fault = |key, message| DeliverError { channel: "email".to_owned(), key, message };
        Sender::open(&config, &fault).map_err(|error| format!("{}: {}", error.key, error.message))
    }

    fn format(parcel: &Parcel) -> String {
        let from = sender(|_| {}).unwrap();
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
            "X-Auto-Response-Suppress: OOF, AutoReply\r\n",
        ] {
            assert!(formatted.contains(line), "{line} is not in\n{formatted}");
        }
        assert!(!formatted.contains("Reply-To:") && !formatted.contains("List-Unsubscribe"));
    }

    #[test]
    fn an_answer_goes_to_the_owner_and_one_click_opts_out() {
        let link = format!("https://care.example.com/stop?t={}", "x".repeat(300));
        let formatted = format(&Parcel {
            reply_to: Some("Mary@Example.com".into()),
            unsubscribe: Some(link.clone()),
            ..parcel()
        });
        for line in [
            "Reply-To: Mary@example.com\r\n",
            &format!("List-Unsubscribe: <{link}>\r\n"),
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        ] {
            assert!(formatted.contains(line), "{line} is not in\n{formatted}");
        }
        for nobody in ["Mary", "", "mary@example.com\r\nBcc: x@example.com"] {
            let formatted = format(&Parcel { reply_to: Some(nobody.into()), ..parcel() });
            assert!(!formatted.contains("Reply-To") && !formatted.contains("Bcc"), "{formatted}");
        }
    }

    #[test]
    fn an_address_for_opting_out_adds_no_header() {
        let from = sender(|_| {}).unwrap();
        for wrong in ["care.example.com", "mailto:a@example.com", "javascript:x", ""] {
            let parcel = Parcel { unsubscribe: Some(wrong.into()), ..parcel() };
            let error = message(&from, &parcel).unwrap_err();
            assert_eq!(error, "the address for opting out is malformed", "{wrong:?}");
        }
        let evil = "https://a.example/x>\r\nBcc: x@example.com\r\n\r\n<y z";
        let formatted = format(&Parcel { unsubscribe: Some(evil.into()), ..parcel() });
        assert!(
            formatted.contains(
                "List-Unsubscribe: <https://a.example/x%3EBcc:%20x@example.com%3Cy%20z>\r\n"
            ),
            "{formatted}"
        );
    }

    #[test]
    fn what_comes_back_names_the_outreach() {
        let from = |bounces: &str| sender(|c| c.bounces = Some(bounces.to_owned()));
        let mail = message(&from("bounces@example.org").unwrap(), &parcel()).unwrap();
        let sender = mail.envelope().from().unwrap().to_string();
        assert_eq!(sender, "bounces+abc123@example.org");
        assert!(!String::from_utf8(mail.formatted()).unwrap().contains("bounces"));
        let long = format!("{}@example.org", "x".repeat(32));
        for (wrong, said) in [("", "is no address"), ("bounces", "is no address"), (&*long, "31")] {
            let error = from(wrong).unwrap_err();
            assert!(error.starts_with("bounces: ") && error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_mistake_in_what_signs_is_told_at_the_start() {
        let set = |selector: Option<&str>, domain: Option<&str>, key: Option<&str>| {
            let own = |text: Option<&str>| text.map(str::to_owned);
            sender(|c| {
                (c.dkim_selector, c.dkim_domain, c.dkim_key) =
                    (own(selector), own(domain), own(key))
            })
            .unwrap_err()
        };
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        for (error, starts, holds) in [
            (set(Some("s"), None, None), "dkim_key: ", "LOOKOUT_CHANNELS__EMAIL__DKIM_KEY_FILE"),
            (set(None, Some("example.com"), None), "dkim_key: ", "missing"),
            (set(None, None, Some(key)), "dkim_selector: ", "dkim_selector ="),
            (set(Some("a b"), None, Some(key)), "dkim_selector: ", "`a b`"),
            (set(Some("s"), Some("b;d=c"), Some(key)), "dkim_domain: ", "`b;d=c`"),
            (set(Some("s"), None, Some("s3cret")), "dkim_key: ", "openssl genrsa 2048"),
            (set(Some("s"), None, Some(key)), "dkim_key: ", "damaged"),
        ] {
            assert!(error.starts_with(starts) && error.contains(holds), "{error}");
            assert!(!error.contains("s3cret") && !error.contains("AAAA"), "{error}");
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
        let from = sender(|_| {}).unwrap();
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
