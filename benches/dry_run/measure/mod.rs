//! One measurement: a generated company, a whole dry run over it, and the same rules as one SQL
//! statement on the same database. It is worth nothing unless both find the same, so that comes first.

pub mod by_hand;
pub mod data;
pub mod pack;
pub mod rules;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use lookout::domain::{RuleId, parse_instant};
use lookout::pack::Pack;
use lookout::pipeline::{self, Considered, Found, Watch};
use lookout::signals::Source;

use rules::TWINS;

/// For which customer which rule is true, the rule by its place in the list.
pub type Hits = Vec<(usize, String)>;

/// Where a generated company lives.
pub enum Database {
    /// In a SQLite file, which is not there yet.
    Sqlite(PathBuf),
    /// In an empty database of a PostgreSQL server.
    Postgres(String),
}

impl Database {
    /// Its address, as Lookout's configuration has it.
    pub fn address(&self) -> String {
        match self {
            Self::Sqlite(file) => format!("sqlite:{}", file.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Makes the company's tables in it.
    pub async fn fill(&self, customers: u64) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(file) => data::fill_sqlite(file, customers),
            Self::Postgres(url) => data::fill_postgres(url, customers).await,
        }
    }
}

/// What was measured on one database.
pub struct Measured {
    /// Customers there are.
    pub customers: u64,
    /// Customers for whom any rule is true.
    pub matching: u64,
    /// Matches of each rule, as dry run and statement alike found them.
    pub matches: Vec<(&'static str, u64)>,
    /// Messages and tasks that the dry run decided on.
    pub outreaches: u64,
    /// The whole dry run, the shortest of the rounds.
    pub dry_run: Duration,
    /// The one statement, the shortest of the rounds.
    pub by_hand: Duration,
}

/// Generates the company, proves that both ways find the same, then measures each `rounds` times
/// more. `scratch` is an empty folder for the pack.
pub async fn measure(
    database: &Database,
    customers: u64,
    rounds: u32,
    scratch: &Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Measured> {
    tell("generating");
    database.fill(customers).await?;
    let pack = pack::make(&scratch.join("rules"), &pack::twins(), &[])?;
    tell("comparing what both find");
    let (by_hand_first, theirs) = watch(by_hand(database)).await?;
    let (dry_run_first, (found, considered)) = watch(dry_run(&pack, database)).await?;
    let ours = hits(&found)?;
    prove_equal(&ours, &theirs)?;
    ensure!(found.customers == customers, "the dry run saw {} customers", found.customers);
    let matching = ours.iter().map(|(_, customer)| customer).collect::<BTreeSet<_>>().len();
    let count = |rule| ours.iter().filter(|(hit, _)| *hit == rule).count() as u64;
    let mut measured = Measured {
        customers,
        matching: matching as u64,
        matches: TWINS.iter().enumerate().map(|(rule, twin)| (twin.id, count(rule))).collect(),
        outreaches: considered.report.totals.outreaches,
        dry_run: dry_run_first,
        by_hand: by_hand_first,
    };
    drop((ours, theirs, found, considered));
    for round in 1..=rounds {
        tell(&format!("round {round} of {rounds}"));
        let (time, _) = watch(by_hand(database)).await?;
        measured.by_hand = measured.by_hand.min(time);
        let (time, _) = watch(dry_run(&pack, database)).await?;
        measured.dry_run = measured.dry_run.min(time);
    }
    Ok(measured)
}

/// What `lookout dry-run` does between reading the pack and printing, with nobody contacted yet.
pub async fn dry_run(pack: &Pack, database: &Database) -> anyhow::Result<(Found, Considered)> {
    let as_of = parse_instant(rules::AS_OF).context("the run's instant")?;
    let rules: BTreeSet<RuleId> = pack.rules.keys().cloned().collect();
    let mut view = Source::open(&database.address()).await?.view(as_of).await?;
    let found = pipeline::find(pack, &mut view, as_of, &rules, Watch::default()).await?;
    let considered = pipeline::consider(pack, &found, None, as_of).await?;
    Ok((found, considered))
}

pub async fn by_hand(database: &Database) -> anyhow::Result<Hits> {
    match database {
        Database::Sqlite(file) => by_hand::on_sqlite(file),
        Database::Postgres(url) => by_hand::on_postgres(url).await,
    }
}

/// For whom the dry run found which rule true; a rule in bad health is an error.
fn hits(found: &Found) -> anyhow::Result<Hits> {
    let mut hits = Hits::new();
    for (number, twin) in TWINS.iter().enumerate() {
        let rule = found.rules.get(&RuleId::from(twin.id)).context("a rule was not judged")?;
        ensure!(
            rule.errors == 0 && rule.quarantine.is_none(),
            "the rule {} is in bad health: {:?} {:?}",
            twin.id,
            rule.quarantine,
            rule.samples
        );
        hits.extend(rule.matches.iter().map(|m| (number, m.customer.to_string())));
    }
    Ok(hits)
}

pub fn prove_equal(ours: &Hits, theirs: &Hits) -> anyhow::Result<()> {
    let set = |hits: &Hits| hits.iter().cloned().collect::<BTreeSet<_>>();
    let (ours, theirs) = (set(ours), set(theirs));
    let shown = |hits: BTreeSet<&(usize, String)>| -> Vec<String> {
        let shown = hits.into_iter().take(5);
        shown.map(|(rule, customer)| format!("{} for {customer}", TWINS[*rule].id)).collect()
    };
    if ours != theirs {
        bail!(
            "the dry run and the statement disagree; only the dry run: {:?}; only the statement: {:?}",
            shown(ours.difference(&theirs).collect()),
            shown(theirs.difference(&ours).collect())
        );
    }
    Ok(())
}

/// Does something and says how long it took.
pub async fn watch<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(Duration, T)> {
    let start = Instant::now();
    let done = work.await?;
    Ok((start.elapsed(), done))
}
