//! Judging alone: twenty rules over customers in memory, on one thread, by Lookout and by whoever else
//! does the like. No database is in it. All have to find the same before any is timed.

mod expression_language;
pub mod customer;
mod naive;
mod native;
mod ours;
mod plain;
mod scripts;
mod spelled;
pub mod tuned;
mod unlowered;
mod zen;

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::dry_run::measure::pack;
use crate::dry_run::measure::rules::TWINS;
use crate::goal::{Bound, Goal};
use customer::Customer;
use expression_language::Common;
use naive::Naive;
use native::Native;
use ours::Ours;
use scripts::Told;
use tuned::OverRows;
use zen::Zen;

/// The rows that match, in order, by rule.
pub type Matches = Vec<Vec<u32>>;

/// Whoever judges customers by rules.
pub trait Contestant {
    /// Its name and version.
    fn name(&self) -> String;
    /// How many customers it was given.
    fn customers(&self) -> usize;
    /// Judges them all by every rule, from what lies ready in the form that it likes best.
    fn judge(&mut self) -> anyhow::Result<Matches>;
}

/// Customers.
const CUSTOMERS: usize = 100_000;
/// Customers for those who take microseconds.
const FEWER: usize = 5_000;
/// How often each has its turn.
const ROUNDS: u32 = 7;
/// In its turn, one that is done sooner judges again.
const TURN: Duration = Duration::from_millis(100);

/// Measures, and holds it against what is promised. `tell` hears what is going on.
pub async fn measure(tell: &dyn Fn(&str)) -> anyhow::Result<Vec<Goal>> {
    let scratch = tempfile::tempdir()?;
    let customers = customer::generate(CUSTOMERS);
    let fewer = &customers[..FEWER];
    tell("evaluate: laying the rows ready");
    let rules = pack::twins();
    let mut contestants: Vec<Box<dyn Contestant + '_>> = vec![
        Box::new(Ours::new(&customers, &rules, &scratch.path().join("twenty"))?),
        Box::new(Native { customers: &customers }),
        Box::new(Zen::new(&customers)?),
        Box::new(OverRows::new(&customers, &tuned_scripts())?),
        Box::new(Common::new(&customers)?),
        Box::new(Naive::new(fewer)?),
    ];
    let matches = prove_equal(&mut contestants)?;
    let nanoseconds = race(&mut contestants, "evaluate", tell)?;
    let names: Vec<String> = contestants.iter().map(|contestant| contestant.name()).collect();
    drop(contestants);
    let bounds =
        [Bound::AtMost(1.2), Bound::AtLeast(50.0), Bound::AtLeast(100.0), Bound::Open, Bound::Open];
    let ours = nanoseconds[0];
    let rivals = names.iter().zip(&nanoseconds).skip(1).zip(bounds);
    let mut goals: Vec<Goal> =
        rivals.map(|((name, theirs), bound)| goal(RULES, ours, name, *theirs, bound)).collect();
    for told in other_languages(fewer, &matches, scratch.path(), tell)? {
        let name = format!("{}, {}", told.name, told.runtime);
        goals.push(goal(RULES, ours, &name, told.nanoseconds, Bound::AtLeast(3000.0)));
    }
    goals.push(unlowered_goal(&customers, scratch.path(), tell)?);
    Ok(goals)
}

const RULES: &str = "judging by 20 rules";

/// The twenty rules as tuned Rhai takes them.
pub fn tuned_scripts() -> Vec<String> {
    plain::RULES.iter().map(|rule| spelled::expression(rule, &spelled::RHAI)).collect()
}

/// The version of a package that this was built with.
pub fn version_of(package: &str) -> &'static str {
    let packages = include_str!("../../Cargo.lock").split("[[package]]");
    let named = format!("\nname = \"{package}\"\n");
    let found = packages.into_iter().find(|entry| entry.contains(&named));
    let line = found.and_then(|entry| entry.lines().find_map(|l| l.strip_prefix("version = ")));
    line.map_or("of an unknown version", |version| version.trim_matches('"'))
}

fn unlowered_goal(
    customers: &[Customer],
    scratch: &std::path::Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Goal> {
    let (ours, theirs) = unlowered::pair(customers, &scratch.join("unlowered"))?;
    let mut contestants: Vec<Box<dyn Contestant>> = vec![Box::new(ours), Box::new(theirs)];
    prove_equal(&mut contestants)?;
    let nanoseconds = race(&mut contestants, "a rule that does not lower", tell)?;
    let name = contestants[1].name();
    let bound = Bound::AtMost(1.3);
    Ok(goal("judging by a rule that does not lower", nanoseconds[0], &name, nanoseconds[1], bound))
}

/// Everybody's matches on as many customers as the least of them has; those of the first are given back.
fn prove_equal(contestants: &mut [Box<dyn Contestant + '_>]) -> anyhow::Result<Matches> {
    let mut expected: Option<(String, Matches)> = None;
    for contestant in contestants {
        let found = contestant.judge()?;
        let Some((first, expected)) = &expected else {
            ensure!(found.iter().all(|rule| !rule.is_empty()), "a rule matches nobody");
            expected = Some((contestant.name(), found));
            continue;
        };
        same(&contestant.name(), &found, first, expected, contestant.customers())?;
    }
    Ok(expected.map(|(_, matches)| matches).unwrap_or_default())
}

fn same(
    name: &str,
    found: &Matches,
    first: &str,
    expected: &Matches,
    customers: usize,
) -> anyhow::Result<()> {
    ensure!(found.len() == expected.len(), "{name} judges by {} rules", found.len());
    for (rule, (found, expected)) in found.iter().zip(expected).enumerate() {
        let among = expected.partition_point(|row| (*row as usize) < customers);
        let id = TWINS[rule].id;
        ensure!(
            found[..] == expected[..among],
            "{name} and {first} disagree about the rule {id}: {} and {among} matches",
            found.len()
        );
    }
    Ok(())
}

/// Everybody's shortest time, in nanoseconds a rule and customer.
fn race(
    contestants: &mut [Box<dyn Contestant + '_>],
    what: &str,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Vec<f64>> {
    let mut shortest = vec![f64::INFINITY; contestants.len()];
    for round in 1..=ROUNDS {
        tell(&format!("{what}: round {round} of {ROUNDS}"));
        for (contestant, shortest) in contestants.iter_mut().zip(&mut shortest) {
            let turn = Instant::now();
            while turn.elapsed() < TURN {
                let start = Instant::now();
                let matches = contestant.judge()?;
                let took = start.elapsed().as_nanos() as f64;
                let judged = (matches.len() * contestant.customers()) as f64;
                *shortest = shortest.min(took / judged);
            }
        }
    }
    Ok(shortest)
}

/// Node's and Python's engines, as far as their languages are there.
fn other_languages(
    customers: &[Customer],
    expected: &Matches,
    scratch: &std::path::Path,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Vec<Told>> {
    let data = scratch.join("customers.json");
    scripts::write_data(&data, customers, ROUNDS)?;
    let mut engines = Vec::new();
    type Engine = fn(&std::path::Path) -> anyhow::Result<Told>;
    for (language, engine) in [("Node", scripts::node as Engine), ("Python", scripts::python)] {
        tell(&format!("evaluate: {language}'s engine, {} customers", customers.len()));
        match engine(&data) {
            Ok(told) => {
                same(&told.name, &told.matches, "Lookout", expected, customers.len())?;
                engines.push(told);
            }
            Err(error) => tell(&format!("{language}'s engine is left out: {error:#}")),
        }
    }
    Ok(engines)
}

fn goal(what: &str, ours: f64, rival: &str, theirs: f64, bound: Bound) -> Goal {
    let ratio = match bound {
        Bound::AtMost(_) => ours / theirs,
        Bound::AtLeast(_) | Bound::Open => theirs / ours,
    };
    Goal {
        what: what.to_owned(),
        rival: rival.to_owned(),
        figures: (nanoseconds(ours), nanoseconds(theirs)),
        ratio,
        bound,
    }
}

fn nanoseconds(number: f64) -> String {
    if number < 100.0 {
        format!("{number:.1} ns")
    } else {
        format!("{} ns", crate::table::grouped(number as u64))
    }
}
