//! Names in the text of a template that look as if they stood for something: `{ customer.name }`,
//! `[name]`. Whether they do is not known here.

use std::path::Path;

use super::front_matter::Part;
use super::tags;
use crate::domain::Place;

/// A name in single braces or in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loose {
    /// The name: `customer.name`.
    pub path: String,
    /// With its braces, as it is written.
    pub written: String,
    /// Where.
    pub place: Place,
}

/// Every one in a part, outside of tags and of what is quoted as code. A link is none.
pub(super) fn find(file: &Path, source: &str, part: Part<'_>) -> Vec<Loose> {
    let tags = tags::find(part.text);
    let mut found = Vec::new();
    let mut from = 0;
    let mut is_code = false;
    for tag in tags
        .iter()
        .map(|tag| tag.range.clone())
        .chain(std::iter::once(part.text.len()..part.text.len()))
    {
        let mut at = from;
        while let Some(open) = part.text[at..tag.start].find(['{', '[', '`']).map(|n| at + n) {
            at = open + 1;
            match part.text.as_bytes()[open] {
                b'`' => is_code = !is_code,
                _ if is_code => {}
                _ => {
                    let Some(end) = end(&part.text[..tag.start], open) else { continue };
                    let written = &part.text[open..end];
                    let path = written[1..written.len() - 1].trim();
                    if !is_path(path) || is_link(part.text, open, end) {
                        continue;
                    }
                    let width = written.chars().count() as u32;
                    found.push(Loose {
                        path: path.to_owned(),
                        written: written.to_owned(),
                        place: Place::at_offset(file, source, part.offset + open, width),
                    });
                    at = end;
                }
            }
        }
        from = tag.end;
    }
    found
}

/// Where what is opened is closed, on the same line.
fn end(text: &str, open: usize) -> Option<usize> {
    let close = if text.as_bytes()[open] == b'{' { '}' } else { ']' };
    let line = text[open..].lines().next().unwrap_or_default();
    line.find(close).map(|n| open + n + 1)
}

/// Names with dots between them; a name is longer than an abbreviation or the `x` of a ticked box.
fn is_path(text: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    text.chars().count() > 2 && text.split('.').all(is_name)
}

/// Whether brackets belong to a link: an address follows, or stands elsewhere under this name.
fn is_link(text: &str, open: usize, end: usize) -> bool {
    let written = &text[open..end];
    let before = text[..open].chars().next_back();
    written.starts_with('[')
        && (text[end..].starts_with(['(', '[', ':'])
            || before.is_some_and(|c| c == ']' || c == '!' || c == '\\')
            || text.contains(&format!("{written}:")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_single_braces_are_found_and_links_are_not() {
        let found = |text: &str| {
            let found = find(Path::new("email.md"), text, Part { text, offset: 0 });
            found.into_iter().map(|loose| loose.path).collect::<Vec<_>>().join(" ")
        };
        for (text, names) in [
            ("Dear { customer.name }, {order.id}", "customer.name order.id"),
            ("Dear [name],\n[customer.name]", "name customer.name"),
            ("{% if a %}{plan}{% endif %}", "plan"),
            ("Dear {{ customer.name }} {# {plan} #}{% raw %}{plan}{% endraw %}", ""),
            ("[plan](https://example.com) [plan][1] ![plan] \\[plan]", ""),
            ("[plan]\n\n[plan]: https://example.com", ""),
            ("`{plan}` [x] [ ] [1] { a b } {} {\nplan }", ""),
        ] {
            assert_eq!(found(text), names, "{text}");
        }
    }
}
