//! The customer, as far as reaching them goes.

use chrono_tz::Tz;

use super::{Fields, Value};

/// Who a match is about, seen through the spine's columns that have a meaning of their own.
#[derive(Clone, Copy, Debug)]
pub struct Customer<'a>(pub &'a Fields);

/// The address of one person on one channel, in the one form in which equal people are equal.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct Recipient(pub String);

impl Customer<'_> {
    /// The spine columns that have a meaning of their own.
    pub const SPINE: [&'static str; 11] = [
        "customer_id",
        "name",
        "email",
        "phone",
        "locale",
        "timezone",
        "preferred_channel",
        "owner",
        "account_id",
        "consents",
        "refusals",
    ];

    /// A spine column as a name; `None` where it is absent or blank.
    pub fn text(&self, column: &str) -> Option<String> {
        self.0.get(column).and_then(Value::as_name)
    }

    /// The customer's own time zone, where it is known and valid.
    pub fn timezone(&self) -> Option<Tz> {
        self.text("timezone")?.parse().ok()
    }

    /// The topics in a comma separated column (`consents`, `refusals`).
    pub fn topics(&self, column: &str) -> Vec<String> {
        let list = self.text(column).unwrap_or_default();
        list.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
    }

    /// The column that holds the address for a channel: `email` for e-mail, `phone` for SMS and
    /// calls, and for any other channel the column of the channel's own name.
    pub fn address_column(channel: &str) -> &str {
        match channel {
            "sms" | "phone" => "phone",
            other => other,
        }
    }

    /// The address on a channel, as the database has it.
    pub fn address(&self, channel: &str) -> Option<String> {
        self.text(Self::address_column(channel))
    }

    /// The normalised addresses by which this customer may turn out to be the same as another.
    pub fn recipients(&self) -> Vec<Recipient> {
        let email = self.text("email").and_then(|a| normalise_email(&a));
        let phone = self.text("phone").and_then(|a| normalise_phone(&a));
        email.into_iter().chain(phone).collect()
    }
}

/// An e-mail address in the form in which equal mailboxes are equal, or `None` if it is none.
///
/// The whole address is lower-cased. RFC 5321 lets the local part differ by case, but no large
/// provider does, and writing twice to one person is the worse mistake.
pub fn normalise_email(address: &str) -> Option<Recipient> {
    let address = address.trim();
    is_mailbox(address).then(|| Recipient(format!("mailto:{}", address.to_lowercase())))
}

/// A telephone number in the form in which equal lines are equal (RFC 3966), or `None` if it is none.
pub fn normalise_phone(number: &str) -> Option<Recipient> {
    let plus = if number.trim_start().starts_with('+') { "+" } else { "" };
    if !number.chars().all(|c| c.is_ascii_digit() || " +-./()".contains(c)) {
        return None;
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (5..=15).contains(&digits.len()).then(|| Recipient(format!("tel:{plus}{digits}")))
}

/// Whether `address` is one mailbox: one `@`, with something on both sides that a mail server
/// takes without quoting (RFC 5321 section 4.1.2, dot-string, and RFC 6531 for other scripts).
fn is_mailbox(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let atoms = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let local_is_fine = local.len() <= 64
        && local.split('.').all(|part| !part.is_empty() && part.chars().all(atoms));
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let domain_is_fine =
        domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label_is_fine);
    local_is_fine && domain_is_fine
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_mailbox_is_the_same_recipient() {
        assert_eq!(normalise_email(" Ana@Example.COM "), normalise_email("ana@example.com"));
        for wrong in [
            "",
            "ana",
            "ana@",
            "@example.com",
            "a b@example.com",
            "a\n@example.com",
            "ana@example",
            "ana@-x.com",
            "<ana@example.com>",
        ] {
            assert_eq!(normalise_email(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_same_line_is_the_same_recipient() {
        assert_eq!(normalise_phone("+49 (0221) 555-123"), normalise_phone("+490221555123"));
        for wrong in ["", "call me", "12", "+123456789012345678"] {
            assert_eq!(normalise_phone(wrong), None, "{wrong:?}");
        }
    }
}
