//! The typed form of a rule's condition: what is left of a script once it is lowered. It is judged
//! on columns here, and narrows what a database sends in `signals`.
//! Rhai stays the meaning: where this form can't say what Rhai would, it says so and never guesses.

mod calculate;
mod compare;
mod evaluation;
mod moment;
mod program;
mod vector;

use crate::domain::{Field, Value};

pub use evaluation::Verdict;
pub use moment::{Moment, Told};
pub use program::Program;

/// An expression over the fields of one row.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A value that is the same for every row. `Null` is Rhai's `()`.
    Constant(Value),
    /// The row's value of a field.
    Field(Field),
    /// A comparison, which in Rhai never raises: values of different kinds are unequal and in no order.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `a && b && …`, from left to right, no further than needed. Raises on what is not true or false.
    And(Vec<Expr>),
    /// `a || b || …`, from left to right, no further than needed. Raises on what is not true or false.
    Or(Vec<Expr>),
    /// `!a`. Raises on what is not true or false.
    Not(Box<Expr>),
    /// A calculation. Raises on what is no number, where a whole number overflows, and on division
    /// of a whole number by zero.
    Calculate(Operation, Box<Expr>, Box<Expr>),
    /// `-a`. Raises on what is no number, and where a whole number overflows.
    Negate(Box<Expr>),
    /// `a ?? b`: `b` where `a` is absent.
    Coalesce(Box<Expr>, Box<Expr>),
    /// `a in [1, 2, 3]`: whether one of the values equals `a`.
    OneOf(Box<Expr>, Vec<Value>),
    /// `a in 1..10` (without the end) or `a in 1..=10` (with it). Raises on what is no whole number.
    Within(Box<Expr>, i64, i64),
    /// `if a { b } else { c }`. Raises where `a` is not true or false.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// The second, once the first has not raised: `let unused = …; …`.
    After(Box<Expr>, Box<Expr>),
    /// `days_since(a)` and its like. Absent where `a` is; raises on what tells no time.
    Time(TimeFunction, Box<Expr>),
    /// A question about a text. Raises on what is no text.
    Text(TextTest, Box<Expr>, String),
    /// `a.len()`: characters of a text. Raises on what is no text.
    Length(Box<Expr>),
    /// What has no typed form: only Rhai can say.
    Opaque(Stopped),
}

/// How two values are compared. Rhai compares numbers with a fraction up to a relative error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// A calculation with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`, towards zero for whole numbers.
    Divide,
    /// `%`, with the sign of the first number.
    Remainder,
}

/// What is counted from a date or an instant to the run's instant, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeFunction {
    /// Calendar days in the pack's zone since then.
    DaysSince,
    /// Calendar days in the pack's zone until then.
    DaysUntil,
    /// Whole hours since then, rounded down.
    HoursSince,
    /// Whole hours until then, rounded down.
    HoursUntil,
    /// Whole hours at work since then.
    WorkingHoursSince,
}

impl TimeFunction {
    /// What rules call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DaysSince => "days_since",
            Self::DaysUntil => "days_until",
            Self::HoursSince => "hours_since",
            Self::HoursUntil => "hours_until",
            Self::WorkingHoursSince => "working_hours_since",
        }
    }
}

/// A question about a text; a capital letter is another one than the small one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextTest {
    /// Whether the other text is a part of it.
    Contains,
    /// Whether it begins with the other text.
    StartsWith,
    /// Whether it ends with the other text.
    EndsWith,
}

/// How much of a condition has a typed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of it.
    Whole,
    /// Enough to settle some rows; Rhai is asked about the others.
    Part,
    /// Nothing that would settle a row.
    Nothing,
}

/// What stopped a script from being lowered, and where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Stopped {
    /// In words for people: ``a call of `split` ``.
    pub what: String,
    /// The script's line, from 1; none where it is unknown.
    pub line: Option<u32>,
    /// The column, in characters, from 1.
    pub column: Option<u32>,
}

impl Expr {
    /// How much of it has a typed form.
    pub fn reach(&self) -> Reach {
        match (self.stopped().is_empty(), self.settles()) {
            (true, _) => Reach::Whole,
            (false, true) => Reach::Part,
            (false, false) => Reach::Nothing,
        }
    }

    /// Whether there may be a row on which it comes to a value.
    fn settles(&self) -> bool {
        match self {
            Self::Opaque(_) => false,
            // What comes first may spare the rest.
            Self::And(parts) | Self::Or(parts) => parts.first().is_none_or(Self::settles),
            Self::Coalesce(first, _) => first.settles(),
            Self::If(asked, then, otherwise) => {
                asked.settles() && (then.settles() || otherwise.settles())
            }
            other => other.parts().into_iter().all(Self::settles),
        }
    }

    /// Everything in it that has no typed form, in its order.
    pub fn stopped(&self) -> Vec<&Stopped> {
        let mut stopped = Vec::new();
        self.visit(&mut |expr| {
            if let Self::Opaque(what) = expr
                && !stopped.contains(&what)
            {
                stopped.push(what);
            }
        });
        stopped
    }

    /// Whether it gives a value on every row, whatever the row holds.
    pub fn never_raises(&self) -> bool {
        let are_safe =
            |parts: &[Expr]| parts.iter().all(|part| part.is_bool() && part.never_raises());
        match self {
            Self::Constant(_) | Self::Field(_) => true,
            Self::Compare(_, a, b) | Self::Coalesce(a, b) | Self::After(a, b) => {
                a.never_raises() && b.never_raises()
            }
            Self::And(parts) | Self::Or(parts) => are_safe(parts),
            Self::Not(a) => a.is_bool() && a.never_raises(),
            Self::OneOf(a, _) => a.never_raises(),
            Self::If(a, b, c) => {
                a.is_bool() && a.never_raises() && b.never_raises() && c.never_raises()
            }
            Self::Calculate(..) | Self::Negate(_) => self.bounds().is_some(),
            Self::Within(..)
            | Self::Time(..)
            | Self::Text(..)
            | Self::Length(_)
            | Self::Opaque(_) => false,
        }
    }

    /// The least and the largest of the whole numbers that it gives on every row, where the script
    /// itself says so: a score that is put together from constants.
    fn bounds(&self) -> Option<(i64, i64)> {
        match self {
            Self::Constant(Value::Int(value)) => Some((*value, *value)),
            Self::If(asked, a, b) if asked.is_bool() && asked.never_raises() => {
                let ((a, b), (c, d)) = (a.bounds()?, b.bounds()?);
                Some((a.min(c), b.max(d)))
            }
            Self::Calculate(Operation::Add, a, b) => {
                let ((a, b), (c, d)) = (a.bounds()?, b.bounds()?);
                Some((a.checked_add(c)?, b.checked_add(d)?))
            }
            Self::Calculate(Operation::Subtract, a, b) => {
                let ((a, b), (c, d)) = (a.bounds()?, b.bounds()?);
                Some((a.checked_sub(d)?, b.checked_sub(c)?))
            }
            _ => None,
        }
    }

    /// Whether it gives true or false wherever it gives anything.
    pub fn is_bool(&self) -> bool {
        match self {
            Self::Constant(value) => matches!(value, Value::Bool(_)),
            Self::Compare(..)
            | Self::And(_)
            | Self::Or(_)
            | Self::Not(_)
            | Self::OneOf(..)
            | Self::Within(..)
            | Self::Text(..) => true,
            Self::If(_, b, c) => b.is_bool() && c.is_bool(),
            Self::Coalesce(a, _) | Self::After(_, a) => a.is_bool(),
            _ => false,
        }
    }

    /// How many parts it has, itself included.
    pub fn size(&self) -> usize {
        1 + self.parts().into_iter().map(Self::size).sum::<usize>()
    }

    /// Every field that it reads.
    pub fn fields(&self) -> Vec<&Field> {
        let mut fields = Vec::new();
        self.visit(&mut |expr| {
            if let Self::Field(field) = expr
                && !fields.contains(&field)
            {
                fields.push(field);
            }
        });
        fields
    }

    /// Looks at it and everything in it, from outside and from left to right.
    pub fn visit<'e>(&'e self, look: &mut dyn FnMut(&'e Expr)) {
        look(self);
        for part in self.parts() {
            part.visit(look);
        }
    }

    /// What it is directly made of.
    pub fn parts(&self) -> Vec<&Expr> {
        match self {
            Self::Constant(_) | Self::Field(_) | Self::Opaque(_) => Vec::new(),
            Self::And(parts) | Self::Or(parts) => parts.iter().collect(),
            Self::Compare(_, a, b)
            | Self::Calculate(_, a, b)
            | Self::Coalesce(a, b)
            | Self::After(a, b) => vec![a, b],
            Self::If(a, b, c) => vec![a, b, c],
            Self::Not(a)
            | Self::Negate(a)
            | Self::OneOf(a, _)
            | Self::Within(a, ..)
            | Self::Time(_, a)
            | Self::Text(_, a, _)
            | Self::Length(a) => vec![a],
        }
    }
}
