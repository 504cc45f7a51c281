//! Open episodes in which somebody was told, or works on it: what is owed to them when it is over.
//! Nothing is written here.

use std::collections::{BTreeMap, BTreeSet};

use super::given::{Given, given};
use super::outbox::read_payload;
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
}

const TOLD: Given<1> = given!(
    0,
    (rule text),
    "SELECT e.rule, e.customer_id, e.subject, e.started_at, c.outreach
     FROM given g
     JOIN episodes e ON e.rule = g.rule AND e.ended_at IS NULL
     JOIN contacts c ON c.rule = e.rule AND c.customer_id = e.customer_id
         AND c.subject = e.subject AND c.episode_started_at = e.started_at
         AND c.channel <> 'task'
     JOIN outreaches o ON o.key = c.outreach AND o.state IN ('sent', 'uncertain')
     ORDER BY c.at, c.dedupe_key"
);

const WORKED_ON: &str = "SELECT e.rule, e.customer_id, e.subject, e.started_at, c.outreach
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
    /// Open episodes that customers were told about, of these rules, and those of any rule with an
    /// open task. Each episode is there once.
    pub async fn open_ends(&self, rules: &[RuleId]) -> Result<Vec<OpenEnd>, StoreError> {
        let rules: BTreeSet<&RuleId> = rules.iter().collect();
        let rules: Vec<_> = rules.iter().map(|rule| [rule.as_str().into()]).collect();
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
        let rows =
            worked_on.iter().map(|row| (row, false)).chain(told.iter().map(|row| (row, true)));
        for (row, told) in rows {
            let end = OpenEnd {
                rule: row.id(0)?,
                customer: row.id(1)?,
                subject: row.id(2)?,
                started_at: row.instant(3)?,
                outreach: row.id(4)?,
                told,
            };
            ends.insert((end.rule.clone(), end.customer.clone(), end.subject.clone()), end);
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
