//! Words and signs of other languages and of plain English, and how Rhai writes them.

/// Stands in a phrase for whatever calls something absent.
pub(super) const ABSENT: &str = "()";

/// What people call what is absent.
const ABSENCES: [&str; 10] =
    ["()", "empty", "null", "none", "nil", "absent", "missing", "nothing", "undefined", "blank"];

/// Words that mean nothing to Rhai, and what to write instead. Of two that begin alike the longer one
/// comes first.
pub(super) const PHRASES: [(&[&str], &str); 43] = [
    (&["is", "not", ABSENT], "write `!= ()`"),
    (&["is", ABSENT], "write `== ()`"),
    (&["is", "not", "in"], "write `!in`"),
    (&["is", "in"], "write `in`"),
    (&["is", "not"], "write `!=`"),
    (&["is", "greater", "than"], "write `>`"),
    (&["is", "more", "than"], "write `>`"),
    (&["is", "less", "than"], "write `<`"),
    (&["is", "at", "least"], "write `>=`"),
    (&["is", "at", "most"], "write `<=`"),
    (&["is", "between"], BETWEEN),
    (&["is"], "write `==`"),
    (&["greater", "than"], "write `>`"),
    (&["more", "than"], "write `>`"),
    (&["less", "than"], "write `<`"),
    (&["at", "least"], "write `>=`"),
    (&["at", "most"], "write `<=`"),
    (&["between"], BETWEEN),
    (&["equals"], "write `==`"),
    (&["equal", "to"], "write `==`"),
    (&["eq"], "write `==`"),
    (&["and", "not"], "write `&& !(…)`"),
    (&["or", "not"], "write `|| !(…)`"),
    (&["and"], "write `&&`"),
    (&["or"], "write `||`"),
    (&["xor"], "write `!=`, with each side in brackets: `(…) != (…)`"),
    (&["not", "in"], "write `!in`"),
    (&["not"], "not is `!`, with what it turns round in brackets: `!(…)`"),
    (&["then"], "put what follows into braces: `if … { … } else { … }`"),
    (&["elif"], "write `else if`"),
    (&["elsif"], "write `else if`"),
    (&["elseif"], "write `else if`"),
    (&["unless"], "write `if !(…) { … }`"),
    (&["endif"], "a `}` ends what a `{` begins"),
    (&["end"], "a `}` ends what a `{` begins"),
    (&["contains"], "call it after a dot: `….contains(\"…\")`"),
    (&["like"], "write `….contains(\"…\")`, or `….starts_with(\"…\")`"),
    (&["starts", "with"], "write `….starts_with(\"…\")`"),
    (&["starts_with"], "call it after a dot: `….starts_with(\"…\")`"),
    (&["ends", "with"], "write `….ends_with(\"…\")`"),
    (&["ends_with"], "call it after a dot: `….ends_with(\"…\")`"),
    (&["null"], "what is absent is written `()`"),
    (&["function"], "a function begins with `fn`"),
];

const BETWEEN: &str = "name both bounds: `… >= 3 && … <= 7`";

/// Signs that mean nothing to Rhai, and what to write instead.
pub(super) const SIGNS: [(&str, &str); 10] = [
    ("=>", "write `>=`"),
    ("=<", "write `<=`"),
    ("<>", "write `!=`"),
    ("===", "write `==`"),
    ("!==", "write `!=`"),
    ("≥", "write `>=`"),
    ("≤", "write `<=`"),
    ("≠", "write `!=`"),
    ("#", "a comment begins with `//`"),
    ("--", "a comment begins with `//`"),
];

/// Words of the language, all in small letters.
pub(super) const KEYWORDS: [&str; 10] =
    ["const", "let", "fn", "if", "else", "in", "return", "true", "false", "switch"];

/// What people put behind a number, with the letter that a length of time has for it, if any.
pub(super) const UNITS: [(&str, &str); 18] = [
    ("d", "d"),
    ("day", "d"),
    ("days", "d"),
    ("h", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("week", "w"),
    ("weeks", "w"),
    ("month", "-"),
    ("months", "-"),
    ("year", "-"),
    ("years", "-"),
    ("minute", "m"),
    ("minutes", "m"),
    ("percent", ""),
    ("€", ""),
    ("EUR", ""),
    ("$", ""),
];

/// Whether a word is the one that a phrase has in this place.
pub(super) fn is_meant(word: &str, in_phrase: &str) -> bool {
    let word = word.to_lowercase();
    match in_phrase {
        ABSENT => ABSENCES.contains(&word.as_str()),
        in_phrase => word == in_phrase,
    }
}
