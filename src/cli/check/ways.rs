//! How each rule is judged: by whole columns as far as its condition has a typed form, and by Rhai,
//! row by row, where it has none. Whom a rule finds is the same either way.

use serde_json::{Value, json};

use crate::cli::{diagnostics, tables};
use crate::domain::Problem;
use crate::pack::{Pack, PackRule};
use crate::predicate::{Reach, Stopped};

/// A line a rule, and beneath it what stopped its typed form.
pub(super) fn text(pack: &Pack) -> String {
    let mut rows = Vec::new();
    for (id, rule) in &pack.rules {
        let condition = &rule.rule.condition;
        rows.push(vec![id.to_string(), in_words(condition.reach()).to_owned()]);
        let stopped = condition.stopped().into_iter();
        rows.extend(stopped.map(|stopped| vec![String::new(), stop_in_words(rule, stopped)]));
    }
    format!("\nHow each rule is judged\n{}", tables::aligned(&rows, 2))
}

fn in_words(reach: Reach) -> &'static str {
    match reach {
        Reach::Whole => "by whole columns",
        Reach::Part => "by whole columns; Rhai judges the rows that they leave open, because of",
        Reach::Nothing => "by Rhai, row by row, because of",
    }
}

fn stop_in_words(rule: &PackRule, stopped: &Stopped) -> String {
    let at = [stopped.line, stopped.column].into_iter().flatten().map(|at| format!(":{at}"));
    format!("  {} at {}{}", stopped.what, rule.rule.file.display(), at.collect::<String>())
}

/// The problems, and how each rule is judged.
pub(super) fn json(problems: &[Problem], pack: &Pack) -> Value {
    let stop = |stopped: &Stopped| json!({ "what": stopped.what, "line": stopped.line, "column": stopped.column });
    let rules: Vec<Value> = (pack.rules.iter())
        .map(|(id, rule)| {
            let condition = &rule.rule.condition;
            let judged = match condition.reach() {
                Reach::Whole => "columns",
                Reach::Part => "columns_then_rhai",
                Reach::Nothing => "rhai",
            };
            let stopped: Vec<Value> = condition.stopped().into_iter().map(stop).collect();
            json!({ "rule": id, "judged": judged, "stopped": stopped })
        })
        .collect();
    let mut document = diagnostics::json(problems);
    document["rules"] = Value::Array(rules);
    document
}
