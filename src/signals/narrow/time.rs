//! What compares `days_since` and its like with a whole number: a range of dates. Where zones and
//! their clock changes would matter, the range is wider by a day each way.

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta};

use super::sql::Sql;
use super::{Given, Narrowing};
use crate::domain::Value;
use crate::predicate::{Comparison, Expr, TimeFunction};
use crate::signals::ColumnKind;
use crate::signals::lexer::Dialect;

/// How a column tells the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// PostgreSQL's `date`.
    Day,
    /// PostgreSQL's `timestamp`, and with `true` the one with a time zone.
    Stamp(bool),
    /// SQLite: a text, and where it is a day, of this form only.
    DayText,
    /// SQLite: a text that begins with its day in UTC.
    AnyText,
}

/// 0001-01-01 and 9999-12-31, as days since 1970-01-01.
const FIRST: i64 = -719_162;
const LAST: i64 = 2_932_896;
const EPOCH_DAYS: i64 = 719_163;
/// No count of days or hours that a rule may ask for is greater.
const FAR: i64 = 1 << 40;

impl Narrowing<'_> {
    /// A count of days or hours with a number.
    pub(super) fn compare_time(
        &self,
        comparison: Comparison,
        (function, a): (TimeFunction, &Expr),
        value: &Value,
        wanted: bool,
    ) -> Sql {
        let Some((given, told)) = self.time(a) else { return Sql::Always };
        let Value::Int(value) = value else { return Sql::Always };
        let Some(days) = self.days(function, told, counts(comparison, *value, wanted)) else {
            return Sql::Always;
        };
        let within = between(given, told, days);
        // What is absent is counted as absent, which is unequal and in no order.
        match (comparison == Comparison::Unequal) == wanted {
            true => Sql::any([within, Sql::text(format!("{} IS NULL", given.sql))]),
            false => within,
        }
    }

    /// Rows on which a field is neither absent nor tells the time in the form that is counted with.
    pub(super) fn tells_no_time(&self, a: &Expr) -> Sql {
        match self.time(a) {
            None => Sql::Always,
            Some((_, Told::Day | Told::Stamp(_))) => Sql::Never,
            Some((given, Told::DayText)) => Sql::text(format!("lookout_no_day({})", given.sql)),
            Some((given, Told::AnyText)) => Sql::text(format!("lookout_no_time({})", given.sql)),
        }
    }

    fn time(&self, a: &Expr) -> Option<(&Given, Told)> {
        let Expr::Field(field) = a else { return None };
        let given = self.fields.get(field)?;
        let told = match (self.dialect, given.kind, given.type_name.as_str()) {
            (Dialect::Sqlite, ColumnKind::Date, _) => Told::DayText,
            (Dialect::Sqlite, ColumnKind::Instant | ColumnKind::Text | ColumnKind::Unknown, _) => {
                Told::AnyText
            }
            (Dialect::Postgres, _, "date") => Told::Day,
            (Dialect::Postgres, _, "timestamp") => Told::Stamp(false),
            (Dialect::Postgres, _, "timestamptz") => Told::Stamp(true),
            _ => return None,
        };
        Some((given, told))
    }

    /// The days, in UTC where it is an instant, that give such counts.
    fn days(&self, function: TimeFunction, told: Told, counts: Counts) -> Option<Counts> {
        let today = i64::from(self.moment.today);
        let exact = matches!(told, Told::Day | Told::DayText);
        let (days, exact) = match function {
            TimeFunction::DaysSince => {
                (Counts { from: today - counts.to, to: today - counts.from }, exact)
            }
            TimeFunction::DaysUntil => {
                (Counts { from: today + counts.from, to: today + counts.to }, exact)
            }
            TimeFunction::HoursSince => {
                (Counts { from: self.day_in(-counts.to - 1), to: self.day_in(-counts.from) }, false)
            }
            TimeFunction::HoursUntil => {
                (Counts { from: self.day_in(counts.from), to: self.day_in(counts.to + 1) }, false)
            }
            TimeFunction::WorkingHoursSince => return None,
        };
        Some(match exact {
            true => days,
            false => Counts { from: days.from - 1, to: days.to + 1 },
        })
    }

    /// The day in UTC that it is so many hours from the run's instant.
    fn day_in(&self, hours: i64) -> i64 {
        let at: Option<DateTime<_>> =
            TimeDelta::try_hours(hours).and_then(|by| self.moment.as_of.checked_add_signed(by));
        match at {
            Some(at) => i64::from(at.date_naive().num_days_from_ce()) - EPOCH_DAYS,
            None => hours.signum() * FAR,
        }
    }
}

/// From a number to another one, both with it.
#[derive(Clone, Copy)]
struct Counts {
    from: i64,
    to: i64,
}

/// The counts for which a comparison comes out as wanted; those that are unequal are all.
fn counts(comparison: Comparison, value: i64, wanted: bool) -> Counts {
    let value = value.clamp(-FAR, FAR);
    let (from, to) = match (comparison, wanted) {
        (Comparison::Equal, true) | (Comparison::Unequal, false) => (value, value),
        (Comparison::Equal, false) | (Comparison::Unequal, true) => (-FAR, FAR),
        (Comparison::Less, true) | (Comparison::AtLeast, false) => (-FAR, value - 1),
        (Comparison::AtMost, true) | (Comparison::Greater, false) => (-FAR, value),
        (Comparison::Greater, true) | (Comparison::AtMost, false) => (value + 1, FAR),
        (Comparison::AtLeast, true) | (Comparison::Less, false) => (value, FAR),
    };
    Counts { from, to }
}

/// Rows whose day is between two.
fn between(given: &Given, told: Told, days: Counts) -> Sql {
    if days.from > LAST || days.to < FIRST || days.from > days.to {
        return Sql::Never;
    }
    let sql = match told {
        Told::Day | Told::Stamp(_) => given.sql.clone(),
        Told::DayText | Told::AnyText => format!("+{} COLLATE BINARY", given.sql),
    };
    let low = (days.from > FIRST).then(|| format!("{sql} >= {}", literal(told, days.from)));
    let high = (days.to < LAST).then(|| match told {
        Told::Day | Told::DayText => format!("{sql} <= {}", literal(told, days.to)),
        Told::Stamp(_) | Told::AnyText => format!("{sql} < {}", literal(told, days.to + 1)),
    });
    Sql::all([low, high].into_iter().flatten().map(Sql::Text))
}

/// The beginning of a day as the database reads it.
fn literal(told: Told, day: i64) -> String {
    let date = i32::try_from(day + EPOCH_DAYS).ok().and_then(NaiveDate::from_num_days_from_ce_opt);
    let date = date.map(|date| date.to_string()).unwrap_or_default();
    match told {
        Told::Day => format!("'{date}'::date"),
        Told::Stamp(false) => format!("'{date} 00:00:00'::timestamp"),
        Told::Stamp(true) => format!("'{date} 00:00:00+00'::timestamptz"),
        Told::DayText | Told::AnyText => format!("'{date}'"),
    }
}
