//! What a narrowed statement asks of a cell that SQLite has no word for. Nothing here changes a cell.

use chrono::NaiveDate;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};

use crate::domain::{day_of_text, parse_instant};
use crate::rules::TEXT_BYTES;

/// Registers them:
///
/// - `lookout_no_day(x)`: a cell that is there and no plain day, `YYYY-MM-DD`;
/// - `lookout_no_time(x)`: a cell that is there and tells no time, or a time in UTC on another day
///   than it begins with;
/// - `lookout_unreadable(…)`: whether any of the cells is one that no rule can read, or too long a text.
pub(super) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection
        .create_scalar_function("lookout_no_day", 1, flags, |cell| Ok(no_day(cell.get_raw(0))))?;
    connection
        .create_scalar_function("lookout_no_time", 1, flags, |cell| Ok(no_time(cell.get_raw(0))))?;
    connection.create_scalar_function("lookout_unreadable", -1, flags, |cells| {
        Ok((0..cells.len()).any(|at| unreadable(cells.get_raw(at))))
    })
}

fn no_day(cell: ValueRef<'_>) -> bool {
    match cell {
        ValueRef::Null => false,
        ValueRef::Text(text) => plain_day(text).is_none(),
        _ => true,
    }
}

fn no_time(cell: ValueRef<'_>) -> bool {
    match cell {
        ValueRef::Null => false,
        ValueRef::Text(text) => !tells_its_day(text),
        _ => true,
    }
}

/// Whether a text tells a time on the day that it begins with, in UTC.
fn tells_its_day(text: &[u8]) -> bool {
    let Some(day) = text.get(..10).and_then(plain_day) else { return false };
    let told = || std::str::from_utf8(text).ok().and_then(parse_instant);
    text.len() == 10 || is_usual(text) || told().is_some_and(|at| day == days(at.date_naive()))
}

/// ` HH:MM:SS` after the day, which is nearly every instant in SQLite.
fn is_usual(text: &[u8]) -> bool {
    let two = |at: usize, below: u8| {
        let (tens, ones) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
        tens < 10 && ones < 10 && tens * 10 + ones < below
    };
    text.len() == 19
        && matches!(text[10], b' ' | b'T')
        && text[13] == b':'
        && text[16] == b':'
        && two(11, 24)
        && two(14, 60)
        && two(17, 60)
}

fn plain_day(text: &[u8]) -> Option<i32> {
    std::str::from_utf8(text).ok().and_then(day_of_text)
}

/// Days since 1970-01-01.
fn days(date: NaiveDate) -> i32 {
    date.signed_duration_since(NaiveDate::default()).num_days() as i32
}

fn unreadable(cell: ValueRef<'_>) -> bool {
    match cell {
        ValueRef::Text(text) => {
            text.len() > TEXT_BYTES || text.contains(&0) || std::str::from_utf8(text).is_err()
        }
        ValueRef::Blob(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_a_day_of_the_calendar_and_nothing_else() {
        let told = |text: &'static str| ValueRef::Text(text.as_bytes());
        assert!(!no_day(told("2024-02-29")) && !no_day(ValueRef::Null));
        for other in ["2023-02-29", "2024-02-29 00:00:00", "2024-2-29", "", "soon", "0000-01-01"] {
            assert!(no_day(told(other)), "{other}");
        }
        assert!(no_day(ValueRef::Integer(20_240_229)) && no_day(ValueRef::Blob(b"2024-02-29")));
    }

    #[test]
    fn a_time_begins_with_its_day_in_utc() {
        let told = |text: &'static str| ValueRef::Text(text.as_bytes());
        for fine in [
            "2024-02-29",
            "2024-02-29 23:59:59",
            "2024-02-29T23:59:59Z",
            "2024-02-29 23:59",
            "2024-02-29T12:00:00+02:00",
        ] {
            assert!(!no_time(told(fine)), "{fine}");
        }
        for other in [
            "2024-02-29T23:00:00-02:00",
            "2024-02-29 24:00:00",
            "2024-02-29 soon",
            "2024-02-30 00:00:00",
            "+2024-02-29T00:00:00Z",
        ] {
            assert!(no_time(told(other)), "{other}");
        }
        assert!(no_time(ValueRef::Real(1.0)) && !no_time(ValueRef::Null));
    }

    #[test]
    fn what_no_rule_can_read_is_found() {
        assert!(!unreadable(ValueRef::Text("größer".as_bytes())) && !unreadable(ValueRef::Null));
        assert!(unreadable(ValueRef::Text(b"caf\xe9")) && unreadable(ValueRef::Text(b"a\0b")));
        assert!(unreadable(ValueRef::Text(&[b'a'; TEXT_BYTES + 1])));
        assert!(unreadable(ValueRef::Blob(b"")) && !unreadable(ValueRef::Integer(1)));
    }
}
