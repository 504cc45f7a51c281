//! The instant of evaluation, and how rules count from it. It never asks a clock.

use std::sync::Arc;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, TimeZone};

use super::TimeFunction;
use crate::domain::{Instant, day_of_text, parse_instant};
use crate::policy::Calendar;

/// Days from year 1 to 1970-01-01, as chrono counts them.
const EPOCH_DAYS: i32 = 719_163;

/// The instant of evaluation, and the calendar in which days are counted.
#[derive(Clone, Debug)]
pub struct Moment {
    /// Working hours, and the pack's zone.
    pub calendar: Arc<Calendar>,
    /// The instant.
    pub as_of: Instant,
    /// The day it is in the pack's zone, as days since 1970-01-01.
    pub today: i32,
}

/// What a text says about time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// A day, as days since 1970-01-01.
    Day(i32),
    /// An instant.
    At(Instant),
}

impl Told {
    /// Reads a date or an instant; none where the text tells neither.
    pub fn read(text: &str) -> Option<Self> {
        if text.len() == 10 {
            return day_of_text(text).map(Self::Day);
        }
        parse_instant(text).map(Self::At)
    }

    /// An instant from microseconds since 1970.
    pub fn micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self::At)
    }
}

impl Moment {
    /// This instant in this calendar.
    pub fn new(calendar: &Arc<Calendar>, as_of: Instant) -> Self {
        let today = calendar.local_date(as_of).num_days_from_ce() - EPOCH_DAYS;
        Self { calendar: calendar.clone(), as_of, today }
    }

    /// What a function counts. Days are calendar days in the pack's zone; hours are whole hours,
    /// rounded down, so that half an hour past is `hours_since` 0 and `hours_until` -1. A date
    /// alone is the start of that day in the pack's zone.
    pub fn count(&self, function: TimeFunction, told: Told) -> i64 {
        match function {
            TimeFunction::DaysSince => self.days_since(told),
            TimeFunction::DaysUntil => -self.days_since(told),
            TimeFunction::HoursSince => whole_hours(self.as_of - self.instant(told)),
            TimeFunction::HoursUntil => whole_hours(self.instant(told) - self.as_of),
            TimeFunction::WorkingHoursSince => {
                let from = self.instant(told);
                whole_hours(self.calendar.working_time_between(from, self.as_of))
            }
        }
    }

    fn days_since(&self, told: Told) -> i64 {
        let day = match told {
            Told::Day(day) => day,
            Told::At(at) => self.calendar.local_date(at).num_days_from_ce() - EPOCH_DAYS,
        };
        i64::from(self.today) - i64::from(day)
    }

    /// The instant that is meant: a date alone is the start of that day in the pack's zone.
    pub fn instant(&self, told: Told) -> Instant {
        let day = match told {
            Told::At(at) => return at,
            Told::Day(day) => NaiveDate::from_num_days_from_ce_opt(day.saturating_add(EPOCH_DAYS)),
        };
        let Some(day) = day else { return self.as_of };
        // Where the clock goes forward at midnight, the day starts when it has gone.
        let mut start = day.and_time(chrono::NaiveTime::MIN);
        for _ in 0..24 {
            if let Some(at) = self.calendar.timezone.from_local_datetime(&start).earliest() {
                return at.to_utc();
            }
            start += TimeDelta::minutes(15);
        }
        start.and_utc()
    }
}

fn whole_hours(time: TimeDelta) -> i64 {
    time.num_seconds().div_euclid(3600)
}
