//! What Rhai's parser says, as problems that people understand.
//! It never judges what a script means; `reading` does.

mod slips;
mod tokens;

use std::path::Path;

use rhai::{LexError, ParseError, ParseErrorType, Position};

use crate::domain::{Place, Problem};
use slips::Slip;
use tokens::Tokens;

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
    let (tokens, at) = (Tokens::of(text), error.position());
    if let Some(slip) = slips::find(&tokens, error.err_type(), at) {
        return of_slip(file, slip);
    }
    let refused =
        tokens.all.get(tokens.position(at)).filter(|token| !at.is_none() && token.is_word());
    let width = refused.map_or(1, |token| token.width());
    let (message, help) = words(error.err_type());
    let (message, help) = match (error.err_type(), unended(&tokens, at)) {
        (ParseErrorType::MissingToken(..), Unended::Constant(line)) => said(
            "a function begins here before what stands above has ended",
            format!("is a `;` missing at the end of line {line}?"),
        ),
        (ParseErrorType::MissingToken(token, _), Unended::Nothing(word))
            if [";", ")", "]", ","].contains(&token.as_str()) =>
        {
            said(
                format!("`{word}` can't stand here"),
                "is an operator such as `&&` missing before it, or a `;` or a `,`?",
            )
        }
        _ => (message, help),
    };
    Problem::error(place(file, at, width), "syntax", message).help(help)
}

/// A comment of a script that takes the rest of it along, which Rhai takes as the end.
pub(super) fn open_comment(file: &Path, text: &str) -> Option<Problem> {
    let at = Tokens::of(text).open_comment?;
    Some(of_slip(file, slips::never_ends(at)))
}

fn of_slip(file: &Path, slip: Slip) -> Problem {
    Problem::error(place(file, slip.at, slip.width), "syntax", slip.message).help(slip.help)
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

/// What has not ended before the token that was refused.
enum Unended<'t> {
    /// A constant, on this line, before a function.
    Constant(usize),
    /// The line before, as far as one can tell.
    Line,
    /// Nothing: this word or sign stands in the middle of a line.
    Nothing(&'t str),
}

fn unended(tokens: &Tokens, at: Position) -> Unended<'_> {
    let number = tokens.position(at);
    let (before, refused) = tokens.all.split_at(number.min(tokens.all.len()));
    let Some((last, refused)) = before.last().zip(refused.first()) else { return Unended::Line };
    let first = before.iter().find(|token| token.line == last.line);
    match last.line == refused.line {
        true => Unended::Nothing(&refused.text),
        false if refused.text == "fn" && first.is_some_and(|token| token.text == "const") => {
            Unended::Constant(last.line)
        }
        false => Unended::Line,
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
        E::MismatchedType(wanted, _) if wanted == "a boolean expression" => {
            said("this is no condition", "compare it with something: `… == …`")
        }
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
