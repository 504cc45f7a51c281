//! PostgreSQL's binary COPY as typed columns. It reads bytes and asks no server anything.

use super::super::ColumnKind;
use super::super::source::{BATCH, Failure, Refused, Rows};
use crate::domain::Column;

/// A type's number in PostgreSQL's catalogue; those below never change.
pub(super) type Oid = u32;

pub(super) const TEXT: Oid = 25;
const BOOL: Oid = 16;
const CHAR: Oid = 18;
const NAME: Oid = 19;
const INT8: Oid = 20;
const INT2: Oid = 21;
const INT4: Oid = 23;
const JSON: Oid = 114;
const FLOAT4: Oid = 700;
const FLOAT8: Oid = 701;
const UNKNOWN: Oid = 705;
const BPCHAR: Oid = 1042;
const VARCHAR: Oid = 1043;
const DATE: Oid = 1082;
const TIMESTAMP: Oid = 1114;
const TIMESTAMPTZ: Oid = 1184;
const NUMERIC: Oid = 1700;
const UUID: Oid = 2950;
const JSONB: Oid = 3802;

/// What a type holds; `None` where no rule can read it.
pub(super) fn kind(oid: Oid) -> Option<ColumnKind> {
    Some(match oid {
        BOOL => ColumnKind::Bool,
        INT2 | INT4 | INT8 => ColumnKind::Int,
        FLOAT4 | FLOAT8 | NUMERIC => ColumnKind::Float,
        TEXT | CHAR | NAME | JSON | JSONB | UNKNOWN | BPCHAR | VARCHAR | UUID => ColumnKind::Text,
        DATE => ColumnKind::Date,
        TIMESTAMP | TIMESTAMPTZ => ColumnKind::Instant,
        _ => return None,
    })
}

/// Puts the pieces that the server sends together again, row by row.
pub(super) struct Reader {
    types: Vec<Oid>,
    /// What has come and is not yet read.
    buffer: Vec<u8>,
    batch: Rows,
    rows: usize,
    begun: bool,
    ended: bool,
}

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// A cell's mistake: what it is and what helps.
type Mistake = (String, String);

enum Step {
    /// A row was read; this many bytes.
    Row(usize),
    /// More bytes have to come first.
    Wait,
    End,
}

impl Reader {
    pub(super) fn new(types: Vec<Oid>) -> Self {
        let batch = Rows::empty(types.len());
        Self { types, buffer: Vec::new(), batch, rows: 0, begun: false, ended: false }
    }

    /// Takes the next piece and hands over what makes a full batch.
    pub(super) fn take(
        &mut self,
        chunk: &[u8],
        sink: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<(), Failure> {
        // A server sends a row a piece, so there is seldom anything to be put together.
        if self.buffer.is_empty() {
            let read = self.read(chunk, sink)?;
            self.buffer.extend_from_slice(&chunk[read..]);
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(chunk);
        let read = self.read(&buffer, sink)?;
        buffer.drain(..read);
        self.buffer = buffer;
        Ok(())
    }

    /// Reads all whole rows; says how many bytes they are.
    fn read(
        &mut self,
        bytes: &[u8],
        sink: &mut (dyn FnMut(Rows) + Send),
    ) -> Result<usize, Failure> {
        let mut at = 0;
        if !self.begun {
            let Some(length) = header(bytes)? else { return Ok(0) };
            self.begun = true;
            at = length;
        }
        while !self.ended {
            match self.row(&bytes[at..])? {
                Step::Row(length) => at += length,
                Step::Wait => break,
                Step::End => self.ended = true,
            }
            if self.rows == BATCH {
                self.flush(sink);
            }
        }
        Ok(if self.ended { bytes.len() } else { at })
    }

    /// Hands over the last rows. An answer that was cut off is an error, whatever came before.
    pub(super) fn finish(mut self, sink: &mut (dyn FnMut(Rows) + Send)) -> Result<(), Failure> {
        if !self.ended {
            return Err(Failure::Gone("the server's answer ended too early".to_owned()));
        }
        if self.rows > 0 {
            self.flush(sink);
        }
        Ok(())
    }

    fn flush(&mut self, sink: &mut (dyn FnMut(Rows) + Send)) {
        self.rows = 0;
        sink(std::mem::replace(&mut self.batch, Rows::empty(self.types.len())));
    }

    fn row(&mut self, bytes: &[u8]) -> Result<Step, Failure> {
        let Some(count) = array::<2>(bytes, 0).map(i16::from_be_bytes) else {
            return Ok(Step::Wait);
        };
        if count < 0 {
            return Ok(Step::End);
        }
        if usize::try_from(count) != Ok(self.types.len()) {
            return Err(Failure::Gone("the server's answer has another shape".to_owned()));
        }
        // First whether the row is whole, so that no half of one is ever kept.
        let mut end = 2;
        for _ in 0..count {
            let Some(length) = array::<4>(bytes, end).map(i32::from_be_bytes) else {
                return Ok(Step::Wait);
            };
            end += 4 + usize::try_from(length).unwrap_or(0);
        }
        if bytes.len() < end {
            return Ok(Step::Wait);
        }
        let mut at = 2;
        for (index, oid) in self.types.iter().enumerate() {
            let length = array::<4>(bytes, at).map_or(-1, i32::from_be_bytes);
            at += 4;
            let column = &mut self.batch.columns[index];
            let Ok(length) = usize::try_from(length) else {
                column.push_absent();
                continue;
            };
            let cell = &bytes[at..at + length];
            at += length;
            if let Err((message, help)) = push(column, *oid, cell) {
                column.push_absent();
                let refused = Refused { row: self.rows, column: index, message, help };
                self.batch.broken.push(refused);
            }
        }
        self.rows += 1;
        Ok(Step::Row(end))
    }
}

/// The length of the header, once it has come.
fn header(bytes: &[u8]) -> Result<Option<usize>, Failure> {
    let begins = &bytes[..bytes.len().min(SIGNATURE.len())];
    if !SIGNATURE.starts_with(begins) {
        return Err(Failure::Gone("the server's answer is no binary COPY".to_owned()));
    }
    let extension = array::<4>(bytes, SIGNATURE.len() + 4).map(u32::from_be_bytes);
    let length = extension.map(|extension| SIGNATURE.len() + 8 + extension as usize);
    Ok(length.filter(|length| bytes.len() >= *length))
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

/// Adds one cell that is not NULL. After an error, nothing has been added.
fn push(column: &mut Column, oid: Oid, bytes: &[u8]) -> Result<(), Mistake> {
    let odd = || ("a value of another length than its type".to_owned(), String::new());
    match oid {
        BOOL => column.push_bool(bytes.first() == Some(&1)),
        INT2 => column.push_int(i16::from_be_bytes(array(bytes, 0).ok_or_else(odd)?).into()),
        INT4 => column.push_int(i32::from_be_bytes(array(bytes, 0).ok_or_else(odd)?).into()),
        INT8 => column.push_int(i64::from_be_bytes(array(bytes, 0).ok_or_else(odd)?)),
        FLOAT4 => column.push_float(float4(f32::from_be_bytes(array(bytes, 0).ok_or_else(odd)?))),
        FLOAT8 => column.push_float(f64::from_be_bytes(array(bytes, 0).ok_or_else(odd)?)),
        NUMERIC => column.push_float(numeric(bytes).ok_or_else(odd)?),
        DATE => column.push_day(day(i32::from_be_bytes(array(bytes, 0).ok_or_else(odd)?))?),
        TIMESTAMP | TIMESTAMPTZ => {
            column.push_at(micros(i64::from_be_bytes(array(bytes, 0).ok_or_else(odd)?))?);
        }
        UUID => column.push_text(&uuid(bytes)),
        BPCHAR => column.push_text(text(bytes)?.trim_end_matches(' ')),
        JSONB => column.push_text(text(bytes.get(1..).unwrap_or_default())?),
        _ => column.push_text(text(bytes)?),
    }
    Ok(())
}

fn text(bytes: &[u8]) -> Result<&str, Mistake> {
    std::str::from_utf8(bytes).map_err(|_| {
        let help = "store it as UTF-8, or leave the column out of the SELECT";
        ("text that is not UTF-8".to_owned(), help.to_owned())
    })
}

/// A `real` as the number that it shows as: 0.1, not 0.10000000149011612.
fn float4(value: f32) -> f64 {
    if value.fract() == 0.0 || !value.is_finite() {
        return value.into();
    }
    value.to_string().parse().unwrap_or_else(|_| value.into())
}

/// A `numeric`, rounded once: groups of four decimal digits, the first worth 10000^weight.
fn numeric(bytes: &[u8]) -> Option<f64> {
    let word = |at: usize| array::<2>(bytes, at).map(u16::from_be_bytes);
    let (count, weight, sign) = (usize::from(word(0)?), word(2)? as i16, word(4)?);
    let negative = match sign {
        0x0000 => false,
        0x4000 => true,
        0xC000 => return Some(f64::NAN),
        0xD000 => return Some(f64::INFINITY),
        0xF000 => return Some(f64::NEG_INFINITY),
        _ => return None,
    };
    let digits = (0..count).map(|n| word(8 + 2 * n)).collect::<Option<Vec<u16>>>()?;
    let exponent = 4 * (i32::from(weight) + 1 - i32::try_from(count).ok()?);
    let magnitude = if count <= 3 && exponent.abs() <= 20 {
        // Both are exact as floats, so there is one rounding.
        let whole = digits.iter().fold(0_u64, |sum, digit| sum * 10_000 + u64::from(*digit)) as f64;
        let power = 10_f64.powi(exponent.abs());
        if exponent < 0 { whole / power } else { whole * power }
    } else {
        let digits: String = digits.iter().map(|digit| format!("{digit:04}")).collect();
        format!("{digits}e{exponent}").parse().ok()?
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// Days from 1970 to 2000, where PostgreSQL begins to count.
const EPOCH_DAYS: i32 = 10_957;
/// Microseconds from 1970 to 2000.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
/// The years 1 to 9999, as days since 1970.
const DAYS: std::ops::RangeInclusive<i32> = -719_162..=2_932_896;
const DAY_MICROS: i64 = 86_400_000_000;

/// Days since 1970.
fn day(days: i32) -> Result<i32, Mistake> {
    let day = days.checked_add(EPOCH_DAYS).filter(|day| DAYS.contains(day));
    day.ok_or_else(|| no_date(days == i32::MAX || days == i32::MIN))
}

/// Microseconds since 1970.
fn micros(micros: i64) -> Result<i64, Mistake> {
    let at = micros.checked_add(EPOCH_MICROS);
    let known = at
        .filter(|at| i32::try_from(at.div_euclid(DAY_MICROS)).is_ok_and(|day| DAYS.contains(&day)));
    known.ok_or_else(|| no_date(micros == i64::MAX || micros == i64::MIN))
}

fn no_date(infinite: bool) -> Mistake {
    if infinite {
        let help = "write NULLIF(NULLIF({}, 'infinity'), '-infinity') AS {}";
        ("an infinite date".to_owned(), help.to_owned())
    } else {
        let help = "write CASE WHEN {} BETWEEN '0001-01-01' AND '9999-12-31' THEN {} END AS {}";
        ("a date outside the years 1 to 9999".to_owned(), help.to_owned())
    }
}

fn uuid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(36);
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.extend(
            [byte >> 4, byte & 15].map(|half| char::from(b"0123456789abcdef"[usize::from(half)])),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Value;

    /// A `numeric` as the server sends it.
    fn sent(weight: i16, sign: u16, digits: &[u16]) -> Vec<u8> {
        let head = [digits.len() as u16, weight as u16, sign, 0];
        head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn numbers_are_rounded_once() {
        assert_eq!(numeric(&sent(0, 0, &[])), Some(0.0));
        assert_eq!(numeric(&sent(0, 0x4000, &[12, 3400])), Some(-12.34));
        assert_eq!(numeric(&sent(-1, 0, &[1000])), Some(0.1));
        assert_eq!(numeric(&sent(2, 0, &[1])), Some(100_000_000.0));
        let long = sent(4, 0, &[1234, 5678, 9012, 3456, 7890, 1234]);
        assert_eq!(numeric(&long), Some(12_345_678_901_234_567_890.123_4));
        assert!(numeric(&sent(0, 0xC000, &[])).unwrap().is_nan());
        assert_eq!(float4(0.1), 0.1);
    }

    #[test]
    fn dates_and_instants_are_iso() {
        let mut column = Column::default();
        push(&mut column, DATE, &0_i32.to_be_bytes()).unwrap();
        push(&mut column, DATE, &(2_932_896 - 10_957_i32).to_be_bytes()).unwrap();
        assert_eq!(column.value(0), Value::Text("2000-01-01".to_owned()));
        assert_eq!(column.value(1), Value::Text("9999-12-31".to_owned()));
        let mut column = Column::default();
        push(&mut column, TIMESTAMP, &1_500_000_i64.to_be_bytes()).unwrap();
        assert_eq!(column.value(0), Value::Text("2000-01-01T00:00:01.500Z".to_owned()));
        for odd in [i32::MAX, i32::MIN, -1_000_000, 2_932_896 - 10_956] {
            assert!(push(&mut column, DATE, &odd.to_be_bytes()).is_err());
        }
        for odd in [i64::MAX, i64::MIN, i64::MIN + 1] {
            assert!(push(&mut column, TIMESTAMPTZ, &odd.to_be_bytes()).is_err());
        }
        assert_eq!(column.len(), 1);
    }

    #[test]
    fn rows_may_come_in_pieces_of_any_length() {
        let mut bytes = [SIGNATURE, &[0; 8]].concat();
        for id in [b"a", b"b"] {
            bytes.extend([&[0, 2, 0, 0, 0, 1][..], id, &[255, 255, 255, 255]].concat());
        }
        for piece in 1..bytes.len() {
            let mut got = Vec::new();
            let mut sink = |rows: Rows| got.push(rows.columns);
            let mut reader = Reader::new(vec![TEXT, INT4]);
            for chunk in bytes.chunks(piece).chain([&[255, 255][..]]) {
                reader.take(chunk, &mut sink).unwrap();
            }
            reader.finish(&mut sink).unwrap();
            let text = |text: &str| Value::Text(text.to_owned());
            let expected =
                [Column::of([text("a"), text("b")]), Column::of([Value::Null, Value::Null])];
            assert_eq!(got, [expected]);
        }
        let mut reader = Reader::new(vec![TEXT, INT4]);
        reader.take(&bytes, &mut |_| {}).unwrap();
        assert!(matches!(reader.finish(&mut |_| {}), Err(Failure::Gone(_))));
    }
}
