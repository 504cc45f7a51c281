//! What a script sees of the one row under evaluation: its facts, the instant, and where its asks go.
//! A value that was not handed in is never read as `()`: reading it is an error.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rhai::{Dynamic, EvalAltResult, EvalContext, ImmutableString, NativeCallContext};

use crate::domain::{Asked, Column, Field, Value};
use crate::predicate::Moment;

const NO_ROW: &str = "there is no row to look at here";

/// Index of the first slot among a script's variables; real variables stay far below.
pub(super) const FIRST_SLOT: usize = 1 << 20;

/// One value that a script reads by a chain of names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    /// `customer.plan`, `customer.tickets.open`, `order.order_date`.
    Field(Field),
    /// `episode.contacts`.
    EpisodeContacts,
    /// `episode.days`.
    EpisodeDays,
}

/// A whole row, handed from one function of a script to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowKind {
    Customer,
    Subject,
    Episode,
}

/// A row of a one-row signal, on its way from `customer` to one of its fields.
#[derive(Clone, Debug)]
struct SignalRow(ImmutableString);

/// What a script reads by name, found when it was loaded.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Every slot.
    pub(super) slots: Vec<Slot>,
    /// Every constant at the script's top.
    pub(super) constants: BTreeMap<String, Dynamic>,
}

/// The row under evaluation; it travels as the tag of Rhai's state.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) names: Arc<Names>,
    /// Which row of the columns it is.
    number: usize,
    /// One a slot; none where the values were not handed in.
    columns: Vec<Option<Arc<Column>>>,
    /// One a slot: what was read last, and of which row. Most slots of most rows are never read.
    seen: Vec<Option<(usize, Dynamic)>>,
    pub(super) moment: Moment,
    /// What `then` has asked for so far.
    pub(super) asked: Arc<Mutex<Vec<Asked>>>,
    /// The steps that watched functions have taken on this row; nobody else counts here.
    pub(super) steps: Arc<AtomicU64>,
}

impl Row {
    /// A row without values.
    pub(super) fn new(names: Arc<Names>, moment: Moment) -> Self {
        let slots = names.slots.len();
        let (columns, seen) = (vec![None; slots], vec![None; slots]);
        let (asked, steps) = (Arc::default(), Arc::default());
        Self { names, number: 0, columns, seen, moment, asked, steps }
    }

    /// Says where the values of a slot stand.
    pub(super) fn lay(&mut self, slot: usize, column: Arc<Column>) {
        self.columns[slot] = Some(column);
    }

    /// Puts the only value of a slot there.
    pub(super) fn fill(&mut self, slot: usize, value: Value) {
        self.lay(slot, Arc::new(Column::of([value])));
    }

    /// Goes to another row of the columns.
    pub(super) fn go_to(&mut self, number: usize) {
        self.number = number;
        self.steps.store(0, Ordering::Relaxed);
    }

    fn column(&self, slot: usize) -> Result<&Column, Box<EvalAltResult>> {
        let column = self.columns.get(slot).and_then(Option::as_ref);
        column
            .filter(|column| self.number < column.len())
            .map(Arc::as_ref)
            .ok_or_else(|| format!("`{}` is not among the facts", self.slot_name(slot)).into())
    }

    /// A value of the row. A text that is the last one's is kept: columns repeat themselves.
    fn read(&mut self, slot: usize) -> Result<Dynamic, Box<EvalAltResult>> {
        let column = self.column(slot)?;
        if let Some((of, seen)) = &self.seen[slot]
            && (*of == self.number || is_text(seen, column, self.number))
        {
            return Ok(seen.clone());
        }
        let value = cell_to_dynamic(column, self.number);
        self.seen[slot] = Some((self.number, value.clone()));
        Ok(value)
    }

    fn slot_name(&self, slot: usize) -> String {
        match self.names.slots.get(slot) {
            Some(Slot::Field(Field::Customer(name))) => format!("customer.{name}"),
            Some(Slot::Field(Field::Signal(signal, name))) => format!("customer.{signal}.{name}"),
            Some(Slot::Field(Field::Subject(name))) => name.clone(),
            Some(Slot::EpisodeContacts) => "episode.contacts".to_owned(),
            Some(Slot::EpisodeDays) => "episode.days".to_owned(),
            None => "?".to_owned(),
        }
    }

    fn read_slot(&self, slot: &Slot) -> Result<Dynamic, Box<EvalAltResult>> {
        let position = self.names.slots.iter().position(|s| s == slot);
        let column = self.column(position.unwrap_or(usize::MAX))?;
        Ok(cell_to_dynamic(column, self.number))
    }

    fn property(&self, row: RowKind, name: &str) -> Result<Dynamic, Box<EvalAltResult>> {
        match (row, name) {
            (RowKind::Episode, "contacts") => self.read_slot(&Slot::EpisodeContacts),
            (RowKind::Episode, _) => self.read_slot(&Slot::EpisodeDays),
            (RowKind::Subject, name) => {
                self.read_slot(&Slot::Field(Field::Subject(name.to_owned())))
            }
            (RowKind::Customer, name) => {
                let is_signal = |slot: &Slot| matches!(slot, Slot::Field(Field::Signal(signal, _)) if signal.as_str() == name);
                if self.names.slots.iter().any(is_signal) {
                    return Ok(Dynamic::from(SignalRow(name.into())));
                }
                self.read_slot(&Slot::Field(Field::Customer(name.to_owned())))
            }
        }
    }
}

/// Makes an engine read slots and constants, and rows that were handed to a function.
pub(super) fn register(engine: &mut rhai::Engine) {
    #[allow(deprecated, reason = "not deprecated: Rhai marks what may still change")]
    engine.on_var(resolve);
    engine.register_indexer_get(
        |context: NativeCallContext, row: &mut RowKind, name: ImmutableString| {
            with_row(context.tag(), |seen| seen.property(*row, &name))
        },
    );
    engine.register_indexer_get(
        |context: NativeCallContext, row: &mut SignalRow, name: ImmutableString| {
            let field = Field::Signal(row.0.as_str().into(), name.to_string());
            with_row(context.tag(), |seen| seen.read_slot(&Slot::Field(field)))
        },
    );
}

/// Gives `read` the row under evaluation.
pub(super) fn with_row<T>(
    tag: Option<&Dynamic>,
    read: impl FnOnce(&Row) -> Result<T, Box<EvalAltResult>>,
) -> Result<T, Box<EvalAltResult>> {
    match tag.and_then(Dynamic::read_lock::<Row>) {
        Some(row) => read(&row),
        None => Err(NO_ROW.into()),
    }
}

fn is_text(seen: &Dynamic, column: &Column, row: usize) -> bool {
    column
        .text(row)
        .is_some_and(|text| seen.as_immutable_string_ref().is_ok_and(|seen| seen.as_str() == text))
}

/// A cell as Rhai sees it.
fn cell_to_dynamic(column: &Column, row: usize) -> Dynamic {
    match column.text(row) {
        Some(text) => ImmutableString::from(text).into(),
        None => to_dynamic(&column.value(row)),
    }
}

/// A value as Rhai sees it.
pub(super) fn to_dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(value) => ImmutableString::from(value.as_str()).into(),
    }
}

/// A value as the rest of Lookout sees it; `None` for lists, maps and other things that no cell holds.
pub(super) fn from_dynamic(value: &Dynamic) -> Option<Value> {
    if value.is_unit() {
        return Some(Value::Null);
    }
    let text = || value.as_immutable_string_ref().ok().map(|t| Value::Text(t.to_string()));
    (value.as_bool().map(Value::Bool).ok())
        .or_else(|| value.as_int().map(Value::Int).ok())
        .or_else(|| value.as_float().map(Value::Float).ok())
        .or_else(text)
}

fn resolve(
    name: &str,
    index: usize,
    mut context: EvalContext,
) -> Result<Option<Dynamic>, Box<EvalAltResult>> {
    match index {
        0 => with_row(Some(context.tag()), |row| Ok(row.names.constants.get(name).cloned())),
        FIRST_SLOT.. => match context.tag_mut().write_lock::<Row>() {
            Some(mut row) => row.read(index - FIRST_SLOT).map(Some),
            None => Err(NO_ROW.into()),
        },
        _ => Ok(None),
    }
}

impl Slot {
    /// The field, where it is one.
    pub(super) fn field(&self) -> Option<&Field> {
        match self {
            Self::Field(field) => Some(field),
            Self::EpisodeContacts | Self::EpisodeDays => None,
        }
    }
}
