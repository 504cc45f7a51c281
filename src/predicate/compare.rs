//! Comparisons of whole columns, each with the answer that Rhai gives for the pair of values.
//! A comparison never raises; where the answer can't be had from the cells, the row is unsure.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::Comparison;
use super::program::Literal;
use super::vector::{BLOCK, Data, Marks, Truth, Values, any, either, has};
use crate::domain::{day_of_text, micros_of_text};

impl Comparison {
    /// What an operator asks, if it is one that compares.
    pub fn of_operator(operator: &str) -> Option<Self> {
        Some(match operator {
            "==" => Self::Equal,
            "!=" => Self::Unequal,
            "<" => Self::Less,
            "<=" => Self::AtMost,
            ">" => Self::Greater,
            ">=" => Self::AtLeast,
            _ => return None,
        })
    }

    /// The same question with the sides changed.
    pub fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            same => same,
        }
    }

    /// What Rhai says of two values of different kinds.
    pub fn of_strangers(self) -> bool {
        self == Self::Unequal
    }

    fn of_order(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Unequal => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
        }
    }

    /// What Rhai 1.27 says of two numbers of which one has a fraction: they are equal up to a
    /// relative error of one part in 2^52.
    pub fn of_floats(self, x: f64, y: f64) -> bool {
        let max = if x * y == 0.0 { 1.0 } else { x.abs().max(y.abs()) };
        if max == 0.0 {
            // Zero and what is no number: to Rhai, they are equal.
            return matches!(self, Self::Equal | Self::AtMost | Self::AtLeast);
        }
        match self {
            Self::Equal => (x - y).abs() / max <= f64::EPSILON,
            Self::Unequal => (x - y).abs() / max > f64::EPSILON,
            Self::Greater => (x - y) / max > f64::EPSILON,
            Self::AtLeast => (x - y) / max > -f64::EPSILON,
            Self::Less => (y - x) / max > f64::EPSILON,
            Self::AtMost => (y - x) / max > -f64::EPSILON,
        }
    }

    /// What Rhai says of two values.
    pub(super) fn of_literals(self, a: &Literal, b: &Literal) -> bool {
        use Literal as L;
        let float = |bits: &u64| f64::from_bits(*bits);
        match (a, b) {
            (L::Null, L::Null) => self == Self::Equal,
            (L::Bool(a), L::Bool(b)) => self.of_order(a.cmp(b)),
            (L::Int(a), L::Int(b)) => self.of_order(a.cmp(b)),
            (L::Int(a), L::Float(b)) => self.of_floats(*a as f64, float(b)),
            (L::Float(a), L::Int(b)) => self.of_floats(float(a), *b as f64),
            (L::Float(a), L::Float(b)) => self.of_floats(float(a), float(b)),
            (L::Text(a), L::Text(b)) => self.of_order(a.cmp(b)),
            _ => self.of_strangers(),
        }
    }
}

/// Compares a value of each row with one that is the same for all.
pub(super) fn with_literal<'b>(
    how: Comparison,
    values: &'b Values<'_>,
    literal: &Literal,
    rows: usize,
) -> Truth<'b> {
    let unsure = Cow::Borrowed(&*values.unsure);
    let yes = match (&values.data, literal) {
        (_, Literal::Null) => {
            let absent = |row| has(&values.absent, row);
            let yes = match how {
                Comparison::Equal => (0..rows).map(absent).collect(),
                Comparison::Unequal => (0..rows).map(|row| !absent(row)).collect(),
                _ => vec![false; rows],
            };
            return Truth { yes: Cow::Owned(yes), unsure };
        }
        (Data::Int(cells), Literal::Int(other)) => plain(how, cells, *other),
        (Data::Int(cells), Literal::Float(bits)) => {
            let other = f64::from_bits(*bits);
            cells.iter().map(|cell| how.of_floats(*cell as f64, other)).collect()
        }
        (Data::Float(cells), Literal::Float(bits)) => floats(how, cells, f64::from_bits(*bits)),
        (Data::Float(cells), Literal::Int(other)) => floats(how, cells, *other as f64),
        (Data::Bool(cells), Literal::Bool(other)) => {
            cells.iter().map(|cell| how.of_order(cell.cmp(other))).collect()
        }
        (Data::Text(cells), Literal::Text(other)) => match how {
            Comparison::Equal => cells.each_equals(other),
            Comparison::Unequal => {
                let mut yes = cells.each_equals(other);
                yes.iter_mut().for_each(|yes| *yes = !*yes);
                yes
            }
            _ => (0..rows).map(|row| how.of_order(cells.get(row).cmp(other))).collect(),
        },
        (Data::Day(cells), Literal::Text(other)) => match day_of_text(other) {
            Some(day) => plain(how, cells, day),
            // No date is written like that text, but which comes first only the texts can say.
            None if is_equality(how) => vec![how.of_strangers(); rows],
            None => return Truth::unknown(rows),
        },
        (Data::At(cells), Literal::Text(other)) if is_equality(how) => {
            match micros_of_text(other) {
                Some(micros) => plain(how, cells, micros),
                None => vec![how.of_strangers(); rows],
            }
        }
        // The order of instants as texts is not always their order in time.
        (Data::At(_), Literal::Text(_)) => return Truth::unknown(rows),
        _ => vec![how.of_strangers(); rows],
    };
    Truth { yes: strangers(how, yes, &values.absent), unsure }
}

/// Compares the day of each row with one.
pub(super) fn with_day<'b>(
    how: Comparison,
    cells: &[i32],
    other: i32,
    values: &'b Values<'_>,
) -> Truth<'b> {
    let yes = strangers(how, plain(how, cells, other), &values.absent);
    Truth { yes, unsure: Cow::Borrowed(&*values.unsure) }
}

/// Compares two values of each row.
pub(super) fn columns<'b>(
    how: Comparison,
    a: &'b Values<'_>,
    b: &'b Values<'_>,
    rows: usize,
) -> Truth<'b> {
    let each = |compare: &dyn Fn(usize) -> bool| (0..rows).map(compare).collect::<Vec<bool>>();
    let mut yes = match (&a.data, &b.data) {
        (Data::Int(x), Data::Int(y)) => pairs(x, y, |x, y| how.of_order(x.cmp(y))),
        (Data::Int(x), Data::Float(y)) => pairs(x, y, |x, y| how.of_floats(*x as f64, *y)),
        (Data::Float(x), Data::Int(y)) => pairs(x, y, |x, y| how.of_floats(*x, *y as f64)),
        (Data::Float(x), Data::Float(y)) => pairs(x, y, |x, y| how.of_floats(*x, *y)),
        (Data::Bool(x), Data::Bool(y)) => pairs(x, y, |x, y| how.of_order(x.cmp(y))),
        (Data::Day(x), Data::Day(y)) => pairs(x, y, |x, y| how.of_order(x.cmp(y))),
        (Data::At(x), Data::At(y)) if is_equality(how) => {
            pairs(x, y, |x, y| how.of_order(x.cmp(y)))
        }
        (Data::Text(x), Data::Text(y)) => each(&|row| how.of_order(x.get(row).cmp(y.get(row)))),
        // All of these are texts to Rhai.
        (
            Data::Day(_) | Data::At(_) | Data::Text(_),
            Data::Day(_) | Data::At(_) | Data::Text(_),
        ) => {
            return Truth::unknown(rows);
        }
        _ => vec![how.of_strangers(); rows],
    };
    let absent = if any(&a.absent) || any(&b.absent) { rows } else { 0 };
    for (row, yes) in yes.iter_mut().enumerate().take(absent) {
        match (has(&a.absent, row), has(&b.absent, row)) {
            (false, false) => {}
            (true, true) => *yes = how == Comparison::Equal,
            _ => *yes = how.of_strangers(),
        }
    }
    Truth { yes: Cow::Owned(yes), unsure: either(&a.unsure, &b.unsure) }
}

fn is_equality(how: Comparison) -> bool {
    matches!(how, Comparison::Equal | Comparison::Unequal)
}

/// Puts in what is said of a value and its absence.
fn strangers<'b>(how: Comparison, mut yes: Vec<bool>, absent: &[bool]) -> Marks<'b> {
    if how.of_strangers() {
        yes.iter_mut().zip(absent).for_each(|(yes, absent)| *yes |= absent);
    } else {
        yes.iter_mut().zip(absent).for_each(|(yes, absent)| *yes &= !absent);
    }
    Cow::Owned(yes)
}

fn pairs<A, B>(a: &[A], b: &[B], compare: impl Fn(&A, &B) -> bool) -> Vec<bool> {
    a.iter().zip(b).map(|(a, b)| compare(a, b)).collect()
}

fn plain<T: Copy + PartialOrd>(how: Comparison, cells: &[T], other: T) -> Vec<bool> {
    match how {
        Comparison::Equal => cells.iter().map(|cell| *cell == other).collect(),
        Comparison::Unequal => cells.iter().map(|cell| *cell != other).collect(),
        Comparison::Less => cells.iter().map(|cell| *cell < other).collect(),
        Comparison::AtMost => cells.iter().map(|cell| *cell <= other).collect(),
        Comparison::Greater => cells.iter().map(|cell| *cell > other).collect(),
        Comparison::AtLeast => cells.iter().map(|cell| *cell >= other).collect(),
    }
}

/// Rhai's comparison in two steps: nearly every number is so far from the other, or so equal to it,
/// that a plain comparison says the same. Only what is near or without end is looked at closely.
fn floats(how: Comparison, cells: &[f64], other: f64) -> Vec<bool> {
    let finite = cells.iter().fold(true, |finite, cell| finite & (cell.abs() <= f64::MAX));
    let Some((low, high)) = surroundings(other).filter(|_| finite) else {
        return cells.iter().map(|cell| how.of_floats(*cell, other)).collect();
    };
    let around = Around { how, low, other, high };
    match how {
        Comparison::Equal => around.judge(cells, |cell| cell == other),
        Comparison::Unequal => around.judge(cells, |cell| cell != other),
        Comparison::Less => around.judge(cells, |cell| cell < low),
        Comparison::AtMost => around.judge(cells, |cell| cell <= other),
        Comparison::Greater => around.judge(cells, |cell| cell > high),
        Comparison::AtLeast => around.judge(cells, |cell| cell >= other),
    }
}

/// A number, and the two between which a plain comparison with it won't do.
struct Around {
    how: Comparison,
    low: f64,
    other: f64,
    high: f64,
}

impl Around {
    fn judge(&self, cells: &[f64], plain: impl Fn(f64) -> bool) -> Vec<bool> {
        let close = |cell: f64| (cell >= self.low) & (cell <= self.high) & (cell != self.other);
        let mut yes = vec![false; cells.len()];
        for (cells, yes) in cells.chunks(BLOCK).zip(yes.chunks_mut(BLOCK)) {
            let mut any = false;
            for (cell, yes) in cells.iter().zip(yes.iter_mut()) {
                *yes = plain(*cell);
                any |= close(*cell);
            }
            if any {
                for (cell, yes) in cells.iter().zip(yes).filter(|(cell, _)| close(**cell)) {
                    *yes = self.how.of_floats(*cell, self.other);
                }
            }
        }
        yes
    }
}

/// Two numbers around `other`, beyond which Rhai's relative error doesn't matter; none for numbers so
/// small or large that there are no such two.
fn surroundings(other: f64) -> Option<(f64, f64)> {
    const MARGIN: f64 = 8.0 * f64::EPSILON;
    if other == 0.0 {
        // With zero the error is absolute.
        return Some((-MARGIN, MARGIN));
    }
    let margin = other.abs() * MARGIN;
    (1e-9..1e100).contains(&other.abs()).then_some((other - margin, other + margin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_way_says_what_the_slow_way_says() {
        let others = [0.0, -0.0, 1.0, -1.0, 0.1, 0.3, 410.0, 1e-9, 1e-10, 1e99, 1e308, f64::NAN];
        for other in others {
            let near = |steps: i64| f64::from_bits(other.to_bits().wrapping_add_signed(steps));
            let mut cells: Vec<f64> = (-40..=40).map(near).collect();
            cells.extend([0.0, -0.0, f64::MIN_POSITIVE, 5e-324, 1e-300, 1e300, -1e300, 3.0]);
            cells.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, 1e-16]);
            cells.extend((1..60).map(|n| other + f64::from(n) * 1e-17));
            for how in ALL {
                let slow: Vec<bool> =
                    cells.iter().map(|cell| how.of_floats(*cell, other)).collect();
                assert_eq!(floats(how, &cells, other), slow, "{how:?} {other}");
            }
        }
    }

    const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::Unequal,
        Comparison::Less,
        Comparison::AtMost,
        Comparison::Greater,
        Comparison::AtLeast,
    ];
}
