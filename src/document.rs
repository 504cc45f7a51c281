//! TOML documents that people write, read so that every mistake is reported with its place.
//! A document is never judged by its first mistake alone, unless that keeps the rest from being read.

mod misnamed;
mod syntax;

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::{Instant, Place, Problem, Value, format_instant, nearest, parse_instant};

pub use misnamed::{did_you_mean, misnamed};

/// A file's text, and the mistakes found in it so far.
pub struct Document {
    file: PathBuf,
    text: String,
    problems: RefCell<Vec<Problem>>,
}

/// One table of a document.
#[derive(Clone)]
pub struct Section<'a> {
    document: &'a Document,
    name: String,
    table: &'a DeTable<'a>,
    span: Range<usize>,
}

/// A value with the place where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub place: Place,
}

impl Document {
    /// Reads a file as a table and hands it to `read`; mistakes go to `problems`. `None` where
    /// there is no table to read: the file is absent, unreadable, or not TOML.
    pub fn read<T>(
        file: &Path,
        problems: &mut Vec<Problem>,
        read: impl FnOnce(&Section<'_>) -> T,
    ) -> Option<T> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                problems.push(unreadable(file, &error));
                return None;
            }
        };
        let document = Self { file: file.to_owned(), text, problems: RefCell::default() };
        let result = match DeTable::parse(&document.text) {
            Ok(table) => Some(read(&Section {
                document: &document,
                name: String::new(),
                table: table.get_ref(),
                span: table.span(),
            })),
            // What comes after the first slip in the syntax is a guess: it is not told.
            Err(error) => {
                let span = error.span().unwrap_or_default();
                let slip = syntax::slip(&document.text, span, error.message());
                let place = document.place(&slip.span);
                problems.push(Problem::error(place, "toml", slip.message).help(slip.help));
                None
            }
        };
        problems.append(&mut document.problems.into_inner());
        result
    }

    fn place(&self, span: &Range<usize>) -> Place {
        let width = self
            .text
            .get(span.clone())
            .map_or(1, |s| s.lines().next().unwrap_or("").chars().count());
        Place::at_offset(&self.file, &self.text, span.start, width as u32)
    }
}

/// The problem of a file that can't be read.
pub fn unreadable(file: &Path, error: &std::io::Error) -> Problem {
    let place = Place::file(file);
    match error.kind() {
        std::io::ErrorKind::NotFound => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let found = file.parent().and_then(|folder| did_you_mean(folder, &name));
            Problem::error(place, "missing-file", "this file is missing").help(found.unwrap_or(
                "check the path; `lookout init DIR` makes a whole example to start from".to_owned(),
            ))
        }
        std::io::ErrorKind::InvalidData => {
            Problem::error(place, "not-utf8", "this file is not UTF-8 text")
                .help("save it as UTF-8 in your editor")
        }
        _ => Problem::error(place, "unreadable-file", format!("this file can't be read: {error}")),
    }
}

impl<'a> Section<'a> {
    /// Reports every key that is not among `known`.
    pub fn only(&self, known: &[&str]) {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let message = format!("there is no `{}`", self.whole(name));
            let place = self.document.place(&key.span());
            let problem = Problem::error(place, "unknown-key", message);
            let help = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            self.report(problem.label("not known").help(help));
        }
    }

    /// Where the section begins; the whole file, for what is no section of it.
    pub fn place(&self) -> Place {
        match self.name.is_empty() {
            true => Place::file(&self.document.file),
            false => self.document.place(&self.span),
        }
    }

    /// Adds a problem that the reader found.
    pub fn report(&self, problem: Problem) {
        self.document.problems.borrow_mut().push(problem);
    }

    /// Reports something that has to be written and isn't.
    pub fn missing(&self, message: impl Into<String>, help: impl Into<String>) {
        self.report(Problem::error(self.place(), "missing-key", message).help(help));
    }

    /// How many mistakes of the document were found so far.
    pub fn mistakes(&self) -> usize {
        self.document.problems.borrow().len()
    }

    /// Whether the key has to be asked for: it is not there, and no key is nearly it. One that is
    /// was told to be misspelt.
    pub fn lacks(&self, key: &str) -> bool {
        !self.has(key) && !self.keys().iter().any(|name| nearest(name, [key]).is_some())
    }

    /// Whether the key is there.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The names of the keys, sorted.
    pub fn keys(&self) -> Vec<String> {
        self.table.keys().map(|key| key.get_ref().clone().into_owned()).collect()
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.get(key)
    }

    /// The place of a value.
    pub fn place_of(&self, value: &Spanned<DeValue<'_>>) -> Place {
        self.document.place(&value.span())
    }

    /// The place of a key itself; of the section, where the key is not there.
    pub fn place_of_key(&self, key: &str) -> Place {
        let key = self.table.keys().find(|name| name.get_ref() == key);
        key.map_or_else(|| self.place(), |key| self.document.place(&key.span()))
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<Placed<String>> {
        let value = self.get(key)?;
        let place = self.place_of(value);
        match value.get_ref().as_str() {
            Some(text) => Some(Placed { value: text.to_owned(), place }),
            None => self.expected(place, key, "text in quotes"),
        }
    }

    /// A text that means something; a mistake in it is reported with what its type says of it.
    pub fn parsed<T: FromStr>(&self, key: &str) -> Option<T>
    where
        T::Err: Display,
    {
        let text = self.text(key)?;
        text.value
            .parse()
            .map_err(|error: T::Err| self.report(wrong_value(text.place, key, error)))
            .ok()
    }

    /// A whole number within a range.
    pub fn integer(&self, key: &str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.get(key)?;
        let place = self.place_of(value);
        let digits = value.get_ref().as_integer().filter(|i| i.radix() == 10);
        match digits.and_then(|i| i.as_str().parse::<i64>().ok()) {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let wanted = match *range.end() {
                    i64::MAX => format!("a whole number, {} or more", range.start()),
                    end => format!("a whole number from {} to {end}", range.start()),
                };
                self.expected(place, key, &wanted)
            }
        }
    }

    /// A yes or no.
    pub fn boolean(&self, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        value
            .get_ref()
            .as_bool()
            .or_else(|| self.expected(self.place_of(value), key, "true or false"))
    }

    /// An instant, in quotes or without.
    pub fn instant(&self, key: &str) -> Option<Instant> {
        let value = self.get(key)?;
        let wanted = "an instant, such as \"1998-05-07T09:00:00Z\"";
        instant(value.get_ref()).or_else(|| self.expected(self.place_of(value), key, wanted))
    }

    /// A value as a signal's cell holds it.
    pub fn cell(&self, key: &str) -> Option<Value> {
        let value = self.get(key)?;
        let cell = match value.get_ref() {
            DeValue::String(text) => Some(Value::Text(text.to_string())),
            DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Int)
            }
            DeValue::Float(number) => number.as_str().parse().ok().map(Value::Float),
            DeValue::Datetime(at) if at.date.is_some() && at.time.is_none() => {
                Some(Value::Text(at.to_string()))
            }
            at @ DeValue::Datetime(_) => instant(at).map(|at| Value::Text(format_instant(&at))),
            DeValue::Array(_) | DeValue::Table(_) => None,
        };
        let wanted = "text in quotes, a number, true, false, a date or an instant";
        cell.or_else(|| self.expected(self.place_of(value), key, wanted))
    }

    /// A list of texts.
    pub fn texts(&self, key: &str) -> Vec<Placed<String>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            return self
                .expected(self.place_of(value), key, "a list in brackets")
                .unwrap_or_default();
        };
        let text = |item: &Spanned<DeValue<'_>>| {
            let place = self.place_of(item);
            match item.get_ref().as_str() {
                Some(text) => Some(Placed { value: text.to_owned(), place }),
                None => self.expected(place, key, "a list of texts in quotes"),
            }
        };
        items.iter().filter_map(text).collect()
    }

    /// A table under this one.
    pub fn section(&self, key: &str) -> Option<Section<'a>> {
        let value = self.get(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(self.below(key, table, value.span())),
            None => {
                let whole = self.whole(key);
                let help = format!("write [{whole}] above what belongs to it, or {key} = {{ … }}");
                self.report(unexpected(self.place_of(value), key, "a table").help(help));
                None
            }
        }
    }

    /// The tables of `[[key]]`.
    pub fn sections(&self, key: &str) -> Vec<Section<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let refuse = |value| {
            let whole = self.whole(key);
            let help = format!("write [[{whole}]] above each, or {key} = [{{ … }}]");
            self.report(unexpected(self.place_of(value), key, "a list of tables").help(help));
        };
        let Some(items) = value.get_ref().as_array() else {
            refuse(value);
            return Vec::new();
        };
        let table = |item: &'a Spanned<DeValue<'a>>| {
            let table = item.get_ref().as_table();
            if table.is_none() {
                refuse(item);
            }
            Some(self.below(key, table?, item.span()))
        };
        items.iter().filter_map(table).collect()
    }

    fn below(&self, key: &str, table: &'a DeTable<'a>, span: Range<usize>) -> Section<'a> {
        Section { document: self.document, name: self.whole(key), table, span }
    }

    /// A key's name from the top of the document.
    fn whole(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Reports a value that is not what was wanted.
    pub fn expected<T>(&self, place: Place, key: &str, wanted: &str) -> Option<T> {
        self.report(unexpected(place, key, wanted));
        None
    }
}

/// The instant that a value tells, in quotes or without.
pub fn instant(value: &DeValue<'_>) -> Option<Instant> {
    match value {
        DeValue::String(text) => parse_instant(text),
        DeValue::Datetime(at) => parse_instant(&at.to_string()),
        _ => None,
    }
}

fn unexpected(place: Place, key: &str, wanted: &str) -> Problem {
    Problem::error(place, "wrong-type", format!("`{key}` must be {wanted}"))
        .label(format!("expected {wanted}"))
}

/// The problem of a value that its type refuses.
pub fn wrong_value(place: Place, key: &str, error: impl Display) -> Problem {
    Problem::error(place, "wrong-value", format!("`{key}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.toml");
        std::fs::write(&file, "count = \"three\"\nnmae = \"x\"\n[inner]\nwhen = 3\n").unwrap();
        let mut problems = Vec::new();
        Document::read(&file, &mut problems, |section| {
            section.only(&["count", "name", "inner"]);
            section.integer("count", 0..=9);
            section.section("inner").unwrap().text("when");
        });
        let told: Vec<_> =
            problems.iter().map(|p| (p.place.line.unwrap(), p.message.as_str())).collect();
        assert_eq!(
            told,
            [
                (2, "there is no `nmae`"),
                (1, "`count` must be a whole number from 0 to 9"),
                (4, "`when` must be text in quotes"),
            ]
        );
    }
}
