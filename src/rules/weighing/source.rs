//! The words of a script, and which of them a part of its syntax tree stands on. Rhai says where
//! each part begins; where it ends follows from the words.

use std::ops::Range;

use rhai::Position;

/// A script as text and as words.
pub(super) struct Source<'s> {
    text: &'s str,
    lines: Vec<usize>,
    /// Names, numbers, texts and single signs, in their order; comments are none.
    words: Vec<Range<usize>>,
}

impl<'s> Source<'s> {
    pub(super) fn read(text: &'s str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, lines: std::iter::once(0).chain(ends).collect(), words: words(text) }
    }

    /// What stands at these positions and between them, with the brackets that belong to it and what
    /// is called or read from its end, on one line.
    pub(super) fn around(&self, positions: impl IntoIterator<Item = Position>) -> String {
        let numbers = positions.into_iter().filter_map(|at| self.word_at(at));
        let (first, last) = numbers.fold((usize::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
        if first > last {
            return String::new();
        }
        let (first, last) = self.whole(first, last);
        self.one_line(first, last)
    }

    /// The word that stands at a position.
    pub(super) fn word(&self, at: Position) -> Option<&'s str> {
        self.word_at(at).map(|number| self.of(number))
    }

    fn of(&self, number: usize) -> &'s str {
        self.words.get(number).map_or("", |word| &self.text[word.clone()])
    }

    fn word_at(&self, at: Position) -> Option<usize> {
        let start = *self.lines.get(at.line()?.checked_sub(1)?)?;
        let before = at.position().unwrap_or(1).saturating_sub(1);
        let offset = self.text[start..].char_indices().nth(before).map_or(0, |(at, _)| at) + start;
        self.words.partition_point(|word| word.start <= offset).checked_sub(1)
    }

    /// Takes in what belongs to the words from `first` to `last`.
    fn whole(&self, mut first: usize, mut last: usize) -> (usize, usize) {
        loop {
            let (mut open, mut missing) = (0_usize, 0_usize);
            for number in first..=last {
                match self.of(number) {
                    "(" | "[" | "{" => open += 1,
                    ")" | "]" | "}" => match open.checked_sub(1) {
                        Some(rest) => open = rest,
                        None => missing += 1,
                    },
                    _ => {}
                }
            }
            let next = self.of(last + 1);
            let name = is_name(self.of(last));
            let reads_on = next == "." && is_name(self.of(last + 2)) && !is_number(self.of(last));
            if missing > 0 && first > 0 {
                first -= 1;
            } else if open > 0 && last + 1 < self.words.len() {
                last += 1;
            } else if reads_on && (name || self.of(last) == ")") {
                last += 2;
            } else if (next == "(" || next == "[") && name && !is_number(self.of(last)) {
                last += 1;
            } else {
                return (first, last);
            }
        }
    }

    fn one_line(&self, first: usize, last: usize) -> String {
        let mut told = String::new();
        let mut end = None;
        for word in &self.words[first..=last] {
            // Between two words stand blanks, line ends and comments, or nothing.
            if end.is_some_and(|end| end < word.start) {
                told.push(' ');
            }
            told.push_str(&self.text[word.clone()]);
            end = Some(word.end);
        }
        told
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

fn is_number(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit())
}

fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '/' if rest.starts_with("//") => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '/' if rest.starts_with("/*") => {
                at += rest.find("*/").map_or(rest.len(), |end| end + 2);
                continue;
            }
            '"' | '`' | '\'' => quoted(rest, c),
            c if c.is_ascii_digit() => number(rest),
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len())
            }
            c => c.len_utf8(),
        };
        words.push(at..at + length);
        at += length;
    }
    words
}

/// The length of a text in quotes.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The length of a number; the dots of a range are none of it.
fn number(rest: &str) -> usize {
    let digits =
        |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let whole = digits(rest);
    let fraction =
        rest[whole..].strip_prefix('.').filter(|f| f.starts_with(|c: char| c.is_ascii_digit()));
    whole + fraction.map_or(0, |fraction| 1 + digits(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_shown_with_all_that_belongs_to_it() {
        let text = "a.open(1) > 3 // why\n  && !(b.len() == \"x // y\")\n&& (c + 1) * 2 >= D[0]";
        let source = Source::read(text);
        let at = |line: u16, column: u16| Position::new(line, column);
        for (positions, told) in [
            (vec![at(1, 1)], "a.open(1)"),
            (vec![at(1, 1), at(1, 13)], "a.open(1) > 3"),
            (vec![at(2, 8)], "b.len()"),
            (vec![at(2, 6), at(2, 19)], "!(b.len() == \"x // y\")"),
            (vec![at(3, 5), at(3, 19)], "(c + 1) * 2 >= D[0]"),
            (vec![at(1, 1), at(3, 5)], "a.open(1) > 3 && !(b.len() == \"x // y\") && (c + 1)"),
            (vec![Position::NONE], ""),
        ] {
            assert_eq!(source.around(positions.clone()), told, "{positions:?}");
        }
        assert_eq!(source.word(at(3, 19)), Some("D"));
    }
}
