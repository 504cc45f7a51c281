//! What people write who know another language, or a word processor, and what Rhai wants instead.
//! Only what the parser refused is looked at.

use rhai::{LexError, ParseErrorType, Position};

/// A slip: where it is, how wide, and what to say of it.
pub(super) struct Slip {
    pub(super) at: Position,
    pub(super) width: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// The slip behind a parse error, if it is a known one.
pub(super) fn find(text: &str, error: &ParseErrorType, at: Position) -> Option<Slip> {
    let line: Vec<char> = text.lines().nth(at.line()?.checked_sub(1)?)?.chars().collect();
    let column = at.position()?.checked_sub(1)?.min(line.len());
    let slip = |column: usize, width: usize, message: &str, help: &str| {
        let at = Position::new(at.line()? as u16, column as u16 + 1);
        Some(Slip { at, width, message: message.to_owned(), help: help.to_owned() })
    };
    match error {
        ParseErrorType::BadInput(LexError::ImproperSymbol(symbol, _)) if symbol == "=" => {
            let column = (column.saturating_sub(1)..line.len()).find(|n| line[*n] == '=')?;
            slip(column, 1, SETS, COMPARE)
        }
        ParseErrorType::MismatchedType(..) => {
            let column = lone_equals(&line[..column])?;
            slip(column, 1, SETS, COMPARE)
        }
        ParseErrorType::Reserved(word) if word == "null" => {
            slip(column, 4, "`null` means nothing here", "what is absent is written `()`")
        }
        ParseErrorType::BadInput(LexError::UnexpectedInput(quote)) if is_curly(quote) => {
            let message = format!("`{quote}` is no quote that a script knows");
            slip(column, 1, &message, "write straight quotes: \"…\"")
        }
        ParseErrorType::MissingToken(token, _) if token == ";" => {
            let before: String = line[..column].iter().collect();
            let before = before.trim_end();
            let start = before.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| at + 1);
            let (head, word) = (before.get(..start)?, before.get(start..)?);
            let width = word.chars().count();
            let begins = head.chars().count();
            if ["elif", "elseif", "elsif"].contains(&word) {
                let message = format!("`{word}` means nothing here");
                return slip(begins, width, &message, "write `else if`");
            }
            let opens = head.trim_end().strip_suffix('{')?.chars().count();
            let is_map = line.get(column) == Some(&':') && !word.is_empty();
            is_map.then(|| {
                slip(opens, 1, "a map begins with `#{`", &format!("write `#{{ {word}: … }}`"))
            })?
        }
        _ => None,
    }
}

const SETS: &str = "`=` sets a value";
const COMPARE: &str = "to compare, write `==`";

/// Where the last `=` stands that is no part of another operator, with nothing but a value after it.
fn lone_equals(before: &[char]) -> Option<usize> {
    let at = before.iter().rposition(|c| *c == '=')?;
    let joined = at > 0 && "=!<>+-*/".contains(before[at - 1]);
    let alone = before[at + 1..].iter().all(|c| c.is_whitespace());
    (!joined && alone).then_some(at)
}

fn is_curly(quote: &str) -> bool {
    quote.chars().next().is_some_and(|c| "“”„‟‘’‚«»".contains(c))
}
