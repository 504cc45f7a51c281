//! Forgetting somebody: names, addresses, facts and words go, and only keyed hashes stay, by which
//! they are known again and never contacted. Counts and keys stay as they were, so that the books
//! still balance. Nothing that is erased here can be brought back.

mod kept;
mod people;

use std::collections::BTreeSet;

use super::database::Transaction;
use super::given::{Cell, Given, given};
use super::server::Lock;
use super::sql::json;
use super::{NewSuppression, Store, StoreError, erased, suppressions};
use crate::domain::{
    CustomerId, Facts, Instant, Outreach, OutreachState, Recipient, SuppressionCause,
};
use crate::opt_out::OptOut;
pub use kept::Kept;
use people::{Known, People};

/// Who is to be erased.
#[derive(Clone, Copy, Debug)]
pub struct Whom<'a> {
    /// Whoever has this id.
    pub customer: Option<&'a CustomerId>,
    /// Whoever has this address.
    pub recipient: Option<&'a Recipient>,
    /// Where the customer is besides, by the company's own data.
    pub theirs: &'a BTreeSet<Recipient>,
}

/// What there is, or was, to erase.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// The customers that the person is.
    pub customers: Vec<CustomerId>,
    /// Their addresses.
    pub recipients: Vec<Recipient>,
    /// Messages and tasks about them.
    pub outreaches: u64,
    /// Of these, the ones that have not begun to leave: they are withdrawn.
    pub waiting: u64,
    /// Tasks, with their words.
    pub tasks: u64,
    /// Decisions about them.
    pub decisions: u64,
    /// Suppressions that name them; hashes stand in their place.
    pub suppressions: u64,
}

impl Erasure {
    /// Whether the books hold nothing at all of them.
    pub fn is_nothing(&self) -> bool {
        self.outreaches + self.tasks + self.decisions + self.suppressions == 0
    }
}

const WITHDRAW: Given<1> = given!(
    1,
    (key text),
    "UPDATE outreaches SET state = 'withdrawn', settled_at = $1, lease_until = NULL
     WHERE key IN (SELECT key FROM given) AND state IN ('held', 'ready', 'claimed', 'retry')"
);

/// What is taken back counts as no contact.
const FREE: Given<1> = given!(
    0,
    (key text),
    "DELETE FROM contacts WHERE outreach IN (SELECT key FROM given)"
);

const FORGET: Given<2> = given!(
    0,
    (key text, payload text),
    "UPDATE outreaches SET payload = given.payload, detail = 'erased', last_error = NULL,
         evidence = NULL
     FROM given WHERE outreaches.key = given.key"
);

const FORGET_WORDS: Given<1> = given!(
    1,
    (key text),
    "UPDATE tasks SET title = 'erased', body = '', done_at = COALESCE(done_at, $1),
         solved_because = NULL
     WHERE outreach IN (SELECT key FROM given)"
);

// A subject that is the customer itself has the same id.

const HIDE_IN_CONTACTS: Given<2> = given!(
    0,
    (plain text, hash text),
    "UPDATE contacts SET customer_id = given.hash,
         subject = CASE WHEN subject = given.plain THEN given.hash ELSE subject END
     FROM given WHERE contacts.customer_id = given.plain"
);

const HIDE_IN_DECISIONS: Given<2> = given!(
    0,
    (plain text, hash text),
    "UPDATE decisions SET customer_id = given.hash,
         subject = CASE WHEN subject = given.plain THEN given.hash ELSE subject END
     FROM given WHERE decisions.customer_id = given.plain"
);

const HIDE_IN_TASKS: Given<2> = given!(
    0,
    (plain text, hash text),
    "UPDATE tasks SET customer_id = given.hash,
         subject = CASE WHEN subject = given.plain THEN given.hash ELSE subject END
     FROM given WHERE tasks.customer_id = given.plain"
);

/// Their episodes end with the newest run: nobody will match a hash again.
const HIDE_IN_EPISODES: Given<2> = given!(
    0,
    (plain text, hash text),
    "UPDATE episodes SET customer_id = given.hash,
         subject = CASE WHEN subject = given.plain THEN given.hash ELSE subject END,
         ended_at = COALESCE(ended_at, (SELECT MAX(as_of) FROM runs), started_at)
     FROM given WHERE episodes.customer_id = given.plain"
);

const HIDE_RECIPIENTS: Given<2> = given!(
    0,
    (plain text, hash text),
    "UPDATE outreach_recipients SET recipient = given.hash FROM given
     WHERE outreach_recipients.recipient = given.plain"
);

const LIFT: Given<2> = given!(
    0,
    (customer_id text, recipient text),
    "DELETE FROM suppressions WHERE customer_id IN (SELECT customer_id FROM given)
         OR recipient IN (SELECT recipient FROM given)"
);

const FORGET_EVIDENCE: Given<3> = given!(
    0,
    (run bigint, place bigint, evidence text),
    "UPDATE decisions SET evidence = given.evidence FROM given
     WHERE decisions.run = given.run AND decisions.place = given.place"
);

impl Store {
    /// What [`Store::erase`] would erase. Changes nothing.
    ///
    /// # Errors
    /// `KeyNeeded` where there is no key, or people were erased by another one.
    pub async fn erasable(&self, whom: Whom<'_>) -> Result<Erasure, StoreError> {
        let mut tx = self.database.read().await?;
        let known = self.known(&mut tx, whom).await;
        tx.end(known).await.map(|(_, known)| known.erasure())
    }

    /// Erases somebody, at `wall`: one transaction, or nothing. No message to them starts to leave
    /// after this has returned, and none is decided.
    ///
    /// A customer is erased with all addresses that the outbox knows of them besides, an address with
    /// all customers whose it is.
    ///
    /// # Errors
    /// As for [`Store::erasable`].
    pub async fn erase(&self, whom: Whom<'_>, wall: Instant) -> Result<Erasure, StoreError> {
        let mut tx = self.database.write_behind("erase", &[Lock::OptingOut]).await?;
        let erased = self.erase_in(&mut tx, whom, wall).await;
        tx.end(erased).await
    }

    /// Writes a SQLite file anew, so that no trace is left in it of what was erased or overwritten.
    /// On a server, that is up to its own vacuum.
    ///
    /// # Errors
    /// Where another program uses the file.
    pub async fn scrub(&self) -> Result<(), StoreError> {
        self.database.scrub().await
    }

    async fn erase_in(
        &self,
        tx: &mut Transaction<'_>,
        whom: Whom<'_>,
        wall: Instant,
    ) -> Result<Erasure, StoreError> {
        let (key, known) = self.known(tx, whom).await?;
        let sql = "INSERT INTO erasures (at, fingerprint) VALUES ($1, $2)";
        tx.execute(sql, &[wall.into(), key.fingerprint().into()]).await?;
        forget_outreaches(tx, key, &known, wall).await?;
        forget_person(tx, key, &known.people, wall).await?;
        Ok(known.erasure())
    }

    /// Everything that the books know of somebody, and the key to hide it with.
    async fn known(
        &self,
        tx: &mut Transaction<'_>,
        whom: Whom<'_>,
    ) -> Result<(&OptOut, Known), StoreError> {
        let none = StoreError::KeyNeeded { cause: "no key is configured" };
        let key = self.opt_out.as_ref().ok_or(none)?;
        erased::any(tx, Some(key)).await?;
        Ok((key, Known::read(tx, whom).await?))
    }
}

async fn forget_outreaches(
    tx: &mut Transaction<'_>,
    key: &OptOut,
    known: &Known,
    wall: Instant,
) -> Result<(), StoreError> {
    let waiting = known.waiting().map(|outreach| Ok([outreach.key.as_str().into()]));
    tx.bulk(&WITHDRAW, &[wall.into()], waiting).await?;
    let waiting = known.waiting().map(|outreach| Ok([outreach.key.as_str().into()]));
    tx.bulk(&FREE, &[], waiting).await?;
    let payloads = known.outreaches.iter().map(|(outreach, _)| {
        let forgotten = json(&forgotten(outreach, &known.people, key))?;
        Ok([outreach.key.as_str().into(), forgotten.into()])
    });
    tx.bulk(&FORGET, &[], payloads).await?;
    let keys = known.outreaches.iter().map(|(outreach, _)| Ok([outreach.key.as_str().into()]));
    tx.bulk(&FORGET_WORDS, &[wall.into()], keys).await?;
    let evidence = known.evidence.iter();
    let evidence = evidence
        .map(|(run, place, told)| Ok([(*run).into(), (*place).into(), told.as_str().into()]));
    tx.bulk(&FORGET_EVIDENCE, &[], evidence).await?;
    Ok(())
}

async fn forget_person(
    tx: &mut Transaction<'_>,
    key: &OptOut,
    people: &People,
    wall: Instant,
) -> Result<(), StoreError> {
    let hashes = || {
        let customers = people.customers.iter();
        customers.map(|id| Ok([id.as_str().into(), key.erased_customer(id).to_string().into()]))
    };
    for table in [HIDE_IN_CONTACTS, HIDE_IN_DECISIONS, HIDE_IN_EPISODES, HIDE_IN_TASKS] {
        tx.bulk(&table, &[], hashes()).await?;
    }
    let addresses = people.recipients.iter();
    let addresses = addresses.map(|to| Ok([to.0.as_str().into(), key.erased_address(to).0.into()]));
    tx.bulk(&HIDE_RECIPIENTS, &[], addresses).await?;
    let ids = people.customers.iter().map(|id| Ok([id.as_str().into(), Cell::Null]));
    let addresses = people.recipients.iter().map(|to| Ok([Cell::Null, to.0.as_str().into()]));
    tx.bulk(&LIFT, &[], ids.chain(addresses)).await?;
    suppressions::insert(tx, &kept(key, people), wall).await.map(|_| ())
}

/// All that is kept: hashes, as suppressions that bind even what is necessary.
fn kept(key: &OptOut, people: &People) -> Vec<NewSuppression> {
    let mut customers: Vec<_> =
        people.customers.iter().map(|id| Some(key.erased_customer(id))).collect();
    let mut recipients: Vec<_> =
        people.recipients.iter().map(|to| Some(key.erased_address(to))).collect();
    if customers.is_empty() {
        customers.push(None);
    }
    if recipients.is_empty() {
        recipients.push(None);
    }
    let hidden = |customer: Option<CustomerId>| {
        recipients.iter().map(move |recipient| NewSuppression {
            customer: customer.clone(),
            recipient: recipient.clone(),
            topic: None,
            cause: SuppressionCause::Erasure,
            note: None,
        })
    };
    customers.into_iter().flat_map(hidden).collect()
}

/// An outreach without anything that says whom it was for. What else it spoke of was said to the
/// same person, so all facts go.
fn forgotten(outreach: &Outreach, people: &People, key: &OptOut) -> Outreach {
    let mut outreach = outreach.clone();
    outreach.address = None;
    for recipient in &mut outreach.recipients {
        if people.recipients.contains(recipient) {
            *recipient = key.erased_address(recipient);
        }
    }
    for subject in &mut outreach.subjects {
        subject.facts = Facts::default();
        subject.values.clear();
        if people.customers.contains(&subject.customer) {
            let hidden = key.erased_customer(&subject.customer);
            if subject.subject.as_str() == subject.customer.as_str() {
                subject.subject = hidden.as_str().into();
            }
            subject.customer = hidden;
        }
    }
    outreach
}

/// Whether an outreach has not begun to leave.
fn is_waiting(state: OutreachState) -> bool {
    use OutreachState::{Claimed, Held, Ready, Retry};
    [Held, Ready, Claimed, Retry].contains(&state)
}
