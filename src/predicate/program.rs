//! Several conditions as one program, in which whatever they share is there once.
//! It knows no rule and no row.

use std::collections::HashMap;

use super::{Comparison, Expr, Operation, TextTest, TimeFunction};
use crate::domain::{Field, Value};

/// The place of a step in its program. What a step is made of stands before it.
pub(super) type Step = usize;

/// Conditions that are judged together.
#[derive(Debug, Default)]
pub struct Program {
    pub(super) steps: Vec<Node>,
    /// The last step of each condition.
    pub(super) conditions: Vec<Step>,
}

/// One step: an [`Expr`] whose parts are other steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    Constant(Literal),
    Field(Field),
    Compare(Comparison, Step, Step),
    And(Vec<Step>),
    Or(Vec<Step>),
    Not(Step),
    Calculate(Operation, Step, Step),
    Negate(Step),
    Coalesce(Step, Step),
    OneOf(Step, Vec<Literal>),
    Within(Step, i64, i64),
    If(Step, Step, Step),
    After(Step, Step),
    Time(TimeFunction, Step),
    Text(TextTest, Step, String),
    Length(Step),
    Opaque,
}

/// A value that can be looked up: numbers with a fraction by their bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Float(u64),
    Text(String),
}

impl Program {
    /// The program that judges these conditions, in their order.
    pub fn new<'e>(conditions: impl IntoIterator<Item = &'e Expr>) -> Self {
        let mut program = Self::default();
        let mut known = HashMap::new();
        for condition in conditions {
            let step = program.add(condition, &mut known);
            program.conditions.push(step);
        }
        program
    }

    fn add(&mut self, expr: &Expr, known: &mut HashMap<Node, Step>) -> Step {
        let mut add = |part: &Expr| self.add(part, known);
        let node = match expr {
            Expr::Constant(value) => Node::Constant(value.into()),
            Expr::Field(field) => Node::Field(field.clone()),
            Expr::Compare(how, a, b) => Node::Compare(*how, add(a), add(b)),
            Expr::And(parts) => Node::And(parts.iter().map(add).collect()),
            Expr::Or(parts) => Node::Or(parts.iter().map(add).collect()),
            Expr::Not(a) => Node::Not(add(a)),
            Expr::Calculate(how, a, b) => Node::Calculate(*how, add(a), add(b)),
            Expr::Negate(a) => Node::Negate(add(a)),
            Expr::Coalesce(a, b) => Node::Coalesce(add(a), add(b)),
            Expr::OneOf(a, values) => {
                Node::OneOf(add(a), values.iter().map(Literal::from).collect())
            }
            Expr::Within(a, from, to) => Node::Within(add(a), *from, *to),
            Expr::If(a, b, c) => Node::If(add(a), add(b), add(c)),
            Expr::After(a, b) => Node::After(add(a), add(b)),
            Expr::Time(function, a) => Node::Time(*function, add(a)),
            Expr::Text(test, a, other) => Node::Text(*test, add(a), other.clone()),
            Expr::Length(a) => Node::Length(add(a)),
            Expr::Opaque(_) => Node::Opaque,
        };
        *known.entry(node).or_insert_with_key(|node| {
            self.steps.push(node.clone());
            self.steps.len() - 1
        })
    }
}

impl From<&Value> for Literal {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Float(value) => Self::Float(value.to_bits()),
            Value::Text(value) => Self::Text(value.clone()),
        }
    }
}
