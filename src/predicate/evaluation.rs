//! A program over one batch. Each step is taken once, and only if somebody needs it.
//! Where nothing can be said of a row, that is said, and never an answer.

use std::borrow::Cow;
use std::rc::Rc;

use super::program::{Literal, Node, Program, Step};
use super::vector::{Data, Marked, Truth, Values, Vector, add, any, either, has, marked};
use super::{Comparison, Moment, TimeFunction, calculate, compare, vector};
use crate::domain::{Batch, Texts};

/// What became of one condition on the rows of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The rows on which it is true, in order.
    pub yes: Vec<usize>,
    /// The rows of which nothing can be said, in order.
    pub unsure: Vec<usize>,
}

impl Program {
    /// Judges every condition on every row, as Rhai would. A text longer than `longest` bytes is
    /// left alone: it is beyond what Rhai is allowed to hold.
    pub fn judge(&self, batch: &Batch, moment: &Moment, longest: usize) -> Vec<Verdict> {
        let steps = vec![None; self.steps.len()];
        let rows = batch.len();
        let mut pass = Pass { program: self, batch, moment, longest, rows, steps };
        self.conditions.iter().map(|step| pass.verdict(*step)).collect()
    }
}

/// One batch under evaluation.
struct Pass<'b> {
    program: &'b Program,
    batch: &'b Batch,
    moment: &'b Moment,
    longest: usize,
    rows: usize,
    /// What each step gave, once it was taken.
    steps: Vec<Option<Rc<Vector<'b>>>>,
}

impl<'b> Pass<'b> {
    fn verdict(&mut self, step: Step) -> Verdict {
        let vector = self.take(step);
        let truth = vector.truth(self.rows);
        let mut yes = marked(&truth.yes);
        let unsure = marked(&truth.unsure);
        if !unsure.is_empty() {
            yes.retain(|row| !truth.unsure[*row]);
        }
        Verdict { yes, unsure }
    }

    fn take(&mut self, step: Step) -> Rc<Vector<'b>> {
        if let Some(taken) = &self.steps[step] {
            return taken.clone();
        }
        let program = self.program;
        let vector = Rc::new(self.vector(&program.steps[step]));
        self.steps[step] = Some(vector.clone());
        vector
    }

    fn vector(&mut self, node: &'b Node) -> Vector<'b> {
        match node {
            Node::Opaque => Vector::Unsure,
            Node::Constant(literal) => Vector::Constant(literal.clone()),
            Node::Field(field) => match self.batch.layout.position(field) {
                Some(column) => Vector::column(&self.batch.columns[column], self.longest),
                None => Vector::Unsure,
            },
            Node::Compare(how, a, b) => self.compare(*how, *a, *b),
            Node::And(parts) => self.chain(parts, true),
            Node::Or(parts) => self.chain(parts, false),
            Node::Not(a) => {
                let a = self.take(*a);
                let Truth { yes, unsure } = a.truth(self.rows);
                let yes = yes.iter().map(|yes| !yes).collect();
                truth(yes, unsure.into_owned())
            }
            Node::Coalesce(a, b) => self.coalesce(*a, *b),
            Node::OneOf(a, literals) => self.one_of(*a, literals),
            Node::Within(a, from, to) => self.within(*a, *from, *to),
            Node::If(a, b, c) => self.choose(*a, *b, *c),
            Node::After(a, b) => self.after(*a, *b),
            Node::Calculate(how, a, b) => {
                let (a, b) = (self.take(*a), self.take(*b));
                match (a.values(self.rows), b.values(self.rows)) {
                    (Some(a), Some(b)) => calculate::calculate(*how, &a, &b, self.rows),
                    _ => Vector::Unsure,
                }
            }
            Node::Negate(a) => self.of_values(*a, calculate::negate),
            Node::Length(a) => self.of_values(*a, calculate::length),
            Node::Text(test, a, other) => {
                self.of_values(*a, |a, rows| calculate::text(*test, a, other, rows))
            }
            Node::Time(function, a) => {
                let moment = self.moment;
                self.of_values(*a, |a, rows| calculate::time(*function, a, moment, rows))
            }
        }
    }

    fn of_values(
        &mut self,
        step: Step,
        work: impl FnOnce(&Values<'_>, usize) -> Vector<'b>,
    ) -> Vector<'b> {
        let taken = self.take(step);
        taken.values(self.rows).map_or(Vector::Unsure, |values| work(&values, self.rows))
    }

    fn compare(&mut self, how: Comparison, a: Step, b: Step) -> Vector<'b> {
        if let Some(vector) = self.compare_days(how, a, b) {
            return vector;
        }
        let (a, b) = (self.take(a), self.take(b));
        let rows = self.rows;
        let (how, values, literal) = match (&*a, &*b) {
            (Vector::Constant(a), Vector::Constant(b)) => {
                return Vector::Constant(Literal::Bool(how.of_literals(a, b)));
            }
            (Vector::Constant(literal), _) => (how.turned(), &b, literal),
            (_, Vector::Constant(literal)) => (how, &a, literal),
            _ => {
                return match (a.values(rows), b.values(rows)) {
                    (Some(a), Some(b)) => owned(compare::columns(how, &a, &b, rows)),
                    _ => Vector::Unsure,
                };
            }
        };
        match values.values(rows) {
            Some(values) => owned(compare::with_literal(how, &values, literal, rows)),
            None => Vector::Unsure,
        }
    }

    /// `days_since(day) >= 7` and its like are one comparison of the day itself.
    fn compare_days(&mut self, how: Comparison, a: Step, b: Step) -> Option<Vector<'b>> {
        let program = self.program;
        let (Node::Time(function, of), Node::Constant(Literal::Int(count))) =
            (&program.steps[a], &program.steps[b])
        else {
            return None;
        };
        let (today, count) = (self.moment.today, i32::try_from(*count).ok()?);
        let (how, day) = match function {
            TimeFunction::DaysSince => (how.turned(), today.checked_sub(count)?),
            TimeFunction::DaysUntil => (how, today.checked_add(count)?),
            _ => return None,
        };
        let of = self.take(*of);
        let values = of.values(self.rows)?;
        let Data::Day(days) = &values.data else { return None };
        Some(owned(compare::with_day(how, days, day, &values)))
    }

    /// `&&` (where `all`) or `||`, from left to right: a part counts only on the rows where those
    /// before it have not settled the matter.
    fn chain(&mut self, parts: &[Step], all: bool) -> Vector<'b> {
        let Some((first, rest)) = parts.split_first() else {
            return Vector::Constant(Literal::Bool(all));
        };
        let first = self.take(*first);
        let Truth { yes, unsure } = first.truth(self.rows);
        let (mut yes, mut unsure) = (yes.into_owned(), unsure.into_owned());
        for part in rest {
            let is_settled = if all { !any(&yes) } else { vector::all(&yes) };
            if is_settled {
                break;
            }
            let part = self.take(*part);
            let next = part.truth(self.rows);
            if !next.unsure.is_empty() {
                let open = yes.iter().map(|yes| *yes == all);
                let more: Vec<bool> = open.zip(&*next.unsure).map(|(o, u)| o & u).collect();
                add(&mut unsure, &more);
            }
            let both = yes.iter_mut().zip(&*next.yes);
            if all {
                both.for_each(|(yes, next)| *yes &= next);
            } else {
                both.for_each(|(yes, next)| *yes |= next);
            }
        }
        truth(yes, unsure)
    }

    fn coalesce(&mut self, a: Step, b: Step) -> Vector<'b> {
        let a = self.take(a);
        let Some(first) = a.values(self.rows) else { return Vector::Unsure };
        if !any(&first.absent) {
            return (*a).clone();
        }
        let b = self.take(b);
        match b.values(self.rows) {
            // Of an unsure row it isn't known either whether its value is absent.
            Some(second) => {
                with_unsure(select(&first.absent, &second, &first, self.rows), &first.unsure)
            }
            None => Vector::Unsure,
        }
    }

    fn one_of(&mut self, a: Step, literals: &[Literal]) -> Vector<'b> {
        let a = self.take(a);
        let Some(values) = a.values(self.rows) else { return Vector::Unsure };
        let mut yes = vec![false; self.rows];
        let mut unsure = values.unsure.to_vec();
        for literal in literals {
            let equal = compare::with_literal(Comparison::Equal, &values, literal, self.rows);
            yes.iter_mut().zip(&*equal.yes).for_each(|(yes, equal)| *yes |= equal);
            add(&mut unsure, &equal.unsure);
        }
        truth(yes, unsure)
    }

    fn within(&mut self, a: Step, from: i64, to: i64) -> Vector<'b> {
        self.of_values(a, |a, _| match &a.data {
            Data::Int(cells) => {
                let yes = cells.iter().map(|cell| (from..=to).contains(cell)).collect();
                truth(yes, either(&a.unsure, &a.absent).into_owned())
            }
            _ => Vector::Unsure,
        })
    }

    fn choose(&mut self, a: Step, b: Step, c: Step) -> Vector<'b> {
        let a = self.take(a);
        let Truth { yes, unsure } = a.truth(self.rows);
        let asked = |marks: &[bool], wanted: bool| {
            marks.iter().enumerate().any(|(row, mark)| *mark == wanted && !has(&unsure, row))
        };
        // A branch that no row takes may be of any type.
        let (b, c) = match (asked(&yes, true), asked(&yes, false)) {
            (true, true) => (self.take(b), self.take(c)),
            (true, false) => (self.take(b), self.take(b)),
            (false, true) => (self.take(c), self.take(c)),
            (false, false) => return Vector::Unsure,
        };
        let (b, c) = match (b.values(self.rows), c.values(self.rows)) {
            (Some(b), Some(c)) => (b, c),
            (Some(b), None) => (b, nothing(self.rows)),
            (None, Some(c)) => (nothing(self.rows), c),
            (None, None) => return Vector::Unsure,
        };
        with_unsure(select(&yes, &b, &c, self.rows), &unsure)
    }

    fn after(&mut self, a: Step, b: Step) -> Vector<'b> {
        let a = self.take(a);
        let raised = match &*a {
            Vector::Unsure => return Vector::Unsure,
            Vector::Constant(_) => Cow::Borrowed(&[][..]),
            Vector::Truth(truth) => Cow::Borrowed(&*truth.unsure),
            Vector::Values(values) => Cow::Borrowed(&*values.unsure),
        };
        let b = self.take(b);
        with_unsure((*b).clone(), &raised)
    }
}

fn truth<'b>(yes: Vec<bool>, unsure: Vec<bool>) -> Vector<'b> {
    Vector::Truth(Truth { yes: Cow::Owned(yes), unsure: Cow::Owned(unsure) })
}

fn owned<'b>(given: Truth<'_>) -> Vector<'b> {
    truth(given.yes.into_owned(), given.unsure.into_owned())
}

/// No row of it can be relied on.
fn nothing<'b>(rows: usize) -> Values<'b> {
    Values { data: Data::Nothing, absent: Cow::Borrowed(&[]), unsure: Cow::Owned(vec![true; rows]) }
}

fn with_unsure<'b>(vector: Vector<'b>, more: &[bool]) -> Vector<'b> {
    if !any(more) {
        return vector;
    }
    match vector {
        Vector::Unsure => Vector::Unsure,
        Vector::Truth(Truth { yes, unsure }) => {
            let mut unsure = unsure.into_owned();
            add(&mut unsure, more);
            Vector::Truth(Truth { yes, unsure: Cow::Owned(unsure) })
        }
        Vector::Values(Values { data, absent, unsure }) => {
            let mut unsure = unsure.into_owned();
            add(&mut unsure, more);
            Vector::Values(Values { data, absent, unsure: Cow::Owned(unsure) })
        }
        Vector::Constant(Literal::Bool(value)) => truth(vec![value; more.len()], more.to_vec()),
        // Never met where a row has a use of it.
        Vector::Constant(_) => Vector::Unsure,
    }
}

/// From `b` on the rows where `first`, else from `c`. Rows on which the two are of different types
/// take the one type, and the others are unsure.
fn select<'b>(first: &[bool], b: &Values<'_>, c: &Values<'_>, rows: usize) -> Vector<'b> {
    let pick = |x: &[bool], y: &[bool]| -> Vec<bool> {
        if x.is_empty() && y.is_empty() {
            return Vec::new();
        }
        (0..rows).map(|row| if first[row] { has(x, row) } else { has(y, row) }).collect()
    };
    let absent = pick(&b.absent, &c.absent);
    let mut unsure = pick(&b.unsure, &c.unsure);
    let data = match (&b.data, &c.data) {
        (Data::Bool(x), Data::Bool(y)) => Some(Data::Bool(chosen(first, x, y))),
        (Data::Int(x), Data::Int(y)) => Some(Data::Int(chosen(first, x, y))),
        (Data::Float(x), Data::Float(y)) => Some(Data::Float(chosen(first, x, y))),
        (Data::Text(x), Data::Text(y)) => {
            let mut texts = Texts::default();
            (0..rows).for_each(|row| texts.push(if first[row] { x.get(row) } else { y.get(row) }));
            Some(Data::Text(Marked::owned(texts)))
        }
        (Data::Nothing, other) => other.owned(),
        (other, Data::Nothing) => other.owned(),
        _ => {
            // One type a vector: the second's, and the rows of the first are Rhai's.
            let theirs: Vec<bool> =
                (0..rows).map(|row| first[row] && !has(&b.absent, row)).collect();
            add(&mut unsure, &theirs);
            c.data.owned()
        }
    };
    match data {
        Some(data) => {
            Vector::Values(Values { data, absent: Cow::Owned(absent), unsure: Cow::Owned(unsure) })
        }
        None => Vector::Unsure,
    }
}

fn chosen<'b, T: Copy>(first: &[bool], x: &[T], y: &[T]) -> Cow<'b, [T]> {
    let cells = first.iter().zip(x.iter().zip(y));
    Cow::Owned(cells.map(|(first, (x, y))| if *first { *x } else { *y }).collect())
}
