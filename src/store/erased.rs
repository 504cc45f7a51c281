//! Knowing those again who were erased. Only keyed hashes of them are in the books, and nothing
//! here turns a hash back into a person: whoever is on the table is hashed and compared.

use std::collections::{BTreeMap, BTreeSet};

use super::database::Transaction;
use super::given::Cell;
use super::{Store, StoreError};
use crate::domain::{CustomerId, Recipient, Suppression};
use crate::opt_out::{Kind, OptOut};

impl Store {
    /// The same store, which knows those again who were erased.
    ///
    /// # Errors
    /// `KeyNeeded` where people were erased, and `opt_out` is absent or has another key.
    pub async fn recognising(mut self, opt_out: Option<OptOut>) -> Result<Self, StoreError> {
        let mut tx = self.database.read().await?;
        let checked = any(&mut tx, opt_out.as_ref()).await;
        tx.end(checked).await?;
        self.opt_out = opt_out;
        Ok(self)
    }

    /// What signs the links of messages that leave from this store, if it is configured.
    pub fn opt_out(&self) -> Option<&OptOut> {
        self.opt_out.as_ref()
    }
}

/// Whether anybody was erased. An error where those who were could not be known again.
pub(super) async fn any(
    tx: &mut Transaction<'_>,
    opt_out: Option<&OptOut>,
) -> Result<bool, StoreError> {
    let rows = tx.fetch("SELECT DISTINCT fingerprint FROM erasures", &[]).await?;
    let own = opt_out.map(OptOut::fingerprint);
    for row in &rows {
        match &own {
            None => return Err(StoreError::KeyNeeded { cause: "no key is configured" }),
            Some(own) if *own != row.get::<String>(0)? => {
                return Err(StoreError::KeyNeeded { cause: "another key is configured" });
            }
            Some(_) => {}
        }
    }
    Ok(!rows.is_empty())
}

/// The hashes of some people, by which those of them who were erased are found.
#[derive(Default)]
pub(super) struct Erased {
    customers: BTreeMap<String, CustomerId>,
    recipients: BTreeMap<String, Recipient>,
}

impl Erased {
    /// Hashes customers and addresses, if anybody was erased at all.
    pub(super) async fn among(
        tx: &mut Transaction<'_>,
        opt_out: Option<&OptOut>,
        customers: &BTreeSet<&str>,
        recipients: &BTreeSet<&str>,
    ) -> Result<Self, StoreError> {
        match any(tx, opt_out).await? {
            true => Ok(Self::of(opt_out, customers, recipients)),
            false => Ok(Self::default()),
        }
    }

    /// Hashes customers and addresses, where there is a key.
    pub(super) fn of(
        opt_out: Option<&OptOut>,
        customers: &BTreeSet<&str>,
        recipients: &BTreeSet<&str>,
    ) -> Self {
        let Some(key) = opt_out else { return Self::default() };
        let id = |id: &&str| (key.hash(Kind::Customer, id), CustomerId::from(id));
        let address = |to: &&str| (key.hash(Kind::Address, to), Recipient((*to).to_owned()));
        Self {
            customers: customers.iter().map(id).collect(),
            recipients: recipients.iter().map(address).collect(),
        }
    }

    /// The hashes, as rows of customer and address.
    pub(super) fn people(&self) -> impl Iterator<Item = [Cell<'_>; 2]> {
        let customers = self.customers.keys().map(|id| [id.as_str().into(), Cell::Null]);
        customers.chain(self.recipients.keys().map(|to| [Cell::Null, to.as_str().into()]))
    }

    /// A suppression that names somebody by hash, about whoever it is on the table.
    pub(super) fn recognise(&self, found: Suppression) -> Suppression {
        let id = found.customer.as_ref().and_then(|id| self.customers.get(id.as_str()));
        let to = found.recipient.as_ref().and_then(|to| self.recipients.get(&to.0));
        Suppression {
            customer: id.cloned().or(found.customer),
            recipient: to.cloned().or(found.recipient),
            ..found
        }
    }
}
