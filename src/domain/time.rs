//! Instants and spans of time.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// A point in time, UTC.
pub type Instant = DateTime<Utc>;

/// Writes an instant as ISO 8601 in UTC: `1998-05-07T09:00:00Z`, with a fraction only where there is one.
pub fn format_instant(instant: &Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Reads a date (midnight UTC), an ISO 8601 instant, or `YYYY-MM-DD HH:MM[:SS[.f]]` taken as UTC.
pub fn parse_instant(text: &str) -> Option<Instant> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc());
    }
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|at| at.and_utc())
}

/// A length of time as the pack writes it: `90s`, `30m`, `4h`, `3d`, `2w`. At most a hundred years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    count: i64,
    unit: char,
}

/// Why a text is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// It is no number with a unit.
    #[error(
        "`{0}` is not a length of time; write a whole number and a unit: 90s, 30m, 4h, 3d or 2w"
    )]
    Unreadable(String),
    /// It is longer than anything that a pack could mean, or a calendar could reach.
    #[error("`{0}` is longer than a hundred years; write a shorter time, such as 3d or 2w")]
    TooLong(String),
}

/// A hundred years, leap days left out.
const LONGEST: TimeDelta = TimeDelta::days(36_500);

impl Span {
    /// A span of whole days.
    pub const fn days(count: i64) -> Self {
        Self { count, unit: 'd' }
    }

    /// An elapsed time, to the second, in the largest unit that tells it whole.
    pub fn of(elapsed: TimeDelta) -> Self {
        let seconds = elapsed.num_seconds();
        let units = [('d', 86_400), ('h', 3600), ('m', 60)];
        let whole = units.into_iter().find(|(_, unit)| seconds != 0 && seconds % unit == 0);
        let (unit, length) = whole.unwrap_or(('s', 1));
        Self { count: seconds / length, unit }
    }

    /// The span as elapsed time; a day is 24 hours.
    pub fn delta(self) -> TimeDelta {
        TimeDelta::seconds(self.count.saturating_mul(self.unit_seconds()))
    }

    fn unit_seconds(self) -> i64 {
        match self.unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => 604_800,
        }
    }

    /// The number of days, if the span is written in days or weeks.
    pub fn whole_days(self) -> Option<i64> {
        match self.unit {
            'd' => Some(self.count),
            'w' => Some(self.count * 7),
            _ => None,
        }
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let refused = || SpanError::Unreadable(text.to_owned());
        let unit =
            text.chars().last().filter(|unit| "smhdw".contains(*unit)).ok_or_else(refused)?;
        let digits = &text[..text.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refused());
        }
        let too_long = || SpanError::TooLong(text.to_owned());
        let span = Self { count: digits.parse().map_err(|_| too_long())?, unit };
        let length = TimeDelta::try_seconds(span.count.saturating_mul(span.unit_seconds()));
        length.filter(|length| *length <= LONGEST).map(|_| span).ok_or_else(too_long)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_a_number_and_a_unit() {
        assert_eq!("3d".parse::<Span>().unwrap().delta(), TimeDelta::days(3));
        assert_eq!("2w".parse::<Span>().unwrap().whole_days(), Some(14));
        for (seconds, told) in [(0, "0s"), (86_400, "1d"), (5400, "90m"), (3601, "3601s")] {
            assert_eq!(Span::of(TimeDelta::seconds(seconds)).to_string(), told);
        }
        for wrong in ["", "d", "3", "3 d", "-3d", "3.5h", "3D", "3dd", "٣d"] {
            assert_eq!(wrong.parse::<Span>(), Err(SpanError::Unreadable(wrong.to_owned())));
        }
        assert!("36500d".parse::<Span>().is_ok() && "3153600000s".parse::<Span>().is_ok());
        for long in ["36501d", "9999999w", "99999999999999999999s"] {
            assert_eq!(long.parse::<Span>(), Err(SpanError::TooLong(long.to_owned())));
        }
    }

    #[test]
    fn instants_read_back_as_written() {
        let at = parse_instant("1998-05-07T11:00:00+02:00").unwrap();
        assert_eq!(format_instant(&at), "1998-05-07T09:00:00Z");
        assert_eq!(parse_instant("1998-05-07 09:00:00"), Some(at));
        assert_eq!(
            parse_instant("1998-05-07").map(|t| format_instant(&t)).as_deref(),
            Some("1998-05-07T00:00:00Z")
        );
        assert_eq!(parse_instant("yesterday"), None);
    }
}
