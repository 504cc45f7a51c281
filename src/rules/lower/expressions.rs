//! Expressions: literals, fields, variables and operators.

use rhai::{ASTFlags, ASTNode, Expr as Script, Position, StmtBlock};

use super::{Binding, Lowering, Task, constant, stopped};
use crate::domain::{Field, Value};
use crate::predicate::Expr;
use crate::rules::row::RowKind;
use crate::rules::script::may_return;

impl Lowering<'_> {
    pub(super) fn expression(&mut self, script: &Script) -> Expr {
        let lowered = self.lowered(script);
        if std::mem::take(&mut self.met_hole) {
            self.forget(script);
        }
        lowered
    }

    /// What a variable holds after an unknown function had it in hand is not known either.
    fn forget(&mut self, script: &Script) {
        script.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(Script::Variable(variable, _, at))) = path.last()
                && let Some(at_name) = self.names.iter().rposition(|(n, _)| *n == *variable.1)
                && let Binding::Value(value) = &mut self.names[at_name].1
            {
                *value = Expr::Opaque(stopped(format!("`{}`", variable.1), *at));
            }
            true
        });
    }

    fn lowered(&mut self, script: &Script) -> Expr {
        let at = script.position();
        if self.room == 0 {
            return Expr::Opaque(stopped("something that grows too large", at));
        }
        self.room -= 1;
        match script {
            Script::BoolConstant(value, _) => Expr::Constant(Value::Bool(*value)),
            Script::IntegerConstant(value, _) => Expr::Constant(Value::Int(*value)),
            Script::FloatConstant(value, _) => Expr::Constant(Value::Float(**value)),
            Script::StringConstant(value, _) => Expr::Constant(Value::Text(value.to_string())),
            Script::Unit(_) => Expr::Constant(Value::Null),
            Script::DynamicConstant(value, _) => match constant(value) {
                Some(value) => value,
                None => self.hole("a list or a map", at),
            },
            Script::Variable(variable, ..) => self.variable(&variable.1, at),
            Script::Dot(pair, flags, _) => self.chain(&pair.lhs, &pair.rhs, *flags, at),
            Script::FnCall(call, at) => self.call(call, *at),
            Script::And(parts, _) => Expr::And(self.parts(parts.iter())),
            Script::Or(parts, _) => Expr::Or(self.parts(parts.iter())),
            Script::Coalesce(parts, _) => {
                let mut parts = self.parts(parts.iter()).into_iter().rev();
                let last = parts.next().unwrap_or(Expr::Constant(Value::Null));
                parts.fold(last, |rest, part| Expr::Coalesce(Box::new(part), Box::new(rest)))
            }
            Script::Stmt(block) => self.block(block, at),
            Script::InterpolatedString(..) => self.hole("a text with values in it", at),
            Script::CharConstant(..) => self.hole("a single character", at),
            Script::Array(..) => self.hole("a list", at),
            Script::Map(..) => self.hole("a map", at),
            Script::Index(..) => self.hole("a `[…]`", at),
            _ => self.hole("an expression of this kind", at),
        }
    }

    fn parts<'s>(&mut self, parts: impl IntoIterator<Item = &'s Script>) -> Vec<Expr> {
        parts.into_iter().map(|part| self.expression(part)).collect()
    }

    fn variable(&mut self, name: &str, at: Position) -> Expr {
        let known = self.names.iter().rev().find(|(known, _)| known == name);
        match (known, self.constants.get(name)) {
            (Some((_, Binding::Value(value))), _) => value.clone(),
            (None, Some(value)) => match constant(value) {
                Some(value) => value,
                None => self.hole(format!("`{name}`, a list or a map"), at),
            },
            _ => self.hole(format!("`{name}`"), at),
        }
    }

    /// A block that stands where a value is wanted.
    fn block(&mut self, block: &StmtBlock, at: Position) -> Expr {
        if may_return(block.statements()) {
            return self.hole("a `return` inside an expression", at);
        }
        let mut tasks = vec![Task::Leave(self.names.len())];
        tasks.extend(block.statements().iter().rev().map(Task::Do));
        self.run(tasks)
    }

    /// `left.rest`: a field of a row, or a method of a value.
    fn chain(&mut self, left: &Script, rest: &Script, flags: ASTFlags, at: Position) -> Expr {
        if flags.contains(ASTFlags::NEGATED) {
            return self.hole("a `?.`", at);
        }
        if let Script::Variable(variable, ..) = left
            && let Some(row) = self.row(&variable.1)
        {
            return self.field(row, rest, at);
        }
        let value = self.expression(left);
        self.method(value, rest, at)
    }

    /// The row that a name stands for.
    pub(super) fn row(&self, name: &str) -> Option<RowKind> {
        match self.names.iter().rev().find(|(known, _)| known == name) {
            Some((_, Binding::Row(row))) => Some(*row),
            _ => None,
        }
    }

    /// `customer.` `plan`, `customer.` `tickets.open`, `order.` `note.len()`.
    fn field(&mut self, row: RowKind, rest: &Script, at: Position) -> Expr {
        self.read_inside |= self.depth > 0;
        let (first, rest) = split(rest);
        let Some(first) = property(first) else { return self.hole("a method of a row", at) };
        let field = match row {
            RowKind::Subject => Field::Subject(first),
            RowKind::Episode => return self.hole("`episode`", at),
            RowKind::Customer => {
                let (second, further) = rest.map_or((None, None), |rest| {
                    let (second, further) = split(rest);
                    (property(second), further)
                });
                if let Some(second) = second {
                    let field = Expr::Field(Field::Signal(first.as_str().into(), second));
                    return self.further(field, further, at);
                }
                Field::Customer(first)
            }
        };
        self.further(Expr::Field(field), rest, at)
    }

    fn further(&mut self, value: Expr, rest: Option<&Script>, at: Position) -> Expr {
        match rest {
            None => value,
            Some(rest) => self.method(value, rest, at),
        }
    }

    /// `value.` `len()`.
    fn method(&mut self, value: Expr, rest: &Script, at: Position) -> Expr {
        match rest {
            Script::MethodCall(call, at) if !call.is_qualified() => {
                let arguments: Vec<Expr> =
                    call.args.iter().map(|argument| self.expression(argument)).collect();
                let own = (call.name.to_string(), call.args.len());
                if self.functions.contains_key(&own) {
                    return self.hole(format!("a call of `{}` as a method", call.name), *at);
                }
                let arguments = std::iter::once(value).chain(arguments).collect();
                self.native(&call.name, arguments, *at)
            }
            Script::Property(property, at) => self.hole(format!("`.{}`", property.2), *at),
            _ => self.hole("a chain of methods", at),
        }
    }
}

/// The first link of a chain, and what follows it. A chain that ends with an index or goes on in a
/// special way has a first link that is no property.
fn split(rest: &Script) -> (&Script, Option<&Script>) {
    match rest {
        Script::Dot(pair, flags, _) if flags.is_empty() => (&pair.lhs, Some(&pair.rhs)),
        rest => (rest, None),
    }
}

fn property(link: &Script) -> Option<String> {
    match link {
        Script::Property(property, _) => Some(property.2.to_string()),
        _ => None,
    }
}
