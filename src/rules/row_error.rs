//! What went wrong with a script on one row, in plain words.
//! No message here speaks of Rust types or of Rhai's insides.

use rhai::{Dynamic, EvalAltResult, Position};

use super::sandbox;

/// A rule or a condition raised on a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RowError {
    /// What went wrong and what helps, in words for people.
    pub message: String,
    /// The script's line, from 1.
    pub line: Option<u32>,
    /// The column, in characters, from 1.
    pub column: Option<u32>,
}

impl RowError {
    /// An error at a place of a script.
    pub(super) fn at(position: Position, message: impl Into<String>) -> Self {
        let line = position.line().map(|line| line as u32);
        let column = line.map(|_| position.position().unwrap_or(1) as u32);
        Self { message: message.into(), line, column }
    }

    /// What Rhai raised, in plain words. Where one function called another, the place is the innermost.
    /// Where Rhai names none, the place is `or`.
    pub(super) fn raised(error: &EvalAltResult, or: Position) -> Self {
        let inner = error.unwrap_inner();
        Self::at(inner.position().or_else(error.position()).or_else(or), message(inner))
    }
}

fn message(error: &EvalAltResult) -> String {
    use EvalAltResult as E;
    match error {
        E::ErrorFunctionNotFound(signature, _) => not_found(signature),
        E::ErrorArithmetic(detail, _) => arithmetic(detail),
        E::ErrorTooManyOperations(_) => {
            "it didn't finish: is there a loop that never ends?".to_owned()
        }
        E::ErrorStackOverflow(_) => {
            "functions call each other too deeply: does one call itself for ever?".to_owned()
        }
        E::ErrorTooManyVariables(_) => "it makes too many variables".to_owned(),
        E::ErrorDataTooLarge(what, _) => too_large(what),
        E::ErrorMismatchDataType(wanted, got, _) | E::ErrorMismatchOutputType(wanted, got, _) => {
            let (wanted, got) = (type_in_words(wanted), type_in_words(got));
            let cure = if got == ABSENT { "; ask `!= ()` first" } else { "" };
            format!("{wanted} is needed here, and this is {got}{cure}")
        }
        E::ErrorNonPureMethodCallOnConstant(name, _) => format!(
            "`{name}` would change the value itself, and facts and constants don't change; copy it into a variable first: `let copy = …;`"
        ),
        E::ErrorAssignmentToConstant(name, _) => {
            format!("`{name}` is a constant and can't be changed")
        }
        E::ErrorArrayBounds(items, index, _) => {
            format!("there is no item {index} in a list of {items}")
        }
        E::ErrorStringBounds(length, index, _) => {
            format!("there is no character {index} in a text of {length}")
        }
        E::ErrorFor(_) => "`for` needs a list or a range such as `0..10`".to_owned(),
        E::ErrorPropertyNotFound(name, _) => format!("the map has no `{name}`"),
        E::ErrorVariableNotFound(name, _) => format!("there is no `{name}`"),
        E::ErrorDotExpr(detail, _) => property(detail),
        E::ErrorIndexingType(detail, _) => {
            format!(
                "`[…]` can't be used on {}",
                type_in_words(detail.split(" [").next().unwrap_or(""))
            )
        }
        E::ErrorRuntime(value, _) => thrown(value),
        other => without_place(other),
    }
}

/// A signature such as `+ ((), i64)`.
fn not_found(signature: &str) -> String {
    let (name, arguments) = signature.split_once(" (").unwrap_or((signature, ""));
    let arguments = arguments.strip_suffix(')').unwrap_or(arguments);
    let types: Vec<_> =
        arguments.split(", ").filter(|t| !t.is_empty()).map(type_in_words).collect();
    let cure = if types.contains(&ABSENT) {
        "; ask `!= ()` first, or write `?? 0` after the value for what counts where it is absent"
    } else {
        ""
    };
    let name = if name == "contains" { "in` or `contains" } else { name };
    match types.as_slice() {
        [] => format!("there is no function `{name}` without parameters"),
        types => format!("`{name}` can't take {}{cure}", types.join(" and ")),
    }
}

const ABSENT: &str = "an absent value";

fn type_in_words(name: &str) -> &str {
    match name {
        "()" => ABSENT,
        "i64" => "a whole number",
        "f64" => "a number with a fraction",
        "bool" => "true or false",
        "char" => "a character",
        "array" | "Array" => "a list",
        "map" | "Map" => "a map",
        name if name.contains("tring") || name == "&str" => "a text",
        name if name.contains("ange") => "a range",
        other => other,
    }
}

fn arithmetic(detail: &str) -> String {
    let (what, shown) = detail.split_once(": ").unwrap_or((detail, ""));
    let shown = if shown.is_empty() { String::new() } else { format!(": {shown}") };
    if what.contains("zero") {
        format!("it divides by zero{shown}")
    } else if what.contains("overflow") {
        format!("a number grows too large{shown}")
    } else {
        detail.to_owned()
    }
}

fn too_large(what: &str) -> String {
    let (what, limit, of) = if what.contains("tring") {
        ("a text", sandbox::TEXT_BYTES, "bytes")
    } else if what.contains("map") {
        ("a map", sandbox::MAP_ENTRIES, "entries")
    } else {
        ("a list", sandbox::LIST_ITEMS, "items")
    };
    format!("{what} grows beyond {limit} {of}: is there a loop that keeps adding to it?")
}

/// Rhai says `Unknown property 'x' - a getter is not registered for type 'y'`.
fn property(detail: &str) -> String {
    let mut quoted = detail.split('\'').skip(1).step_by(2);
    match (quoted.next(), quoted.next()) {
        (Some(name), Some(kind)) => format!("`{name}` can't be read from {}", type_in_words(kind)),
        _ => detail.to_owned(),
    }
}

fn thrown(value: &Dynamic) -> String {
    match value.as_immutable_string_ref() {
        Ok(text) => text.to_string(),
        Err(_) => format!("the rule itself raised {}", describe(value)),
    }
}

fn without_place(error: &EvalAltResult) -> String {
    let text = error.to_string();
    match text.rfind(" (line ") {
        Some(place) => text[..place].to_owned(),
        None => text,
    }
}

/// A value in words, short enough for one line.
pub(super) fn describe(value: &Dynamic) -> String {
    if value.is_unit() {
        return "an absent value, `()`".to_owned();
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        let short: String = text.chars().take(40).collect();
        let more = if short.len() < text.len() { "…" } else { "" };
        return format!("the text {short:?}{more}");
    }
    match value.type_name() {
        "i64" => format!("the whole number {value}"),
        "f64" => format!("the number {value}"),
        "bool" => format!("{value}"),
        "array" => "a list".to_owned(),
        "map" => "a map".to_owned(),
        other => type_in_words(other).to_owned(),
    }
}
