//! The shape of the HTML beyond what Markdown gives: links that are buttons, tables that scroll,
//! and lists that a loop cut into pieces. Nothing here reads a tag.

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};

/// A link that has a paragraph for itself is a button; a wide table scrolls by itself.
pub(super) fn shaped<'e>(events: &[Event<'e>]) -> Vec<Event<'e>> {
    let mut shaped = Vec::with_capacity(events.len());
    let mut in_button = false;
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Start(Tag::Paragraph) if is_button(&events[at + 1..]) => {
                in_button = true;
                shaped.push(Event::Html("<p class=\"button\">".into()));
            }
            Event::End(TagEnd::Paragraph) if std::mem::take(&mut in_button) => {
                shaped.push(Event::Html("</p>\n".into()));
            }
            Event::Start(Tag::Table(_)) => {
                shaped.push(Event::Html("<div class=\"table\">".into()));
                shaped.push(event.clone());
            }
            Event::End(TagEnd::Table) => {
                shaped.push(event.clone());
                shaped.push(Event::Html("</div>\n".into()));
            }
            event => shaped.push(event.clone()),
        }
    }
    shaped
}

/// Whether a paragraph that starts here is one link with words of its own.
fn is_button(events: &[Event<'_>]) -> bool {
    let is_named = matches!(
        events.first(),
        Some(Event::Start(Tag::Link { link_type, .. }))
            if !matches!(link_type, LinkType::Autolink | LinkType::Email)
    );
    let end = events.iter().position(|event| matches!(event, Event::End(TagEnd::Link)));
    let after = end.and_then(|end| events.get(end + 1));
    is_named && matches!(after, Some(Event::End(TagEnd::Paragraph)))
}

/// Joins what a loop cut into pieces: neighbouring lists are one, and a paragraph of which
/// nothing is left is none. Data is escaped by then and can't be taken for either.
pub(super) fn join_pieces(html: &str) -> String {
    let mut joined = html.to_owned();
    for (end, name) in [("</ul>", "ul"), ("</ol>", "ol")] {
        let mut out = String::with_capacity(joined.len());
        let mut rest = joined.as_str();
        while let Some((before, after)) = rest.split_once(end) {
            out.push_str(before);
            match after_start(after.trim_start(), name) {
                Some(next) => rest = next,
                None => {
                    out.push_str(end);
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        joined = out;
    }
    let mut out = String::with_capacity(joined.len());
    let mut rest = joined.as_str();
    while let Some(start) = rest.find("<p") {
        let (before, paragraph) = rest.split_at(start);
        out.push_str(before);
        let inside = after_start(paragraph, "p");
        match inside.and_then(|inside| inside.trim_start().strip_prefix("</p>")) {
            Some(next) => rest = next,
            None => {
                out.push_str("<p");
                rest = &paragraph[2..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// What follows the start of an element, if `html` begins with one of that name.
fn after_start<'h>(html: &'h str, name: &str) -> Option<&'h str> {
    let rest = html.strip_prefix('<')?.strip_prefix(name)?;
    rest.starts_with(['>', ' ']).then(|| rest.split_once('>').map(|(_, after)| after)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_one_list_are_one_list() {
        let cut =
            "<ul style=\"a\">\n<li>1</li>\n</ul>\n\n<ul style=\"a\">\n<li>2</li>\n</ul>\n<p>x</p>";
        assert_eq!(join_pieces(cut), "<ul style=\"a\">\n<li>1</li>\n\n<li>2</li>\n</ul>\n<p>x</p>");
        let apart = "<ul><li>1</li></ul><p>x</p><ul><li>2</li></ul>";
        assert_eq!(join_pieces(apart), apart);
        assert_eq!(
            join_pieces("<p style=\"a\"> \n</p><pre>x</pre><p>y</p>"),
            "<pre>x</pre><p>y</p>"
        );
    }
}
