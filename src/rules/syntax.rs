//! What Rhai's parser says, as problems that people understand.
//! It never judges what a script means; `reading` does.

mod slips;

use std::path::Path;

use rhai::{LexError, ParseError, ParseErrorType, Position};

use crate::domain::{Place, Problem};

/// A place in a script.
pub(super) fn place(file: &Path, position: Position, width: usize) -> Place {
    match position.line() {
        None => Place::file(file),
        Some(line) => {
            let column = position.position().unwrap_or(1).max(1);
            Place::at(file, line as u32, column as u32, width as u32)
        }
    }
}

/// A parse error as a problem.
pub(super) fn problem(file: &Path, text: &str, error: &ParseError) -> Problem {
    if let Some(slip) = slips::find(text, error.err_type(), error.position()) {
        let place = place(file, slip.at, slip.width);
        return Problem::error(place, "syntax", slip.message).help(slip.help);
    }
    let word = word_at(text, error.position());
    let (message, help) = match (error.err_type(), operator(word)) {
        (ParseErrorType::MissingToken(..), Some(operator)) => {
            said(format!("`{word}` means nothing here"), format!("write `{operator}`"))
        }
        (ParseErrorType::MissingToken(token, _), None) if token == ";" && word == "fn" => said(
            "a function begins here before what stands above has ended",
            match unended_constant(text, error.position()) {
                Some(line) => format!("is a `;` missing at the end of line {line}?"),
                None => "is a `}` missing above? Each `{` needs its `}`".to_owned(),
            },
        ),
        (error, _) => words(error),
    };
    let width = word.chars().count().max(1);
    Problem::error(place(file, error.position(), width), "syntax", message).help(help)
}

/// A parse error of a condition that stands alone.
pub(super) fn of_condition(file: &Path, text: &str, error: &ParseError) -> Problem {
    let problem = problem(file, text, error);
    match error.err_type() {
        ParseErrorType::UnexpectedEOF => Problem {
            message: "the condition ends too early".to_owned(),
            help: "write a whole one, such as customer.tickets.open > 0".to_owned(),
            ..problem
        },
        _ => problem,
    }
}

/// The line above a place, from 1, if a constant stands there that does not end with `;`.
fn unended_constant(text: &str, at: Position) -> Option<usize> {
    let above = text.lines().take(at.line()?.saturating_sub(1)).enumerate();
    let code = |line: &str| line.split("//").next().unwrap_or("").trim().to_owned();
    let (number, line) =
        above.map(|(n, line)| (n + 1, code(line))).filter(|(_, l)| !l.is_empty()).last()?;
    (line.starts_with("const ") && !line.ends_with(';')).then_some(number)
}

/// The word that stands at a place of a script; empty where none does.
fn word_at(text: &str, at: Position) -> &str {
    let line = at.line().and_then(|line| text.lines().nth(line - 1)).unwrap_or("");
    let start = line.char_indices().nth(at.position().unwrap_or(1).max(1) - 1);
    let rest = start.map_or("", |(start, _)| &line[start..]);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
}

/// How Rhai writes what other languages say in a word.
fn operator(word: &str) -> Option<&'static str> {
    match word.to_lowercase().as_str() {
        "and" => Some("&&"),
        "or" => Some("||"),
        "is" => Some("=="),
        _ => None,
    }
}

fn words(error: &ParseErrorType) -> (String, String) {
    use ParseErrorType as E;
    match error {
        E::UnexpectedEOF => said("the script ends too early", "is a `}` or a `)` missing?"),
        E::BadInput(error) => lexical(error),
        E::MissingToken(token, purpose) => {
            said(format!("`{token}` is missing {purpose}"), missing_token(token))
        }
        E::MissingSymbol(what) if !what.is_empty() => said(what.to_lowercase(), ""),
        E::Reserved(word) if word == "#" => {
            said("`#` means nothing here", "a comment begins with `//`")
        }
        E::Reserved(word) => said(
            format!("`{word}` is a word that Rhai keeps for itself"),
            format!(
                "use another name; for a column, rename it in the signal's query: `… AS {word}_`"
            ),
        ),
        E::PropertyExpected => said(
            "a name is missing after the dot",
            "write a field, such as `customer.plan`; a column whose name Rhai keeps for itself (`new`, `case`, `default`, …) has to be renamed in the signal's query",
        ),
        E::VariableExpected => said("a name is missing here", ""),
        E::ExprExpected(what) => said(format!("something is missing: {what}"), ""),
        E::FnDuplicatedDefinition(name, _) => said(
            format!("the function `{name}` is there twice"),
            "delete one, or give it another name",
        ),
        E::FnDuplicatedParam(name, parameter) => said(
            format!("the function `{name}` has the parameter `{parameter}` twice"),
            "give each its own name",
        ),
        E::FnMissingParams(name) => said(
            format!("the function `{name}` has no parameters"),
            format!("write them in parentheses: `fn {name}(customer) {{ … }}`"),
        ),
        E::FnMissingBody(name) => {
            said(format!("the function `{name}` has no body"), "put it in braces: `{ … }`")
        }
        E::WrongFnDefinition => said(
            "a function stands inside another one",
            "is a `}` missing before it? Functions stand side by side",
        ),
        E::AssignmentToConstant(name) if !name.is_empty() => {
            said(format!("`{name}` is a constant and can't be changed"), "to compare, write `==`")
        }
        E::AssignmentToInvalidLHS(_) | E::AssignmentToConstant(_) => {
            said("this can't be given a value", "to compare, write `==`")
        }
        E::DuplicatedProperty(name) => said(format!("`{name}` is twice in this map"), ""),
        E::LoopBreak => said("`break` stands outside a loop", ""),
        E::ExprTooDeep => said("this is nested too deeply", "move parts of it into functions"),
        E::TooManyFunctions => said("there are too many functions", ""),
        E::LiteralTooLarge(what, limit) => {
            said(format!("{what} is too large: {limit} is the limit"), "")
        }
        other => said(other.to_string(), ""),
    }
}

fn lexical(error: &LexError) -> (String, String) {
    match error {
        LexError::UnterminatedString => {
            said("a text has no end", "close it with a double quote on the same line")
        }
        LexError::MalformedChar(text) => {
            said(format!("'{text}' is in single quotes"), "a text stands in double quotes: \"…\"")
        }
        LexError::MalformedNumber(text) => said(format!("`{text}` is not a number"), ""),
        LexError::MalformedEscapeSequence(text) => {
            said(format!("`{text}` means nothing in a text"), "write a backslash as `\\\\`")
        }
        LexError::UnexpectedInput(text) => said(format!("`{text}` can't stand here"), ""),
        LexError::ImproperSymbol(symbol, hint) => {
            let hint = hint.rfind("Should").map_or(hint.as_str(), |at| &hint[at..]);
            said(format!("`{symbol}` can't stand here"), hint.to_lowercase().replace('\'', "`"))
        }
        other => said(other.to_string(), ""),
    }
}

fn missing_token(token: &str) -> &'static str {
    match token {
        ";" => "end the line before with a semicolon",
        "," => "is a comma missing, or a closing bracket?",
        "}" | ")" | "]" => "each opening bracket needs its closing one",
        _ => "",
    }
}

fn said(message: impl Into<String>, help: impl Into<String>) -> (String, String) {
    (message.into(), help.into())
}
