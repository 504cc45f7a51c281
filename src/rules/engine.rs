//! The engine: rules and conditions against rows.
//! What Rhai gives is the result; nothing here has a meaning of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, PoisonError};

use rhai::{Caches, Dynamic, GlobalRuntimeState, Module, Scope, Shared, Stmt};

use super::check::{self, Written};
use super::load::CheckAbout;
use super::reading::{Kind, Part, Reader};
use super::row::{Names, Row, RowKind, Slot};
use super::row_error::{RowError, describe};
use super::source::Source;
use super::{EpisodeSoFar, Judged, Rule, load, sandbox, script, syntax};
use crate::domain::{Asked, Batch, Facts, Field, Instant, Place, Problem, RuleId, Value};
use crate::policy::Calendar;
use crate::predicate::Moment;

/// Loads rules and evaluates them, in a sandbox with limits. It keeps nothing between two calls.
pub struct Engine {
    pub(super) rhai: rhai::Engine,
    pub(super) functions: sandbox::Functions,
    calendar: Arc<Calendar>,
}

/// A condition over a customer's facts: a topic's `mute_when`.
#[derive(Clone, Debug)]
pub struct Condition {
    body: Stmt,
    names: Arc<Names>,
    reads: BTreeSet<Field>,
    /// What `body` was before its fields became variables.
    pub(super) statements: Vec<Stmt>,
    pub(super) written: Arc<Written>,
}

impl Condition {
    /// Every field that it reads.
    pub fn reads(&self) -> BTreeSet<Field> {
        self.reads.clone()
    }

    /// What the engine runs, and what its names stand for.
    pub(super) fn parts(&self) -> (&Stmt, &Arc<Names>) {
        (&self.body, &self.names)
    }
}

impl Engine {
    /// An engine that counts days and working hours in this calendar.
    pub fn new(calendar: &Calendar) -> Self {
        let rhai = sandbox::engine();
        let functions = sandbox::functions(&rhai);
        Self { rhai, functions, calendar: Arc::new(calendar.clone()) }
    }

    /// Reads `folder/rule.rhai`. `None` where it can't be used; the problems say why.
    /// What it is about is checked by `check_about`, before anything is said that follows from it.
    pub fn load(
        &self,
        folder: &Path,
        id: RuleId,
        check_about: &CheckAbout<'_>,
        problems: &mut Vec<Problem>,
    ) -> Option<Rule> {
        load::load(&self.rhai, &self.functions, folder, id, check_about, problems)
    }

    /// The rows of a batch for which the rule's `when` is true, and those on which it raises.
    /// A field that the rule reads and the batch lacks raises on every row that reads it.
    pub fn judge(&self, rule: &Rule, batch: &Batch, as_of: Instant) -> Judged {
        self.judge_rows(rule, batch, 0..batch.len(), as_of)
    }

    /// The same for some of the rows, which come in order.
    pub(super) fn judge_rows(
        &self,
        rule: &Rule,
        batch: &Batch,
        rows: impl IntoIterator<Item = usize>,
        as_of: Instant,
    ) -> Judged {
        let compiled = &rule.compiled;
        let read = &compiled.names.slots[..compiled.when_slots];
        let mut row = Row::new(compiled.names.clone(), self.moment(as_of));
        for (slot, field) in read.iter().enumerate() {
            if let Some(column) = field.field().and_then(|field| batch.layout.position(field)) {
                row.lay(slot, batch.columns[column].clone());
            }
        }
        let mut evaluation = Evaluation::new(&self.rhai, row, Some(&compiled.library));
        let mut judged = Judged::default();
        for number in rows {
            evaluation.go_to(number);
            let verdict = evaluation.evaluate(&compiled.when, compiled.when_at).and_then(|value| {
                value
                    .as_bool()
                    .map_err(|_| RowError::at(compiled.when_at, no_verdict("`when`", &value)))
            });
            match verdict {
                Ok(true) => judged.matched.push(number),
                Ok(false) => {}
                Err(error) => judged.errors.push((number, error)),
            }
        }
        judged
    }

    /// What the rule's `then` asks for, in its order.
    pub fn ask(
        &self,
        rule: &Rule,
        facts: &Facts,
        episode: EpisodeSoFar,
        as_of: Instant,
    ) -> Result<Vec<Asked>, RowError> {
        let mut row = self.row(&rule.compiled.names, facts, as_of);
        for (number, slot) in rule.compiled.names.slots.iter().enumerate() {
            match slot {
                Slot::EpisodeContacts => row.fill(number, Value::Int(episode.contacts.into())),
                Slot::EpisodeDays => row.fill(number, Value::Int(episode.days)),
                Slot::Field(_) => {}
            }
        }
        self.collect(rule, row, &rule.compiled.then, rule.compiled.then_at)
    }

    /// What the rule's `resolved` asks for, in its order; nothing where it has none.
    pub fn ask_last_word(
        &self,
        rule: &Rule,
        facts: &Facts,
        as_of: Instant,
    ) -> Result<Vec<Asked>, RowError> {
        let Some((body, at)) = &rule.compiled.resolved else { return Ok(Vec::new()) };
        self.collect(rule, self.row(&rule.compiled.names, facts, as_of), body, *at)
    }

    /// Runs a body that asks. Only what it asks for counts; the value of its last line means nothing.
    fn collect(
        &self,
        rule: &Rule,
        row: Row,
        body: &Stmt,
        at: rhai::Position,
    ) -> Result<Vec<Asked>, RowError> {
        let asked = row.asked.clone();
        let mut evaluation = Evaluation::new(&self.rhai, row, Some(&rule.compiled.library));
        let _ = evaluation.evaluate(body, at)?;
        let asked = std::mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(asked)
    }

    /// A condition over `customer`. `None` where it can't be used; the problems, at `place`, say why.
    pub fn condition(
        &self,
        text: &str,
        place: Place,
        problems: &mut Vec<Problem>,
    ) -> Option<Condition> {
        let mut found = Vec::new();
        let parsed = self.rhai.compile_expression(text);
        let (functions, constants) = (BTreeMap::new(), BTreeMap::new());
        let mut reader =
            Reader::new(&place.file, &functions, &self.functions, &constants, &mut found);
        let body = match &parsed {
            Ok(ast) => {
                let customer = ("customer".to_owned(), Kind::Row(RowKind::Customer));
                reader.read(Part::Condition, [customer], ast.statements().to_vec())
            }
            Err(error) => {
                reader.problems.push(syntax::of_condition(&place.file, text, error));
                Vec::new()
            }
        };
        let slots: Vec<Slot> = reader.slots.into_iter().map(|(slot, _)| slot).collect();
        if !found.is_empty() {
            // The script's own line and column mean nothing in the file that quotes it.
            problems.extend(
                found.into_iter().map(|problem| Problem {
                    place: place.clone(),
                    ..check::quoted(text, problem)
                }),
            );
            return None;
        }
        let reads = slots.iter().filter_map(Slot::field).cloned().collect();
        let names = Arc::new(Names { slots, constants });
        let statements = parsed.map(|ast| ast.statements().to_vec()).unwrap_or_default();
        let source = Source::quoted(&place, text);
        let written = Written { source, functions, constants: BTreeMap::new() };
        let body = script::block(body, rhai::Position::NONE);
        Some(Condition { body, names, reads, statements, written: Arc::new(written) })
    }

    /// Where the condition is true of a customer: the values that it reads, as `customer.tickets.open`.
    pub fn holds(
        &self,
        condition: &Condition,
        facts: &Facts,
        as_of: Instant,
    ) -> Result<Option<BTreeMap<String, Value>>, RowError> {
        let row = self.row(&condition.names, facts, as_of);
        let value = Evaluation::new(&self.rhai, row, None)
            .evaluate(&condition.body, rhai::Position::NONE)?;
        let holds = value
            .as_bool()
            .map_err(|_| RowError::at(rhai::Position::NONE, no_verdict("the condition", &value)))?;
        let read = |field: &Field| Some((field_name(field), facts.get(field)?.clone()));
        Ok(holds.then(|| condition.reads.iter().filter_map(read).collect()))
    }

    /// An instant in the engine's calendar.
    pub fn moment(&self, as_of: Instant) -> Moment {
        Moment::new(&self.calendar, as_of)
    }

    /// What a body gives on one subject's facts, with these names and functions.
    pub(super) fn evaluate_alone(
        &self,
        (names, library): (&Arc<Names>, Option<&Shared<Module>>),
        body: &Stmt,
        facts: &Facts,
        as_of: Instant,
        begins: rhai::Position,
    ) -> Result<Dynamic, RowError> {
        let row = self.row(names, facts, as_of);
        Evaluation::new(&self.rhai, row, library).evaluate(body, begins)
    }

    fn row(&self, names: &Arc<Names>, facts: &Facts, as_of: Instant) -> Row {
        let mut row = Row::new(names.clone(), self.moment(as_of));
        for (number, slot) in names.slots.iter().enumerate() {
            if let Some(value) = slot.field().and_then(|field| facts.get(field)) {
                row.fill(number, value.clone());
            }
        }
        row
    }
}

/// One script on one row after another, with Rhai's state kept between them.
struct Evaluation<'e> {
    engine: &'e rhai::Engine,
    library: Option<&'e Shared<Module>>,
    global: GlobalRuntimeState,
    caches: Caches,
    scope: Scope<'static>,
}

impl<'e> Evaluation<'e> {
    fn new(engine: &'e rhai::Engine, row: Row, library: Option<&'e Shared<Module>>) -> Self {
        let tag = Dynamic::from(row);
        let global = state(engine, tag, library);
        Self { engine, library, global, caches: Caches::new(), scope: Scope::new() }
    }

    fn go_to(&mut self, number: usize) {
        if let Some(mut row) = self.global.tag.write_lock::<Row>() {
            row.go_to(number);
        }
    }

    /// `at` is where the body begins: for what Rhai raises without a place.
    fn evaluate(&mut self, body: &Stmt, at: rhai::Position) -> Result<Dynamic, RowError> {
        self.global.num_operations = Default::default();
        #[allow(deprecated, reason = "not deprecated: Rhai marks what may still change")]
        let result = self.engine.eval_statements_raw(
            &mut self.global,
            &mut self.caches,
            &mut self.scope,
            std::slice::from_ref(body),
        );
        result.map_err(|error| {
            // What a failed evaluation leaves behind touches no other row.
            let tag = std::mem::take(&mut self.global.tag);
            self.global = state(self.engine, tag, self.library);
            self.caches = Caches::new();
            self.scope = Scope::new();
            RowError::raised(&error, at)
        })
    }
}

fn state(
    engine: &rhai::Engine,
    tag: Dynamic,
    library: Option<&Shared<Module>>,
) -> GlobalRuntimeState {
    let mut global = engine.new_global_runtime_state();
    global.tag = tag;
    global.lib.extend(library.cloned());
    global
}

fn field_name(field: &Field) -> String {
    match field {
        Field::Customer(name) => format!("customer.{name}"),
        Field::Signal(signal, name) => format!("customer.{signal}.{name}"),
        Field::Subject(name) => name.clone(),
    }
}

fn no_verdict(what: &str, value: &Dynamic) -> String {
    let hint = if value.is_unit() { "; does every way through it end with a value?" } else { "" };
    format!("{what} has to give true or false, and gave {}{hint}", describe(value))
}
