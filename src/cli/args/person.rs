//! Somebody, as the command line and lists name them: by id, e-mail address or telephone number. Whether
//! there is such a person is not asked here.

use std::str::FromStr;

use crate::domain::{CustomerId, Recipient, normalise_email, normalise_phone};

/// Somebody, as named on the command line or in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Person {
    /// By the company's own id.
    Customer(CustomerId),
    /// By an address, whoever has it.
    Address(Recipient),
}

impl Person {
    /// The customer or the address that they were named by.
    pub fn parts(&self) -> (Option<&CustomerId>, Option<&Recipient>) {
        match self {
            Self::Customer(customer) => (Some(customer), None),
            Self::Address(recipient) => (None, Some(recipient)),
        }
    }
}

impl FromStr for Person {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let address = match text {
            "" => return Err("a customer's id or an address is missing".to_owned()),
            _ if text.contains('@') => normalise_email(text),
            _ if looks_like_a_number(text) => normalise_phone(text),
            id => return Ok(Self::Customer(CustomerId::from(id))),
        };
        address.map(Self::Address).ok_or_else(|| {
            "that is no address; write ana@example.com, +49 221 55512, or a customer's id"
                .to_owned()
        })
    }
}

/// Whether a text can only be a telephone number: digits are an id, until something between them
/// says otherwise.
fn looks_like_a_number(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let marks = text.chars().any(|c| "+ ()/.".contains(c));
    let only = text.chars().all(|c| c.is_ascii_digit() || "+ -()/.".contains(c));
    let area_code = text.starts_with('0') && text.contains('-');
    text.starts_with('+') || (only && digits >= 5 && (marks || area_code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_told_from_a_customer() {
        let person = |text: &str| text.parse::<Person>();
        assert_eq!(person("ALFKI"), Ok(Person::Customer(CustomerId::from("ALFKI"))));
        assert_eq!(person("10248"), Ok(Person::Customer(CustomerId::from("10248"))));
        let mail = Recipient("mailto:ana@example.com".to_owned());
        assert_eq!(person("Ana@Example.com"), Ok(Person::Address(mail)));
        let phone = Recipient("tel:+4922155512".to_owned());
        assert_eq!(person("+49 221 555-12"), Ok(Person::Address(phone)));
        let local = Recipient("tel:0890877310".to_owned());
        assert_eq!(person("089-0877310"), Ok(Person::Address(local)));
        assert_eq!(person("2024-00017"), Ok(Person::Customer(CustomerId::from("2024-00017"))));
        assert!(person("ana@").is_err());
        assert!(person("  ").is_err());
    }
}
