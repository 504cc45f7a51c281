//! Who somebody is, and what the books hold of them. Everything is read, nothing is changed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::database::Transaction;
use super::super::given::{Cell, Given, given};
use super::super::outbox::{read_payload, state};
use super::super::sql::{Row, json};
use super::super::{Store, StoreError};
use super::{Erasure, Whom, is_waiting};
use crate::domain::{CustomerId, Outreach, OutreachKey, OutreachState, Recipient};
use crate::opt_out::ERASED;

/// Somebody: the customers that they are, and their addresses.
#[derive(Debug, Default)]
pub(super) struct People {
    pub(super) customers: BTreeSet<CustomerId>,
    pub(super) recipients: BTreeSet<Recipient>,
}

/// What the books hold of somebody.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) people: People,
    /// What was decided for them, or went to one of their addresses, and where it stands.
    pub(super) outreaches: Vec<(Outreach, OutreachState)>,
    /// Decisions whose evidence says something of them, and what is left of it: run, place, JSON.
    pub(super) evidence: Vec<(i64, i64, String)>,
    tasks: u64,
    decisions: u64,
    suppressions: u64,
}

/// Also what was withdrawn: a decision names it.
const OUTREACHES: Given<2> = given!(
    0,
    (customer_id text, recipient text),
    "SELECT o.payload, o.state FROM outreaches o WHERE o.key IN (
         SELECT c.outreach FROM given g JOIN contacts c ON c.customer_id = g.customer_id
         UNION
         SELECT d.outreach FROM given g JOIN decisions d ON d.customer_id = g.customer_id
         UNION
         SELECT r.outreach FROM given g JOIN outreach_recipients r ON r.recipient = g.recipient)
     ORDER BY o.key"
);

const SUPPRESSIONS: Given<2> = given!(
    0,
    (customer_id text, recipient text),
    "SELECT s.customer_id, s.recipient FROM suppressions s
     WHERE s.customer_id IN (SELECT customer_id FROM given)
         OR s.recipient IN (SELECT recipient FROM given)"
);

const TASKS: Given<1> = given!(
    0,
    (outreach text),
    "SELECT COUNT(*) FROM given g JOIN tasks t ON t.outreach = g.outreach"
);

const DECISIONS: Given<1> = given!(
    0,
    (customer_id text),
    "SELECT COUNT(*) FROM given g JOIN decisions d ON d.customer_id = g.customer_id"
);

/// Evidence with values of theirs, and, in the same runs, evidence in which somebody else behind
/// the same address may name them.
const EVIDENCE: Given<1> = given!(
    0,
    (customer_id text),
    "SELECT d.run, d.place, d.customer_id, d.evidence FROM decisions d
     WHERE d.reason IN ('muted', 'outranked') AND d.run IN (
         SELECT own.run FROM given g JOIN decisions own ON own.customer_id = g.customer_id)"
);

impl Store {
    /// The addresses that the outbox knows of some customers. Who is not in it has none.
    pub async fn addresses(
        &self,
        customers: &BTreeSet<CustomerId>,
    ) -> Result<BTreeMap<CustomerId, BTreeSet<Recipient>>, StoreError> {
        let people = People { customers: customers.clone(), recipients: BTreeSet::new() };
        let mut tx = self.database.read().await?;
        let reached = outreaches(&mut tx, &people).await;
        let mut known: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (outreach, _) in tx.end(reached).await? {
            let subjects = outreach.subjects.iter().map(|subject| &subject.customer);
            for customer in subjects.filter(|customer| customers.contains(customer)) {
                let one = BTreeSet::from([customer.clone()]);
                known.entry(customer.clone()).or_default().extend(addresses(&outreach, &one));
            }
        }
        Ok(known)
    }
}

impl Known {
    pub(super) async fn read(tx: &mut Transaction<'_>, whom: Whom<'_>) -> Result<Self, StoreError> {
        let mut people = People {
            customers: whom.customer.into_iter().cloned().collect(),
            recipients: whom.recipient.into_iter().cloned().collect(),
        };
        if let Some(recipient) = whom.recipient {
            let reached = outreaches(tx, &people).await?;
            let owners = reached.iter().flat_map(|(outreach, _)| owners(outreach, recipient));
            people.customers.extend(owners);
        }
        people.recipients.extend(whom.theirs.iter().cloned());
        for (outreach, _) in outreaches(tx, &people).await? {
            people.recipients.extend(addresses(&outreach, &people.customers));
        }
        let suppressed = tx.fetch_given(&SUPPRESSIONS, &[], &people.rows()).await?;
        for row in &suppressed {
            people.learn(row)?;
        }
        let outreaches = outreaches(tx, &people).await?;
        let customers = people.ids();
        let keys: Vec<_> = outreaches.iter().map(|(o, _)| [o.key.as_str().into()]).collect();
        let evidence = tx.fetch_given(&EVIDENCE, &[], &customers).await?;
        let evidence =
            evidence.iter().filter_map(|row| scrubbed(row, &people.customers).transpose());
        Ok(Self {
            tasks: count(&tx.fetch_given(&TASKS, &[], &keys).await?)?,
            decisions: count(&tx.fetch_given(&DECISIONS, &[], &customers).await?)?,
            suppressions: suppressed.len() as u64,
            evidence: evidence.collect::<Result<_, _>>()?,
            outreaches,
            people,
        })
    }

    /// What has not begun to leave.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Outreach> {
        let waiting = self.outreaches.iter().filter(|(_, state)| is_waiting(*state));
        waiting.map(|(outreach, _)| outreach)
    }

    pub(super) fn erasure(&self) -> Erasure {
        Erasure {
            customers: self.people.customers.iter().cloned().collect(),
            recipients: self.people.recipients.iter().cloned().collect(),
            outreaches: self.outreaches.len() as u64,
            waiting: self.waiting().count() as u64,
            tasks: self.tasks,
            decisions: self.decisions,
            suppressions: self.suppressions,
        }
    }
}

impl People {
    pub(super) fn ids(&self) -> Vec<[Cell<'_>; 1]> {
        self.customers.iter().map(|id| [id.as_str().into()]).collect()
    }

    pub(super) fn rows(&self) -> Vec<[Cell<'_>; 2]> {
        let customers = self.customers.iter().map(|id| [id.as_str().into(), Cell::Null]);
        customers
            .chain(self.recipients.iter().map(|to| [Cell::Null, to.0.as_str().into()]))
            .collect()
    }

    /// Takes over the addresses in a suppression that names one of their customers.
    fn learn(&mut self, row: &Row) -> Result<(), StoreError> {
        let customer: Option<String> = row.get(0)?;
        let recipient: Option<String> = row.get(1)?;
        if customer.is_some_and(|id| self.customers.contains(&CustomerId::from(id)))
            && let Some(recipient) = recipient.filter(|to| !to.starts_with(ERASED))
        {
            self.recipients.insert(Recipient(recipient));
        }
        Ok(())
    }
}

async fn outreaches(
    tx: &mut Transaction<'_>,
    people: &People,
) -> Result<Vec<(Outreach, OutreachState)>, StoreError> {
    let rows = tx.fetch_given(&OUTREACHES, &[], &people.rows()).await?;
    let mut found: BTreeMap<OutreachKey, (Outreach, OutreachState)> = BTreeMap::new();
    for row in &rows {
        let outreach = read_payload(row, 0)?;
        found.insert(outreach.key.clone(), (outreach, state(row, 1)?));
    }
    Ok(found.into_values().collect())
}

/// The customers whose own data has an address; where nobody's has, and there is but one customer,
/// that one.
fn owners(outreach: &Outreach, recipient: &Recipient) -> Vec<CustomerId> {
    let own = outreach.subjects.iter();
    let own = own.filter(|subject| subject.facts.customer().recipients().contains(recipient));
    let own: Vec<CustomerId> = own.map(|subject| subject.customer.clone()).collect();
    let all: BTreeSet<_> = outreach.subjects.iter().map(|subject| &subject.customer).collect();
    match (own.is_empty(), all.len(), all.first()) {
        (true, 1, Some(only)) => vec![(*only).clone()],
        _ => own,
    }
}

/// The addresses of some customers that an outreach knows.
fn addresses(outreach: &Outreach, customers: &BTreeSet<CustomerId>) -> Vec<Recipient> {
    let (theirs, others): (Vec<_>, Vec<_>) =
        outreach.subjects.iter().partition(|subject| customers.contains(&subject.customer));
    let mut found: Vec<_> =
        theirs.iter().flat_map(|subject| subject.facts.customer().recipients()).collect();
    if others.is_empty() && !theirs.is_empty() {
        found.extend(outreach.recipients.iter().cloned());
    }
    found.retain(|to| !to.0.starts_with(ERASED));
    found
}

/// What is left of a decision's evidence without its values and without these customers; `None`
/// where it says nothing of them.
fn scrubbed(
    row: &Row,
    customers: &BTreeSet<CustomerId>,
) -> Result<Option<(i64, i64, String)>, StoreError> {
    let own = customers.contains(&row.id::<CustomerId>(2)?);
    let Some(told) = row.get::<Option<String>>(3)? else { return Ok(None) };
    let mut told: Value = serde_json::from_str(&told)
        .map_err(|error| StoreError::Damaged { what: "a decision", cause: error.to_string() })?;
    let Some(fields) = told.as_object_mut() else { return Ok(None) };
    let named = fields.get("customer_id").and_then(Value::as_str);
    let names = named.is_some_and(|id| own || customers.contains(&CustomerId::from(id)));
    let values = own && fields.contains_key("read");
    if names {
        fields.remove("customer_id");
    }
    if values {
        fields.insert("read".to_owned(), Value::Object(serde_json::Map::new()));
    }
    match names || values {
        true => Ok(Some((row.get(0)?, row.get(1)?, json(&told)?))),
        false => Ok(None),
    }
}

fn count(rows: &[Row]) -> Result<u64, StoreError> {
    rows.first().map_or(Ok(0), |row| row.count(0).map(u64::from))
}
