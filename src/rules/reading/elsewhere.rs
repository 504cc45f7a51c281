//! Names and functions that people know from other languages, and how a rule says the same.

/// What to write instead of a name.
pub(super) fn name(name: &str) -> Option<&'static str> {
    find(&NAMES, name)
}

/// What to write instead of a function.
pub(super) fn function(name: &str) -> Option<&'static str> {
    find(&FUNCTIONS, name)
}

fn find(table: &[(&[&str], &'static str)], name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    table.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, help)| *help)
}

const CLOCK: &str =
    "a rule sees no clock: `days_since(…)` counts until the run, `days_until(…)` from it on";

const NAMES: [(&[&str], &str); 5] = [
    (
        &["nil", "none", "null", "empty", "absent", "missing", "nothing", "undefined", "blank"],
        "what is absent is written `()`",
    ),
    (&["yes", "on"], "write `true`"),
    (&["no", "off"], "write `false`"),
    (&["true", "false"], "write `true` and `false` in small letters"),
    (
        &["today", "now", "date", "time", "timestamp", "current_date", "yesterday", "tomorrow"],
        CLOCK,
    ),
];

const FUNCTIONS: [(&[&str], &str); 6] = [
    (
        &[
            "today",
            "now",
            "date",
            "time",
            "timestamp",
            "current_date",
            "getdate",
            "sysdate",
            "datediff",
            "date_diff",
            "days",
            "days_between",
            "days_ago",
            "age",
            "parse_date",
            "to_date",
            "yesterday",
        ],
        CLOCK,
    ),
    (
        &["is_null", "isnull", "is_none", "isempty", "is_absent", "exists"],
        "write `… == ()`, or `… != ()`",
    ),
    (&["not"], "write `!(…)`"),
    (&["coalesce", "ifnull", "nvl"], "write `a ?? b`"),
    (&["lower", "lcase", "tolower", "lowercase"], "write `to_lower()`, after a dot"),
    (&["upper", "ucase", "toupper", "uppercase"], "write `to_upper()`, after a dot"),
];
