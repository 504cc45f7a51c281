//! A plan: what a run would do, written down, and what it was decided on. It names people by their
//! ids; whatever else is needed is read again when it is carried out. Nothing is decided here.
//!
//! **Carrying it out** ([`carry_out`]) is a run that does what is planned and nothing else. Every
//! candidate is decided again, on the whole table, so that what is no longer true or no longer
//! allowed is refused for the reason that any run would have. Then the same decision is made once
//! more with only those on the table that are planned and as they were planned, and that is
//! recorded: caps, rank and `[hold]` count what really goes out. All others have a decision, too:
//! their own reason, or `not_planned`.
//!
//! **What it means for the books.** Such a run leaves things undone, so it is no evaluation that
//! anybody may rely on: a rule stays as due as it was, and as new. What was seen is recorded:
//! episodes begin for all matches, and the next run contacts those whom the plan did not name.
//! Episodes end for all that is over, but where a last word is owed that the plan did not bring:
//! such an episode stays open, and the next run says it. What waits in the outbox is on the table as
//! at every run, whether the plan names it or not.

mod carried;
mod keep;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::{Considered, Found};
use crate::domain::{
    Channel, CustomerId, Decision, Instant, Outcome, Outreach, OutreachKey, OutreachSubject,
    RuleId, SubjectId, Template, Totals,
};
use crate::pack::Pack;
use crate::policy;

pub use carried::{Became, Because, Carried, Changed, LeftOut, Planned, carry_out, look_up};

/// What a run would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// 1.
    pub schema_version: u32,
    /// The hash of all the rest: the plan's name.
    pub plan: String,
    /// The instant that it was decided as of.
    pub as_of: Instant,
    /// The hash of the pack.
    pub pack: String,
    /// The hash of `policy.toml`, which is part of it.
    pub policy: String,
    /// The hash of each of its files.
    pub files: BTreeMap<String, String>,
    /// What was read.
    pub data: Data,
    /// The state of the books that it was decided on; none where there were none yet.
    pub history: Option<i64>,
    /// The rules that were evaluated.
    pub rules: Vec<RuleId>,
    /// The sums of the run that it is a plan of.
    pub totals: Totals,
    /// What goes out: a row a subject, ordered by rule, customer, subject.
    pub rows: Vec<Row>,
    /// Whose words can't be written, for those who read the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unwritable: Vec<Json>,
    /// In what it differs from another version of the pack, for those who read the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Json>,
}

/// What a plan was read from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// The source in words, without a password.
    pub source: String,
    /// The hash of what was known of every match of every rule. Customers whom no rule is true of
    /// are not in it.
    pub hash: String,
}

/// One contact or task that is planned, about one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Whose idea it is.
    pub rule: RuleId,
    /// Whom it is about.
    pub customer_id: CustomerId,
    /// What it is about.
    pub subject: SubjectId,
    /// How it goes.
    pub channel: Channel,
    /// With which words.
    pub template: Template,
    /// The place of its ask in `then`.
    pub position: u32,
    /// Whether it is the last word on what is over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last_word: bool,
    /// `contact`, `deferred`, `held` or `task`.
    pub outcome: Outcome,
    /// The message that it is part of.
    pub outreach: OutreachKey,
    /// Its own dedupe key.
    pub dedupe_key: OutreachKey,
    /// When its episode began; none where it begins with this run.
    pub episode: Option<Instant>,
    /// Which contact, or task, of the episode it is.
    pub ordinal: u32,
    /// Not before this.
    pub not_before: Instant,
    /// Not worth doing later than this.
    pub expires_at: Instant,
    /// A mark of the address, by which it is known again and not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The same of whom the task is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assign: Option<String>,
}

/// Why a file is no plan that can be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is something else.
    #[error("is no plan: {0}; `lookout plan --out FILE` writes one")]
    Unreadable(serde_json::Error),
    /// It is no JSON at all.
    #[error("is no plan: a plan is JSON, and this is not; `lookout plan --out FILE` writes one")]
    NotJson,
    /// Another version wrote it.
    #[error("is a plan of version {0}, and this Lookout knows version 1; make it again")]
    Version(u32),
    /// Somebody changed it.
    #[error("was edited after it was made, so it is not what was planned; make it again")]
    Edited,
}

impl Plan {
    /// What `considered` would do. `source` is the data's source in words, `history` the state of
    /// the books where there are any.
    pub fn of(
        pack: &Pack,
        found: &Found,
        considered: &Considered,
        as_of: Instant,
        source: String,
        history: Option<i64>,
    ) -> Self {
        let files = pack.files.clone();
        let mut plan = Self {
            schema_version: 1,
            plan: String::new(),
            as_of,
            pack: pack.hash.clone(),
            policy: files.get("policy.toml").cloned().unwrap_or_default(),
            files,
            data: Data { source, hash: hash_of(found) },
            history,
            rules: considered.rules.keys().cloned().collect(),
            totals: considered.report.totals.clone(),
            rows: rows(considered, as_of),
            unwritable: Vec::new(),
            comparison: None,
        };
        plan.plan = plan.name();
        plan
    }

    /// Reads a plan as it was written.
    ///
    /// # Errors
    /// When it is no plan, or no longer the one that was made.
    pub fn read(text: &str) -> Result<Self, PlanError> {
        let plan: Self = serde_json::from_str(text).map_err(|error| match error.is_data() {
            true => PlanError::Unreadable(error),
            false => PlanError::NotJson,
        })?;
        if plan.schema_version != 1 {
            return Err(PlanError::Version(plan.schema_version));
        }
        if plan.plan != plan.name() {
            return Err(PlanError::Edited);
        }
        Ok(plan)
    }

    /// Whether it is a plan of that pack, just as it is now.
    pub fn is_of(&self, pack: &Pack) -> bool {
        self.pack == pack.hash && self.files == pack.files
    }

    /// The files of the pack that are no longer what they were: changed, new, or gone.
    pub fn changed(&self, pack: &Pack) -> Vec<String> {
        let now = &pack.files;
        let old = self.files.iter().filter(|(name, hash)| now.get(*name) != Some(hash));
        let new = now.iter().filter(|(name, _)| !self.files.contains_key(*name));
        let mut changed: Vec<String> = old.chain(new).map(|(name, _)| name.clone()).collect();
        changed.sort();
        changed
    }

    /// Whether the data are what they were: the source, and all that is known of every match.
    pub fn is_on(&self, source: &str, found: &Found) -> bool {
        self.data.source == source && self.data.hash == hash_of(found)
    }

    /// With what it differs in from another version, as JSON.
    pub fn with_comparison(self, comparison: Json) -> Self {
        let mut plan = Self { comparison: Some(comparison), ..self };
        plan.plan = plan.name();
        plan
    }

    /// With those whose words can't be written, as JSON.
    pub fn with_unwritable(self, unwritable: Vec<Json>) -> Self {
        let mut plan = Self { unwritable, ..self };
        plan.plan = plan.name();
        plan
    }

    fn name(&self) -> String {
        let bare = Self { plan: String::new(), ..self.clone() };
        hash([serde_json::to_vec(&bare).unwrap_or_default().as_slice()], 8)
    }
}

impl Row {
    /// Which candidate it is: of a rule and a subject, the place in what `then` or `resolved` asked.
    fn place(&self) -> Place {
        let Self { rule, customer_id, subject, position, last_word, .. } = self.clone();
        (rule, customer_id, subject, position, last_word)
    }
}

/// A rule, a customer and a subject, the place of an ask, and whether `resolved` asked.
type Place = (RuleId, CustomerId, SubjectId, u32, bool);

fn rows(considered: &Considered, as_of: Instant) -> Vec<Row> {
    let decided = &considered.decided;
    let outreaches = decided.outreaches.iter().chain(decided.held.iter().map(|h| &h.outreach));
    let outreaches: BTreeMap<_, _> = outreaches.map(|outreach| (&outreach.key, outreach)).collect();
    let row = |decision: &Decision| {
        let outreach = *outreaches.get(decision.outreach.as_ref()?)?;
        let subject = subject_of(outreach, decision)?;
        Some(row(decision, outreach, subject, as_of))
    };
    decided.decisions.iter().filter_map(row).collect()
}

/// What an outreach says of the subject that a decision is about.
fn subject_of<'a>(outreach: &'a Outreach, decision: &Decision) -> Option<&'a OutreachSubject> {
    let about = (&decision.customer_id, &decision.subject);
    outreach.subjects.iter().find(|subject| (&subject.customer, &subject.subject) == about)
}

fn row(decision: &Decision, outreach: &Outreach, subject: &OutreachSubject, as_of: Instant) -> Row {
    Row {
        rule: decision.rule.clone(),
        customer_id: decision.customer_id.clone(),
        subject: decision.subject.clone(),
        channel: outreach.channel.clone(),
        template: outreach.template.clone(),
        position: decision.position,
        last_word: outreach.last_word,
        outcome: decision.outcome,
        outreach: outreach.key.clone(),
        dedupe_key: subject.dedupe_key.clone(),
        episode: Some(subject.episode_started_at).filter(|started_at| *started_at != as_of),
        ordinal: subject.ordinal,
        not_before: outreach.not_before,
        expires_at: outreach.expires_at,
        address: address_mark(outreach, subject),
        assign: outreach.assign.as_ref().map(|whom| mark(subject, whom)),
    }
}

/// A mark of the address that a customer is written to at; none where nobody is.
fn address_mark(outreach: &Outreach, subject: &OutreachSubject) -> Option<String> {
    let contact = outreach.channel.is_contact();
    let recipient = contact.then(|| policy::recipient(&outreach.channel, &subject.facts)).flatten();
    recipient.map(|recipient| mark(subject, &recipient.0))
}

/// Four digits: enough to see that something is another one. Of ten million telephone numbers, more than
/// a hundred have the same, so none can be found out by trying them all.
fn mark(subject: &OutreachSubject, text: &str) -> String {
    hash([subject.customer.as_str().as_bytes(), text.as_bytes()], 2)
}

/// The hash of what was known of every match.
fn hash_of(found: &Found) -> String {
    let mut parts = Vec::new();
    for (rule, fared) in &found.rules {
        let mut matches: Vec<_> = fared.matches.iter().collect();
        matches.sort_by_key(|m| (&m.customer, &m.subject));
        for m in matches {
            let known = (rule, &m.customer, &m.subject, &m.facts);
            parts.push(serde_json::to_vec(&known).unwrap_or_default());
        }
    }
    hash(parts.iter().map(Vec::as_slice), 8)
}

/// The first bytes of a hash over parts, as hexadecimal digits.
fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>, bytes: usize) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length first, so that no two lists of parts read the same.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
}
