//! Which names a rule can read. Nothing here knows Rhai; the list is checked against it in a test.

/// Every word that Rhai keeps for itself, so that no field can bear it.
pub const RESERVED: [&str; 62] = [
    "_",
    "Fn",
    "as",
    "async",
    "await",
    "break",
    "call",
    "case",
    "catch",
    "const",
    "continue",
    "curry",
    "debug",
    "default",
    "do",
    "else",
    "eval",
    "export",
    "false",
    "fn",
    "for",
    "go",
    "goto",
    "if",
    "import",
    "in",
    "is",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "let",
    "loop",
    "match",
    "module",
    "new",
    "nil",
    "null",
    "package",
    "print",
    "private",
    "protected",
    "public",
    "return",
    "shared",
    "spawn",
    "static",
    "super",
    "switch",
    "sync",
    "this",
    "thread",
    "throw",
    "true",
    "try",
    "type_of",
    "until",
    "use",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Why a rule can't read a field of this name, if so, and what helps.
pub(super) fn refused(name: &str) -> Option<(String, String)> {
    if RESERVED.contains(&name) {
        return Some((
            format!("`{name}` is a word of the language of rules, so no rule could read it"),
            format!("give it another name: `AS {name}_value`"),
        ));
    }
    let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if first && rest && name.chars().any(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    Some((
        format!("`{name}` is no name that a rule could read"),
        "give it a name of letters, digits and `_` that starts with a letter: `AS new_name`"
            .to_owned(),
    ))
}
