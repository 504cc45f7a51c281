//! The head of a template file: `subject`, `because`, `stop` and `language` between two `---` lines. Nothing here
//! knows Markdown.

use std::path::Path;

use crate::domain::{Place, Problem, nearest};

/// The keys that a head may have.
const KEYS: [&str; 4] = ["subject", "because", "stop", "language"];

/// A template file, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FrontMatter<'a> {
    /// The subject, or a task's title.
    pub(super) subject: Part<'a>,
    /// The customer's own "why you get this".
    pub(super) because: Option<Part<'a>>,
    /// The words of the link by which the customer stops the topic.
    pub(super) stop: Option<Part<'a>>,
    /// The language of the words, where the file's name says none.
    pub(super) language: Option<Part<'a>>,
    /// The Markdown below the head.
    pub(super) body: Part<'a>,
}

/// A piece of a file that is a template of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// Where it starts in the file, in bytes.
    pub(super) offset: usize,
}

/// Takes a file apart. `None` if there is no usable subject; the problem then says so.
pub(super) fn read<'a>(
    file: &Path,
    source: &'a str,
    problems: &mut Vec<Problem>,
) -> Option<FrontMatter<'a>> {
    let Some(after) = source.strip_prefix("---\n") else {
        problems.push(no_subject(file));
        return None;
    };
    let start = source.len() - after.len();
    let before = problems.len();
    let mut offset = start;
    let mut found: [Option<Part<'a>>; 4] = [None; 4];
    let mut faults = false;
    for line in after.split_inclusive('\n') {
        let at = offset;
        offset += line.len();
        let text = line.trim_end();
        if text == "---" {
            let body = Part { text: &source[offset..], offset };
            let [subject, because, stop, language] = found;
            if subject.is_none() && !faults {
                problems.push(no_subject(file));
            }
            return Some(FrontMatter { subject: subject?, because, stop, language, body });
        }
        if text.trim().is_empty() || text.starts_with('#') {
            continue;
        }
        match key_and_value(text, at) {
            Some((key, value)) => {
                let known = KEYS.iter().position(|k| *k == key);
                match known.map(|index| &mut found[index]) {
                    Some(slot) if slot.is_none() && !value.text.is_empty() => *slot = Some(value),
                    Some(slot) => {
                        faults = true;
                        let what = if slot.is_some() { "comes twice" } else { "is empty" };
                        let place = Place::at_offset(file, source, at, key.chars().count() as u32);
                        problems.push(
                            Problem::error(place, "front-matter", format!("`{key}` {what}"))
                                .help("write each key once, with its text on the same line"),
                        );
                    }
                    None => {
                        faults = true;
                        problems.push(unknown_key(file, source, at, key));
                    }
                }
            }
            None => {
                faults = true;
                let place = Place::at_offset(file, source, at, text.chars().count() as u32);
                problems.push(
                    Problem::error(place, "front-matter", "this line is no `key: text`")
                        .help("between the two --- lines, write lines such as `subject: Your order`; the message itself comes after the second ---"),
                );
            }
        }
    }
    // Of a head that never ends, every line of the message is one that does not belong.
    problems.truncate(before);
    problems.push(
        Problem::error(
            Place::at(file, 1, 1, 3),
            "front-matter",
            "the head of the template has no end",
        )
        .help("close it with a second line `---`; the message comes after it"),
    );
    None
}

fn key_and_value(line: &str, at: usize) -> Option<(&str, Part<'_>)> {
    let (key, rest) = line.split_once(':')?;
    let key = key.trim_end();
    if key.is_empty() || !key.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)) {
        return None;
    }
    let mut text = rest.trim();
    let mut offset = at + line.len() - rest.trim_start().len();
    for quote in ['"', '\''] {
        let inner = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.contains(quote)) {
            text = inner;
            offset += 1;
            break;
        }
    }
    Some((key, Part { text, offset }))
}

fn no_subject(file: &Path) -> Problem {
    Problem::error(Place::file(file), "no-subject", "the template has no subject")
        .help("start the file with three lines: `---`, `subject: what it is about`, `---`; a task's subject is its title")
}

fn unknown_key(file: &Path, source: &str, at: usize, key: &str) -> Problem {
    let place = Place::at_offset(file, source, at, key.chars().count() as u32);
    let near = nearest(key, KEYS);
    let problem = Problem::error(place, "unknown-key", format!("a template has no key `{key}`"));
    match near {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem,
    }
    .help("the keys are `subject`, `because`, `stop` and `language`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(source: &str) -> (Option<FrontMatter<'_>>, Vec<String>) {
        let mut problems = Vec::new();
        let read = read(Path::new("email.md"), source, &mut problems);
        let said = problems
            .iter()
            .map(|p| format!("{:?}:{:?} {} {}", p.place.line, p.place.column, p.message, p.label))
            .collect();
        (read, said)
    }

    #[test]
    fn a_head_gives_subject_reason_and_body() {
        let source = "---\n# a note\nsubject: \"Order {{ order.id }}\"\nbecause: You ordered: once\n---\nHello\n";
        let (read, problems) = read_one(source);
        let read = read.unwrap();
        assert_eq!(problems, Vec::<String>::new());
        assert_eq!(read.subject.text, "Order {{ order.id }}");
        assert!(source[read.subject.offset..].starts_with("Order {{"));
        assert_eq!(read.because.unwrap().text, "You ordered: once");
        assert_eq!(read.body.text, "Hello\n");
        assert_eq!(&source[read.body.offset..], "Hello\n");
    }

    #[test]
    fn quotes_that_are_part_of_the_text_stay() {
        let (read, _) = read_one("---\nsubject: \"Hello\" and \"goodbye\"\n---\n");
        assert_eq!(read.unwrap().subject.text, "\"Hello\" and \"goodbye\"");
    }

    #[test]
    fn every_mistake_is_named_with_its_place() {
        for (source, expected) in [
            ("Hello\n", "None:None the template has no subject "),
            ("---\nbecause: x\n---\n", "None:None the template has no subject "),
            ("---\nsubject: x\nHello\n---\n", "Some(3):Some(1) this line is no `key: text` "),
            ("---\nsubject: x\nHello\n", "Some(1):Some(1) the head of the template has no end "),
            (
                "---\nsubjct: x\n---\n",
                "Some(2):Some(1) a template has no key `subjct` did you mean `subject`?",
            ),
            ("---\nsubject: x\nsubject: y\n---\n", "Some(3):Some(1) `subject` comes twice "),
            ("---\nsubject:\n---\n", "Some(2):Some(1) `subject` is empty "),
            ("---\nsubject: x\n", "Some(1):Some(1) the head of the template has no end "),
        ] {
            let (_, problems) = read_one(source);
            assert_eq!(problems.first().map(String::as_str), Some(expected), "{source:?}");
        }
    }
}
