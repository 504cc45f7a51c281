//! For whom the words are. Nothing here decides whether they are sent.

use chrono_tz::Tz;

/// Who reads a message.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Their language, BCP 47; none where it is not known.
    pub locale: Option<&'a str>,
    /// Where the instants of the message are told.
    pub timezone: Tz,
    /// What a customer is told at the end; none for a colleague.
    pub ending: Option<Ending<'a>>,
}

/// What stands below a message to a customer.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    /// What the message is about.
    pub topic: &'a str,
    /// Whether it is short, as a text message is: no reason but the template's own, and no line that
    /// sets the end apart.
    pub in_short: bool,
    /// How the customer stops this topic.
    pub stop: &'a HowToStop,
}

/// How a customer stops a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HowToStop {
    /// On the page with this address.
    Link(String),
    /// By an answer to the message: there is no such page.
    Reply,
    /// Not at all: the topic is necessary.
    Never,
}

/// Somebody of whom nothing but the language is known, and to whom nothing is said at the end.
impl<'a> From<Option<&'a str>> for Reader<'a> {
    fn from(locale: Option<&'a str>) -> Self {
        Self { locale, timezone: Tz::UTC, ending: None }
    }
}
