//! What a field can hold: the kinds of its values, whether it may be absent, and where that is known
//! from. What is not known is never guessed.

use std::collections::BTreeMap;
use std::fmt;

use super::{About, Field, SignalName, Value, day_of_text, parse_instant};

/// A kind of value, as a rule gets it. Dates and instants are texts of a fixed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number with a fraction.
    Float,
    /// A text that is neither a date nor an instant.
    Text,
    /// A date, as text `YYYY-MM-DD`.
    Date,
    /// A point in time, as text in ISO 8601.
    Instant,
}

/// Several kinds; none where nothing is known, so that it may be any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u8);

/// Whether a field may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It is, or will be, absent for some.
    Possible(Absent),
    /// Nothing rules it out, and none of the rows has it so.
    Unseen,
    /// It never is.
    Impossible,
    /// Nothing is known.
    Unknown,
}

/// Why a field may be absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// So many rows have nothing in it.
    Empty(u64),
    /// A customer may have no row in the signal, which names no default for the field; and of the
    /// rows that are there, so many have nothing in it.
    NoRow(SignalName, u64),
}

/// Where a field's type is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownFrom {
    /// A database or a snapshot: its types and all its rows.
    Source,
    /// The facts of the pack's cases.
    Cases,
}

/// What a field can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldType {
    /// The kinds of its values.
    pub kinds: Kinds,
    /// Whether it may be absent.
    pub absence: Absence,
    /// Where that is known from.
    pub known_from: KnownFrom,
}

/// What the columns of each signal can hold, the spine's included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldTypes(pub BTreeMap<SignalName, BTreeMap<String, FieldType>>);

impl Kind {
    /// The kind of a value; none where it is absent.
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Float(_) => Self::Float,
            Value::Text(text) if day_of_text(text).is_some() => Self::Date,
            Value::Text(text) if parse_instant(text).is_some() => Self::Instant,
            Value::Text(_) => Self::Text,
        })
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int => "a whole number",
            Self::Float => "a number with a fraction",
            Self::Text => "text",
            Self::Date => "a date",
            Self::Instant => "an instant",
        }
    }

    const ALL: [Self; 6] =
        [Self::Bool, Self::Int, Self::Float, Self::Text, Self::Date, Self::Instant];
}

impl Kinds {
    /// These and one more.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Whether a kind is among them; never where nothing is known.
    pub fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }

    /// Whether nothing is known.
    pub fn is_unknown(self) -> bool {
        self.0 == 0
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::default(), Self::with)
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Kind::words).collect();
        match words.split_last() {
            None => f.write_str("of an unknown kind"),
            Some((last, [])) => f.write_str(last),
            Some((last, rest)) => write!(f, "{} or {last}", rest.join(", ")),
        }
    }
}

impl FieldTypes {
    /// What a column of a signal can hold; none where nobody knows it.
    pub fn column(&self, signal: &SignalName, column: &str) -> Option<&FieldType> {
        self.0.get(signal)?.get(column)
    }

    /// What a field can hold in a rule about `about`; none where nobody knows it.
    pub fn field(&self, about: &About, field: &Field) -> Option<&FieldType> {
        match field.signal(about) {
            Some(signal) => self.column(signal, field.column()),
            None => self.column(&SignalName::from("customers"), field.column()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_as_words() {
        let kinds: Kinds = [Kind::Text, Kind::Int, Kind::Int].into_iter().collect();
        assert_eq!(kinds.to_string(), "a whole number or text");
        assert_eq!(Kinds::default().to_string(), "of an unknown kind");
        assert!(kinds.has(Kind::Int) && !kinds.has(Kind::Bool) && !Kinds::default().has(Kind::Int));
    }

    #[test]
    fn the_form_of_a_text_tells_dates_and_instants_from_others() {
        for (text, kind) in [
            ("1998-05-07", Kind::Date),
            ("1998-05-07T09:00:00Z", Kind::Instant),
            ("1998-05-07 09:00:00", Kind::Instant),
            ("1998-02-30", Kind::Text),
            ("basic", Kind::Text),
            ("", Kind::Text),
        ] {
            assert_eq!(Kind::of(&Value::Text(text.to_owned())), Some(kind), "{text}");
        }
        assert_eq!(Kind::of(&Value::Null), None);
    }
}
