//! The twenty rules once more, as plain data that can be spelled in any rival's language. Dates are
//! day numbers here: most rivals have none, and comparing numbers is the fastest that each can do.

use super::customer::TODAY;

/// A part of a condition; a rule is true where all of its parts are.
pub enum Test {
    /// A column beside a value. Absent is never true.
    Is(&'static str, Sign, Literal),
    /// A text that is one of these.
    OneOf(&'static str, &'static [&'static str]),
    /// A boolean that is false.
    Not(&'static str),
    /// Twice the one is below the other.
    TwiceBelow(&'static str, &'static str),
    /// Any of these.
    Any(&'static [Test]),
}

/// A comparison.
#[derive(Clone, Copy)]
pub enum Sign {
    Equal,
    Unequal,
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// A value.
#[derive(Clone, Copy)]
pub enum Literal {
    Int(i64),
    Real(f64),
    Text(&'static str),
}

use Sign::{Above, AtLeast, AtMost, Below, Equal, Unequal};
use Test::{Any, Not, OneOf, TwiceBelow};

const fn text(column: &'static str, sign: Sign, text: &'static str) -> Test {
    Test::Is(column, sign, Literal::Text(text))
}

const fn int(column: &'static str, sign: Sign, number: i64) -> Test {
    Test::Is(column, sign, Literal::Int(number))
}

const fn real(column: &'static str, sign: Sign, number: f64) -> Test {
    Test::Is(column, sign, Literal::Real(number))
}

/// At least so many days ago.
const fn days_ago(column: &'static str, days: i64) -> Test {
    int(column, AtMost, TODAY - days)
}

/// At most so many days ahead.
const fn ahead(column: &'static str, days: i64) -> Test {
    int(column, AtMost, TODAY + days)
}

/// In the order of the dry run's list.
pub const RULES: [&[Test]; 20] = [
    &[
        text("plan", Equal, "business"),
        days_ago("last_login", 60),
        int("logins_before", AtLeast, 50),
        real("monthly", AtLeast, 410.0),
    ],
    &[
        days_ago("registered_on", 14),
        int("registered_on", Above, TODAY - 74),
        int("logins", AtMost, 1),
    ],
    &[
        text("plan", Equal, "business"),
        int("seats", AtLeast, 170),
        TwiceBelow("logins", "logins_before"),
        int("logins_before", AtLeast, 51),
    ],
    &[
        text("plan", Equal, "basic"),
        real("storage_share", AtLeast, 0.99),
        int("logins", AtLeast, 40),
    ],
    &[text("plan", Equal, "enterprise"), int("api_errors", AtLeast, 98)],
    &[int("exports", AtLeast, 18), int("logins", AtMost, 5), ahead("renews_on", 36)],
    &[
        int("invited", AtLeast, 8),
        int("seats", AtMost, 5),
        int("registered_on", AtLeast, TODAY - 400),
    ],
    &[Not("auto_renew"), int("failed_payments", AtLeast, 3), real("overdue", Above, 750.0)],
    &[
        text("plan", Unequal, "free"),
        real("overdue", AtLeast, 700.0),
        days_ago("oldest_invoice", 85),
    ],
    &[
        text("plan", Unequal, "free"),
        Not("auto_renew"),
        ahead("renews_on", 14),
        int("logins", Below, 20),
        real("monthly", AtLeast, 50.0),
    ],
    &[
        text("plan", Equal, "enterprise"),
        int("seats", AtLeast, 60),
        ahead("renews_on", 30),
        int("open", AtLeast, 1),
    ],
    &[text("plan", Equal, "business"), real("discount", AtLeast, 0.4), ahead("renews_on", 12)],
    &[text("plan", Equal, "enterprise"), int("urgent", AtLeast, 2), int("open", AtLeast, 4)],
    &[int("reopened", AtLeast, 3), int("open", AtLeast, 3), int("seats", Above, 190)],
    &[days_ago("oldest_open", 37), int("urgent", AtLeast, 2), real("monthly", AtLeast, 450.0)],
    &[
        OneOf("plan", &["business", "enterprise"]),
        real("satisfaction", Below, 1.4),
        int("complaints", AtLeast, 2),
        int("logins", Above, 10),
    ],
    &[text("country", Equal, "NL"), int("complaints", AtLeast, 3), int("seats", AtLeast, 180)],
    &[
        real("satisfaction", AtLeast, 4.8),
        int("open", Equal, 0),
        int("logins", AtLeast, 40),
        int("exports", Above, 2),
        real("overdue", Equal, 0.0),
    ],
    &[
        text("plan", Equal, "free"),
        int("seats", AtLeast, 195),
        real("storage_share", Above, 0.8),
        Any(&[int("logins", Above, 45), int("logins_before", Above, 55)]),
    ],
    &[int("open", AtLeast, 4), int("urgent", AtLeast, 3), days_ago("last_answer", 28)],
];
