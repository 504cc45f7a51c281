//! The door: in one transaction, what has left is settled and what comes next is let through. Nothing
//! is let through after an unsubscribe has committed, and every change names the state and the fence
//! that it expects to find.

mod change;
mod known;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::claims::Claim;
use super::database::Transaction;
use super::server::Lock;
use super::{Store, StoreError, restored};
use crate::domain::{Channel, Charge, Instant, Outreach, Recipient, Suppression};
#[cfg(test)]
pub(super) use change::{CHANGE, DATE, FREE};
use change::{change, close, date};
#[cfg(test)]
pub(super) use known::KNOWN;
use known::Known;

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
