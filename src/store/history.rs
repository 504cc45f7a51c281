//! What a decision may know of the past, read in one consistent view. Nothing is written here.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};

use super::database::Transaction;
use super::erased::Erased;
use super::given::{Cell, Given};
use super::outbox::read_payload;
use super::sql::Arg;
use super::{Store, StoreError, suppressions, volumes};
use crate::domain::{
    Channel, Charge, CustomerId, Episode, History, HistoryVersion, Instant, Recipient, RuleId,
    SubjectId, Suppression, Waiting,
};
use crate::opt_out::OptOut;

/// Whose past is asked for.
#[derive(Clone, Copy, Debug)]
pub struct HistoryQuery<'a> {
    /// The rules that are evaluated: their open episodes.
    pub evaluated: &'a [RuleId],
    /// The customers on the table.
    pub customers: &'a [CustomerId],
    /// Their normalised addresses.
    pub recipients: &'a [Recipient],
    /// Contacts later than this count; earlier ones are of no interest.
    pub since: Instant,
    /// The instant that is decided.
    pub as_of: Instant,
}

/// Customers and recipients a statement. Each thousand people bring two or three thousand of them.
const CHUNK: usize = 10_000;

/// The open episodes of some rules, with what was contacted of each. Which episodes are open, and which
/// contacts are known, is said by the ends. Of an outreach's states, those that count as a contact are
/// in the join.
macro_rules! open_episodes {
    ($own:tt, $open:literal, $known:literal) => {
        $crate::store::given::given!(
            $own,
            (rule text),
            concat!(
                "SELECT e.rule, e.customer_id, e.subject, e.started_at,
                     COUNT(DISTINCT CASE WHEN o.key IS NOT NULL AND c.channel <> 'task'
                         THEN c.ordinal END),
                     MAX(CASE WHEN o.key IS NOT NULL AND c.channel <> 'task' THEN c.at END),
                     COUNT(DISTINCT CASE WHEN o.key IS NOT NULL AND c.channel = 'task'
                         THEN c.ordinal END),
                     MAX(CASE WHEN o.key IS NOT NULL AND c.channel = 'task' THEN c.at END)
                 FROM given g
                 JOIN episodes e ON e.rule = g.rule AND ",
                $open,
                " LEFT JOIN contacts c ON c.rule = e.rule AND c.customer_id = e.customer_id
                     AND c.subject = e.subject AND c.episode_started_at = e.started_at",
                $known,
                " LEFT JOIN outreaches o ON o.key = c.outreach AND o.state IN
                     ('claimed', 'transmitting', 'sent', 'retry', 'uncertain', 'failed', 'expired')
                 GROUP BY e.rule, e.customer_id, e.subject, e.started_at"
            )
        )
    };
}
pub(super) use open_episodes;

pub(super) const EPISODES: Given<1> = open_episodes!(0, "e.ended_at IS NULL", "");

/// Says twice that it waits: the first time in the words of the index that holds only such rows.
const WAITING: &str = "SELECT payload, CAST(0 AS BIGINT), bound, approval FROM outreaches
     WHERE state IN ('ready', 'retry') AND state = 'ready' AND channel <> 'task'
     UNION ALL SELECT payload, CAST(1 AS BIGINT), bound, approval FROM outreaches WHERE state = 'held'";

/// What some people are not to hear, and what they were charged after `$1`: one row a recipient of
/// each charge. Of which outreaches is said by the end.
macro_rules! past {
    ($end:literal) => {
        $crate::store::given::given!(
            1,
            (customer_id text, recipient text),
            ", hushed AS (
                 SELECT s.id FROM given g CROSS JOIN suppressions s
                 WHERE s.customer_id = g.customer_id
                 UNION
                 SELECT s.id FROM given g CROSS JOIN suppressions s WHERE s.recipient = g.recipient),
             charged AS (
                 SELECT c.dedupe_key FROM given g CROSS JOIN contacts c
                 WHERE c.customer_id = g.customer_id AND c.at > $1
                 UNION
                 SELECT c.dedupe_key FROM given g CROSS JOIN outreach_recipients r
                     CROSS JOIN contacts c
                 WHERE r.recipient = g.recipient AND c.outreach = r.outreach AND c.at > $1)
             SELECT s.customer_id, s.recipient, s.topic, s.cause, s.since, s.id, CAST(NULL AS TEXT),
                 CAST(NULL AS TEXT), CAST(NULL AS BIGINT), CAST(NULL AS TEXT)
             FROM hushed h CROSS JOIN suppressions s WHERE s.id = h.id
             UNION ALL
             SELECT c.customer_id, r.recipient, c.rule, c.channel, c.at, CAST(NULL AS BIGINT),
                 c.dedupe_key, c.subject, c.episode_started_at, c.outreach
             FROM charged f CROSS JOIN contacts c CROSS JOIN outreaches o
             LEFT JOIN outreach_recipients r ON r.outreach = c.outreach
             WHERE c.dedupe_key = f.dedupe_key AND o.key = c.outreach AND ",
            postgres "",
            $end
        )
    };
}
pub(super) use past;

pub(super) const PAST: Given<2> =
    past!("o.state IN ('claimed', 'transmitting', 'sent', 'retry', 'uncertain')");

impl Store {
    /// Reads the past of those on the table, and of those with a contact that waits.
    ///
    /// Sends a constant number of statements, and one more for every ten thousand customers and
    /// recipients.
    pub async fn history(&self, query: &HistoryQuery<'_>) -> Result<History, StoreError> {
        let mut tx = self.database.read().await?;
        let history = read(&mut tx, query, self.opt_out.as_ref()).await;
        tx.end(history).await
    }
}

async fn read(
    tx: &mut Transaction<'_>,
    query: &HistoryQuery<'_>,
    opt_out: Option<&OptOut>,
) -> Result<History, StoreError> {
    let version = version(tx).await?;
    let episodes = episodes(tx, &EPISODES, &[], query.evaluated).await?;
    let waiting = waiting(tx, WAITING, &[]).await?;
    let volumes = volumes::read(tx, query.as_of, None).await?;
    let (charges, suppressions) = told(tx, query, &waiting, opt_out).await?;
    Ok(History { version, episodes, charges, suppressions, waiting, volumes })
}

/// What those on the table, and those whom something waits for, were charged and are not to hear.
pub(super) async fn told(
    tx: &mut Transaction<'_>,
    query: &HistoryQuery<'_>,
    waiting: &[Waiting],
    opt_out: Option<&OptOut>,
) -> Result<(Vec<Charge>, Vec<Suppression>), StoreError> {
    let outreaches = || waiting.iter().map(|waiting| &waiting.outreach);
    let customers: BTreeSet<&str> = query
        .customers
        .iter()
        .chain(outreaches().flat_map(|o| o.subjects.iter().map(|s| &s.customer)))
        .map(CustomerId::as_str)
        .collect();
    let recipients: BTreeSet<&str> = query
        .recipients
        .iter()
        .chain(outreaches().flat_map(|o| &o.recipients))
        .map(|recipient| recipient.0.as_str())
        .collect();
    let erased = Erased::among(tx, opt_out, &customers, &recipients).await?;
    let customers = customers.into_iter().map(|id| [id.into(), Cell::Null]);
    let recipients = recipients.into_iter().map(|to| [Cell::Null, to.into()]);
    let people: Vec<_> = customers.chain(recipients).chain(erased.people()).collect();

    let mut found = Found::default();
    for chunk in people.chunks(CHUNK) {
        found.read(tx, &PAST, chunk, query.since).await?;
    }
    Ok(found.told(&erased))
}

pub(super) async fn version(tx: &mut Transaction<'_>) -> Result<HistoryVersion, StoreError> {
    let rows = tx.fetch("SELECT version FROM books", &[]).await?;
    let row = rows.first().ok_or(StoreError::Damaged {
        what: "a table `books`",
        cause: "its one row is gone".to_owned(),
    })?;
    Ok(HistoryVersion(row.get(0)?))
}

pub(super) async fn episodes(
    tx: &mut Transaction<'_>,
    statement: &Given<1>,
    args: &[Arg],
    evaluated: &[RuleId],
) -> Result<BTreeMap<(RuleId, CustomerId, SubjectId), Episode>, StoreError> {
    let rules: BTreeSet<&RuleId> = evaluated.iter().collect();
    let rules: Vec<_> = rules.iter().map(|rule| [rule.as_str().into()]).collect();
    let mut episodes = BTreeMap::new();
    for row in tx.fetch_given(statement, args, &rules).await? {
        let key = (row.id(0)?, row.id(1)?, row.id(2)?);
        let episode = Episode {
            started_at: row.instant(3)?,
            contacts: row.count(4)?,
            last_contact_at: row.maybe_instant(5)?,
            tasks: row.count(6)?,
            last_task_at: row.maybe_instant(7)?,
        };
        episodes.insert(key, episode);
    }
    Ok(episodes)
}

/// What waits, by a statement such as [`WAITING`].
pub(super) async fn waiting(
    tx: &mut Transaction<'_>,
    statement: &'static str,
    args: &[Arg],
) -> Result<Vec<Waiting>, StoreError> {
    let rows = tx.fetch(statement, args).await?;
    let waiting = rows.iter().map(|row| {
        Ok(Waiting {
            outreach: read_payload(row, 0)?,
            held: row.count(1)? == 1,
            bound: row.get(2)?,
            approval: row.get(3)?,
        })
    });
    let mut waiting = waiting.collect::<Result<Vec<_>, StoreError>>()?;
    waiting.sort_by(|a, b| a.outreach.key.cmp(&b.outreach.key));
    Ok(waiting)
}

/// What is found of some people. What two chunks find is there once.
#[derive(Default)]
pub(super) struct Found {
    /// By instant, then dedupe key.
    charges: BTreeMap<(Instant, String), Charge>,
    /// By id.
    suppressions: BTreeMap<i64, Suppression>,
}

impl Found {
    /// Adds what a `past!` statement finds.
    pub(super) async fn read(
        &mut self,
        tx: &mut Transaction<'_>,
        statement: &Given<2>,
        people: &[[Cell<'_>; 2]],
        since: Instant,
    ) -> Result<(), StoreError> {
        for row in tx.fetch_given(statement, &[since.into()], people).await? {
            if let Some(id) = row.get(5)? {
                self.suppressions.insert(id, suppressions::read(&row)?);
                continue;
            }
            let charge = match self.charges.entry((row.instant(4)?, row.get(6)?)) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(Charge {
                    rule: row.id(2)?,
                    customer: row.id(0)?,
                    subject: row.id(7)?,
                    episode_started_at: row.instant(8)?,
                    outreach: row.id(9)?,
                    channel: Channel(row.get(3)?),
                    recipients: Vec::new(),
                    at: row.instant(4)?,
                }),
            };
            let recipient = row.get::<Option<String>>(1)?.map(Recipient);
            charge.recipients.extend(recipient.filter(|to| !charge.recipients.contains(to)));
        }
        Ok(())
    }

    /// Charges and suppressions, in order, with those who were erased by their names.
    pub(super) fn told(self, erased: &Erased) -> (Vec<Charge>, Vec<Suppression>) {
        let mut charges: Vec<Charge> = self.charges.into_values().collect();
        charges.iter_mut().for_each(|charge| charge.recipients.sort());
        (charges, self.suppressions.into_values().map(|s| erased.recognise(s)).collect())
    }
}
