//! What is held, and what a person says to it. An approval is bound to just what was shown: if that
//! has changed meanwhile, nothing is approved.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::database::Transaction;
use super::outbox::read_payload;
use super::{Store, StoreError, record};
use crate::domain::{Instant, Outreach, Refusal, RuleId};

/// What is held of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct HeldRule {
    /// The rule.
    pub rule: RuleId,
    /// How many messages nobody approved yet.
    pub messages: u64,
    /// To how many customers.
    pub customers: u64,
    /// How many were approved and wait for the next run.
    pub approved: u64,
    /// The first run that held any of it.
    pub since: Instant,
    /// Why, as the newest run has it.
    pub refusal: Option<Refusal>,
    /// The hashes of the rule and the policy under which they are held.
    pub bounds: BTreeSet<String>,
    /// The hash of all that an approval would be bound to.
    pub shown: String,
    /// The versions of the rule that were evaluated and since when each, the newest first.
    pub versions: Vec<(String, Instant)>,
    /// Some of the messages, by key.
    pub sample: Vec<Outreach>,
}

/// How many messages are given as a sample.
const SAMPLE: i64 = 5;

const RULES: &str = "SELECT rule, COUNT(CASE WHEN approval IS NULL THEN 1 END), COUNT(approval),
         MIN(run)
     FROM outreaches WHERE state = 'held' GROUP BY rule ORDER BY rule";

/// What an approval of a rule would be about.
const ABOUT: &str = "SELECT c.dedupe_key, c.customer_id, o.bound
     FROM outreaches o JOIN contacts c ON c.outreach = o.key
     WHERE o.state = 'held' AND o.rule = $1 AND o.approval IS NULL ORDER BY c.dedupe_key";

const SOME: &str = "SELECT payload FROM outreaches
     WHERE state = 'held' AND rule = $1 AND approval IS NULL ORDER BY key LIMIT $2";

const BECAUSE: &str = "SELECT evidence FROM decisions
     WHERE run = (SELECT MAX(as_of) FROM runs) AND rule = $1 AND outcome = 'held' LIMIT 1";

const VERSIONS: &str = "SELECT version, since FROM rule_versions WHERE rule = $1
     ORDER BY since DESC, version";

const APPROVE: &str = "UPDATE outreaches SET approval = $2
     WHERE state = 'held' AND rule = $1 AND approval IS NULL";

const FREE: &str = "DELETE FROM contacts
     WHERE outreach IN (SELECT key FROM outreaches WHERE state = 'held' AND rule = $1)";

const REJECT: &str = "UPDATE outreaches SET state = 'withdrawn', detail = 'rejected',
         settled_at = $2, bound = NULL, approval = NULL
     WHERE state = 'held' AND rule = $1";

impl Store {
    /// What is held, by rule.
    pub async fn held(&self) -> Result<Vec<HeldRule>, StoreError> {
        let mut tx = self.database.read().await?;
        let held = read(&mut tx).await;
        tx.end(held).await
    }

    /// Approves what is held of a rule, if it is just what `shown` says, and gives how many messages
    /// that are; `None` where it is no longer. The next run decides them afresh.
    pub async fn approve(&self, rule: &RuleId, shown: &str) -> Result<Option<u64>, StoreError> {
        let mut tx = self.database.write("approve").await?;
        let approved = approve(&mut tx, rule, shown).await;
        tx.end(approved).await
    }

    /// Takes back everything that is held of a rule, and gives how many messages that were. What
    /// they were to tell about may be told another time.
    pub async fn reject(&self, rule: &RuleId, wall: Instant) -> Result<u64, StoreError> {
        let mut tx = self.database.write("reject").await?;
        let rejected = reject(&mut tx, rule, wall).await;
        tx.end(rejected).await
    }
}

async fn read(tx: &mut Transaction<'_>) -> Result<Vec<HeldRule>, StoreError> {
    let mut held = Vec::new();
    for row in tx.fetch(RULES, &[]).await? {
        let rule: RuleId = row.id(0)?;
        let about = about(tx, &rule).await?;
        let name = || rule.as_str().into();
        let some = tx.fetch(SOME, &[name(), SAMPLE.into()]).await?;
        let because = tx.fetch(BECAUSE, &[name()]).await?;
        let because = because.first().map(|row| row.get::<Option<String>>(0)).transpose()?;
        let versions = tx.fetch(VERSIONS, &[name()]).await?;
        held.push(HeldRule {
            messages: row.count(1)?.into(),
            approved: row.count(2)?.into(),
            since: row.instant(3)?,
            customers: about.customers.len() as u64,
            refusal: because.flatten().map(|evidence| refusal(&evidence)).transpose()?,
            bounds: about.bounds,
            shown: about.shown,
            versions: versions
                .iter()
                .map(|row| Ok((row.get(0)?, row.instant(1)?)))
                .collect::<Result<_, StoreError>>()?,
            sample: some.iter().map(|row| read_payload(row, 0)).collect::<Result<_, _>>()?,
            rule,
        });
    }
    Ok(held)
}

/// What an approval is bound to.
struct About {
    customers: BTreeSet<String>,
    bounds: BTreeSet<String>,
    shown: String,
}

async fn about(tx: &mut Transaction<'_>, rule: &RuleId) -> Result<About, StoreError> {
    let mut about =
        About { customers: BTreeSet::new(), bounds: BTreeSet::new(), shown: String::new() };
    let mut hash = Sha256::new();
    for row in tx.fetch(ABOUT, &[rule.as_str().into()]).await? {
        let key: String = row.get(0)?;
        let bound = row.get::<Option<String>>(2)?.unwrap_or_default();
        for part in [&key, &bound] {
            // The length first, so that no two lists of parts read the same.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        about.customers.insert(row.get(1)?);
        about.bounds.insert(bound);
    }
    about.shown = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(about)
}

fn refusal(evidence: &str) -> Result<Refusal, StoreError> {
    let damaged = |error: serde_json::Error| StoreError::Damaged {
        what: "a decision",
        cause: error.to_string(),
    };
    let evidence: serde_json::Value = serde_json::from_str(evidence).map_err(damaged)?;
    serde_json::from_value(serde_json::json!({ "reason": "held", "evidence": evidence }))
        .map_err(damaged)
}

async fn approve(
    tx: &mut Transaction<'_>,
    rule: &RuleId,
    shown: &str,
) -> Result<Option<u64>, StoreError> {
    record::turn_page(tx).await?;
    if about(tx, rule).await?.shown != shown {
        return Ok(None);
    }
    tx.execute(APPROVE, &[rule.as_str().into(), shown.into()]).await.map(Some)
}

async fn reject(tx: &mut Transaction<'_>, rule: &RuleId, wall: Instant) -> Result<u64, StoreError> {
    record::turn_page(tx).await?;
    tx.execute(FREE, &[rule.as_str().into()]).await?;
    tx.execute(REJECT, &[rule.as_str().into(), wall.into()]).await
}
