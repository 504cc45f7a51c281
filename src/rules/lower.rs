//! From a rule's script to the typed form of its condition: the walk over its statements.
//! What has no typed form becomes a hole that only Rhai can fill; nothing is ever approximated here.

mod calls;
mod expressions;

use std::collections::BTreeMap;

use rhai::{Dynamic, Position, Stmt, StmtBlock};

use super::row::{RowKind, from_dynamic};
use super::script::{Function, Functions, may_return};
use crate::domain::Value;
use crate::predicate::{Expr, Operation, Stopped};

/// How large a typed form may grow: beyond it, variables have been copied too often.
const LARGEST: usize = 2_000;

/// The typed form of `when`.
pub(super) fn lower(
    when: &Function,
    rows: &[RowKind],
    functions: &Functions,
    constants: &BTreeMap<String, Dynamic>,
) -> Expr {
    let names = when.parameters.iter().cloned().zip(rows.iter().map(|row| Binding::Row(*row)));
    let mut lowering = Lowering {
        functions,
        constants,
        names: names.collect(),
        depth: 0,
        room: LARGEST,
        met_hole: false,
        read_inside: false,
    };
    let lowered = lowering.function(&when.body);
    if lowering.room == 0 || lowered.size() > LARGEST {
        return Expr::Opaque(stopped("something that grows too large", when.at));
    }
    lowered
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
enum Binding {
    Value(Expr),
    Row(RowKind),
}

/// The walk over one function's body, with what its names stand for.
struct Lowering<'a> {
    functions: &'a Functions,
    constants: &'a BTreeMap<String, Dynamic>,
    names: Vec<(String, Binding)>,
    /// How many functions deep it is.
    depth: usize,
    /// How many more expressions of the script may be looked at; one in a branch or a function
    /// counts whenever it is.
    room: usize,
    /// Whether a hole was met in the expression at hand.
    met_hole: bool,
    /// Whether a function that `when` calls has read a field.
    read_inside: bool,
}

/// What is still to be done in a function.
#[derive(Clone, Copy)]
enum Task<'s> {
    Do(&'s Stmt),
    /// Forget the names that a block made, but for so many.
    Leave(usize),
}

const ABSENT: Expr = Expr::Constant(Value::Null);

impl Lowering<'_> {
    /// What a function's body gives.
    fn function(&mut self, body: &[Stmt]) -> Expr {
        let tasks = body.iter().rev().map(Task::Do).collect();
        self.run(tasks)
    }

    /// What the tasks, the last of which comes first, give in the end.
    fn run(&mut self, mut tasks: Vec<Task<'_>>) -> Expr {
        let mut done = Vec::new();
        let mut value = ABSENT;
        while let Some(task) = tasks.pop() {
            let statement = match task {
                Task::Leave(names) => {
                    self.names.truncate(names);
                    continue;
                }
                Task::Do(Stmt::Noop(_)) => continue,
                Task::Do(statement) => statement,
            };
            done.push(std::mem::replace(&mut value, ABSENT));
            match statement {
                Stmt::Expr(expression) => value = self.expression(expression),
                Stmt::FnCall(call, at) => {
                    value = self.expression(&rhai::Expr::FnCall(call.clone(), *at));
                }
                Stmt::Block(block) => self.enter(block, &mut tasks),
                Stmt::Return(given, flags, _) if !flags.contains(rhai::ASTFlags::BREAK) => {
                    value = given.as_ref().map_or(ABSENT, |given| self.expression(given));
                    break;
                }
                Stmt::Var(declared, ..) => {
                    let (name, given, _) = &**declared;
                    let given = self.expression(given);
                    let given = self.bound(given);
                    done.push(given.clone());
                    self.names.push((name.name.to_string(), Binding::Value(given)));
                }
                Stmt::Assignment(parts) => {
                    let (operation, sides) = &**parts;
                    let operator = operation.get_op_assignment_info().map(|info| info.5);
                    match self.assign(&sides.lhs, operator, &sides.rhs) {
                        Ok(given) => done.push(given),
                        Err(stopped) => return self.after(done, Expr::Opaque(stopped)),
                    }
                }
                Stmt::If(parts, _) => {
                    let asked = self.expression(&parts.expr);
                    if may_return(parts.body.statements()) || may_return(parts.branch.statements())
                    {
                        value = self.fork(asked, &parts.body, &parts.branch, &tasks);
                        break;
                    }
                    value = self.branches(asked, &parts.body, &parts.branch, &mut done);
                }
                other => {
                    let stopped = stopped(statement_in_words(other), other.position());
                    return self.after(done, Expr::Opaque(stopped));
                }
            }
            if self.room == 0 {
                break;
            }
        }
        self.after(done, value)
    }

    fn enter<'s>(&mut self, block: &'s StmtBlock, tasks: &mut Vec<Task<'s>>) {
        tasks.push(Task::Leave(self.names.len()));
        tasks.extend(block.statements().iter().rev().map(Task::Do));
    }

    /// An `if` of which a branch may end the function: the rest is done once for each branch.
    fn fork<'s>(
        &mut self,
        asked: Expr,
        then: &'s StmtBlock,
        otherwise: &'s StmtBlock,
        rest: &[Task<'s>],
    ) -> Expr {
        let names = self.names.clone();
        let mut way = |block: &'s StmtBlock| {
            self.names.clone_from(&names);
            let mut tasks = rest.to_vec();
            self.enter(block, &mut tasks);
            self.run(tasks)
        };
        let (then, otherwise) = (way(then), way(otherwise));
        Expr::If(Box::new(asked), Box::new(then), Box::new(otherwise))
    }

    /// An `if` after which the function goes on: variables that a branch changes depend on it.
    fn branches(
        &mut self,
        asked: Expr,
        then: &StmtBlock,
        otherwise: &StmtBlock,
        done: &mut Vec<Expr>,
    ) -> Expr {
        let before = self.names.clone();
        let mut way = |block: &StmtBlock| {
            self.names.clone_from(&before);
            let mut tasks = Vec::new();
            self.enter(block, &mut tasks);
            let value = self.run(tasks);
            (value, std::mem::take(&mut self.names))
        };
        let ((then, changed), (otherwise, unchanged)) = (way(then), way(otherwise));
        let choose = |a: Expr, b: Expr| Expr::If(Box::new(asked.clone()), Box::new(a), Box::new(b));
        let known = before.len();
        self.names = before;
        for (at, (a, b)) in changed.into_iter().zip(unchanged).take(known).enumerate() {
            if let ((_, Binding::Value(a)), (_, Binding::Value(b))) = (a, b) {
                let value = merged(&asked, a, b);
                let value = self.bound(value);
                self.names[at].1 = Binding::Value(value);
            }
        }
        // What a branch does may raise, also where nobody asks for its value.
        let value = choose(then, otherwise);
        done.push(value.clone());
        value
    }

    /// `name = value`, `name += value`. Gives what was evaluated for it.
    fn assign(
        &mut self,
        target: &rhai::Expr,
        operator: Option<&str>,
        given: &rhai::Expr,
    ) -> Result<Expr, Stopped> {
        let refused = || stopped("a value that is changed in part", target.position());
        let rhai::Expr::Variable(variable, ..) = target else { return Err(refused()) };
        let name = variable.1.as_str();
        let given = self.expression(given);
        let at = self.names.iter().rposition(|(known, _)| known == name).ok_or_else(refused)?;
        let Binding::Value(old) = self.names[at].1.clone() else { return Err(refused()) };
        let value = match operator {
            None => given,
            Some(operator) => {
                let how = operation(operator).ok_or_else(refused)?;
                Expr::Calculate(how, Box::new(old), Box::new(given))
            }
        };
        let value = self.bound(value);
        self.names[at].1 = Binding::Value(value.clone());
        Ok(value)
    }

    /// What a variable will stand for. One that has been copied into others too often ends the walk.
    fn bound(&mut self, value: Expr) -> Expr {
        if value.size() > LARGEST {
            self.room = 0;
        }
        value
    }

    /// The value, once nothing of what was done before it has raised. Inside a function, already
    /// reading a field may: Rhai gives no text out that is longer than it may hold.
    fn after(&self, done: Vec<Expr>, value: Expr) -> Expr {
        let counts =
            |done: &Expr| !done.never_raises() || (self.read_inside && !done.fields().is_empty());
        done.into_iter().rev().filter(counts).fold(value, |value, done| match done == value {
            true => value,
            false => Expr::After(Box::new(done), Box::new(value)),
        })
    }

    /// What has no typed form.
    fn hole(&mut self, what: impl Into<String>, at: Position) -> Expr {
        self.met_hole = true;
        Expr::Opaque(stopped(what, at))
    }
}

/// What an operator calculates.
fn operation(operator: &str) -> Option<Operation> {
    Some(match operator {
        "+" => Operation::Add,
        "-" => Operation::Subtract,
        "*" => Operation::Multiply,
        "/" => Operation::Divide,
        "%" => Operation::Remainder,
        _ => return None,
    })
}

/// A variable after an `if`. A score that one branch adds to is the old score and the addition, if
/// any: the old one stands there once, however many such `if`s follow each other.
fn merged(asked: &Expr, then: Expr, otherwise: Expr) -> Expr {
    if then == otherwise {
        return then;
    }
    if let Expr::Calculate(how @ (Operation::Add | Operation::Subtract), old, more) = &then
        && **old == otherwise
        && is_whole(old)
        && is_whole(more)
    {
        let none = Box::new(Expr::Constant(Value::Int(0)));
        let more = Expr::If(Box::new(asked.clone()), more.clone(), none);
        return Expr::Calculate(*how, Box::new(otherwise), Box::new(more));
    }
    Expr::If(Box::new(asked.clone()), Box::new(then), Box::new(otherwise))
}

/// Whether it gives a whole number wherever it gives anything.
fn is_whole(expr: &Expr) -> bool {
    match expr {
        Expr::Constant(Value::Int(_)) | Expr::Length(_) => true,
        Expr::Calculate(_, a, b) | Expr::If(_, a, b) => is_whole(a) && is_whole(b),
        Expr::After(_, a) | Expr::Negate(a) => is_whole(a),
        _ => false,
    }
}

/// The typed form of a constant value, if it has one.
fn constant(value: &Dynamic) -> Option<Expr> {
    from_dynamic(value).map(Expr::Constant)
}

fn stopped(what: impl Into<String>, at: Position) -> Stopped {
    let line = at.line().map(|line| line as u32);
    let column = line.map(|_| at.position().unwrap_or(1).max(1) as u32);
    Stopped { what: what.into(), line, column }
}

pub(super) fn statement_in_words(statement: &Stmt) -> &'static str {
    match statement {
        Stmt::While(..) | Stmt::Do(..) | Stmt::For(..) => "a loop",
        Stmt::Switch(..) => "a `switch`",
        Stmt::TryCatch(..) => "a `try`",
        Stmt::Return(..) => "a `throw`",
        _ => "a statement of this kind",
    }
}
