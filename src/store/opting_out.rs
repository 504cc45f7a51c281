//! Opting out by the link of a message: whoever it reached hears no more of its topic, or of
//! anything. Nothing is looked up that the message does not name.

use super::database::Transaction;
use super::outbox::read_payload;
use super::server::Lock;
use super::{NewSuppression, Store, StoreError, suppressions};
use crate::domain::{Instant, Outreach, OutreachKey, SuppressionCause};

/// What opting out did.
#[derive(Clone, Debug, PartialEq)]
pub struct Stopped {
    /// The message by whose link it was done.
    pub outreach: Outreach,
    /// How many suppressions it made; none where all had been there.
    pub new: u64,
}

const PAYLOAD: &str = "SELECT payload FROM outreaches WHERE key = $1";

impl Store {
    /// One outreach; `None` if there is none of that key.
    pub async fn outreach(&self, key: &OutreachKey) -> Result<Option<Outreach>, StoreError> {
        let mut tx = self.database.read().await?;
        let outreach = find(&mut tx, key).await;
        tx.end(outreach).await
    }

    /// Suppresses every customer and every address that an outreach names, for `topic` or, where
    /// it is `None`, for all; `None` if there is no outreach of that key. No message to them
    /// starts to leave after this has returned.
    pub async fn stop(
        &self,
        key: &OutreachKey,
        topic: Option<&str>,
        at: Instant,
    ) -> Result<Option<Stopped>, StoreError> {
        let mut tx = self.database.write_behind("opt_out", &[Lock::OptingOut]).await?;
        let stopped = stop(&mut tx, key, topic, at).await;
        match stopped {
            Ok(Some(stopped)) if stopped.new == 0 => tx.rollback().await.map(|()| Some(stopped)),
            stopped => tx.end(stopped).await,
        }
    }
}

async fn stop(
    tx: &mut Transaction<'_>,
    key: &OutreachKey,
    topic: Option<&str>,
    at: Instant,
) -> Result<Option<Stopped>, StoreError> {
    let Some(outreach) = find(tx, key).await? else { return Ok(None) };
    let person = NewSuppression {
        customer: None,
        recipient: None,
        topic: topic.map(str::to_owned),
        cause: SuppressionCause::Refused,
        note: Some("by the link in a message".to_owned()),
    };
    let new = suppressions::insert(tx, &everybody(&outreach, &person), at).await?;
    Ok(Some(Stopped { outreach, new }))
}

/// `person` for each customer behind each address of an outreach.
pub(super) fn everybody(outreach: &Outreach, person: &NewSuppression) -> Vec<NewSuppression> {
    let customers: std::collections::BTreeSet<_> =
        outreach.subjects.iter().map(|subject| &subject.customer).collect();
    let addresses = || outreach.recipients.iter().map(Some);
    let addresses = || addresses().chain(outreach.recipients.is_empty().then_some(None));
    let behind = |customer: &crate::domain::CustomerId| {
        let customer = customer.clone();
        addresses().map(move |address| NewSuppression {
            customer: Some(customer.clone()),
            recipient: address.cloned(),
            ..person.clone()
        })
    };
    customers.into_iter().flat_map(behind).collect()
}

pub(super) async fn find(
    tx: &mut Transaction<'_>,
    key: &OutreachKey,
) -> Result<Option<Outreach>, StoreError> {
    let rows = tx.fetch(PAYLOAD, &[key.as_str().into()]).await?;
    rows.first().map(|row| read_payload(row, 0)).transpose()
}
