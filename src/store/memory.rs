//! What is usual: how many subjects each rule matched lately, and which columns of signals had
//! something in them. Only what a run in good health saw is ever remembered.

use std::collections::{BTreeMap, BTreeSet};

use super::database::Transaction;
use super::given::{Given, given};
use super::record::Run;
use super::volumes::median;
use super::{Store, StoreError};
use crate::domain::{Instant, RuleId, SignalName};

/// What is usual for rules and signals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Memory {
    /// The median of each rule's matches in its last ten evaluations in good health.
    pub matches: BTreeMap<RuleId, u64>,
    /// What is known of columns.
    pub fields: BTreeMap<(SignalName, String), FieldKnown>,
}

/// What is known of a column of a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FieldKnown {
    /// Whether it ever had something in it.
    pub filled: bool,
    /// Whether it was ever all NULL, or somebody said that it may be.
    pub empty: bool,
}

/// A column of a signal, as a run saw it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldSeen {
    /// The signal.
    pub signal: SignalName,
    /// The column; empty for whether the signal has rows.
    pub field: String,
    /// Whether there is something in it.
    pub filled: bool,
}

const MATCHES: &str = "SELECT rule, matches FROM rule_matches";

const FIELDS: &str = "SELECT signal, field, CASE WHEN filled_at IS NULL THEN CAST(0 AS BIGINT)
         ELSE CAST(1 AS BIGINT) END,
         CASE WHEN empty_at IS NULL THEN CAST(0 AS BIGINT) ELSE CAST(1 AS BIGINT) END
     FROM signal_fields";

const SEEN: Given<3> = given!(
    1,
    (signal text, field text, filled bigint),
    "INSERT INTO signal_fields (signal, field, filled_at, empty_at)
     SELECT signal, field, CASE WHEN filled = 1 THEN $1 END, CASE WHEN filled = 0 THEN $1 END
     FROM given WHERE true
     ON CONFLICT (signal, field) DO UPDATE SET
         filled_at = COALESCE(signal_fields.filled_at, excluded.filled_at),
         empty_at = COALESCE(signal_fields.empty_at, excluded.empty_at)"
);

const MATCHED: Given<2> = given!(
    1,
    (rule text, matches bigint),
    "INSERT INTO rule_matches (rule, run, matches) SELECT rule, $1, matches FROM given"
);

/// All but the last ten of each rule.
const FORGET: &str = "DELETE FROM rule_matches WHERE (rule, run) IN (SELECT rule, run FROM
     (SELECT rule, run, ROW_NUMBER() OVER (PARTITION BY rule ORDER BY run DESC) AS place
      FROM rule_matches) AS placed WHERE place > 10)";

const MAY_BE_EMPTY: &str = "UPDATE signal_fields SET empty_at = COALESCE(empty_at, $2)
     WHERE signal = $1 AND filled_at IS NOT NULL";

impl Store {
    /// What is usual, by the runs that were recorded.
    pub async fn memory(&self) -> Result<Memory, StoreError> {
        let mut tx = self.database.read().await?;
        let memory = read(&mut tx).await;
        tx.end(memory).await
    }

    /// A signal, and every column of it, may be empty from `at` on: it alarms nobody any more. False
    /// where nothing of it was ever seen.
    pub async fn may_be_empty(&self, signal: &SignalName, at: Instant) -> Result<bool, StoreError> {
        let mut tx = self.database.write("may_be_empty").await?;
        let changed = tx.execute(MAY_BE_EMPTY, &[signal.as_str().into(), at.into()]).await;
        tx.end(changed).await.map(|changed| changed > 0)
    }

    /// A rule may find nobody from now on: what was usual for it is forgotten. False where nothing
    /// was known.
    pub async fn may_find_nobody(&self, rule: &RuleId) -> Result<bool, StoreError> {
        let mut tx = self.database.write("may_find_nobody").await?;
        let sql = "DELETE FROM rule_matches WHERE rule = $1";
        let changed = tx.execute(sql, &[rule.as_str().into()]).await;
        tx.end(changed).await.map(|changed| changed > 0)
    }
}

async fn read(tx: &mut Transaction<'_>) -> Result<Memory, StoreError> {
    let mut matches: BTreeMap<RuleId, Vec<u64>> = BTreeMap::new();
    for row in tx.fetch(MATCHES, &[]).await? {
        matches.entry(row.id(0)?).or_default().push(row.count(1)?.into());
    }
    let mut memory = Memory::default();
    memory.matches.extend(matches.into_iter().filter_map(|(rule, of)| Some((rule, median(of)?))));
    for row in tx.fetch(FIELDS, &[]).await? {
        let known = FieldKnown { filled: row.count(2)? == 1, empty: row.count(3)? == 1 };
        memory.fields.insert((row.id(0)?, row.get(1)?), known);
    }
    Ok(memory)
}

/// Writes down what a run saw in good health.
pub(super) async fn write(tx: &mut Transaction<'_>, run: &Run<'_>) -> Result<(), StoreError> {
    let at = [run.as_of.into()];
    let seen = run.learned.fields.iter().map(|seen| {
        let FieldSeen { signal, field, filled } = seen;
        Ok([signal.as_str().into(), field.as_str().into(), i64::from(*filled).into()])
    });
    tx.bulk(&SEEN, &at, seen).await?;
    let evaluated: BTreeSet<&RuleId> = run.evaluated.iter().collect();
    let rules = run.report.rules.iter().filter(|tally| evaluated.contains(&tally.rule));
    let matched = rules.map(|tally| {
        let matches = i64::try_from(tally.matches).unwrap_or(i64::MAX);
        Ok([tally.rule.as_str().into(), matches.into()])
    });
    if tx.bulk(&MATCHED, &at, matched).await? > 0 {
        tx.execute(FORGET, &[]).await?;
    }
    Ok(())
}
