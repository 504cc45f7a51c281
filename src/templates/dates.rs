//! Days and times of day in a language, in the calendar that its readers use. Nothing here knows a
//! time zone.

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use icu_datetime::fieldsets::{YMD, YMDE, YMDET, YMDT};
use icu_datetime::input::{Date, DateTime, Time};
use icu_datetime::options::YearStyle;
use icu_datetime::{DateTimeFormatter, DateTimeFormatterPreferences};
use icu_locale_core::LanguageIdentifier;

use crate::domain::{Instant, parse_instant};

pub(super) use icu_datetime::preferences::CalendarAlgorithm as Calendar;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// In figures.
    Short,
    /// With the month's name cut short, where the language does that.
    Medium,
    /// With the month's name.
    Long,
    /// With the day of the week as well.
    Full,
}

impl Form {
    /// The forms by their names.
    pub(super) const NAMES: [(&'static str, Self); 4] = [
        ("short", Self::Short),
        ("medium", Self::Medium),
        ("long", Self::Long),
        ("full", Self::Full),
    ];
}

/// What a signal's text can say of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Day(NaiveDate),
    Instant(Instant),
}

impl Moment {
    /// Reads `YYYY-MM-DD` or an instant.
    pub(super) fn read(text: &str) -> Option<Self> {
        match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            Ok(day) => Some(Self::Day(day)),
            Err(_) => parse_instant(text).map(Self::Instant),
        }
    }
}

/// A day, in the locale's usual calendar unless another is asked for.
pub(super) fn day(
    locale: &LanguageIdentifier,
    day: NaiveDate,
    form: Form,
    calendar: Option<Calendar>,
) -> Option<String> {
    let how = how(locale, calendar);
    let day = Date::try_new_iso(day.year(), day.month() as u8, day.day() as u8).ok()?;
    let said = match form {
        Form::Full => DateTimeFormatter::try_new(how, YMDE::long()).ok()?.format(&day).to_string(),
        _ => DateTimeFormatter::try_new(how, length(form)).ok()?.format(&day).to_string(),
    };
    Some(said)
}

/// A day and a time of day, to the minute.
pub(super) fn day_and_time(
    locale: &LanguageIdentifier,
    at: NaiveDateTime,
    form: Form,
    calendar: Option<Calendar>,
) -> Option<String> {
    let how = how(locale, calendar);
    let time = Time::try_new(at.hour() as u8, at.minute() as u8, at.second() as u8, 0).ok()?;
    let date = Date::try_new_iso(at.year(), at.month() as u8, at.day() as u8).ok()?;
    let at = DateTime { date, time };
    let said = match form {
        Form::Full => {
            let fields: YMDET = YMDE::long().with_time_hm();
            DateTimeFormatter::try_new(how, fields).ok()?.format(&at).to_string()
        }
        _ => {
            let fields: YMDT = length(form).with_time_hm();
            DateTimeFormatter::try_new(how, fields).ok()?.format(&at).to_string()
        }
    };
    Some(said)
}

fn length(form: Form) -> YMD {
    match form {
        // The whole year: 05/07/98 is three days in three countries.
        Form::Short => YMD::short().with_year_style(YearStyle::Full),
        Form::Medium => YMD::medium(),
        Form::Long | Form::Full => YMD::long(),
    }
}

fn how(locale: &LanguageIdentifier, calendar: Option<Calendar>) -> DateTimeFormatterPreferences {
    let mut how = DateTimeFormatterPreferences::from(locale);
    how.calendar_algorithm = calendar;
    how
}
