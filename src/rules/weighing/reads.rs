//! What a condition reads: facts, constants, variables, and the time that is counted from them.

use rhai::Expr;

use super::walk::{Before, Weigher, bound};
use super::{Read, ReadKind};
use crate::domain::Value;
use crate::rules::dates;
use crate::rules::row::{FIRST_SLOT, from_dynamic};

impl Weigher<'_> {
    /// Everything that an expression reads, in its order, each name once.
    pub(super) fn reads(&self, expression: &Expr, before: &Before) -> Vec<Read> {
        let mut reads = Vec::new();
        self.collect(expression, before, &mut reads);
        reads
    }

    fn collect(&self, expression: &Expr, before: &Before, reads: &mut Vec<Read>) {
        match expression {
            Expr::FnCall(call, _) => {
                let known = dates::NAMES.iter().position(|name| *name == call.name);
                if let (Some(number), [argument]) = (known, call.args.as_slice()) {
                    let of = self.plain(argument, before).unwrap_or(Value::Null);
                    let kind = ReadKind::Time(dates::FUNCTIONS[number], of);
                    self.note(expression, kind, before, reads);
                    if !matches!(argument, Expr::Variable(..) | Expr::Dot(..)) {
                        self.collect(argument, before, reads);
                    }
                    return;
                }
                call.args.iter().for_each(|argument| self.collect(argument, before, reads));
            }
            Expr::MethodCall(call, _) => {
                call.args.iter().for_each(|argument| self.collect(argument, before, reads));
            }
            Expr::Variable(variable, _, at) => match variable.0 {
                Some(place) if place.get() >= FIRST_SLOT => {
                    self.note(expression, ReadKind::Field, before, reads);
                }
                _ => match bound(before, &variable.1) {
                    Some((value, earlier)) => {
                        self.note(expression, ReadKind::Variable, before, reads);
                        self.collect(value, &earlier, reads);
                    }
                    None if self.names.constants.contains_key(variable.1.as_str()) => {
                        self.note(expression, ReadKind::Constant, before, reads);
                    }
                    None if !at.is_none() => {
                        self.note(expression, ReadKind::Variable, before, reads);
                    }
                    None => {}
                },
            },
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                // Inside a function of the rule, a field is still a chain that begins with a row.
                if self.is_row(&pair.lhs, before) {
                    return self.note(expression, ReadKind::Field, before, reads);
                }
                self.collect(&pair.lhs, before, reads);
                self.collect(&pair.rhs, before, reads);
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|part| self.collect(part, before, reads));
            }
            Expr::Array(parts, _) | Expr::InterpolatedString(parts, _) => {
                parts.iter().for_each(|part| self.collect(part, before, reads));
            }
            // A constant stands in place of its name; the script still says the name.
            constant => {
                let at = Some(constant.position()).filter(|at| !at.is_none());
                let name = at.and_then(|at| self.source.said(self.source.word(at).0));
                if name.is_some_and(|name| self.names.constants.contains_key(name)) {
                    self.note(constant, ReadKind::Constant, before, reads);
                }
            }
        }
    }

    /// Whether a name stands for a whole row.
    pub(super) fn is_row(&self, expression: &Expr, before: &Before) -> bool {
        matches!(expression, Expr::Variable(..))
            && self.value(before, expression).is_ok_and(|v| v.is::<crate::rules::row::RowKind>())
    }

    fn note(&self, expression: &Expr, kind: ReadKind, before: &Before, reads: &mut Vec<Read>) {
        // A field's variable bears the field's name; what is done with it stands behind it.
        let name = match expression {
            Expr::Variable(variable, ..) => variable.1.to_string(),
            _ => self.words_of(expression),
        };
        let Some(value) = self.plain(expression, before) else { return };
        if !name.is_empty() && !reads.iter().any(|read| read.name == name) {
            reads.push(Read { name, value, kind });
        }
    }

    /// A plain value; none where it raises, or is a list or a map.
    pub(super) fn plain(&self, expression: &Expr, before: &Before) -> Option<Value> {
        self.value(before, expression).ok().and_then(|value| from_dynamic(&value))
    }
}
