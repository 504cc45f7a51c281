//! What of the rules their cases reach, in counts, with the lines that none did.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::tables::aligned;
use crate::domain::RuleId;
use crate::rules::coverage::{Coverage, Point, PointKind};

/// The coverage of the rules that were tested.
pub(super) struct Covered {
    rules: Vec<(RuleId, Vec<Point>)>,
    /// How many of a hundred each rule has to reach.
    least: Option<u8>,
}

impl Covered {
    pub(super) fn new(coverage: &Coverage, tested: &BTreeSet<&RuleId>, least: Option<u8>) -> Self {
        let rules = coverage.points().into_iter().filter(|(id, _)| tested.contains(id));
        Self { rules: rules.collect(), least }
    }

    /// Whether each rule reaches what was asked for.
    pub(super) fn is_enough(&self) -> bool {
        self.too_little().next().is_none()
    }

    fn too_little(&self) -> impl Iterator<Item = &RuleId> {
        let short = |points: &[Point]| {
            let (seen, whole) = sums(points);
            self.least.is_some_and(|least| seen * 100 < u64::from(least) * whole)
        };
        self.rules.iter().filter(move |(_, points)| short(points)).map(|(id, _)| id)
    }

    /// A line a rule, and one for all that none of its cases reaches.
    pub(super) fn text(&self) -> String {
        let mut text =
            "\nReached by the cases: conditions made true and made false, and ways taken\n"
                .to_owned();
        let count = |(id, points): &(RuleId, Vec<Point>)| {
            let (seen, whole) = sums(points);
            vec![id.to_string(), format!("{seen} of {whole}"), format!("{}%", share(seen, whole))]
        };
        text.push_str(&aligned(&self.rules.iter().map(count).collect::<Vec<_>>(), 2));
        for (_, points) in &self.rules {
            let missing: Vec<_> = points.iter().filter_map(missing).collect();
            if !missing.is_empty() {
                text.push('\n');
                text.push_str(&aligned(&missing, 2));
            }
        }
        text
    }

    /// Which rules reach too little.
    pub(super) fn below(&self) -> Option<String> {
        let short: Vec<String> = self.too_little().map(ToString::to_string).collect();
        let which = crate::cli::wording::listed(&short);
        let least = self.least.filter(|_| !short.is_empty())?;
        Some(format!("below {least}%: {which}"))
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let point = |point: &Point| {
            json!({
                "file": point.place.file.display().to_string(),
                "line": point.place.line,
                "column": point.place.column,
                "yes": point.yes,
                "no": point.no,
                "never": point.never(),
            })
        };
        let rule = |(id, points): &(RuleId, Vec<Point>)| {
            let (seen, whole) = sums(points);
            let points: Vec<_> = points.iter().map(point).collect();
            json!({ "rule": id, "seen": seen, "whole": whole, "points": points })
        };
        self.rules.iter().map(rule).collect()
    }
}

/// What was seen, of how much there is to see.
fn sums(points: &[Point]) -> (u64, u64) {
    (points.iter().map(Point::seen).sum(), points.iter().map(Point::whole).sum())
}

/// Of a hundred; all of nothing is all.
fn share(seen: u64, whole: u64) -> u64 {
    (seen * 100).checked_div(whole).unwrap_or(100)
}

fn missing(point: &Point) -> Option<Vec<String>> {
    let (line, column) = (point.place.line?, point.place.column?);
    let place = format!("{}:{line}:{column}", point.place.file.display());
    Some(vec![place, point.never()?.to_owned(), source(point, line, column)])
}

/// What stands at a place of a script: a condition to its end, a way to the end of its line.
fn source(point: &Point, line: u32, column: u32) -> String {
    let text = std::fs::read_to_string(&point.place.file).unwrap_or_default();
    let line = text.lines().nth(line as usize - 1).unwrap_or_default();
    let rest: String = line.chars().skip(column as usize - 1).collect();
    let told = match point.kind {
        PointKind::Way if rest.starts_with('{') => rest.as_str(),
        PointKind::Way | PointKind::Condition => &rest[..end(&rest)],
    };
    told.trim().to_owned()
}

/// Where a condition ends, as far as it stands on its line.
fn end(text: &str) -> usize {
    let (mut depth, mut quoted) = (0_i32, false);
    for (at, c) in text.char_indices() {
        let rest = &text[at..];
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' => depth += 1,
            ')' | ']' if depth == 0 => return at,
            ')' | ']' => depth -= 1,
            '{' | '}' | ';' | ',' if depth == 0 => return at,
            _ if depth == 0 && ["&&", "||", "=>", "//"].iter().any(|end| rest.starts_with(end)) => {
                return at;
            }
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_ends_where_the_next_one_begins() {
        for (text, condition) in [
            ("a == \"b && c\" && d", "a == \"b && c\" "),
            ("days_since(a.b) >= 7", "days_since(a.b) >= 7"),
            ("a == 1) || b", "a == 1"),
            ("a == () { return false; }", "a == () "),
            ("a > 11000 => email(\"x\")", "a > 11000 "),
            ("f(a, b)[1] == 2 // so it is", "f(a, b)[1] == 2 "),
        ] {
            assert_eq!(&text[..end(text)], condition);
        }
    }
}
