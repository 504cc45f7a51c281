//! The way of one candidate through the gates: what each gate looked at, also where it let it pass.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Channel, Consent, CustomerId, Earlier, HoldLimit, Instant, Recipient, RuleId, Span, SubjectId,
    SuppressionCause, Value,
};

/// One candidate's way.
#[derive(Clone, Debug, PartialEq)]
pub struct Trail {
    /// The rule.
    pub rule: RuleId,
    /// Whom.
    pub customer_id: CustomerId,
    /// What.
    pub subject: SubjectId,
    /// How.
    pub channel: Channel,
    /// The place of its ask in `then`.
    pub position: u32,
    /// The gates that it has to pass, in their order.
    pub gates: Vec<Passage>,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Passage {
    /// Whether it lets the candidate pass. Those after the first that does not were not asked by the
    /// decision; this is what they would say.
    pub passes: bool,
    /// What it looked at.
    #[serde(flatten)]
    pub looked: Looked,
}

/// What a gate looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "gate", rename_all = "snake_case")]
pub enum Looked {
    /// The address on the channel.
    Address {
        /// The column that holds it.
        column: String,
        /// What stands there.
        address: Option<String>,
    },
    /// Consent in the company's own data.
    Consent {
        /// The topic, where the rule has one.
        topic: Option<String>,
        /// What it needs.
        consent: Option<Consent>,
        /// Whether it is among the `consents`.
        agreed: bool,
        /// Who refused it, where somebody did: the customer, or another behind the same address.
        refused_by: Option<CustomerId>,
    },
    /// What Lookout itself was told.
    Suppression {
        /// What applies, where something does.
        applies: Option<Suppressed>,
        /// How many there are that don't: of other topics, or without force here.
        others: u32,
    },
    /// The topic's `mute_when`.
    Mute {
        /// As policy has it, where there is one.
        condition: Option<String>,
        /// What it read, where it is true.
        read: BTreeMap<String, Value>,
    },
    /// The episode.
    Episode {
        /// The run that first saw it.
        since: Instant,
        /// `FOR`, and when it has passed.
        due: Option<Instant>,
        /// How often it was contacted (or made tasks of) before.
        times: u32,
        /// When last.
        last_at: Option<Instant>,
        /// When a reminder falls due, if one does.
        reminder: Option<Instant>,
        /// When another way of the same rule tells them in this very run.
        told_now: Option<Instant>,
        /// Whether it is the last word on something that is over.
        last_word: bool,
    },
    /// `COOLDOWN`.
    Cooldown {
        /// How long, where there is one.
        lasts: Option<Span>,
        /// When another episode of the rule was contacted last.
        contacted: Option<Instant>,
        /// Until when that lasts.
        until: Option<Instant>,
    },
    /// It goes with a message that was let through already, and needs no room of its own.
    Joins {
        /// What that message speaks of first.
        subject: SubjectId,
    },
    /// `[hold]`.
    Hold {
        /// The smallest of its limits.
        limit: HoldLimit,
        /// Contacts in 24 hours, those of this run among them.
        contacts: u64,
        /// How many go out without approval.
        allowed: u64,
        /// Whether somebody approved it.
        approved: bool,
    },
    /// One contact a recipient and run.
    Rank {
        /// Whether the topic ignores it.
        ignored: bool,
        /// The rule's own priority.
        priority: u8,
        /// What was let through before it.
        winner: Option<Rival>,
        /// All that is more important.
        ahead: Vec<Rival>,
        /// What it goes before.
        behind: Vec<Rival>,
    },
    /// Caps.
    Cap {
        /// Whether the topic ignores them.
        ignored: bool,
        /// Those that bind this channel.
        caps: Vec<CapLooked>,
    },
    /// Quiet hours, and until when it is worth saying.
    Quiet {
        /// Whether the topic ignores them, or there are none.
        ignored: bool,
        /// From which time of day to which.
        nightly: Option<(String, String)>,
        /// The weekdays that are quiet all day.
        days: Vec<String>,
        /// The zone they are counted in.
        zone: String,
        /// Whether that is the customer's own.
        own_zone: bool,
        /// The first decent minute.
        leaves_at: Instant,
        /// Not worth saying later.
        expires: Instant,
    },
}

/// The oldest suppression that applies, and for whom all that apply are entered.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suppressed {
    /// The topic; absent for all.
    pub topic: Option<String>,
    /// Why.
    pub cause: SuppressionCause,
    /// Since when.
    pub since: Instant,
    /// The customer whom all that apply name, where they are of one topic and cause.
    pub customer_id: Option<CustomerId>,
    /// The address that they all name, likewise.
    pub recipient: Option<Recipient>,
}

/// Something else that would go to the same recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rival {
    /// Its rule.
    pub rule: RuleId,
    /// That rule's priority.
    pub priority: u8,
    /// Whom it is about.
    pub customer_id: CustomerId,
    /// What it is about.
    pub subject: SubjectId,
}

/// One cap and what counts against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CapLooked {
    /// How many contacts.
    pub contacts: u32,
    /// In how long.
    pub per: Span,
    /// On which channel; absent for all.
    pub channel: Option<Channel>,
    /// The contacts that count, oldest first.
    pub earlier: Vec<Earlier>,
    /// When there is room again, where it is used up.
    pub free_at: Option<Instant>,
}

impl Looked {
    /// The gate's name in JSON and in the output.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Address { .. } => "address",
            Self::Consent { .. } => "consent",
            Self::Suppression { .. } => "suppression",
            Self::Mute { .. } => "mute",
            Self::Episode { .. } => "episode",
            Self::Cooldown { .. } => "cooldown",
            Self::Joins { .. } => "joins",
            Self::Hold { .. } => "hold",
            Self::Rank { .. } => "rank",
            Self::Cap { .. } => "cap",
            Self::Quiet { .. } => "quiet",
        }
    }
}
