//! A run at one glance: a line a rule. Nothing is told here that the rules' own parts don't tell.

use super::{BOLD, RESET};
use crate::domain::{Decision, Outcome, RuleTally, RunReport};

const HEADS: [&str; 5] = ["matches", "now", "later", "tasks", "not"];

/// A line for each rule that found somebody or could not be judged: how many matches, and what
/// became of what it asked for. Empty for fewer than two such rules.
pub(super) fn text(report: &RunReport) -> String {
    let lines: Vec<_> = report.rules.iter().filter(|tally| speaks(tally)).collect();
    if lines.len() < 2 {
        return String::new();
    }
    let name = lines.iter().map(|tally| tally.rule.as_str().len()).max().unwrap_or(0);
    let head: String = HEADS.iter().map(|head| format!("  {head:>7}")).collect();
    let mut text = format!("\n  {BOLD}{:name$}{head}{RESET}\n", "rule");
    for tally in lines {
        text.push_str(&format!("  {:name$}{}\n", tally.rule, numbers(tally, report)));
    }
    text
}

fn speaks(tally: &RuleTally) -> bool {
    tally.matches > 0 || tally.errors > 0 || tally.quarantined
}

fn numbers(tally: &RuleTally, report: &RunReport) -> String {
    if tally.quarantined {
        return "  sits out this run".to_owned();
    }
    let count = |outcomes: &[Outcome]| {
        let ours = |d: &&Decision| d.rule == tally.rule && outcomes.contains(&d.outcome);
        report.decisions.iter().filter(ours).count() as u64
    };
    let numbers = [
        tally.matches,
        count(&[Outcome::Contact]),
        count(&[Outcome::Deferred]),
        count(&[Outcome::Task]),
        count(&[Outcome::Refused, Outcome::Held]),
    ];
    let cell = |number: u64| if number == 0 { "·".to_owned() } else { number.to_string() };
    numbers.iter().map(|number| format!("  {:>7}", cell(*number))).collect()
}
