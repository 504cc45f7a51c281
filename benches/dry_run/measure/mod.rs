//! One measurement: a generated company, a whole dry run over it, and the same rules as one SQL
//! statement on the same database. It is worth nothing unless both find the same, so that comes first.

mod by_hand;
mod data;
mod pack;
mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use lookout::domain::{RuleId, parse_instant};
use lookout::pack::Pack;
use lookout::pipeline::{self, Considered, Found, Watch};
use lookout::signals::Source;

use rules::TWINS;

pub use data::SIGNAL_COLUMNS;

/// For which customer which rule is true, the rule by its place in the list.
type Hits = Vec<(usize, String)>;

/// Where a generated company lives.
pub enum Database {
    /// In a SQLite file, which is not there yet.
    Sqlite(PathBuf),
    /// In an empty database of a PostgreSQL server.
    Postgres(String),
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
    /// The whole dry run.
    pub dry_run: Cost,
    /// The one statement.
    pub by_hand: Cost,
}

/// What one way of doing it takes.
#[derive(Clone, Copy)]
pub struct Cost {
    /// The shortest of the rounds.
    pub time: Duration,
    /// The most memory that this process held in the first round, in bytes; none where it is not
    /// looked at or the system doesn't say.
    pub memory: Option<u64>,
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
    match database {
        Database::Sqlite(file) => data::fill_sqlite(file, customers)?,
        Database::Postgres(url) => data::fill_postgres(url, customers).await?,
    }
    let pack = pack::make(&scratch.join("rules"))?;
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
        by_hand: Cost { memory: None, ..by_hand_first },
    };
    drop((ours, theirs, found, considered));
    for round in 1..=rounds {
        tell(&format!("round {round} of {rounds}"));
        let (cost, _) = watch(by_hand(database)).await?;
        measured.by_hand.time = measured.by_hand.time.min(cost.time);
        let (cost, _) = watch(dry_run(&pack, database)).await?;
        measured.dry_run.time = measured.dry_run.time.min(cost.time);
    }
    Ok(measured)
}

/// What `lookout dry-run` does between reading the pack and printing, with nobody contacted yet.
async fn dry_run(pack: &Pack, database: &Database) -> anyhow::Result<(Found, Considered)> {
    let as_of = parse_instant(rules::AS_OF).context("the run's instant")?;
    let url = match database {
        Database::Sqlite(file) => format!("sqlite:{}", file.display()),
        Database::Postgres(url) => url.clone(),
    };
    let rules: BTreeSet<RuleId> = pack.rules.keys().cloned().collect();
    let mut view = Source::open(&url).await?.view(as_of).await?;
    let found = pipeline::find(pack, &mut view, as_of, &rules, Watch::default()).await?;
    let considered = pipeline::consider(pack, &found, None, as_of).await?;
    Ok((found, considered))
}

async fn by_hand(database: &Database) -> anyhow::Result<Hits> {
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

fn prove_equal(ours: &Hits, theirs: &Hits) -> anyhow::Result<()> {
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

/// Does something and says what it took.
async fn watch<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<(Cost, T)> {
    // Linux forgets the highest mark it kept; elsewhere there is none.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let start = Instant::now();
    let done = work.await?;
    Ok((Cost { time: start.elapsed(), memory: peak_memory() }, done))
}

/// The most memory that this process has held since the mark was forgotten, in bytes.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
