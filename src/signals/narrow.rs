//! A condition of a rule as a WHERE in the database's dialect. It may keep too many rows, and never
//! leaves one out on which the rule may be true, may raise, or only Rhai can say.

mod calculation;
mod compare;
mod number;
mod readable;
mod sql;
#[cfg(test)]
mod tests;
mod time;

use std::collections::{BTreeMap, BTreeSet};

use super::ColumnKind;
use super::lexer::Dialect;
use crate::domain::{Field, Value};
use crate::predicate::{Comparison, Expr, Moment};
use sql::Sql;

/// Conditions of which a row has to meet one to be worth reading.
#[derive(Clone, Debug)]
pub struct Conditions<'a> {
    /// The conditions.
    pub any_of: Vec<&'a Expr>,
    /// The instant of evaluation.
    pub moment: &'a Moment,
}

/// A field as a statement gives it.
pub(super) struct Given {
    /// The expression, without NULL where a default stands in its place.
    pub(super) sql: String,
    pub(super) kind: ColumnKind,
    /// In the database's own words.
    pub(super) type_name: String,
    /// What stands where the signal has no row.
    pub(super) default: Option<Value>,
}

/// The fields of a statement, and what is needed to narrow it.
pub(super) struct Narrowing<'a> {
    pub(super) dialect: Dialect,
    pub(super) fields: &'a BTreeMap<Field, Given>,
    pub(super) moment: &'a Moment,
}

/// A condition that grows longer than this costs more than it saves, in bytes.
const LONGEST: usize = 16 * 1024;
/// And all of them together.
const LONGEST_IN_ALL: usize = 512 * 1024;

impl Narrowing<'_> {
    /// The WHERE that keeps every row on which one of the conditions may be true or may raise, and
    /// every row with a cell that can't be read or is too long to be; none where that would be every row.
    pub(super) fn filter(&self, any_of: &[&Expr]) -> Option<String> {
        let mut rules = Vec::new();
        for condition in any_of {
            match self.keep(condition) {
                Sql::Always => return None,
                Sql::Never => {}
                rule if rule.length() > LONGEST => return None,
                rule => rules.push(rule),
            }
        }
        let matching = Sql::any_of_rules(rules);
        let asked: BTreeSet<&Field> =
            any_of.iter().flat_map(|condition| condition.fields()).collect();
        let kept = Sql::any([matching, readable::unreadable(self, &asked)]);
        (kept != Sql::Always && kept.length() <= LONGEST_IN_ALL).then(|| kept.render())
    }

    /// Rows on which a condition may be true or may raise, or only Rhai can say.
    fn keep(&self, e: &Expr) -> Sql {
        match e {
            Expr::And(parts) => self.keep_all(parts),
            Expr::Or(parts) => Sql::any(parts.iter().map(|part| self.keep(part))),
            Expr::If(c, a, b) => Sql::any([
                self.odd(c),
                Sql::all([self.yes(c), self.keep(a)]),
                Sql::all([self.no(c), self.keep(b)]),
            ]),
            Expr::After(a, b) => Sql::any([self.raises(a), self.keep(b)]),
            e => Sql::any([self.yes(e), self.odd(e)]),
        }
    }

    fn keep_all(&self, parts: &[Expr]) -> Sql {
        match parts {
            [] => Sql::Always,
            [last] => self.keep(last),
            [first, rest @ ..] => {
                Sql::any([self.odd(first), Sql::all([self.yes(first), self.keep_all(rest)])])
            }
        }
    }

    /// Rows on which it may be true.
    fn yes(&self, e: &Expr) -> Sql {
        self.side(e, true)
    }

    /// Rows on which it may be false.
    fn no(&self, e: &Expr) -> Sql {
        self.side(e, false)
    }

    /// Rows on which it may be what is wanted.
    fn side(&self, e: &Expr, wanted: bool) -> Sql {
        let sides = |parts: &[Expr]| -> Vec<Sql> {
            parts.iter().map(|part| self.side(part, wanted)).collect()
        };
        match e {
            Expr::Constant(Value::Bool(value)) if *value == wanted => Sql::Always,
            Expr::Constant(_) => Sql::Never,
            Expr::And(parts) if wanted => Sql::all(sides(parts)),
            Expr::Or(parts) if !wanted => Sql::all(sides(parts)),
            Expr::And(parts) | Expr::Or(parts) => Sql::any(sides(parts)),
            Expr::Not(a) => self.side(a, !wanted),
            Expr::If(c, a, b) => Sql::any([
                Sql::all([self.yes(c), self.side(a, wanted)]),
                Sql::all([self.no(c), self.side(b, wanted)]),
            ]),
            Expr::After(_, b) => self.side(b, wanted),
            Expr::Coalesce(a, b) => {
                Sql::any([self.side(a, wanted), Sql::all([self.absent(a), self.side(b, wanted)])])
            }
            Expr::Field(_) => self.is(e, wanted),
            Expr::Compare(comparison, a, b) => self.compare(*comparison, a, b, wanted),
            Expr::OneOf(a, values) => self.one_of(a, values, wanted),
            Expr::Within(a, from, to) => self.within(a, *from, *to, wanted),
            _ => Sql::Always,
        }
    }

    /// Rows on which it may raise, or be neither true nor false.
    fn odd(&self, e: &Expr) -> Sql {
        match e {
            Expr::Constant(Value::Bool(_)) => Sql::Never,
            Expr::Field(_) => self.no_bool(e, true),
            Expr::And(parts) => self.odd_in_turn(parts, true),
            Expr::Or(parts) => self.odd_in_turn(parts, false),
            Expr::Not(a) => self.odd(a),
            Expr::If(c, a, b) => Sql::any([
                self.odd(c),
                Sql::all([self.yes(c), self.odd(a)]),
                Sql::all([self.no(c), self.odd(b)]),
            ]),
            Expr::After(a, b) => Sql::any([self.raises(a), self.odd(b)]),
            Expr::Coalesce(a, b) => {
                let first = match &**a {
                    Expr::Field(_) => self.no_bool(a, false),
                    a => self.odd(a),
                };
                Sql::any([first, Sql::all([self.absent(a), self.odd(b)])])
            }
            Expr::Compare(..) | Expr::OneOf(..) | Expr::Within(..) | Expr::Text(..) => {
                self.raises(e)
            }
            _ => Sql::Always,
        }
    }

    /// The parts of an `&&` or `||`: a part is asked only where those before it came out as `going_on`.
    fn odd_in_turn(&self, parts: &[Expr], going_on: bool) -> Sql {
        let [first, rest @ ..] = parts else { return Sql::Never };
        let later = self.odd_in_turn(rest, going_on);
        let later = match later {
            Sql::Never => Sql::Never,
            later => Sql::all([self.side(first, going_on), later]),
        };
        Sql::any([self.odd(first), later])
    }

    /// Rows on which its value can't be had.
    fn raises(&self, e: &Expr) -> Sql {
        match e {
            Expr::Constant(_) => Sql::Never,
            Expr::Field(field) if self.fields.contains_key(field) => Sql::Never,
            Expr::And(_) | Expr::Or(_) | Expr::Not(_) => self.odd(e),
            Expr::If(c, a, b) => Sql::any([self.odd(c), self.raises(a), self.raises(b)]),
            Expr::Compare(_, a, b) | Expr::Coalesce(a, b) | Expr::After(a, b) => {
                Sql::any([self.raises(a), self.raises(b)])
            }
            Expr::OneOf(a, _) => self.raises(a),
            Expr::Within(a, ..) => self.no_whole_number(a),
            Expr::Text(_, a, _) | Expr::Length(a) => self.no_text(a),
            Expr::Time(_, a) => self.tells_no_time(a),
            Expr::Calculate(..) | Expr::Negate(_) => self.calculation_raises(e),
            Expr::Field(_) | Expr::Opaque(_) => Sql::Always,
        }
    }

    /// Rows on which it may be absent.
    fn absent(&self, e: &Expr) -> Sql {
        match e {
            Expr::Field(_) | Expr::Time(..) => match self.plain(e) {
                Some(given) => Sql::text(format!("{} IS NULL", given.sql)),
                None => Sql::Always,
            },
            Expr::Constant(Value::Null) => Sql::Always,
            Expr::Constant(_) => Sql::Never,
            _ => Sql::Always,
        }
    }

    /// The field that it is, or whose time it counts.
    fn plain(&self, e: &Expr) -> Option<&Given> {
        match e {
            Expr::Field(field) => self.fields.get(field),
            Expr::Time(_, a) => self.plain(a),
            _ => None,
        }
    }
}

/// The comparison with its sides changed over.
fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::Greater => Comparison::Less,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::AtLeast => Comparison::AtMost,
        same => same,
    }
}
