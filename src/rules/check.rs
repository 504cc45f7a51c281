//! What a compiler would say of a script: types flow from the fields through every way it may take,
//! and each place is named where Rhai would raise, or go on in silence with what nobody meant.
//! No row is looked at here, and nothing about a rule is changed.

mod calls;
mod compare;
mod expressions;
mod known;
mod operators;
mod say;
mod scene;
mod statements;
mod switch;
#[cfg(test)]
mod tests;
mod unused;

use std::collections::BTreeMap;
use std::sync::Arc;

use rhai::{Dynamic, Stmt};

use super::row::RowKind;
use super::script::Functions;
use super::source::{Source, Spot};
use super::{Condition, Rule};
use crate::domain::{About, FieldTypes, KnownFrom, Problem, Severity};
use known::{Is, Known, Reason};
use scene::{Binding, Fields, Scene, Term};

/// A script as its author wrote it.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) source: Source,
    pub(super) functions: Functions,
    pub(super) constants: BTreeMap<String, Dynamic>,
}

/// Every mistake in a rule's script that the types of the fields show.
pub fn rule(rule: &Rule, types: &FieldTypes) -> Vec<Problem> {
    let written = &rule.written;
    let subject = rule.subject_name.as_deref().unwrap_or_default();
    let fields = Fields { types, about: &rule.settings.about, subject };
    let mut checker = Checker::new(&written.source, &written.functions, &written.constants, fields);
    let is_keyed = rule.subject_name.is_some();
    let matched = checker.entry("when", is_keyed, Scene::default(), true);
    checker.entry("then", is_keyed, matched, false);
    checker.entry("resolved", is_keyed, Scene::default(), false);
    checker.unreachable();
    checker.finish()
}

/// The names of the author's own constants that the script never reads, with where they stand.
pub use unused::constants as unread_constants;

/// Every mistake in a condition over customers that the types of the fields show.
pub fn condition(condition: &Condition, types: &FieldTypes) -> Vec<Problem> {
    let written = &condition.written;
    let fields = Fields { types, about: &About::Customers, subject: "" };
    let mut checker = Checker::new(&written.source, &written.functions, &written.constants, fields);
    let names = vec![("customer".to_owned(), Binding::Row(RowKind::Customer))];
    let scene = Scene::of(names);
    checker.verdict("the condition", &condition.statements, (0, 1), scene);
    let problems = checker.finish().into_iter();
    problems.map(|problem| quoted(written.source.script(), problem)).collect()
}

/// A problem of a condition that TOML holds between double quotes, as far as one can tell: what helps may
/// need such quotes itself.
pub(super) fn quoted(text: &str, mut problem: Problem) -> Problem {
    if problem.help.contains('"') && !text.contains('"') {
        let whole = match text.contains('\'') {
            true => text.replace('\'', "\""),
            false => "…".to_owned(),
        };
        let besides = format!("; then the whole condition stands in single quotes: '{whole}'");
        problem.help.push_str(&besides);
    }
    problem
}

/// Whether something is a function that is called on a value: `customer.plan.len()`.
pub fn is_called(name: &str) -> bool {
    calls::PURE.contains(&name)
}

/// What came of a part of a script.
#[derive(Clone, Debug)]
struct Outcome {
    known: Known,
    /// What it is, where that can be named again.
    term: Option<Term>,
    /// What is known afterwards.
    after: Scene,
    /// What is known afterwards where it is true; none where it never is.
    yes: Option<Scene>,
    /// What is known afterwards where it is false; none where it never is.
    no: Option<Scene>,
    /// Why it may be false only because something is absent.
    hushed: Option<Arc<Reason>>,
    /// Where it stands.
    spot: Spot,
}

/// Whether something was always true, always false, or now this and now that, in all its readings.
struct Certainty {
    value: Option<bool>,
    problem: Problem,
}

struct Checker<'a> {
    source: &'a Source,
    functions: &'a Functions,
    constants: &'a BTreeMap<String, Dynamic>,
    fields: Fields<'a>,
    /// What was found, by place and code: each once.
    found: BTreeMap<(Spot, &'static str), Problem>,
    certain: BTreeMap<Spot, Certainty>,
    /// The ways out of the functions at hand.
    exits: Vec<Vec<Outcome>>,
    /// How many variables were given a value so far.
    fresh: u32,
    /// How many more parts may be looked at.
    room: u32,
    /// How many parts it is inside of.
    depth: u32,
    /// How many `try` blocks it is in: what raises there is caught.
    tries: u32,
    /// Whether the condition at hand is that of an `if`, which may repeat what is known.
    in_if: bool,
    /// What joins the conditions at hand: `&&` or `||`.
    joint: &'static str,
    /// Whether the `in` at hand is written `!in`.
    turned: bool,
}

/// So many parts are looked at; a script has a few hundred.
const ROOM: u32 = 10_000;
/// So deep, functions within functions included, goes the look: it fits into a thread's stack, in a
/// debug build too.
const DEPTH: u32 = 80;

impl<'a> Checker<'a> {
    fn new(
        source: &'a Source,
        functions: &'a Functions,
        constants: &'a BTreeMap<String, Dynamic>,
        fields: Fields<'a>,
    ) -> Self {
        Self {
            source,
            functions,
            constants,
            fields,
            found: BTreeMap::new(),
            certain: BTreeMap::new(),
            exits: Vec::new(),
            fresh: 0,
            room: ROOM,
            depth: 0,
            tries: 0,
            in_if: false,
            joint: "",
            turned: false,
        }
    }

    /// Reads `when`, `then` or `resolved`; gives what is known of the facts where it was true.
    fn entry(&mut self, name: &str, is_keyed: bool, facts: Scene, judges: bool) -> Scene {
        let Some((_, function)) = self.functions.iter().find(|((n, _), _)| n == name) else {
            return Scene::default();
        };
        let rows: &[RowKind] = match is_keyed {
            true => &[RowKind::Customer, RowKind::Subject, RowKind::Episode],
            false => &[RowKind::Customer, RowKind::Episode],
        };
        let rows = rows.iter().map(|row| Binding::Row(*row));
        let mut scene = facts;
        scene.names = function.parameters.iter().cloned().zip(rows).collect();
        if judges {
            let begins = self.source.word(function.at);
            return self.verdict("`when`", &function.body, begins, scene);
        }
        self.ways(&function.body, scene);
        Scene::default()
    }

    /// Reads what has to give true or false; gives what is known where it was true.
    fn verdict(&mut self, what: &str, body: &[Stmt], begins: Spot, scene: Scene) -> Scene {
        let mut matched: Option<Scene> = None;
        let ways = self.ways(body, scene);
        let place = |way: &Outcome| if way.spot == (0, 0) { begins } else { way.spot };
        let last = ways.last().map(place);
        let works = ways.iter().any(|way| way.known.is.has(Is::BOOL.or(Is::OTHER)));
        for way in ways {
            if works && way.known.is == Is::ABSENT && way.known.absent.is_none() {
                self.gives_nothing(what, place(&way));
            }
            if let (Some(yes), _) = self.truth(&way, what) {
                matched = Some(match matched {
                    Some(matched) => matched.or(&yes, &self.fields, &mut self.fresh),
                    None => yes,
                });
            }
        }
        if let Some(spot) = last.filter(|_| !works) {
            self.never_works(spot);
        }
        matched.unwrap_or_default().facts()
    }

    /// The ways through a function's body.
    fn ways(&mut self, body: &[Stmt], scene: Scene) -> Vec<Outcome> {
        self.exits.push(Vec::new());
        let end = self.block(body, scene);
        let mut ways = self.exits.pop().unwrap_or_default();
        ways.extend(end);
        ways
    }

    /// An outcome of which only the value is known.
    fn plain(&mut self, known: Known, term: Option<Term>, after: Scene, spot: Spot) -> Outcome {
        let side = |bit: Is| {
            known.is.has(bit.or(Is::OTHER)).then(|| {
                let mut scene = after.clone();
                if let Some(term) = &term
                    && !known.is.has(Is::OTHER)
                {
                    scene.learn(term, known.without(Is::ANY.without(bit)), &self.fields);
                }
                scene
            })
        };
        let (yes, no) = (side(Is::TRUE), side(Is::FALSE));
        Outcome { known, term, after, yes, no, hushed: None, spot }
    }

    /// True or false, nobody knows which.
    fn open(&mut self, after: Scene, spot: Spot) -> Outcome {
        self.plain(Known::of(Is::BOOL), None, after, spot)
    }

    /// What is known where two ways meet again.
    fn joined(&mut self, a: Option<Scene>, b: Option<Scene>) -> Option<Scene> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.or(&b, &self.fields, &mut self.fresh)),
            (a, b) => a.or(b),
        }
    }

    /// What comes of one or the other.
    fn either(&mut self, a: Outcome, b: Outcome) -> Outcome {
        let after = a.after.or(&b.after, &self.fields, &mut self.fresh);
        let (yes, no) = (self.joined(a.yes, b.yes), self.joined(a.no, b.no));
        let term = a.term.filter(|term| b.term.as_ref() == Some(term));
        Outcome { known: a.known.or(&b.known), term, after, yes, no, hushed: None, spot: a.spot }
    }

    fn anyone(&mut self, outcomes: Vec<Outcome>) -> Option<Outcome> {
        let mut outcomes = outcomes.into_iter();
        let first = outcomes.next()?;
        Some(outcomes.fold(first, |all, one| self.either(all, one)))
    }

    /// What is known of a term here.
    fn known(&self, term: &Term, scene: &Scene) -> Known {
        scene.known(term, &self.fields)
    }

    /// A variable's new value.
    fn local(&mut self, known: Known, scene: &mut Scene) -> Term {
        self.fresh += 1;
        let term = Term::Local(self.fresh);
        scene.learn(&term, known, &self.fields);
        term
    }

    /// What a value is called from now on, and what is known then.
    fn named(&mut self, given: Outcome) -> (Term, Scene) {
        let Outcome { known, term, after: mut scene, yes, no, .. } = given;
        let is_verdict = known.is.only(Is::BOOL);
        let term = term.unwrap_or_else(|| {
            let term = self.local(known, &mut scene);
            if is_verdict {
                scene.remember(&term, yes.as_ref(), no.as_ref());
            }
            term
        });
        (term, scene)
    }

    /// Everything found, by place. What is always so because of another mistake is not told.
    fn finish(mut self) -> Vec<Problem> {
        let certain = std::mem::take(&mut self.certain).into_iter();
        for ((from, to), Certainty { value, problem }) in certain {
            let inside = |(other, _): &(Spot, &str)| other.0 < to && from < other.1;
            let by_mistake = self.found.keys().any(inside);
            if value.is_some() && !by_mistake && self.room > 0 {
                self.found.insert(((from, to), problem.code), problem);
            }
        }
        let mut problems: Vec<Problem> = self.found.into_values().collect();
        problems.sort();
        problems
    }

    /// Whether the types are those that a database shows, and not only what cases say.
    fn is_sure(&self) -> bool {
        let mut columns = self.fields.types.0.values().flat_map(BTreeMap::values);
        columns.all(|column| column.known_from == KnownFrom::Source)
    }

    fn report(&mut self, spot: Spot, severity: Severity, code: &'static str, said: say::Said) {
        let say::Said { message, label, help } = said;
        let place = self.source.place(spot);
        let problem = Problem { place, severity, code, message, label, help };
        self.found.entry((spot, code)).or_insert(problem);
    }
}
