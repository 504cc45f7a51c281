//! From the bytes of a message to what it reports. Nothing here knows the books.

use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders};

use super::fields::Fields;
use super::{Reading, Report, keys};
use crate::deliver::redact;
use crate::domain::{Recipient, normalise_email};
use crate::store::Fate;

/// Reads a message, whatever it is.
pub fn read(message: &[u8]) -> Reading {
    let Some(message) = MessageParser::default().parse(message) else { return Reading::Unknown };
    let report = status(&message).or_else(|| complaint(&message));
    match report {
        Some(report) if !report.keys.is_empty() && !report.fates.is_empty() => {
            Reading::Report(report)
        }
        Some(_) => Reading::Unknown,
        None if is_automatic(&message) => Reading::Automatic,
        None => Reading::Unknown,
    }
}

/// Whether a program wrote it (RFC 3834); reports say so, too.
fn is_automatic(message: &Message<'_>) -> bool {
    let said = message.header_raw("Auto-Submitted").unwrap_or_default().trim().to_ascii_lowercase();
    !said.is_empty() && !said.starts_with("no")
}

/// A delivery status notification: one block about the report, then one a recipient.
fn status(message: &Message<'_>) -> Option<Report> {
    let (_, blocks) = own_part(message, &["delivery-status", "global-delivery-status"])?;
    let fates = blocks.iter().filter_map(|block| Some((addresses(block), fate(block)?)));
    let original = original(message);
    Some(Report { fates: fates.collect(), keys: keys::named(message, &blocks, original.as_ref()) })
}

/// A complaint: an abuse report that a mailbox provider passes on for its user.
fn complaint(message: &Message<'_>) -> Option<Report> {
    let (_, blocks) = own_part(message, &["feedback-report"])?;
    let kind = blocks.iter().find_map(|block| block.get("feedback-type")).unwrap_or_default();
    // `not-spam` and `auth-failure` are no complaints.
    let complains =
        ["abuse", "fraud", "opt-out", "opt-out-list", "miscategorized", "virus", "other"];
    let complains = complains.iter().any(|known| kind.eq_ignore_ascii_case(known));
    let named = blocks.iter().flat_map(|block| block.all("original-rcpt-to"));
    let fate = complains.then(|| (named.filter_map(mailbox).collect(), Fate::Complaint));
    let original = original(message);
    Some(Report {
        fates: fate.into_iter().collect(),
        keys: keys::named(message, &blocks, original.as_ref()),
    })
}

/// The part of a report that is for programs, and its blocks.
fn own_part<'m>(
    message: &'m Message<'_>,
    kinds: &[&str],
) -> Option<(&'m MessagePart<'m>, Vec<Fields>)> {
    let is_own =
        |part: &&MessagePart<'_>| kinds.iter().any(|kind| part.is_content_type("message", kind));
    let part = message.parts.iter().find(is_own)?;
    Some((part, Fields::blocks(&String::from_utf8_lossy(part.contents()))))
}

/// The headers of the message that a report encloses, whole or in part.
fn original(message: &Message<'_>) -> Option<Fields> {
    let is_original = |part: &&MessagePart<'_>| {
        ["rfc822", "global", "rfc822-headers", "global-headers"]
            .iter()
            .any(|kind| part.is_content_type("message", kind) || part.is_content_type("text", kind))
    };
    let part = message.parts.iter().find(is_original)?;
    Fields::blocks(&String::from_utf8_lossy(part.contents())).into_iter().next()
}

/// What a block says became of the message to one recipient; `None` where it says nothing of it.
fn fate(block: &Fields) -> Option<Fate> {
    let action = block.get("action")?.split_whitespace().next()?.to_ascii_lowercase();
    let status = block.get("status").unwrap_or_default();
    let said = block.typed("diagnostic-code").unwrap_or_default();
    let told = || {
        let said = if said.is_empty() { status } else { said };
        format!("a delivery report says: {}", redact(said))
    };
    match action.as_str() {
        "failed" => Some(Fate::Failed { dead: is_dead(status, said), error: told() }),
        "delayed" => Some(Fate::Delayed { error: told() }),
        "delivered" | "relayed" | "expanded" => {
            let server = block.typed("remote-mta").map(redact);
            let by = server.map_or(String::new(), |server| format!(" by {server}"));
            Some(Fate::Delivered { detail: format!("a delivery report says: {action}{by}") })
        }
        _ => None,
    }
}

/// Whether there is nobody at the address (RFC 3463 section 3.2): a class of 5, a subject of 1,
/// unless it is the sender's address that is wrong (7, 8), the next server (9), or nothing (5). A
/// status that says only that it failed (5.0.0) leaves it to what the next server said.
fn is_dead(status: &str, said: &str) -> bool {
    let code = match code(status) {
        Some([5, 0, 0]) | None => {
            said.split(|c: char| c.is_whitespace() || c == '#').find_map(code)
        }
        known => known,
    };
    matches!(code, Some([5, 1, detail]) if !(5..=9).contains(&detail) || detail == 6)
}

/// An enhanced status code (RFC 3463) at the start of a text.
fn code(text: &str) -> Option<[u16; 3]> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let mut parts = text[..end].split('.');
    let mut part = || parts.next()?.parse().ok();
    let code = [part()?, part()?, part()?];
    (parts.next().is_none() && [2, 4, 5].contains(&code[0])).then_some(code)
}

/// The addresses that a block is about: the one that we wrote to, and where that went on to.
fn addresses(block: &Fields) -> Vec<Recipient> {
    let named = ["original-recipient", "final-recipient"];
    named.iter().filter_map(|name| block.typed(name)).filter_map(mailbox).collect()
}

fn mailbox(text: &str) -> Option<Recipient> {
    normalise_email(text.trim().trim_start_matches('<').trim_end_matches('>'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_is_not_there_is_dead() {
        for dead in ["5.1.1", "5.1.0", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10 (null MX)"] {
            assert!(is_dead(dead, ""), "{dead}");
        }
        for alive in
            ["5.1.5", "5.1.7", "5.1.8", "5.1.9", "5.2.1", "5.2.2", "5.7.1", "4.1.1", "", "5"]
        {
            assert!(!is_dead(alive, ""), "{alive}");
        }
        assert!(is_dead("5.0.0", "550 5.1.1 no such user") && is_dead("", "550 #5.1.1 nobody"));
        assert!(!is_dead("5.0.0", "550 no such user") && !is_dead("5.2.2", "550 5.1.1 full"));
        assert!(!is_dead("5.0.0", "192.5.1.1 said 5.7.1 no"));
    }

    #[test]
    fn what_is_no_report_is_none() {
        assert_eq!(read(b""), Reading::Unknown);
        assert_eq!(read(b"Subject: Hello\r\n\r\nI am fine.\r\n"), Reading::Unknown);
        let no = b"Auto-Submitted: no\r\nSubject: Hello\r\n\r\nI am fine.\r\n";
        assert_eq!(read(no), Reading::Unknown);
        let away = b"auto-submitted: auto-replied (vacation)\r\nSubject: Away\r\n\r\nNot here.\r\n";
        assert_eq!(read(away), Reading::Automatic);
    }
}
