//! What is wrong where a file is no TOML, in words for people who never heard of it. The parser stops at
//! what it can't read, which may be behind the slip; the slip itself is looked for.

use std::ops::Range;

/// What is wrong, where, and what helps.
pub(super) struct Slip {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) help: String,
}

/// Of these there may be several, so that they stand in double brackets.
const LISTS: [&str; 4] = ["case", "case.step", "case.each", "cap"];

/// A line `[name]` or `[[name]]`.
struct Header<'t> {
    span: Range<usize>,
    name: &'t str,
    is_double: bool,
}

/// The slip behind the parser's words.
pub(super) fn slip(text: &str, span: Range<usize>, said: &str) -> Slip {
    let start = text[..span.start.min(text.len())].rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let told = format!("this is not TOML: {said}");
    let help = match () {
        () if said.starts_with("duplicate key") => return twice(text, span, line),
        () if line.trim_start().starts_with('[') && !line.contains('=') => {
            "a section begins with [name] on a line of its own, one of several with [[name]]: as \
             many brackets behind the name as before it"
        }
        () if said.contains("must be quoted") => "a text stands in double quotes: name = \"text\"",
        () => {
            "a text stands in double quotes: name = \"text\"; a list in brackets: [\"a\", \"b\"]; \
             a section begins with [name] on a line of its own"
        }
    };
    Slip { span, message: told, help: help.to_owned() }
}

/// A key or a section that is there twice; a section of a list that lacks its double brackets.
fn twice(text: &str, span: Range<usize>, line: &str) -> Slip {
    let headers = headers(text);
    let Some(name) = header(line).map(|(name, _)| name) else {
        let key = text.get(span.clone()).unwrap_or_default().to_owned();
        let help = "keep one of the two lines".to_owned();
        return Slip { span, message: format!("`{key}` is said twice"), help };
    };
    let same = || headers.iter().filter(|header| header.name == name);
    let single = same().find(|header| !header.is_double);
    let is_list = LISTS.contains(&name) || same().any(|header| header.is_double);
    match single.filter(|_| is_list) {
        Some(single) => Slip {
            span: single.span.clone(),
            message: format!("there are several `{name}`, so each needs double brackets"),
            help: format!("write [[{name}]]"),
        },
        None => Slip {
            span,
            message: format!("the section `{name}` begins twice"),
            help: format!("put all that belongs to it under one [{name}]"),
        },
    }
}

fn headers(text: &str) -> Vec<Header<'_>> {
    let mut at = 0;
    let mut headers = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some((name, is_double)) = header(line) {
            let start = at + line.len() - line.trim_start().len();
            let length = name.len() + if is_double { 4 } else { 2 };
            headers.push(Header { span: start..start + length, name, is_double });
        }
        at += line.len();
    }
    headers
}

/// The name of a section that begins on a line, and whether it is one of several.
fn header(line: &str) -> Option<(&str, bool)> {
    let line = line.trim_start();
    let is_double = line.starts_with("[[");
    let inner = line.strip_prefix(if is_double { "[[" } else { "[" })?;
    let (name, _) = inner.split_once(']')?;
    (!name.contains(['"', '=', ','])).then_some((name, is_double))
}
