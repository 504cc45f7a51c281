//! What people write who know another language, a word processor or plain English, and what Rhai wants
//! instead. Only what the parser refused is looked at: the words and signs around the place where it did.

mod phrases;

use rhai::{LexError, ParseErrorType, Position};

use super::tokens::{Token, Tokens};
use phrases::{KEYWORDS, PHRASES, SIGNS, UNITS, is_meant};

/// A slip: where it is, how wide, and what to say of it.
pub(super) struct Slip {
    pub(super) at: Position,
    pub(super) width: usize,
    pub(super) message: String,
    pub(super) help: String,
}

/// The slips that are known. The first that fits is told.
const SLIPS: [fn(&Around<'_>) -> Option<Slip>; 19] = [
    open_comment,
    single_quotes,
    curly_quotes,
    one_sign_for_two,
    sign,
    choice,
    half_a_condition,
    unit,
    comma_in_a_number,
    name_of_two_words,
    constant_without_sign,
    phrase,
    capitals,
    list_in_round_brackets,
    map_without_hash,
    nothing_to_the_right,
    two_conditions,
    wrong_bracket,
    missing_bracket,
];

/// The slip behind a parse error, if it is a known one.
pub(super) fn find(tokens: &Tokens, error: &ParseErrorType, at: Position) -> Option<Slip> {
    let around = Around { tokens, at: tokens.position(at), error };
    SLIPS.iter().find_map(|slip| slip(&around))
}

/// A comment that takes the rest of the script with it.
pub(super) fn never_ends(at: Position) -> Slip {
    Slip {
        at,
        width: 2,
        message: "a comment begins here and never ends".to_owned(),
        help: "end it with `*/`; a comment of one line begins with `//`".to_owned(),
    }
}

/// The place where the parser gave up, and what stands around it.
struct Around<'t> {
    tokens: &'t Tokens,
    /// The number of the token that it refused.
    at: usize,
    error: &'t ParseErrorType,
}

impl Around<'_> {
    /// The token so many steps from the one that was refused.
    fn token(&self, steps: isize) -> Option<&Token> {
        self.tokens.all.get(self.at.checked_add_signed(steps)?)
    }

    /// What it says; nothing where there is none.
    fn text(&self, steps: isize) -> &str {
        self.token(steps).map_or("", |token| &token.text)
    }

    /// Whether these tokens stand on one line.
    fn one_line(&self, from: isize, to: isize) -> bool {
        let line = |steps| self.token(steps).map(|token| token.line);
        line(from).is_some() && line(from) == line(to)
    }

    /// What stands between two tokens, as it is written.
    fn written(&self, from: isize, to: isize) -> String {
        let mut written = String::new();
        for steps in from..=to {
            let follows = steps > from
                && self.token(steps - 1).zip(self.token(steps)).is_some_and(|(a, b)| !a.touches(b));
            written.extend(follows.then_some(' '));
            written.push_str(self.text(steps));
        }
        written
    }

    fn slip(
        &self,
        from: isize,
        to: isize,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<Slip> {
        let (first, last) = (self.token(from)?, self.token(to)?);
        let width = match first.line == last.line {
            true => last.column + last.width() - first.column,
            false => first.width(),
        };
        Some(Slip { at: first.at(), width, message: message.into(), help: help.into() })
    }

    /// Says of these tokens that they mean nothing.
    fn nothing(&self, from: isize, to: isize, help: impl Into<String>) -> Option<Slip> {
        self.slip(from, to, format!("`{}` means nothing here", self.written(from, to)), help)
    }

    /// The brackets that are open here, from the outermost to the innermost.
    fn open(&self) -> Vec<isize> {
        let mut open = Vec::new();
        for (number, token) in self.tokens.all.iter().enumerate().take(self.at) {
            match token.text.as_str() {
                "(" | "[" | "{" | "#{" | "?[" => open.push(number as isize - self.at as isize),
                ")" | "]" | "}" => _ = open.pop(),
                _ => {}
            }
        }
        open
    }

    fn misses(&self, wanted: &str) -> bool {
        matches!(self.error, ParseErrorType::MissingToken(token, _) if token == wanted)
    }
}

fn open_comment(around: &Around<'_>) -> Option<Slip> {
    around.tokens.open_comment.map(never_ends)
}

fn single_quotes(around: &Around<'_>) -> Option<Slip> {
    let is_meant = matches!(around.error, ParseErrorType::BadInput(LexError::MalformedChar(_)));
    let token = around.token(0).filter(|token| is_meant && token.text.starts_with('\''))?;
    let said = token.text.trim_matches('\'');
    let help = format!("a text stands in double quotes: \"{said}\"");
    around.slip(0, 0, format!("'{said}' is in single quotes"), help)
}

fn curly_quotes(around: &Around<'_>) -> Option<Slip> {
    let quote = around.text(0).chars().next().filter(|c| "“”„‟‘’‚«»".contains(*c))?;
    let message = format!("`{quote}` is no quote that a script knows");
    around.slip(0, 0, message, "write straight quotes: \"…\"")
}

/// `=` where two are compared, or where a map has its `:`.
fn one_sign_for_two(around: &Around<'_>) -> Option<Slip> {
    let message = "`=` sets a value";
    let compare = "to compare, write `==`";
    if matches!(around.error, ParseErrorType::MismatchedType(..)) && around.text(-1) == "=" {
        return around.slip(-1, -1, message, compare);
    }
    if around.text(0) != "=" {
        return None;
    }
    if [">", "<", "!", "="].contains(&around.text(-1)) {
        let joined = format!("write `{}=`, without a space", around.text(-1));
        return around.nothing(-1, 0, joined);
    }
    let in_map = around.open().last().is_some_and(|open| around.text(*open) == "#{");
    if in_map && ["#{", ","].contains(&around.text(-2)) {
        let help = format!("a map has a `:` there: `#{{ {}: … }}`", around.text(-1));
        return around.nothing(0, 0, help);
    }
    around.slip(0, 0, message, compare)
}

fn sign(around: &Around<'_>) -> Option<Slip> {
    let (_, help) = SIGNS.into_iter().find(|(sign, _)| *sign == around.text(0))?;
    around.nothing(0, 0, help)
}

/// `x ? a : b`
fn choice(around: &Around<'_>) -> Option<Slip> {
    let is_meant = around.text(0) == "?";
    is_meant.then(|| around.nothing(0, 0, "write `if … { … } else { … }`"))?
}

/// `plan == "basic" || "pro"`: the second half has to be whole too.
fn half_a_condition(around: &Around<'_>) -> Option<Slip> {
    let is_literal =
        |steps: isize| around.token(steps).is_some_and(|t| t.is_text() || t.is_number());
    let joints = ["||", "&&", "or", "and"];
    let joins = |steps: isize| joints.contains(&around.text(steps).to_lowercase().as_str());
    let ends = |steps: isize| {
        let next = around.text(steps);
        joins(steps) || ["", ")", "}", ";", "{"].contains(&next)
    };
    let refused = matches!(around.error, ParseErrorType::MismatchedType(..)) && joins(-1);
    let joint = match refused {
        true => -1,
        false if joins(0) => 0,
        false => return None,
    };
    if !is_literal(joint + 1) || !ends(joint + 2) {
        return None;
    }
    let mut listed = vec![around.text(joint - 1), around.text(joint + 1)];
    let mut last = joint + 1;
    while joins(last + 1) && is_literal(last + 2) && ends(last + 3) {
        listed.push(around.text(last + 2));
        last += 2;
    }
    let half = around.text(joint + 1);
    let message = format!("`{half}` alone is no condition");
    let operator = around.text(joint - 2);
    let of = operand(around, joint - 3);
    let help = match (operator, of) {
        ("==", Some(of)) if is_literal(joint - 1) => {
            format!("write `{of} in [{}]`", listed.join(", "))
        }
        ("!=", Some(of)) if is_literal(joint - 1) => {
            format!("write `{of} !in [{}]`", listed.join(", "))
        }
        ("<" | "<=" | ">" | ">=", Some(of)) => {
            format!("write the whole comparison on both sides: `{of} {operator} {half}`")
        }
        _ => format!("compare it with something: `… == {half}`"),
    };
    around.slip(joint + 1, joint + 1, message, help)
}

/// What ends at a token and is compared there: a name, a field or a call.
fn operand(around: &Around<'_>, last: isize) -> Option<String> {
    let mut from = last;
    loop {
        if around.text(from) == ")" {
            let mut depth = 0;
            loop {
                depth += match around.text(from) {
                    ")" => 1,
                    "(" => -1,
                    "" => return None,
                    _ => 0,
                };
                if depth == 0 {
                    break;
                }
                from -= 1;
            }
            from -= 1;
        }
        if !around.token(from)?.is_word() {
            return None;
        }
        if around.text(from - 1) != "." {
            return Some(around.written(from, last));
        }
        from -= 2;
    }
}

/// `7 days`
fn unit(around: &Around<'_>) -> Option<Slip> {
    let unit = around.text(0).to_lowercase();
    let (_, letter) = UNITS.into_iter().find(|(known, _)| known.to_lowercase() == unit)?;
    let number = around.token(-1).filter(|token| token.is_number())?;
    let is_span = ["FOR", "REPEAT", "COOLDOWN", "EXPIRES"].contains(&around.text(-3))
        && around.text(-2) == "=";
    let number = &number.text;
    let help = match letter {
        "d" | "h" | "w" | "m" if is_span => {
            format!("a length of time stands in double quotes: `\"{number}{letter}\"`")
        }
        "d" => format!("write `{number}`: `days_since(…)` counts days"),
        "h" => format!("write `{number}`: `hours_since(…)` counts hours"),
        "w" | "-" => "write it in days: `days_since(…)` counts them".to_owned(),
        _ => format!("write `{number}` alone"),
    };
    around.slip(-1, 0, "a number has no unit", help)
}

/// `7,5` and `1,000`
fn comma_in_a_number(around: &Around<'_>) -> Option<Slip> {
    let (before, after) = (around.token(-1)?, around.token(1)?);
    let comma = around.token(0).filter(|comma| comma.text == ",")?;
    let is_one = before.is_number() && after.is_number();
    if !is_one || !before.touches(comma) || !comma.touches(after) {
        return None;
    }
    let (a, b) = (&before.text, &after.text);
    let help = match b.len() {
        3 => format!("write `{a}{b}`; if a fraction is meant, with a point: `{a}.{b}`"),
        _ => format!("a fraction has a point: `{a}.{b}`"),
    };
    around.slip(-1, 1, "a number has no comma", help)
}

/// `const QUIET-DAYS` and `let quiet days`
fn name_of_two_words(around: &Around<'_>) -> Option<Slip> {
    let begins = ["const", "let", "fn"].contains(&around.text(-2));
    if !begins || !around.token(-1)?.is_word() {
        return None;
    }
    let last = if around.text(0) == "-" { 1 } else { 0 };
    let second = around.token(last).filter(|token| token.is_word())?;
    if !around.one_line(-2, last) || KEYWORDS.contains(&second.text.as_str()) {
        return None;
    }
    let help = format!("write `{}_{}`", around.text(-1), second.text);
    around.slip(-1, last, "a name is one word", help)
}

/// `const PATIENCE 7` and `const PATIENCE: 7`
fn constant_without_sign(around: &Around<'_>) -> Option<Slip> {
    let keyword = Some(around.text(-2)).filter(|word| ["const", "let"].contains(word))?;
    let value = if around.text(0) == ":" { 1 } else { 0 };
    let given = around.token(value).filter(|token| token.is_number() || token.is_text())?;
    if !around.one_line(-2, value) {
        return None;
    }
    let name = around.text(-1);
    let help = format!("write `{keyword} {name} = {};`", given.text);
    around.slip(-1, value, format!("a `=` is missing between `{name}` and its value"), help)
}

/// A word or some words that stand where an operator should, or before what they turn round.
fn phrase(around: &Around<'_>) -> Option<Slip> {
    let fits = |from: isize, phrase: &[&str]| {
        let mut words = (from..).zip(phrase);
        words.all(|(steps, word)| is_meant(around.text(steps), word))
    };
    for from in [0, -1] {
        // After a dot or `fn`, and before a bracket, a word is a name.
        let is_name =
            [".", "fn"].contains(&around.text(from - 1)) || from < 0 && around.text(0) == "(";
        let found = PHRASES.into_iter().find(|(phrase, _)| fits(from, phrase));
        if let Some((phrase, help)) = found.filter(|_| !is_name) {
            return around.nothing(from, from + phrase.len() as isize - 1, help);
        }
    }
    None
}

/// `IF`, `Return`, `LET`
fn capitals(around: &Around<'_>) -> Option<Slip> {
    for steps in [0, -1] {
        let word = around.text(steps).to_lowercase();
        if KEYWORDS.contains(&word.as_str()) && word != around.text(steps) {
            return around.nothing(steps, steps, format!("write `{word}`, in small letters"));
        }
    }
    None
}

/// `plan in ("basic", "pro")`
fn list_in_round_brackets(around: &Around<'_>) -> Option<Slip> {
    let open = *around.open().last()?;
    if around.text(0) != "," || around.text(open) != "(" || around.text(open - 1) != "in" {
        return None;
    }
    let rest = around.at..around.tokens.all.len();
    let close = (0..rest.len() as isize).find(|steps| around.text(*steps) == ")")?;
    let listed = around.written(open + 1, close - 1);
    let message = "a list does not stand in round brackets";
    around.slip(open, close, message, format!("write `[{listed}]`"))
}

/// `{ due: "4h" }`
fn map_without_hash(around: &Around<'_>) -> Option<Slip> {
    let is_map = around.text(0) == ":" && around.text(-2) == "{" && around.token(-1)?.is_word();
    let help = format!("write `#{{ {}: … }}`", around.text(-1));
    is_map.then(|| around.slip(-2, -2, "a map begins with `#{`", help))?
}

/// An operator that something has to follow.
fn nothing_to_the_right(around: &Around<'_>) -> Option<Slip> {
    const OPERATORS: [&str; 15] =
        ["&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "??", "in"];
    let operator = around.text(-1);
    let next = around.text(0);
    let ends = ["", ")", "]", "}", ";", ","].contains(&next);
    if !OPERATORS.contains(&operator) || !(ends || OPERATORS.contains(&next)) {
        return None;
    }
    let is_share = operator == "%" && around.token(-2).is_some_and(Token::is_number);
    let (message, help) = match (is_share, around.text(-2).parse::<f64>()) {
        (true, Ok(share)) => {
            let help = format!("write the share as a fraction: `{:?}`", share / 100.0);
            ("a number has no unit", help)
        }
        _ => ("something is missing after this", "write what follows it, or delete it".to_owned()),
    };
    let from = if is_share { -2 } else { -1 };
    around.slip(from, -1, message, help)
}

/// A bracket that closes nothing, or one of another kind.
/// A condition, and on the next line another one: a semicolon between them would drop the first.
fn two_conditions(around: &Around<'_>) -> Option<Slip> {
    let (last, next) = (around.token(-1)?, around.token(0)?);
    let begins = next.is_word() || ["!", "("].contains(&next.text.as_str());
    if !around.misses(";") || last.line == next.line || !begins || STATEMENTS.contains(&&*next.text)
    {
        return None;
    }
    let compares =
        |token: &&Token| ["==", "!=", "<", ">", "<=", ">=", "in"].contains(&&*token.text);
    let before = around.tokens.all.iter().take(around.at).rev();
    before.take_while(|token| token.line == last.line).find(compares)?;
    let help = "put `&&` or `||` before this line; only where something else begins here, end the line \
                before with a semicolon";
    around.slip(0, 0, "how does this line go on with the one before?", help)
}

/// The words with which a statement begins.
const STATEMENTS: [&str; 13] = [
    "const", "let", "fn", "if", "while", "for", "loop", "do", "return", "switch", "try", "throw",
    "break",
];

fn wrong_bracket(around: &Around<'_>) -> Option<Slip> {
    let close = around.text(0);
    let (opens, other) = match close {
        ")" => ("(", "]"),
        "]" => ("[", ")"),
        _ => return None,
    };
    let open = around.open();
    match open.last().map_or("", |open| around.text(*open)) {
        "" | "{" | "#{" => {
            let help = format!("delete it, or write the `{opens}` that belongs to it");
            around.slip(0, 0, format!("this `{close}` closes nothing"), help)
        }
        open if open != opens => {
            around.slip(0, 0, format!("`{close}` closes no `{open}`"), format!("write `{other}`"))
        }
        _ => None,
    }
}

/// A bracket that is not there: where a block should begin, or where what is open should end.
fn missing_bracket(around: &Around<'_>) -> Option<Slip> {
    if around.misses("{") {
        let help = "what `if` and `else` lead to stands in braces: `if … { … } else { … }`";
        return around.slip(-1, -1, "a `{` is missing after this", help);
    }
    let begins_function = around.text(0) == "fn";
    let ends = ["", "}", ";", "{"].contains(&around.text(0)) || begins_function;
    let fails = matches!(
        around.error,
        ParseErrorType::UnexpectedEOF
            | ParseErrorType::WrongFnDefinition
            | ParseErrorType::MissingToken(..)
    );
    if !ends || !fails {
        return None;
    }
    let open = *around.open().last()?;
    let open = match around.text(open) {
        "{" | "#{" if begins_function || around.text(0).is_empty() => {
            crooked(around).unwrap_or(open)
        }
        "{" | "#{" => return None,
        _ => open,
    };
    let bracket = around.text(open);
    let close = match bracket {
        "(" => ")",
        "[" | "?[" => "]",
        _ => "}",
    };
    let message = format!("this `{bracket}` is never closed");
    around.slip(open, open, message, format!("write the `{close}` that belongs to it"))
}

/// The first brace whose other one is set in differently: where several are open, most likely the one
/// that was meant.
fn crooked(around: &Around<'_>) -> Option<isize> {
    let all = &around.tokens.all[..around.at];
    let first_of_line = |token: &Token| {
        let first = all.iter().find(|first| first.line == token.line);
        first.map_or(token.column, |first| first.column)
    };
    let (mut open, mut crooked) = (Vec::new(), Vec::new());
    for (number, token) in all.iter().enumerate() {
        match token.text.as_str() {
            "{" | "#{" => open.push((number, token)),
            "}" => {
                let (began, brace) = open.pop()?;
                let begins_line = first_of_line(token) == token.column;
                if begins_line && brace.line < token.line && first_of_line(brace) != token.column {
                    crooked.push(began);
                }
            }
            _ => {}
        }
    }
    let first = crooked.into_iter().min()?;
    Some(first as isize - around.at as isize)
}
