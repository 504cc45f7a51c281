//! How far a comparison is from turning: what is held against what, and the instant at which time
//! alone turns it. The instant is found by asking the same comparison at other instants, never by a
//! formula of its own; where it can't be certain, none is named.

use std::cmp::Ordering;

use chrono::TimeDelta;
use rhai::{Expr, FnCallExpr};

use super::walk::{Before, Weigher, bound};
use super::{Compared, Turn};
use crate::domain::{Instant, Value};
use crate::predicate::Comparison;
use crate::rules::dates;
use crate::rules::row::FIRST_SLOT;

/// How far ahead a turn is looked for.
const FARTHEST: TimeDelta = TimeDelta::days(36_525);

/// What a comparison compares, if a call is one.
pub(super) fn comparison(call: &FnCallExpr) -> Option<Comparison> {
    if !call.is_operator_call() || call.args.len() != 2 {
        return None;
    }
    Comparison::of_operator(&call.name)
}

impl Weigher<'_> {
    /// The two sides of a comparison; what the script fixes comes last.
    pub(super) fn compared(&self, expression: &Expr, before: &Before) -> Option<Compared> {
        let Expr::FnCall(call, _) = expression else { return None };
        let how = comparison(call)?;
        let [left, right] = call.args.as_slice() else { return None };
        let (is, with) = (self.plain(left, before)?, self.plain(right, before)?);
        match (self.is_fixed(left, before), self.is_fixed(right, before)) {
            (true, false) => Some(Compared { is: with, how: how.turned(), with: is }),
            _ => Some(Compared { is, how, with }),
        }
    }

    /// Whether the script alone says what an expression is.
    fn is_fixed(&self, expression: &Expr, before: &Before) -> bool {
        let mut fixed = true;
        self.look(expression, before, &mut |part, before| {
            fixed &= match part {
                Expr::Variable(variable, ..) => {
                    let is_slot = variable.0.is_some_and(|place| place.get() >= FIRST_SLOT);
                    !is_slot && bound(before, &variable.1).is_some()
                        || self.names.constants.contains_key(variable.1.as_str())
                }
                Expr::FnCall(call, _) => call.is_operator_call(),
                Expr::Dot(..) | Expr::Index(..) | Expr::Stmt(_) => false,
                _ => true,
            };
        });
        fixed
    }

    /// Whether it is known when time turns an expression.
    pub(super) fn is_followed(&self, expression: &Expr, before: &Before) -> bool {
        match self.sides(expression) {
            // Two that both run may cross more than once.
            Some((left, right)) => match (self.runs(left, before), self.runs(right, before)) {
                (Some(left), Some(right)) => !(left && right),
                _ => false,
            },
            None => self.runs(expression, before) == Some(false),
        }
    }

    fn sides<'x>(&self, expression: &'x Expr) -> Option<(&'x Expr, &'x Expr)> {
        let Expr::FnCall(call, _) = expression else { return None };
        comparison(call)?;
        let [left, right] = call.args.as_slice() else { return None };
        Some((left, right))
    }

    /// When time alone turns a comparison that is `holds` now.
    pub(super) fn turn(&self, expression: &Expr, before: &Before, holds: bool) -> Option<Turn> {
        let (left, right) = self.sides(expression)?;
        if self.runs(left, before)? == self.runs(right, before)? {
            // Neither side changes with time, or both do.
            return None;
        }
        let order = |at: Instant| -> Option<(Ordering, bool)> {
            let side = |side: &Expr| self.value_at(before, side, at).ok();
            let order = number(&side(left)?)?.partial_cmp(&number(&side(right)?)?)?;
            Some((order, self.value_at(before, expression, at).ok()?.as_bool().ok()?))
        };
        // The order of the two sides changes twice at most: less, equal, greater.
        let mut from = self.as_of;
        for _ in 0..3 {
            let (at, (_, turned)) = first_change(from, self.as_of + FARTHEST, order)?;
            if turned != holds {
                return Some(Turn { at, to: turned });
            }
            from = at;
        }
        None
    }

    /// Whether an expression grows or shrinks as time goes on, ever in one direction; none where it
    /// may do both, or nobody knows.
    fn runs(&self, expression: &Expr, before: &Before) -> Option<bool> {
        match expression {
            Expr::FnCall(call, _) if !call.is_operator_call() => {
                let own = (call.name.to_string(), call.args.len());
                let steady = call.args.iter().all(|part| self.runs(part, before) == Some(false));
                let known = steady && !self.functions.contains_key(&own);
                known.then(|| dates::NAMES.contains(&call.name.as_str()))
            }
            Expr::FnCall(call, _) => {
                let runs: Vec<bool> =
                    call.args.iter().map(|part| self.runs(part, before)).collect::<Option<_>>()?;
                let running = runs.iter().filter(|runs| **runs).count();
                let fits = match call.name.as_str() {
                    "+" | "-" | "*" => running <= 1,
                    "/" => running == 0 || (running == 1 && runs[0]),
                    _ => running == 0,
                };
                fits.then_some(running > 0)
            }
            Expr::Variable(variable, ..) => {
                if variable.0.is_some_and(|place| place.get() >= FIRST_SLOT) {
                    return Some(false);
                }
                match bound(before, &variable.1) {
                    Some((value, earlier)) => self.runs(value, &earlier),
                    None => self.names.constants.contains_key(variable.1.as_str()).then_some(false),
                }
            }
            Expr::Coalesce(parts, _) => {
                let runs: Vec<bool> =
                    parts.iter().map(|part| self.runs(part, before)).collect::<Option<_>>()?;
                let (first, rest) = runs.split_first()?;
                rest.iter().all(|runs| !runs).then_some(*first)
            }
            // A method of a value, or a fact inside a function of the rule.
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                let row = self.is_row(&pair.lhs, before);
                let steady = |part: &Expr| self.runs(part, before) == Some(false);
                (row || (steady(&pair.lhs) && steady(&pair.rhs))).then_some(false)
            }
            Expr::MethodCall(call, _) => {
                let counts = dates::NAMES.contains(&call.name.as_str());
                let mut parts = call.args.iter().map(|part| self.runs(part, before));
                (!counts && parts.all(|runs| runs == Some(false))).then_some(false)
            }
            Expr::Array(parts, _) => {
                let mut parts = parts.iter().map(|part| self.runs(part, before));
                parts.all(|runs| runs == Some(false)).then_some(false)
            }
            Expr::Property(..) => Some(false),
            Expr::IntegerConstant(..)
            | Expr::FloatConstant(..)
            | Expr::StringConstant(..)
            | Expr::BoolConstant(..)
            | Expr::DynamicConstant(..)
            | Expr::Unit(_) => Some(false),
            _ => None,
        }
    }

    /// Looks at every part of an expression, and at what its variables were set to: each with what was
    /// done before it.
    fn look(&self, expression: &Expr, before: &Before, see: &mut dyn FnMut(&Expr, &Before)) {
        see(expression, before);
        let inner = |part: &Expr| self.look(part, before, see);
        match expression {
            Expr::FnCall(call, _) | Expr::MethodCall(call, _) => call.args.iter().for_each(inner),
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().for_each(inner);
            }
            Expr::Array(parts, _) | Expr::InterpolatedString(parts, _) => {
                parts.iter().for_each(inner);
            }
            Expr::Variable(variable, ..) => {
                if let Some((value, earlier)) = bound(before, &variable.1) {
                    self.look(value, &earlier, see);
                }
            }
            _ => {}
        }
    }
}

/// The first instant after `from` at which `told` is another than at `from`, and what it is then, if
/// it changes in one direction only. To the microsecond, which is what instants are kept to.
fn first_change<T: PartialEq>(
    from: Instant,
    until: Instant,
    told: impl Fn(Instant) -> Option<T>,
) -> Option<(Instant, T)> {
    let now = told(from)?;
    let mut step = TimeDelta::hours(1);
    let (mut same, mut other) = (from, from + step);
    let mut then = told(other)?;
    while then == now {
        if other >= until {
            return None;
        }
        step = step * 2;
        (same, other) = (other, (other + step).min(until));
        then = told(other)?;
    }
    while let Some(apart) = (other - same).num_microseconds().filter(|apart| *apart > 1) {
        let middle = same + TimeDelta::microseconds(apart / 2);
        match told(middle)? {
            still if still == now => same = middle,
            turned => (other, then) = (middle, turned),
        }
    }
    Some((other, then))
}

fn number(value: &rhai::Dynamic) -> Option<f64> {
    match crate::rules::row::from_dynamic(value)? {
        Value::Int(value) => Some(value as f64),
        Value::Float(value) => Some(value),
        _ => None,
    }
}
