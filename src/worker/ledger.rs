//! The ledger: everything that a worker's lanes want written down goes through here, so that what
//! has left and what comes next share a transaction. It sends nothing itself.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant as Tick, sleep};

use super::Delivered;
use crate::domain::{Instant, OutreachKey, OutreachState};
use crate::store::{Asking, Claim, Claimed, Judge, Passed, Settled, Settlement, Store, StoreError};

/// How long what has left waits for the next message to share its transaction.
const COMPANY: Duration = Duration::from_millis(5);
/// How long the ledger tries again where the database is away. Longer, and the leases have run out.
const PATIENCE: Duration = Duration::from_secs(45);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Something to be written down.
enum Entry {
    /// What became of an outreach.
    Settle(Settled, Option<String>),
    /// May it leave?
    Ask(Question),
}

struct Question {
    claimed: Arc<Claimed>,
    now: Instant,
    reply: oneshot::Sender<Option<Passed>>,
}

/// Where lanes hand in what they want written down.
#[derive(Clone)]
pub(super) struct Desk(mpsc::UnboundedSender<Entry>);

impl Desk {
    /// Whether an outreach may begin to leave at `now` on its own clock. None where the database
    /// can't say.
    pub(super) async fn ask(&self, claimed: &Arc<Claimed>, now: Instant) -> Option<Passed> {
        let (reply, answer) = oneshot::channel();
        let question = Question { claimed: Arc::clone(claimed), now, reply };
        self.0.send(Entry::Ask(question)).ok()?;
        answer.await.ok()?
    }

    /// Hands in what became of an outreach. `trouble` is a line for people.
    pub(super) fn settle(&self, settled: Settled, trouble: Option<String>) {
        // The ledger outlives every lane.
        let _ = self.0.send(Entry::Settle(settled, trouble));
    }
}

/// What a worker holds, by key, with the fence.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<BTreeMap<OutreachKey, i64>>);

impl Held {
    pub(super) fn add(&self, claim: &Claim) {
        self.lock().insert(claim.key.clone(), claim.fence);
    }

    pub(super) fn drop(&self, claim: &Claim) {
        self.lock().remove(&claim.key);
    }

    pub(super) fn claims(&self) -> Vec<Claim> {
        let held = self.lock();
        held.iter().map(|(key, fence)| Claim { key: key.clone(), fence: *fence }).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<OutreachKey, i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The ledger itself; one a worker.
pub(super) struct Ledger<'a> {
    pub(super) store: &'a Store,
    pub(super) judge: &'a Judge<'a>,
    pub(super) wall: &'a (dyn Fn() -> Instant + Sync),
    /// How far back the longest cap looks.
    pub(super) reach: TimeDelta,
    pub(super) held: &'a Held,
    pub(super) delivered: &'a Mutex<Delivered>,
    pub(super) progress: Option<&'a (dyn Fn() + Sync)>,
}

/// A desk, and what it is read from.
pub(super) fn open() -> (Desk, Entries) {
    let (sender, entries) = mpsc::unbounded_channel();
    (Desk(sender), Entries(entries))
}

/// What was handed in and not yet read.
pub(super) struct Entries(mpsc::UnboundedReceiver<Entry>);

/// What one transaction is about.
#[derive(Default)]
struct Page {
    /// When its first line was written.
    begun: Option<Tick>,
    settled: Vec<Settled>,
    troubles: Vec<Option<String>>,
    questions: Vec<Question>,
}

impl Page {
    fn is_empty(&self) -> bool {
        self.begun.is_none()
    }

    /// Whoever asks does not wait for company.
    fn is_due(&self) -> bool {
        !self.questions.is_empty() || self.begun.is_some_and(|begun| begun.elapsed() >= COMPANY)
    }

    /// When it has waited for company long enough.
    fn due_at(&self) -> Tick {
        self.begun.unwrap_or_else(Tick::now) + COMPANY
    }

    fn write(&mut self, entry: Entry) {
        self.begun.get_or_insert_with(Tick::now);
        match entry {
            Entry::Settle(settled, trouble) => {
                self.settled.push(settled);
                self.troubles.push(trouble);
            }
            Entry::Ask(question) => self.questions.push(question),
        }
    }
}

impl Ledger<'_> {
    /// Writes down what comes in until every desk is closed.
    ///
    /// # Errors
    /// When the database stayed away. What was not written down is found by whoever comes after the
    /// leases have run out.
    pub(super) async fn keep(self, entries: Entries) -> Result<(), StoreError> {
        let mut entries = entries.0;
        let mut page = Page::default();
        let mut turns = FuturesUnordered::new();
        let mut is_over = false;
        // Set only when it has rung: a timer costs more than the line that waits for it.
        let mut bell = pin!(sleep(COMPANY));
        loop {
            while let Ok(entry) = entries.try_recv() {
                page.write(entry);
            }
            let is_free = turns.len() < self.store.turns_at_once();
            if is_free && (is_over || page.is_due()) {
                match std::mem::take(&mut page) {
                    page if !page.is_empty() => turns.push(self.turn(page)),
                    _ if turns.is_empty() => return Ok(()),
                    _ => {}
                }
            }
            tokio::select! {
                Some(turn) = turns.next() => turn?,
                entry = entries.recv(), if !is_over => match entry {
                    Some(entry) => page.write(entry),
                    None => is_over = true,
                },
                () = &mut bell, if is_free && !page.is_empty() => bell.as_mut().reset(page.due_at()),
            }
        }
    }

    /// Commits a page. Where the database is away, it tries again for a while.
    async fn turn(&self, page: Page) -> Result<(), StoreError> {
        let Page { settled, troubles, questions, .. } = page;
        let asking: Vec<Asking<'_>> = questions
            .iter()
            .map(|question| Asking {
                claim: &question.claimed.claim,
                outreach: &question.claimed.outreach,
                now: question.now,
                since: question.now - self.reach,
            })
            .collect();
        let began = Tick::now();
        let mut pause = Duration::from_millis(50);
        let turn = loop {
            match self.store.turn(&settled, &asking, self.judge, (self.wall)()).await {
                Ok(turn) => break turn,
                Err(error) if began.elapsed() + pause < PATIENCE => {
                    tracing::warn!(%error, "not written down yet; trying again");
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(error) => return Err(error),
            }
        };
        for ((settled, trouble), ours) in settled.into_iter().zip(troubles).zip(turn.settled) {
            self.note(settled, trouble, ours);
        }
        for (question, passed) in questions.into_iter().zip(turn.passed) {
            if let Passed::Withdrawn { because } = &passed {
                self.held.drop(&question.claimed.claim);
                self.count(OutreachState::Withdrawn, None);
                tracing::info!(outreach = %question.claimed.claim.key, because, "withdrawn at the door");
            }
            // A lane that is gone needs no answer.
            let _ = question.reply.send(Some(passed));
        }
        Ok(())
    }

    fn note(&self, settled: Settled, trouble: Option<String>, ours: bool) {
        self.held.drop(&settled.claim);
        if !ours {
            self.delivered().late += 1;
            tracing::warn!(outreach = %settled.claim.key, "came too late: somebody else has it");
            return;
        }
        let state = match &settled.settlement {
            Settlement::Sent { .. } => OutreachState::Sent,
            Settlement::Retry { .. } => OutreachState::Retry,
            Settlement::Failed { .. } => OutreachState::Failed,
            Settlement::Uncertain { .. } => OutreachState::Uncertain,
            Settlement::Expired => OutreachState::Expired,
            Settlement::Withdrawn { .. } => OutreachState::Withdrawn,
            Settlement::Wait { .. } => {
                self.delivered().waiting += 1;
                return;
            }
        };
        tracing::info!(outreach = %settled.claim.key, state = state.name(), "settled");
        self.count(state, trouble);
    }

    /// Counts an outreach that came to a state.
    fn count(&self, state: OutreachState, trouble: Option<String>) {
        let mut delivered = self.delivered();
        *delivered.states.entry(state).or_default() += 1;
        delivered.troubles.extend(trouble);
        drop(delivered);
        if let Some(progress) = self.progress {
            progress();
        }
    }

    fn delivered(&self) -> std::sync::MutexGuard<'_, Delivered> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
