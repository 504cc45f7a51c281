//! Reports of what became of e-mail: delivery status notifications (RFC 3464) and complaints (RFC
//! 5965), read from a mailbox and taken into the books. Nothing is ever answered, and no report is
//! believed that does not name one of our messages and the address that it went to.

mod fields;
mod keys;
pub mod mailbox;
mod read;

use crate::domain::{Instant, OutreachKey, Recipient};
use crate::store::{Fate, Store, StoreError};

pub use read::read;

/// What a message in the mailbox is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It reports on a message.
    Report(Report),
    /// A person's mailbox answered by itself. It is not answered.
    Automatic,
    /// Anything else; a person may want to read it.
    Unknown,
}

/// What a report says of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Which message it may be about, the surest first.
    pub keys: Vec<OutreachKey>,
    /// What became of it, for each recipient that it names.
    pub fates: Vec<(Vec<Recipient>, Fate)>,
}

/// What the messages of a mailbox said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Tally {
    /// How many messages were read.
    pub messages: u64,
    /// What did not arrive and never will.
    pub failed: u64,
    /// What has not arrived so far.
    pub delayed: u64,
    /// What arrived.
    pub delivered: u64,
    /// What somebody complained about.
    pub complaints: u64,
    /// Of all these, what the books said already.
    pub known: u64,
    /// Those for whom somebody is suppressed who was not before.
    pub suppressed: u64,
    /// Answers that mailboxes gave by themselves.
    pub automatic: u64,
    /// What is no report, or is about no message of ours.
    pub not_understood: u64,
}

impl Tally {
    /// Takes one message in, and says whether it was understood.
    ///
    /// # Errors
    /// When the state database can't be read or written; nothing has changed then, and the message
    /// may be taken in again.
    pub async fn take_in(
        &mut self,
        message: &[u8],
        store: &Store,
        wall: Instant,
    ) -> Result<bool, StoreError> {
        let understood = match read(message) {
            Reading::Automatic => {
                self.automatic += 1;
                true
            }
            Reading::Report(report) => self.settle(&report, store, wall).await?,
            Reading::Unknown => false,
        };
        self.messages += 1;
        self.not_understood += u64::from(!understood);
        Ok(understood)
    }

    async fn settle(
        &mut self,
        report: &Report,
        store: &Store,
        wall: Instant,
    ) -> Result<bool, StoreError> {
        for key in &report.keys {
            for (addresses, fate) in &report.fates {
                let Some(done) = store.reported(key, addresses, fate, wall).await? else {
                    continue;
                };
                *match fate {
                    Fate::Failed { .. } => &mut self.failed,
                    Fate::Delayed { .. } => &mut self.delayed,
                    Fate::Delivered { .. } => &mut self.delivered,
                    Fate::Complaint => &mut self.complaints,
                } += 1;
                self.known += u64::from(!done.changed && !done.suppressed);
                self.suppressed += u64::from(done.suppressed);
                tracing::info!(outreach = %key, changed = done.changed, suppressed = done.suppressed, "reported");
                return Ok(true);
            }
        }
        Ok(false)
    }
}
