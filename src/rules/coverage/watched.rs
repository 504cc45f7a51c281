//! A script's statements with a note at each condition and way. What they mean stays as it is: a
//! note gives back the value that it was given.

use std::path::Path;

use rhai::{ASTFlags, Expr, FnCallExpr, Position, Stmt, StmtBlock};

use super::{Point, PointKind, SEEN};
use crate::rules::{script, syntax};

/// Puts notes into the statements of one rule.
pub(super) struct Watcher<'a> {
    file: &'a Path,
    /// A note as Rhai's parser makes it.
    note: FnCallExpr,
    /// The number of its first point.
    first: usize,
    pub(super) points: Vec<Point>,
    /// Whether what is returned is what `when` comes to.
    in_when: bool,
}

impl<'a> Watcher<'a> {
    /// `None` where the engine knows no notes.
    pub(super) fn new(engine: &rhai::Engine, file: &'a Path, first: usize) -> Option<Self> {
        let parsed = engine.compile(format!("{SEEN}(0, true)")).ok()?;
        let note = match parsed.statements().first()? {
            Stmt::FnCall(call, _) => (**call).clone(),
            Stmt::Expr(expression) => match &**expression {
                Expr::FnCall(call, _) => (**call).clone(),
                _ => return None,
            },
            _ => return None,
        };
        Some(Self { file, note, first, points: Vec::new(), in_when: false })
    }

    /// `when`: what it comes to is a condition.
    pub(super) fn when(&mut self, body: &mut Stmt) {
        self.in_when = true;
        self.statement(body, true);
        self.in_when = false;
    }

    /// `then` or `resolved`: a way, to be taken at least once.
    pub(super) fn asking(&mut self, body: &Stmt, at: Position) -> Stmt {
        let mut body = body.clone();
        let way = self.way(at);
        self.statement(&mut body, false);
        script::block(vec![way, body], at)
    }

    /// Statements, of which the last is what they come to, which is a condition where `tail`.
    pub(super) fn block(&mut self, statements: &mut [Stmt], tail: bool) {
        let last = statements.len().saturating_sub(1);
        for (place, statement) in statements.iter_mut().enumerate() {
            self.statement(statement, tail && place == last);
        }
    }

    fn statement(&mut self, statement: &mut Stmt, tail: bool) {
        match statement {
            Stmt::Expr(expression) => self.value(expression, tail),
            Stmt::FnCall(call, at) if tail || script::is_not(call) => {
                let mut expression = Expr::FnCall(call.clone(), *at);
                self.value(&mut expression, tail);
                *statement = Stmt::Expr(Box::new(expression));
            }
            Stmt::FnCall(call, _) => call.args.iter_mut().for_each(|one| self.value(one, false)),
            Stmt::Block(block) => self.block(block.statements_mut(), tail),
            Stmt::If(parts, _) => {
                self.condition(&mut parts.expr);
                self.block(parts.body.statements_mut(), tail);
                self.block(parts.branch.statements_mut(), tail);
            }
            Stmt::While(parts, _) | Stmt::Do(parts, ..) => {
                self.condition(&mut parts.expr);
                self.block(parts.body.statements_mut(), false);
            }
            Stmt::Switch(parts, _) => {
                let (value, cases) = &mut **parts;
                self.value(value, false);
                for arm in &mut cases.expressions {
                    self.condition(&mut arm.lhs);
                    self.arm(&mut arm.rhs, tail);
                }
            }
            Stmt::For(parts, _) => {
                self.value(&mut parts.2.expr, false);
                self.block(parts.2.body.statements_mut(), false);
            }
            Stmt::Var(parts, ..) => self.value(&mut parts.1, false),
            Stmt::Assignment(parts) => self.value(&mut parts.1.rhs, false),
            Stmt::TryCatch(parts, _) => {
                self.block(parts.body.statements_mut(), tail);
                self.block(parts.branch.statements_mut(), tail);
            }
            Stmt::Return(Some(value), flags, _) => {
                let verdict = self.in_when && !flags.contains(ASTFlags::BREAK);
                self.value(value, verdict);
            }
            Stmt::BreakLoop(Some(value), ..) => self.value(value, false),
            _ => {}
        }
    }

    /// An expression; a condition where what it comes to decides.
    fn value(&mut self, expression: &mut Expr, decides: bool) {
        if decides {
            return self.condition(expression);
        }
        match expression {
            Expr::And(parts, _) | Expr::Or(parts, _) => {
                parts.iter_mut().for_each(|part| self.condition(part));
            }
            Expr::FnCall(call, _) if script::is_not(call) => {
                call.args.iter_mut().for_each(|one| self.condition(one));
            }
            Expr::FnCall(call, _) | Expr::MethodCall(call, _) => {
                call.args.iter_mut().for_each(|one| self.value(one, false));
            }
            Expr::Stmt(block) => self.block(block.statements_mut(), false),
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                parts.iter_mut().for_each(|part| self.value(part, false));
            }
            Expr::Coalesce(parts, _) => parts.iter_mut().for_each(|part| self.value(part, false)),
            Expr::Map(parts, _) => {
                parts.0.iter_mut().for_each(|(_, value)| self.value(value, false));
            }
            Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
                self.value(&mut pair.lhs, false);
                self.value(&mut pair.rhs, false);
            }
            _ => {}
        }
    }

    /// What is true or false; of one that is put together, its parts.
    fn condition(&mut self, expression: &mut Expr) {
        match expression {
            Expr::And(parts, _) | Expr::Or(parts, _) => {
                parts.iter_mut().for_each(|part| self.condition(part));
            }
            Expr::FnCall(call, _) if script::is_not(call) => {
                call.args.iter_mut().for_each(|one| self.condition(one));
            }
            Expr::Stmt(block) => self.block(block.statements_mut(), true),
            // `loop`, and an arm without a guard, ask nothing.
            constant if constant.is_constant() => {}
            _ => {
                self.value(expression, false);
                let at = begin(expression);
                let number = self.point(PointKind::Condition, at);
                let mut note = self.note.clone();
                note.args[0] = Expr::IntegerConstant(number, at);
                note.args[1] = expression.take();
                *expression = Expr::FnCall(Box::new(note), at);
            }
        }
    }

    fn arm(&mut self, body: &mut Expr, tail: bool) {
        let at = begin(body);
        let way = self.way(at);
        self.value(body, tail);
        let statements = [way, Stmt::Expr(Box::new(body.take()))];
        *body = Expr::Stmt(Box::new(StmtBlock::new(statements, at, Position::NONE)));
    }

    /// A note that a way was taken.
    fn way(&mut self, at: Position) -> Stmt {
        let number = self.point(PointKind::Way, at);
        let mut note = self.note.clone();
        note.args[0] = Expr::IntegerConstant(number, at);
        Stmt::FnCall(Box::new(note), at)
    }

    fn point(&mut self, kind: PointKind, at: Position) -> i64 {
        let place = syntax::place(self.file, at, 1);
        self.points.push(Point { place, kind, yes: 0, no: 0 });
        (self.first + self.points.len() - 1) as i64
    }
}

/// Where an expression begins; Rhai says of an operator where that stands itself.
fn begin(expression: &Expr) -> Position {
    match expression {
        Expr::FnCall(call, at) if call.is_operator_call() => call.args.first().map_or(*at, begin),
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => begin(&pair.lhs),
        Expr::And(parts, at) | Expr::Or(parts, at) | Expr::Coalesce(parts, at) => {
            parts.first().map_or(*at, begin)
        }
        other => other.start_position(),
    }
}
