//! Policy: who may be contacted, how often, when, about what. [`decide`] is the one pure decision
//! that every command shares. Nothing here reads a database, a clock or a rule's script.

mod bid;
mod calendar;
mod decide;
mod door;
mod gates;
mod hold;
mod last_word;
mod load;
mod recipient;
mod still;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono_tz::Tz;

pub use bid::{Kind, dedupe_key};
pub use calendar::{Calendar, QuietHours, WorkingHours, resolve};
pub use decide::decide;
pub use door::{first_decent, may_leave};
pub use load::{KEYS, load};
pub use still::{Muted, readdress, recipient, still_allowed};

use crate::document::Placed;
use crate::domain::{
    Candidate, Channel, Consent, CustomerId, Instant, OutreachKey, RuleId, Span, SubjectId,
};

/// What `policy.toml` says. What it leaves out does not apply; but `[hold]` always does.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The pack's zone and working hours.
    pub calendar: Calendar,
    /// The order in which `contact()` tries channels.
    pub channels: Vec<Channel>,
    /// The share of a rule's subjects beyond which errors quarantine it, 0 to 1.
    pub errors: f64,
    /// What customers are contacted about.
    pub topics: BTreeMap<String, Topic>,
    /// When nobody is disturbed.
    pub quiet: Option<QuietHours>,
    /// How often anybody is contacted.
    pub caps: Vec<Cap>,
    /// How much goes out without somebody's approval.
    pub hold: Hold,
}

/// One topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// What customers are told that it is, by language; in any other, under `""`.
    pub title: BTreeMap<String, String>,
    /// What consent it needs.
    pub consent: Consent,
    /// Which gates don't apply to it.
    pub ignore: BTreeSet<Lenience>,
    /// A condition under which it is not spoken of.
    pub mute_when: Option<Placed<String>>,
}

/// A gate that a topic may ignore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lenience {
    /// Quiet hours.
    QuietHours,
    /// Caps.
    Cap,
    /// One contact a customer and run.
    Outranked,
}

/// At most so many contacts in a rolling window.
#[derive(Clone, Debug, PartialEq)]
pub struct Cap {
    /// How many.
    pub contacts: u32,
    /// In how long.
    pub per: Span,
    /// On which channel; on all where left out.
    pub channel: Option<Channel>,
}

/// How many contacts in 24 hours go out without approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    /// Of one rule.
    pub rule: u64,
    /// Of all rules together.
    pub everything: u64,
    /// Of a rule that is new or changed.
    pub new_rule: u64,
    /// Of all customers, by one rule; 0 to 1.
    pub share: f64,
    /// Times what is usual for the rule.
    pub times_usual: u64,
    /// So many or fewer are never held, whatever the limits say; no key of `policy.toml`.
    pub never: u64,
}

/// What the rules found: all that a decision knows of the present.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// Everything that was asked for.
    pub candidates: Vec<Candidate>,
    /// What was asked for as the last word on what is over.
    pub last_words: Vec<Candidate>,
    /// Every rule that was evaluated.
    pub rules: BTreeMap<RuleId, Judged>,
    /// How many customers there are; without it, no rule has too large a share of them.
    pub customers: Option<u64>,
    /// Which version of it each rule of the pack is; one that is not here is not new.
    pub versions: BTreeMap<RuleId, Version>,
    /// Of whose candidates it is to be told what each gate looked at.
    pub watched: Option<CustomerId>,
    /// What is worth saying until another time than its rule's `EXPIRES` from now, by its dedupe key.
    pub expires: BTreeMap<OutreachKey, Instant>,
}

/// What a rule says and under which policy, as hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// Of its folder but for the examples.
    pub rule: String,
    /// Of that and of `policy.toml`: what an approval is bound to.
    pub bound: String,
}

/// How one rule fared over its subjects.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// For whom and what it is true.
    pub matched: BTreeSet<(CustomerId, SubjectId)>,
    /// For whom and what it could not be judged.
    pub failing: BTreeSet<(CustomerId, SubjectId)>,
    /// Whether it failed too often, or its signals did: nothing of it goes out, no episode ends.
    pub quarantined: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            calendar: Calendar { timezone: Tz::UTC, working: None },
            channels: vec![Channel(Channel::EMAIL.to_owned())],
            errors: 0.01,
            topics: BTreeMap::new(),
            quiet: None,
            caps: Vec::new(),
            hold: Hold::default(),
        }
    }
}

impl Default for Hold {
    fn default() -> Self {
        Self { rule: 500, everything: 1000, new_rule: 500, share: 0.1, times_usual: 3, never: 50 }
    }
}
