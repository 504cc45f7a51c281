//! What compares numbers. Rhai compares numbers with a fraction up to a relative error of 2^-52, so
//! a bound is moved outward by far more than that wherever a number may have one.

use super::sql::Sql;
use super::{Given, Narrowing};
use crate::domain::Value;
use crate::predicate::{Comparison, Expr};
use crate::signals::ColumnKind;
use crate::signals::lexer::Dialect;

/// By how much a bound is moved, as a share of it and besides.
const MARGIN: f64 = 1e-12;
/// Beyond this, a number is as good as infinite.
const HUGE: f64 = 1e300;

/// A number as a statement gives it.
pub(super) struct Number {
    pub(super) sql: String,
    pub(super) class: Class,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// PostgreSQL's whole numbers.
    Whole,
    /// PostgreSQL's `double precision`.
    Double,
    /// PostgreSQL's `numeric`.
    Decimal,
    /// SQLite: a number with or without a fraction, or a text, which is greater than every number.
    Stored,
}

impl Narrowing<'_> {
    /// The number that a field is, if it is one that can be compared in SQL.
    pub(super) fn number(&self, given: &Given) -> Option<Number> {
        let class = match (self.dialect, given.kind, given.type_name.as_str()) {
            (Dialect::Sqlite, ColumnKind::Int | ColumnKind::Float | ColumnKind::Unknown, _) => {
                Class::Stored
            }
            (Dialect::Postgres, _, "int2" | "int4" | "int8") => Class::Whole,
            (Dialect::Postgres, _, "float8") => Class::Double,
            (Dialect::Postgres, _, "numeric") => Class::Decimal,
            _ => return None,
        };
        let sql = match self.dialect {
            Dialect::Sqlite => format!("+{}", given.sql),
            Dialect::Postgres => given.sql.clone(),
        };
        Some(Number { sql, class })
    }

    /// `a in from..to`, with or without its end: that is kept on both sides.
    pub(super) fn within(&self, a: &Expr, from: i64, to: i64, wanted: bool) -> Sql {
        let side = |comparison, bound| {
            self.compare(comparison, a, &Expr::Constant(Value::Int(bound)), true)
        };
        match wanted {
            true => Sql::all([side(Comparison::AtLeast, from), side(Comparison::AtMost, to)]),
            false => Sql::any([side(Comparison::Less, from), side(Comparison::AtLeast, to)]),
        }
    }

    /// Rows on which it is no whole number.
    pub(super) fn no_whole_number(&self, a: &Expr) -> Sql {
        let Expr::Field(field) = a else { return Sql::Always };
        let Some(given) = self.fields.get(field) else { return Sql::Always };
        match (self.dialect, given.kind) {
            (Dialect::Sqlite, ColumnKind::Int) => {
                Sql::text(format!("typeof({}) <> 'integer'", given.sql))
            }
            (Dialect::Postgres, ColumnKind::Int) => Sql::text(format!("{} IS NULL", given.sql)),
            _ => Sql::Always,
        }
    }
}

/// A number with one that is written down.
pub(super) fn with_constant(
    comparison: Comparison,
    number: &Number,
    value: &Value,
    wanted: bool,
) -> Sql {
    match (number.class, value) {
        (Class::Whole, Value::Int(value)) => exact(comparison, number, *value, wanted),
        (class, Value::Int(value)) if (*value as f64).abs() < HUGE => {
            let middle = match class {
                Class::Stored => value.to_string(),
                class => literal(*value as f64, class),
            };
            about(comparison, number, *value as f64, &middle, wanted)
        }
        (class, Value::Float(value)) if value.abs() < HUGE => {
            about(comparison, number, *value, &literal(*value, class), wanted)
        }
        _ => Sql::Always,
    }
}

/// Whole numbers with each other are compared exactly.
fn exact(comparison: Comparison, number: &Number, value: i64, wanted: bool) -> Sql {
    let sql = &number.sql;
    let asked = |operator: &str| Sql::text(format!("{sql} {operator} {value}"));
    let or_absent = |ordered: Sql| match wanted {
        true => ordered,
        false => Sql::any([ordered, Sql::text(format!("{sql} IS NULL"))]),
    };
    match (comparison, wanted) {
        (Comparison::Equal, true) | (Comparison::Unequal, false) => asked("="),
        (Comparison::Equal, false) | (Comparison::Unequal, true) => asked("IS DISTINCT FROM"),
        (Comparison::Less, true) | (Comparison::AtLeast, false) => or_absent(asked("<")),
        (Comparison::AtMost, true) | (Comparison::Greater, false) => or_absent(asked("<=")),
        (Comparison::Greater, true) | (Comparison::AtMost, false) => or_absent(asked(">")),
        (Comparison::AtLeast, true) | (Comparison::Less, false) => or_absent(asked(">=")),
    }
}

/// Numbers of which one may have a fraction. What Rhai calls greater is greater; what it calls at
/// least as great may be a trifle less.
fn about(comparison: Comparison, number: &Number, value: f64, middle: &str, wanted: bool) -> Sql {
    let Number { sql, class } = number;
    let margin = value.abs() * MARGIN + MARGIN;
    let (low, high) = (literal(value - margin, *class), literal(value + margin, *class));
    let (huge, tiny) = (literal(HUGE, *class), literal(-HUGE, *class));
    let asked = |operator: &str, bound: &str| Sql::text(format!("{sql} {operator} {bound}"));
    // To Rhai, zero and what is no number are equal; the databases have that beyond all numbers.
    let or_no_number = |near: Sql| match value == 0.0 {
        true => Sql::any([near, asked(">", &huge)]),
        false => near,
    };
    let equal = || or_no_number(Sql::text(format!("{sql} BETWEEN {low} AND {high}")));
    // Nothing holds of what is no finite number, of a text among numbers, or of what is absent.
    let beyond = || [asked(">", &huge), asked("<", &tiny)];
    let or_other = |ordered: Sql| {
        let [above, below] = beyond();
        Sql::any([ordered, above, below, Sql::text(format!("{sql} IS NULL"))])
    };
    match (comparison, wanted) {
        (Comparison::Equal, true) => equal(),
        (Comparison::Equal, false) | (Comparison::Unequal, true) => {
            asked("IS DISTINCT FROM", middle)
        }
        (Comparison::Unequal, false) => {
            let [above, below] = beyond();
            Sql::any([equal(), above, below])
        }
        (Comparison::Less, true) => asked("<", middle),
        (Comparison::AtMost, true) => or_no_number(asked("<=", &high)),
        (Comparison::Greater, true) => asked(">", middle),
        (Comparison::AtLeast, true) => or_no_number(asked(">=", &low)),
        (Comparison::Less, false) => or_other(asked(">=", &low)),
        (Comparison::AtMost, false) => or_other(asked(">", middle)),
        (Comparison::Greater, false) => or_other(asked("<=", &high)),
        (Comparison::AtLeast, false) => or_other(asked("<", middle)),
    }
}

/// A number with another field.
pub(super) fn with_field(
    comparison: Comparison,
    one: &Number,
    other: &Number,
    wanted: bool,
) -> Sql {
    let (a, b) = (&one.sql, &other.sql);
    let asked = |operator: &str| Sql::text(format!("{a} {operator} {b}"));
    match (one.class, other.class) {
        (Class::Whole, Class::Whole) => {
            let or_absent = |ordered: Sql| match wanted {
                true => ordered,
                false => {
                    let null = |sql: &str| Sql::text(format!("{sql} IS NULL"));
                    Sql::any([ordered, null(a), null(b)])
                }
            };
            match (comparison, wanted) {
                (Comparison::Equal, true) | (Comparison::Unequal, false) => {
                    asked("IS NOT DISTINCT FROM")
                }
                (Comparison::Equal, false) | (Comparison::Unequal, true) => {
                    asked("IS DISTINCT FROM")
                }
                (Comparison::Less, true) | (Comparison::AtLeast, false) => or_absent(asked("<")),
                (Comparison::AtMost, true) | (Comparison::Greater, false) => or_absent(asked("<=")),
                (Comparison::Greater, true) | (Comparison::AtMost, false) => or_absent(asked(">")),
                (Comparison::AtLeast, true) | (Comparison::Less, false) => or_absent(asked(">=")),
            }
        }
        // A `numeric` may be too great for a `double precision`, which PostgreSQL refuses.
        (Class::Double, Class::Decimal) | (Class::Decimal, Class::Double) => Sql::Always,
        (first, _) if wanted => {
            // Texts, too, are compared here where SQLite has them among numbers.
            let a = match first {
                Class::Stored => format!("{a} COLLATE BINARY"),
                _ => a.clone(),
            };
            let strict = |operator: &str| Sql::text(format!("{a} {operator} {b}"));
            // What is no number is kept as a text, and equals zero.
            let fraction = |sql: &str| Sql::text(format!("typeof({sql}) IN ('real', 'text')"));
            match (comparison, first) {
                (Comparison::Less, _) => strict("<"),
                (Comparison::Greater, _) => strict(">"),
                (Comparison::AtMost, Class::Stored) => {
                    Sql::any([strict("<="), fraction(&one.sql), fraction(b)])
                }
                (Comparison::AtLeast, Class::Stored) => {
                    Sql::any([strict(">="), fraction(&one.sql), fraction(b)])
                }
                _ => Sql::Always,
            }
        }
        _ => Sql::Always,
    }
}

/// A number as the database reads it.
pub(super) fn literal(value: f64, class: Class) -> String {
    match class {
        Class::Whole | Class::Stored => format!("{value:?}"),
        Class::Double => format!("'{value:?}'::float8"),
        Class::Decimal => format!("'{value:?}'::numeric"),
    }
}
