//! Markdown as plain text that reads well. The writer leaves marks (control characters, which
//! neither a template nor data can hold) where the outcome depends on the data, and `finish`
//! resolves them after rendering.

use pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};

const ITEM: char = '\u{1}';
const NUMBERS: char = '\u{2}';
const NUMBERS_END: char = '\u{3}';
const LIST_END: char = '\u{4}';
const LIST: char = '\u{5}';
const LINK_TEXT: char = '\u{6}';
const LINK_TARGET: char = '\u{e}';
const LINK_END: char = '\u{f}';
const FRESH_LINE: char = '\u{10}';

/// Writes the events as text with marks; templates' stand-ins pass through as they are.
pub(super) fn write<'a>(events: impl Iterator<Item = Event<'a>>) -> String {
    let mut writer = Writer::default();
    for event in events {
        writer.event(event);
    }
    writer.out
}

#[derive(Default)]
struct Writer {
    out: String,
    /// What each line of the blocks around starts with.
    prefix: Vec<&'static str>,
    /// For each list around: whether it is numbered.
    lists: Vec<bool>,
    targets: Vec<String>,
    /// How many cells the row of a table has so far.
    cells: usize,
}

impl Writer {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.text(&text),
            Event::Html(text) => self.out.push_str(text.trim_end_matches('\n')),
            Event::SoftBreak | Event::HardBreak => self.line(),
            Event::Rule => {
                self.blank_line();
                self.out.push_str("-----");
                self.blank_line();
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } => self.blank_line(),
            Tag::BlockQuote(_) => {
                self.prefix.push("> ");
                self.out.push_str("> ");
            }
            Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => {
                self.blank_line();
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.out.push(LIST);
                } else {
                    self.fresh_line();
                }
                self.lists.push(first.is_some());
                if let Some(first) = first {
                    self.out.push_str(&format!("{NUMBERS}{first}{NUMBERS}"));
                }
            }
            Tag::Table(_) => self.blank_line(),
            Tag::TableHead | Tag::TableRow => self.cells = 0,
            Tag::TableCell => {
                if self.cells > 0 {
                    self.out.push_str(" | ");
                }
                self.cells += 1;
            }
            Tag::Item => {
                match self.lists.last() {
                    Some(true) => self.out.push(ITEM),
                    _ => self.out.push_str("- "),
                }
                self.prefix.push("  ");
            }
            Tag::Link { dest_url, .. } => {
                self.targets.push(dest_url.into_string());
                self.out.push(LINK_TEXT);
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::CodeBlock => self.blank_line(),
            TagEnd::TableHead | TagEnd::TableRow => self.line(),
            TagEnd::Table => self.blank_line(),
            TagEnd::BlockQuote(_) => {
                self.prefix.pop();
                self.blank_line();
            }
            TagEnd::Item => {
                self.prefix.pop();
                self.fresh_line();
            }
            TagEnd::List(numbered) => {
                self.lists.pop();
                if numbered {
                    self.out.push(NUMBERS_END);
                }
                if self.lists.is_empty() {
                    self.out.push(LIST_END);
                }
            }
            TagEnd::Link => {
                let target = self.targets.pop().unwrap_or_default();
                self.out.push_str(&format!("{LINK_TARGET}{}{LINK_END}", literal(&target)));
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let mut lines = text.split('\n');
        self.out.push_str(&literal(lines.next().unwrap_or_default()));
        for line in lines {
            self.line();
            self.out.push_str(&literal(line));
        }
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.extend(self.prefix.iter().copied());
    }

    /// A line break, unless nothing stands on the line yet.
    fn fresh_line(&mut self) {
        self.out.push(FRESH_LINE);
        self.out.extend(self.prefix.iter().copied());
    }

    fn blank_line(&mut self) {
        self.line();
        self.line();
    }
}

/// Text in which the engine finds no tag.
fn literal(text: &str) -> String {
    text.replace('{', "{{ '{' }}")
}

/// Resolves the marks in rendered text: numbers the items, joins lists that a loop cut into
/// pieces, gives each link its target, and leaves at most one blank line in a row.
pub(super) fn finish(rendered: &str) -> String {
    tidy(&targets(&numbers(rendered)))
}

fn numbers(rendered: &str) -> String {
    let mut out = String::with_capacity(rendered.len());
    let mut counters: Vec<u64> = Vec::new();
    let mut closed: Option<(usize, u64)> = None;
    let mut chars = rendered.chars();
    while let Some(c) = chars.next() {
        match c {
            NUMBERS => {
                let first = chars.by_ref().take_while(|c| *c != NUMBERS).collect::<String>();
                let next = closed.filter(|(depth, _)| *depth == counters.len()).map(|(_, n)| n);
                counters.push(next.or_else(|| first.parse().ok()).unwrap_or(1));
            }
            NUMBERS_END => closed = counters.pop().map(|next| (counters.len(), next)),
            ITEM => {
                closed = None;
                if let Some(next) = counters.last_mut() {
                    out.push_str(&format!("{next}. "));
                    *next += 1;
                }
            }
            FRESH_LINE => {
                out.truncate(out.trim_end().len());
                out.push('\n');
            }
            c => {
                if !c.is_whitespace() && !matches!(c, LIST | LIST_END | '>') {
                    closed = None;
                }
                out.push(c);
            }
        }
    }
    out
}

/// `text (target)`, or only one of them where both say the same.
fn targets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(LINK_TARGET) {
        let (target, after) = after.split_once(LINK_END).unwrap_or((after, ""));
        let (outside, words) = before.rsplit_once(LINK_TEXT).unwrap_or((before, ""));
        out.push_str(outside);
        out.push_str(words);
        let bare = ["mailto:", "tel:"].iter().find_map(|s| target.strip_prefix(s));
        let said = target.is_empty() || words == target || bare == Some(words);
        if words.is_empty() {
            out.push_str(target);
        } else if !said {
            out.push_str(&format!(" ({target})"));
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn tidy(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(LIST_END) {
        joined.push_str(before);
        match after.trim_start().strip_prefix(LIST) {
            Some(next) => {
                joined.truncate(joined.trim_end().len());
                joined.push('\n');
                rest = next;
            }
            None => {
                joined.push_str("\n\n");
                rest = after;
            }
        }
    }
    joined.push_str(rest);
    let mut out = String::with_capacity(joined.len());
    // Of several blank lines, a wholly empty one stays, so that a quote ends with it.
    let mut blank: Option<&str> = None;
    for line in joined.replace(LIST, "\n\n").lines() {
        let line = line.trim_end();
        if line.bytes().all(|b| b == b'>' || b == b' ') {
            blank = Some(if line.is_empty() { line } else { blank.unwrap_or(line) });
            continue;
        }
        if let Some(blank) = blank.take().filter(|_| !out.is_empty()) {
            out.push_str(blank);
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}
