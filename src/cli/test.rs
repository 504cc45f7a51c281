//! `lookout test`: the examples that must hold, the messages that are kept of them, and what of the
//! rules they reach.

mod because;
mod chosen;
mod covered;
mod junit;
mod kept;
mod lines;
mod told;

use serde_json::json;

use super::args::{Exit, Global, Test};
use super::file::{self, Kind};
use super::output::Output;
use crate::app;
use crate::pack::{Pack, PackRule};
use crate::pipeline::case::Played;
use crate::rules::cases::Case;
use crate::rules::coverage::Coverage;
use crate::stage;
use covered::Covered;
use kept::{Kept, Shelf};

const REPORT: Kind =
    Kind { called: "report of `lookout test`", mark: "<testsuites name=\"lookout\"" };

pub(super) async fn run(global: &Global, args: &Test, output: &mut Output) -> anyhow::Result<Exit> {
    if let Some(file) = &args.junit {
        file::can_be_written(file, REPORT)?;
    }
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    if let (Some(named), Some(_)) = (&args.rule, &args.changed) {
        anyhow::bail!(
            "--changed tries what a change touches, so no rule is named beside it; if `{named}` is a \
             revision to compare with, write --changed={named}"
        );
    }
    let rules = match &args.changed {
        Some(revision) => chosen::changed(&pack, revision)?,
        None => super::rules(&pack, args.rule.as_deref())?,
    };
    let mut tried = Vec::new();
    for rule in &rules {
        for case in &rule.cases {
            tried.push(Tried::play(&pack, rule, case).await?);
        }
    }
    let shelf = match args.accept {
        true => kept::accept(&rules, &tried)?,
        false => kept::compare(&rules, &mut tried)?,
    };
    let covered = match args.coverage || args.min_coverage.is_some() {
        true => Some(cover(app::pack(&config)?, &rules, args.min_coverage).await?),
        false => None,
    };
    let result = Result { tried, shelf, covered, changed: args.changed.clone() };
    match super::is_json(output) {
        true => output.json(&result.json()),
        false => output.text(&told::result(&pack, &result)),
    }
    if let Some(file) = &args.junit {
        file::write(file, REPORT, &junit::document(&pack, &result))?;
    }
    Ok(if result.is_fine() { Exit::Fine } else { Exit::Findings })
}

/// Everything that a test found.
struct Result<'p> {
    tried: Vec<Tried<'p>>,
    shelf: Shelf,
    covered: Option<Covered>,
    /// Since when changes were asked for.
    changed: Option<String>,
}

/// A case that was played.
struct Tried<'p> {
    rule: &'p PackRule,
    case: &'p Case,
    /// Its beginning and its steps.
    played: Vec<Played>,
    /// Every message that it renders, one after the other; empty where there is none.
    messages: String,
    /// How the kept messages differ, where they are compared and do.
    kept: Option<Kept>,
}

impl<'p> Tried<'p> {
    async fn play(pack: &Pack, rule: &'p PackRule, case: &'p Case) -> anyhow::Result<Self> {
        let played = stage::play(pack, rule, case).await?;
        let messages = match case.golden {
            true => kept::messages(pack, rule, case, &played),
            false => String::new(),
        };
        Ok(Self { rule, case, played, messages, kept: None })
    }

    fn passed(&self) -> bool {
        self.kept.is_none() && self.holds()
    }

    /// Whether everything came as it is expected.
    fn holds(&self) -> bool {
        self.played.iter().all(|played| played.failures.is_empty())
    }

    /// Where a step is written; the first is the case itself.
    fn line(&self, step: usize) -> Option<u32> {
        match step.checked_sub(1).and_then(|step| self.case.steps.get(step)) {
            Some(step) => step.place.line,
            None => self.case.place.line,
        }
    }
}

impl Result<'_> {
    fn failed(&self) -> usize {
        self.tried.iter().filter(|tried| !tried.passed()).count()
    }

    fn is_fine(&self) -> bool {
        let covered = self.covered.as_ref().is_none_or(Covered::is_enough);
        self.failed() == 0 && self.shelf.left_over.is_empty() && covered
    }

    fn json(&self) -> serde_json::Value {
        let shelf = &self.shelf;
        let mut told = json!({
            "schema_version": 1,
            "cases": self.tried.iter().map(as_json).collect::<Vec<_>>(),
            "failed": self.failed(),
            "left_over": shelf.left_over,
            "accepted": { "written": shelf.written, "removed": shelf.removed },
        });
        if let Some(covered) = &self.covered {
            told["coverage"] = covered.json();
        }
        told
    }
}

fn as_json(tried: &Tried<'_>) -> serde_json::Value {
    let failures = tried.played.iter().enumerate().flat_map(|(step, played)| {
        played.failures.iter().map(move |failure| {
            json!({
                "step": step,
                "as_of": crate::domain::format_instant(&played.as_of),
                "line": tried.line(step),
                "what": failure.what,
                "expected": failure.expected,
                "actual": failure.actual,
            })
        })
    });
    let decisions = tried.played.iter().map(|played| &played.considered.report.decisions);
    json!({
        "rule": tried.rule.rule.settings.id,
        "case": tried.case.name,
        "file": tried.case.place.file.display().to_string(),
        "line": tried.case.place.line,
        "passed": tried.passed(),
        "steps": tried.played.len(),
        "failures": failures.collect::<Vec<_>>(),
        "decisions": decisions.collect::<Vec<_>>(),
        "kept": tried.kept.as_ref().map(Kept::json),
    })
}

/// Plays the cases once more, on a pack that notes what is seen of it.
async fn cover(mut pack: Pack, rules: &[&PackRule], least: Option<u8>) -> anyhow::Result<Covered> {
    let watched = pack.rules.values_mut().map(|rule| &mut rule.rule);
    let coverage = Coverage::watch(&mut pack.engine, watched);
    let chosen = rules.iter().filter_map(|rule| pack.rules.get(&rule.rule.settings.id));
    for rule in chosen.clone() {
        for case in &rule.cases {
            stage::play(&pack, rule, case).await?;
        }
    }
    let ids = chosen.map(|rule| &rule.rule.settings.id).collect();
    Ok(Covered::new(&coverage, &ids, least))
}
