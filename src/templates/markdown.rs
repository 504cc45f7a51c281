//! Markdown with tags in it, made into templates for HTML and for plain text. Each tag is
//! replaced by a stand-in that Markdown leaves alone, and put back afterwards: data comes in last
//! and never meets Markdown.

use std::ops::Range;
use std::path::Path;

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag as Element, TagEnd};

use super::engine::{LINK, LINK_ADDRESS, LINK_PART, escape, is_allowed_link};
use super::tags::{Tag, TagKind};
use super::{shape, style, text};
use crate::domain::{Place, Problem};

/// A template made from a source, and where its tags come from.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembled {
    /// What the engine compiles.
    pub(super) template: String,
    /// Where each tag stands in the template, and where it stood in the source.
    origins: Vec<(Range<usize>, Range<usize>)>,
}

impl Assembled {
    /// The stretch of the source that a stretch of the template comes from; the whole tag where
    /// the two differ.
    pub(super) fn origin(&self, at: &Range<usize>) -> Option<Range<usize>> {
        let (here, there) = self.origins.iter().find(|(here, _)| here.contains(&at.start))?;
        if here.len() != there.len() {
            return Some(there.clone());
        }
        let start = there.start + (at.start - here.start);
        Some(start..(start + at.len()).min(there.end))
    }
}

/// Both renderings of one body.
pub(super) struct Body {
    pub(super) html: Assembled,
    pub(super) text: Assembled,
}

/// The body of a file as the two templates. `offset` is where the body starts in the file. The
/// HTML gets its style while a tag is still one word, or a comment where it is no part of the text.
pub(super) fn assemble(
    file: &Path,
    source: &str,
    offset: usize,
    tags: &[Tag],
    right_to_left: bool,
    problems: &mut Vec<Problem>,
) -> Body {
    let body = &source[offset..];
    let stand_ins = StandIns::new(body, tags);
    let marked = stand_ins.mark(body);
    let mut events = Vec::new();
    let mut code = false;
    let parser = Parser::new_ext(&marked.text, Options::ENABLE_TABLES);
    for (event, range) in parser.into_offset_iter() {
        match &event {
            Event::Start(Element::CodeBlock(_)) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            _ => {}
        }
        let place = || {
            let at = offset + marked.origin(range.start);
            Place::at_offset(file, source, at, 1)
        };
        events.push(stand_ins.event(event, code, place, problems));
    }
    let events = stand_ins.free_rows(events);
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, shape::shaped(&events).into_iter());
    let html = style::inline(&html, right_to_left).replace('{', "&#123;");
    let text = text::write(events.into_iter());
    Body {
        html: stand_ins.restore(body, offset, &stand_ins.unwrap(&html), true),
        text: stand_ins.restore(body, offset, &stand_ins.unwrap(&text), false),
    }
}

/// How a stand-in is put back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    AsItIs,
    Link,
    LinkPart,
    LinkAddress,
}

impl Role {
    const ALL: [(Self, char, &'static str); 4] = [
        (Self::AsItIs, 'x', ""),
        (Self::Link, 's', LINK),
        (Self::LinkPart, 'p', LINK_PART),
        (Self::LinkAddress, 'a', LINK_ADDRESS),
    ];

    fn letter(self) -> char {
        Self::ALL.iter().find(|(role, ..)| *role == self).map_or('x', |(_, letter, _)| *letter)
    }
}

/// The words that stand for tags: letters and digits that occur nowhere else in the source.
struct StandIns<'t> {
    word: String,
    tags: &'t [Tag],
}

/// A source in which the tags are replaced.
struct Marked {
    text: String,
    /// Ends of the stand-ins, in `text` and in the source.
    ends: Vec<(usize, usize)>,
}

impl Marked {
    fn origin(&self, at: usize) -> usize {
        let before = self.ends.iter().rev().find(|(end, _)| *end <= at);
        before.map_or(at, |(end, source)| source + (at - end))
    }
}

impl<'t> StandIns<'t> {
    fn new(body: &str, tags: &'t [Tag]) -> Self {
        let mut word = "lktag".to_owned();
        while body.contains(&word) {
            word.push('q');
        }
        Self { word, tags }
    }

    fn stand_in(&self, index: usize, role: Role) -> String {
        format!("{}{index}{}", self.word, role.letter())
    }

    /// A tag that has a line for itself, or shares it only with its like, is no part of a
    /// paragraph: an HTML comment stands for it, which also ends the paragraph before. Between the
    /// rows of a table it is a row itself, for else the table would end there.
    fn mark(&self, body: &str) -> Marked {
        let mut marked = Marked { text: String::with_capacity(body.len()), ends: Vec::new() };
        let mut from = 0;
        let mut rows = RowTags::default();
        for (index, tag) in self.tags.iter().enumerate() {
            marked.text.push_str(&body[from..tag.range.start]);
            let word = self.stand_in(index, Role::AsItIs);
            let has_own_line = self.has_own_line(body, tag);
            if has_own_line && rows.is_row(&marked.text, tag.inner(body)) {
                marked.text.push_str(&format!("|{word}|"));
            } else if has_own_line {
                marked.text.push_str(&format!("<!--{word}-->"));
            } else {
                marked.text.push_str(&word);
            }
            marked.ends.push((marked.text.len(), tag.range.end));
            from = tag.range.end;
        }
        marked.text.push_str(&body[from..]);
        marked
    }

    fn has_own_line(&self, body: &str, tag: &Tag) -> bool {
        let mut start = tag.range.start;
        let mut end = tag.range.end;
        let silent = |t: &Tag| matches!(t.kind, TagKind::Block | TagKind::Comment);
        loop {
            let before = body[..start].trim_end_matches([' ', '\t']);
            match self.tags.iter().find(|t| t.range.end == before.len() && silent(t)) {
                Some(neighbour) => start = neighbour.range.start,
                None => break,
            }
        }
        loop {
            let after = body[end..].trim_start_matches([' ', '\t']);
            let at = body.len() - after.len();
            match self.tags.iter().find(|t| t.range.start == at && silent(t)) {
                Some(neighbour) => end = neighbour.range.end,
                None => break,
            }
        }
        let before = body[..start].trim_end_matches([' ', '\t', '>']);
        let after = body[end..].trim_start_matches([' ', '\t']);
        silent(tag)
            && (before.is_empty() || before.ends_with('\n'))
            && (after.is_empty() || after.starts_with('\n'))
    }

    /// The event with comments unwrapped and links made safe.
    fn event<'e>(
        &self,
        event: Event<'e>,
        code: bool,
        place: impl Fn() -> Place,
        problems: &mut Vec<Problem>,
    ) -> Event<'e> {
        match event {
            Event::Text(text) if code => Event::Text(self.unwrap(&text).into()),
            Event::Html(html) | Event::InlineHtml(html) => {
                let bare = self.unwrap(&html);
                let place = place();
                let is_said = |p: &Problem| p.code == RAW_HTML && p.place.line == place.line;
                if bare.contains('<') && !problems.last().is_some_and(is_said) {
                    problems.push(raw_html(place));
                }
                Event::Html(html)
            }
            Event::Start(Element::Link { link_type, dest_url, title, id }) => {
                let scheme = if link_type == LinkType::Email { "mailto:" } else { "" };
                let dest_url = self.target(scheme, &dest_url, place, problems);
                Event::Start(Element::Link { link_type, dest_url, title, id })
            }
            Event::Start(Element::Image { link_type, dest_url, title, id }) => {
                let dest_url = self.target("", &dest_url, place, problems);
                Event::Start(Element::Image { link_type, dest_url, title, id })
            }
            other => other,
        }
    }

    /// The rows that stand for tags, without the row.
    fn free_rows<'e>(&self, events: Vec<Event<'e>>) -> Vec<Event<'e>> {
        let mut freed: Vec<Event<'e>> = Vec::with_capacity(events.len());
        for event in events {
            let ends = matches!(event, Event::End(TagEnd::TableRow));
            freed.push(event);
            let is_start = |e: &Event<'_>| matches!(e, Event::Start(Element::TableRow));
            let Some(start) = freed.iter().rposition(is_start).filter(|_| ends) else { continue };
            let mut words = freed[start..].iter().filter_map(|e| match e {
                Event::Text(text) => Some(text.as_ref()),
                Event::Start(_) | Event::End(_) => None,
                _ => Some(""),
            });
            let word = match (words.next(), words.next()) {
                (Some(word), None) => self.find(word).filter(|f| f.range == (0..word.len())),
                _ => None,
            };
            let block = word.filter(|f| self.tags[f.index].kind == TagKind::Block);
            if let Some(found) = block {
                freed.truncate(start);
                let word = self.stand_in(found.index, Role::AsItIs);
                freed.push(Event::Html(format!("<!--{word}-->").into()));
            }
        }
        freed
    }

    /// Comments that stand for tags, without the comment.
    fn unwrap(&self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("<!--") {
            out.push_str(before);
            match after.split_once("-->").filter(|(word, _)| self.find(word).is_some()) {
                Some((word, after)) => {
                    out.push_str(word);
                    rest = after;
                }
                None => {
                    out.push_str("<!--");
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }

    /// A link's target in which data can add neither a scheme nor a query of its own.
    fn target<'e>(
        &self,
        scheme: &str,
        target: &str,
        place: impl Fn() -> Place,
        problems: &mut Vec<Problem>,
    ) -> CowStr<'e> {
        let mut out = String::new();
        let mut said = scheme.to_owned();
        let mut rest = target;
        while let Some(found) = self.find(rest) {
            said.push_str(&rest[..found.range.start]);
            out.push_str(&rest[..found.range.start]);
            let role = match self.tags[found.index].kind {
                TagKind::Value if said.is_empty() => Role::Link,
                TagKind::Value if said.starts_with("mailto:") || said.starts_with("tel:") => {
                    Role::LinkAddress
                }
                TagKind::Value => Role::LinkPart,
                _ => Role::AsItIs,
            };
            if role == Role::Link {
                said.push_str("https:");
            }
            out.push_str(&self.stand_in(found.index, role));
            rest = &rest[found.range.end..];
        }
        said.push_str(rest);
        out.push_str(rest);
        if !is_allowed_link(&said) {
            problems.push(
                Problem::error(place(), "link", "this link leads nowhere from a message")
                    .help("write the whole address: https://…, mailto:… or tel:…"),
            );
        }
        out.into()
    }

    /// Puts the tags back.
    fn restore(&self, body: &str, offset: usize, rendered: &str, html: bool) -> Assembled {
        let mut assembled = Assembled::default();
        let mut rest = rendered;
        while let Some(found) = self.find(rest) {
            assembled.template.push_str(&rest[..found.range.start]);
            rest = &rest[found.range.end..];
            let tag = &self.tags[found.index];
            let source = &body[tag.range.clone()];
            let start = assembled.template.len();
            match (tag.kind, found.filter) {
                (TagKind::Comment, _) => {}
                (TagKind::Raw, _) if html => assembled.template.push_str(&escape(source)),
                (TagKind::Value, filter) if !filter.is_empty() => {
                    let inner = tag.inner(body);
                    assembled.template.push_str(&format!("{{{{ ({inner})|{filter} }}}}"));
                }
                _ => assembled.template.push_str(source),
            }
            let here = start..assembled.template.len();
            let there = tag.range.start + offset..tag.range.end + offset;
            assembled.origins.push((here, there));
        }
        assembled.template.push_str(rest);
        assembled
    }

    /// The first stand-in in a text.
    fn find(&self, text: &str) -> Option<Found> {
        let start = text.find(&self.word)?;
        let after = &text[start + self.word.len()..];
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let index = after[..digits].parse().ok().filter(|index| *index < self.tags.len())?;
        let letter = after[digits..].chars().next()?;
        let (.., filter) = Role::ALL.iter().find(|(_, known, _)| *known == letter)?;
        let end = start + self.word.len() + digits + 1;
        Some(Found { index, filter, range: start..end })
    }
}

/// The tags that stand between the rows of a table.
#[derive(Default)]
struct RowTags {
    /// How many of them are open.
    open: usize,
}

impl RowTags {
    /// Whether a tag on a line of its own stands between rows. One that ends what began before the
    /// table ends the table too.
    fn is_row(&mut self, before: &str, inner: &str) -> bool {
        let mut above = before.lines().rev().take_while(|line| line.trim_start().starts_with('|'));
        let is_rule = |line: &str| {
            line.contains('-') && line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'))
        };
        if !before.ends_with('\n') || !above.any(is_rule) {
            self.open = 0;
            return false;
        }
        match inner.split_whitespace().next().unwrap_or_default() {
            "if" | "for" => {
                self.open += 1;
                true
            }
            "endif" | "endfor" if self.open > 0 => {
                self.open -= 1;
                true
            }
            "else" | "elif" => self.open > 0,
            _ => false,
        }
    }
}

struct Found {
    index: usize,
    filter: &'static str,
    range: Range<usize>,
}

/// The code of the problem that is said once a line.
const RAW_HTML: &str = "raw-html";

fn raw_html(place: Place) -> Problem {
    Problem::error(place, RAW_HTML, "HTML has no place in a template").help(
        "write Markdown: **bold**, [text](https://…); for a note that nobody sees write {# … #}; a < that is meant as such is written \\<",
    )
}
