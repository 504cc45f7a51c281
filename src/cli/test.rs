//! `lookout test`: the examples that must hold.

use serde_json::json;

use super::args::{Exit, Global, Test};
use super::output::Output;
use super::wording::counted;
use crate::app;
use crate::pack::PackRule;
use crate::pipeline::case::{self, Played};
use crate::rules::cases::Case;

pub(super) fn run(global: &Global, args: &Test, output: &mut Output) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    let mut played = Vec::new();
    for rule in super::rules(&pack, args.rule.as_deref())? {
        played.extend(rule.cases.iter().map(|case| (rule, case, case::play(&pack, rule, case))));
    }
    let failed = played.iter().filter(|(_, _, played)| !played.failures.is_empty()).count();
    if super::is_json(output) {
        output.json(&json!({
            "schema_version": 1,
            "cases": played.iter().map(|(rule, case, played)| as_json(rule, case, played)).collect::<Vec<_>>(),
            "failed": failed,
        }));
    } else {
        output.text(&told(&played, failed));
    }
    Ok(if failed == 0 { Exit::Fine } else { Exit::Findings })
}

fn as_json(rule: &PackRule, case: &Case, played: &Played) -> serde_json::Value {
    let failures =
        played.failures.iter().map(|f| json!({ "expected": f.expected, "actual": f.actual }));
    json!({
        "rule": rule.rule.settings.id,
        "case": case.name,
        "file": case.place.file.display().to_string(),
        "line": case.place.line,
        "passed": played.failures.is_empty(),
        "failures": failures.collect::<Vec<_>>(),
    })
}

fn told(played: &[(&PackRule, &Case, Played)], failed: usize) -> String {
    let mut text = String::new();
    let mut last = "";
    for (rule, case, played) in played {
        let id = rule.rule.settings.id.as_str();
        if id != last {
            text.push_str(&format!("{}{id}\n", if last.is_empty() { "" } else { "\n" }));
            last = id;
        }
        let mark = if played.failures.is_empty() {
            "\u{1b}[32m✓\u{1b}[0m"
        } else {
            "\u{1b}[31m✗\u{1b}[0m"
        };
        text.push_str(&format!("  {mark} {}\n", case.name));
        if let Some(line) = case.place.line.filter(|_| !played.failures.is_empty()) {
            text.push_str(&format!("      {}:{line}\n", case.place.file.display()));
        }
        for failure in &played.failures {
            text.push_str(&format!(
                "      expected  {}\n      actual    {}\n",
                failure.expected, failure.actual
            ));
        }
    }
    let total = counted(played.len() as u64, "case");
    text.push_str(&match failed {
        0 if played.is_empty() => "There are no cases.\n".to_owned(),
        0 => format!("\n{total}, all hold.\n"),
        failed => format!("\n{total}, {failed} failed.\n"),
    });
    text
}
