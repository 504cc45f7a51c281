//! Calls: operators, the script's own functions put in their place, and the functions that have a
//! typed form.

use rhai::{Dynamic, Expr as Script, FnCallExpr, Position, Token};

use super::{Binding, Lowering, operation};
use crate::domain::Value;
use crate::predicate::{Comparison, Expr, TextTest};
use crate::rules::row::RowKind;
use crate::rules::{dates, sandbox};

impl Lowering<'_> {
    /// A call, of an operator, of the script's own function, or of one of the language's.
    pub(super) fn call(&mut self, call: &FnCallExpr, at: Position) -> Expr {
        let name = call.name.as_str();
        if call.capture_parent_scope || call.is_qualified() {
            return self.hole(format!("a call of `{name}`"), at);
        }
        match (name, call.args.as_slice()) {
            ("contains", [list, value]) => self.contains(list, value, at),
            (_, [a, b]) if call.is_operator_call() => {
                let (a, b) = (self.expression(a), self.expression(b));
                self.binary(name, a, b, at)
            }
            (_, [a]) if call.is_operator_call() => {
                let a = Box::new(self.expression(a));
                match call.op_token {
                    Some(Token::Bang) => Expr::Not(a),
                    Some(Token::UnaryMinus | Token::Minus) => Expr::Negate(a),
                    _ => self.hole(format!("`{name}`"), at),
                }
            }
            (_, arguments) => {
                let key = (name.to_owned(), arguments.len());
                if self.functions.contains_key(&key) {
                    return self.own(name, arguments, at);
                }
                let arguments = arguments.iter().map(|a| self.expression(a)).collect();
                self.native(name, arguments, at)
            }
        }
    }

    fn binary(&mut self, operator: &str, a: Expr, b: Expr, at: Position) -> Expr {
        let (left, right) = (Box::new(a), Box::new(b));
        match (Comparison::of_operator(operator), operation(operator)) {
            (Some(how), _) => Expr::Compare(how, left, right),
            (None, Some(how)) => Expr::Calculate(how, left, right),
            (None, None) => self.hole(format!("`{operator}`"), at),
        }
    }

    /// `value in list`, which Rhai makes a call of `contains`.
    fn contains(&mut self, list: &Script, value: &Script, at: Position) -> Expr {
        if let Some(values) = self.values(list) {
            return Expr::OneOf(Box::new(self.expression(value)), values);
        }
        if let Some((from, to)) = self.range(list) {
            return Expr::Within(Box::new(self.expression(value)), from, to);
        }
        let (list, value) = (self.expression(list), self.expression(value));
        self.native("contains", vec![list, value], at)
    }

    /// A list of values that stand in the script.
    fn values(&mut self, list: &Script) -> Option<Vec<Value>> {
        let of_array = |value: &Dynamic| -> Option<Vec<Value>> {
            let items = value.as_array_ref().ok()?;
            items.iter().map(crate::rules::row::from_dynamic).collect()
        };
        match list {
            Script::Array(items, _) => {
                let value = |item: &Script| match self.expression(item) {
                    Expr::Constant(value) => Some(value),
                    _ => None,
                };
                items.iter().map(value).collect()
            }
            Script::DynamicConstant(value, _) => of_array(value),
            Script::Variable(variable, ..) => {
                let is_local = self.names.iter().any(|(known, _)| known == variable.1.as_str());
                let value = self.constants.get(variable.1.as_str()).filter(|_| !is_local);
                value.and_then(of_array)
            }
            _ => None,
        }
    }

    /// `1..10` or `1..=10`, as the first and the last of its numbers.
    fn range(&mut self, range: &Script) -> Option<(i64, i64)> {
        let Script::FnCall(call, _) = range else { return None };
        let [from, to] = call.args.as_slice() else { return None };
        let whole = |expr: Expr| match expr {
            Expr::Constant(Value::Int(value)) => Some(value),
            _ => None,
        };
        let (from, to) = (whole(self.expression(from))?, whole(self.expression(to))?);
        match call.op_token {
            Some(Token::InclusiveRange) => Some((from, to)),
            // No number lies in an empty range; neither in this one.
            Some(Token::ExclusiveRange) => Some(match to.checked_sub(1) {
                Some(last) => (from, last),
                None => (1, 0),
            }),
            _ => None,
        }
    }

    /// The script's own function: its body, with what it was given.
    fn own(&mut self, name: &str, arguments: &[Script], at: Position) -> Expr {
        let functions = self.functions;
        let Some(function) = functions.get(&(name.to_owned(), arguments.len())) else {
            return self.hole(format!("a call of `{name}`"), at);
        };
        if self.depth == sandbox::CALL_LEVELS {
            return self.hole(format!("`{name}`, which is called too deeply"), at);
        }
        let given: Vec<Binding> =
            arguments.iter().map(|argument| self.argument(argument)).collect();
        let done: Vec<Expr> = (given.iter())
            .filter_map(|given| match given {
                Binding::Value(value) => Some(value.clone()),
                Binding::Row(_) => None,
            })
            .collect();
        let inside = function.parameters.iter().cloned().zip(given).collect();
        let outside = std::mem::replace(&mut self.names, inside);
        self.depth += 1;
        let value = self.function(&function.body);
        self.depth -= 1;
        self.names = outside;
        self.after(done, value)
    }

    fn argument(&mut self, argument: &Script) -> Binding {
        if let Script::Variable(variable, ..) = argument
            && let Some(row) = self.row(&variable.1)
        {
            return Binding::Row(row);
        }
        if let Script::DynamicConstant(value, _) = argument
            && let Some(row) = value.read_lock::<RowKind>()
        {
            return Binding::Row(*row);
        }
        Binding::Value(self.expression(argument))
    }

    /// A function of the language or of the pack.
    pub(super) fn native(&mut self, name: &str, arguments: Vec<Expr>, at: Position) -> Expr {
        if let Some(number) = dates::NAMES.iter().position(|known| *known == name)
            && let [value] = arguments.as_slice()
        {
            return Expr::Time(dates::FUNCTIONS[number], Box::new(value.clone()));
        }
        let test = match name {
            "contains" => Some(TextTest::Contains),
            "starts_with" => Some(TextTest::StartsWith),
            "ends_with" => Some(TextTest::EndsWith),
            _ => None,
        };
        match (test, arguments.as_slice()) {
            (Some(test), [text, Expr::Constant(Value::Text(other))]) => {
                Expr::Text(test, Box::new(text.clone()), other.clone())
            }
            (None, [text]) if name == "len" => Expr::Length(Box::new(text.clone())),
            _ => self.hole(format!("a call of `{name}`"), at),
        }
    }
}
