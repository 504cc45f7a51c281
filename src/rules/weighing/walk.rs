//! The walk over a condition: its statements, then its parts, each evaluated by the engine after
//! all that was done before it.

use std::sync::Arc;

use rhai::{
    ASTFlags, ASTNode, Dynamic, Expr, FlowControl, FnCallExpr, Module, Position, Shared, Stmt,
    StmtBlock,
};

use super::{Joint, Weighed, Weight};
use crate::domain::{Facts, Instant};
use crate::rules::engine::Engine;
use crate::rules::row::{Names, RowKind};
use crate::rules::script::{self, Function, Functions};
use crate::rules::source::Source;
use crate::rules::{RowError, sandbox};

/// What is needed to weigh a condition on one subject.
pub(super) struct Weigher<'w> {
    pub(super) engine: &'w Engine,
    pub(super) names: &'w Arc<Names>,
    pub(super) library: Option<&'w Shared<Module>>,
    pub(super) functions: &'w Functions,
    pub(super) source: &'w Source,
    pub(super) facts: &'w Facts,
    pub(super) as_of: Instant,
    /// Where the body begins.
    pub(super) begins: Position,
}

/// What was done before a part is reached: the statements in their order.
pub(super) type Before = Vec<Stmt>;

impl Weigher<'_> {
    /// A body as a whole, which decided by itself.
    pub(super) fn whole(&self, body: &Stmt) -> Weighed {
        let statements = match body {
            Stmt::Block(block) => block.statements().to_vec(),
            one => vec![one.clone()],
        };
        let mut weighed = self.statements(&statements, &Before::new(), 0);
        weighed.decides = true;
        weighed
    }

    /// What an expression gives at the run's instant.
    pub(super) fn value(&self, before: &Before, expression: &Expr) -> Result<Dynamic, RowError> {
        self.value_at(before, expression, self.as_of)
    }

    /// What it gives at another one, of the same facts.
    pub(super) fn value_at(
        &self,
        before: &Before,
        expression: &Expr,
        at: Instant,
    ) -> Result<Dynamic, RowError> {
        let last = Stmt::Expr(Box::new(expression.clone()));
        self.engine.evaluate_alone(
            (self.names, self.library),
            &self.after(before, [last]),
            self.facts,
            at,
            self.begins,
        )
    }

    fn after(&self, before: &Before, rest: impl IntoIterator<Item = Stmt>) -> Stmt {
        let all = before.iter().cloned().chain(rest).collect();
        script::block(all, self.begins)
    }

    /// What statements come to.
    fn statements(&self, statements: &[Stmt], before: &Before, depth: usize) -> Weighed {
        let mut before = before.clone();
        let statements: Vec<&Stmt> =
            statements.iter().filter(|statement| !matches!(statement, Stmt::Noop(_))).collect();
        for (number, statement) in statements.iter().enumerate() {
            let is_last = number + 1 == statements.len();
            // What is done before a part is done again for it, and must not end the function there.
            if returns_unseen(statement, is_last) {
                let what = "what may return in its midst";
                return self.hole(&statements[number..], &before, what);
            }
            match statement {
                Stmt::Expr(expression) if is_last => {
                    return self.expression(expression, &before, depth);
                }
                Stmt::FnCall(call, at) if is_last => {
                    return self.expression(&Expr::FnCall(call.clone(), *at), &before, depth);
                }
                Stmt::Return(Some(given), flags, _) if !flags.contains(ASTFlags::BREAK) => {
                    return self.expression(given, &before, depth);
                }
                Stmt::Block(block) if is_last => {
                    return self.statements(block.statements(), &before, depth);
                }
                Stmt::If(parts, at)
                    if is_last || script::may_return(std::slice::from_ref(*statement)) =>
                {
                    let asked = self.expression(&parts.expr, &before, depth);
                    let Some(holds) = asked.holds() else {
                        let Weighed { weight, .. } = self.hole(&statements[number..], &before, "");
                        return Weighed { weight, ..self.forked(*at, asked, None) };
                    };
                    let taken = if holds { &parts.body } else { &parts.branch }.statements();
                    let rest = if is_last || script::always_end(taken) {
                        self.statements(taken, &before, depth)
                    } else if script::may_return(taken) {
                        let what = "an `if` that may or may not return";
                        return self.hole(&statements[number..], &before, what);
                    } else {
                        before.push(only(parts, holds, *at));
                        let rest: Vec<Stmt> =
                            statements[number + 1..].iter().map(|s| (*s).clone()).collect();
                        self.statements(&rest, &before, depth)
                    };
                    return self.forked(*at, asked, Some(rest));
                }
                Stmt::Var(..)
                | Stmt::Assignment(_)
                | Stmt::Expr(_)
                | Stmt::FnCall(..)
                | Stmt::If(..)
                | Stmt::Block(_) => before.push((*statement).clone()),
                other => {
                    let what = crate::rules::lower::statement_in_words(other);
                    return self.hole(&statements[number..], &before, what);
                }
            }
        }
        let nothing = Expr::Unit(self.begins);
        self.alone(&nothing, &before)
    }

    /// An `if`: what was asked, and what came of it.
    fn forked(&self, at: Position, mut asked: Weighed, taken: Option<Weighed>) -> Weighed {
        let weight = taken.as_ref().map_or(asked.weight.clone(), |taken| taken.weight.clone());
        asked.decides = true;
        let parts = std::iter::once(asked).chain(taken.map(|t| Weighed { decides: true, ..t }));
        Weighed {
            text: "if".to_owned(),
            line: line(at),
            weight,
            joint: Joint::If,
            parts: parts.collect(),
            ..nothing_yet()
        }
    }

    /// Statements that can't be taken apart: what they come to as a whole.
    fn hole(&self, statements: &[&Stmt], before: &Before, what: &str) -> Weighed {
        let rest = statements.iter().map(|statement| (*statement).clone());
        let body = self.after(before, rest);
        let given = self.engine.evaluate_alone(
            (self.names, self.library),
            &body,
            self.facts,
            self.as_of,
            self.begins,
        );
        let at = statements.first().map_or(self.begins, |statement| statement.position());
        Weighed {
            text: match self.source.text(self.source.word(at)).as_str() {
                "{" => "{ … }".to_owned(),
                word => word.to_owned(),
            },
            line: line(at),
            weight: Weight::of(&given),
            hole: Some(what.to_owned()),
            ..nothing_yet()
        }
    }

    /// An expression, taken apart as far as that goes.
    pub(super) fn expression(&self, expression: &Expr, before: &Before, depth: usize) -> Weighed {
        match expression {
            Expr::And(parts, _) => self.chain(expression, (&***parts, Joint::All), before, depth),
            Expr::Or(parts, _) => self.chain(expression, (&***parts, Joint::Any), before, depth),
            Expr::FnCall(call, _) if script::is_not(call) => {
                let part = self.expression(&call.args[0], before, depth);
                let weighed = self.alone(expression, before);
                if part.parts.is_empty() && part.compared.is_none() {
                    return weighed;
                }
                let parts = vec![Weighed { decides: true, ..part }];
                let (reads, turns) = (Vec::new(), None);
                Weighed { joint: Joint::Not, parts, reads, turns, ..weighed }
            }
            Expr::FnCall(call, _) if !call.is_operator_call() => {
                self.own_function(call, before, depth).map_or_else(
                    || self.alone(expression, before),
                    |body| self.named(expression, body, before),
                )
            }
            Expr::Variable(variable, ..) => match bound(before, &variable.1) {
                Some((value, earlier)) if is_condition(value) => {
                    let body = self.expression(value, &earlier, depth);
                    self.named(expression, body, before)
                }
                _ => self.alone(expression, before),
            },
            Expr::Stmt(block) => self.statements(block.statements(), before, depth),
            _ => self.alone(expression, before),
        }
    }

    /// `a && b && …` or `a || b || …`: no further than the engine went.
    fn chain(
        &self,
        whole: &Expr,
        (parts, joint): (&[Expr], Joint),
        before: &Before,
        depth: usize,
    ) -> Weighed {
        let mut told: Vec<Weighed> = Vec::new();
        let mut decided = false;
        for part in parts {
            if decided {
                let weight = Weight::NotReached;
                told.push(Weighed { weight, ..self.words(part) });
                continue;
            }
            let mut weighed = self.expression(part, before, depth);
            decided = weighed.holds() != Some(joint == Joint::All);
            weighed.decides = decided;
            told.push(weighed);
        }
        if !decided {
            told.iter_mut().for_each(|part| part.decides = true);
        }
        let weight = Weight::of(&self.value(before, whole));
        Weighed { weight, joint, parts: told, ..self.words(whole) }
    }

    fn named(&self, expression: &Expr, body: Weighed, before: &Before) -> Weighed {
        let parts = vec![Weighed { decides: true, ..body }];
        let reads = Vec::new();
        Weighed { joint: Joint::Named, parts, reads, ..self.alone(expression, before) }
    }

    /// The body of one of the rule's own functions, if it comes to what the call gave.
    fn own_function(&self, call: &FnCallExpr, before: &Before, depth: usize) -> Option<Weighed> {
        let function = self.functions.get(&(call.name.to_string(), call.args.len()))?;
        if depth >= sandbox::CALL_LEVELS || !self.can_be_bound(function, call, before) {
            return None;
        }
        let mut inside = before.clone();
        for (name, given) in function.parameters.iter().zip(&call.args) {
            let mut given = given.clone();
            // A row stays one; a variable is found by its name, wherever it stands by then.
            let is_row = matches!(&given, Expr::DynamicConstant(value, _) if value.is::<RowKind>());
            if !is_row {
                forget_places(&mut given);
            }
            let name = rhai::Ident { name: name.as_str().into(), pos: Position::NONE };
            inside.push(Stmt::Var(
                Box::new((name, given, None)),
                ASTFlags::empty(),
                Position::NONE,
            ));
        }
        let body = self.statements(&function.body, &inside, depth + 1);
        let call = Expr::FnCall(Box::new(call.clone()), Position::NONE);
        let given = Weight::of(&self.value(before, &call));
        let agrees = matches!(given, Weight::Holds(_)) && body.weight == given;
        (agrees && (!body.parts.is_empty() || body.compared.is_some())).then_some(body)
    }

    /// Whether the parameters of a function can be set one after the other, as variables beside those
    /// of the caller, and mean what they mean in Rhai: what is given reads no parameter that was set
    /// before it, and no variable of the caller bears the name of a constant.
    fn can_be_bound(&self, function: &Function, call: &FnCallExpr, before: &Before) -> bool {
        let hides = |statement: &Stmt| matches!(statement, Stmt::Var(parts, ..) if self.names.constants.contains_key(parts.0.as_str()));
        let mut set: Vec<&str> = Vec::new();
        let all = function.parameters.iter().zip(&call.args).all(|(name, given)| {
            let reads_set = |path: &[ASTNode<'_>]| match path.last() {
                Some(ASTNode::Expr(Expr::Variable(variable, ..))) => {
                    !set.contains(&variable.1.as_str())
                }
                // The variables in a block are found by where they stand.
                Some(ASTNode::Expr(Expr::Stmt(_) | Expr::Map(..) | Expr::Custom(..))) => false,
                _ => true,
            };
            let fits = given.walk(&mut Vec::new(), &mut { reads_set });
            if !matches!(given, Expr::Variable(variable, ..) if variable.1 == *name) {
                set.push(name);
            }
            fits
        });
        all && !before.iter().any(hides)
    }

    /// What is not taken further apart.
    fn alone(&self, expression: &Expr, before: &Before) -> Weighed {
        let weight = Weight::of(&self.value(before, expression));
        let reads = self.reads(expression, before);
        let compared = self.compared(expression, before);
        let turns = match weight {
            Weight::Holds(holds) => self.turn(expression, before, holds),
            _ => None,
        };
        let followed = self.is_followed(expression, before);
        Weighed { weight, reads, compared, turns, followed, ..self.words(expression) }
    }

    /// What an expression is in the script's own words.
    pub(super) fn words_of(&self, expression: &Expr) -> String {
        self.words(expression).text
    }

    /// An expression's words and place.
    fn words(&self, expression: &Expr) -> Weighed {
        let spot = self.source.spot(expression);
        Weighed { text: self.source.text(spot), line: self.source.line(spot), ..nothing_yet() }
    }
}

/// Nothing is known of it yet.
fn nothing_yet() -> Weighed {
    Weighed {
        text: String::new(),
        line: None,
        weight: Weight::NotReached,
        joint: Joint::Alone,
        parts: Vec::new(),
        reads: Vec::new(),
        compared: None,
        turns: None,
        followed: false,
        decides: false,
        hole: None,
    }
}

fn line(at: Position) -> Option<u32> {
    at.line().map(|line| line as u32)
}

/// Whether an expression is a condition, so that it is worth taking apart where it is named.
fn is_condition(expression: &Expr) -> bool {
    match expression {
        Expr::And(..) | Expr::Or(..) => true,
        Expr::FnCall(call, _) => script::is_not(call) || super::turning::comparison(call).is_some(),
        _ => false,
    }
}

/// What a variable was set to, and what was done before that; none where it was changed since.
pub(super) fn bound<'b>(before: &'b Before, name: &str) -> Option<(&'b Expr, Before)> {
    let declares =
        |statement: &Stmt| matches!(statement, Stmt::Var(parts, ..) if parts.0.name == name);
    let at = before.iter().rposition(declares)?;
    let is_plain = |statement: &Stmt| matches!(statement, Stmt::Var(..));
    if !before[at..].iter().all(is_plain) {
        return None;
    }
    let Stmt::Var(parts, ..) = &before[at] else { return None };
    Some((&parts.1, before[..at].to_vec()))
}

/// Whether a statement may end the function at a place that is not taken apart.
fn returns_unseen(statement: &Stmt, is_last: bool) -> bool {
    match statement {
        Stmt::If(parts, _) => script::may_return_within(&parts.expr),
        Stmt::Return(given, ..) => given.as_deref().is_some_and(script::may_return_within),
        Stmt::Block(_) if is_last => false,
        Stmt::While(..) | Stmt::Do(..) | Stmt::For(..) => false,
        Stmt::Switch(..) | Stmt::TryCatch(..) => false,
        other => script::may_return(std::slice::from_ref(other)),
    }
}

/// An `if` of which only the branch that was taken is left: the other may return.
fn only(parts: &FlowControl, body: bool, at: Position) -> Stmt {
    let mut parts = parts.clone();
    let left_out = if body { &mut parts.branch } else { &mut parts.body };
    *left_out = StmtBlock::NONE;
    Stmt::If(Box::new(parts), at)
}

/// Variables are found by their names from now on.
fn forget_places(expression: &mut Expr) {
    match expression {
        // What stands for a field keeps its number.
        Expr::Variable(variable, short, _)
            if variable.0.is_none_or(|place| place.get() < crate::rules::row::FIRST_SLOT) =>
        {
            variable.0 = None;
            *short = None;
        }
        Expr::FnCall(call, _) | Expr::MethodCall(call, _) => {
            call.args.iter_mut().for_each(forget_places);
        }
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => {
            forget_places(&mut pair.lhs);
            forget_places(&mut pair.rhs);
        }
        Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
            parts.iter_mut().for_each(forget_places);
        }
        Expr::Array(parts, _) | Expr::InterpolatedString(parts, _) => {
            parts.iter_mut().for_each(forget_places);
        }
        _ => {}
    }
}
