//! Texts of values as a script writes them.

use super::cells;
use super::chance::Chance;
use super::moment::When;
use super::script::{Node, leaf};

/// A text in double quotes.
pub fn text(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A whole number; the smallest has no text of its own.
pub fn int(number: i64) -> String {
    match number {
        i64::MIN => "(-9223372036854775807 - 1)".to_owned(),
        number if number < 0 => format!("({number})"),
        number => number.to_string(),
    }
}

/// A number with a fraction, exactly.
pub fn float(number: f64) -> String {
    let mut text = format!("{number:?}");
    if let Some(at) = text.find('e')
        && !text.contains('.')
    {
        text.insert_str(at, ".0");
    }
    if number.is_sign_negative() { format!("({text})") } else { text }
}

/// A whole number that columns hold too, or that days and hours come to.
pub fn some_int(chance: &mut Chance) -> Node {
    let number = match chance.below(3) {
        0 => cells::int(chance),
        _ => chance.pick(&[0, 0, 1, 2, 3, 5, 7, 14, 24, 30, 48, -1, -7, 365]),
    };
    leaf(int(number))
}

/// A number with a fraction that columns hold too.
pub fn some_float(chance: &mut Chance) -> Node {
    leaf(float(cells::float(chance)))
}

/// A text that columns hold too.
pub fn some_text(chance: &mut Chance) -> Node {
    leaf(text(chance.pick(&cells::TEXTS)))
}

/// A date or an instant, in a text.
pub fn some_date(chance: &mut Chance, when: &When) -> Node {
    let date = match chance.below(8) {
        0 => chance.pick(&["soon", "", "1998-02-30", "0001-01-01", "9999-12-31"]).to_owned(),
        1 | 2 => lookout::domain::format_instant(&when.instant(chance)),
        _ => when.day(chance).to_string(),
    };
    leaf(text(&date))
}
