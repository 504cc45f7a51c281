//! SQLite's cells as values: by the declared type where there is one, else as they are stored.

use rusqlite::types::ValueRef;

use super::super::ColumnKind;
use crate::domain::{Value, format_instant, parse_instant};

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

/// One cell. The error says what is wrong and what helps; `{}` in it stands for the column.
pub(super) fn value(cell: ValueRef<'_>, kind: ColumnKind) -> Result<Value, (String, String)> {
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => match kind {
            ColumnKind::Bool if number == 0 || number == 1 => Value::Bool(number == 1),
            ColumnKind::Float => Value::Float(number as f64),
            _ => Value::Int(number),
        },
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(bytes) => {
            let text = std::str::from_utf8(bytes).map_err(|_| {
                let help = "store it as UTF-8, or leave the column out of the SELECT";
                ("text that is not UTF-8".to_owned(), help.to_owned())
            })?;
            // PostgreSQL has no text with a NUL, so the state database may not either.
            if text.contains('\0') {
                let help = "take it out where it is stored, or leave the column out of the SELECT";
                return Err(("text with a NUL character in it".to_owned(), help.to_owned()));
            }
            match kind {
                ColumnKind::Date => Value::Text(date(text)),
                ColumnKind::Instant => Value::Text(instant(text)),
                // How a snapshot keeps what SQLite has no number for.
                ColumnKind::Float if text == "NaN" => Value::Float(f64::NAN),
                _ => Value::Text(text.to_owned()),
            }
        }
        ValueRef::Blob(_) => {
            let message = "bytes (a BLOB), which no rule can read".to_owned();
            return Err((message, "write CAST({} AS TEXT) or hex({}), AS {}".to_owned()));
        }
    })
}

/// A date; an instant where the text has a time of day; any other text as it is.
fn date(text: &str) -> String {
    if text.len() == 10 {
        return text.to_owned();
    }
    match parse_instant(text) {
        Some(at) if at.time() == chrono::NaiveTime::MIN => at.format("%Y-%m-%d").to_string(),
        Some(at) => format_instant(&at),
        None => text.to_owned(),
    }
}

/// An instant in ISO 8601, UTC; any other text as it is.
fn instant(text: &str) -> String {
    if let Some(fast) = usual_instant(text) {
        return fast;
    }
    parse_instant(text).map_or_else(|| text.to_owned(), |at| format_instant(&at))
}

/// `YYYY-MM-DD HH:MM:SS`, which is nearly every instant in SQLite, without a calendar.
fn usual_instant(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() != 19 || !matches!(bytes[10], b' ' | b'T') {
        return None;
    }
    let number = |from: usize| {
        let (tens, ones) = (bytes[from], bytes[from + 1]);
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| (tens - b'0') * 10 + (ones - b'0'))
    };
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let fine = separators.iter().all(|&(at, separator)| bytes[at] == separator)
        && number(0).is_some()
        && number(2).is_some()
        && (1..=12).contains(&number(5)?)
        && (1..=28).contains(&number(8)?)
        && number(11)? < 24
        && number(14)? < 60
        && number(17)? < 60;
    fine.then(|| format!("{}T{}Z", &text[..10], &text[11..]))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(text("soon", ColumnKind::Instant), "soon");
    }

    #[test]
    fn what_no_rule_can_read_is_refused() {
        assert!(value(ValueRef::Text(b"caf\xe9"), ColumnKind::Text).is_err());
        assert!(value(ValueRef::Blob(b"x"), ColumnKind::Unknown).is_err());
    }
}
