//! A mistake in a pack or its configuration: where, what, and what helps.

use std::path::PathBuf;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pack can't be used.
    Error,
    /// `check` fails; a run goes on.
    Finding,
}

/// A place in a file of the pack.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, relative to where Lookout was called, as the person wrote it.
    pub file: PathBuf,
    /// From 1; `None` where the whole file is meant.
    pub line: Option<u32>,
    /// In characters, from 1.
    pub column: Option<u32>,
    /// How many characters to underline; 1 where unknown.
    pub width: u32,
}

/// One mistake. Problems are collected and sorted; a pack is never judged by the first one alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// How bad.
    pub severity: Severity,
    /// A stable name, such as `unknown-name`.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What is said at the underlined place; may be empty.
    pub label: String,
    /// What helps; may be empty.
    pub help: String,
}

impl Place {
    /// A whole file.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), line: None, column: None, width: 1 }
    }

    /// A line and column, from 1.
    pub fn at(file: impl Into<PathBuf>, line: u32, column: u32, width: u32) -> Self {
        Self { file: file.into(), line: Some(line), column: Some(column), width: width.max(1) }
    }

    /// The line and column of a byte offset in `text`.
    pub fn at_offset(file: impl Into<PathBuf>, text: &str, offset: usize, width: u32) -> Self {
        let before = &text[..text.floor_char_boundary(offset.min(text.len()))];
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() as u32 + 1;
        Self::at(file, line, column, width)
    }
}

impl Problem {
    /// A mistake for which the pack can't be used.
    pub fn error(place: Place, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            place,
            severity: Severity::Error,
            code,
            message: message.into(),
            label: String::new(),
            help: String::new(),
        }
    }

    /// Something that `check` reports and a run lives with.
    pub fn finding(place: Place, code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Finding, ..Self::error(place, code, message) }
    }

    /// The same problem with words at the underlined place.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// The same problem with what helps.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}
