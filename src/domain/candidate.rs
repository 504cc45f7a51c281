//! From a match to what its rule asks for.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CustomerId, Facts, RuleId, SubjectId, Value};

/// A way to reach somebody. `task` and `phone` are work for a colleague; `phone` also reaches the customer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Channel(pub String);

impl Channel {
    /// Work for a colleague that reaches no customer.
    pub const TASK: &'static str = "task";
    /// A call by a colleague: a contact, written down as a task.
    pub const PHONE: &'static str = "phone";
    /// E-mail.
    pub const EMAIL: &'static str = "email";

    /// Whether an outreach on this channel reaches the customer.
    pub fn is_contact(&self) -> bool {
        self.0 != Self::TASK
    }

    /// Whether an outreach on this channel is done by a colleague.
    pub fn is_task(&self) -> bool {
        self.0 == Self::TASK || self.0 == Self::PHONE
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of a template in the rule's folder, without locale and ending: `email` for `email.de.md`.
pub type Template = String;

/// A rule's `when` is true for a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The rule.
    pub rule: RuleId,
    /// Whom it is about.
    pub customer: CustomerId,
    /// What it is about: the customer's id, or the row's key.
    pub subject: SubjectId,
    /// What was known.
    pub facts: Facts,
}

/// Where one thing that `then` asks for is to go.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// A named channel and template: `email("email")`, `send("sms", "sms")`, `phone(…)`, `task(…)`.
    Send(Channel, Template),
    /// `contact()`: the channels for which the rule has a template, which bears the channel's name.
    Contact(Vec<Channel>),
}

/// One thing that `then` asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Where it is to go.
    pub ask: Ask,
    /// `assign`, for a task or a call.
    pub assign: Option<String>,
    /// `due`, for a task or a call: working time from `as_of`.
    pub due: Option<super::Span>,
    /// Extra values for the template.
    pub values: BTreeMap<String, Value>,
}

/// A match and one thing that its `then` asked for, not yet judged by policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The match.
    pub matched: std::sync::Arc<Match>,
    /// Its place in what `then` asked for, from 0.
    pub position: u32,
    /// What was asked.
    pub asked: Asked,
    /// The values that the topic's `mute_when` read, where it was true.
    pub muted: Option<BTreeMap<String, Value>>,
}
