//! The lines at the top of a signal's file that say more than SQL can: `-- key:`, `-- default:`,
//! `-- personal:` and `-- happened:`. It never reads past the first line that is no comment.

mod colon;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::domain::{Place, Problem, Value, nearest};

pub(super) use colon::missing as missing_colon;

/// What the top of a file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Header {
    pub(super) key: Option<String>,
    pub(super) defaults: BTreeMap<String, Value>,
    pub(super) personal: BTreeSet<String>,
    pub(super) happened: Option<String>,
}

const KNOWN: [&str; 4] = ["key", "default", "personal", "happened"];

/// Reads the comment lines at the top of a file. Ordinary comments say nothing here.
pub(super) fn read(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Header {
    let mut header = Header::default();
    let mut seen = BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        let Some(comment) = trimmed.strip_prefix("--") else { break };
        let Some((name, rest)) = comment.split_once(':') else { continue };
        let name = name.trim();
        let at = |width: usize| {
            let column = line.find(name).map_or(0, |byte| line[..byte].chars().count());
            Place::at(file, number, column as u32 + 1, width as u32)
        };
        let place = at(name.chars().count());
        if !KNOWN.contains(&name) {
            problems.extend(misspelt(name, place));
            continue;
        }
        if !seen.insert(name) {
            let message = format!("`-- {name}:` is here twice");
            problems.push(Problem::error(place, "header-twice", message).help("keep one of them"));
            continue;
        }
        if let Err((message, help)) = header.take(name, rest.trim()) {
            problems.push(Problem::error(place, "bad-header", message).help(help));
        }
    }
    header
}

impl Header {
    fn take(&mut self, name: &str, rest: &str) -> Result<(), (String, &'static str)> {
        match name {
            "key" if is_name(rest) => self.key = Some(rest.to_owned()),
            "key" => {
                let message = format!("`-- key:` names one column, and `{rest}` is none");
                return Err((message, "write one name, such as `-- key: order_id`"));
            }
            "happened" if is_name(rest) => self.happened = Some(rest.to_owned()),
            "happened" => {
                let message = format!("`-- happened:` names one column, and `{rest}` is none");
                return Err((message, "write one name, such as `-- happened: cancelled_at`"));
            }
            "personal" => {
                for column in rest.split(',').map(str::trim) {
                    if !is_name(column) {
                        let message = format!("`-- personal:` names columns; `{column}` is none");
                        return Err((
                            message,
                            "write names with commas: `-- personal: name, note`",
                        ));
                    }
                    self.personal.insert(column.to_owned());
                }
            }
            _ => {
                for part in parts(rest) {
                    let (column, value) = default(part)?;
                    self.defaults.insert(column, value);
                }
            }
        }
        Ok(())
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The parts between commas; a comma in quotes separates nothing.
fn parts(text: &str) -> Vec<&str> {
    let mut quote = None;
    text.split(|c: char| {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
        c == ',' && quote.is_none()
    })
    .collect()
}

/// Reads `open = 0`.
fn default(text: &str) -> Result<(String, Value), (String, &'static str)> {
    const HELP: &str = "write it like `-- default: open = 0, plan = 'none', active = false`";
    let text = text.trim();
    let (name, value) = text
        .split_once('=')
        .map(|(name, value)| (name.trim(), value.trim()))
        .filter(|(name, _)| is_name(name))
        .ok_or_else(|| (format!("`{text}` gives no column a value"), HELP))?;
    let quoted = |quote: char| {
        let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
        let doubled: String = [quote, quote].iter().collect();
        let undoubled = inner.replace(&doubled, "");
        (!undoubled.contains(quote)).then(|| inner.replace(&doubled, &quote.to_string()))
    };
    let number = value.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let value = match value {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if quoted('\'').or_else(|| quoted('"')).is_some() => {
            Value::Text(quoted('\'').or_else(|| quoted('"')).unwrap_or_default())
        }
        _ => match (value.parse(), value.parse::<f64>()) {
            (Ok(whole), _) if number => Value::Int(whole),
            (_, Ok(float)) if number && float.is_finite() => Value::Float(float),
            _ => {
                let message = format!("`{value}` is no number, true, false or text in quotes");
                return Err((message, HELP));
            }
        },
    };
    Ok((name.to_owned(), value))
}

/// A word that is nearly one of ours is a slip; any other one is an ordinary comment.
fn misspelt(name: &str, place: Place) -> Option<Problem> {
    let meant = nearest(name, KNOWN)?;
    let message = format!("`-- {name}:` is not known");
    Some(
        Problem::error(place, "unknown-header", message)
            .label(format!("did you mean `{meant}`?"))
            .help(format!("write `-- {meant}:`, or leave out the colon if it is only a comment")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> (Header, Vec<&'static str>) {
        let mut problems = Vec::new();
        let header = read(Path::new("a.sql"), text, &mut problems);
        (header, problems.iter().map(|p| p.code).collect())
    }

    #[test]
    fn says_key_defaults_and_what_is_personal() {
        let text = "-- Tickets: what is open.\n\n-- key: ticket_id\n-- default: open = 0, share = -1.5, \
                    plan = 'no, none''s', active = false\n--personal: contact_name, note\n-- happened: solved_at\nSELECT 1\n-- key: x";
        let (header, problems) = header(text);
        assert_eq!(problems, [""; 0]);
        assert_eq!(header.key.as_deref(), Some("ticket_id"));
        assert_eq!(header.happened.as_deref(), Some("solved_at"));
        let defaults = [
            ("active", Value::Bool(false)),
            ("open", Value::Int(0)),
            ("plan", Value::Text("no, none's".to_owned())),
            ("share", Value::Float(-1.5)),
        ];
        assert_eq!(header.defaults, defaults.map(|(n, v)| (n.to_owned(), v)).into());
        assert_eq!(header.personal, ["contact_name", "note"].map(str::to_owned).into());
    }

    #[test]
    fn slips_are_reported_and_comments_are_not() {
        for (text, code) in [
            ("-- kye: id", "unknown-header"),
            ("-- Key: id", "unknown-header"),
            ("-- defaults: a = 0", "unknown-header"),
            ("-- key: a, b", "bad-header"),
            ("-- key:", "bad-header"),
            ("-- happened: last year", "bad-header"),
            ("-- hapened: at", "unknown-header"),
            ("-- default: open", "bad-header"),
            ("-- default: open = none", "bad-header"),
            ("-- default: open = inf", "bad-header"),
            ("-- default: open = 'x", "bad-header"),
            ("-- personal: a,,b", "bad-header"),
            ("-- key: a\n-- key: b", "header-twice"),
        ] {
            assert_eq!(header(text).1, [code], "{text}");
        }
        for text in ["-- See: the wiki", "-- Note: not shipped", "-- from 9:00 to 17:00", "--"] {
            assert_eq!(header(text).1, [""; 0], "{text}");
        }
    }
}
