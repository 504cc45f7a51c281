//! What happened before, as far as a decision needs it. Read in one consistent view.

use std::collections::BTreeMap;

use super::{
    Channel, CustomerId, Instant, Outreach, Recipient, RuleId, SubjectId, SuppressionCause,
};

/// The state of the books that a history was read from: a run is recorded only if it is still the latest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryVersion(pub i64);

/// The stretch of runs through which one rule goes on matching one subject; open ones only.
#[derive(Clone, Debug, PartialEq)]
pub struct Episode {
    /// The run that first saw it.
    pub started_at: Instant,
    /// How many contacts of it count: those not withdrawn and not waiting.
    pub contacts: u32,
    /// When the last of them left or was to leave.
    pub last_contact_at: Option<Instant>,
    /// How many rounds of tasks it made.
    pub tasks: u32,
    /// When the last of them was made.
    pub last_task_at: Option<Instant>,
}

/// A contact or task that counts against caps and cooldowns.
#[derive(Clone, Debug, PartialEq)]
pub struct Charge {
    /// Whose idea it was.
    pub rule: RuleId,
    /// Whom it reached.
    pub customer: CustomerId,
    /// What it was about.
    pub subject: SubjectId,
    /// Which episode it belongs to.
    pub episode_started_at: Instant,
    /// The outreach: merged subjects share one, and it is charged once.
    pub outreach: super::OutreachKey,
    /// How it went.
    pub channel: Channel,
    /// Every normalised address of the recipient.
    pub recipients: Vec<Recipient>,
    /// When the message left or is to leave.
    pub at: Instant,
}

/// Somebody is not to be contacted about something.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppression {
    /// A customer, if it names one.
    pub customer: Option<CustomerId>,
    /// An address, if it names one.
    pub recipient: Option<Recipient>,
    /// The topic; `None` for all.
    pub topic: Option<String>,
    /// Why.
    pub cause: SuppressionCause,
    /// Since when.
    pub since: Instant,
}

/// An outreach that was decided by an earlier run and is not yet on its way (state `ready` or
/// `held`): it is on the table again, whether its rule is evaluated now or not. It is not among the
/// charges.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// What was decided.
    pub outreach: Outreach,
    /// Whether it is held.
    pub held: bool,
    /// Under which hash of its rule and the policy it is held or was approved.
    pub bound: Option<String>,
    /// The approval, where somebody gave it.
    pub approval: Option<String>,
}

impl From<Outreach> for Waiting {
    /// One that is `ready` and needed no approval.
    fn from(outreach: Outreach) -> Self {
        Self { outreach, held: false, bound: None, approval: None }
    }
}

/// How much a rule contacts, by the books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Messages in the last 24 hours that nobody approved, whatever became of them but for those
    /// that failed, expired or were withdrawn.
    pub day: u64,
    /// The median of the earlier stretches of 24 hours within 28 days that had any; known from
    /// three of them on.
    pub usual: Option<u64>,
    /// Since when each version of it has been evaluated.
    pub versions: BTreeMap<String, Instant>,
}

/// Everything of the past that one decision may look at.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Which state of the books this is.
    pub version: HistoryVersion,
    /// Open episodes of the rules that were evaluated.
    pub episodes: BTreeMap<(RuleId, CustomerId, SubjectId), Episode>,
    /// What counts against caps and cooldowns of the customers and recipients on the table.
    pub charges: Vec<Charge>,
    /// Suppressions of the customers and recipients on the table.
    pub suppressions: Vec<Suppression>,
    /// What is not yet on its way, ordered by key.
    pub waiting: Vec<Waiting>,
    /// How much each rule contacts; one that never did may be absent.
    pub volumes: BTreeMap<RuleId, Volume>,
}
