//! What reports say became of e-mail: mail servers say that it bounced, was delayed or arrived,
//! mailbox providers that somebody complained. A report changes only an outreach that is still as
//! it was read, and only where it names that outreach's own recipient.

use super::database::Transaction;
use super::opting_out::everybody;
use super::outbox::read_payload;
use super::server::Lock;
use super::sql::{Arg, Sql};
use super::{NewSuppression, Store, StoreError, suppressions};
use crate::domain::{Instant, Outreach, OutreachKey, OutreachState, Recipient, SuppressionCause};

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It did not arrive and never will.
    Failed {
        /// Whether there is nobody at this address, for any message.
        dead: bool,
        /// Why, without an address.
        error: String,
    },
    /// It has not arrived so far; the server goes on trying.
    Delayed {
        /// Why, without an address.
        error: String,
    },
    /// It arrived.
    Delivered {
        /// Who says so.
        detail: String,
    },
    /// It arrived, and its reader complained about it.
    Complaint,
}

/// What a report changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// Whether anything of the outreach changed; a report that was known already changes nothing.
    pub changed: bool,
    /// Whether somebody is suppressed who was not before.
    pub suppressed: bool,
}

const READ: Sql = Sql {
    sqlite: "SELECT payload, state, fence FROM outreaches WHERE key = $1 AND channel = 'email'",
    postgres: "SELECT payload, state, fence FROM outreaches WHERE key = $1 AND channel = 'email'
        FOR UPDATE",
};

const SETTLE: &str = "UPDATE outreaches SET state = $4, settled_at = $5, detail = $6,
         last_error = COALESCE($7, last_error), lease_until = NULL
     WHERE key = $1 AND fence = $2 AND state = $3";

const NOTE: &str = "UPDATE outreaches SET last_error = $4
     WHERE key = $1 AND fence = $2 AND state = $3 AND COALESCE(last_error, '') <> $4";

impl Store {
    /// Takes in what a report says of an e-mail to one of `addresses`, at `wall`.
    ///
    /// What failed is `failed` from now on, and a dead address is suppressed; what arrived settles
    /// an `uncertain` one; a complaint suppresses everybody whom the message reached, for
    /// everything that can be refused. `None` where the report is about no e-mail of ours: there is
    /// none of that key, or it went to none of these addresses. A complaint may name no address.
    pub async fn reported(
        &self,
        key: &OutreachKey,
        addresses: &[Recipient],
        fate: &Fate,
        wall: Instant,
    ) -> Result<Option<Reported>, StoreError> {
        let mut tx = self.database.write_behind("take_in_report", &[Lock::OptingOut]).await?;
        let reported = self.take_in(&mut tx, key, addresses, fate, wall).await;
        match reported {
            Ok(None | Some(Reported { changed: false, suppressed: false })) => {
                tx.rollback().await?;
                reported
            }
            reported => tx.end(reported).await,
        }
    }

    async fn take_in(
        &self,
        tx: &mut Transaction<'_>,
        key: &OutreachKey,
        addresses: &[Recipient],
        fate: &Fate,
        wall: Instant,
    ) -> Result<Option<Reported>, StoreError> {
        let rows = tx.fetch(READ, &[key.as_str().into()]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let outreach = read_payload(row, 0)?;
        let reached = self.reached(&outreach, addresses);
        if reached.is_none() && !(addresses.is_empty() && *fate == Fate::Complaint) {
            return Ok(None);
        }
        let (state, fence): (String, i64) = (row.get(1)?, row.get(2)?);
        let from: [Arg; 3] = [key.as_str().into(), fence.into(), state.as_str().into()];
        let changed = match OutreachState::from_name(&state) {
            Some(state) => change(tx, &from, state, fate, wall).await?,
            None => false,
        };
        let people = match fate {
            Fate::Failed { dead: true, .. } => dead(reached),
            Fate::Complaint => everybody(&outreach, &complained()),
            _ => Vec::new(),
        };
        let suppressed = match people.is_empty() {
            true => 0,
            false => suppressions::insert(tx, &people, wall).await?,
        };
        Ok(Some(Reported { changed, suppressed: suppressed > 0 }))
    }

    /// Which of `addresses` an outreach went to, as its books have it.
    fn reached(&self, outreach: &Outreach, addresses: &[Recipient]) -> Option<Recipient> {
        let erased =
            addresses.iter().filter_map(|to| Some(self.opt_out.as_ref()?.erased_address(to)));
        let mut known = addresses.iter().cloned().chain(erased);
        known.find(|to| outreach.recipients.contains(to))
    }
}

/// Changes an outreach that is in `state`; false where the report changes nothing in that state.
async fn change(
    tx: &mut Transaction<'_>,
    from: &[Arg; 3],
    state: OutreachState,
    fate: &Fate,
    wall: Instant,
) -> Result<bool, StoreError> {
    use OutreachState::{Failed, Sent, Transmitting, Uncertain};
    let (to, detail, error) = match (fate, state) {
        (Fate::Failed { error, .. }, Sent | Uncertain | Transmitting) => {
            (Failed, None, Some(error.clone()))
        }
        (Fate::Delivered { detail }, Uncertain) => (Sent, Some(detail.clone()), None),
        (Fate::Complaint, Uncertain) => {
            (Sent, Some("it arrived: its reader complained".to_owned()), None)
        }
        (Fate::Delayed { error }, Sent | Uncertain | Transmitting) => {
            let args = [&from[..], &[error.as_str().into()]].concat();
            return Ok(tx.execute(NOTE, &args).await? == 1);
        }
        _ => return Ok(false),
    };
    let args = [to.name().into(), wall.into(), detail.into(), error.into()];
    Ok(tx.execute(SETTLE, &[&from[..], &args].concat()).await? == 1)
}

/// A mailbox that is not there; it says nothing about the customer's other addresses.
fn dead(reached: Option<Recipient>) -> Vec<NewSuppression> {
    let suppression = |recipient| NewSuppression {
        customer: None,
        recipient: Some(recipient),
        topic: None,
        cause: SuppressionCause::Bounce,
        note: Some("by a delivery report".to_owned()),
    };
    reached.into_iter().map(suppression).collect()
}

fn complained() -> NewSuppression {
    NewSuppression {
        customer: None,
        recipient: None,
        topic: None,
        cause: SuppressionCause::Refused,
        note: Some("complaint".to_owned()),
    }
}
