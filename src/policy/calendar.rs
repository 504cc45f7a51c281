//! The pack's zone, its working hours, and quiet hours in a customer's own zone.
//! Nothing here reads a clock: every instant comes from the caller.

use std::collections::BTreeSet;

use chrono::{
    DateTime, Datelike, MappedLocalTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone,
    Weekday,
};
use chrono_tz::Tz;

use crate::domain::{Instant, Span};

/// When the company works, in the pack's zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// The pack's zone.
    pub timezone: Tz,
    /// Without them, every hour is a working hour.
    pub working: Option<WorkingHours>,
}

/// A working day, and which days are none.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkingHours {
    /// The first working minute.
    pub from: NaiveTime,
    /// The minute after the last; later than `from`.
    pub to: NaiveTime,
    /// Which weekdays; at least one.
    pub days: BTreeSet<u8>,
    /// Days off.
    pub holidays: BTreeSet<NaiveDate>,
}

/// When nobody is to be disturbed, in the customer's zone.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietHours {
    /// From this time to that; past midnight where the second is earlier.
    pub nightly: Option<(NaiveTime, NaiveTime)>,
    /// Weekdays that are quiet all day; never all seven.
    pub days: BTreeSet<u8>,
}

/// A weekday as it stands in a set: Monday is 0.
pub fn weekday_number(day: Weekday) -> u8 {
    day.num_days_from_monday() as u8
}

/// The name of a weekday as it stands in a set.
pub fn day_name(number: u8) -> String {
    Weekday::try_from(number % 7).map_or_else(|_| number.to_string(), |day| day.to_string())
}

/// The instant of a local time: the earlier one where the clock goes back, the first valid minute
/// where it goes forward.
pub fn resolve(timezone: Tz, local: NaiveDateTime) -> Instant {
    let mut local = local;
    loop {
        match timezone.from_local_datetime(&local) {
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => return at.to_utc(),
            MappedLocalTime::None => local += TimeDelta::minutes(1),
        }
    }
}

impl Calendar {
    /// The day it is in the pack's zone.
    pub fn local_date(&self, at: Instant) -> NaiveDate {
        at.with_timezone(&self.timezone).date_naive()
    }

    /// How much working time lies between two instants; negative where `to` is the earlier one.
    pub fn working_time_between(&self, from: Instant, to: Instant) -> TimeDelta {
        if to < from {
            return -self.working_time_between(to, from);
        }
        let Some(hours) = &self.working else { return to - from };
        let (first, last) = (self.local_date(from), self.local_date(to));
        let on = |day| self.worked_on(hours, day, from, to);
        if first == last {
            return on(first);
        }
        let between = hours.working_days(first.succ_opt().unwrap_or(first), last);
        on(first) + on(last) + (hours.to - hours.from) * between
    }

    /// The instant after so much working time: days are working days at the same time of day,
    /// shorter units are time at work.
    pub fn add_working(&self, from: Instant, span: Span) -> Instant {
        let Some(hours) = &self.working else { return from + span.delta() };
        let mut at = self.next_working(hours, from);
        if let Some(days) = span.whole_days() {
            for _ in 0..days {
                let local = at.with_timezone(&self.timezone).naive_local();
                let next = hours.next_working_day(local.date());
                at = resolve(self.timezone, next.and_time(local.time()));
            }
            return at;
        }
        let mut left = span.delta();
        loop {
            let day = self.local_date(at);
            let end = resolve(self.timezone, day.and_time(hours.to));
            if left <= end - at {
                return at + left;
            }
            left -= end - at;
            at = resolve(self.timezone, hours.next_working_day(day).and_time(hours.from));
        }
    }

    /// The working time of one day that lies between two instants.
    fn worked_on(
        &self,
        hours: &WorkingHours,
        day: NaiveDate,
        from: Instant,
        to: Instant,
    ) -> TimeDelta {
        if !hours.is_working_day(day) {
            return TimeDelta::zero();
        }
        let start = resolve(self.timezone, day.and_time(hours.from)).max(from);
        let end = resolve(self.timezone, day.and_time(hours.to)).min(to);
        (end - start).max(TimeDelta::zero())
    }

    /// `at`, or the next instant at which somebody works.
    fn next_working(&self, hours: &WorkingHours, at: Instant) -> Instant {
        let local = at.with_timezone(&self.timezone).naive_local();
        let opens = |day: NaiveDate| resolve(self.timezone, day.and_time(hours.from));
        if !hours.is_working_day(local.date()) || local.time() >= hours.to {
            return opens(hours.next_working_day(local.date()));
        }
        at.max(opens(local.date()))
    }
}

impl WorkingHours {
    fn is_working_day(&self, day: NaiveDate) -> bool {
        self.days.contains(&weekday_number(day.weekday())) && !self.holidays.contains(&day)
    }

    /// The first working day after `day`.
    fn next_working_day(&self, day: NaiveDate) -> NaiveDate {
        let later = day.iter_days().skip(1);
        // Holidays are listed one by one, so a working day always comes; a calendar's end does not.
        later.take(20_000).find(|d| self.is_working_day(*d)).unwrap_or(day)
    }

    /// How many working days lie in `first..end`.
    fn working_days(&self, first: NaiveDate, end: NaiveDate) -> i32 {
        let days = (end - first).num_days().max(0);
        let weeks = (days / 7) as i32 * self.days.len() as i32;
        let rest = first.iter_days().take((days % 7) as usize);
        let rest = rest.filter(|d| self.days.contains(&weekday_number(d.weekday()))).count() as i32;
        let off = if first < end {
            self.holidays.range(first..end)
        } else {
            self.holidays.range(end..end)
        };
        weeks + rest
            - off.filter(|d| self.days.contains(&weekday_number(d.weekday()))).count() as i32
    }
}

impl QuietHours {
    /// Whether a local time is quiet.
    pub fn is_quiet(&self, local: NaiveDateTime) -> bool {
        let time = local.time();
        self.days.contains(&weekday_number(local.weekday()))
            || self.nightly.is_some_and(|(from, to)| {
                if from < to { from <= time && time < to } else { time >= from || time < to }
            })
    }

    /// `at`, or the first minute after it that is decent where the customer lives.
    pub fn first_decent(&self, at: Instant, timezone: Tz) -> Instant {
        let mut at = at;
        // Never all week, so a decent minute comes within eight days; two boundaries a day.
        for _ in 0..32 {
            let local = at.with_timezone(&timezone).naive_local();
            if !self.is_quiet(local) {
                return at;
            }
            at = self.next_boundary(at, local, timezone);
        }
        at
    }

    /// The next instant at which quiet may end: the end of the night, or midnight.
    fn next_boundary(&self, at: Instant, local: NaiveDateTime, timezone: Tz) -> Instant {
        let midnight = local.date().succ_opt().unwrap_or(local.date()).and_time(NaiveTime::MIN);
        let ends = self.nightly.map(|(_, to)| local.date().and_time(to)).filter(|end| *end > local);
        let next = resolve(timezone, ends.unwrap_or(midnight));
        // Where the clock goes back, the boundary's first occurrence may already be behind us.
        if next > at { next } else { DateTime::max(next, at + TimeDelta::minutes(1)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Instant {
        crate::domain::parse_instant(text).unwrap()
    }

    fn time(hour: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, 0, 0).unwrap()
    }

    fn berlin() -> Calendar {
        let days = (0..5).collect();
        let holidays = [NaiveDate::from_ymd_opt(1998, 5, 1).unwrap()].into();
        let working = Some(WorkingHours { from: time(9), to: time(17), days, holidays });
        Calendar { timezone: chrono_tz::Europe::Berlin, working }
    }

    #[test]
    fn working_time_leaves_out_nights_weekends_and_holidays() {
        // Thursday 30 April 16:00 in Berlin to Monday 4 May 10:00: Friday was a holiday.
        let worked =
            berlin().working_time_between(at("1998-04-30T14:00:00Z"), at("1998-05-04T08:00:00Z"));
        assert_eq!(worked, TimeDelta::hours(2));
    }

    #[test]
    fn due_times_are_working_times() {
        let calendar = berlin();
        let from = at("1998-05-07T14:00:00Z"); // Thursday, 16:00 in Berlin
        assert_eq!(calendar.add_working(from, "4h".parse().unwrap()), at("1998-05-08T10:00:00Z"));
        assert_eq!(calendar.add_working(from, "2d".parse().unwrap()), at("1998-05-11T14:00:00Z"));
        let night = at("1998-05-07T22:00:00Z");
        assert_eq!(calendar.add_working(night, "1h".parse().unwrap()), at("1998-05-08T08:00:00Z"));
    }

    #[test]
    fn a_night_and_a_weekend_are_waited_for() {
        let quiet = QuietHours { nightly: Some((time(20), time(8))), days: [5, 6].into() };
        let decent = |from| quiet.first_decent(at(from), chrono_tz::Europe::Berlin);
        assert_eq!(decent("1998-05-07T09:00:00Z"), at("1998-05-07T09:00:00Z"));
        assert_eq!(decent("1998-05-07T19:30:00Z"), at("1998-05-08T06:00:00Z"));
        assert_eq!(decent("1998-05-08T19:30:00Z"), at("1998-05-11T06:00:00Z"));
    }

    proptest! {
        #[test]
        fn the_first_decent_minute_is_what_stepping_finds(
            start in 0i64..(60 * 24 * 400), from in 0u32..24, to in 0u32..24,
            days in proptest::collection::btree_set(0u8..7, 0..3), zone in 0usize..5,
        ) {
            prop_assume!(from != to);
            let zones = [chrono_tz::Europe::Berlin, chrono_tz::America::New_York, chrono_tz::Asia::Bangkok,
                chrono_tz::Australia::Lord_Howe, chrono_tz::America::Sao_Paulo];
            let zone = zones[zone];
            let quiet = QuietHours { nightly: Some((time(from), time(to))), days };
            let start = at("2018-01-01T00:00:00Z") + TimeDelta::minutes(start);
            let found = quiet.first_decent(start, zone);
            let mut stepped = start;
            while quiet.is_quiet(stepped.with_timezone(&zone).naive_local()) {
                stepped += TimeDelta::minutes(1);
            }
            prop_assert_eq!(found, stepped);
        }

        #[test]
        fn working_time_is_what_stepping_finds(start in 0i64..(24 * 200), length in 0i64..(24 * 30)) {
            let calendar = berlin();
            let from = at("1998-01-01T00:00:00Z") + TimeDelta::hours(start);
            let hours = calendar.working.as_ref().unwrap();
            let worked = (0..length).filter(|hour| {
                let local = (from + TimeDelta::hours(*hour)).with_timezone(&calendar.timezone).naive_local();
                hours.is_working_day(local.date()) && local.time() >= hours.from && local.time() < hours.to
            });
            let expected = TimeDelta::hours(worked.count() as i64);
            prop_assert_eq!(calendar.working_time_between(from, from + TimeDelta::hours(length)), expected);
        }
    }
}
