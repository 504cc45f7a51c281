//! What is on its way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Channel, CustomerId, Facts, Instant, OutreachKey, Recipient, RuleId, SubjectId, Template, Value,
};

/// Where an outreach stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutreachState {
    /// Waits for approval.
    Held,
    /// Waits for a worker, or for its time.
    Ready,
    /// A worker has taken it.
    Claimed,
    /// The server may have it from now on.
    Transmitting,
    /// It has left; for a task: the colleague has it.
    Sent,
    /// It failed for now and waits for the next try.
    Retry,
    /// It failed for good.
    Failed,
    /// The connection broke after the server may have taken it. Nobody tries again.
    Uncertain,
    /// It was not worth saying any more.
    Expired,
    /// It was taken back before it left.
    Withdrawn,
}

impl OutreachState {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Held,
        Self::Ready,
        Self::Claimed,
        Self::Transmitting,
        Self::Sent,
        Self::Retry,
        Self::Failed,
        Self::Uncertain,
        Self::Expired,
        Self::Withdrawn,
    ];

    /// Its name in the database and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Ready => "ready",
            Self::Claimed => "claimed",
            Self::Transmitting => "transmitting",
            Self::Sent => "sent",
            Self::Retry => "retry",
            Self::Failed => "failed",
            Self::Uncertain => "uncertain",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// One of the subjects that an outreach speaks of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutreachSubject {
    /// The dedupe key: rule, subject, start of the episode, which contact of the episode.
    pub dedupe_key: OutreachKey,
    /// Whom.
    pub customer: CustomerId,
    /// What.
    pub subject: SubjectId,
    /// When the episode started.
    pub episode_started_at: Instant,
    /// Which contact (or task) of the episode this is, from 1.
    pub ordinal: u32,
    /// What was known when it was decided; the words are rendered from it.
    pub facts: Facts,
    /// Extra values that `then` gave.
    pub values: BTreeMap<String, Value>,
}

/// A decided contact or task on its way: one row of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outreach {
    /// The dedupe key of the first subject.
    pub key: OutreachKey,
    /// Whose idea it was.
    pub rule: RuleId,
    /// The rule's topic; a rule that only makes tasks may have none.
    pub topic: Option<String>,
    /// The rule's priority when it was decided.
    pub priority: u8,
    /// How it goes.
    pub channel: Channel,
    /// With which words.
    pub template: Template,
    /// To which address, as the database has it; none for a task.
    pub address: Option<String>,
    /// Every normalised address of the recipient, for caps, cooldown and suppression.
    pub recipients: Vec<Recipient>,
    /// Whom the task is for.
    pub assign: Option<String>,
    /// Until when the task should be done.
    pub due_at: Option<Instant>,
    /// Not before this: `as_of`, or the first decent minute.
    pub not_before: Instant,
    /// Not after this.
    pub expires_at: Instant,
    /// The place of its ask in `then`.
    pub position: u32,
    /// Whether it is the last word on something that is over: what `resolved` asked for.
    #[serde(default)]
    pub last_word: bool,
    /// What it speaks of: the first, and the others that it lists in `also`.
    pub subjects: Vec<OutreachSubject>,
}
