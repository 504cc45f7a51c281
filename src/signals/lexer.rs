//! Just enough of SQL to put a signal's query into another one safely: quotes, comments, `;`,
//! parameters. It never looks at what a query means; that is the database's business.

mod ahead;
mod outermost;

use std::ops::Range;

use crate::domain::{Instant, format_instant};

pub(super) use ahead::{Ahead, What};
pub(super) use outermost::Outermost;

/// The two families of SQL that signals are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// One query, with the places of `:as_of` known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    /// From the start of the file to the last token; no closing `;` and no closing comment.
    text: String,
    /// Byte offsets of each `:as_of`.
    as_of: Vec<usize>,
    /// Where it looks past the run's instant.
    ahead: Vec<Ahead>,
    /// Its outermost SELECT, as far as it can be read.
    outermost: Outermost,
}

/// Why a text is no query that a signal can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) help: &'static str,
    /// The bytes meant.
    pub(super) span: Range<usize>,
}

const AS_OF: &str = ":as_of";

impl Query {
    /// Reads a file's text.
    pub(super) fn read(text: &str, dialect: Dialect) -> Result<Self, Refused> {
        let tokens = Lexer { text, at: 0, dialect }.tokens()?;
        let end = one_statement(text, &tokens)?;
        let tokens = &tokens[..end];
        only_reads(text, tokens)?;
        let as_of = parameters(text, tokens)?;
        let length = tokens.last().map_or(0, |token| token.span.end);
        let ahead = ahead::find(text, tokens);
        let outermost = outermost::read(text, tokens);
        Ok(Self { text: text[..length].to_owned(), as_of, ahead, outermost })
    }

    /// What its outermost SELECT gives.
    pub(super) fn outermost(&self) -> &Outermost {
        &self.outermost
    }

    /// Where it looks past the run's instant, in the order of the text.
    pub(super) fn ahead(&self) -> &[Ahead] {
        &self.ahead
    }

    /// Whether the query asks for the run's instant at all.
    pub(super) fn uses_as_of(&self) -> bool {
        !self.as_of.is_empty()
    }

    /// Every word in it, keywords and comments too.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let words = self.text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.filter(|word| !word.is_empty())
    }

    /// Whether it takes all columns of something, whatever they are.
    pub(super) fn takes_all(&self) -> bool {
        let text = self.text.to_ascii_lowercase();
        text.match_indices('*').any(|(at, _)| {
            let before = text[..at].trim_end();
            [".", ",", "select", "distinct"].iter().any(|end| before.ends_with(end))
        })
    }

    /// The query with the run's instant in place of each `:as_of`.
    pub(super) fn at(&self, as_of: Instant, dialect: Dialect) -> String {
        let literal = literal(as_of, dialect);
        let mut sql = String::with_capacity(self.text.len() + 32 * self.as_of.len());
        let mut from = 0;
        for &at in &self.as_of {
            sql.push_str(&self.text[from..at]);
            sql.push_str(&literal);
            from = at + AS_OF.len();
        }
        sql.push_str(&self.text[from..]);
        sql
    }

    /// The byte in the file that a byte of [`Query::at`] comes from.
    pub(super) fn offset_in_file(&self, offset: usize, as_of: Instant, dialect: Dialect) -> usize {
        let longer = literal(as_of, dialect).len() - AS_OF.len();
        let mut shift = 0;
        for &at in &self.as_of {
            if offset <= at + shift {
                break;
            }
            shift = (shift + longer).min(offset - at);
        }
        offset - shift
    }
}

/// An instant as a literal. SQLite compares instants as text, in the form its own functions give.
fn literal(as_of: Instant, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => format!("'{}'", as_of.format("%Y-%m-%d %H:%M:%S")),
        Dialect::Postgres => {
            let text = format_instant(&as_of).replace('T', " ").replace('Z', "+00");
            format!("TIMESTAMPTZ '{text}'")
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    /// `:name`, `$1`, `?`, `@name`.
    Parameter,
    Semicolon,
    Open,
    Close,
    Other,
}

#[derive(Clone, Debug)]
struct Token {
    kind: Kind,
    span: Range<usize>,
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    dialect: Dialect,
}

impl Lexer<'_> {
    fn tokens(mut self) -> Result<Vec<Token>, Refused> {
        let mut tokens = Vec::new();
        let mut brackets = 0_usize;
        while self.at < self.text.len() {
            let start = self.at;
            let Some(mut kind) = self.next()? else { continue };
            match &self.text[start..self.at] {
                "[" => brackets += 1,
                "]" => brackets = brackets.saturating_sub(1),
                // `list[1:n]` is a slice of an array, not a parameter.
                ":as_of" => {}
                text if text.starts_with(':') && brackets > 0 => kind = Kind::Other,
                _ => {}
            }
            tokens.push(Token { kind, span: start..self.at });
        }
        Ok(tokens)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Takes one token; `None` for blanks and comments.
    fn next(&mut self) -> Result<Option<Kind>, Refused> {
        let postgres = self.dialect == Dialect::Postgres;
        let rest = self.rest();
        let first = rest.chars().next().unwrap_or(' ');
        match first {
            c if c.is_whitespace() => self.skip(c.len_utf8()),
            '-' if rest.starts_with("--") => {
                let line = rest.find('\n').unwrap_or(rest.len());
                self.skip(line)
            }
            '/' if rest.starts_with("/*") => self.comment(),
            '\'' => self.quoted("'", false, "a quote"),
            '"' => self.quoted("\"", false, "a double quote"),
            '`' if !postgres => self.quoted("`", false, "a backquote"),
            '[' if !postgres => self.quoted("]", false, "a bracket"),
            '$' if postgres => self.dollar(),
            'e' | 'E' if postgres && rest[1..].starts_with('\'') => {
                self.at += 1;
                self.quoted("'", true, "a quote")
            }
            c if c.is_alphabetic() || c == '_' => {
                self.at += word(rest);
                Ok(Some(Kind::Word))
            }
            c if c.is_ascii_digit() => {
                self.at += word(rest);
                Ok(Some(Kind::Other))
            }
            ':' if rest.starts_with("::") => self.take(2, Kind::Other),
            ':' | '@' | '$' if begins_name(&rest[1..]) && (first == ':' || !postgres) => {
                self.take(1 + word(&rest[1..]), Kind::Parameter)
            }
            '?' if !postgres => self.take(1, Kind::Parameter),
            ';' => self.take(1, Kind::Semicolon),
            '(' => self.take(1, Kind::Open),
            ')' => self.take(1, Kind::Close),
            c => self.take(c.len_utf8(), Kind::Other),
        }
    }

    fn take(&mut self, length: usize, kind: Kind) -> Result<Option<Kind>, Refused> {
        self.at += length;
        Ok(Some(kind))
    }

    fn skip(&mut self, length: usize) -> Result<Option<Kind>, Refused> {
        self.at += length;
        Ok(None)
    }

    /// From an opening quote to its closing one; a doubled one stands for itself.
    fn quoted(&mut self, close: &str, escapes: bool, what: &str) -> Result<Option<Kind>, Refused> {
        let start = self.at;
        self.at += 1;
        let close = close.as_bytes()[0];
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() {
            let byte = bytes[self.at];
            self.at += 1;
            if escapes && byte == b'\\' {
                self.at += 1;
            } else if byte == close {
                if close != b']' && bytes.get(self.at) == Some(&close) {
                    self.at += 1;
                } else {
                    return Ok(Some(Kind::Other));
                }
            }
        }
        Err(unclosed(start, what))
    }

    /// A dollar quote, or a parameter such as `$1`.
    fn dollar(&mut self) -> Result<Option<Kind>, Refused> {
        let start = self.at;
        let tag = 1 + self.rest()[1..]
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(self.rest().len() - 1);
        let digit = self.rest()[1..].starts_with(|c: char| c.is_ascii_digit());
        if digit || !self.rest()[tag..].starts_with('$') {
            return self.take(tag.max(1), if tag > 1 { Kind::Parameter } else { Kind::Other });
        }
        let quote = &self.text[start..start + tag + 1];
        match self.text[start + quote.len()..].find(quote) {
            Some(body) => self.take(body + 2 * quote.len(), Kind::Other),
            None => Err(unclosed(start, "a dollar quote")),
        }
    }

    /// A `/* comment */`. PostgreSQL nests them; SQLite does not, and closes the last one itself.
    fn comment(&mut self) -> Result<Option<Kind>, Refused> {
        let start = self.at;
        let mut depth = 0_usize;
        while self.at < self.text.len() {
            let bytes = &self.text.as_bytes()[self.at..];
            if bytes.starts_with(b"/*") && (depth == 0 || self.dialect == Dialect::Postgres) {
                depth += 1;
                self.at += 2;
            } else if bytes.starts_with(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(None);
                }
            } else {
                self.at += 1;
            }
        }
        match self.dialect {
            Dialect::Sqlite => Ok(None),
            Dialect::Postgres => Err(unclosed(start, "a comment")),
        }
    }
}

fn begins_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// The length of the word that `text` begins with.
fn word(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(text.len())
}

fn unclosed(start: usize, what: &str) -> Refused {
    Refused {
        code: "sql-unclosed",
        message: format!("{what} is opened here and never closed"),
        help: "close it, or remove the opening one",
        span: start..start + 1,
    }
}

/// How many tokens the one statement has; what follows it may only be `;`.
fn one_statement(text: &str, tokens: &[Token]) -> Result<usize, Refused> {
    let end = tokens.iter().position(|t| t.kind == Kind::Semicolon).unwrap_or(tokens.len());
    if end == 0 {
        return Err(Refused {
            code: "empty-signal",
            message: "there is no query in this file".to_owned(),
            help: "write one SELECT that gives customer_id and the facts",
            span: 0..text.len().min(1),
        });
    }
    match tokens[end..].iter().find(|t| t.kind != Kind::Semicolon) {
        None => Ok(end),
        Some(second) => Err(Refused {
            code: "two-statements",
            message: "a second statement begins here; a signal is exactly one SELECT".to_owned(),
            help: "remove it, or put it into a signal of its own",
            span: second.span.clone(),
        }),
    }
}

/// A signal is a SELECT, and nothing in it writes.
fn only_reads(text: &str, tokens: &[Token]) -> Result<(), Refused> {
    const WRITES: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "MERGE"];
    let of = |token: &Token| text[token.span.clone()].to_ascii_uppercase();
    let first = tokens.iter().find(|t| t.kind != Kind::Open).unwrap_or(&tokens[0]);
    if !["SELECT", "WITH"].contains(&of(first).as_str()) {
        return Err(Refused {
            code: "not-a-query",
            message: format!("a signal only reads, and this begins with `{}`", of(first)),
            help: "a signal is one SELECT, or one WITH … SELECT",
            span: first.span.clone(),
        });
    }
    let mut depth = 0_usize;
    for (n, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Word if WRITES.contains(&of(token).as_str()) => {
                let before = n.checked_sub(1).map(|n| &tokens[n]);
                let opens = before.is_some_and(|t| t.kind == Kind::Open);
                let names = before.is_some_and(|t| &text[t.span.clone()] == ".");
                if opens || (depth == 0 && !names) {
                    return Err(Refused {
                        code: "signal-writes",
                        message: format!("a signal only reads, and `{}` writes", of(token)),
                        help: "remove it; Lookout never changes the company's own data",
                        span: token.span.clone(),
                    });
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The places of `:as_of`; any other parameter is a mistake.
fn parameters(text: &str, tokens: &[Token]) -> Result<Vec<usize>, Refused> {
    let mut as_of = Vec::new();
    for token in tokens.iter().filter(|t| t.kind == Kind::Parameter) {
        let name = &text[token.span.clone()];
        if name == AS_OF {
            as_of.push(token.span.start);
            continue;
        }
        return Err(Refused {
            code: "unknown-parameter",
            message: format!("`{name}` has no value here"),
            help: "a signal knows one parameter: :as_of, the instant of the run; text goes in quotes",
            span: token.span.clone(),
        });
    }
    Ok(as_of)
}

#[cfg(test)]
mod tests;
