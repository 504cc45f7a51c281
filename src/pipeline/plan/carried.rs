//! A plan carried out: looked up in the company's data, decided again, and recorded once, whatever
//! comes in between. A plan is carried out once; the books say so.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value as Json, json};

use super::{Plan, Row, keep};
use crate::domain::{CustomerId, Instant, Refusal, RuleId, SubjectId};
use crate::pack::Pack;
use crate::pipeline::second_look::{again, what_changed};
use crate::pipeline::{Asking, Considered, EpisodeKey, Found, RunError, TRIES, record};
use crate::signals::View;
use crate::store::{Store, StoreError};

/// A plan, and what was read of that of it which no rule finds any more.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What `when` reads now of what it is no longer true of, as JSON; `{"gone": true}` where that is
    /// no longer there.
    pub read: BTreeMap<EpisodeKey, Json>,
}

/// What became of a plan.
#[derive(Debug)]
pub enum Carried {
    /// It was carried out and recorded now.
    Now(Box<Considered>),
    /// It was before, by the run as of that instant. Nothing was done.
    Before(Instant),
}

/// What became of the rows of a plan: each is counted once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Became {
    /// How many are done.
    pub done: u64,
    /// Until when each of those waits that are put off.
    pub put_off: Vec<Instant>,
    /// How many wait for approval.
    pub held: u64,
    /// Those that are not done, in the plan's order.
    pub left_out: Vec<LeftOut>,
}

/// A row of a plan that is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// The row.
    pub row: Row,
    /// Why not.
    pub because: Because,
}

/// Why a row of a plan is not done.
#[derive(Clone, Debug, PartialEq)]
pub enum Because {
    /// The rule is not true of it any more; what was read.
    NoLongerTrue(Json),
    /// What it was to be the last word on is true again.
    TrueAgain,
    /// The rule no longer asks for it.
    NotAsked,
    /// It waited in the outbox, and does no longer: it has left, or was taken back.
    NotWaiting,
    /// The rule could not be judged on it.
    NotJudged(String),
    /// The rule sits out the run.
    SitsOut,
    /// The policy refuses it now.
    Refused(Refusal),
    /// It is not what was planned any more.
    Changed(Changed),
}

/// In what something is no longer what was planned.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// It would go another way.
    Channel(String),
    /// It would go with other words.
    Template(String),
    /// It would go to another address.
    Address,
    /// Another colleague would have to do it.
    Assign,
    /// It was done meanwhile: now it would be a reminder.
    Contacted,
    /// It was over meanwhile and has begun again.
    BeganAgain,
    /// It was planned to be done by then.
    TooLate(Instant),
    /// The rule has more to say last than was planned, and all of it goes together.
    NotWhole,
}

impl Because {
    /// Its name in JSON: that of the reason, where the policy refuses.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoLongerTrue(_) => "no_longer_true",
            Self::TrueAgain => "true_again",
            Self::NotAsked => "not_asked",
            Self::NotWaiting => "not_waiting",
            Self::NotJudged(_) => "not_judged",
            Self::SitsOut => "sits_out",
            Self::Refused(refusal) => refusal.code(),
            Self::Changed(changed) => changed.code(),
        }
    }

    /// What it rests on, as JSON.
    pub fn evidence(&self) -> Json {
        match self {
            Self::NoLongerTrue(read) => read.clone(),
            Self::NotJudged(error) => json!({ "error": error }),
            Self::Refused(refusal) => {
                serde_json::to_value(refusal).map_or(json!({}), |told| told["evidence"].clone())
            }
            Self::Changed(Changed::Channel(now) | Changed::Template(now)) => json!({ "now": now }),
            Self::Changed(Changed::TooLate(at)) => json!({ "expires": at }),
            _ => json!({}),
        }
    }
}

impl Changed {
    /// Its name in JSON.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Channel(_) => "channel",
            Self::Template(_) => "template",
            Self::Address => "address",
            Self::Assign => "assign",
            Self::Contacted => "contacted",
            Self::BeganAgain => "began_again",
            Self::TooLate(_) => "too_late",
            Self::NotWhole => "not_whole",
        }
    }
}

/// Reads what is known now of everything in a plan that its rule, in good health, did not find.
///
/// Sends a constant number of statements.
///
/// # Errors
/// When the company's data can't be read.
pub async fn look_up(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    plan: Plan,
    found: &Found,
) -> Result<Planned, RunError> {
    let mut matched: BTreeMap<&RuleId, HashSet<(&CustomerId, &SubjectId)>> = BTreeMap::new();
    for (rule, fared) in found.rules.iter().filter(|(_, fared)| fared.quarantine.is_none()) {
        let pairs = fared.matches.iter().map(|m| (&m.customer, &m.subject));
        matched.insert(rule, pairs.collect());
    }
    let is_missing = |row: &&Row| {
        !row.last_word
            && matched
                .get(&row.rule)
                .is_some_and(|pairs| !pairs.contains(&(&row.customer_id, &row.subject)))
    };
    let missing: Vec<&Row> = plan.rows.iter().filter(is_missing).collect();
    let mut read = BTreeMap::new();
    if !missing.is_empty() {
        let asking = missing.iter().map(|row| (&row.rule, &row.customer_id, &row.subject));
        let asking: Vec<_> = asking.collect();
        let answers = again::ask(pack, view, as_of, &Default::default(), &asking).await?;
        for (rule, customer, subject) in asking {
            let said = match answers.of(rule, customer, subject) {
                None => json!({ "gone": true }),
                Some(fresh) => {
                    let told = pack.rules.get(rule);
                    let told = told.map(|rule| what_changed(rule, &fresh.facts, &fresh.facts));
                    let read = told.map_or(Json::Object(Map::new()), |told| told["read"].clone());
                    json!({ "read": read })
                }
            };
            read.insert((rule.clone(), customer.clone(), subject.clone()), said);
        }
    }
    Ok(Planned { plan, read })
}

/// Carries a plan out: decides every row of it again, records what is left of it, and nothing else.
/// Where the books have moved on meanwhile, it decides again on the new ones. `found` is what all
/// rules of the plan found. Of a plan with nothing in it, nothing is recorded.
///
/// # Errors
/// When the instant is not later than every recorded one, the books know less than those that the plan was
/// made on, or they can't be read or written.
pub async fn carry_out(
    pack: &Pack,
    found: &Found,
    planned: &Planned,
    store: &Store,
    as_of: Instant,
    started_at: Instant,
) -> Result<Carried, RunError> {
    let plan = &planned.plan;
    for _ in 0..=TRIES {
        let history = store.history(&Asking::new(pack, found, as_of).query()).await?;
        if plan.history.is_some_and(|then| history.version.0 < then) {
            return Err(StoreError::OtherBooks.into());
        }
        // After the history: whoever carries it out later moves the books on.
        if let Some(before) = store.carried_out(&plan.plan, plan.as_of).await? {
            return Ok(Carried::Before(before));
        }
        let considered = keep::decide(pack, found, planned, &history, as_of);
        let nothing = plan.rows.is_empty();
        if nothing || record(pack, found, store, (as_of, started_at), &considered).await? {
            return Ok(Carried::Now(Box::new(considered)));
        }
    }
    Err(StoreError::Moved.into())
}
