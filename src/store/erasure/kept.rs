//! What the books hold about somebody, row by row and column by column: all that an erasure takes
//! away, and what stands beside it. Nothing is changed here, and nobody else is told of.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::database::Transaction;
use super::super::given::{Cell, Given, given};
use super::super::sql::Row;
use super::super::{Store, StoreError};
use super::Whom;
use super::people::Known;
use crate::domain::{CustomerId, Instant, Recipient, SuppressionCause, format_instant};

/// Everything that the books hold about somebody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The customers that the person is.
    pub customers: Vec<CustomerId>,
    /// Their addresses.
    pub recipients: Vec<Recipient>,
    /// The rows, by table, each with every column under its name.
    pub tables: BTreeMap<&'static str, Vec<Map<String, Value>>>,
    /// When they were erased, by the wall clock, where they were: nothing else is kept then.
    pub erased_at: Option<Instant>,
}

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Count,
    At,
    Json,
}

/// A table, its columns in the statement's order, and the statement.
struct Table<const N: usize> {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
    rows: Given<N>,
}

use Kind::{At, Count, Json, Text};

/// A table and its columns, which the statement names in this order; the end says whose rows.
macro_rules! table {
    ($name:ident $given:tt, [$first:ident $kind:ident $(, $column:ident $kinds:ident)*],
     $end:literal) => {
        Table {
            name: stringify!($name),
            columns: &[(stringify!($first), $kind) $(, (stringify!($column), $kinds))*],
            rows: given!(
                0,
                $given,
                concat!(
                    "SELECT ", stringify!($first) $(, ", ", stringify!($column))*,
                    " FROM ", stringify!($name), " ", $end
                )
            ),
        }
    };
}

const EPISODES: Table<2> = table!(
    episodes (customer_id text, recipient text),
    [rule Text, customer_id Text, subject Text, started_at At, ended_at At],
    "WHERE customer_id IN (SELECT customer_id FROM given) ORDER BY started_at, rule, subject"
);

const DECISIONS: Table<2> = table!(
    decisions (customer_id text, recipient text),
    [
        run At, place Count, rule Text, customer_id Text, subject Text, position Count,
        channel Text, outcome Text, reason Text, evidence Json, outreach Text, not_before
        At
    ],
    "WHERE customer_id IN (SELECT customer_id FROM given) ORDER BY run, place"
);

const SUPPRESSIONS: Table<2> = table!(
    suppressions (customer_id text, recipient text),
    [id Count, customer_id Text, recipient Text, topic Text, cause Text, note Text, since At],
    "WHERE customer_id IN (SELECT customer_id FROM given)
         OR recipient IN (SELECT recipient FROM given) ORDER BY since, id"
);

const CONTACTS: Table<1> = table!(
    contacts (key text),
    [
        dedupe_key Text, outreach Text, rule Text, customer_id Text, subject Text,
        episode_started_at At, ordinal Count, channel Text, at At
    ],
    "WHERE outreach IN (SELECT key FROM given) ORDER BY at, dedupe_key"
);

const OUTREACHES: Table<1> = table!(
    outreaches (key text),
    [
        key Text, run At, rule Text, channel Text, state Text, not_before At, expires_at
        At, ahead Count, next_attempt_at At, last_attempt_at At, attempts Count, fence
        Count, lease_until At, settled_at At, detail Text, last_error Text, payload Json,
        priority Count, asked_at At, bound Text, approval Text, evidence Json
    ],
    "WHERE key IN (SELECT key FROM given) ORDER BY not_before, key"
);

const RECIPIENTS: Table<1> = table!(
    outreach_recipients (key text),
    [outreach Text, recipient Text],
    "WHERE outreach IN (SELECT key FROM given) ORDER BY outreach, recipient"
);

const TASKS: Table<1> = table!(
    tasks (key text),
    [
        id Count, outreach Text, rule Text, customer_id Text, subject Text, title Text,
        body Text, assign Text, due_at At, made_at At, done_at At, taken_by Text, taken_at
        At, solved_at At, solved_because Json
    ],
    "WHERE outreach IN (SELECT key FROM given) ORDER BY id"
);

/// Where what was decided of somebody else behind the same address names them. Who that is, is not
/// told.
const NAMED: Given<1> = given!(
    0,
    (customer_id text),
    "SELECT d.run, d.rule, d.reason, d.evidence, d.customer_id FROM decisions d
     WHERE d.reason = 'outranked' AND d.run IN (
         SELECT own.run FROM given g JOIN decisions own ON own.customer_id = g.customer_id)
     ORDER BY d.run, d.place"
);

impl Store {
    /// Everything that the books hold about somebody.
    ///
    /// # Errors
    /// When the books can't be read.
    pub async fn kept(&self, whom: Whom<'_>) -> Result<Kept, StoreError> {
        let mut tx = self.database.read().await?;
        let kept = self.read_kept(&mut tx, whom).await;
        tx.end(kept).await
    }

    async fn read_kept(
        &self,
        tx: &mut Transaction<'_>,
        whom: Whom<'_>,
    ) -> Result<Kept, StoreError> {
        let known = Known::read(tx, whom).await?;
        let (people, ids) = (known.people.rows(), known.people.ids());
        let keys: Vec<[Cell<'_>; 1]> =
            known.outreaches.iter().map(|(o, _)| [o.key.as_str().into()]).collect();
        let mut kept = Kept {
            customers: known.people.customers.iter().cloned().collect(),
            recipients: known.people.recipients.iter().cloned().collect(),
            erased_at: self.erased_at(tx, whom).await?,
            ..Kept::default()
        };
        for table in [EPISODES, DECISIONS, SUPPRESSIONS] {
            kept.add(tx, &table, &people).await?;
        }
        for table in [OUTREACHES, RECIPIENTS, CONTACTS, TASKS] {
            kept.add(tx, &table, &keys).await?;
        }
        let named = tx.fetch_given(&NAMED, &[], &ids).await?;
        let named =
            named.iter().filter_map(|row| named_in(row, &known.people.customers).transpose());
        let named = named.collect::<Result<Vec<_>, _>>()?;
        kept.tables.insert("named_in", named);
        Ok(kept)
    }

    /// When somebody was erased; none where they were not, or there is no key to know them by.
    async fn erased_at(
        &self,
        tx: &mut Transaction<'_>,
        whom: Whom<'_>,
    ) -> Result<Option<Instant>, StoreError> {
        let Some(key) = &self.opt_out else { return Ok(None) };
        let ids: Vec<String> =
            whom.customer.map(|id| key.erased_customer(id).to_string()).into_iter().collect();
        let addresses = whom.recipient.into_iter().chain(whom.theirs);
        let addresses: Vec<String> = addresses.map(|to| key.erased_address(to).0).collect();
        let ids = ids.iter().map(|id| [id.as_str().into(), Cell::Null]);
        let addresses = addresses.iter().map(|to| [Cell::Null, to.as_str().into()]);
        let people: Vec<_> = ids.chain(addresses).collect();
        let mut erased = Kept::default();
        erased.add(tx, &SUPPRESSIONS, &people).await?;
        let rows = erased.tables.remove(SUPPRESSIONS.name).unwrap_or_default();
        let cause = json!(SuppressionCause::Erasure.name());
        let since =
            rows.iter().filter(|row| row["cause"] == cause).filter_map(|row| row["since"].as_str());
        Ok(since.filter_map(crate::domain::parse_instant).min())
    }
}

impl Kept {
    /// Whether there is nothing about them.
    pub fn is_nothing(&self) -> bool {
        self.tables.values().all(Vec::is_empty)
    }

    /// The rows of a table.
    pub fn rows(&self, table: &str) -> &[Map<String, Value>] {
        self.tables.get(table).map_or(&[], Vec::as_slice)
    }

    async fn add<const N: usize>(
        &mut self,
        tx: &mut Transaction<'_>,
        table: &Table<N>,
        given: &[[Cell<'_>; N]],
    ) -> Result<(), StoreError> {
        let rows = tx.fetch_given(&table.rows, &[], given).await?;
        let told = |row: &Row| -> Result<Map<String, Value>, StoreError> {
            let columns = table.columns.iter().enumerate();
            columns
                .map(|(at, (name, kind))| Ok(((*name).to_owned(), cell(row, at, *kind)?)))
                .collect()
        };
        let rows: Vec<_> = rows.iter().map(told).collect::<Result<_, _>>()?;
        self.tables.insert(table.name, rows);
        Ok(())
    }
}

fn cell(row: &Row, at: usize, kind: Kind) -> Result<Value, StoreError> {
    Ok(match kind {
        Text => json!(row.get::<Option<String>>(at)?),
        Count => json!(row.get::<Option<i64>>(at)?),
        At => json!(row.maybe_instant(at)?.map(|at| format_instant(&at))),
        Json => match row.get::<Option<String>>(at)? {
            Some(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            None => Value::Null,
        },
    })
}

/// A decision about somebody else that names one of these customers, without who it was about.
fn named_in(
    row: &Row,
    customers: &BTreeSet<CustomerId>,
) -> Result<Option<Map<String, Value>>, StoreError> {
    let evidence = cell(row, 3, Json)?;
    let named = evidence.get("customer_id").and_then(Value::as_str);
    let named = named.is_some_and(|id| customers.contains(&CustomerId::from(id)));
    if !named || customers.contains(&row.id::<CustomerId>(4)?) {
        return Ok(None);
    }
    let told = [
        ("run", cell(row, 0, At)?),
        ("rule", cell(row, 1, Text)?),
        ("reason", cell(row, 2, Text)?),
        ("evidence", evidence),
    ];
    Ok(Some(told.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables in which nobody is named.
    const NOBODY: [&str; 9] = [
        "books",
        "erasures",
        "lookout_migrations",
        "pauses",
        "rule_evaluations",
        "rule_matches",
        "rule_versions",
        "runs",
        "signal_fields",
    ];

    /// Every column of the books is either exported or in a table that names nobody: who adds one has
    /// to say which.
    #[test]
    fn every_column_that_may_be_about_somebody_is_told() {
        let files = std::fs::read_dir("migrations/sqlite").unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let books = rusqlite::Connection::open_in_memory().unwrap();
        for file in files {
            books.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
        }
        let sql = "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' ORDER BY 1, 2";
        let mut columns = books.prepare(sql).unwrap();
        let columns = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let there: BTreeSet<(String, String)> = columns.map(Result::unwrap).collect();
        let mut told = BTreeSet::new();
        let mut add = |name: &str, columns: &[(&str, Kind)]| {
            told.extend(columns.iter().map(|(column, _)| (name.to_owned(), (*column).to_owned())));
        };
        for table in [EPISODES, DECISIONS, SUPPRESSIONS] {
            add(table.name, table.columns);
        }
        for table in [OUTREACHES, RECIPIENTS, CONTACTS, TASKS] {
            add(table.name, table.columns);
        }
        let about: BTreeSet<_> =
            there.into_iter().filter(|(table, _)| !NOBODY.contains(&table.as_str())).collect();
        assert_eq!(told, about);
    }
}
