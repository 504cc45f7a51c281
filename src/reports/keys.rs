//! Which of our messages a report is about: the key in the address that it came back to
//! (`bounces+KEY@domain`, whatever stands for `bounces`), or in the Message-ID of the original that it encloses. A key is only a
//! claim; the books say whether there is such a message.

use mail_parser::Message;

use super::fields::Fields;
use crate::domain::OutreachKey;

/// The longest local part of an address (RFC 5321 section 4.5.3.1.1), with room for no more.
const LONGEST: usize = 64;

/// The headers in which a mail server says to whom it gave a message.
const GIVEN_TO: [&str; 7] = [
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "x-rcpt-to",
    "to",
];

/// The keys that a report names, the surest first: the address that the report itself came to,
/// then what it says of the original.
pub(super) fn named(
    report: &Message<'_>,
    fields: &[Fields],
    original: Option<&Fields>,
) -> Vec<OutreachKey> {
    let own: Vec<(String, &str)> =
        report.headers_raw().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
    let given_to = GIVEN_TO.iter().flat_map(|wanted| {
        own.iter()
            .filter(move |(name, _)| name == wanted)
            .flat_map(|(_, value)| in_return_paths(value))
    });
    let mail_from = fields.iter().filter_map(|block| block.get("original-mail-from"));
    let return_path = original.into_iter().filter_map(|original| original.get("return-path"));
    let from = mail_from.chain(return_path).flat_map(in_return_paths);
    let message_id = original.and_then(|original| original.get("message-id"));
    let mut keys: Vec<OutreachKey> = Vec::new();
    for key in given_to.chain(from).chain(message_id.and_then(in_message_id)) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// The keys in addresses like `bounces+KEY@example.com`, wherever they stand in a text.
fn in_return_paths(text: &str) -> Vec<OutreachKey> {
    let before_at = text.rmatch_indices('@').map(|(at, _)| &text[..at]).collect::<Vec<_>>();
    let key = |before: &&str| {
        let (_, key) = before.rsplit_once('+')?;
        as_key(key)
    };
    before_at.iter().rev().filter_map(key).collect()
}

/// The key in `<KEY@example.com>`.
fn in_message_id(text: &str) -> Option<OutreachKey> {
    let (key, _) = text.trim().trim_start_matches('<').split_once('@')?;
    as_key(key)
}

/// Keys are in lower case; on its way, an address may have lost that.
fn as_key(text: &str) -> Option<OutreachKey> {
    let plain = !text.is_empty()
        && text.len() <= LONGEST
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| OutreachKey::from(text.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_in_the_return_path_or_the_message_id() {
        let key = OutreachKey::from("0a1b2c");
        assert!(in_return_paths("<bounces+0a1b2c@club.example>").contains(&key));
        let several = in_return_paths("\"a+b\" <x@y.z>, Care <Back+0A1B2C@CLUB.example>, d+e@y.z");
        assert_eq!(several, [key.clone(), OutreachKey::from("e")]);
        assert_eq!(in_message_id(" <0a1b2c@club.example>"), Some(key));
        let long = format!("bounces+{}@club.example", "a".repeat(65));
        for none in ["", "bounces@club.example", "bounces+@club.example", "bounces+0a1b", &long] {
            assert_eq!(in_return_paths(none), [], "{none}");
        }
        for none in ["", "<>", "<@x>", "<a b@x>", "0a1b2c", "<ü@x>"] {
            assert_eq!(in_message_id(none), None, "{none}");
        }
    }
}
