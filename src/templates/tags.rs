//! Finds the tags (`{{ … }}`, `{% … %}`, `{# … #}`) in a template and the names that they read.
//! Nothing here evaluates anything.

use std::collections::BTreeSet;
use std::ops::Range;

/// What a tag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagKind {
    /// `{{ … }}` puts data in.
    Value,
    /// `{% … %}` decides or repeats.
    Block,
    /// `{# … #}` says nothing.
    Comment,
    /// `{% raw %}…{% endraw %}`, the whole of it.
    Raw,
}

/// One tag, by its place in the source.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tag {
    pub(super) kind: TagKind,
    pub(super) range: Range<usize>,
}

impl Tag {
    /// What stands between the delimiters, without whitespace control.
    pub(super) fn inner<'a>(&self, source: &'a str) -> &'a str {
        let text = &source[self.range.clone()];
        let text = text.get(2..text.len().saturating_sub(2)).unwrap_or("");
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        text.strip_suffix(['-', '+']).unwrap_or(text)
    }
}

/// Finds every tag, in order. The source is known to be a template without syntax errors.
pub(super) fn find(source: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut from = 0;
    while let Some((start, kind)) = next_start(source, from) {
        let mut end = match kind {
            TagKind::Comment => source[start..].find("#}").map(|n| start + n + 2),
            TagKind::Value => end_of(source, start + 2, b"}}"),
            TagKind::Block | TagKind::Raw => end_of(source, start + 2, b"%}"),
        }
        .unwrap_or(source.len());
        let mut tag = Tag { kind, range: start..end };
        if kind == TagKind::Block && tag.inner(source).trim() == "raw" {
            end = end_of_raw(source, end);
            tag = Tag { kind: TagKind::Raw, range: start..end };
        }
        tags.push(tag);
        from = end;
    }
    tags
}

fn next_start(source: &str, from: usize) -> Option<(usize, TagKind)> {
    source.as_bytes().windows(2).enumerate().skip(from).find_map(|(at, pair)| match pair {
        b"{{" => Some((at, TagKind::Value)),
        b"{%" => Some((at, TagKind::Block)),
        b"{#" => Some((at, TagKind::Comment)),
        _ => None,
    })
}

/// The end of a tag, past strings and brackets.
fn end_of(source: &str, from: usize, close: &[u8; 2]) -> Option<usize> {
    let bytes = source.as_bytes();
    let mut depth = 0_u32;
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            _ if depth == 0 && bytes[at..].starts_with(close) => return Some(at + 2),
            quote @ (b'"' | b'\'') => at = end_of_string(bytes, at, quote),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// The index of a string's closing quote.
fn end_of_string(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < bytes.len() && bytes[at] != quote {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at
}

fn end_of_raw(source: &str, from: usize) -> usize {
    let mut at = from;
    while let Some(start) = source[at..].find("{%").map(|n| at + n) {
        let end = source[start..].find("%}").map_or(source.len(), |n| start + n + 2);
        if (Tag { kind: TagKind::Block, range: start..end }).inner(source).trim() == "endraw" {
            return end;
        }
        at = start + 2;
    }
    source.len()
}

/// A dotted name as it stands in a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reference {
    /// `customer.tickets.open`.
    pub(super) path: String,
    /// Where it starts in the source, in bytes.
    pub(super) offset: usize,
    /// What the name is for.
    pub(super) role: Role,
}

/// What stands in the brackets behind a filter's name, brackets included; nothing where it has none.
pub(super) fn arguments(source: &str, from: usize) -> &str {
    let rest = &source[from..];
    let start = rest.len() - rest.trim_start().len();
    if !rest[start..].starts_with('(') {
        return "";
    }
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0_u32, start);
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = end_of_string(bytes, at, quote),
            b'(' => depth += 1,
            b')' if depth == 1 => return &rest[start..=at],
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    ""
}

/// Whether what a filter is given depends on data: it holds a name that is none of a parameter.
pub(super) fn reads_data(arguments: &str) -> bool {
    paths(arguments, 0..arguments.len()).iter().any(|name| {
        let after = arguments[name.offset + name.path.len()..].trim_start();
        let is_word = ["true", "false", "none"].contains(&name.path.to_ascii_lowercase().as_str());
        !is_word && (!after.starts_with('=') || after.starts_with("=="))
    })
}

/// What a name in a tag is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It may be a variable.
    Name,
    /// It is read of an entry of `also`, which the path leaves out.
    OfAlso,
    /// It stands behind a `|`.
    Filter,
}

/// Every name in the tags, and for each entry of `also` the name as it would be without it:
/// `other.order.id` in a loop over `also` reads `order.id`.
pub(super) fn references(source: &str, tags: &[Tag]) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut entries: BTreeSet<String> = BTreeSet::new();
    for tag in tags.iter().filter(|t| matches!(t.kind, TagKind::Value | TagKind::Block)) {
        let names = paths(source, tag.range.start + 2..tag.range.end.saturating_sub(2));
        let words: Vec<&str> = names.iter().map(|n| n.path.as_str()).collect();
        if let ["for", entry, "in", "also", ..] = words[..] {
            entries.insert(entry.to_owned());
        }
        for name in names {
            let (head, rest) = name.path.split_once('.').unwrap_or((&name.path, ""));
            match rest {
                "" => found.push(name),
                _ if entries.contains(head) || head == "also" => {
                    let path = rest.to_owned();
                    found.push(Reference { path, offset: name.offset, role: Role::OfAlso });
                }
                _ => found.push(name),
            }
        }
    }
    found
}

/// Dotted names in a stretch of an expression. `a["b"]` reads `a.b`; an index is passed over.
fn paths(source: &str, range: Range<usize>) -> Vec<Reference> {
    let bytes = source.as_bytes();
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80;
    let mut found = Vec::new();
    let mut at = range.start;
    while at < range.end {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = end_of_string(bytes, at, quote) + 1,
            b if is_word(b) && !b.is_ascii_digit() => {
                let start = at;
                let mut path = String::new();
                loop {
                    let from = at;
                    while at < range.end && is_word(bytes[at]) {
                        at += 1;
                    }
                    path.push_str(&source[from..at]);
                    let rest = &source[at..range.end];
                    let index = rest.strip_prefix('[').and_then(|r| r.split_once(']'));
                    if let Some((index, after)) = index {
                        let skipped = rest.len() - after.len();
                        let name = index.trim().trim_matches(['"', '\'']);
                        let quoted = name.len() < index.trim().len();
                        if quoted && !name.is_empty() && name.bytes().all(is_word) {
                            path.push('.');
                            path.push_str(name);
                        } else if index.parse::<i64>().is_err() {
                            break;
                        }
                        at += skipped;
                    }
                    let continues = source[at..range.end].strip_prefix('.').is_some_and(|r| {
                        r.bytes().next().is_some_and(|b| is_word(b) && !b.is_ascii_digit())
                    });
                    if !continues {
                        break;
                    }
                    path.push('.');
                    at += 1;
                }
                let before = source[range.start..start].trim_end();
                let role = if before.ends_with('|') { Role::Filter } else { Role::Name };
                found.push(Reference { path, offset: start, role });
            }
            b if b.is_ascii_digit() => {
                while at < range.end && (is_word(bytes[at]) || bytes[at] == b'.') {
                    at += 1;
                }
            }
            _ => at += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<(TagKind, &str)> {
        find(source).into_iter().map(|t| (t.kind, &source[t.range])).collect()
    }

    #[test]
    fn tags_end_where_the_engine_ends_them() {
        use TagKind::{Block, Comment, Raw, Value};
        assert_eq!(
            texts("a {{ x }} {%- if y %}b{% endif %} {# }} #}"),
            [
                (Value, "{{ x }}"),
                (Block, "{%- if y %}"),
                (Block, "{% endif %}"),
                (Comment, "{# }} #}")
            ]
        );
        assert_eq!(texts("{{ '}}' }}x"), [(Value, "{{ '}}' }}")]);
        assert_eq!(texts("{{ {'a': {'b': 1}} }}x"), [(Value, "{{ {'a': {'b': 1}} }}")]);
        assert_eq!(
            texts("{% raw %}{{ x }}{% y %}{%- endraw -%}z"),
            [(Raw, "{% raw %}{{ x }}{% y %}{%- endraw -%}")]
        );
    }

    #[test]
    fn names_are_found_with_their_places() {
        let source = "{{ customer.plan|upper }} {{ a['b'].c }} {{ 'x.y' }} {{ 1.5 }}";
        let found: Vec<(String, usize)> =
            references(source, &find(source)).into_iter().map(|r| (r.path, r.offset)).collect();
        assert_eq!(
            found,
            [("customer.plan".into(), 3), ("upper".into(), 17), ("a.b.c".into(), 29)]
        );
    }

    #[test]
    fn what_a_filter_is_given_ends_with_its_bracket() {
        let arguments =
            |source: &'static str| arguments(source, source.find("plural").unwrap() + 6);
        assert_eq!(arguments("{{ n | plural }}"), "");
        assert_eq!(arguments("{{ n|plural (\"a)\", f(x)) | trim }}"), "(\"a)\", f(x))");
        assert!(!reads_data("('a', two = \"b c\", three=None, four=4.5)"));
        assert!(reads_data("('a', two=b)") && reads_data("(a == 1)"));
    }

    #[test]
    fn entries_of_also_read_like_the_first_subject() {
        let source =
            "{% for other in also %}{{ other.order.id }}{% endfor %}{{ also[0].order.day }}";
        let found: Vec<String> =
            references(source, &find(source)).into_iter().map(|r| r.path).collect();
        assert!(found.contains(&"order.id".to_owned()), "{found:?}");
        assert!(found.contains(&"order.day".to_owned()), "{found:?}");
    }
}
