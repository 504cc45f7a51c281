//! From when to when, and how often: the instants at which a replay runs. No clock is read here.

use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use crate::domain::{Instant, Span, parse_instant};
use crate::policy::{Calendar, resolve};

/// One end of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// A whole day in the pack's zone.
    Day(NaiveDate),
    /// A point in time.
    At(Instant),
}

/// What is replayed.
#[derive(Clone, Copy, Debug)]
pub struct Period {
    /// Its first day, or its first run.
    pub from: Edge,
    /// Its last day, or its last instant.
    pub to: Edge,
    /// How often there is a run.
    pub every: Span,
    /// The time of the first run on a first day; where work starts, if it is left out.
    pub at: Option<NaiveTime>,
}

/// The runs of a period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Their instants, in order; at least one.
    pub runs: Vec<Instant>,
    /// Up to when what waits may leave, and outcomes count; it is part of the period.
    pub end: Instant,
}

/// More runs than anybody can wait for.
const MOST: usize = 100_000;
/// The years that four digits can say.
const YEARS: std::ops::RangeInclusive<i32> = 1..=9999;
/// Where the policy says nothing of working hours.
const NINE: Option<NaiveTime> = NaiveTime::from_hms_opt(9, 0, 0);

impl FromStr for Edge {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self::Day).ok();
        let edge = day.or_else(|| parse_instant(text).map(Self::At));
        edge.filter(|edge| YEARS.contains(&edge.year())).ok_or_else(|| {
            "that is neither a day nor an instant; write it like 1997-01-01, or \
             1997-01-01T08:00:00Z"
                .to_owned()
        })
    }
}

impl Edge {
    fn year(&self) -> i32 {
        match self {
            Self::Day(day) => day.year(),
            Self::At(at) => at.year(),
        }
    }
}

impl Period {
    /// Its runs. Whole days are days of the calendar: the time of day stays where clocks change.
    ///
    /// # Errors
    /// Why there are none, or too many.
    pub fn steps(&self, calendar: &Calendar) -> Result<Steps, String> {
        let zone = calendar.timezone;
        let local = match (self.from, self.at) {
            (Edge::Day(day), at) => day.and_time(at.unwrap_or(begins(calendar))),
            (Edge::At(at), None) => at.with_timezone(&zone).naive_local(),
            (Edge::At(_), Some(_)) => {
                return Err("--from has a time of day already; leave out --at".to_owned());
            }
        };
        if self.every.delta() <= TimeDelta::zero() {
            return Err("--every must be longer than nothing, such as 1d or 4h".to_owned());
        }
        let first = match self.from {
            Edge::Day(_) => resolve(zone, local),
            Edge::At(at) => at,
        };
        let end = match self.to {
            Edge::Day(day) => last_of(day, zone),
            Edge::At(at) => at,
        };
        let runs: Vec<Instant> = (0..=MOST as u64)
            .map_while(|number| self.run((first, local), number, zone).filter(|at| *at <= end))
            .collect();
        match runs.len() {
            0 => Err("--to lies before the first run; name a later day".to_owned()),
            many if many > MOST => {
                Err("that makes more than 100,000 runs; choose a longer --every".to_owned())
            }
            _ => Ok(Steps { runs, end }),
        }
    }

    /// One of the runs. The first is what was asked for; each later day has the time of day that was
    /// wished for, also where the first had none such.
    fn run(
        &self,
        (first, local): (Instant, NaiveDateTime),
        number: u64,
        zone: Tz,
    ) -> Option<Instant> {
        match self.every.whole_days() {
            _ if number == 0 => Some(first),
            Some(days) => {
                let days = u64::try_from(days).ok()?.checked_mul(number)?;
                let day = local.date().checked_add_days(Days::new(days))?;
                Some(resolve(zone, day.and_time(local.time())))
            }
            None => {
                let number = i32::try_from(number).ok()?;
                first.checked_add_signed(self.every.delta().checked_mul(number)?)
            }
        }
    }
}

/// When work starts.
fn begins(calendar: &Calendar) -> NaiveTime {
    calendar.working.as_ref().map(|hours| hours.from).or(NINE).unwrap_or_default()
}

/// The last microsecond of a day: the midnight after it is no part of it.
fn last_of(day: NaiveDate, zone: Tz) -> Instant {
    let next = day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN);
    resolve(zone, next) - TimeDelta::microseconds(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::format_instant;

    fn steps(from: &str, to: &str, every: &str, at: Option<&str>) -> Result<Vec<String>, String> {
        let calendar = Calendar { timezone: Tz::Europe__Berlin, working: None };
        let period = Period {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            every: every.parse().unwrap(),
            at: at.map(|at| NaiveTime::parse_from_str(at, "%H:%M").unwrap()),
        };
        let steps = period.steps(&calendar)?;
        let all = steps.runs.iter().chain([&steps.end]);
        Ok(all.map(format_instant).collect())
    }

    #[test]
    fn a_day_keeps_its_time_of_day_where_clocks_change() {
        let days = steps("1998-03-28", "1998-03-30", "1d", None).unwrap();
        assert_eq!(
            days,
            [
                "1998-03-28T08:00:00Z",
                "1998-03-29T07:00:00Z",
                "1998-03-30T07:00:00Z",
                "1998-03-30T21:59:59.999999Z"
            ]
        );
        let week = steps("1998-03-28", "1998-04-06", "1w", Some("00:00")).unwrap();
        assert_eq!(week[..2], ["1998-03-27T23:00:00Z", "1998-04-03T22:00:00Z"]);
    }

    #[test]
    fn hours_are_elapsed_time_up_to_the_end_of_the_last_day() {
        let hours = steps("1998-05-06T20:00:00Z", "1998-05-06", "1h", None).unwrap();
        assert_eq!(
            hours,
            ["1998-05-06T20:00:00Z", "1998-05-06T21:00:00Z", "1998-05-06T21:59:59.999999Z"]
        );
        let instants = steps("1998-05-06T20:00:00Z", "1998-05-06T21:00:00Z", "1h", None);
        assert_eq!(instants.unwrap()[..2], ["1998-05-06T20:00:00Z", "1998-05-06T21:00:00Z"]);
    }

    #[test]
    fn what_makes_no_runs_or_too_many_is_refused() {
        for (from, to, every, at) in [
            ("1998-05-06", "1998-05-05", "1d", None),
            ("1998-05-06", "1998-05-07", "0d", None),
            ("1998-05-06T09:00:00Z", "1998-05-07", "1d", Some("09:00")),
            ("1990-01-01", "1998-05-07", "30s", None),
        ] {
            assert!(steps(from, to, every, at).is_err(), "{from} {to} {every}");
        }
        for text in ["yesterday", "-262143-01-01", "0000-01-01", "+12000-01-01T00:00:00Z"] {
            assert!(text.parse::<Edge>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_run_is_what_was_asked_for_where_clocks_change() {
        // 02:30 is there twice on this day; this is the second one.
        let twice = steps("1998-10-25T01:30:00Z", "1998-10-26", "1d", None).unwrap();
        assert_eq!(twice[..2], ["1998-10-25T01:30:00Z", "1998-10-26T01:30:00Z"]);
        // And on this one not at all.
        let skipped = steps("1998-03-29", "1998-03-30", "1d", Some("02:30")).unwrap();
        assert_eq!(skipped[..2], ["1998-03-29T01:00:00Z", "1998-03-30T00:30:00Z"]);
    }
}
