//! Rules and companies by chance: Rhai alone, the columns, and what SQLite and PostgreSQL are asked
//! for give the same matches and the same errors. Rhai is the meaning; the others may only be faster.

mod cells;
pub(crate) mod chance;
mod claims;
mod company;
mod example;
mod grow;
mod moment;
mod script;
mod site;
mod values;

use std::path::Path;

use chance::Chance;
use company::{Database, company};
use example::{Example, Shrinking};
use lookout::rules::{Engine, Rule};
use moment::When;
use script::Node;
use site::{Ground, Seen, load};

/// How many cases there are, all tests together. A case is one rule on one company at one instant:
/// judged by Rhai, by columns, on what SQLite gives and on what PostgreSQL gives.
const CASES: usize = 20_000;
/// How many rules each company is judged by.
const RULES: usize = 50;
/// In how many tests, which run side by side.
const TESTS: usize = 4;

/// What the cases were.
#[derive(Debug, Default)]
struct Tally {
    cases: usize,
    refused: usize,
    seen: Seen,
}

/// `LOOKOUT_DIFFER_CASES`, for a longer search.
#[allow(clippy::disallowed_methods, reason = "who calls the tests says how long they may search")]
fn cases() -> usize {
    let asked = std::env::var("LOOKOUT_DIFFER_CASES").ok();
    asked.map_or(CASES, |cases| cases.parse().expect("LOOKOUT_DIFFER_CASES is a number"))
}

fn search(test: usize) {
    let mut ground = Ground::new();
    let mut tally = Tally::default();
    let mut company = test;
    while tally.cases < cases().div_ceil(TESTS) {
        judge_company(&mut ground, company as u64, &mut tally);
        company += TESTS;
    }
    tally.assert_told();
}

impl Tally {
    /// That the cases were no empty ones.
    fn assert_told(&self) {
        let (rules, seen) = (2 * self.cases, &self.seen);
        let said = format!("{self:?}");
        eprintln!("{said}");
        assert!(self.refused * 10 < self.cases, "too many scripts don't load: {said}");
        assert!(seen.lowered * 100 > rules * 70, "too few rules lower: {said}");
        assert!(seen.partly * 100 > rules * 5, "too few rules lower in part: {said}");
        let opaque = rules - seen.lowered - seen.partly;
        assert!(opaque * 100 > rules * 2, "too few rules don't lower: {said}");
        assert!(seen.left_out * 100 > seen.idle * 30, "too few rows are left out: {said}");
        assert!(seen.telling * 100 > rules * 30, "too few rules tell rows apart: {said}");
        assert!(seen.raising * 100 > rules * 25, "too few rules raise on some rows: {said}");
    }
}

fn judge_company(ground: &mut Ground, seed: u64, tally: &mut Tally) {
    let mut chance = Chance::new(seed);
    let when = When::some(&mut chance);
    let engine = Engine::new(&when.calendar());
    let about = [false, true].map(|is_keyed| rules(&mut chance, &engine, &when, is_keyed, tally));
    for database in [Database::Sqlite, Database::Postgres] {
        let tables = company(&mut chance, database, &when);
        let mut site = ground
            .build(database, &tables, &when)
            .unwrap_or_else(|said| panic!("company {seed} on {database:?}: {said}"));
        for rules in &about {
            let mut from = 0;
            while from < rules.len() {
                // Some by themselves, where a row that is missing can't hide behind another rule.
                let count = if chance.percent(60) { 1 } else { chance.between(2, 6) as usize };
                let group = &rules[from..(from + count).min(rules.len())];
                from += count;
                let loaded: Vec<Rule> = group.iter().map(|(_, rule)| rule.clone()).collect();
                match ground.compare(&mut site, &engine, &loaded, &when) {
                    Ok(seen) => tally.seen += seen,
                    Err(said) => {
                        drop(site);
                        let (zone, as_of) = (when.zone, when.as_of);
                        let scripts: Vec<Node> =
                            group.iter().map(|(node, _)| node.clone()).collect();
                        let rules = scripts.iter().map(Node::text).collect();
                        let office_hours = when.office;
                        let example =
                            Example { database, zone, as_of, office_hours, rules, tables };
                        let (example, said) =
                            Shrinking::new(ground, example, scripts, said).shrink();
                        panic!(
                            "{said}\n\nKeep this in tests/differ/NAME.toml:\n\n{}",
                            example.text()
                        );
                    }
                }
            }
        }
    }
}

fn rules(
    chance: &mut Chance,
    engine: &Engine,
    when: &When,
    is_keyed: bool,
    tally: &mut Tally,
) -> Vec<(Node, Rule)> {
    let mut rules = Vec::new();
    while rules.len() < RULES / 2 {
        let script = grow::rule(chance, when, is_keyed);
        match load(engine, &format!("r{}", rules.len()), &script.text()) {
            Ok(rule) => rules.push((script, rule)),
            // Rhai's parser knows some mistakes by itself.
            Err(_) => tally.refused += 1,
        }
    }
    tally.cases += rules.len();
    rules
}

#[test]
fn every_counterexample_of_the_past_agrees() {
    let mut ground = Ground::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differ");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let checked = Example::read(&file).check(&mut ground);
        assert_eq!(checked, Ok(()), "{}", file.display());
    }
}

#[test]
fn rules_by_chance_agree() {
    search(0);
}

#[test]
fn more_rules_by_chance_agree() {
    search(1);
}

#[test]
fn still_more_rules_by_chance_agree() {
    search(2);
}

#[test]
fn the_last_rules_by_chance_agree() {
    search(3);
}
