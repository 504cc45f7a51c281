//! The door: in one transaction, what has left is settled and what comes next is let through. Nothing
//! is let through after an unsubscribe has committed, and every change names the state and the fence
//! that it expects to find.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::Claim;
use super::database::Transaction;
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
/// before stays `retry`: an HTTP service may have it, so no run decides it afresh.
const SETTLE: Given<8> = given!(
    1,
    (held text, its_fence bigint, becomes text, waits bigint, said text, wrong text, again bigint,
     proof text),
    "UPDATE outreaches SET state = CASE WHEN waits = 1 AND attempts > 1 THEN 'retry' ELSE becomes END,
         settled_at = CASE WHEN again IS NULL THEN $1 END,
         detail = said, last_error = COALESCE(wrong, last_error), attempts = attempts - waits,
         next_attempt_at = COALESCE(again, next_attempt_at), evidence = COALESCE(proof, evidence),
         lease_until = NULL
     FROM given
     WHERE key = held AND fence = its_fence AND state IN ('claimed', 'transmitting')
     RETURNING key"
);

/// `allowed` is 1 where it goes through. A pause that is in the books by now stops it all the same.
const BEGIN: Given<2> = given!(
    0,
    (held text, its_fence bigint),
    "UPDATE outreaches SET state = 'transmitting' FROM given
     WHERE key = held AND fence = its_fence AND state = 'claimed'
         AND NOT EXISTS (SELECT 1 FROM pauses p
             WHERE p.scope IN ('everything', 'channel:' || outreaches.channel,
                 'rule:' || outreaches.rule))
     RETURNING key"
);

/// A contact that leaves more than an hour (3,600,000,000 microseconds) late counts from when it really
/// leaves. Any other keeps the minute that was decided, or a daily run would trip over a daily cap.
const DATE: Given<2> = given!(
    0,
    (held text, leaves bigint),
    "UPDATE contacts SET at = leaves FROM given WHERE outreach = held AND at < leaves - 3600000000"
);

/// What is taken back tells about nothing, and what it was to tell about is free again.
const FREE: Given<1> = given!(
    0,
    (held text),
    "DELETE FROM contacts WHERE outreach IN (SELECT held FROM given)"
);

/// What has left for these people, or may have; one row a recipient of each charge.
const LEFT: Given<2> = given!(
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
     FROM found f
     JOIN contacts c ON c.dedupe_key = f.dedupe_key
     JOIN outreaches o ON o.key = c.outreach
     LEFT JOIN outreach_recipients r ON r.outreach = c.outreach
     WHERE o.state IN ('transmitting', 'sent', 'uncertain') AND c.channel <> 'task'
     ORDER BY c.at, c.dedupe_key, r.recipient"
);

/// Whoever opts somebody out waits until those at the door are through, and the other way round; two
/// messages to one person go through one after the other. SQLite has one writer at a time anyway.
const WAIT_FOR_OPT_OUTS: &str = "SELECT 1 FROM pg_advisory_xact_lock_shared(7810779962002)";
const WAIT_FOR_EACH_OTHER: Given<1> = given!(
    0,
    (recipient text),
    "SELECT 1 FROM (SELECT pg_advisory_xact_lock(78107799, at) FROM
         (SELECT DISTINCT hashtext(recipient) AS at FROM given ORDER BY 1) AS people) AS taken"
);

impl Store {
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
            false => self.database.write("let_through").await?,
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
        if !asking.is_empty() && !self.database.is_sqlite() {
            wait(tx, asking).await?;
        }
        let settled = settle(tx, settled, wall).await?;
        let passed = pass(tx, asking, judge, wall, self.opt_out.as_ref()).await?;
        let counted = self.database.is_sqlite() && passed.contains(&Passed::Through);
        let mark = if counted { Some(restored::count(tx).await?) } else { None };
        Ok((Turn { settled, passed }, mark))
    }
}

/// Waits for whoever opts these people out, and for other messages to them.
async fn wait(tx: &mut Transaction<'_>, asking: &[Asking<'_>]) -> Result<(), StoreError> {
    tx.fetch(WAIT_FOR_OPT_OUTS, &[]).await?;
    let people = asking.iter().flat_map(|one| &one.outreach.recipients);
    let people: BTreeSet<&str> = people.map(|to| to.0.as_str()).collect();
    let people: Vec<_> = people.into_iter().map(|to| [to.into()]).collect();
    tx.fetch_given(&WAIT_FOR_EACH_OTHER, &[], &people).await?;
    Ok(())
}

async fn settle(
    tx: &mut Transaction<'_>,
    settled: &[Settled],
    wall: Instant,
) -> Result<Vec<bool>, StoreError> {
    if settled.is_empty() {
        return Ok(Vec::new());
    }
    let rows = settled.iter().map(row).collect::<Result<Vec<_>, _>>()?;
    let changed: BTreeSet<OutreachKey> = tx
        .fetch_given(&SETTLE, &[wall.into()], &rows)
        .await?
        .iter()
        .map(|row| row.id(0))
        .collect::<Result<_, _>>()?;
    let ours = || settled.iter().filter(|one| changed.contains(&one.claim.key));
    let taken_back = ours().filter(|o| matches!(o.settlement, Settlement::Withdrawn { .. }));
    tx.bulk(&FREE, &[], taken_back.map(|one| Ok([one.claim.key.as_str().into()]))).await?;
    let dead: Vec<_> = ours().filter_map(|one| one.dead.clone()).map(bounced).collect();
    suppressions::add(tx, &dead, wall).await?;
    for (channel, why) in ours().filter_map(|one| one.blocked.as_ref()) {
        pauses::add(tx, &pauses::Scope::Channel(channel.clone()), why, wall).await?;
    }
    Ok(settled.iter().map(|one| changed.contains(&one.claim.key)).collect())
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

fn row(settled: &Settled) -> Result<[Cell<'_>; 8], StoreError> {
    let (mut said, mut wrong, mut again, mut proof) =
        (Cell::Null, Cell::Null, Cell::Null, Cell::Null);
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
            (again, wrong) = ((*until).into(), error.as_str().into());
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
            (said, proof) = (because.as_str().into(), super::sql::json(evidence)?.into());
            OutreachState::Withdrawn
        }
    };
    let waits = i64::from(matches!(settled.settlement, Settlement::Wait { .. }));
    let [key, fence] = settled.claim.cells();
    Ok([key, fence, state.name().into(), waits.into(), said, wrong, again, proof])
}

async fn pass(
    tx: &mut Transaction<'_>,
    asking: &[Asking<'_>],
    judge: &Judge<'_>,
    wall: Instant,
    opt_out: Option<&OptOut>,
) -> Result<Vec<Passed>, StoreError> {
    let Some(since) = asking.iter().map(|one| one.since).min() else { return Ok(Vec::new()) };
    let mut known = Known::read(tx, asking, since, opt_out).await?;
    let mut verdicts = Vec::new();
    for one in asking {
        let verdict = judge(one, &known.past(one));
        if verdict.is_none() {
            known.left(one);
        }
        verdicts.push(verdict);
    }
    let mut begun = BTreeSet::new();
    let through = asking.iter().zip(&verdicts).filter(|(_, verdict)| verdict.is_none());
    let rows: Vec<_> = through.map(|(one, _)| one.claim.cells()).collect();
    if !rows.is_empty() {
        for row in tx.fetch_given(&BEGIN, &[], &rows).await? {
            begun.insert(row.id::<OutreachKey>(0)?);
        }
        let leaving = asking.iter().filter(|one| begun.contains(&one.claim.key));
        let dates = leaving.map(|one| Ok([one.claim.key.as_str().into(), one.now.into()]));
        tx.bulk(&DATE, &[], dates).await?;
    }
    let refused: Vec<_> = asking
        .iter()
        .zip(&verdicts)
        .filter_map(|(one, verdict)| {
            let (because, evidence) = verdict.clone()?;
            let settlement = Settlement::Withdrawn { because, evidence };
            Some(Settled { claim: one.claim.clone(), settlement, dead: None, blocked: None })
        })
        .collect();
    let mut withdrawn = settle(tx, &refused, wall).await?.into_iter();
    Ok(asking
        .iter()
        .zip(verdicts)
        .map(|(one, verdict)| match verdict {
            Some((because, _)) if withdrawn.next() == Some(true) => Passed::Withdrawn { because },
            None if begun.contains(&one.claim.key) => Passed::Through,
            _ => Passed::NotNow,
        })
        .collect())
}

/// What the books say about everybody at the door.
struct Known {
    suppressions: Vec<Suppression>,
    charges: Vec<Charge>,
}

impl Known {
    async fn read(
        tx: &mut Transaction<'_>,
        asking: &[Asking<'_>],
        since: Instant,
        opt_out: Option<&OptOut>,
    ) -> Result<Self, StoreError> {
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
        Ok(Self {
            suppressions: suppressions.into_values().map(|s| erased.recognise(s)).collect(),
            charges: charges.into_values().collect(),
        })
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
