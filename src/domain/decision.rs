//! What policy made of a candidate, and what a run reports.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize};

use super::{
    Channel, CustomerId, Instant, Outreach, OutreachKey, RuleId, Span, SubjectId, Value,
    format_instant,
};

/// What becomes of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A contact, now.
    Contact,
    /// A contact, at the first decent minute.
    Deferred,
    /// No contact, for the reason given.
    Refused,
    /// Waits for approval.
    Held,
    /// Work for a colleague.
    Task,
}

impl Outcome {
    /// Its name in JSON and in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Held => "held",
            Self::Task => "task",
        }
    }
}

/// The kind of consent that a topic needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consent {
    /// Necessary: refusals don't apply; a bounce or an erasure does.
    Always,
    /// Allowed until refused.
    OptOut,
    /// Allowed only once agreed to.
    OptIn,
}

/// Why a person is suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionCause {
    /// They said so, or somebody entered it for them.
    Refused,
    /// The address does not exist.
    Bounce,
    /// They asked to be forgotten.
    Erasure,
}

impl SuppressionCause {
    /// Its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Bounce => "bounce",
            Self::Erasure => "erasure",
        }
    }

    /// The cause of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Refused, Self::Bounce, Self::Erasure].into_iter().find(|cause| cause.name() == name)
    }

    /// Whether it binds even a topic whose consent is `always`.
    pub fn is_absolute(self) -> bool {
        !matches!(self, Self::Refused)
    }
}

/// An earlier contact, as evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Earlier {
    /// Whose idea it was.
    pub rule: RuleId,
    /// When it left or is to leave.
    pub at: Instant,
}

/// A limit of `[hold]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldLimit {
    /// Of one rule.
    Rule,
    /// Of a rule that is new or changed.
    NewRule,
    /// Of the base, by one rule.
    Share,
    /// Of what is usual for the rule.
    TimesUsual,
    /// Of all rules together.
    Everything,
}

impl HoldLimit {
    /// Its key in `[hold]`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::NewRule => "new_rule",
            Self::Share => "share",
            Self::TimesUsual => "times_usual",
            Self::Everything => "everything",
        }
    }
}

/// Why a candidate was refused, with the evidence. The code and its fields are stable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", content = "evidence", rename_all = "snake_case")]
pub enum Refusal {
    /// There is no valid address on that channel.
    NoAddress {
        /// The column that should hold it; of several that `contact()` may take, the first.
        column: String,
        /// Whether there is something in it that is no address.
        invalid: bool,
    },
    /// The topic is not agreed to, or is refused, in the company's own data.
    NoConsent {
        /// The topic.
        topic: String,
        /// What it needs.
        consent: Consent,
    },
    /// The customer or the address is suppressed.
    Suppressed {
        /// The topic that is suppressed; absent for all.
        topic: Option<String>,
        /// Why.
        cause: SuppressionCause,
        /// Since when.
        since: Instant,
    },
    /// The topic's `mute_when` is true.
    Muted {
        /// The topic.
        topic: String,
        /// The condition as policy has it.
        condition: String,
        /// What it read.
        read: BTreeMap<String, Value>,
    },
    /// `FOR` has not passed.
    Pending {
        /// Since when the rule has matched.
        since: Instant,
        /// When it falls due.
        until: Instant,
    },
    /// This episode was contacted, and no reminder is due.
    AlreadyContacted {
        /// When last.
        at: Instant,
        /// How often.
        times: u32,
        /// When a reminder falls due; absent where none will.
        reminder: Option<Instant>,
    },
    /// Another episode of the rule was contacted too recently.
    Cooldown {
        /// When.
        contacted: Instant,
        /// Until when it lasts.
        until: Instant,
    },
    /// Something more important goes to the same recipient.
    Outranked {
        /// The rule that won.
        by: RuleId,
        /// The customer whom it writes to, where it is another one behind the same address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer_id: Option<CustomerId>,
    },
    /// More contacts than `[hold]` lets out without somebody's approval.
    Held {
        /// Which of its limits; where several are passed, the smallest.
        limit: HoldLimit,
        /// Contacts of the rule (of all rules, for `everything`) in 24 hours, those of this run among
        /// them; what somebody approved is not.
        contacts: u64,
        /// How many go out without approval.
        allowed: u64,
    },
    /// A cap is used up.
    Cap {
        /// How many contacts.
        contacts: u32,
        /// In how long.
        per: Span,
        /// On which channel; absent for all.
        channel: Option<Channel>,
        /// The contacts that count, oldest first.
        earlier: Vec<Earlier>,
        /// When there is room again.
        free_at: Instant,
    },
    /// Its first decent minute is later than it is worth saying.
    Expired {
        /// Until when it is worth saying.
        expires: Instant,
        /// The first decent minute.
        first_decent: Instant,
    },
    /// The run carried out a plan, and this is not in it, or is no longer what was planned. No gate
    /// says so: the next run that carries out no plan decides on it.
    NotPlanned {
        /// In what it is no longer what was planned (`channel`, `template`, `address`, `assign`,
        /// `contacted`, `began_again`, `too_late`, `not_whole`); absent where it was not planned.
        changed: Option<String>,
    },
}

impl Refusal {
    /// The code of what is outside the plan that a run carried out.
    pub const NOT_PLANNED: &'static str = "not_planned";

    /// Every reason code of a gate, in the order of the gates.
    pub const CODES: [&'static str; 11] = [
        "no_address",
        "no_consent",
        "suppressed",
        "muted",
        "pending",
        "already_contacted",
        "cooldown",
        "held",
        "outranked",
        "cap",
        "expired",
    ];

    /// The stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAddress { .. } => "no_address",
            Self::NoConsent { .. } => "no_consent",
            Self::Suppressed { .. } => "suppressed",
            Self::Muted { .. } => "muted",
            Self::Pending { .. } => "pending",
            Self::AlreadyContacted { .. } => "already_contacted",
            Self::Cooldown { .. } => "cooldown",
            Self::Held { .. } => "held",
            Self::Outranked { .. } => "outranked",
            Self::Cap { .. } => "cap",
            Self::Expired { .. } => "expired",
            Self::NotPlanned { .. } => Self::NOT_PLANNED,
        }
    }
}

/// What policy made of one candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The rule.
    pub rule: RuleId,
    /// Whom.
    pub customer_id: CustomerId,
    /// What.
    pub subject: SubjectId,
    /// How.
    pub channel: Channel,
    /// What became of it.
    pub outcome: Outcome,
    /// Why not, where it was refused or is held.
    pub refusal: Option<Refusal>,
    /// The outreach it is part of.
    pub outreach: Option<OutreachKey>,
    /// When it may leave, where it was deferred.
    pub not_before: Option<Instant>,
    /// The place of its ask in `then`; breaks ties between two asks on one channel.
    pub position: u32,
}

// By hand: the contract has `reason` and `evidence` side by side, present even where there is none.
impl Serialize for Decision {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = match &self.refusal {
            Some(refusal) => serde_json::to_value(refusal).map_err(serde::ser::Error::custom)?,
            None => serde_json::json!({ "reason": null, "evidence": {} }),
        };
        let mut map = serializer.serialize_map(Some(9))?;
        map.serialize_entry("rule", &self.rule)?;
        map.serialize_entry("customer_id", &self.customer_id)?;
        map.serialize_entry("subject", &self.subject)?;
        map.serialize_entry("channel", &self.channel)?;
        map.serialize_entry("outcome", &self.outcome)?;
        map.serialize_entry("reason", &told["reason"])?;
        map.serialize_entry("evidence", &told["evidence"])?;
        map.serialize_entry("outreach", &self.outreach)?;
        map.serialize_entry("not_before", &self.not_before.as_ref().map(format_instant))?;
        map.end()
    }
}

/// What happens to one episode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EpisodeChange {
    /// A rule began to match a subject.
    Started(RuleId, CustomerId, SubjectId),
    /// It no longer matches.
    Ended(RuleId, CustomerId, SubjectId),
}

/// An outreach that is taken back, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal {
    /// Which.
    pub outreach: OutreachKey,
    /// `no_longer_true`, `merged` (it now stands under another key), `expired`, or the code of the
    /// reason for which its candidate was refused this time.
    pub because: String,
    /// What it was to tell about and may now be told another way; where its time is up, it is not
    /// among these and counts as told.
    pub freed: Vec<OutreachKey>,
}

/// What somebody approved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Approval {
    /// The hash of the rule's folder and of the policy under which it was held.
    pub bound: String,
    /// The hash of that and of all that was shown when somebody approved it.
    pub approval: String,
}

/// A message that waits for approval.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldBack {
    /// What would go out.
    pub outreach: Outreach,
    /// The hash of the rule's folder and of the policy under which it is held.
    pub bound: String,
    /// Whether it stands in the outbox just like this already.
    pub stands: bool,
}

/// Everything a run decided: what it prints, and what it writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decided {
    /// One a candidate, ordered by rule, customer, subject, channel.
    pub decisions: Vec<Decision>,
    /// What goes into the outbox (new, or waiting and decided afresh), ordered by key.
    pub outreaches: Vec<Outreach>,
    /// What waits for approval and is not to go out, ordered by key.
    pub held: Vec<HeldBack>,
    /// By which approval each of `outreaches` goes that somebody approved.
    pub approved: BTreeMap<OutreachKey, Approval>,
    /// How many messages of each rule were approved, and the approval no longer fits: the rule, its
    /// words or the policy were edited since.
    pub voided: BTreeMap<RuleId, u64>,
    /// What is taken back, ordered by key.
    pub withdrawals: Vec<Withdrawal>,
    /// Episodes that start or end, ordered.
    pub episodes: Vec<EpisodeChange>,
    /// Of those that end, what was read of their subjects, as JSON, where that is known.
    pub read: BTreeMap<(RuleId, CustomerId, SubjectId), serde_json::Value>,
    /// What each gate looked at, of the candidates of whoever is watched.
    pub trails: Vec<super::Trail>,
}

/// How one rule fared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleTally {
    /// The rule.
    pub rule: RuleId,
    /// For how many subjects it was true.
    pub matches: u64,
    /// For how many it could not be judged.
    pub errors: u64,
    /// Whether it had too many errors: nothing of it goes out, no episode of it ends.
    pub quarantined: bool,
}

/// Something that somebody has to look at before more goes out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// A stable name: `held`, `approval-void`, `emptied-signal`, `emptied-column`, `finds-nobody`, or
    /// the code of a signal's problem.
    pub code: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What helps.
    pub help: String,
    /// The rules of which nothing goes out because of it; for `approval-void`, the rule.
    pub rules: Vec<RuleId>,
}

impl Alarm {
    /// An alarm about some rules.
    pub fn new<'r>(
        code: &str,
        message: String,
        help: String,
        rules: impl IntoIterator<Item = &'r RuleId>,
    ) -> Self {
        let rules = rules.into_iter().cloned().collect();
        Self { code: code.to_owned(), message, help, rules }
    }
}

/// The sums of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Customers looked at.
    pub customers: u64,
    /// Matches of all rules.
    pub matches: u64,
    /// Candidates; every one has a decision.
    pub candidates: u64,
    /// Outreaches that the decisions name.
    pub outreaches: u64,
    /// Candidates to be contacted now.
    pub contact: u64,
    /// Candidates to be contacted at the first decent minute.
    pub deferred: u64,
    /// Candidates refused.
    pub refused: u64,
    /// Candidates that wait for approval.
    pub held: u64,
    /// Tasks.
    pub task: u64,
    /// Rows of keyed signals without a customer.
    pub orphans: u64,
}

/// A run's result as JSON: a contract (see `docs/json.md`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// 1.
    pub schema_version: u32,
    /// The run's instant.
    pub as_of: String,
    /// The hash of the pack.
    pub pack: String,
    /// The plan that it carried out; absent for a run of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// One a candidate.
    pub decisions: Vec<Decision>,
    /// The sums.
    pub totals: Totals,
    /// One a rule that was evaluated, ordered by rule.
    pub rules: Vec<RuleTally>,
    /// What somebody has to look at.
    pub alarms: Vec<Alarm>,
}
