//! What a signal's cell can hold, and the facts that travel with a match.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

/// One cell of a signal. Dates and instants are text in ISO 8601, as rules see them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Absent: SQL's NULL, Rhai's `()`.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(String),
}

impl Value {
    /// The text of a cell that names something (an id, an address); `None` where it is absent or blank.
    pub fn as_name(&self) -> Option<String> {
        match self {
            Value::Null => None,
            Value::Text(text) => Some(text.trim()).filter(|t| !t.is_empty()).map(str::to_owned),
            other => Some(other.to_string()),
        }
    }

    /// The name of its type in the pack's words.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "absent",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "whole number",
            Value::Float(_) => "number",
            Value::Text(_) => "text",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("()"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{value:?}"),
            Value::Text(value) => f.write_str(value),
        }
    }
}

// By hand: JSON has no NaN and no infinity, so they travel as absent.
impl Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Float(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Null | Value::Float(_) => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Text(value) => serializer.serialize_str(value),
        }
    }
}

/// The fields of one row, by name.
pub type Fields = BTreeMap<String, Value>;

/// The name of one field that rules, templates or policy read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// `customer.plan`: a column of the spine.
    Customer(String),
    /// `customer.tickets.open`: a column of a one-row signal.
    Signal(super::SignalName, String),
    /// `order.order_date`: a column of the keyed signal that the rule is about.
    Subject(String),
}

impl Field {
    /// The column's name.
    pub fn column(&self) -> &str {
        match self {
            Self::Customer(column) | Self::Signal(_, column) | Self::Subject(column) => column,
        }
    }

    /// The signal that gives it, in a rule about `about`; none for the spine.
    pub fn signal<'a>(&'a self, about: &'a super::About) -> Option<&'a super::SignalName> {
        match (self, about) {
            (Self::Signal(signal, _), _) => Some(signal),
            (Self::Subject(_), super::About::Signal(signal)) => Some(signal),
            _ => None,
        }
    }
}

/// What is known of one subject: every field that its rule, its templates or policy read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Columns of the spine.
    pub customer: Fields,
    /// Rows of one-row signals, by the signal's name.
    pub signals: BTreeMap<String, Fields>,
    /// The row of the keyed signal; empty for a rule about customers.
    pub subject: Fields,
}

impl Facts {
    /// What is known of a field; none where nobody looked at it.
    pub fn get(&self, field: &Field) -> Option<&Value> {
        match field {
            Field::Customer(name) => self.customer.get(name),
            Field::Subject(name) => self.subject.get(name),
            Field::Signal(signal, name) => self.signals.get(signal.as_str())?.get(name),
        }
    }

    /// Takes over what others know of the same subject, as far as it is in `fields`.
    pub fn complete(&mut self, others: &Facts, fields: &BTreeSet<Field>) {
        for field in fields {
            let (theirs, own, name) = match field {
                Field::Customer(name) => (Some(&others.customer), &mut self.customer, name),
                Field::Subject(name) => (Some(&others.subject), &mut self.subject, name),
                Field::Signal(signal, name) => {
                    let own = self.signals.entry(signal.as_str().to_owned()).or_default();
                    (others.signals.get(signal.as_str()), own, name)
                }
            };
            if let Some(value) = theirs.and_then(|fields| fields.get(name)) {
                own.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }

    /// The customer these facts are about.
    pub fn customer(&self) -> super::Customer<'_> {
        super::Customer(&self.customer)
    }
}
