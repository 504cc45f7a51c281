//! The words of a script, and where each part of its syntax tree stands. Rhai itself keeps only where
//! a part begins; where it ends follows from the words. What a script means is not known here.

use std::ops::Range;
use std::path::{Path, PathBuf};

use rhai::{ASTNode, Expr, Position};

use crate::domain::Place;

/// From one word of a script to another, which is no part of it any more; nothing, as `(0, 0)`.
pub(super) type Spot = (usize, usize);

/// A script as text and as words, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Source {
    file: PathBuf,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// Names, numbers, texts and single signs, in their order; comments are none.
    words: Vec<Range<usize>>,
    /// For a condition that another file quotes: where it begins there, or all that is known of it.
    quoted: Option<(Place, bool)>,
}

impl Source {
    pub(super) fn file(file: &Path, text: &str) -> Self {
        let begins = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(begins).collect();
        let (file, text, words) = (file.to_owned(), text.to_owned(), words(text));
        Self { file, text, lines, words, quoted: None }
    }

    /// A condition in one line of another file, between quotes.
    pub(super) fn quoted(place: &Place, text: &str) -> Self {
        let length = text.chars().count();
        let is_plain = place.width as usize == length + 2 && !text.contains('\n');
        Self { quoted: Some((place.clone(), is_plain)), ..Self::file(&place.file, text) }
    }

    /// The whole script.
    pub(super) fn script(&self) -> &str {
        &self.text
    }

    /// A word by its number.
    pub(super) fn said(&self, number: usize) -> Option<&str> {
        self.words.get(number).map(|word| &self.text[word.clone()])
    }

    /// The word at a place of which only the beginning is known.
    pub(super) fn word(&self, at: Position) -> Spot {
        let number = self.word_at(at).unwrap_or(0);
        (number, number + 1)
    }

    /// All of an expression.
    pub(super) fn spot(&self, expression: &Expr) -> Spot {
        let mut reached: Option<(usize, usize)> = None;
        expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            if let Some((first, last)) = path.last().and_then(|node| self.reach(node)) {
                let (from, to) = reached.unwrap_or((first, last));
                reached = Some((from.min(first), to.max(last)));
            }
            true
        });
        let whole = reached.map(|(first, last)| self.whole(first, last));
        whole.map_or((0, 0), |(first, last)| (first, last + 1))
    }

    /// What stands there, on one line and without comments.
    pub(super) fn text(&self, (from, to): Spot) -> String {
        let mut told = String::new();
        let mut end = None;
        for word in &self.words[from.min(to)..to.min(self.words.len())] {
            // Between two words stand blanks, line ends and comments, or nothing.
            if end.is_some_and(|end| end < word.start) {
                told.push(' ');
            }
            told.push_str(&self.text[word.clone()]);
            end = Some(word.end);
        }
        told
    }

    /// The line that it begins on, from 1.
    pub(super) fn line(&self, (from, to): Spot) -> Option<u32> {
        let word = self.words.get(from).filter(|_| from < to)?;
        Some(self.line_of(word.start) as u32)
    }

    /// The place to underline: as far as the line goes.
    pub(super) fn place(&self, (from, to): Spot) -> Place {
        let start = self.words.get(from).map_or(self.text.len(), |word| word.start);
        let line = self.line_of(start);
        let rest = &self.text[start..];
        let line_end = start + rest.find('\n').unwrap_or(rest.len());
        let spanned =
            self.words.get(from..to.clamp(from + 1, self.words.len())).unwrap_or_default();
        let last = spanned.iter().rev().find(|word| word.start < line_end);
        let end = last.map_or(start, |word| word.end.min(line_end));
        let characters = |range: Range<usize>| self.text[range].trim_end().chars().count() as u32;
        let (before, width) =
            (self.text[self.lines[line - 1]..start].chars().count() as u32, characters(start..end));
        match &self.quoted {
            None => Place::at(&self.file, line as u32, before + 1, width),
            Some((place, true)) => {
                let column = place.column.map(|column| column + 1 + before);
                Place { column, width, ..place.clone() }
            }
            Some((place, false)) => place.clone(),
        }
    }

    fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|begin| *begin <= offset).max(1)
    }

    fn word_at(&self, at: Position) -> Option<usize> {
        let start = *self.lines.get(at.line()?.checked_sub(1)?)?;
        let before = at.position().unwrap_or(1).saturating_sub(1);
        let offset = self.text[start..].char_indices().nth(before).map_or(0, |(at, _)| at) + start;
        self.words.partition_point(|word| word.start <= offset).checked_sub(1)
    }

    /// The first and the last word that a part is sure to stand on.
    fn reach(&self, node: &ASTNode<'_>) -> Option<(usize, usize)> {
        let first = self.word_at(node.position())?;
        let last = match node {
            // Where a field has become one variable, that bears the whole of its name.
            ASTNode::Expr(Expr::Variable(variable, ..)) => {
                variable.1.matches('.').fold(first, |last, _| self.next_name(last))
            }
            // A number below zero stands where its sign does.
            ASTNode::Expr(Expr::IntegerConstant(..) | Expr::FloatConstant(..))
                if self.said(first) == Some("-") =>
            {
                first + 1
            }
            _ => first,
        };
        Some((first, last))
    }

    fn next_name(&self, number: usize) -> usize {
        let is_dot = |number: &usize| matches!(self.said(*number), Some("." | "?"));
        (number + 1..).find(|number| !is_dot(number)).unwrap_or(number)
    }

    /// Takes in what belongs to the words from `first` to `last`: what a name is called with, and the
    /// brackets that are open.
    fn whole(&self, mut first: usize, mut last: usize) -> (usize, usize) {
        loop {
            let (mut open, mut missing) = (0_usize, 0_usize);
            for number in first..=last {
                match self.said(number) {
                    Some("(" | "[" | "{" | "#{") => open += 1,
                    Some(")" | "]" | "}") => match open.checked_sub(1) {
                        Some(rest) => open = rest,
                        None => missing += 1,
                    },
                    _ => {}
                }
            }
            let is_called =
                self.said(last + 1) == Some("(") && self.said(last).is_some_and(is_name);
            if missing > 0 && first > 0 {
                first -= 1;
            } else if (open > 0 || is_called) && last + 1 < self.words.len() {
                last += 1;
            } else {
                return (first, last);
            }
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn words(text: &str) -> Vec<Range<usize>> {
    let (mut words, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let rest = &text[at..];
        let gap = gap(rest);
        if gap == 0 {
            let length = word(rest);
            words.push(at..at + length);
            at += length;
        }
        at += gap;
    }
    words
}

/// The length of the blank or the comment that a text begins with; 0 where it begins with a word.
fn gap(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return comment(rest);
    }
    rest.chars().next().filter(|c| c.is_whitespace()).map_or(0, char::len_utf8)
}

/// The length of a comment, and of those inside it.
fn comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        let (length, deeper) = match &rest[at..] {
            rest if rest.starts_with("/*") => (2, 1),
            rest if rest.starts_with("*/") => (2, -1),
            rest => (rest.chars().next().map_or(1, char::len_utf8), 0),
        };
        at += length;
        depth += deeper;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the word that a text begins with.
fn word(rest: &str) -> usize {
    let Some(first) = rest.chars().next() else { return 0 };
    match first {
        '"' | '`' | '\'' => quoted(rest, first),
        '#' if rest.starts_with("#{") => 2,
        '#' => raw(rest).unwrap_or(1),
        c if c.is_ascii_digit() => number(rest),
        c if c.is_alphanumeric() || c == '_' => letters(rest),
        c => c.len_utf8(),
    }
}

/// The length of a text in quotes. A quote that is written twice stands for one.
fn quoted(rest: &str, quote: char) -> usize {
    let mut at = 1;
    while let Some(c) = rest[at..].chars().next() {
        at += c.len_utf8();
        let after = &rest[at..];
        match c {
            '\\' if quote != '`' => at += after.chars().next().map_or(0, char::len_utf8),
            '$' if quote == '`' && after.starts_with('{') => at += braces(after),
            c if c == quote && after.starts_with(quote) => at += 1,
            c if c == quote => return at,
            _ => {}
        }
    }
    rest.len()
}

/// The length of `{ … }` inside a text.
fn braces(rest: &str) -> usize {
    let (mut at, mut depth) = (0_usize, 0_i32);
    while at < rest.len() {
        let (gap, word) = (gap(&rest[at..]), word(&rest[at..]));
        if gap > 0 {
            at += gap;
            continue;
        }
        match &rest[at..at + word] {
            "{" | "#{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        at += word;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a text as it stands: `#"…"#`, with as many signs at its end as at its beginning.
fn raw(rest: &str) -> Option<usize> {
    let signs = rest.find(|c| c != '#')?;
    let inside = rest[signs..].strip_prefix('"')?;
    let end = format!("\"{}", &rest[..signs]);
    let length = inside.find(&end).map_or(inside.len(), |at| at + end.len());
    Some(signs + 1 + length)
}

fn letters(rest: &str) -> usize {
    rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
}

/// The length of a number; the dots of a range are none of it.
fn number(rest: &str) -> usize {
    let whole = letters(rest);
    let fraction = rest[whole..].strip_prefix('.').map_or(0, |fraction| {
        if fraction.starts_with(|c: char| c.is_ascii_digit()) { 1 + letters(fraction) } else { 0 }
    });
    let length = whole + fraction;
    let has_power = rest[..length].ends_with(['e', 'E']) && !rest.starts_with("0x");
    let power = rest[length..].strip_prefix(['+', '-']).map_or(0, letters);
    if has_power && power > 0 { length + 1 + power } else { length }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is shown of the last statement of a script.
    fn shown(script: &str) -> (String, u32, u32) {
        let ast = crate::rules::sandbox::engine().compile(script).unwrap();
        let expression = match ast.statements().last().unwrap() {
            rhai::Stmt::Expr(expression) => (**expression).clone(),
            rhai::Stmt::FnCall(call, at) => Expr::FnCall(call.clone(), *at),
            other => panic!("{other:?}"),
        };
        let source = Source::file(Path::new("rule.rhai"), script);
        let place = source.place(source.spot(&expression));
        (source.text(source.spot(&expression)), place.column.unwrap(), place.width)
    }

    #[test]
    fn a_part_is_shown_with_all_that_belongs_to_it() {
        let whole = |script: &str| (script.to_owned(), 1, script.chars().count() as u32);
        for script in [
            "a.open(1) > 3",
            "!(b.len() == \"x // y\")",
            "(c + 1) * 2 >= d[0]",
            "seats > -5",
            "-5 < seats && share > -2.5e-3",
            "note == #\"raw \"text\"\"# && x",
            "note == \"say \"\"hi\"\"\" && x",
            "`a ${b + `}`} \\` == note",
            "/* at \" least */ n > \"3\"",
            "x in [1, 2] && f()",
            "m == #{} || m == #{a: 1}",
            "country != \"a // b\"",
        ] {
            let script = script.replace("/* at \" least */ ", "");
            assert_eq!(shown(&script), whole(&script));
        }
        assert_eq!(shown("/* at \" /* least */ */ n > \"3\""), ("n > \"3\"".to_owned(), 24, 7));
        let split = shown("a > 3 // why\n  && b == \"é\"");
        assert_eq!(split, ("a > 3 && b == \"é\"".to_owned(), 1, 5));
    }
}
