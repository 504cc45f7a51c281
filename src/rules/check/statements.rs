//! The walk over statements: what is known after each, on every way.

use rhai::{ASTFlags, ASTNode, Expr, Position, Stmt, StmtBlock};

use super::known::{Is, Known};
use super::scene::{Binding, Scene, Term};
use super::{Checker, Outcome};
use crate::rules::script;
use crate::rules::source::Spot;

impl Checker<'_> {
    /// A block; none where nothing comes after it.
    pub(super) fn block(&mut self, statements: &[Stmt], scene: Scene) -> Option<Outcome> {
        if self.depth == super::DEPTH {
            self.room = 0;
            return Some(self.plain(Known::any(), None, scene, (0, 0)));
        }
        self.depth += 1;
        let end = self.statements(statements, scene);
        self.depth -= 1;
        end
    }

    fn statements(&mut self, statements: &[Stmt], scene: Scene) -> Option<Outcome> {
        let (names, before) = (scene.names.len(), self.fresh);
        let mut last = self.plain(Known::of(Is::ABSENT), None, scene, (0, 0));
        for statement in statements {
            if matches!(statement, Stmt::Noop(_)) {
                continue;
            }
            last = self.statement(statement, last.after)?;
        }
        let ways = [Some(&mut last.after), last.yes.as_mut(), last.no.as_mut()];
        for scene in ways.into_iter().flatten() {
            scene.names.truncate(names);
            scene.forget(before, last.term.as_ref());
        }
        Some(last)
    }

    /// A statement; none where nothing comes after it.
    fn statement(&mut self, statement: &Stmt, scene: Scene) -> Option<Outcome> {
        match statement {
            Stmt::Expr(expression) => self.going_on(expression, scene),
            Stmt::FnCall(call, at) => {
                Some(self.expression(&Expr::FnCall(call.clone(), *at), scene))
            }
            Stmt::Block(block) => self.block(block.statements(), scene),
            Stmt::If(parts, at) => self.choice(&parts.expr, &parts.body, &parts.branch, *at, scene),
            Stmt::Var(declared, ..) => {
                let (name, given, _) = &**declared;
                let given = self.expression(given, scene);
                let (term, mut scene) = self.named(given);
                scene.names.push((name.name.to_string(), Binding::Value(term)));
                Some(self.nothing(scene))
            }
            Stmt::Assignment(parts) => {
                let (operation, sides) = &**parts;
                let operator = operation.get_op_assignment_info().map(|info| info.5);
                Some(self.assignment(&sides.lhs, operator, &sides.rhs, operation.position(), scene))
            }
            Stmt::Return(given, flags, at) => {
                let way = match given {
                    Some(given) => self.expression(given, scene),
                    None => Outcome { spot: self.source.word(*at), ..self.nothing(scene) },
                };
                if !flags.contains(ASTFlags::BREAK)
                    && let Some(exits) = self.exits.last_mut()
                {
                    exits.push(way);
                }
                None
            }
            Stmt::While(parts, at) | Stmt::Do(parts, _, at) => {
                let start = self.shaken(&parts.body, scene);
                let start = self.shaken_by(&parts.expr, start);
                let for_ever = matches!(parts.expr, Expr::Unit(_) | Expr::BoolConstant(true, _));
                let after = match for_ever {
                    true => start,
                    false => self.expression(&parts.expr, start).after,
                };
                self.block(parts.body.statements(), after.clone());
                self.looped(&parts.body, for_ever, *at, after)
            }
            Stmt::For(parts, at) => {
                let (item, counter, parts) = &**parts;
                let over = self.expression(&parts.expr, scene);
                let start = self.shaken(&parts.body, over.after);
                let mut inside = start.clone();
                for name in std::iter::once(item).chain(counter.as_ref()) {
                    let term = self.local(Known::any(), &mut inside);
                    inside.names.push((name.name.to_string(), Binding::Value(term)));
                }
                self.block(parts.body.statements(), inside);
                self.looped(&parts.body, false, *at, start)
            }
            Stmt::TryCatch(parts, at) => {
                let start = self.shaken(&parts.body, scene.clone());
                self.tries += 1;
                let tried = self.block(parts.body.statements(), scene);
                self.tries -= 1;
                let mut inside = start.clone();
                if let Expr::Variable(name, ..) = &parts.expr {
                    let term = self.local(Known::any(), &mut inside);
                    inside.names.push((name.1.to_string(), Binding::Value(term)));
                }
                let caught = self.block(parts.branch.statements(), inside);
                let names = start.names.len();
                let spot = self.source.word(*at);
                let caught = caught.map(|caught| {
                    let why = "a `catch` gives nothing, whatever it ends with";
                    let cure = "set a variable in the `try`, and end with that: \
                                `let is_so = false; try { is_so = …; } catch { } is_so`";
                    let known = Known::left_out(why, spot, cure);
                    Outcome { known, ..caught }
                });
                let ways: Vec<Outcome> = tried.into_iter().chain(caught).collect();
                let mut end = self.anyone(ways)?;
                end.after.names.truncate(names);
                Some(self.plain(end.known, None, end.after, spot))
            }
            Stmt::Switch(parts, at) => self.switch(&parts.0, &parts.1, *at, scene),
            Stmt::BreakLoop(given, ..) => {
                if let Some(given) = given {
                    self.expression(given, scene);
                }
                None
            }
            _ => Some(self.plain(Known::any(), None, scene, (0, 0))),
        }
    }

    /// What comes after a loop, and what it gives: what a `break` hands over, and else nothing; none
    /// where it never comes to its end.
    fn looped(
        &mut self,
        body: &StmtBlock,
        for_ever: bool,
        at: Position,
        after: Scene,
    ) -> Option<Outcome> {
        let (mut breaks, mut gives) = (false, false);
        for statement in body.statements() {
            statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
                let is_loop = |node: &ASTNode<'_>| {
                    matches!(node, ASTNode::Stmt(Stmt::While(..) | Stmt::Do(..) | Stmt::For(..)))
                };
                if let [above @ .., ASTNode::Stmt(Stmt::BreakLoop(given, flags, _))] = path
                    && flags.contains(ASTFlags::BREAK)
                    && !above.iter().any(is_loop)
                {
                    (breaks, gives) = (true, gives || given.is_some());
                }
                true
            });
        }
        let spot = self.source.word(at);
        let known = Known::of(if gives { Is::ANY } else { Is::ABSENT });
        (breaks || !for_ever).then(|| self.plain(known, None, after, spot))
    }

    /// An expression that stands as a statement: a block in it may end the function.
    pub(super) fn going_on(&mut self, expression: &Expr, scene: Scene) -> Option<Outcome> {
        match expression {
            Expr::Stmt(block) => self.block(block.statements(), scene),
            other => Some(self.expression(other, scene)),
        }
    }

    /// What a script forgot to give.
    pub(super) fn left_out(&mut self, why: &str, spot: Spot, scene: Scene) -> Outcome {
        let cure = "end it with `else { false }`, or with what it is then";
        let known = Known::left_out(why, spot, cure);
        self.plain(known, None, scene, spot)
    }

    fn nothing(&mut self, scene: Scene) -> Outcome {
        self.plain(Known::of(Is::ABSENT), None, scene, (0, 0))
    }

    /// `if asked { body } else { branch }`.
    fn choice(
        &mut self,
        asked: &Expr,
        body: &StmtBlock,
        branch: &StmtBlock,
        at: Position,
        scene: Scene,
    ) -> Option<Outcome> {
        let outer = std::mem::replace(&mut self.in_if, true);
        let asked = self.condition(asked, scene, "`if`");
        self.in_if = outer;
        let spot = self.source.word(at);
        let then = asked.0.and_then(|scene| self.block(body.statements(), scene));
        let otherwise = asked.1.and_then(|scene| match branch.is_empty() {
            false => self.block(branch.statements(), scene),
            true => {
                let why = "this `if` gives nothing where it is not true";
                Some(self.left_out(why, spot, scene))
            }
        });
        let ways: Vec<Outcome> = then.into_iter().chain(otherwise).collect();
        let spot = ways.iter().map(|way| way.spot).find(|spot| *spot != (0, 0)).unwrap_or(spot);
        self.anyone(ways).map(|way| Outcome { spot, ..way })
    }

    /// `name = given`, `name += given`.
    fn assignment(
        &mut self,
        target: &Expr,
        operator: Option<&str>,
        given: &Expr,
        at: Position,
        scene: Scene,
    ) -> Outcome {
        let given = self.expression(given, scene);
        let Expr::Variable(variable, ..) = target else {
            let scene = self.shaken_by(target, given.after);
            return self.nothing(scene);
        };
        let spot = self.source.word(at);
        let names = &given.after.names;
        let Some(at_name) = names.iter().rposition(|(name, _)| *name == *variable.1) else {
            return self.nothing(given.after);
        };
        let (term, mut scene) = match (operator, names[at_name].1.clone()) {
            (None, _) => self.named(given),
            (Some(operator), Binding::Value(old)) => {
                let mut scene = given.after.clone();
                let known = self.known(&old, &scene);
                let old = self.plain(known, Some(old), scene.clone(), spot);
                let name = variable.1.to_string();
                let text = self.source.text(given.spot);
                let sides = [(old, name), (given, text)];
                let known = self.calculated(operator, sides, spot, &mut scene);
                (self.local(known, &mut scene), scene)
            }
            _ => {
                let mut scene = given.after;
                (self.local(Known::any(), &mut scene), scene)
            }
        };
        scene.names[at_name].1 = Binding::Value(term);
        self.nothing(scene)
    }

    /// The scene without what a block may change in it.
    fn shaken(&mut self, block: &StmtBlock, scene: Scene) -> Scene {
        let mut changed = Vec::new();
        for statement in block.statements() {
            statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
                changes(path, &mut changed);
                true
            });
        }
        self.forgotten(&changed, scene)
    }

    /// The scene without what an expression may change in it.
    pub(super) fn shaken_by(&mut self, expression: &Expr, scene: Scene) -> Scene {
        let mut changed = Vec::new();
        expression.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Expr(Expr::Variable(variable, ..))) = path.last() {
                changed.push(variable.1.to_string());
            }
            true
        });
        self.forgotten(&changed, scene)
    }

    fn forgotten(&mut self, changed: &[String], mut scene: Scene) -> Scene {
        for at in 0..scene.names.len() {
            let (name, binding) = &scene.names[at];
            if matches!(binding, Binding::Value(_)) && changed.contains(name) {
                let term: Term = self.local(Known::any(), &mut scene);
                scene.names[at].1 = Binding::Value(term);
            }
        }
        scene
    }

    /// Code after what always ends the function, and what comes to a value that nothing uses.
    pub(super) fn unreachable(&mut self) {
        let functions = self.functions;
        for function in functions.values() {
            self.unreachable_in(&function.body);
        }
    }

    fn unreachable_in(&mut self, statements: &[Stmt]) {
        let statements: Vec<&Stmt> =
            statements.iter().filter(|s| !matches!(s, Stmt::Noop(_))).collect();
        for statement in statements.iter().rev().skip(1).rev() {
            let value = match statement {
                Stmt::Expr(value) => (**value).clone(),
                Stmt::FnCall(call, at) => Expr::FnCall(call.clone(), *at),
                _ => continue,
            };
            let is_operator = match &value {
                Expr::And(..) | Expr::Or(..) => true,
                Expr::FnCall(call, _) => call.is_operator_call(),
                _ => false,
            };
            if is_operator {
                self.never_used(self.source.spot(&value));
            }
        }
        for (statement, next) in statements.iter().zip(statements.iter().skip(1)) {
            if script::always_end(std::slice::from_ref(*statement)) {
                let spot: Spot = match next {
                    Stmt::Expr(expression) => self.source.spot(expression),
                    next => self.source.word(next.position()),
                };
                self.never_reached(spot);
                break;
            }
        }
        for statement in statements {
            match statement {
                Stmt::Block(block) => self.unreachable_in(block.statements()),
                Stmt::If(parts, _) | Stmt::While(parts, _) | Stmt::Do(parts, ..) => {
                    self.unreachable_in(parts.body.statements());
                    self.unreachable_in(parts.branch.statements());
                }
                Stmt::For(parts, _) => self.unreachable_in(parts.2.body.statements()),
                _ => {}
            }
        }
    }
}

/// Notes the names that a part of a loop may change: what is assigned, and what a function has in hand.
fn changes(path: &[ASTNode<'_>], changed: &mut Vec<String>) {
    let mut note = |expression: &Expr| {
        let mut root = expression;
        while let Expr::Dot(pair, ..) | Expr::Index(pair, ..) = root {
            root = &pair.lhs;
        }
        if let Expr::Variable(variable, ..) = root {
            changed.push(variable.1.to_string());
        }
    };
    match path.last() {
        Some(ASTNode::Stmt(Stmt::Assignment(parts))) => note(&parts.1.lhs),
        Some(ASTNode::Stmt(Stmt::FnCall(call, _)) | ASTNode::Expr(Expr::FnCall(call, _))) => {
            call.args.first().into_iter().for_each(note);
        }
        Some(ASTNode::Expr(chain @ Expr::Dot(..))) => note(chain),
        _ => {}
    }
}
