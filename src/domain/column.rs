//! One column of a batch: the cells of one field, laid out by their type so that many are judged at once.
//! A cell that has no place among them is kept aside as it was read, never bent to fit.

use chrono::{DateTime, Datelike, NaiveDate};

use super::{Instant, Value, format_instant, parse_instant};

/// The cells of one field. A row that is absent or odd has a meaningless cell among `cells`.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    cells: Cells,
    /// One a row, true where the value is absent; empty where none is.
    absent: Vec<bool>,
    /// Values of another type than the column's, with their rows, in order.
    odd: Vec<(u32, Value)>,
}

/// Cells of one type, one a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Every row is absent or odd; so many.
    Nothing(usize),
    /// Yes or no.
    Bool(Vec<bool>),
    /// Whole numbers.
    Int(Vec<i64>),
    /// Numbers with a fraction.
    Float(Vec<f64>),
    /// Texts.
    Text(Texts),
    /// Dates, as days since 1970-01-01; as a value, text `YYYY-MM-DD`.
    Day(Vec<i32>),
    /// Instants, as microseconds since 1970; as a value, text in ISO 8601, UTC.
    At(Vec<i64>),
}

impl Default for Column {
    fn default() -> Self {
        Self { cells: Cells::Nothing(0), absent: Vec::new(), odd: Vec::new() }
    }
}

/// Texts, one after the other in one piece of memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    all: String,
    /// Where each ends.
    ends: Vec<u32>,
}

/// Days from year 1 to 1970-01-01, as chrono counts them.
const EPOCH_DAYS: i32 = 719_163;

impl Column {
    /// The column of these values.
    pub fn of(values: impl IntoIterator<Item = Value>) -> Self {
        let mut column = Self::default();
        values.into_iter().for_each(|value| column.push(value));
        column
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The cells. Those of absent and odd rows mean nothing.
    pub fn cells(&self) -> &Cells {
        &self.cells
    }

    /// One a row, true where the value is absent; empty where none is.
    pub fn absent(&self) -> &[bool] {
        &self.absent
    }

    /// Values of another type than the cells', with their rows, in order.
    pub fn odd(&self) -> &[(u32, Value)] {
        &self.odd
    }

    /// Whether a row's value is absent.
    pub fn is_absent(&self, row: usize) -> bool {
        self.absent.get(row).copied().unwrap_or(false)
    }

    /// The value of a row.
    pub fn value(&self, row: usize) -> Value {
        if self.is_absent(row) {
            return Value::Null;
        }
        if let Ok(at) = self.odd.binary_search_by_key(&row, |(row, _)| *row as usize) {
            return self.odd[at].1.clone();
        }
        match &self.cells {
            Cells::Nothing(_) => Value::Null,
            Cells::Bool(cells) => Value::Bool(cells[row]),
            Cells::Int(cells) => Value::Int(cells[row]),
            Cells::Float(cells) => Value::Float(cells[row]),
            Cells::Text(cells) => Value::Text(cells.get(row).to_owned()),
            Cells::Day(cells) => Value::Text(day_text(cells[row])),
            Cells::At(cells) => Value::Text(instant_text(cells[row])),
        }
    }

    /// The text of a row, where it stands as text among the cells.
    pub fn text(&self, row: usize) -> Option<&str> {
        let Cells::Text(cells) = &self.cells else { return None };
        let is_plain = !self.is_absent(row) && !self.is_odd(row);
        is_plain.then(|| cells.get(row))
    }

    fn is_odd(&self, row: usize) -> bool {
        !self.odd.is_empty()
            && self.odd.binary_search_by_key(&row, |(row, _)| *row as usize).is_ok()
    }

    /// Adds a row without a value.
    pub fn push_absent(&mut self) {
        self.absent.resize(self.len(), false);
        self.cells.push_nothing();
        self.absent.push(true);
    }

    /// Adds yes or no.
    pub fn push_bool(&mut self, value: bool) {
        self.begin(|rows| Cells::Bool(vec![false; rows]));
        match &mut self.cells {
            Cells::Bool(cells) => {
                cells.push(value);
                self.present();
            }
            _ => self.push_odd(Value::Bool(value)),
        }
    }

    /// Adds a whole number.
    pub fn push_int(&mut self, value: i64) {
        self.begin(|rows| Cells::Int(vec![0; rows]));
        match &mut self.cells {
            Cells::Int(cells) => {
                cells.push(value);
                self.present();
            }
            _ => self.push_odd(Value::Int(value)),
        }
    }

    /// Adds a number with a fraction.
    pub fn push_float(&mut self, value: f64) {
        self.begin(|rows| Cells::Float(vec![0.0; rows]));
        match &mut self.cells {
            Cells::Float(cells) => {
                cells.push(value);
                self.present();
            }
            _ => self.push_odd(Value::Float(value)),
        }
    }

    /// Adds a text.
    pub fn push_text(&mut self, value: &str) {
        self.begin(|rows| Cells::Text(Texts { all: String::new(), ends: vec![0; rows] }));
        match &mut self.cells {
            Cells::Text(cells) => {
                cells.push(value);
                self.present();
            }
            _ => self.push_odd(Value::Text(value.to_owned())),
        }
    }

    /// Adds a date, as days since 1970-01-01, of the years 1 to 9999.
    pub fn push_day(&mut self, days: i32) {
        self.begin(|rows| Cells::Day(vec![0; rows]));
        match &mut self.cells {
            Cells::Day(cells) => {
                cells.push(days);
                self.present();
            }
            _ => self.push_odd(Value::Text(day_text(days))),
        }
    }

    /// Adds an instant, as microseconds since 1970, of the years 1 to 9999.
    pub fn push_at(&mut self, micros: i64) {
        self.begin(|rows| Cells::At(vec![0; rows]));
        match &mut self.cells {
            Cells::At(cells) => {
                cells.push(micros);
                self.present();
            }
            _ => self.push_odd(Value::Text(instant_text(micros))),
        }
    }

    /// Adds a value. A text is a text here, also where it is a date.
    pub fn push(&mut self, value: Value) {
        match value {
            Value::Null => self.push_absent(),
            Value::Bool(value) => self.push_bool(value),
            Value::Int(value) => self.push_int(value),
            Value::Float(value) => self.push_float(value),
            Value::Text(value) => self.push_text(&value),
        }
    }

    /// Keeps the rows for which `keep`, one a row, is true; in order.
    pub fn retain(&mut self, keep: &[bool]) {
        let kept_before = |row: u32| keep[..row as usize].iter().filter(|keep| **keep).count();
        self.odd.retain(|(row, _)| keep[*row as usize]);
        self.odd.iter_mut().for_each(|(row, _)| *row = kept_before(*row) as u32);
        self.cells.retain(keep);
        if !self.absent.is_empty() {
            keep_rows(&mut self.absent, keep);
        }
    }

    /// Settles the column's type with its first value; the rows before it are absent.
    fn begin(&mut self, cells: impl FnOnce(usize) -> Cells) {
        if let Cells::Nothing(rows) = self.cells
            && self.odd.is_empty()
        {
            self.cells = cells(rows);
        }
    }

    fn present(&mut self) {
        if !self.absent.is_empty() {
            self.absent.push(false);
        }
    }

    fn push_odd(&mut self, value: Value) {
        self.odd.push((self.len() as u32, value));
        self.cells.push_nothing();
        self.present();
    }
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Self::Nothing(rows) => *rows,
            Self::Bool(cells) => cells.len(),
            Self::Int(cells) | Self::At(cells) => cells.len(),
            Self::Float(cells) => cells.len(),
            Self::Text(cells) => cells.ends.len(),
            Self::Day(cells) => cells.len(),
        }
    }

    fn push_nothing(&mut self) {
        match self {
            Self::Nothing(rows) => *rows += 1,
            Self::Bool(cells) => cells.push(false),
            Self::Int(cells) | Self::At(cells) => cells.push(0),
            Self::Float(cells) => cells.push(0.0),
            Self::Text(cells) => cells.push(""),
            Self::Day(cells) => cells.push(0),
        }
    }

    fn retain(&mut self, keep: &[bool]) {
        match self {
            Self::Nothing(rows) => *rows = keep.iter().filter(|keep| **keep).count(),
            Self::Bool(cells) => keep_rows(cells, keep),
            Self::Int(cells) | Self::At(cells) => keep_rows(cells, keep),
            Self::Float(cells) => keep_rows(cells, keep),
            Self::Day(cells) => keep_rows(cells, keep),
            Self::Text(cells) => {
                let mut texts = Texts::default();
                let rows = (0..cells.ends.len()).filter(|row| keep[*row]);
                rows.for_each(|row| texts.push(cells.get(row)));
                *cells = texts;
            }
        }
    }
}

fn keep_rows<T>(cells: &mut Vec<T>, keep: &[bool]) {
    let mut rows = keep.iter();
    cells.retain(|_| rows.next().copied().unwrap_or(false));
}

impl Texts {
    /// The text of a row.
    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.all[start..self.ends[row] as usize]
    }

    /// How many bytes the text of a row has.
    pub fn bytes(&self, row: usize) -> usize {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        (self.ends[row] - start) as usize
    }

    /// A number for each row's text, the same for equal texts, and for texts up to seven bytes for
    /// no others: its length and its first bytes.
    pub fn marks(&self) -> Vec<u64> {
        let all = self.all.as_bytes();
        let mut start = 0;
        let mark = |end: &u32| {
            let text = start..*end as usize;
            start = text.end;
            match all.get(text.start..text.start + 8).and_then(|bytes| bytes.try_into().ok()) {
                Some(bytes) => marked(u64::from_le_bytes(bytes), text.len()),
                None => mark(&all[text]),
            }
        };
        self.ends.iter().map(mark).collect()
    }

    /// For each row, whether its text is this one. `marks` are those of these texts.
    pub fn each_equals(&self, marks: &[u64], other: &str) -> Vec<bool> {
        let wanted = mark(other.as_bytes());
        let mut equals: Vec<bool> = marks.iter().map(|mark| *mark == wanted).collect();
        if other.len() > MARKED {
            for (row, equals) in equals.iter_mut().enumerate().filter(|(_, equals)| **equals) {
                *equals = self.get(row) == other;
            }
        }
        equals
    }

    /// How many bytes all of them have together.
    pub fn all_bytes(&self) -> usize {
        self.all.len()
    }

    /// Adds a row.
    pub fn push(&mut self, text: &str) {
        self.all.push_str(text);
        self.ends.push(self.all.len() as u32);
    }
}

/// How many bytes of a text are in its mark.
const MARKED: usize = 7;

/// The length of a text, up to 255, and its first bytes.
fn mark(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let first = text.len().min(MARKED);
    bytes[..first].copy_from_slice(&text[..first]);
    marked(u64::from_le_bytes(bytes), text.len())
}

/// The mark of a text of that length that begins with these bytes, whatever follows it.
fn marked(bytes: u64, length: usize) -> u64 {
    let own = (1 << (8 * length.min(MARKED))) - 1;
    (bytes & own) | ((length.min(255) as u64) << (8 * MARKED))
}

/// A day as text, `YYYY-MM-DD`.
fn day_text(days: i32) -> String {
    let date = NaiveDate::from_num_days_from_ce_opt(days.saturating_add(EPOCH_DAYS));
    date.map(|date| date.to_string()).unwrap_or_default()
}

/// An instant as text.
fn instant_text(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros).map(|at| format_instant(&at)).unwrap_or_default()
}

/// The days since 1970-01-01 that a text `YYYY-MM-DD` names; none for any other text.
pub fn day_of_text(text: &str) -> Option<i32> {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0_u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let year = number(0..4)? as i32;
    let date = NaiveDate::from_ymd_opt(year, number(5..7)?, number(8..10)?)?;
    (year > 0).then(|| date.num_days_from_ce() - EPOCH_DAYS)
}

/// The microseconds since 1970 of an instant whose one text is this; none where a text can be read
/// as an instant but is written otherwise, and for any other text.
pub fn micros_of_text(text: &str) -> Option<i64> {
    let at: Instant = parse_instant(text)?;
    let exact = at.timestamp_subsec_nanos().is_multiple_of(1000) && format_instant(&at) == text;
    exact.then(|| at.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_column_gives_back_what_it_was_given() {
        let values = [
            Value::Null,
            text("a"),
            Value::Int(7),
            text(""),
            Value::Bool(true),
            Value::Null,
            text("größer"),
            Value::Float(-0.5),
        ];
        let column = Column::of(values.clone());
        assert!(matches!(column.cells(), Cells::Text(_)));
        assert_eq!(column.odd().len(), 3);
        let back: Vec<_> = (0..column.len()).map(|row| column.value(row)).collect();
        assert_eq!(back, values);
        let keep = [true, false, true, false, false, true, true, true];
        let mut fewer = column.clone();
        fewer.retain(&keep);
        let back: Vec<_> = (0..fewer.len()).map(|row| fewer.value(row)).collect();
        assert_eq!(
            back,
            [Value::Null, Value::Int(7), Value::Null, text("größer"), Value::Float(-0.5)]
        );
    }

    #[test]
    fn dates_and_instants_are_numbers_inside_and_texts_outside() {
        let mut column = Column::default();
        column.push_day(day_of_text("1998-05-07").unwrap());
        column.push_day(day_of_text("0001-01-01").unwrap());
        column.push_text("soon");
        assert_eq!(column.value(0), text("1998-05-07"));
        assert_eq!(column.value(1), text("0001-01-01"));
        assert_eq!(column.value(2), text("soon"));
        let mut column = Column::default();
        column.push_absent();
        column.push_at(micros_of_text("1998-05-07T09:00:00.500Z").unwrap());
        assert_eq!(column.value(0), Value::Null);
        assert_eq!(column.value(1), text("1998-05-07T09:00:00.500Z"));
        for other in ["1998-02-30", "1998-5-7", "19980-5-7", "0000-01-01", "+998-01-01", ""] {
            assert_eq!(day_of_text(other), None, "{other}");
        }
        for other in ["1998-05-07", "1998-05-07 09:00:00", "1998-05-07T11:00:00+02:00", "soon"] {
            assert_eq!(micros_of_text(other), None, "{other}");
        }
    }
}
