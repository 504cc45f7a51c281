//! The template engine with the one rule that matters: data never becomes markup, a header or a
//! control sequence, whatever a template does with it.

use std::borrow::Cow;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, Output, State, UndefinedBehavior};

use super::voice;

/// What the words are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    /// A piece of an HTML document.
    Html,
    /// Plain text.
    Text,
}

/// An engine whose output is safe in that flavour.
pub(super) fn environment(flavour: Flavour) -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_debug(true); // so that an error knows the place
    match flavour {
        Flavour::Html => {
            engine.set_auto_escape_callback(|_| AutoEscape::Html);
            engine.set_formatter(write_html);
        }
        Flavour::Text => {
            engine.set_auto_escape_callback(|_| AutoEscape::None);
            engine.set_formatter(write_text);
        }
    }
    // Escaping is not the author's business, and nobody may switch it off.
    for filter in ["safe", "escape", "e"] {
        engine.remove_filter(filter);
    }
    engine.add_filter("default", or_default);
    engine.add_filter("d", or_default);
    voice::teach(&mut engine);
    engine.add_filter(LINK, |value: &Value| whole_link(&value.to_string()));
    engine.add_filter(LINK_PART, |value: &Value| encode(&value.to_string(), "/"));
    engine.add_filter(LINK_ADDRESS, |value: &Value| encode(&value.to_string(), "@+"));
    engine
}

/// The filter for data that starts a link's target.
pub(super) const LINK: &str = "__link";
/// The filter for data within a link's target.
pub(super) const LINK_PART: &str = "__link_part";
/// The filter for data within a `mailto:` or `tel:` target.
pub(super) const LINK_ADDRESS: &str = "__link_address";

/// Whether a link's target starts with a scheme that a message may use.
pub(super) fn is_allowed_link(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    scheme.is_some_and(|s| ["http", "https", "mailto", "tel"].contains(&s.as_str()))
}

fn write_html(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    if value.is_safe() {
        return Ok(out.write_str(&value.to_string())?);
    }
    Ok(out.write_str(&escape(&plain(value)))?)
}

fn write_text(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    Ok(out.write_str(&plain(value))?)
}

/// The value as one line of text; what is absent is nothing at all.
fn plain(value: &Value) -> String {
    if value.is_none() || value.is_undefined() {
        return String::new();
    }
    let text = value.to_string();
    one_line(&text).into_owned()
}

/// Text without line breaks (they become spaces), without control characters, and without the
/// characters that reverse the direction of what follows.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    let is_break = |c: char| matches!(c, '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let is_hidden =
        |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(|c| is_break(c) || is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let clean = |c: char| match c {
        c if is_break(c) => Some(' '),
        c if is_hidden(c) => None,
        c => Some(c),
    };
    Cow::Owned(text.chars().filter_map(clean).collect())
}

/// Text for an HTML document, in an element or in a quoted attribute.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// `{{ customer.name | default("there") }}`: also for what is known to be absent.
fn or_default(value: &Value, other: Option<Value>, also_if_empty: Option<bool>) -> Value {
    let missing = value.is_undefined() || value.is_none();
    if missing || (also_if_empty.unwrap_or(false) && !value.is_true()) {
        return other.unwrap_or_else(|| Value::from(""));
    }
    value.clone()
}

/// A whole target, or nothing if it might run something.
fn whole_link(target: &str) -> String {
    let target = target.trim();
    if !is_allowed_link(target) {
        return String::new();
    }
    encode_where(target, |byte| byte.is_ascii_graphic() && !b"\"'<>\\^`{|}".contains(&byte))
}

fn encode(text: &str, keep: &str) -> String {
    encode_where(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.as_bytes().contains(&byte)
    })
}

fn encode_where(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keep(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(flavour: Flavour, template: &str, name: &str) -> String {
        let engine = environment(flavour);
        let data = serde_json::json!({ "name": name, "none": null });
        engine.render_str(template, minijinja::value::Serde(data)).unwrap()
    }

    #[test]
    fn data_is_never_markup() {
        for (name, html, text) in [
            ("{{7*7}}", "{{7*7}}", "{{7*7}}"),
            ("<b>\"'&", "&lt;b&gt;&quot;&#39;&amp;", "<b>\"'&"),
            ("a\r\nb\u{0}\u{1b}\u{202e}\u{2028}c", "a b c", "a b c"),
        ] {
            for template in [
                "{{ name }}",
                "{% autoescape false %}{{ name }}{% endautoescape %}",
                "{% set x %}{{ name }}{% endset %}{{ x }}",
            ] {
                assert_eq!(render(Flavour::Html, template, name), html, "{template}");
                assert_eq!(render(Flavour::Text, template, name), text, "{template}");
            }
        }
        let engine = environment(Flavour::Html);
        assert!(engine.render_str("{{ 'x'|safe }}", ()).is_err());
    }

    #[test]
    fn what_is_absent_is_nothing_and_has_a_default() {
        assert_eq!(render(Flavour::Text, "[{{ none }}]", ""), "[]");
        assert_eq!(render(Flavour::Text, "{{ none|default('there') }}", ""), "there");
        assert_eq!(render(Flavour::Text, "{{ unheard_of|default('there') }}", ""), "there");
        assert_eq!(render(Flavour::Text, "{{ name|default('there', true) }}", ""), "there");
        assert_eq!(render(Flavour::Text, "{{ name|default('there') }}", "Ana"), "Ana");
        assert!(environment(Flavour::Text).render_str("{{ unheard_of }}", ()).is_err());
    }

    #[test]
    fn only_harmless_links_pass() {
        assert_eq!(whole_link(" https://a.example/x?y=1&z=é "), "https://a.example/x?y=1&z=%C3%A9");
        assert_eq!(whole_link("HTTPS://a.example/\"x"), "HTTPS://a.example/%22x");
        for wrong in ["javascript:alert(1)", "java\nscript:x", "data:text/html,x", "//a", "/x", ""]
        {
            assert_eq!(whole_link(wrong), "", "{wrong:?}");
        }
        assert_eq!(encode("a b/c@d?e&f=ü", "/"), "a%20b/c%40d%3Fe%26f%3D%C3%BC");
    }
}
