//! The plain rules in the languages of the rivals. Each is spelled as that language's own users do,
//! with the same tests in the same order.

use serde_json::{Value, json};

use super::customer::COLUMNS;
use super::plain::{Literal, Sign, Test};

/// What tells one expression language from another.
pub struct Language {
    and: &'static str,
    or: &'static str,
    not: &'static str,
    quote: char,
    /// Whether comparing an absent number is an error, so that a rule has to ask first.
    guards: bool,
    /// How a column is reached.
    column: fn(&str) -> String,
}

/// Rhai with its columns as bare variables.
pub const RHAI: Language =
    Language { and: "&&", or: "||", not: "!", quote: '"', guards: false, column: str::to_owned };
/// Rhai with its columns in a map.
pub const RHAI_MAP: Language = Language { column: |name| format!("customer.{name}"), ..RHAI };
/// GoRules' expressions; each signal is an object of its own.
pub const ZEN: Language =
    Language { and: "and", or: "or", not: "not ", quote: '\'', guards: true, column: of_signal };
/// The Common Expression Language.
pub const CEL: Language = Language { guards: true, ..RHAI };
/// Python's rule-engine.
pub const PYTHON: Language = Language { column: str::to_owned, quote: '"', ..ZEN };

/// A rule as one expression.
pub fn expression(rule: &[Test], language: &Language) -> String {
    joined(rule, language.and, language)
}

fn joined(tests: &[Test], word: &str, language: &Language) -> String {
    let tests: Vec<String> = tests.iter().map(|test| spelled(test, language)).collect();
    tests.join(&format!(" {word} "))
}

fn spelled(test: &Test, language: &Language) -> String {
    let Language { quote, and, not, column, .. } = language;
    match test {
        Test::Is(name, sign, literal) => {
            let value = match literal {
                Literal::Int(number) => number.to_string(),
                Literal::Real(number) => format!("{number:?}"),
                Literal::Text(text) => format!("{quote}{text}{quote}"),
            };
            let compared = format!("{} {} {value}", column(name), symbol(*sign));
            let may_be_absent =
                COLUMNS.iter().any(|column| column.name == *name && column.has_gaps);
            if language.guards && may_be_absent && !matches!(literal, Literal::Text(_)) {
                format!("{} != null {and} {compared}", column(name))
            } else {
                compared
            }
        }
        Test::OneOf(name, texts) => {
            let texts: Vec<String> =
                texts.iter().map(|text| format!("{quote}{text}{quote}")).collect();
            format!("{} in [{}]", column(name), texts.join(", "))
        }
        Test::Not(name) => format!("{not}{}", column(name)),
        Test::TwiceBelow(name, other) => format!("{} * 2 < {}", column(name), column(other)),
        Test::Any(tests) => format!("({})", joined(tests, language.or, language)),
    }
}

fn symbol(sign: Sign) -> &'static str {
    match sign {
        Sign::Equal => "==",
        Sign::Unequal => "!=",
        Sign::Below => "<",
        Sign::AtMost => "<=",
        Sign::Above => ">",
        Sign::AtLeast => ">=",
    }
}

/// `usage.logins`; the customers' own columns stand at the top.
fn of_signal(name: &str) -> String {
    let column = COLUMNS.iter().find(|column| column.name == name);
    match column.and_then(|column| column.signal) {
        Some(signal) => format!("{signal}.{name}"),
        None => name.to_owned(),
    }
}

/// A rule as the conditions of json-rules-engine. It can't multiply, so twice a column is a fact of
/// its own, `twice_…`.
pub fn conditions(rule: &[Test]) -> Value {
    json!({ "all": rule.iter().map(condition).collect::<Vec<_>>() })
}

fn condition(test: &Test) -> Value {
    let told = |fact: &str, operator: &str, value: Value| json!({ "fact": fact, "operator": operator, "value": value });
    match test {
        Test::Is(name, sign, literal) => {
            let value = match literal {
                Literal::Int(number) => json!(number),
                Literal::Real(number) => json!(number),
                Literal::Text(text) => json!(text),
            };
            told(name, operator(*sign), value)
        }
        Test::OneOf(name, texts) => told(name, "in", json!(texts)),
        Test::Not(name) => told(name, "equal", json!(false)),
        Test::TwiceBelow(name, other) => {
            told(&format!("twice_{name}"), "lessThan", json!({ "fact": other }))
        }
        Test::Any(tests) => json!({ "any": tests.iter().map(condition).collect::<Vec<_>>() }),
    }
}

fn operator(sign: Sign) -> &'static str {
    match sign {
        Sign::Equal => "equal",
        Sign::Unequal => "notEqual",
        Sign::Below => "lessThan",
        Sign::AtMost => "lessThanInclusive",
        Sign::Above => "greaterThan",
        Sign::AtLeast => "greaterThanInclusive",
    }
}
