//! Lines at the top of a signal's file that lack their colon: `-- key order_id`. What could be prose is
//! taken for prose.

use super::{default, is_name, parts};
use crate::domain::{Place, Problem};
use crate::signals::{Signal, Written};

/// Every such line of a signal's files, where the same isn't said with its colon.
pub(in crate::signals) fn missing(signal: &Signal) -> Vec<Problem> {
    let mut problems: Vec<Problem> =
        [&signal.sqlite, &signal.postgres].into_iter().flat_map(|w| of_file(signal, w)).collect();
    problems.sort();
    problems.dedup();
    problems
}

fn of_file(signal: &Signal, written: &Written) -> Vec<Problem> {
    let head = written.text.lines().zip(1..);
    let head = head.take_while(|(line, _)| line.trim().is_empty() || line.trim().starts_with("--"));
    let slip = |(line, number): (&str, u32)| {
        let comment = line.trim().strip_prefix("--")?.trim();
        let (name, rest) = comment.split_once(char::is_whitespace)?;
        let rest = rest.trim_start_matches(['=', ' ']).trim();
        if !is_meant(signal, name, rest) {
            return None;
        }
        let column = line.find(name).map_or(0, |byte| line[..byte].chars().count()) as u32 + 1;
        let place = Place::at(&written.file, number, column, name.chars().count() as u32);
        let message = format!("`-- {name}` has no colon, so it is only a comment");
        let help = format!("write `-- {name}: {rest}`; a comment may begin with another word");
        let problem = Problem::error(place, "unknown-header", message);
        Some(problem.label(format!("did you mean `{name}:`?")).help(help))
    };
    head.filter_map(slip).collect()
}

/// Whether what follows the word is what would follow it with its colon.
fn is_meant(signal: &Signal, name: &str, rest: &str) -> bool {
    let columns = signal.columns_written();
    let is_column = |name: &str| {
        columns.iter().any(|(given, _)| given.iter().any(|given| given.name == name))
            || (columns.is_empty() && name.contains('_') && is_name(name))
    };
    match name {
        "key" => signal.key.is_none() && is_column(rest),
        "happened" => signal.happened.is_none() && is_column(rest),
        "personal" => signal.personal.is_empty() && rest.split(',').map(str::trim).all(is_column),
        "default" => {
            signal.defaults.is_empty() && parts(rest).into_iter().all(|part| default(part).is_ok())
        }
        _ => false,
    }
}
