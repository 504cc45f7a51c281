//! How much each rule contacts, and since when it has been what it is. Nothing is decided here.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::StoreError;
use super::database::Transaction;
use super::given::{Given, given};
use crate::domain::{Instant, RuleId, Volume};

/// Messages by rule and by how many whole days before `$1` they left or were to leave: all, and
/// those that nobody approved. A day is 86,400,000,000 microseconds. No message leaves before it is
/// to, so none of the last 24 hours is missed. `$3` is the run that knows of no later one.
const CONTACTS: &str = "SELECT o.rule, ($1 - c.at) / 86400000000 AS days,
         COUNT(DISTINCT o.key), COUNT(DISTINCT CASE WHEN o.approval IS NULL THEN o.key END)
     FROM outreaches o JOIN contacts c ON c.outreach = o.key
     WHERE o.not_before > $2 AND o.run < $3 AND o.channel <> 'task'
         AND o.state IN ('claimed', 'transmitting', 'sent', 'retry', 'uncertain')
     GROUP BY o.rule, days";

/// From how many days on their median is what is usual.
const ENOUGH: usize = 3;

/// Reads them as of an instant; with `before`, only what earlier runs decided and evaluated.
pub(super) async fn read(
    tx: &mut Transaction<'_>,
    as_of: Instant,
    before: Option<Instant>,
) -> Result<BTreeMap<RuleId, Volume>, StoreError> {
    let mut volumes: BTreeMap<RuleId, Volume> = BTreeMap::new();
    let mut earlier: BTreeMap<RuleId, Vec<u64>> = BTreeMap::new();
    let since = as_of - TimeDelta::days(28);
    let before = before.map_or(i64::MAX, |before| before.timestamp_micros());
    for row in tx.fetch(CONTACTS, &[as_of.into(), since.into(), before.into()]).await? {
        let rule: RuleId = row.id(0)?;
        match row.get::<i64>(1)? {
            ..=0 => volumes.entry(rule).or_default().day += u64::from(row.count(3)?),
            _ => earlier.entry(rule).or_default().push(row.count(2)?.into()),
        }
    }
    for (rule, days) in earlier.into_iter().filter(|(_, days)| days.len() >= ENOUGH) {
        volumes.entry(rule).or_default().usual = median(days);
    }
    let versions = "SELECT rule, version, since FROM rule_versions WHERE since < $1";
    for row in tx.fetch(versions, &[before.into()]).await? {
        let versions = &mut volumes.entry(row.id(0)?).or_default().versions;
        versions.insert(row.get(1)?, row.instant(2)?);
    }
    Ok(volumes)
}

/// The middle one; of an even number, the mean of the two in the middle, rounded down.
pub(super) fn median(mut numbers: Vec<u64>) -> Option<u64> {
    numbers.sort_unstable();
    let upper = *numbers.get(numbers.len() / 2)?;
    let lower = numbers[(numbers.len() - 1) / 2];
    Some((lower + upper) / 2)
}

const EVALUATED: Given<2> = given!(
    1,
    (rule text, version text),
    "INSERT INTO rule_versions (rule, version, since) SELECT rule, version, $1 FROM given WHERE true
     ON CONFLICT (rule, version) DO NOTHING"
);

/// Writes down which versions were evaluated, for those that never were before.
pub(super) async fn write(
    tx: &mut Transaction<'_>,
    versions: &BTreeMap<RuleId, String>,
    as_of: Instant,
) -> Result<(), StoreError> {
    let rows =
        versions.iter().map(|(rule, version)| Ok([rule.as_str().into(), version.as_str().into()]));
    tx.bulk(&EVALUATED, &[as_of.into()], rows).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![7]), Some(7));
        assert_eq!(median(vec![9, 1, 4]), Some(4));
        assert_eq!(median(vec![9, 1, 4, 8]), Some(6));
    }
}
