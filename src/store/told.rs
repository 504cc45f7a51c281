//! Open episodes in which somebody was told, or works on it: what is owed to them when it is over.
//! Nothing is written here.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::given::{Cell, Given, given};
use super::outbox::read_payload;
use super::sql::Row;
use super::{Store, StoreError};
use crate::domain::{CustomerId, Instant, Outreach, OutreachKey, RuleId, SubjectId};

/// An open episode that somebody was told about, or works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEnd {
    /// Its rule.
    pub rule: RuleId,
    /// Whom it is about.
    pub customer: CustomerId,
    /// What it is about.
    pub subject: SubjectId,
    /// The run that first saw it.
    pub started_at: Instant,
    /// The last contact of it that was sent, or may have been; else its open task.
    pub outreach: OutreachKey,
    /// Whether the customer was told.
    pub told: bool,
    /// Whether a contact of it is on its way just now, so that nobody knows yet.
    pub leaving: bool,
}

/// The contacts of some rules' open episodes. Which episodes are open, and which contacts are known, is
/// said by the ends.
macro_rules! told {
    ($own:tt, $open:literal, $known:literal) => {
        given!(
            $own,
            (rule text),
            concat!(
                "SELECT e.rule, e.customer_id, e.subject, e.started_at, c.outreach,
                     CAST(CASE WHEN o.state IN ('sent', 'uncertain') THEN 1 ELSE 0 END AS BIGINT)
                 FROM given g
                 JOIN episodes e ON e.rule = g.rule AND ",
                $open,
                " JOIN contacts c ON c.rule = e.rule AND c.customer_id = e.customer_id
                     AND c.subject = e.subject AND c.episode_started_at = e.started_at
                     AND c.channel <> 'task'",
                $known,
                " JOIN outreaches o ON o.key = c.outreach
                     AND o.state IN ('sent', 'uncertain', 'claimed', 'transmitting', 'retry')
                 ORDER BY c.at, c.dedupe_key"
            )
        )
    };
}

const TOLD: Given<1> = told!(0, "e.ended_at IS NULL", "");

const TOLD_BEFORE: Given<1> =
    told!(1, "e.started_at < $1 AND (e.ended_at IS NULL OR e.ended_at >= $1)", " AND c.at < $1");

const WORKED_ON: &str = "SELECT e.rule, e.customer_id, e.subject, e.started_at, c.outreach,
         CAST(0 AS BIGINT)
     FROM tasks t
     JOIN contacts c ON c.outreach = t.outreach
     JOIN episodes e ON e.rule = c.rule AND e.customer_id = c.customer_id
         AND e.subject = c.subject AND e.started_at = c.episode_started_at
         AND e.ended_at IS NULL
     WHERE t.done_at IS NULL AND t.solved_at IS NULL";

const PAYLOADS: Given<1> = given!(
    0,
    (key text),
    "SELECT o.key, o.payload FROM given g JOIN outreaches o ON o.key = g.key"
);

impl Store {
    /// Open episodes that customers were told about or are being told, of these rules, and those of any rule with an
    /// open task. Each episode is there once.
    pub async fn open_ends(&self, rules: &[RuleId]) -> Result<Vec<OpenEnd>, StoreError> {
        let rules = cells(rules);
        let mut tx = self.database.read().await?;
        let found = async {
            let worked_on = tx.fetch(WORKED_ON, &[]).await?;
            let told = match rules.is_empty() {
                true => Vec::new(),
                false => tx.fetch_given(&TOLD, &[], &rules).await?,
            };
            Ok((worked_on, told))
        }
        .await;
        let (worked_on, told) = tx.end(found).await?;
        let mut ends = BTreeMap::new();
        for row in &worked_on {
            add(&mut ends, row, false)?;
        }
        for row in &told {
            add(&mut ends, row, row.count(5)? == 0)?;
        }
        Ok(ends.into_values().collect())
    }

    /// What customers had been told of in the open episodes of these rules just before an instant.
    /// What was on its way then is told of as it ended.
    pub async fn open_ends_before(
        &self,
        rules: &[RuleId],
        as_of: Instant,
    ) -> Result<Vec<OpenEnd>, StoreError> {
        let rules = cells(rules);
        if rules.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.database.read().await?;
        let told = tx.fetch_given(&TOLD_BEFORE, &[as_of.into()], &rules).await;
        let mut ends = BTreeMap::new();
        for row in &tx.end(told).await? {
            add(&mut ends, row, row.count(5)? == 0)?;
        }
        Ok(ends.into_values().collect())
    }

    /// Outreaches as they were last decided, by their keys.
    pub async fn outreaches(
        &self,
        keys: &BTreeSet<OutreachKey>,
    ) -> Result<BTreeMap<OutreachKey, Outreach>, StoreError> {
        let keys: Vec<_> = keys.iter().map(|key| [key.as_str().into()]).collect();
        let mut tx = self.database.read().await?;
        let rows = tx.fetch_given(&PAYLOADS, &[], &keys).await;
        let rows = tx.end(rows).await?;
        rows.iter().map(|row| Ok((row.id(0)?, read_payload(row, 1)?))).collect()
    }
}

fn cells(rules: &[RuleId]) -> Vec<[Cell<'_>; 1]> {
    let rules: BTreeSet<&RuleId> = rules.iter().collect();
    rules.into_iter().map(|rule| [rule.as_str().into()]).collect()
}

type Ends = BTreeMap<(RuleId, CustomerId, SubjectId), OpenEnd>;

/// Adds what one outreach says of an episode to what the earlier ones said.
fn add(ends: &mut Ends, row: &Row, leaving: bool) -> Result<(), StoreError> {
    let told = row.count(5)? == 1;
    let end = OpenEnd {
        rule: row.id(0)?,
        customer: row.id(1)?,
        subject: row.id(2)?,
        started_at: row.instant(3)?,
        outreach: row.id(4)?,
        told,
        leaving,
    };
    let key = (end.rule.clone(), end.customer.clone(), end.subject.clone());
    match ends.entry(key) {
        Entry::Vacant(entry) => drop(entry.insert(end)),
        Entry::Occupied(mut entry) => {
            let known = entry.get_mut();
            known.leaving |= leaving;
            if told {
                (known.told, known.outreach) = (true, end.outreach);
            }
        }
    }
    Ok(())
}
