//! The walk over expressions: literals, names, chains, `&&` and `||`.

use std::sync::Arc;

use rhai::{ASTFlags, Expr};

use super::calls::CHANGING;
use super::known::{Is, Known};
use super::scene::{Binding, Scene, Term};
use super::{Checker, Outcome};
use crate::domain::Field;
use crate::rules::row::RowKind;

/// One link of a chain, and whether it may be left out where nothing stands before it (`?.`).
type Link<'e> = (&'e Expr, bool);

impl Checker<'_> {
    /// An expression where a value is wanted.
    pub(super) fn expression(&mut self, expression: &Expr, scene: Scene) -> Outcome {
        let spot = self.source.spot(expression);
        if self.room == 0 || self.depth == super::DEPTH {
            self.room = 0;
            return self.plain(Known::any(), None, scene, spot);
        }
        (self.room, self.depth) = (self.room - 1, self.depth + 1);
        let outcome = match expression {
            Expr::And(parts, _) => self.all(parts, scene),
            Expr::Or(parts, _) => self.some(parts, scene),
            Expr::Coalesce(parts, _) => self.first_there(parts, scene),
            Expr::FnCall(call, _) => self.call(call, spot, scene),
            Expr::Dot(..) => self.chain(expression, scene),
            Expr::Variable(variable, ..) => self.variable(&variable.1, scene),
            Expr::Stmt(block) => match self.block(block.statements(), scene.clone()) {
                Some(outcome) => outcome,
                None => self.plain(Known::of(Is::NOTHING), None, scene, spot),
            },
            Expr::InterpolatedString(parts, _) => {
                let scene = self.each(parts, scene);
                self.plain(Known::of(Is::TEXT), None, scene, spot)
            }
            Expr::Array(parts, _) => {
                let scene = self.each(parts, scene);
                self.plain(Known::of(Is::OTHER), None, scene, spot)
            }
            Expr::Map(parts, _) => {
                let scene = self.each(parts.0.iter().map(|(_, value)| value), scene);
                self.plain(Known::of(Is::OTHER), None, scene, spot)
            }
            Expr::Index(pair, ..) => {
                let scene = self.each([&pair.lhs, &pair.rhs], scene);
                self.plain(Known::any(), None, scene, spot)
            }
            other => {
                let value = other.get_literal_value(None);
                let known = value.map_or_else(Known::any, |value| Known::constant(&value));
                self.plain(known, None, scene, spot)
            }
        };
        self.depth -= 1;
        Outcome { spot, ..outcome }
    }

    /// Looks at expressions one after the other.
    fn each<'e>(&mut self, parts: impl IntoIterator<Item = &'e Expr>, scene: Scene) -> Scene {
        parts.into_iter().fold(scene, |scene, part| self.expression(part, scene).after)
    }

    /// An expression that has to be true or false: what is known where it is the one or the other.
    pub(super) fn condition(
        &mut self,
        expression: &Expr,
        scene: Scene,
        what: &str,
    ) -> (Option<Scene>, Option<Scene>) {
        if let Expr::BoolConstant(value, _) = expression {
            let spot = self.source.spot(expression);
            self.written_out(spot, *value);
            return (Some(scene.clone()), Some(scene));
        }
        let outcome = self.expression(expression, scene);
        self.truth(&outcome, what)
    }

    /// `a && b && …`
    fn all(&mut self, parts: &[Expr], scene: Scene) -> Outcome {
        let outer = std::mem::replace(&mut self.in_if, false);
        let joint = std::mem::replace(&mut self.joint, "&&");
        let (mut yes, mut no, mut after) = (Some(scene.clone()), None, scene);
        for part in parts {
            let Some(scene) = yes.take() else { break };
            let (is, is_not) = self.condition(part, scene, "`&&`");
            no = self.joined(no, is_not);
            yes = is;
        }
        (self.in_if, self.joint) = (outer, joint);
        if let Some(end) = self.joined(yes.clone(), no.clone()) {
            after = end;
        }
        let known = Known::verdict(yes.is_some(), no.is_some());
        Outcome { known, term: None, after, yes, no, hushed: None, spot: (0, 0) }
    }

    /// `a || b || …`
    fn some(&mut self, parts: &[Expr], scene: Scene) -> Outcome {
        let outer = std::mem::replace(&mut self.in_if, false);
        let joint = std::mem::replace(&mut self.joint, "||");
        let (mut yes, mut no, mut after) = (None, Some(scene.clone()), scene);
        for part in parts {
            let Some(scene) = no.take() else { break };
            let (is, is_not) = self.condition(part, scene, "`||`");
            yes = self.joined(yes, is);
            no = is_not;
        }
        (self.in_if, self.joint) = (outer, joint);
        if let Some(end) = self.joined(yes.clone(), no.clone()) {
            after = end;
        }
        let known = Known::verdict(yes.is_some(), no.is_some());
        Outcome { known, term: None, after, yes, no, hushed: None, spot: (0, 0) }
    }

    /// `a ?? b`
    fn first_there(&mut self, parts: &[Expr], scene: Scene) -> Outcome {
        let (mut given, mut first, mut instead) = (None::<Known>, None, None::<Known>);
        let mut scene = scene;
        for (number, part) in parts.iter().enumerate() {
            let outcome = self.expression(part, scene.clone());
            let is_last = number + 1 == parts.len();
            let kept = match is_last {
                true => outcome.known.clone(),
                false => outcome.known.without(Is::ABSENT),
            };
            match number {
                0 => first = outcome.term.clone(),
                _ => instead = Some(instead.map_or(kept.clone(), |instead| instead.or(&kept))),
            }
            given = Some(given.map_or(kept.clone(), |given| given.or(&kept)));
            // What stands further right may never be looked at.
            scene = match number {
                0 => outcome.after,
                _ => scene.or(&outcome.after, &self.fields, &mut self.fresh),
            };
        }
        let stands_in = first.zip(instead).map(Arc::new);
        let known = Known { stands_in, ..given.unwrap_or_else(Known::any) };
        self.plain(known, None, scene, (0, 0))
    }

    fn variable(&mut self, name: &str, scene: Scene) -> Outcome {
        match (scene.binding(name), self.constants.get(name)) {
            (Some(Binding::Value(term)), _) => {
                let term = term.clone();
                let known = self.known(&term, &scene);
                let mut outcome = self.plain(known, Some(term.clone()), scene, (0, 0));
                for (scene, value) in [(&mut outcome.yes, true), (&mut outcome.no, false)] {
                    scene.iter_mut().for_each(|scene| scene.recall(&term, value, &self.fields));
                }
                outcome
            }
            (None, Some(value)) => {
                let known = Known::constant(value);
                self.plain(known, None, scene, (0, 0))
            }
            _ => self.plain(Known::of(Is::OTHER), None, scene, (0, 0)),
        }
    }

    /// `customer.plan`, `order.note.len()`.
    fn chain(&mut self, expression: &Expr, scene: Scene) -> Outcome {
        let (root, links) = links(expression);
        let Some(links) = links else {
            let scene = self.shaken_by(expression, scene);
            return self.plain(Known::any(), None, scene, (0, 0));
        };
        let row = match root {
            Expr::Variable(variable, ..) => match scene.binding(&variable.1) {
                Some(Binding::Row(row)) => Some(*row),
                _ => None,
            },
            _ => None,
        };
        let from = self.source.spot(root).0;
        let (mut outcome, rest) = match row.map(|row| field(row, &links)) {
            Some(Some((term, used))) => {
                let known = self.known(&term, &scene);
                let to = self.source.spot(links[used - 1].0).1;
                (self.plain(known, Some(term), scene, (from, to)), &links[used..])
            }
            Some(None) => (self.plain(Known::any(), None, scene, (0, 0)), &links[..]),
            None => (self.expression(root, scene), &links[..]),
        };
        let mut receiver = Some(root);
        // In a function of the script's own, a row's field is a copy.
        let mut is_fact = row.is_some() && !self.is_called();
        for (link, or_nothing) in rest {
            let to = self.source.spot(link).1;
            let is_fact = std::mem::take(&mut is_fact);
            outcome = match link {
                Expr::MethodCall(call, _) if is_fact && CHANGING.contains(&call.name.as_str()) => {
                    self.changes_a_fact(&call.name, &outcome, (from, to));
                    self.plain(Known::any(), None, outcome.after, (from, to))
                }
                Expr::MethodCall(call, _) => {
                    let receiver = receiver.filter(|_| row.is_none());
                    let spot = (from, to);
                    self.method(&call.name, outcome, receiver, &call.args, *or_nothing, spot)
                }
                _ => self.plain(Known::any(), None, outcome.after, (from, to)),
            };
            receiver = None;
        }
        outcome
    }
}

/// The parts of a chain, from left to right; no links where one of them is an index.
fn links(expression: &Expr) -> (&Expr, Option<Vec<Link<'_>>>) {
    let Expr::Dot(pair, flags, _) = expression else { return (expression, None) };
    let (mut links, mut rest) = (Vec::new(), &pair.rhs);
    let mut flags = *flags;
    loop {
        let or_nothing = flags.contains(ASTFlags::NEGATED);
        match rest {
            Expr::Dot(next, next_flags, _) => {
                links.push((&next.lhs, or_nothing));
                (rest, flags) = (&next.rhs, *next_flags);
            }
            Expr::Index(..) => return (&pair.lhs, None),
            last => {
                links.push((last, or_nothing));
                break;
            }
        }
    }
    (&pair.lhs, Some(links))
}

/// The field that a chain on a row begins with, and how many links make it.
fn field(row: RowKind, links: &[Link<'_>]) -> Option<(Term, usize)> {
    let name = |number: usize| match links.get(number) {
        Some((Expr::Property(property, _), _)) => Some(property.2.to_string()),
        _ => None,
    };
    let first = name(0)?;
    Some(match (row, name(1)) {
        (RowKind::Episode, _) => (Term::Episode(first), 1),
        (RowKind::Subject, _) => (Term::Field(Field::Subject(first)), 1),
        (RowKind::Customer, Some(second)) => {
            (Term::Field(Field::Signal(first.as_str().into(), second)), 2)
        }
        (RowKind::Customer, None) => (Term::Field(Field::Customer(first)), 1),
    })
}
