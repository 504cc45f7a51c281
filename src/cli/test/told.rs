//! What a test found, as a person reads it.

use super::because::explanation;
use super::covered::Covered;
use super::kept::{Kept, Shelf};
use super::{Result, Tried};
use crate::cli::tables::aligned;
use crate::cli::wording::{Times, counted, listed, plain};
use crate::pack::Pack;
use crate::pipeline::case::{Failure, Played};

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const RESET: &str = "\u{1b}[0m";

/// Every case with its mark, and all there is to say of those that fail.
pub(super) fn result(pack: &Pack, result: &Result<'_>) -> String {
    let mut text = String::new();
    let mut last = "";
    for tried in &result.tried {
        let id = tried.rule.rule.settings.id.as_str();
        if id != last {
            text.push_str(&format!("{}{id}\n", if last.is_empty() { "" } else { "\n" }));
            last = id;
        }
        text.push_str(&case(pack, tried));
    }
    text.push_str(&shelf(&result.shelf));
    if let Some(covered) = &result.covered {
        text.push_str(&covered.text());
    }
    text.push_str(&last_line(result));
    text
}

/// How it ended, and all because of which it did not end well.
fn last_line(result: &Result<'_>) -> String {
    let cases = result.tried.len() as u64;
    let total = counted(cases, "case");
    let others = others(result);
    let ended = match (result.failed(), &result.changed) {
        (0, Some(revision)) if cases == 0 => {
            format!("Nothing that a case tries has changed since {revision}")
        }
        (0, None) if cases == 0 => "There are no cases".to_owned(),
        (0, _) if others.is_empty() => format!("\n{total}, all hold"),
        (0, _) => format!("\n{total} hold{}", if cases == 1 { "s" } else { "" }),
        (failed, _) => format!("\n{total}, {failed} failed"),
    };
    let others: String = others.iter().map(|other| format!("; {other}")).collect();
    format!("{ended}{others}.\n")
}

/// What fails beside the cases.
pub(super) fn others(result: &Result<'_>) -> Vec<String> {
    let left_over = &result.shelf.left_over;
    let files: Vec<String> = left_over.iter().map(|file| file.display().to_string()).collect();
    let kept = counted(files.len() as u64, "kept message");
    let are = if files.len() == 1 { "is" } else { "are" };
    let kept = format!("{kept} {are} left over: {}", listed(&files));
    let kept = (!files.is_empty()).then_some(kept);
    kept.into_iter().chain(result.covered.as_ref().and_then(Covered::below)).collect()
}

fn case(pack: &Pack, tried: &Tried<'_>) -> String {
    let mark = match tried.passed() {
        true => format!("{GREEN}✓{RESET}"),
        false => format!("{RED}✗{RESET}"),
    };
    let runs = match tried.played.len() {
        1 => String::new(),
        runs => format!("  ({runs} runs)"),
    };
    let mut text = format!("  {mark} {}{runs}\n", plain(&tried.case.name));
    text.push_str(&details(pack, tried));
    text
}

/// What fails of a case, without colours; empty where it holds.
pub(super) fn details(pack: &Pack, tried: &Tried<'_>) -> String {
    let mut text = String::new();
    let failing = tried.played.iter().enumerate().filter(|(_, played)| !played.failures.is_empty());
    for (step, played) in failing {
        text.push_str(&format!("      {}\n", place(pack, tried, step, played)));
        text.push_str(&side_by_side(&played.failures));
        text.push_str("      because\n");
        text.push_str(&explanation(pack, tried.rule, played, 8));
    }
    text.push_str(&tried.kept.as_ref().map(kept).unwrap_or_default());
    text
}

/// Columns that are no wider than this stand side by side.
const WIDE: usize = 44;

/// What was expected beside what came; where that is long, beneath it.
fn side_by_side(failures: &[Failure]) -> String {
    let is_short = |text: &str| text.chars().count() <= WIDE && !text.contains('\n');
    let (short, long): (Vec<_>, Vec<_>) = failures
        .iter()
        .partition(|failure| is_short(&failure.expected) && is_short(&failure.actual));
    let mut text = String::new();
    if !short.is_empty() {
        let head = ["", "expected", "actual"].map(str::to_owned).to_vec();
        let row = |failure: &&Failure| {
            vec![failure.what.clone(), failure.expected.clone(), failure.actual.clone()]
        };
        let rows: Vec<_> = [head].into_iter().chain(short.iter().map(row)).collect();
        text.push_str(&aligned(&rows, 6));
    }
    for Failure { what, expected, actual } in long {
        text.push_str(&format!("      {what}\n"));
        let rows = [("expected", expected), ("actual", actual)];
        let lines = rows.iter().flat_map(|(name, said)| {
            let lines = said.lines().filter(|line| !line.trim().is_empty()).enumerate();
            lines.map(move |(number, line)| {
                let name = if number == 0 { name } else { "" };
                format!("        {name:8}  {}\n", plain(line))
            })
        });
        text.extend(lines);
    }
    text
}

/// Where a step is written, and when it plays.
fn place(pack: &Pack, tried: &Tried<'_>, step: usize, played: &Played) -> String {
    let times = Times { zone: pack.policy.calendar.timezone, as_of: played.as_of };
    let line = tried.line(step).map(|line| format!(":{line}")).unwrap_or_default();
    let after = match step.checked_sub(1).and_then(|step| tried.case.steps.get(step)) {
        Some(this) => format!(", step {step}, after {}", this.after),
        None => String::new(),
    };
    format!("{}{line}{after}, {}", tried.case.place.file.display(), times.heading())
}

fn kept(kept: &Kept) -> String {
    let file = kept.file.display();
    if kept.missing {
        return format!(
            "      {file} is missing: `lookout test --accept` writes the message there, to be read\n"
        );
    }
    let mut text = format!("      the message is not as it is kept in {file}\n");
    for line in &kept.lines {
        text.push_str(format!("        {}", plain(line)).trim_end());
        text.push('\n');
    }
    text.push_str("      if it is right as it is now: `lookout test --accept`\n");
    text
}

fn shelf(shelf: &Shelf) -> String {
    let mut text = String::new();
    let told = [
        ("left over, of no case that has `golden = true`", &shelf.left_over),
        ("written", &shelf.written),
        ("removed", &shelf.removed),
    ];
    for (what, files) in told.into_iter().filter(|(_, files)| !files.is_empty()) {
        text.push_str(&format!("\nKept messages {what}\n"));
        for file in files {
            text.push_str(&format!("  {}\n", file.display()));
        }
    }
    if !shelf.left_over.is_empty() {
        text.push_str("`lookout test --accept` removes them.\n");
    }
    if shelf.refused > 0 {
        let (fail, whose) = if shelf.refused == 1 { ("fails", "its") } else { ("fail", "their") };
        let cases = counted(shelf.refused as u64, "case");
        text.push_str(&format!("\n{cases} {fail}, so {whose} messages are not kept.\n"));
    }
    text
}
