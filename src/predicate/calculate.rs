//! Calculations over whole columns, by Rhai's rules. A row on which Rhai raises is unsure.

use std::borrow::Cow;

use super::vector::{Data, Values, Vector, add, either};
use super::{Moment, Operation, TextTest, TimeFunction, Told};

/// `a + b` and its like.
pub(super) fn calculate<'b>(
    how: Operation,
    a: &Values<'_>,
    b: &Values<'_>,
    rows: usize,
) -> Vector<'b> {
    let mut unsure = either(&a.unsure, &b.unsure).into_owned();
    // An absent value in a calculation is for Rhai to speak of.
    add(&mut unsure, &a.absent);
    add(&mut unsure, &b.absent);
    let float = |x: &[f64], y: &[f64]| {
        Data::Float(x.iter().zip(y).map(|(x, y)| of_floats(how, *x, *y)).collect())
    };
    let widened = |cells: &[i64]| cells.iter().map(|cell| *cell as f64).collect::<Vec<_>>();
    let data = match (&a.data, &b.data) {
        (Data::Int(x), Data::Int(y)) => {
            let mut raised = Vec::new();
            let mut cells = Vec::with_capacity(rows);
            for (row, (x, y)) in x.iter().zip(y.iter()).enumerate() {
                cells.push(of_ints(how, *x, *y).unwrap_or_else(|| {
                    raised.resize(rows, false);
                    raised[row] = true;
                    0
                }));
            }
            add(&mut unsure, &raised);
            Data::Int(Cow::Owned(cells))
        }
        (Data::Int(x), Data::Float(y)) => float(&widened(x), y),
        (Data::Float(x), Data::Int(y)) => float(x, &widened(y)),
        (Data::Float(x), Data::Float(y)) => float(x, y),
        _ => return Vector::Unsure,
    };
    Vector::Values(Values { data, absent: Cow::Borrowed(&[]), unsure: Cow::Owned(unsure) })
}

/// `-a`.
pub(super) fn negate<'b>(a: &Values<'_>, rows: usize) -> Vector<'b> {
    let zero = Values {
        data: Data::Int(Cow::Owned(vec![0; rows])),
        absent: Cow::Borrowed(&[]),
        unsure: Cow::Borrowed(&[]),
    };
    match &a.data {
        Data::Int(_) => calculate(Operation::Subtract, &zero, a, rows),
        // Zero minus zero has no sign; its opposite has.
        Data::Float(cells) => {
            let data = Data::Float(cells.iter().map(|cell| -cell).collect());
            let unsure = either(&a.unsure, &a.absent).into_owned();
            Vector::Values(Values { data, absent: Cow::Borrowed(&[]), unsure: Cow::Owned(unsure) })
        }
        _ => Vector::Unsure,
    }
}

/// What a time function counts. An absent value gives an absent one.
pub(super) fn time<'b>(
    function: TimeFunction,
    a: &Values<'_>,
    moment: &Moment,
    rows: usize,
) -> Vector<'b> {
    let mut unsure = a.unsure.to_vec();
    let mut untold = |row: usize| {
        unsure.resize(rows, false);
        unsure[row] = true;
        0
    };
    let is_absent = |row: usize| super::vector::has(&a.absent, row);
    let cells: Vec<i64> = match (&a.data, function) {
        (Data::Nothing, _) => vec![0; rows],
        (Data::Day(days), TimeFunction::DaysSince) => {
            days.iter().map(|day| i64::from(moment.today) - i64::from(*day)).collect()
        }
        (Data::Day(days), TimeFunction::DaysUntil) => {
            days.iter().map(|day| i64::from(*day) - i64::from(moment.today)).collect()
        }
        (Data::Day(days), _) => {
            let count = |(row, day): (usize, &i32)| match is_absent(row) {
                true => 0,
                false => moment.count(function, Told::Day(*day)),
            };
            days.iter().enumerate().map(count).collect()
        }
        (Data::At(micros), _) => {
            let count = |(row, micros): (usize, &i64)| match Told::micros(*micros) {
                _ if is_absent(row) => 0,
                Some(told) => moment.count(function, told),
                None => untold(row),
            };
            micros.iter().enumerate().map(count).collect()
        }
        (Data::Text(texts), _) => {
            let count = |row: usize| match Told::read(texts.get(row)) {
                _ if is_absent(row) => 0,
                Some(told) => moment.count(function, told),
                None => untold(row),
            };
            (0..rows).map(count).collect()
        }
        _ => return Vector::Unsure,
    };
    Vector::Values(Values {
        data: Data::Int(Cow::Owned(cells)),
        absent: Cow::Owned(a.absent.to_vec()),
        unsure: Cow::Owned(unsure),
    })
}

/// A question about a text.
pub(super) fn text<'b>(test: TextTest, a: &Values<'_>, other: &str, rows: usize) -> Vector<'b> {
    let Data::Text(texts) = &a.data else { return Vector::Unsure };
    let holds = |row: usize| {
        let text = texts.get(row);
        match test {
            TextTest::Contains => text.contains(other),
            TextTest::StartsWith => text.starts_with(other),
            TextTest::EndsWith => text.ends_with(other),
        }
    };
    let yes = (0..rows).map(holds).collect();
    let unsure = either(&a.unsure, &a.absent).into_owned();
    Vector::Truth(super::vector::Truth { yes: Cow::Owned(yes), unsure: Cow::Owned(unsure) })
}

/// How many characters a text has.
pub(super) fn length<'b>(a: &Values<'_>, rows: usize) -> Vector<'b> {
    let Data::Text(texts) = &a.data else { return Vector::Unsure };
    let cells = (0..rows).map(|row| texts.get(row).chars().count() as i64).collect();
    let unsure = either(&a.unsure, &a.absent).into_owned();
    Vector::Values(Values {
        data: Data::Int(Cow::Owned(cells)),
        absent: Cow::Borrowed(&[]),
        unsure: Cow::Owned(unsure),
    })
}

fn of_ints(how: Operation, x: i64, y: i64) -> Option<i64> {
    match how {
        Operation::Add => x.checked_add(y),
        Operation::Subtract => x.checked_sub(y),
        Operation::Multiply => x.checked_mul(y),
        Operation::Divide => x.checked_div(y),
        Operation::Remainder => x.checked_rem(y),
    }
}

fn of_floats(how: Operation, x: f64, y: f64) -> f64 {
    match how {
        Operation::Add => x + y,
        Operation::Subtract => x - y,
        Operation::Multiply => x * y,
        Operation::Divide => x / y,
        Operation::Remainder => x % y,
    }
}
