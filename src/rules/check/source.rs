//! Where an expression stands in its file, from its first character to its last. Rhai itself keeps
//! only where each part begins.

use std::path::{Path, PathBuf};

use rhai::{ASTNode, Expr, Position};

use crate::domain::Place;

/// From one character of a script to another, which is no part of it any more.
pub(super) type Spot = (usize, usize);

/// A script's text, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    file: PathBuf,
    text: Vec<char>,
    /// Where each line begins.
    lines: Vec<usize>,
    /// For a condition that another file quotes: where it begins there, or all that is known of it.
    quoted: Option<(Place, bool)>,
}

impl Source {
    pub(crate) fn file(file: &Path, text: &str) -> Self {
        let text: Vec<char> = text.chars().collect();
        let begins = text.iter().enumerate().filter(|(_, c)| **c == '\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(begins).collect();
        Self { file: file.to_owned(), text, lines, quoted: None }
    }

    /// A condition in one line of another file, between quotes.
    pub(crate) fn quoted(place: &Place, text: &str) -> Self {
        let length = text.chars().count();
        let is_plain = place.width as usize == length + 2 && !text.contains('\n');
        Self { quoted: Some((place.clone(), is_plain)), ..Self::file(&place.file, text) }
    }

    fn offset(&self, at: Position) -> Option<usize> {
        let line = self.lines.get(at.line()? - 1)?;
        Some((line + at.position().unwrap_or(1).max(1) - 1).min(self.text.len()))
    }

    /// A place, of which only the beginning is known: one word.
    pub(super) fn word(&self, at: Position) -> Spot {
        let from = self.offset(at).unwrap_or(0);
        (from, self.token(from).max(from + 1))
    }

    /// All of an expression.
    pub(super) fn spot(&self, expression: &Expr) -> Spot {
        let (mut from, mut last) = (usize::MAX, 0);
        let mut look = |at: Position| {
            if let Some(offset) = self.offset(at) {
                (from, last) = (from.min(offset), last.max(offset));
            }
        };
        look(expression.start_position());
        expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            match path.last() {
                Some(ASTNode::Expr(part)) => look(part.position()),
                Some(ASTNode::Stmt(part)) => look(part.position()),
                _ => {}
            }
            true
        });
        if from == usize::MAX { (0, 0) } else { self.closed(from, last) }
    }

    /// From the first token of something to the end of its last one, with the brackets around it.
    fn closed(&self, mut from: usize, last: usize) -> Spot {
        let (mut depth, mut least) = (0_i32, 0_i32);
        let mut at = from;
        while at < self.text.len() {
            let begins = at;
            match self.text[at] {
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth -= 1,
                _ => {}
            }
            least = least.min(depth);
            at = self.token(at);
            let calls = self.text.get(at) == Some(&'(') && self.text[begins].is_alphabetic();
            if begins >= last && depth <= least && !calls {
                break;
            }
        }
        for _ in least..0 {
            let before = (0..from).rev().find(|at| !self.text[*at].is_whitespace());
            match before.filter(|at| self.text[*at] == '(') {
                Some(open) => from = open,
                None => break,
            }
        }
        (from, at)
    }

    /// Where the token that begins here ends.
    fn token(&self, at: usize) -> usize {
        let rest = &self.text[at.min(self.text.len())..];
        let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
        let until = |end: usize| at + end.min(rest.len());
        match rest {
            [] => at,
            ['/', '/', ..] => until(rest.iter().position(|c| *c == '\n').unwrap_or(rest.len())),
            [quote @ ('"' | '`' | '\''), ..] => {
                let mut escaped = false;
                let end = rest[1..].iter().position(|c| {
                    let ends = c == quote && !escaped;
                    escaped = *c == '\\' && !escaped;
                    ends
                });
                until(end.map_or(rest.len(), |end| end + 2))
            }
            [c, ..] if is_word(c) => {
                let is_number = c.is_ascii_digit();
                let part = |n: usize| {
                    let fraction = rest[n] == '.'
                        && is_number
                        && rest.get(n + 1).is_some_and(char::is_ascii_digit);
                    is_word(&rest[n]) || fraction
                };
                until((0..rest.len()).find(|n| !part(*n)).unwrap_or(rest.len()))
            }
            _ => at + 1,
        }
    }

    /// The next of these characters that stands outside texts and comments.
    pub(super) fn find(&self, from: usize, wanted: char) -> Option<usize> {
        let mut at = from;
        while let Some((begins, ends, text)) = self.next_token(at) {
            if text.starts_with(wanted) {
                return Some(begins);
            }
            at = ends;
        }
        None
    }

    /// The next token that is no comment: where it begins and ends, and what it says.
    pub(super) fn next_token(&self, from: usize) -> Option<(usize, usize, String)> {
        let mut at = from;
        loop {
            at += self.text.get(at..)?.iter().take_while(|c| c.is_whitespace()).count();
            let end = self.token(at);
            match self.text.get(at..end)? {
                [] => return None,
                ['/', '/', ..] => at = end,
                token => return Some((at, end, token.iter().collect())),
            }
        }
    }

    /// What stands there, in one line.
    pub(super) fn text(&self, (from, to): Spot) -> String {
        let text: String = self.text[from.min(to)..to.min(self.text.len())].iter().collect();
        let lines = text.lines().map(|line| line.split(" //").next().unwrap_or("").trim());
        lines.collect::<Vec<_>>().join(" ").trim().to_owned()
    }

    /// The place to underline: as far as the line goes.
    pub(super) fn place(&self, (from, to): Spot) -> Place {
        let line = self.lines.partition_point(|begin| *begin <= from).max(1);
        let begin = self.lines[line - 1];
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1).max(from);
        let line_text: String = self.text[from..to.min(end)].iter().collect();
        let width = line_text.split(" //").next().unwrap_or("").trim_end().chars().count();
        match &self.quoted {
            None => Place::at(&self.file, line as u32, (from - begin + 1) as u32, width as u32),
            Some((place, true)) => {
                let column = place.column.map(|column| column + 1 + from as u32);
                Place { column, width: width as u32, ..place.clone() }
            }
            Some((place, false)) => place.clone(),
        }
    }
}
