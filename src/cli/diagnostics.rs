//! Problems of a pack or a configuration, told with their place, cause and cure in rustc's shape.
//! Nothing here decides whether something is a problem.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use annotate_snippets::{
    AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str,
};
use serde_json::json;

use super::wording::counted;
use crate::domain::{Problem, Severity};

/// The problems for people, by file and line, each once, and a line that counts them; with colours.
pub fn text(problems: &[Problem], of: &str) -> String {
    let renderer = Renderer::styled();
    let mut sources = BTreeMap::new();
    let mut told = String::new();
    let problems = sorted(problems);
    for problem in &problems {
        let file = problem.place.file.as_path();
        let source = sources.entry(file).or_insert_with(|| source(file));
        told.push_str(&renderer.render(&[group(problem, source.as_deref())]));
        told.push_str("\n\n");
    }
    told.push_str(&closing(&problems, of));
    told.push('\n');
    told
}

/// The problems for programs.
pub fn json(problems: &[Problem]) -> serde_json::Value {
    let problems = sorted(problems);
    let (errors, findings) = count(&problems);
    let told: Vec<_> = problems
        .iter()
        .map(|problem| {
            json!({
                "severity": problem.severity,
                "code": problem.code,
                "file": problem.place.file.to_string_lossy(),
                "line": problem.place.line,
                "column": problem.place.column,
                "message": problem.message,
                "label": problem.label,
                "help": problem.help,
            })
        })
        .collect();
    json!({ "schema_version": 1, "errors": errors, "findings": findings, "problems": told })
}

/// By place, each once.
fn sorted(problems: &[Problem]) -> Vec<&Problem> {
    problems.iter().collect::<BTreeSet<_>>().into_iter().collect()
}

fn count(problems: &[&Problem]) -> (usize, usize) {
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    (errors, problems.len() - errors)
}

fn closing(problems: &[&Problem], of: &str) -> String {
    let (errors, findings) = count(problems);
    let counts: Vec<String> = [(errors, "error"), (findings, "finding")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| counted(count as u64, noun))
        .collect();
    match counts.is_empty() {
        true => format!("No problems in {of}"),
        false => format!("{} in {of}", counts.join(" and ")),
    }
}

/// The text of a file of the pack; `None` for what is no text file, where the place alone is named.
fn source(file: &Path) -> Option<String> {
    std::fs::read(file).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn group<'a>(problem: &'a Problem, source: Option<&'a str>) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Finding => Level::WARNING.with_name("finding"),
    };
    let file = problem.place.file.to_string_lossy();
    let group = Group::with_title(level.primary_title(problem.message.as_str()).id(problem.code));
    let group = match source.and_then(|source| Some((source, underlined(problem, source)?))) {
        Some((source, span)) => {
            let label = Some(problem.label.as_str()).filter(|label| !label.is_empty());
            let annotation = AnnotationKind::Primary.span(span).label(label);
            group.element(Snippet::source(source).path(file).annotation(annotation))
        }
        None => {
            let mut origin = Origin::path(file);
            if let Some(line) = problem.place.line {
                origin = origin.line(line as usize);
            }
            if let Some(column) = problem.place.column {
                origin = origin.char_column(column as usize);
            }
            let group = group.element(origin);
            match problem.label.as_str() {
                "" => group,
                label => group.element(Level::NOTE.message(normalize_untrusted_str(label))),
            }
        }
    };
    match problem.help.as_str() {
        "" => group,
        help => group.element(Level::HELP.message(untrusted_lines(help))),
    }
}

/// A text of several lines without any control character.
fn untrusted_lines(text: &str) -> String {
    text.lines().map(normalize_untrusted_str).collect::<Vec<_>>().join("\n")
}

/// The bytes of `source` that a problem is about; `None` where it names no line that is there.
fn underlined(problem: &Problem, source: &str) -> Option<std::ops::Range<usize>> {
    let line_number = problem.place.line?.checked_sub(1)? as usize;
    let mut start = 0;
    let mut lines = source.split_inclusive('\n');
    for _ in 0..line_number {
        start += lines.next()?.len();
    }
    // One past the last line is where something is missing at the end of the file.
    let line = lines.next().unwrap_or("").trim_end_matches(['\n', '\r']);
    let byte = |character: usize| line.char_indices().nth(character).map_or(line.len(), |(b, _)| b);
    let (from, to) = match problem.place.column {
        Some(column) => {
            let from = column.saturating_sub(1) as usize;
            (byte(from), byte(from + problem.place.width as usize))
        }
        None => (line.len() - line.trim_start().len(), line.trim_end().len()),
    };
    Some(start + from..start + to.max(from))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::Place;

    /// What a person reads, without colours, with the folder's name left out.
    fn told(folder: &Path, problems: &[Problem]) -> String {
        let text = anstream::adapter::strip_str(&text(problems, "rules/")).to_string();
        text.replace(&format!("{}/", folder.display()), "")
    }

    #[test]
    fn problems_read_like_a_compilers() {
        let folder = tempfile::tempdir().unwrap();
        let rule = folder.path().join("stalled-order/rule.rhai");
        fs::create_dir(rule.parent().unwrap()).unwrap();
        let script = "//! Tell them.\nconst TOPIK = \"service\";\n\nfn when(kunde, order) {\n\
                      \tkunde.größe > 3 && order.ordre_date == ()\n}\n";
        fs::write(&rule, script).unwrap();
        let misspelt = Problem::error(
            Place::at(&rule, 2, 7, 5),
            "misspelt-constant",
            "`TOPIK` means nothing to Lookout",
        )
        .label("looks like TOPIC")
        .help("write TOPIC; if it is your own, choose a name that differs more");
        let unknown = Problem::error(
            Place::at(&rule, 5, 27, 10),
            "unknown-name",
            "the signal `orders` has no `ordre_date`",
        )
        .label("did you mean `order_date`?")
        .help("it has customer_id, order_id,\norder_date and required_date");
        let case = folder.path().join("stalled-order/cases.toml");
        let missing =
            Problem::finding(Place::file(case), "no-case", "the rule `stalled-order` has no case")
                .help("write one into cases.toml");
        let end = Problem::finding(
            Place::at(&rule, 7, 1, 1),
            "odd-end",
            "something is missing at the end",
        );
        let beyond =
            Problem::finding(Place::at(&rule, 99, 1, 1), "beyond", "a line that is no more");
        let problems = [missing, unknown.clone(), misspelt, end, beyond, unknown];
        insta::assert_snapshot!(told(folder.path(), &problems));
        assert_eq!(told(folder.path(), &[]), "No problems in rules/\n");
    }

    #[test]
    fn data_in_a_problem_drives_no_terminal() {
        let odd = "customer \u{1b}[2J\u{202e}RANCH";
        let problem = Problem::error(Place::file("rules/signals/a.sql"), "two-rows", odd);
        let problem = problem.label(odd).help(odd);
        let told = anstream::adapter::strip_str(&text(&[problem], "rules/")).to_string();
        assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    }

    #[test]
    fn programs_get_the_same_problems() {
        let place = Place::at("rules/policy.toml", 3, 1, 4);
        let problem = Problem::finding(place, "no-cap", "there is no cap").help("write one");
        insta::assert_json_snapshot!(json(&[problem.clone(), problem]));
    }
}
