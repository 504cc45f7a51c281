//! What a rule says about itself, outside its conditions.

use super::{RuleId, SignalName, Span};

/// What a rule looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// Each customer.
    Customers,
    /// Each row of a keyed signal.
    Signal(SignalName),
}

/// A rule's metadata: the constants of its script that have a meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSettings {
    /// The folder's name.
    pub id: RuleId,
    /// The script's first doc comment: what the rule is for, in one sentence.
    pub summary: String,
    /// `ABOUT`.
    pub about: About,
    /// `TOPIC`; a rule that contacts somebody has one.
    pub topic: Option<String>,
    /// `PRIORITY`, 0 to 100.
    pub priority: u8,
    /// `SCHEDULE`, a crontab line; evaluated at every run where left out.
    pub schedule: Option<String>,
    /// `FOR`: it must have been true this long.
    pub holds_for: Option<Span>,
    /// `REPEAT`: remind after this time while it stays true.
    pub repeat: Option<Span>,
    /// `REMINDERS`: how often, if `REPEAT` is given.
    pub reminders: u32,
    /// `COOLDOWN`: no other episode contacts the same customer for this long.
    pub cooldown: Option<Span>,
    /// `EXPIRES`: not worth saying later than this.
    pub expires: Span,
}
