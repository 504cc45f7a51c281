//! Who is not to be contacted. A person is suppressed by customer id, by address, or both, for one
//! topic or for all; entering them twice changes nothing.

use super::database::Transaction;
use super::given::{Cell, Given, given};
use super::server::Lock;
use super::sql::Row;
use super::{Store, StoreError, record};
use crate::domain::{CustomerId, Instant, Recipient, Suppression, SuppressionCause};

/// Somebody who is not to be contacted from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSuppression {
    /// The customer; this or the address has to be there.
    pub customer: Option<CustomerId>,
    /// The normalised address.
    pub recipient: Option<Recipient>,
    /// The topic; `None` for all.
    pub topic: Option<String>,
    /// Why.
    pub cause: SuppressionCause,
    /// What the person who entered it wants to remember.
    pub note: Option<String>,
}

/// A suppression and its note.
#[derive(Clone, Debug, PartialEq)]
pub struct SuppressionRow {
    /// Who, about what, why and since when.
    pub suppression: Suppression,
    /// What the person who entered it wanted to remember.
    pub note: Option<String>,
}

const INSERT: Given<5> = given!(
    1,
    (customer_id text, recipient text, topic text, cause text, note text),
    "INSERT INTO suppressions (customer_id, recipient, topic, cause, note, since)
     SELECT customer_id, recipient, topic, cause, note, $1 FROM given WHERE true
     ON CONFLICT DO NOTHING"
);

const LIST: &str = "SELECT customer_id, recipient, topic, cause, since, note FROM suppressions
     ORDER BY since, id";

/// `$3` and `$4` are what is kept of the two once they are erased.
const DELETE: &str = "DELETE FROM suppressions
     WHERE (customer_id IN ($1, $3) OR recipient IN ($2, $4)) AND COALESCE(topic, '') = $5";

impl Store {
    /// Suppresses people from `at` on, and gives how many of them were not suppressed before for
    /// the same topic and cause. Where none was new, nothing changes. No message to them starts to
    /// leave after this has returned.
    pub async fn suppress(
        &self,
        people: &[NewSuppression],
        at: Instant,
    ) -> Result<u64, StoreError> {
        let mut tx = self.database.write_behind("suppress", &[Lock::OptingOut]).await?;
        let changed = insert(&mut tx, people, at).await;
        end(tx, changed).await
    }

    /// Lifts the suppressions that name this customer or this address, for just this topic (`None`:
    /// those for all), whatever their cause, and gives how many there were.
    pub async fn unsuppress(
        &self,
        customer: Option<&CustomerId>,
        recipient: Option<&Recipient>,
        topic: Option<&str>,
    ) -> Result<u64, StoreError> {
        let key = self.opt_out.as_ref();
        let erased_customer = key.zip(customer).map(|(key, id)| key.erased_customer(id));
        let erased_address = key.zip(recipient).map(|(key, to)| key.erased_address(to).0);
        let args = [
            customer.map(ToString::to_string).into(),
            recipient.map(|to| to.0.clone()).into(),
            erased_customer.map(|id| id.to_string()).into(),
            erased_address.into(),
            topic.unwrap_or_default().into(),
        ];
        let mut tx = self.database.write("unsuppress").await?;
        let changed = match record::turn_page(&mut tx).await {
            Ok(_) => tx.execute(DELETE, &args).await,
            Err(error) => Err(error),
        };
        end(tx, changed).await
    }

    /// Everybody who is suppressed, in the order in which they were entered.
    pub async fn suppressions(&self) -> Result<Vec<SuppressionRow>, StoreError> {
        let mut tx = self.database.read().await?;
        let rows = tx.fetch(LIST, &[]).await;
        let rows = tx.end(rows).await?;
        rows.iter()
            .map(|row| Ok(SuppressionRow { suppression: read(row)?, note: row.get(5)? }))
            .collect()
    }
}

/// Suppresses people, in a transaction that waited for [`Lock::OptingOut`].
pub(super) async fn insert(
    tx: &mut Transaction<'_>,
    people: &[NewSuppression],
    at: Instant,
) -> Result<u64, StoreError> {
    record::turn_page(tx).await?;
    add(tx, people, at).await
}

/// Adds suppressions. Runs that are being decided just now don't see them; the door does.
pub(super) async fn add(
    tx: &mut Transaction<'_>,
    people: &[NewSuppression],
    at: Instant,
) -> Result<u64, StoreError> {
    tx.bulk(&INSERT, &[at.into()], people.iter().map(row)).await
}

fn row(person: &NewSuppression) -> Result<[Cell<'_>; 5], StoreError> {
    if person.customer.is_none() && person.recipient.is_none() {
        let nobody = "a suppression names neither a customer nor an address".to_owned();
        return Err(StoreError::Contradiction(nobody));
    }
    Ok([
        person.customer.as_ref().map(CustomerId::as_str).into(),
        person.recipient.as_ref().map(|to| to.0.as_str()).into(),
        person.topic.as_deref().into(),
        person.cause.name().into(),
        person.note.as_deref().into(),
    ])
}

/// Commits, unless nothing changed: then the books stay as they were.
async fn end(tx: Transaction<'_>, changed: Result<u64, StoreError>) -> Result<u64, StoreError> {
    match changed {
        Ok(0) => tx.rollback().await.map(|()| 0),
        changed => tx.end(changed).await,
    }
}

/// The suppression in a row's first five columns.
pub(super) fn read(row: &Row) -> Result<Suppression, StoreError> {
    let cause: String = row.get(3)?;
    Ok(Suppression {
        customer: row.get::<Option<String>>(0)?.map(Into::into),
        recipient: row.get::<Option<String>>(1)?.map(Recipient),
        topic: row.get(2)?,
        cause: SuppressionCause::from_name(&cause).ok_or_else(|| StoreError::Damaged {
            what: "a suppression's cause",
            cause: format!("`{cause}` is none"),
        })?,
        since: row.instant(4)?,
    })
}
