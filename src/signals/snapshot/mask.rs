//! Stand-ins for personal data. Equal stays equal, an address stays an address and what is none
//! stays none; no stand-in can be led back to what it stands for, and none is anybody's number.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use sha2::{Digest, Sha256};

use super::SnapshotOptions;
use crate::domain::{
    About, Facts, Field, Fields, Instant, Value, normalise_email, normalise_phone, parse_instant,
};
use crate::signals::{Column, ColumnKind, Signal, Signals};

/// What stands in a masked snapshot for a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stand {
    /// The value itself.
    Keep,
    /// The value itself, though it is personal: no stand-in would leave the decisions as they are.
    Unmaskable,
    Name,
    Email,
    Phone,
    Text,
    Nothing,
}

/// Spine columns that say how to decide, not who somebody is.
const NEEDED: [&str; 7] =
    ["owner", "locale", "timezone", "preferred_channel", "consents", "refusals", "account_id"];

/// What stands for a column.
pub(super) fn plan(
    signals: &Signals,
    signal: &Signal,
    column: &Column,
    options: &SnapshotOptions<'_>,
) -> Stand {
    let name = column.name.as_str();
    let spine = signal.name == signals.customers.name;
    if !options.mask || name == "customer_id" || signal.key.as_deref() == Some(name) {
        return Stand::Keep;
    }
    match name {
        "name" if spine => return Stand::Name,
        "email" if spine => return Stand::Email,
        "phone" if spine => return Stand::Phone,
        _ => {}
    }
    let is_text = matches!(column.kind, ColumnKind::Text | ColumnKind::Unknown);
    let field = match spine {
        true => Field::Customer(name.to_owned()),
        false => Field::Signal(signal.name.clone(), name.to_owned()),
    };
    let kept = options.keep.contains(&field);
    if signal.personal.contains(name) {
        return match (is_text, kept) {
            (true, _) => Stand::Text,
            (false, false) => Stand::Nothing,
            (false, true) => Stand::Unmaskable,
        };
    }
    if kept || !is_text || spine && NEEDED.contains(&name) { Stand::Keep } else { Stand::Text }
}

/// The facts of one customer with stand-ins for what a masked snapshot would hide.
pub(super) fn facts(
    signals: &Signals,
    about: &About,
    facts: &Facts,
    options: &SnapshotOptions<'_>,
) -> Facts {
    let mut mask = Mask::new(options.taken_at);
    let mut masked = |signal: Option<&Signal>, row: &Fields| -> Fields {
        let cell = |(name, value): (&String, &Value)| {
            let kind = kind(value);
            let column = Column { name: name.clone(), kind, type_name: String::new() };
            let stand = signal.map(|signal| plan(signals, signal, &column, options));
            (name.clone(), mask.stand_in(value.clone(), stand.unwrap_or(Stand::Keep)))
        };
        row.iter().map(cell).collect()
    };
    let customer = masked(Some(&signals.customers), &facts.customer);
    let row = |(name, row): (&String, &Fields)| {
        (name.clone(), masked(signals.others.get(&name.as_str().into()), row))
    };
    let rows = facts.signals.iter().map(row).collect();
    let subject = match about {
        About::Signal(name) => masked(signals.others.get(name), &facts.subject),
        About::Customers => Fields::new(),
    };
    Facts { customer, signals: rows, subject }
}

/// What a column with such a value most likely holds: a date is text by now.
fn kind(value: &Value) -> ColumnKind {
    match value {
        Value::Null => ColumnKind::Unknown,
        Value::Bool(_) => ColumnKind::Bool,
        Value::Int(_) => ColumnKind::Int,
        Value::Float(_) => ColumnKind::Float,
        Value::Text(text) if parse_instant(text).is_some() => ColumnKind::Date,
        Value::Text(_) => ColumnKind::Text,
    }
}

/// Makes stand-ins that are one to one within a snapshot and differ between snapshots.
pub(super) struct Mask {
    salt: [u8; 32],
    /// Telephone numbers are too short to be hashed one to one, so they are counted.
    phones: HashMap<String, u64>,
}

impl Mask {
    pub(super) fn new(taken_at: Instant) -> Self {
        // Each state of the standard library's hasher is seeded by the operating system.
        let mut salt = Sha256::new();
        for _ in 0..4 {
            salt.update(RandomState::new().hash_one(taken_at.timestamp_micros()).to_be_bytes());
        }
        Self { salt: salt.finalize().into(), phones: HashMap::new() }
    }

    /// What stands for a cell.
    pub(super) fn stand_in(&mut self, mut cell: Value, stand: Stand) -> Value {
        self.replace(&mut cell, stand);
        cell
    }

    /// Puts the stand-in for a cell in its place. What is absent or blank stays as it is.
    fn replace(&mut self, cell: &mut Value, stand: Stand) {
        let blank = cell.as_name().is_none();
        match stand {
            Stand::Keep | Stand::Unmaskable => {}
            Stand::Nothing => *cell = Value::Null,
            _ if blank => {}
            Stand::Name => *cell = self.text("Person", cell),
            Stand::Email => *cell = self.email(cell),
            Stand::Phone => *cell = self.phone(cell),
            Stand::Text if matches!(cell, Value::Text(_)) => *cell = self.text("text", cell),
            Stand::Text => {}
        }
    }

    fn text(&self, word: &str, cell: &Value) -> Value {
        Value::Text(format!("{word} {}", self.digest(word, &cell.to_string())))
    }

    fn email(&self, cell: &Value) -> Value {
        let address = cell.to_string();
        Value::Text(match normalise_email(&address) {
            Some(mailbox) => format!("person-{}@example.invalid", self.digest("email", &mailbox.0)),
            None => format!("no address {}", self.digest("email", &address)),
        })
    }

    /// A number under country code 999, which nobody has.
    fn phone(&mut self, cell: &Value) -> Value {
        let number = cell.to_string();
        let Some(line) = normalise_phone(&number) else {
            return Value::Text(format!("no number {}", self.digest("phone", &number)));
        };
        let plus = if line.0.starts_with("tel:+") { "+" } else { "" };
        let next = self.phones.len() as u64 + 1;
        let count = *self.phones.entry(self.digest("phone", &line.0)).or_insert(next);
        let digits = 999_000_000_000 + count;
        match cell {
            Value::Int(_) => i64::try_from(digits).map_or(Value::Null, Value::Int),
            _ => Value::Text(format!("{plus}{digits}")),
        }
    }

    /// 80 bits of a salted hash: two values alike are not to be expected in any company.
    fn digest(&self, what: &str, text: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update(what.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.finalize().iter().take(10).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(mask: &mut Mask, text: &str, stand: Stand) -> String {
        let mut cell = Value::Text(text.to_owned());
        mask.replace(&mut cell, stand);
        cell.to_string()
    }

    #[test]
    fn equal_stays_equal_and_invalid_stays_invalid() {
        let mask = &mut Mask::new(Instant::UNIX_EPOCH);
        let ana = replaced(mask, "Ana@Example.com", Stand::Email);
        assert_eq!(ana, replaced(mask, " ana@example.com", Stand::Email));
        assert_ne!(ana, replaced(mask, "bo@example.com", Stand::Email));
        assert!(normalise_email(&ana).is_some() && !ana.contains("ana"));
        assert!(normalise_email(&replaced(mask, "none at all", Stand::Email)).is_none());

        let line = replaced(mask, "+49 (221) 555-123", Stand::Phone);
        assert_eq!(line, replaced(mask, "+49221555123", Stand::Phone));
        assert_ne!(line, replaced(mask, "49221555123", Stand::Phone));
        assert!(line.starts_with("+999") && normalise_phone(&line).is_some());
        let local = replaced(mask, "030-0074321", Stand::Phone);
        assert!(!local.starts_with('+') && normalise_phone(&local).is_some());
        assert!(normalise_phone(&replaced(mask, "call me", Stand::Phone)).is_none());

        assert_eq!(replaced(mask, "a", Stand::Text), replaced(mask, "a", Stand::Text));
        assert_ne!(replaced(mask, "a", Stand::Text), replaced(mask, "A", Stand::Text));
        assert_eq!(replaced(mask, " ", Stand::Email), " ");
        let mut absent = Value::Null;
        mask.replace(&mut absent, Stand::Phone);
        assert_eq!(absent, Value::Null);
    }

    #[test]
    fn stand_ins_of_two_snapshots_differ() {
        let (mut one, mut other) = (Mask::new(Instant::UNIX_EPOCH), Mask::new(Instant::UNIX_EPOCH));
        assert_ne!(replaced(&mut one, "a", Stand::Name), replaced(&mut other, "a", Stand::Name));
    }
}
