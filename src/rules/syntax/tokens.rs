//! A script as its words and signs, with where each stands: what Rhai itself forgets where it gives up.
//! Nothing is judged here.

use rhai::Position;

/// A word, a number, a text with its quotes, or a sign.
#[derive(Debug, PartialEq)]
pub(in crate::rules) struct Token {
    pub(super) text: String,
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
}

impl Token {
    pub(super) fn width(&self) -> usize {
        self.text.chars().count()
    }

    /// Where it stands.
    pub(super) fn at(&self) -> Position {
        Position::new(self.line as u16, self.column as u16)
    }

    /// Whether the other one follows without a space.
    pub(super) fn touches(&self, next: &Self) -> bool {
        self.line == next.line && self.column + self.width() == next.column
    }

    pub(super) fn is_number(&self) -> bool {
        self.text.starts_with(|c: char| c.is_ascii_digit())
    }

    /// Whether it is a name or a keyword.
    pub(super) fn is_word(&self) -> bool {
        self.text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    }

    pub(super) fn is_text(&self) -> bool {
        self.text.starts_with(['"', '`', '\''])
    }
}

/// All of a script, without its comments.
pub(super) struct Tokens {
    pub(super) all: Vec<Token>,
    /// Where a comment begins that never ends.
    pub(super) open_comment: Option<Position>,
}

/// Signs of more than one character, of Rhai and of other languages; what is longer comes first.
const SIGNS: [&str; 31] = [
    "===", "!==", "**=", "..=", "...", "<<=", ">>=", "=>", "=<", "<>", "==", "!=", "<=", ">=",
    "&&", "||", "??", "?.", "?[", "+=", "-=", "*=", "/=", "%=", "**", "..", "::", "#{", "--", "++",
    "<<",
];

impl Tokens {
    pub(super) fn of(text: &str) -> Self {
        let mut tokens = Self { all: Vec::new(), open_comment: None };
        let text: Vec<char> = text.chars().collect();
        let (mut at, mut line, mut line_begins) = (0, 1, 0);
        while at < text.len() {
            let rest = &text[at..];
            let width = match rest {
                ['/', '/', ..] => until(rest, |c| *c == '\n'),
                ['/', '*', ..] => comment(rest).unwrap_or_else(|| {
                    let begins = Position::new(line as u16, (at - line_begins + 1) as u16);
                    tokens.open_comment = Some(begins);
                    rest.len()
                }),
                [c, ..] if c.is_whitespace() => 1,
                rest => {
                    let width = width(rest);
                    tokens.all.push(Token {
                        text: rest[..width].iter().collect(),
                        line,
                        column: at - line_begins + 1,
                    });
                    width
                }
            };
            for (number, _) in rest[..width].iter().enumerate().filter(|(_, c)| **c == '\n') {
                (line, line_begins) = (line + 1, at + number + 1);
            }
            at += width;
        }
        tokens
    }

    /// The number of the token at a place, or of the first one after it.
    pub(super) fn position(&self, at: Position) -> usize {
        let Some(line) = at.line() else { return self.all.len() };
        let column = at.position().unwrap_or(1);
        let ends_before = |token: &Token| {
            token.line < line || token.line == line && token.column + token.width() <= column
        };
        self.all.partition_point(ends_before)
    }
}

/// How many characters the token takes that begins here.
fn width(rest: &[char]) -> usize {
    let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
    match rest {
        ['"', ..] => quoted(rest, '"'),
        ['`', ..] => quoted(rest, '`'),
        ['\'', ..] => {
            let width = quoted(rest, '\'');
            if rest[..width].contains(&'\n') { 1 } else { width }
        }
        [c, ..] if c.is_ascii_digit() => {
            let part = |n: usize| match rest[n] {
                '.' => rest.get(n + 1).is_some_and(char::is_ascii_digit),
                c => c.is_ascii_digit() || c == '_',
            };
            (0..rest.len()).find(|n| !part(*n)).unwrap_or(rest.len())
        }
        [c, ..] if is_word(c) => until(rest, |c| !is_word(c)),
        rest => {
            let begins = |sign: &&&str| sign.chars().eq(rest.iter().copied().take(sign.len()));
            SIGNS.iter().find(begins).map_or(1, |sign| sign.len())
        }
    }
}

/// A text up to its closing quote, or to the end of the script.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut escaped = false;
    let ends = rest[1..].iter().position(|c| {
        let ends = *c == quote && !escaped;
        escaped = *c == '\\' && !escaped;
        ends
    });
    ends.map_or(rest.len(), |at| at + 2)
}

/// A comment up to its end, with the comments within it; none where it never ends.
fn comment(rest: &[char]) -> Option<usize> {
    let (mut depth, mut at) = (0, 0);
    while at + 1 < rest.len() {
        let step = match [rest[at], rest[at + 1]] {
            ['/', '*'] => 1,
            ['*', '/'] => -1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn until(rest: &[char], ends: impl Fn(&char) -> bool) -> usize {
    rest.iter().position(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_words_and_signs_with_their_places() {
        let script = "a >= 1.5 // b\n/* c /* d */ e */ \"f // g\" => 'h'\n  x1..9";
        let told: Vec<_> = (Tokens::of(script).all.into_iter())
            .map(|token| format!("{}:{} {}", token.line, token.column, token.text))
            .collect();
        let expected = [
            "1:1 a",
            "1:3 >=",
            "1:6 1.5",
            "2:19 \"f // g\"",
            "2:28 =>",
            "2:31 'h'",
            "3:3 x1",
            "3:5 ..",
            "3:7 9",
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_comment_that_never_ends_is_all_there_is() {
        let tokens = Tokens::of("a\n /* b /* c */\nd");
        assert_eq!((tokens.all.len(), tokens.open_comment), (1, Some(Position::new(2, 2))));
    }
}
