//! Whole dry runs of a generated company, beside what else would find the same matches in the same
//! database. Nothing is timed before all have found the same.

mod grow;
pub mod measure;
pub mod memory;
mod pull;
mod row_by_row;
mod server;

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;

use crate::goal::{Bound, Goal};
use crate::table::{grouped, mebibytes, seconds};
use measure::pack::{self, Script};
use measure::{Database, Measured, watch};
use memory::Peak;

pub use grow::measure as grow;

/// Customers of the company.
const CUSTOMERS: u64 = 1_000_000;
/// Customers of the small company; the large one has the same ones and more.
const FEWER: u64 = 100_000;
/// How often each is measured after it was proved right; the shortest counts.
const ROUNDS: u32 = 3;
/// What a dry run may hold, in bytes.
const MEMORY: u64 = 64 << 20;
/// What is still the same peak.
const SAME: f64 = 1.1;

/// Measures on SQLite, and on a PostgreSQL `server` where there is one.
pub async fn measure_goals(server: Option<&str>, tell: &dyn Fn(&str)) -> anyhow::Result<Vec<Goal>> {
    let scratch = tempfile::tempdir()?;
    let limited = scratch.path().join("limited");
    pack::make(&limited, &only_up_to(FEWER), &[])?;
    let mut goals = Vec::new();
    if let Some(server) = server {
        let bench = Bench { name: "PostgreSQL", scratch: scratch.path(), limited: &limited, tell };
        let peak = server::with_database(server, async |d| bench.small(&d).await).await?;
        goals = server::with_database(server, async |d| bench.large(&d, peak).await).await?;
    }
    let bench = Bench { name: "SQLite", scratch: scratch.path(), limited: &limited, tell };
    let file = |name: &str| Database::Sqlite(scratch.path().join(name));
    let peak = bench.small(&file("small.db")).await?;
    goals.extend(bench.large(&file("large.db"), peak).await?);
    Ok(goals)
}

/// The twenty rules, true only of the first customers.
fn only_up_to(customers: u64) -> Vec<Script> {
    let limited = |script: Script| Script {
        when: format!("{} && customer.customer_id <= {customers}", script.when),
        ..script
    };
    pack::twins().into_iter().map(limited).collect()
}

/// How much there was to find.
fn found(measured: &Measured) -> String {
    let counts = || measured.matches.iter().map(|(_, count)| *count);
    format!(
        "{} of {} customers match, {} to {} a rule; {} messages and tasks",
        grouped(measured.matching),
        grouped(measured.customers),
        grouped(counts().min().unwrap_or(0)),
        grouped(counts().max().unwrap_or(0)),
        grouped(measured.outreaches)
    )
}

/// One kind of database.
struct Bench<'a> {
    name: &'static str,
    scratch: &'a Path,
    /// The folder of the pack whose matches are as many in both companies.
    limited: &'a Path,
    tell: &'a dyn Fn(&str),
}

impl Bench<'_> {
    fn tell(&self, what: &str) {
        (self.tell)(&format!("{}: {what}", self.name));
    }

    /// The peak over the small company.
    async fn small(&self, database: &Database) -> anyhow::Result<Option<Peak>> {
        self.tell("memory, the small company");
        database.fill(FEWER).await?;
        memory::of_dry_run(self.limited, database)
    }

    /// Everything over the large company; `small` is the small one's peak.
    async fn large(&self, database: &Database, small: Option<Peak>) -> anyhow::Result<Vec<Goal>> {
        let folder = self.scratch.join(self.name);
        let tell = |what: &str| self.tell(what);
        let measured = measure::measure(database, CUSTOMERS, ROUNDS, &folder, &tell).await?;
        tell(&found(&measured));
        let mut goals = vec![self.goal(
            "a dry run",
            measured.dry_run,
            "one statement by hand",
            measured.by_hand,
            Bound::AtMost(1.5),
        )];
        if let Database::Postgres(url) = database {
            let time = self.row_by_row(url, database).await?;
            let rival = format!("sqlx a row, Rhai {} tuned", crate::evaluate::version_of("rhai"));
            let bound = Bound::AtLeast(4.0);
            goals.push(self.goal("a dry run", measured.dry_run, &rival, time, bound));
        }
        tell("a pull of all columns");
        let pack = pack::make(&folder.join("pull"), &pack::twins(), &[])?;
        let (ours, bare) = pull::measure(&pack, database, CUSTOMERS, ROUNDS).await?;
        let rival = match database {
            Database::Sqlite(_) => "a bare loop over rusqlite",
            Database::Postgres(_) => "COPY of the bare bytes",
        };
        goals.push(self.goal("a pull of all columns", ours, rival, bare, Bound::AtMost(1.2)));
        tell("memory, the large company");
        let large = memory::of_dry_run(self.limited, database)?;
        if let (Some(small), Some(large)) = (small, large) {
            goals.extend(self.memory_goals(&small, &large)?);
        }
        Ok(goals)
    }

    /// The shortest time of reading row by row, once it was proved right.
    async fn row_by_row(&self, url: &str, database: &Database) -> anyhow::Result<Duration> {
        self.tell("row by row");
        let theirs = measure::by_hand(database).await?;
        let mut shortest = Duration::MAX;
        for _ in 0..ROUNDS {
            let (time, hits) = watch(row_by_row::judge(url)).await?;
            measure::prove_equal(&hits, &theirs)?;
            shortest = shortest.min(time);
        }
        Ok(shortest)
    }

    fn memory_goals(&self, small: &Peak, large: &Peak) -> anyhow::Result<[Goal; 2]> {
        ensure!(
            small.matches == large.matches && small.matches > 0,
            "the two companies have {} and {} matches",
            small.matches,
            large.matches
        );
        let what = format!("a dry run's peak memory, {}", self.name);
        let goal = |rival: String, theirs: u64, most: f64| Goal {
            what: what.clone(),
            rival,
            figures: (mebibytes(large.bytes), mebibytes(theirs)),
            ratio: large.bytes as f64 / theirs as f64,
            bound: Bound::AtMost(most),
        };
        Ok([
            goal("what it may hold".to_owned(), MEMORY, 1.0),
            goal(format!("of {} customers, as many matches", grouped(FEWER)), small.bytes, SAME),
        ])
    }

    fn goal(
        &self,
        what: &str,
        ours: Duration,
        rival: &str,
        theirs: Duration,
        bound: Bound,
    ) -> Goal {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        Goal {
            what: format!("{what}, {}", self.name),
            rival: rival.to_owned(),
            figures: (seconds(ours), seconds(theirs)),
            ratio: if matches!(bound, Bound::AtMost(_)) { ratio } else { 1.0 / ratio },
            bound,
        }
    }
}
