//! How much each rule contacts, and since when it has been what it is. Nothing is decided here.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::StoreError;
use super::database::Transaction;
use super::given::{Given, given};
use crate::domain::{Instant, RuleId, Volume};

/// Messages by rule and by how many whole days before `$1` they were to leave: all, and those that
/// nobody approved. A day is 86,400,000,000 microseconds.
const CONTACTS: &str = "SELECT rule, ($1 - not_before) / 86400000000 AS days, COUNT(*),
         COUNT(CASE WHEN approval IS NULL THEN 1 END)
     FROM outreaches
     WHERE not_before > $2 AND channel <> 'task'
         AND state IN ('claimed', 'transmitting', 'sent', 'retry', 'uncertain')
     GROUP BY rule, days";

/// From how many days on their median is what is usual.
const ENOUGH: usize = 3;

/// Reads them as of an instant.
pub(super) async fn read(
    tx: &mut Transaction<'_>,
    as_of: Instant,
) -> Result<BTreeMap<RuleId, Volume>, StoreError> {
    let mut volumes: BTreeMap<RuleId, Volume> = BTreeMap::new();
    let mut earlier: BTreeMap<RuleId, Vec<u64>> = BTreeMap::new();
    let since = as_of - TimeDelta::days(28);
    for row in tx.fetch(CONTACTS, &[as_of.into(), since.into()]).await? {
        let rule: RuleId = row.id(0)?;
        match row.get::<i64>(1)? {
            ..=0 => volumes.entry(rule).or_default().day += u64::from(row.count(3)?),
            _ => earlier.entry(rule).or_default().push(row.count(2)?.into()),
        }
    }
    for (rule, days) in earlier.into_iter().filter(|(_, days)| days.len() >= ENOUGH) {
        volumes.entry(rule).or_default().usual = median(days);
    }
    for row in tx.fetch("SELECT rule, version, since FROM rule_versions", &[]).await? {
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
