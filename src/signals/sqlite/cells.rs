//! SQLite's cells in typed columns: by the declared type where there is one, else as they are stored.

use chrono::Datelike;
use rusqlite::types::ValueRef;

use super::super::ColumnKind;
use crate::domain::{Column, day_of_text, format_instant, micros_of_text, parse_instant};

/// What a declared type holds. SQLite takes any text as a type, so this goes by the usual names.
pub(super) fn declared(declared: &str) -> ColumnKind {
    let upper = declared.to_ascii_uppercase();
    let name = upper.split(['(', ' ']).next().unwrap_or("");
    let has = |part: &str| upper.contains(part);
    match name {
        "BOOL" | "BOOLEAN" => ColumnKind::Bool,
        "DATE" => ColumnKind::Date,
        "DATETIME" | "TIMESTAMP" | "TIMESTAMPTZ" => ColumnKind::Instant,
        _ if has("INT") || name == "SERIAL" || name == "BIGSERIAL" => ColumnKind::Int,
        _ if has("CHAR") || has("CLOB") || has("TEXT") || name == "UUID" || has("JSON") => {
            ColumnKind::Text
        }
        _ if has("REAL") || has("FLOA") || has("DOUB") => ColumnKind::Float,
        "NUMERIC" | "DECIMAL" => ColumnKind::Float,
        _ => ColumnKind::Unknown,
    }
}

/// Adds one cell. The error says what is wrong and what helps, and then nothing has been added; `{}`
/// in it stands for the column.
pub(super) fn push(
    column: &mut Column,
    cell: ValueRef<'_>,
    kind: ColumnKind,
) -> Result<(), (String, String)> {
    match cell {
        ValueRef::Null => column.push_absent(),
        ValueRef::Integer(number) => match kind {
            ColumnKind::Bool if number == 0 || number == 1 => column.push_bool(number == 1),
            ColumnKind::Float => column.push_float(number as f64),
            _ => column.push_int(number),
        },
        ValueRef::Real(number) => column.push_float(number),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| {
                let help = "store it as UTF-8, or leave the column out of the SELECT";
                ("text that is not UTF-8".to_owned(), help.to_owned())
            })?;
            // PostgreSQL has no text with a NUL, so the state database may not either.
            if bytes.contains(&0) {
                let help = "take it out where it is stored, or leave the column out of the SELECT";
                return Err(("text with a NUL character in it".to_owned(), help.to_owned()));
            }
            match kind {
                ColumnKind::Date => push_date(column, text),
                ColumnKind::Instant => push_instant(column, text),
                // How a snapshot keeps what SQLite has no number for.
                ColumnKind::Float if text == "NaN" => column.push_float(f64::NAN),
                _ => column.push_text(text),
            }
        }
        ValueRef::Blob(_) => {
            let message = "bytes (a BLOB), which no rule can read".to_owned();
            return Err((message, "write CAST({} AS TEXT) or hex({}), AS {}".to_owned()));
        }
    }
    Ok(())
}

/// A date; an instant where the text has a time of day; any other text as it is.
fn push_date(column: &mut Column, text: &str) {
    let at = match text.len() {
        10 => None,
        _ => parse_instant(text),
    };
    match (day_of_text(text), at) {
        (Some(day), _) => column.push_day(day),
        (None, None) => column.push_text(text),
        (None, Some(at)) if at.time() == chrono::NaiveTime::MIN => {
            let date = at.format("%Y-%m-%d").to_string();
            match day_of_text(&date) {
                Some(day) => column.push_day(day),
                None => column.push_text(&date),
            }
        }
        (None, Some(at)) => column.push_text(&format_instant(&at)),
    }
}

/// An instant; any other text as it is.
fn push_instant(column: &mut Column, text: &str) {
    if let Some(micros) = usual_instant(text) {
        return column.push_at(micros);
    }
    match parse_instant(text) {
        None => column.push_text(text),
        Some(at) => {
            let said = format_instant(&at);
            // A leap second has no microseconds of its own.
            let plain = (1..=9999).contains(&at.year()) && at.timestamp_subsec_micros() < 1_000_000;
            match micros_of_text(&said).filter(|_| plain) {
                Some(micros) => column.push_at(micros),
                None => column.push_text(&said),
            }
        }
    }
}

const SECOND_MICROS: i64 = 1_000_000;

/// Microseconds since 1970 of `YYYY-MM-DD HH:MM:SS`, which is nearly every instant in SQLite.
fn usual_instant(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 19 || !matches!(bytes[10], b' ' | b'T') {
        return None;
    }
    let number = |from: usize, below: u8| {
        let (tens, ones) = (bytes[from].wrapping_sub(b'0'), bytes[from + 1].wrapping_sub(b'0'));
        let number = (tens < 10 && ones < 10).then(|| tens * 10 + ones)?;
        (number < below).then_some(i64::from(number))
    };
    if bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let (hours, minutes, seconds) = (number(11, 24)?, number(14, 60)?, number(17, 60)?);
    let day = i64::from(text.get(..10).and_then(day_of_text)?);
    Some((((day * 24 + hours) * 60 + minutes) * 60 + seconds) * SECOND_MICROS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Value;

    fn value(cell: ValueRef<'_>, kind: ColumnKind) -> Result<Value, (String, String)> {
        let mut column = Column::default();
        push(&mut column, cell, kind).map(|()| column.value(0))
    }

    fn text(text: &str, kind: ColumnKind) -> String {
        value(ValueRef::Text(text.as_bytes()), kind).unwrap().to_string()
    }

    #[test]
    fn the_declared_type_decides() {
        let int = |kind| value(ValueRef::Integer(1), kind).unwrap();
        assert_eq!(int(declared("boolean")), Value::Bool(true));
        assert_eq!(int(declared("DECIMAL(10,2)")), Value::Float(1.0));
        assert_eq!(int(declared("smallint")), Value::Int(1));
        assert_eq!(value(ValueRef::Integer(2), ColumnKind::Bool), Ok(Value::Int(2)));
        assert_eq!(declared("character varying(5)"), ColumnKind::Text);
        assert_eq!(declared("timestamp without time zone"), ColumnKind::Instant);
        assert_eq!(declared("double precision"), ColumnKind::Float);
        assert_eq!(declared(""), ColumnKind::Unknown);
    }

    #[test]
    fn dates_and_instants_have_one_form() {
        assert_eq!(text("1998-05-07", ColumnKind::Date), "1998-05-07");
        assert_eq!(text("1998-05-07 00:00:00", ColumnKind::Date), "1998-05-07");
        for at in [
            "1998-05-07 09:00:00",
            "1998-05-07T09:00:00Z",
            "1998-05-07 09:00",
            "1998-05-07T11:00:00+02:00",
        ] {
            assert_eq!(text(at, ColumnKind::Instant), "1998-05-07T09:00:00Z");
        }
        assert_eq!(text("1998-05-31 09:00:00.5", ColumnKind::Instant), "1998-05-31T09:00:00.500Z");
        assert_eq!(text("1998-05-07", ColumnKind::Instant), "1998-05-07T00:00:00Z");
        assert_eq!(text("1998-02-30 09:00:00", ColumnKind::Instant), "1998-02-30 09:00:00");
        assert_eq!(text("1998-12-31T23:59:60Z", ColumnKind::Instant), "1998-12-31T23:59:60Z");
        assert_eq!(text("soon", ColumnKind::Instant), "soon");
    }

    #[test]
    fn what_no_rule_can_read_is_refused() {
        assert!(value(ValueRef::Text(b"caf\xe9"), ColumnKind::Text).is_err());
        assert!(value(ValueRef::Blob(b"x"), ColumnKind::Unknown).is_err());
    }
}
