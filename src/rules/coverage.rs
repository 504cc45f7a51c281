//! Coverage: which conditions of a rule its examples made true and false, and which ways through it
//! they took. A rule that is watched means what it meant; it is only slower, so nothing but this
//! ever runs one.

mod watched;

use std::any::TypeId;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use rhai::{Caches, Dynamic, EvalAltResult, NativeCallContext, Scope, Stmt};

use super::row::{Names, with_row};
use super::script::{self, Function};
use super::{Engine, Rule, load};
use crate::domain::{Place, RuleId};
use watched::Watcher;

/// What is noted of rules while they are watched.
#[derive(Debug)]
pub struct Coverage {
    rules: Vec<RuleId>,
    points: Vec<(RuleId, Point)>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A condition, or a way through a script.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Where it begins.
    pub place: Place,
    /// What is noted of it.
    pub kind: PointKind,
    /// How often it was true, or taken.
    pub yes: u64,
    /// How often it was false; of a way always 0.
    pub no: u64,
}

/// What is noted of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PointKind {
    /// An operand of `&&`, `||` or `!`, what an `if` asks, or what `when` comes to: true and false.
    Condition,
    /// An arm of a `switch`, or the whole of `then` or `resolved`: taken.
    Way,
}

impl Point {
    /// How many things there are to see of it.
    pub fn whole(&self) -> u64 {
        match self.kind {
            PointKind::Condition => 2,
            PointKind::Way => 1,
        }
    }

    /// How many of them were seen.
    pub fn seen(&self) -> u64 {
        u64::from(self.yes > 0) + u64::from(self.no > 0)
    }

    /// What was never seen of it.
    pub fn never(&self) -> Option<&'static str> {
        match (self.kind, self.yes > 0, self.no > 0) {
            (PointKind::Way, true, _) | (PointKind::Condition, true, true) => None,
            (PointKind::Way, false, _) => Some("never taken"),
            (PointKind::Condition, false, false) => Some("never asked"),
            (PointKind::Condition, false, true) => Some("never true"),
            (PointKind::Condition, true, false) => Some("never false"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    yes: u64,
    no: u64,
}

/// The function that notes what a condition came to. No script can call it: a rule that is loaded
/// knows only what an engine that watches nobody knows.
const SEEN: &str = "lookout__seen";

/// More than a rule may take when nobody watches: the notes are steps, too.
const OPERATIONS: u64 = 1_000_000;
const CALL_LEVELS: usize = 32;

/// A function of some rules, which bear different ones by the same name: each with what its script
/// reads, by which it is told from the others.
type Bodies = Vec<(Arc<Names>, Vec<String>, Stmt)>;

impl Coverage {
    /// Makes an engine and the rules that it loaded note what is seen of them, from now on.
    pub fn watch<'r>(engine: &mut Engine, rules: impl IntoIterator<Item = &'r mut Rule>) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        register(&mut engine.rhai, seen.clone());
        engine.rhai.set_max_operations(OPERATIONS).set_max_call_levels(CALL_LEVELS);
        let mut coverage = Self { rules: Vec::new(), points: Vec::new(), seen };
        let mut functions: BTreeMap<(String, usize), Bodies> = BTreeMap::new();
        for rule in rules {
            let id = rule.settings.id.clone();
            let Some(mut watcher) = Watcher::new(&engine.rhai, &rule.file, coverage.points.len())
            else {
                continue;
            };
            let text = load::read(&rule.file, &mut Vec::new()).unwrap_or_default();
            let Ok(mut script) = script::parse(&engine.rhai, &text) else { continue };
            let compiled = &mut rule.compiled;
            watcher.when(&mut compiled.when);
            compiled.then = watcher.asking(&compiled.then, compiled.then_at);
            if let Some((body, at)) = &mut compiled.resolved {
                *body = watcher.asking(body, *at);
            }
            // Of two functions by one name, Rhai takes that of the script before one of its own, but
            // not a watched one, which is none of the script's any more.
            let hides = |name: &str, arity: usize| {
                engine.functions.get(name).is_some_and(|known| known.contains(&arity))
            };
            script.ast.retain_functions(|_, _, name, arity| hides(name, arity));
            for (key, function) in script.functions {
                let is_entry = ["when", "then", "resolved"].contains(&key.0.as_str());
                if !is_entry && !hides(&key.0, key.1) {
                    let Function { parameters, mut body, at, .. } = function;
                    watcher.block(&mut body, false);
                    let body = script::block(body, at);
                    functions.entry(key).or_default().push((
                        compiled.names.clone(),
                        parameters,
                        body,
                    ));
                }
            }
            compiled.library = script.ast.shared_lib().clone();
            coverage.points.extend(watcher.points.into_iter().map(|point| (id.clone(), point)));
            coverage.rules.push(id);
        }
        for ((name, arity), bodies) in functions {
            define(&mut engine.rhai, &name, arity, bodies);
        }
        let mut all = coverage.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.resize(coverage.points.len(), Seen::default());
        drop(all);
        coverage
    }

    /// What was seen so far, rule by rule, in the order of the script.
    pub fn points(&self) -> BTreeMap<RuleId, Vec<Point>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut points: BTreeMap<RuleId, Vec<Point>> =
            self.rules.iter().map(|id| (id.clone(), Vec::new())).collect();
        for ((id, point), seen) in self.points.iter().zip(seen.iter()) {
            let point = Point { yes: seen.yes, no: seen.no, ..point.clone() };
            points.entry(id.clone()).or_default().push(point);
        }
        points.values_mut().for_each(|points| points.sort());
        points
    }
}

fn register(engine: &mut rhai::Engine, seen: Arc<Mutex<Vec<Seen>>>) {
    engine.register_fn(SEEN, move |point: i64, value: Dynamic| -> Dynamic {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = usize::try_from(point).ok().and_then(|point| seen.get_mut(point)) {
            match value.as_bool() {
                Ok(true) => seen.yes += 1,
                Ok(false) => seen.no += 1,
                Err(_) => {}
            }
        }
        value
    });
}

/// Defines a script's function as one of the engine's: Rhai lets nobody change a function's body.
fn define(engine: &mut rhai::Engine, name: &str, arity: usize, bodies: Bodies) {
    let types = vec![TypeId::of::<Dynamic>(); arity];
    let call = move |context: NativeCallContext, given: &mut [&mut Dynamic]| {
        if context.call_level() > CALL_LEVELS {
            return Err(EvalAltResult::ErrorStackOverflow(context.call_position()).into());
        }
        let (names, steps) =
            with_row(context.tag(), |row| Ok((row.names.clone(), row.steps.clone())))?;
        let found = bodies.iter().find(|(of, ..)| Arc::ptr_eq(of, &names));
        let Some((_, parameters, body)) = found else { return Err("no such function".into()) };
        let mut scope = Scope::new();
        for (name, value) in parameters.iter().zip(given.iter_mut()) {
            scope.push_dynamic(name.clone(), value.clone());
        }
        let mut global = context.global_runtime_state().clone();
        // What a function takes is counted in its own state, which nobody reads afterwards.
        global.num_operations = global.num_operations.max(steps.load(Ordering::Relaxed));
        #[allow(deprecated, reason = "not deprecated: Rhai marks what may still change")]
        let value: Result<Dynamic, _> = context.engine().eval_statements_raw(
            &mut global,
            &mut Caches::new(),
            &mut scope,
            std::slice::from_ref(body),
        );
        steps.store(global.num_operations, Ordering::Relaxed);
        value
    };
    engine.register_raw_fn(name, types, call);
}
