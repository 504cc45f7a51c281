//! What is known of a value before any row is seen: of which kinds it may be, between which numbers,
//! which texts. It may hold more than what really comes, never less.

use std::collections::BTreeSet;
use std::sync::Arc;

use rhai::Dynamic;

use super::scene::Term;
use crate::domain::{Absence, Absent, FieldType, Kind, SignalName, Value};
use crate::rules::row::from_dynamic;
use crate::rules::source::Spot;

/// Kinds that a value may be of, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Is(u16);

impl Is {
    pub(super) const NOTHING: Self = Self(0);
    pub(super) const ABSENT: Self = Self(1);
    pub(super) const FALSE: Self = Self(2);
    pub(super) const TRUE: Self = Self(4);
    pub(super) const INT: Self = Self(8);
    pub(super) const FLOAT: Self = Self(16);
    /// A number that is none, or infinite.
    pub(super) const ODD: Self = Self(32);
    /// Any text.
    pub(super) const TEXT: Self = Self(64);
    pub(super) const DATE: Self = Self(128);
    pub(super) const INSTANT: Self = Self(256);
    /// What no cell holds: a list, a map, a character.
    pub(super) const OTHER: Self = Self(512);
    pub(super) const BOOL: Self = Self(2 | 4);
    pub(super) const NUMBER: Self = Self(8 | 16 | 32);
    pub(super) const WORDS: Self = Self(64 | 128 | 256);
    /// What a cell holds.
    pub(super) const CELL: Self = Self(511);
    pub(super) const ANY: Self = Self(1023);

    /// What is in one of both.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether one of these is among them.
    pub(super) const fn has(self, some: Self) -> bool {
        self.0 & some.0 != 0
    }

    /// Whether it is nothing else than these.
    pub(super) const fn only(self, these: Self) -> bool {
        self.0 & !these.0 == 0
    }

    /// In words, without what is absent.
    pub(super) fn words(self) -> String {
        let mut words = Vec::new();
        for (kind, said) in [
            (Self::BOOL, Kind::Bool.words()),
            (Self::INT, Kind::Int.words()),
            (Self::FLOAT.or(Self::ODD), Kind::Float.words()),
            (Self::TEXT, Kind::Text.words()),
            (Self::DATE, Kind::Date.words()),
            (Self::INSTANT, Kind::Instant.words()),
        ] {
            if self.has(kind) {
                words.push(said);
            }
        }
        match words.as_slice() {
            [] if self.has(Self::ABSENT) => "absent".to_owned(),
            words => words.join(" or "),
        }
    }
}

impl From<Kind> for Is {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::BOOL,
            Kind::Int => Self::INT,
            Kind::Float => Self::FLOAT.or(Self::ODD),
            Kind::Text => Self::TEXT,
            Kind::Date => Self::DATE,
            Kind::Instant => Self::INSTANT,
        }
    }
}

/// Which texts a value may be.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Texts {
    /// All but these.
    But(BTreeSet<String>),
    /// One of these.
    Only(BTreeSet<String>),
}

/// Why a value may be absent, where that is worth telling.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reason {
    /// The field that may be absent, as people write it.
    pub(super) field: String,
    /// Why: `a customer may have no row in …`.
    pub(super) why: String,
    /// For what a script itself leaves out: where it does, and what helps.
    pub(super) left_out: Option<(Spot, &'static str)>,
    /// For a field of a signal in which there may be no row: which, and in how many of its rows
    /// there is nothing in the field.
    pub(super) no_row: Option<(SignalName, u64)>,
}

impl Reason {
    fn new(field: &str, why: String) -> Self {
        Self { field: field.to_owned(), why, left_out: None, no_row: None }
    }

    /// Some rows have nothing in a field.
    fn empty(field: &str, rows: u64) -> Option<Arc<Self>> {
        let why = match rows {
            0 => return None,
            1 => "it is empty in a row".to_owned(),
            rows => format!("it is empty in {rows} rows"),
        };
        Some(Arc::new(Self::new(field, why)))
    }

    /// Why it may still be absent where the signal has a row.
    pub(super) fn within_row(&self) -> Option<Arc<Self>> {
        self.no_row.as_ref().and_then(|(_, rows)| Self::empty(&self.field, *rows))
    }
}

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    pub(super) is: Is,
    /// The least that an ordinary number among its values may be.
    pub(super) low: f64,
    /// The most.
    pub(super) high: f64,
    pub(super) texts: Texts,
    /// Why it may be absent; none where it can't be, or where nobody knows whether it ever is.
    pub(super) absent: Option<Arc<Reason>>,
    /// Where whole numbers were divided for it, so that a fraction may have been cut off.
    pub(super) cut: Option<Spot>,
    /// For `x ?? fallback`: what `x` is, and what is known of that which stands in for it.
    pub(super) stands_in: Option<Arc<(Term, Known)>>,
}

/// Beyond this, not every whole number has a place among the numbers with a fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Known {
    pub(super) fn of(is: Is) -> Self {
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        Self {
            is,
            low,
            high,
            texts: Texts::But(BTreeSet::new()),
            absent: None,
            cut: None,
            stands_in: None,
        }
    }

    pub(super) fn any() -> Self {
        Self::of(Is::ANY)
    }

    pub(super) fn between(low: f64, high: f64) -> Self {
        Self { low, high, ..Self::of(Is::INT) }
    }

    pub(super) fn boolean(value: bool) -> Self {
        Self::of(if value { Is::TRUE } else { Is::FALSE })
    }

    pub(super) fn verdict(may_be_true: bool, may_be_false: bool) -> Self {
        let yes = if may_be_true { Is::TRUE } else { Is::NOTHING };
        Self::of(yes.or(if may_be_false { Is::FALSE } else { Is::NOTHING }))
    }

    pub(super) fn constant(value: &Dynamic) -> Self {
        match (from_dynamic(value), value.as_char()) {
            (Some(value), _) => Self::value(&value),
            // One letter in single quotes is compared as a text of that letter.
            (None, Ok(letter)) => Self::value(&Value::Text(letter.to_string())),
            _ => Self::of(Is::OTHER),
        }
    }

    pub(super) fn value(value: &Value) -> Self {
        match value {
            Value::Null => Self::of(Is::ABSENT),
            Value::Bool(value) => Self::boolean(*value),
            Value::Int(value) => {
                let exact = *value as f64;
                let slack = if exact.abs() < EXACT { 0.0 } else { slack(exact) };
                Self::between(exact - slack, exact + slack)
            }
            Value::Float(value) if !value.is_finite() => Self::of(Is::ODD),
            Value::Float(value) => Self { is: Is::FLOAT, ..Self::between(*value, *value) },
            Value::Text(text) => Self {
                texts: Texts::Only([text.clone()].into()),
                ..Self::of(Kind::of(&Value::Text(text.clone())).map_or(Is::TEXT, Is::from))
            },
        }
    }

    /// What a field holds. `name` is how people write it.
    pub(super) fn field(of: Option<&FieldType>, name: &str) -> Self {
        let Some(of) = of else { return Self::of(Is::CELL) };
        let kinds = of.kinds.iter().fold(Is::NOTHING, |is, kind| is.or(Is::from(kind)));
        let kinds = if of.kinds.is_unknown() { Is::CELL } else { kinds };
        let (is, absent) = match &of.absence {
            Absence::Impossible => (kinds.without(Is::ABSENT), None),
            Absence::Unseen | Absence::Unknown => (kinds.or(Is::ABSENT), None),
            Absence::Possible(Absent::Empty(rows)) => {
                (kinds.or(Is::ABSENT), Reason::empty(name, *rows))
            }
            Absence::Possible(Absent::NoRow(signal, rows)) => {
                let why = format!("a customer may have no row in `{signal}`");
                let no_row = Some((signal.clone(), *rows));
                let reason = Reason { no_row, ..Reason::new(name, why) };
                (kinds.or(Is::ABSENT), Some(Arc::new(reason)))
            }
        };
        Self { absent, ..Self::of(is) }
    }

    /// What a script leaves out: why, where, and what helps.
    pub(super) fn left_out(why: &str, spot: Spot, cure: &'static str) -> Self {
        let reason = Reason { left_out: Some((spot, cure)), ..Reason::new("", why.to_owned()) };
        Self { absent: Some(Arc::new(reason)), ..Self::of(Is::ABSENT) }
    }

    /// What is one or the other.
    pub(super) fn or(&self, other: &Self) -> Self {
        let numbers = Is::INT.or(Is::FLOAT);
        let (low, high) = match (self.is.has(numbers), other.is.has(numbers)) {
            (true, true) => (self.low.min(other.low), self.high.max(other.high)),
            (true, false) => (self.low, self.high),
            (false, _) => (other.low, other.high),
        };
        let texts = match (self.is.has(Is::WORDS), other.is.has(Is::WORDS)) {
            (true, true) => self.texts.or(&other.texts),
            (true, false) => self.texts.clone(),
            (false, _) => other.texts.clone(),
        };
        let absent = self.absent.clone().or_else(|| other.absent.clone());
        let cut = self.cut.or(other.cut);
        let stands_in =
            self.stands_in.clone().filter(|same| other.stands_in.as_ref() == Some(same));
        Self { is: self.is.or(other.is), low, high, texts, absent, cut, stands_in }
    }

    /// The same without some kinds.
    pub(super) fn without(&self, kinds: Is) -> Self {
        let absent = self.absent.clone().filter(|_| !kinds.has(Is::ABSENT));
        Self { is: self.is.without(kinds), absent, ..self.clone() }
    }

    /// The same, as far as its numbers lie between these.
    pub(super) fn within(&self, low: f64, high: f64) -> Self {
        let (mut low, mut high) = (self.low.max(low), self.high.min(high));
        if !self.is.has(Is::FLOAT) {
            (low, high) = (low.ceil(), high.floor());
        }
        let gone = if low > high { Is::INT.or(Is::FLOAT) } else { Is::NOTHING };
        Self { is: self.is.without(gone), low, high, ..self.clone() }
    }

    /// The same, as far as its texts are these.
    pub(super) fn saying(&self, texts: Texts) -> Self {
        let gone = match &texts {
            Texts::Only(texts) if texts.is_empty() => Is::WORDS,
            _ => Is::NOTHING,
        };
        Self { is: self.is.without(gone), texts, ..self.clone() }
    }

    /// Whether it is one value and no other.
    pub(super) fn is_one(&self) -> bool {
        match self.is {
            Is::ABSENT | Is::TRUE | Is::FALSE => true,
            Is::INT | Is::FLOAT => self.low == self.high,
            _ => self.only_text().is_some(),
        }
    }

    /// The one text that it is, if it is nothing else.
    pub(super) fn only_text(&self) -> Option<&str> {
        match &self.texts {
            Texts::Only(texts) if self.is.only(Is::WORDS) && texts.len() == 1 => {
                texts.first().map(String::as_str)
            }
            _ => None,
        }
    }

    /// Whether its numbers are whole and small enough to be told apart.
    pub(super) fn is_exact(&self) -> bool {
        let small = |bound: f64| bound.is_infinite() || bound.abs() < EXACT;
        !self.is.has(Is::FLOAT.or(Is::ODD)) && small(self.low) && small(self.high)
    }
}

/// How far two numbers of this size may lie apart and be equal to Rhai, and more.
pub(super) fn slack(number: f64) -> f64 {
    match number.is_finite() {
        true => 8.0 * f64::EPSILON * number.abs().max(1.0),
        false => 0.0,
    }
}

impl Texts {
    fn or(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(a.union(b).cloned().collect()),
            (Self::But(a), Self::But(b)) => Self::But(a.intersection(b).cloned().collect()),
            (Self::But(but), Self::Only(only)) | (Self::Only(only), Self::But(but)) => {
                Self::But(but.difference(only).cloned().collect())
            }
        }
    }

    /// What is in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(a.intersection(b).cloned().collect()),
            (Self::But(a), Self::But(b)) => Self::But(a.union(b).cloned().collect()),
            (Self::But(but), Self::Only(only)) | (Self::Only(only), Self::But(but)) => {
                Self::Only(only.difference(but).cloned().collect())
            }
        }
    }
}
