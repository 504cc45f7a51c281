//! The door: in one transaction, what has left is settled and what comes next is let through. Nothing
//! is let through after an unsubscribe has committed, and every change names the state and the fence
//! that it expects to find.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use super::claims::Claim;
use super::database::{Lock, Transaction};
use super::erased::Erased;
use super::given::{Cell, Given, given};
use super::{Store, StoreError, history, pauses, restored, suppressions};
use crate::domain::{
    Channel, Charge, CustomerId, Instant, Outreach, OutreachKey, OutreachState, Recipient,
    Suppression, SuppressionCause,
};
use crate::opt_out::OptOut;

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// It has left.
    Sent {
        /// What the server said.
        detail: String,
    },
    /// It failed for now.
    Retry {
        /// When to try again, on the wall clock.
        at: Instant,
        /// What went wrong.
        error: String,
    },
    /// It was not tried, and waits: for a decent hour, or for data that can't be read now.
    Wait {
        /// Until when, on the wall clock.
        until: Instant,
        /// What for.
        error: String,
    },
    /// It failed for good.
    Failed {
        /// What went wrong.
        error: String,
    },
    /// The server may have it, or not.
    Uncertain {
        /// What went wrong.
        error: String,
    },
    /// Its time was up before it could leave.
    Expired,
    /// It is taken back before it left, and what it was to tell about is free again.
    Withdrawn {
        /// The code of the reason.
        because: String,
        /// What proves it.
        evidence: serde_json::Value,
    },
}

/// What became of an outreach that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The worker's hold on it.
    pub claim: Claim,
    /// How it went.
    pub settlement: Settlement,
    /// An address at which there is nobody: it is suppressed from now on.
    pub dead: Option<Recipient>,
    /// Why nothing more is to leave on its channel, if it is so.
    pub blocked: Option<(Channel, String)>,
}

/// An outreach that asks to be let through.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The worker's hold on it.
    pub claim: &'a Claim,
    /// What is to leave.
    pub outreach: &'a Outreach,
    /// Now, on the outreach's own clock.
    pub now: Instant,
    /// Contacts later than this count, on the same clock.
    pub since: Instant,
}

/// What is known at the door about the person whom an outreach is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// What they are not to hear.
    pub suppressions: Vec<Suppression>,
    /// What else has left for them, or may have.
    pub charges: Vec<Charge>,
}

/// What the door says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It is `transmitting` from now on.
    Through,
    /// It is not to leave, and was withdrawn.
    Withdrawn {
        /// The code of the reason.
        because: String,
    },
    /// Somebody else has it, or its channel or rule is paused: it must not be sent.
    NotNow,
}

/// What was done in one transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// For each that was to be settled, whether the worker still held it; else nothing changed.
    pub settled: Vec<bool>,
    /// For each that asked, what the door says.
    pub passed: Vec<Passed>,
}

/// Says for what reason, with what evidence, an outreach may not leave after all.
pub type Judge<'j> =
    dyn Fn(&Asking<'_>, &Past) -> Option<(String, serde_json::Value)> + Send + Sync + 'j;

/// `$1` is the wall time. A state that is not final has no `settled_at`. What waits and was tried
/// before stays `retry`: an HTTP service may have it, so no run decides it afresh. Nothing begins to
/// leave that is paused by now.
pub(super) const CHANGE: Given<8> = given!(
    1,
    (held text, its_fence bigint, becomes text, waits bigint, said text, wrong text, again bigint,
     proof text),
    "UPDATE outreaches SET state = CASE WHEN waits = 1 AND attempts > 1 THEN 'retry' ELSE becomes END,
         settled_at = CASE WHEN again IS NULL AND becomes <> 'transmitting' THEN $1 END,
         detail = said, last_error = COALESCE(wrong, last_error), attempts = attempts - waits,
         next_attempt_at = COALESCE(again, next_attempt_at), evidence = COALESCE(proof, evidence),
         lease_until = CASE WHEN becomes = 'transmitting' THEN lease_until END
     FROM given
     WHERE key = held AND fence = its_fence
         AND (state = 'claimed' OR (state = 'transmitting' AND becomes <> 'transmitting'))
         AND (becomes <> 'transmitting' OR NOT EXISTS (SELECT 1 FROM pauses p
             WHERE p.scope IN ('everything', 'channel:' || outreaches.channel,
                 'rule:' || outreaches.rule)))
     RETURNING key"
);

/// A contact that leaves later than this counts from when it really leaves. Any other keeps the
/// minute that was decided, or a daily run would trip over a daily cap.
const PUNCTUAL: TimeDelta = TimeDelta::hours(1);

pub(super) const DATE: Given<2> = given!(
    0,
    (held text, leaves bigint),
    "UPDATE contacts SET at = leaves FROM given WHERE outreach = held"
);

/// What is taken back tells about nothing, and what it was to tell about is free again.
pub(super) const FREE: Given<1> = given!(
    0,
    (held text),
    "DELETE FROM contacts WHERE outreach IN (SELECT held FROM given)"
);

/// What has left for these people, or may have; one row a recipient of each charge.
pub(super) const LEFT: Given<2> = given!(
    1,
    (customer_id text, recipient text),
    ", found AS (
         SELECT c.dedupe_key FROM given g CROSS JOIN contacts c
         WHERE c.customer_id = g.customer_id AND c.at > $1
         UNION
         SELECT c.dedupe_key FROM given g CROSS JOIN outreach_recipients r CROSS JOIN contacts c
         WHERE r.recipient = g.recipient AND c.outreach = r.outreach AND c.at > $1)
     SELECT c.at, c.dedupe_key, c.rule, c.customer_id, c.subject, c.episode_started_at,
         c.outreach, c.channel, r.recipient
     FROM found f CROSS JOIN contacts c CROSS JOIN outreaches o
     LEFT JOIN outreach_recipients r ON r.outreach = c.outreach
     WHERE c.dedupe_key = f.dedupe_key AND o.key = c.outreach
         AND o.state IN ('transmitting', 'sent', 'uncertain') AND c.channel <> 'task'
     ORDER BY c.at, c.dedupe_key, r.recipient"
);

impl Store {
    /// How many turns get on best side by side. SQLite has one writer at a time; a server does others'
    /// work while one commits.
    pub fn turns_at_once(&self) -> usize {
        if self.database.is_sqlite() { 1 } else { 2 }
    }

    /// Settles what has left, and lets through what `judge` has nothing against, in one transaction.
    ///
    /// What is refused is withdrawn. Who asks is judged in order, and each that goes through counts
    /// for those after it.
    ///
    /// # Errors
    /// When the database can't be written: then nothing was settled and nothing may leave.
    pub async fn turn(
        &self,
        settled: &[Settled],
        asking: &[Asking<'_>],
        judge: &Judge<'_>,
        wall: Instant,
    ) -> Result<Turn, StoreError> {
        let mut tx = match asking.is_empty() {
            true => self.database.write("settle").await?,
            false => self.database.write_behind("let_through", &locks(asking)).await?,
        };
        let turn = self.turn_in(&mut tx, settled, asking, judge, wall).await;
        let (turn, mark) = tx.end(turn).await?;
        mark.into_iter().for_each(|mark| self.write_mark(mark));
        Ok(turn)
    }

    async fn turn_in(
        &self,
        tx: &mut Transaction<'_>,
        settled: &[Settled],
        asking: &[Asking<'_>],
        judge: &Judge<'_>,
        wall: Instant,
    ) -> Result<(Turn, Option<i64>), StoreError> {
        let (grave, other): (Vec<_>, Vec<_>) =
            settled.iter().partition(|one| one.dead.is_some() || one.blocked.is_some());
        let mut changed = close(tx, &grave, wall).await?;
        let mut known = Known::read(tx, asking, settled, self.opt_out.as_ref()).await?;
        let verdicts: Vec<_> = asking.iter().map(|one| known.judged(one, judge)).collect();
        changed.extend(change(tx, &other, asking, &verdicts, wall).await?);
        let is_changed = |claim: &Claim| changed.contains(&claim.key);
        let passed: Vec<_> = asking
            .iter()
            .zip(verdicts)
            .map(|(one, verdict)| match verdict {
                _ if !is_changed(one.claim) => Passed::NotNow,
                Some((because, _)) => Passed::Withdrawn { because },
                None => Passed::Through,
            })
            .collect();
        date(tx, asking, &passed).await?;
        let counted = self.database.is_sqlite() && passed.contains(&Passed::Through);
        let mark = if counted { Some(restored::count(tx).await?) } else { None };
        let settled = settled.iter().map(|one| is_changed(&one.claim)).collect();
        Ok((Turn { settled, passed }, mark))
    }
}

/// What those who ask wait for: whoever opts these people out, and other messages to them.
fn locks(asking: &[Asking<'_>]) -> Vec<Lock> {
    let people = asking.iter().flat_map(|one| &one.outreach.recipients);
    let people: BTreeSet<Lock> = people.map(person).collect();
    [Lock::AtTheDoor].into_iter().chain(people).collect()
}

/// The lock of whoever has this address. Two may share one, and wait for no reason.
fn person(recipient: &Recipient) -> Lock {
    let hash = Sha256::digest(&recipient.0);
    Lock::Person(i32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]))
}

/// Settles what a server said something with of an address or of us: that holds for what asks now,
/// too.
async fn close(
    tx: &mut Transaction<'_>,
    grave: &[&Settled],
    wall: Instant,
) -> Result<BTreeSet<OutreachKey>, StoreError> {
    let changed = change(tx, grave, &[], &[], wall).await?;
    let ours = || grave.iter().filter(|one| changed.contains(&one.claim.key));
    let dead: Vec<_> = ours().filter_map(|one| one.dead.clone()).map(bounced).collect();
    suppressions::add(tx, &dead, wall).await?;
    for (channel, why) in ours().filter_map(|one| one.blocked.as_ref()) {
        pauses::add(tx, &pauses::Scope::Channel(channel.clone()), why, wall).await?;
    }
    Ok(changed)
}

/// Settles, lets through and takes back; what was really changed.
async fn change(
    tx: &mut Transaction<'_>,
    settled: &[&Settled],
    asking: &[Asking<'_>],
    verdicts: &[Option<(String, serde_json::Value)>],
    wall: Instant,
) -> Result<BTreeSet<OutreachKey>, StoreError> {
    let mut rows = settled.iter().map(|one| row(one)).collect::<Result<Vec<_>, _>>()?;
    for (one, verdict) in asking.iter().zip(verdicts) {
        rows.push(match verdict {
            None => cells(one.claim, OutreachState::Transmitting),
            Some((because, evidence)) => withdrawn(one.claim, because, evidence)?,
        });
    }
    if rows.is_empty() {
        return Ok(BTreeSet::new());
    }
    let changed = tx.fetch_given(&CHANGE, &[wall.into()], &rows).await?;
    let changed: BTreeSet<OutreachKey> =
        changed.iter().map(|row| row.id(0)).collect::<Result<_, _>>()?;
    let refused = asking.iter().zip(verdicts).filter(|(_, verdict)| verdict.is_some());
    let taken_back = settled
        .iter()
        .filter(|one| matches!(one.settlement, Settlement::Withdrawn { .. }))
        .map(|one| &one.claim)
        .chain(refused.map(|(one, _)| one.claim))
        .filter(|claim| changed.contains(&claim.key));
    tx.bulk(&FREE, &[], taken_back.map(|claim| Ok([claim.key.as_str().into()]))).await?;
    Ok(changed)
}

/// Dates what leaves late.
async fn date(
    tx: &mut Transaction<'_>,
    asking: &[Asking<'_>],
    passed: &[Passed],
) -> Result<(), StoreError> {
    let leaving = asking.iter().zip(passed).filter(|(_, passed)| **passed == Passed::Through);
    let late = leaving.filter(|(one, _)| one.now > one.outreach.not_before + PUNCTUAL);
    let rows = late.map(|(one, _)| Ok([one.claim.key.as_str().into(), one.now.into()]));
    tx.bulk(&DATE, &[], rows).await.map(|_| ())
}

fn bounced(recipient: Recipient) -> suppressions::NewSuppression {
    suppressions::NewSuppression {
        customer: None,
        recipient: Some(recipient),
        topic: None,
        cause: SuppressionCause::Bounce,
        note: None,
    }
}

/// A row of [`CHANGE`]: what it becomes, and nothing else.
fn cells(claim: &Claim, becomes: OutreachState) -> [Cell<'_>; 8] {
    let [key, fence] = claim.cells();
    let none = || Cell::Null;
    [key, fence, becomes.name().into(), 0_i64.into(), none(), none(), none(), none()]
}

fn withdrawn<'a>(
    claim: &'a Claim,
    because: &'a str,
    evidence: &serde_json::Value,
) -> Result<[Cell<'a>; 8], StoreError> {
    let [key, fence, becomes, waits, _, wrong, again, _] = cells(claim, OutreachState::Withdrawn);
    let proof = super::sql::json(evidence)?.into();
    Ok([key, fence, becomes, waits, because.into(), wrong, again, proof])
}

fn row(settled: &Settled) -> Result<[Cell<'_>; 8], StoreError> {
    let (mut waits, mut said, mut wrong, mut again) = (0_i64, Cell::Null, Cell::Null, Cell::Null);
    let state = match &settled.settlement {
        Settlement::Sent { detail } => {
            said = detail.as_str().into();
            OutreachState::Sent
        }
        Settlement::Retry { at, error } => {
            (again, wrong) = ((*at).into(), error.as_str().into());
            OutreachState::Retry
        }
        Settlement::Wait { until, error } => {
            (waits, again, wrong) = (1, (*until).into(), error.as_str().into());
            OutreachState::Ready
        }
        Settlement::Failed { error } => {
            wrong = error.as_str().into();
            OutreachState::Failed
        }
        Settlement::Uncertain { error } => {
            wrong = error.as_str().into();
            OutreachState::Uncertain
        }
        Settlement::Expired => {
            said = "expired".into();
            OutreachState::Expired
        }
        Settlement::Withdrawn { because, evidence } => {
            return withdrawn(&settled.claim, because, evidence);
        }
    };
    let [key, fence, becomes, ..] = cells(&settled.claim, state);
    Ok([key, fence, becomes, waits.into(), said, wrong, again, Cell::Null])
}

/// What the books say about everybody at the door.
struct Known {
    suppressions: Vec<Suppression>,
    charges: Vec<Charge>,
}

impl Known {
    /// What is settled just now is known by how it went: what came back has not left.
    async fn read(
        tx: &mut Transaction<'_>,
        asking: &[Asking<'_>],
        settled: &[Settled],
        opt_out: Option<&OptOut>,
    ) -> Result<Self, StoreError> {
        let Some(since) = asking.iter().map(|one| one.since).min() else {
            return Ok(Self { suppressions: Vec::new(), charges: Vec::new() });
        };
        let subjects = asking.iter().flat_map(|one| &one.outreach.subjects);
        let customers: BTreeSet<&str> = subjects.map(|s| s.customer.as_str()).collect();
        let recipients = asking.iter().flat_map(|one| &one.outreach.recipients);
        let recipients: BTreeSet<&str> = recipients.map(|to| to.0.as_str()).collect();
        let erased = Erased::of(opt_out, &customers, &recipients);
        let customers = customers.into_iter().map(|id| [id.into(), Cell::Null]);
        let recipients = recipients.into_iter().map(|to| [Cell::Null, to.into()]);
        let people: Vec<_> = customers.chain(recipients).chain(erased.people()).collect();
        let mut suppressions = BTreeMap::new();
        history::read_suppressions(tx, &people, &mut suppressions).await?;
        let mut charges = BTreeMap::new();
        history::read_charges(tx, &LEFT, &people, since, &mut charges).await?;
        let has_left = |one: &&Settled| {
            matches!(one.settlement, Settlement::Sent { .. } | Settlement::Uncertain { .. })
        };
        let came_back = settled.iter().filter(|one| !has_left(one));
        let came_back: BTreeSet<_> = came_back.map(|one| &one.claim.key).collect();
        charges.retain(|_, charge: &mut Charge| !came_back.contains(&charge.outreach));
        Ok(Self {
            suppressions: suppressions.into_values().map(|s| erased.recognise(s)).collect(),
            charges: charges.into_values().collect(),
        })
    }

    /// Judges one of them; if it goes through, it counts for those after it.
    fn judged(
        &mut self,
        one: &Asking<'_>,
        judge: &Judge<'_>,
    ) -> Option<(String, serde_json::Value)> {
        let verdict = judge(one, &self.past(one));
        if verdict.is_none() {
            self.left(one);
        }
        verdict
    }

    /// What concerns one of them; what it says of itself is no hindrance.
    fn past(&self, one: &Asking<'_>) -> Past {
        let outreach = one.outreach;
        let is_customer = |id: &CustomerId| outreach.subjects.iter().any(|s| s.customer == *id);
        let is_theirs = |to: &Recipient| outreach.recipients.contains(to);
        Past {
            suppressions: self
                .suppressions
                .iter()
                .filter(|s| {
                    s.customer.as_ref().is_some_and(is_customer)
                        || s.recipient.as_ref().is_some_and(is_theirs)
                })
                .cloned()
                .collect(),
            charges: self
                .charges
                .iter()
                .filter(|charge| charge.outreach != outreach.key)
                .filter(|c| is_customer(&c.customer) || c.recipients.iter().any(is_theirs))
                .cloned()
                .collect(),
        }
    }

    /// Counts what goes through for those after it.
    fn left(&mut self, one: &Asking<'_>) {
        let outreach = one.outreach;
        self.charges.extend(outreach.subjects.iter().map(|subject| Charge {
            rule: outreach.rule.clone(),
            customer: subject.customer.clone(),
            subject: subject.subject.clone(),
            episode_started_at: subject.episode_started_at,
            outreach: outreach.key.clone(),
            channel: outreach.channel.clone(),
            recipients: outreach.recipients.clone(),
            at: one.now,
        }));
    }
}
