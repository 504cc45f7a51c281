//! The flow: pull → judge → decide → record. [`consider`] goes as far as the decision and writes
//! nothing; [`commit`] is the same and records it. Nothing else differs.

pub mod case;
mod alarms;
mod ask;
pub mod difference;
mod explain;
mod health;
mod judge;
mod look_back;
mod names;
pub mod plan;
mod second_look;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::{
    Alarm, CustomerId, Decided, Facts, History, HistoryVersion, Instant, Match, Outcome, Outreach,
    Problem, Recipient, RuleId, RunReport, Span, Totals,
};
use crate::pack::Pack;
use crate::policy;
use crate::signals::SourceError;
use crate::store::{self, HistoryQuery, Memory, Store, StoreError, TaskText};

pub use explain::{Basis, Explained, Explanation, explain};
pub use health::ailing;
pub use judge::{FailedRow, Found, Quarantine, RuleFound, Seen, find};
pub use look_back::{EpisodeKey, Over, look_back};
pub use names::{Examination, examine};
pub use second_look::{Looked, StillTrue, look_again};

/// Why a run could not be made. Nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The company's data could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The state database could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Without `customers` no rule can be judged.
    #[error("the signal `customers` can't be used")]
    Customers(Vec<Problem>),
    /// There are no customers any more, and there always were.
    #[error("{}, so nothing was decided; {}", .0.message, .0.help)]
    NoCustomers(Box<Problem>),
}

/// A run as it would be, or was.
#[derive(Debug)]
pub struct Considered {
    /// What it prints.
    pub report: RunReport,
    /// What it would write.
    pub decided: Decided,
    /// How each rule fared, in more words than the report has.
    pub rules: BTreeMap<RuleId, RuleFound>,
    /// The state of the books that it was decided on.
    pub version: HistoryVersion,
    /// What became of a plan's rows, where it carries one out.
    pub became: plan::Became,
}

/// Decides what the rules found, on the history in `store`; no store is an empty history.
pub async fn consider(
    pack: &Pack,
    found: &Found,
    store: Option<&Store>,
    as_of: Instant,
) -> Result<Considered, RunError> {
    let history = match store {
        Some(store) => store.history(&Asking::new(pack, found, as_of).query()).await?,
        None => History::default(),
    };
    Ok(decide(pack, found, &history, as_of))
}

/// Logs what somebody has to look at in a run that was recorded; whoever only looks is told anyway.
fn warn(considered: &Considered) {
    let out = considered.rules.iter().filter(|(_, rule)| rule.quarantine.is_some());
    for (rule, RuleFound { errors, subjects, .. }) in out {
        tracing::warn!(%rule, errors, subjects, "sits out this run");
    }
    for Alarm { code, message, help, .. } in &considered.report.alarms {
        tracing::warn!(code, help, "{message}");
    }
}

/// How often a run is decided again because somebody else recorded something meanwhile.
const TRIES: u32 = 20;

/// Decides and records. Where the books have moved on meanwhile, it decides again on the new ones.
pub async fn commit(
    pack: &Pack,
    found: &Found,
    store: &Store,
    as_of: Instant,
    started_at: Instant,
) -> Result<Considered, RunError> {
    for _ in 0..=TRIES {
        let considered = consider(pack, found, Some(store), as_of).await?;
        if record(pack, found, store, (as_of, started_at), &considered).await? {
            return Ok(considered);
        }
    }
    Err(StoreError::Moved.into())
}

/// Records what was decided. False where the books have moved on meanwhile: nothing was recorded,
/// and it is to be decided again.
async fn record(
    pack: &Pack,
    found: &Found,
    store: &Store,
    (as_of, started_at): (Instant, Instant),
    considered: &Considered,
) -> Result<bool, RunError> {
    let healthy = considered.rules.iter().filter(|(_, rule)| rule.quarantine.is_none());
    let evaluated: Vec<RuleId> = healthy.map(|(id, _)| id.clone()).collect();
    let tasks = task_texts(pack, &considered.decided.outreaches, as_of);
    let versions = pack.versions();
    // A plan leaves things undone: no version of a rule is older for it.
    let tried = considered.report.plan.is_none();
    let versions =
        evaluated.iter().filter(|_| tried).filter_map(|id| Some((id, versions.get(id)?)));
    let learned = store::Learned {
        versions: versions.map(|(id, version)| (id.clone(), version.rule.clone())).collect(),
        fields: found.fields.clone(),
    };
    let run = store::Run {
        as_of,
        started_at,
        report: &considered.report,
        decided: &considered.decided,
        tasks: &tasks,
        evaluated: &evaluated,
        learned: &learned,
        version: considered.version,
    };
    match store.record(&run).await {
        Err(StoreError::Moved) => {
            tracing::info!("the books moved on; deciding again");
            Ok(false)
        }
        Err(error) => Err(error.into()),
        Ok(()) => {
            let totals = &considered.report.totals;
            tracing::info!(
                as_of = considered.report.as_of,
                pack = considered.report.pack,
                matches = totals.matches,
                outreaches = totals.outreaches,
                "recorded"
            );
            warn(considered);
            Ok(true)
        }
    }
}

/// The pure part: asks each match's rule what it wants, and decides.
pub(crate) fn decide(pack: &Pack, found: &Found, history: &History, as_of: Instant) -> Considered {
    let (evaluation, rules) = ask::ask(pack, found, history, as_of);
    let mut settings = pack.settings();
    for rival in &found.rivals {
        let settings = settings.get_mut(&rival.matched.rule).into_iter();
        settings.for_each(|rule| (rule.holds_for, rule.cooldown) = (None, None));
    }
    let decided = policy::decide(&evaluation, &settings, &pack.policy, history, as_of);
    considered(pack, found, history, as_of, (decided, rules))
}

/// What was decided, with its report.
fn considered(
    pack: &Pack,
    found: &Found,
    history: &History,
    as_of: Instant,
    (mut decided, rules): (Decided, BTreeMap<RuleId, RuleFound>),
) -> Considered {
    decided.read =
        found.over.iter().map(|(key, over)| (key.clone(), over.evidence.clone())).collect();
    let report = report(pack, found, &rules, &decided, as_of);
    Considered { report, decided, rules, version: history.version, became: plan::Became::default() }
}

/// The same on the books as they stood before the run of that instant, as far as they can tell:
/// nothing that was decided then or later is known. Nobody is warned of what is long over.
pub async fn consider_again(
    pack: &Pack,
    found: &Found,
    store: &Store,
    as_of: Instant,
) -> Result<Considered, RunError> {
    let history = store.history_before(&Asking::new(pack, found, as_of).query()).await?;
    Ok(decide(pack, found, &history, as_of))
}

/// Whose past a decision needs.
struct Asking {
    evaluated: Vec<RuleId>,
    customers: Vec<CustomerId>,
    recipients: Vec<Recipient>,
    since: Instant,
    as_of: Instant,
}

impl Asking {
    fn new(pack: &Pack, found: &Found, as_of: Instant) -> Self {
        let rivals = || found.rivals.iter().map(|rival| &rival.matched);
        let evaluated = found.rules.keys().cloned().chain(rivals().map(|m| m.rule.clone()));
        let evaluated: BTreeSet<RuleId> = evaluated.collect();
        let matches = || found.rules.values().flat_map(|rule| &rule.matches).chain(rivals());
        let last_words = || found.over.iter().filter(|(_, over)| over.told);
        let customers = matches().map(|m: &Arc<Match>| m.customer.clone());
        let customers: BTreeSet<_> =
            customers.chain(last_words().map(|((_, customer, _), _)| customer.clone())).collect();
        let facts = matches().map(|m| &m.facts).chain(last_words().map(|(_, over)| &over.facts));
        let recipients: BTreeSet<_> =
            facts.flat_map(|facts| facts.customer().recipients()).collect();
        Self {
            evaluated: evaluated.into_iter().collect(),
            customers: customers.into_iter().collect(),
            recipients: recipients.into_iter().collect(),
            since: as_of - reach(pack).delta(),
            as_of,
        }
    }

    fn query(&self) -> HistoryQuery<'_> {
        HistoryQuery {
            evaluated: &self.evaluated,
            customers: &self.customers,
            recipients: &self.recipients,
            since: self.since,
            as_of: self.as_of,
        }
    }
}

/// What a decision about one person would look at, or would have looked at: their past, and every open
/// episode.
///
/// # Errors
/// When the books can't be read.
pub async fn past(
    pack: &Pack,
    facts: &Facts,
    customer: &CustomerId,
    (store, basis): (&Store, &Basis),
    as_of: Instant,
) -> Result<History, StoreError> {
    let evaluated: Vec<RuleId> = pack.rules.keys().cloned().collect();
    let query = HistoryQuery {
        evaluated: &evaluated,
        customers: std::slice::from_ref(customer),
        recipients: &facts.customer().recipients(),
        since: as_of - reach(pack).delta(),
        as_of,
    };
    let mut history = match basis {
        Basis::Now => store.history(&query).await?,
        Basis::Recorded { .. } | Basis::Then { .. } => store.history_before(&query).await?,
    };
    // Those whom something waits for are in it, too.
    let theirs = query.recipients;
    let is_theirs = |recipient: &Recipient| theirs.contains(recipient);
    history.charges.retain(|c| c.customer == *customer || c.recipients.iter().any(is_theirs));
    history.suppressions.retain(|s| {
        s.customer.as_ref() == Some(customer) || s.recipient.as_ref().is_some_and(is_theirs)
    });
    Ok(history)
}

/// How far back a decision looks: the longest window of a cap, or cooldown of a rule.
fn reach(pack: &Pack) -> Span {
    let caps = pack.policy.caps.iter().map(|cap| cap.per);
    let cooldowns = pack.rules.values().filter_map(|rule| rule.rule.settings.cooldown);
    caps.chain(cooldowns).max_by_key(|span| span.delta()).unwrap_or(Span::days(1))
}

fn report(
    pack: &Pack,
    found: &Found,
    rules: &BTreeMap<RuleId, RuleFound>,
    decided: &Decided,
    as_of: Instant,
) -> RunReport {
    let count = |outcome| decided.decisions.iter().filter(|d| d.outcome == outcome).count() as u64;
    let outreaches: BTreeSet<_> =
        decided.decisions.iter().filter_map(|d| d.outreach.as_ref()).collect();
    let tallies: Vec<_> = rules.iter().map(|(id, rule)| rule.tally(id)).collect();
    RunReport {
        schema_version: 1,
        as_of: crate::domain::format_instant(&as_of),
        pack: pack.hash.clone(),
        plan: None,
        decisions: decided.decisions.clone(),
        totals: Totals {
            customers: found.customers,
            matches: tallies.iter().map(|tally| tally.matches).sum(),
            candidates: decided.decisions.len() as u64,
            outreaches: outreaches.len() as u64,
            contact: count(Outcome::Contact),
            deferred: count(Outcome::Deferred),
            refused: count(Outcome::Refused),
            held: count(Outcome::Held),
            task: count(Outcome::Task),
            orphans: found.orphans,
        },
        rules: tallies,
        alarms: alarms::of(rules, decided),
    }
}

/// The words of every task that is made in the decision's own transaction. A task whose words
/// fail is made all the same, and says so: work is never lost to a misprint.
fn task_texts(pack: &Pack, outreaches: &[Outreach], as_of: Instant) -> Vec<TaskText> {
    let due = outreaches.iter().filter(|o| o.channel.is_task() && o.not_before <= as_of);
    due.map(|outreach| task_text(pack, outreach)).collect()
}

/// The words of one task or call.
pub fn task_text(pack: &Pack, outreach: &Outreach) -> TaskText {
    match pack.message(outreach, None) {
        Ok(message) => {
            TaskText { outreach: outreach.key.clone(), title: message.subject, body: message.text }
        }
        Err(error) => {
            let subjects: Vec<&str> =
                outreach.subjects.iter().map(|s| s.subject.as_str()).collect();
            let title = format!("{}: {}", outreach.rule, subjects.join(", "));
            let body = format!("The words of this task could not be written: {error}");
            TaskText { outreach: outreach.key.clone(), title, body }
        }
    }
}

/// What a caller wants to hear of while rules are judged.
#[derive(Clone, Copy, Default)]
pub struct Watch<'a> {
    /// Told how many rows were judged so far.
    pub progress: Option<&'a (dyn Fn(u64) + Sync)>,
    /// Whose facts are kept whether or not a rule matches.
    pub customer: Option<&'a crate::domain::CustomerId>,
    /// What is usual; without it nothing is missed.
    pub memory: Option<&'a Memory>,
    /// Whether nobody else is looked at. What is found then is no basis for a decision: whoever
    /// else wants to write to the same person is missing.
    pub nobody_else: bool,
}
