//! What a mail server's refusal means: for this message, for this address, or for us. It is judged
//! by the numbers alone; the words beside them are for people.

use chrono::TimeDelta;

/// How far the conversation got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Greeting, EHLO, STARTTLS: nothing was said about any message.
    Hello,
    /// AUTH.
    Login,
    /// MAIL, and RSET before it.
    Sender,
    /// RCPT.
    Recipient,
    /// DATA and the message itself.
    Content,
}

/// What a refusal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Another time; `after` is how long to wait at least, where that is known.
    Later { after: Option<TimeDelta> },
    /// Never this message.
    Never,
    /// Never any message: there is nobody at this address.
    Nobody,
    /// No message of ours, until somebody puts something right.
    Us,
    /// Never this message, or none of ours: what becomes of others tells.
    Unclear,
}

/// How long a server that puts off strangers usually wants to be left alone: five minutes is what
/// common implementations ask for, and RFC 6647 §5 lets a server ask for no more than a day.
const GREYLISTED: TimeDelta = TimeDelta::minutes(5);
/// How long to wait where a daily quota is used up.
const CONGESTED: TimeDelta = TimeDelta::hours(1);

/// What the reply `code` (RFC 5321 §4.2) means, with the enhanced status code at the beginning of
/// `said`, if there is one (RFC 2034 §4, RFC 3463, the registry of RFC 5248).
///
/// | status | means | because |
/// |---|---|---|
/// | 4.7.x before the message | later, in five minutes | greylisting, RFC 6647 §2.1 |
/// | 4xx | later | RFC 5321 §4.2.1 |
/// | 5xx before MAIL, at AUTH, at MAIL | us | nothing was said yet that differs between messages |
/// | 5.6.7 at MAIL | this message | it needs SMTPUTF8, RFC 6531 §3.5 |
/// | 5.1.0–4, 5.1.6, 5.1.10, 556 | nobody there | RFC 3463 §3.2, RFC 7505 §4.2, RFC 7504 §3 |
/// | 5.1.7, 5.1.8 | us | "bad sender's address", RFC 3463 §3.2 |
/// | 5.4.5 | later | congestion, RFC 3463 §3.5; Gmail's daily quota |
/// | 530, 534, 535, 538 | us | RFC 4954 §6 |
/// | 5.7.0, 5.7.1 | unclear | "per-host or per-recipient filtering", RFC 3463 §3.8: Postfix says 554 5.7.1 for a relay denied, a blocked client and a recipient's own rule alike, Gmail 550 5.7.1 for a bad reputation and for a recipient's policy |
/// | 5.7.2, 5.7.15–18, 5.7.124, 5.7.129–136 | this message | lists and mailboxes that take mail from some people alone: RFC 3463 §3.8, RFC 6710, RFC 7293, Exchange |
/// | 5.7.x else | us | login, encryption, DKIM, SPF, a blocked host: RFC 4954, RFC 5248, RFC 7372, Exchange, Gmail |
/// | 554 alone; 5xx alone after DATA | unclear | "transaction failed", RFC 5321 §4.2.3 |
/// | 5xx else | this message | RFC 5321 §4.2.1 |
pub(super) fn meaning(phase: Phase, code: u16, said: &str) -> Meaning {
    let status = enhanced(code, said);
    if code < 500 {
        let before_message = matches!(phase, Phase::Sender | Phase::Recipient);
        let greylisted = before_message && matches!(status, Some((7, _)));
        return Meaning::Later { after: greylisted.then_some(GREYLISTED) };
    }
    match (phase, status) {
        (Phase::Sender, Some((6, 7))) => Meaning::Never,
        (_, Some((4, 5))) => Meaning::Later { after: Some(CONGESTED) },
        (Phase::Hello | Phase::Login | Phase::Sender, _) => Meaning::Us,
        (Phase::Recipient, Some((1, 0))) => Meaning::Nobody,
        (_, Some((1, 1..=4 | 6 | 10))) => Meaning::Nobody,
        (_, Some((1, 7 | 8))) => Meaning::Us,
        _ if code == 556 => Meaning::Nobody,
        _ if matches!(code, 530 | 534 | 535 | 538) => Meaning::Us,
        (_, Some((7, 0 | 1))) => Meaning::Unclear,
        (_, Some((7, 2 | 15..=18 | 124 | 129..=136))) => Meaning::Never,
        (_, Some((7, _))) => Meaning::Us,
        (Phase::Content, None) => Meaning::Unclear,
        (_, None) if code == 554 => Meaning::Unclear,
        _ => Meaning::Never,
    }
}

/// Subject and detail of the enhanced status code, whose class has to agree with the reply's.
fn enhanced(code: u16, said: &str) -> Option<(u16, u16)> {
    let mut parts = said.split_whitespace().next()?.split('.');
    let number = |part: &str| {
        let plain = (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = parts.next().is_none() && number(class)? == code / 100;
    Some((number(subject)?, number(detail)?)).filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Meaning = Meaning::Later { after: None };

    #[test]
    fn a_refusal_is_about_the_message_the_address_or_us() {
        use Meaning::{Never, Nobody, Unclear, Us};
        use Phase::{Content, Hello, Login, Recipient, Sender};
        let greylisted = Meaning::Later { after: Some(GREYLISTED) };
        for (phase, code, said, means) in [
            (Hello, 421, "4.3.2 closing", LATER),
            (Hello, 554, "no SMTP service here", Us),
            (Hello, 550, "5.7.1 go away", Us),
            (Login, 535, "5.7.8 bad credentials", Us),
            (Login, 454, "4.7.0 try again", LATER),
            (Sender, 530, "5.7.0 authentication required", Us),
            (Sender, 550, "not you", Us),
            (Sender, 553, "5.6.7 no SMTPUTF8", Never),
            (Sender, 451, "4.7.1 greylisted", greylisted),
            (Recipient, 450, "4.7.1 greylisted", greylisted),
            (Recipient, 450, "4.2.0 busy", LATER),
            (Recipient, 550, "5.1.1 unknown", Nobody),
            (Recipient, 550, "5.1.0 address rejected", Nobody),
            (Recipient, 550, "5.1.10 null MX", Nobody),
            (Recipient, 556, "domain takes no mail", Nobody),
            (Recipient, 550, "5.1.8 sender's domain", Us),
            (Recipient, 550, "mailbox unavailable", Never),
            (Recipient, 552, "5.2.2 full", Never),
            (Recipient, 550, "5.4.5 daily quota", Meaning::Later { after: Some(CONGESTED) }),
            (Recipient, 554, "5.7.1 relay access denied", Unclear),
            (Recipient, 554, "denied", Unclear),
            (Recipient, 550, "5.7.54 unable to relay", Us),
            (Recipient, 550, "5.7.133 not in the list", Never),
            (Recipient, 530, "must log in", Us),
            (Content, 550, "5.1.1 unknown", Nobody),
            (Content, 550, "5.1.0 which?", Never),
            (Content, 550, "5.7.1 looks like spam", Unclear),
            (Content, 550, "5.7.26 neither SPF nor DKIM", Us),
            (Content, 552, "5.3.4 too big", Never),
            (Content, 550, "no", Unclear),
            (Content, 451, "4.7.1 later", LATER),
        ] {
            assert_eq!(meaning(phase, code, said), means, "{phase:?} {code} {said}");
        }
    }

    #[test]
    fn a_status_that_contradicts_its_reply_is_none() {
        for none in ["", "5.1", "5.1.1.1", "4.1.1 x", "5.1.x", "5.1.1234", "x.1.1", "5..1"] {
            assert_eq!(enhanced(550, none), None, "{none}");
        }
        assert_eq!(enhanced(550, "5.12.345 x"), Some((12, 345)));
    }
}
