//! Which rules are due: crontab lines, read as people write them, on the pack's own clock.
//!
//! Nothing here reads a clock: every question names its instant.

mod crontab;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDateTime, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;

use crate::domain::{Instant, RuleId};

pub use crontab::ScheduleError;

/// The nominal times of a rule: a five-field crontab line (minute, hour, day of the month, month,
/// weekday), taken in a time zone. As crontab(5) has it, a day must fit either of the two day
/// fields where neither starts with `*`, else both.
///
/// When clocks change, a local time that is skipped runs at the next valid minute, and one that
/// comes twice runs the first time only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The local times are those of any of these.
    times: Vec<cron::Schedule>,
}

/// How long before `as_of` a rule counts as evaluated if it never was.
const NEVER_EVALUATED: TimeDelta = TimeDelta::hours(24);

impl Schedule {
    /// Reads a crontab line, or one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    ///
    /// # Errors
    /// What is wrong, in which field, and what may stand there; also a day that never comes, such
    /// as 30 February.
    pub fn parse(line: &str) -> Result<Self, ScheduleError> {
        crontab::read(line)
    }

    /// Whether a nominal time lies after `last_evaluated` and not after `as_of`. A rule that was
    /// never evaluated counts as evaluated 24 hours before.
    pub fn is_due(&self, last_evaluated: Option<Instant>, as_of: Instant, zone: Tz) -> bool {
        let last = last_evaluated.unwrap_or(as_of - NEVER_EVALUATED);
        self.next_after(last, zone).is_some_and(|next| next <= as_of)
    }

    /// The first nominal time later than `instant`; `None` only past the year 2100,
    /// where the library's calendar ends.
    pub fn next_after(&self, instant: Instant, zone: Tz) -> Option<Instant> {
        let mut local = instant.with_timezone(&zone).naive_local();
        loop {
            local = self.next_local(local)?;
            let nominal = first_valid(local, zone)?;
            if nominal > instant {
                return Some(nominal);
            }
        }
    }

    /// The first local time on the schedule that is later than `after`. The times are asked for as
    /// if the zone were UTC, which has no clock changes: those are settled afterwards, our own way.
    fn next_local(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let next = |times: &cron::Schedule| times.after(&after.and_utc()).next();
        self.times.iter().filter_map(next).min().map(|next| next.naive_utc())
    }
}

/// The instant of a local time: the first where it comes twice, the next valid minute where it is
/// skipped.
fn first_valid(local: NaiveDateTime, zone: Tz) -> Option<Instant> {
    let first = |at: &NaiveDateTime| zone.from_local_datetime(at).earliest();
    if let Some(instant) = first(&local) {
        return Some(instant.to_utc());
    }
    // Samoa left out a whole day; nobody left out more. Clocks change on whole minutes there.
    let minute = local.with_second(0)?;
    (1..=25 * 60)
        .find_map(|minutes| first(&(minute + TimeDelta::minutes(minutes))))
        .map(|t| t.to_utc())
}

/// The rules that are due at `as_of`: those with a nominal time since they were last evaluated,
/// and those without a schedule.
pub fn due(
    schedules: &BTreeMap<RuleId, Option<Schedule>>,
    last_evaluated: &BTreeMap<RuleId, Instant>,
    as_of: Instant,
    zone: Tz,
) -> BTreeSet<RuleId> {
    let is_due = |id: &RuleId, schedule: &Option<Schedule>| match schedule {
        Some(schedule) => schedule.is_due(last_evaluated.get(id).copied(), as_of, zone),
        None => true,
    };
    let due = schedules.iter().filter(|(id, schedule)| is_due(id, schedule));
    due.map(|(id, _)| id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use croner::Cron;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{format_instant, parse_instant};

    fn at(text: &str) -> Instant {
        parse_instant(text).unwrap()
    }

    /// The next `count` nominal times, as the wall of that zone shows them.
    fn upcoming(line: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(line).unwrap();
        let zone: Tz = zone.parse().unwrap();
        let mut instant = at(from);
        let mut told = Vec::new();
        for _ in 0..count {
            instant = schedule.next_after(instant, zone).unwrap();
            told.push(instant.with_timezone(&zone).format("%a %Y-%m-%d %H:%M %Z").to_string());
        }
        told
    }

    #[test]
    fn people_write_crontab() {
        let monday_to_friday = upcoming("0 9 * * 1-5", "Europe/Berlin", "1998-05-07T09:00:00Z", 3);
        assert_eq!(
            monday_to_friday,
            ["Fri 1998-05-08 09:00 CEST", "Mon 1998-05-11 09:00 CEST", "Tue 1998-05-12 09:00 CEST"]
        );
        let sundays = upcoming("30 6 * * 0", "UTC", "1998-05-07", 2);
        assert_eq!(sundays, ["Sun 1998-05-10 06:30 UTC", "Sun 1998-05-17 06:30 UTC"]);
        assert_eq!(sundays, upcoming("30 6 * * 7", "UTC", "1998-05-07", 2));
        assert_eq!(sundays, upcoming("30 6 * * Sun", "UTC", "1998-05-07", 2));
    }

    #[test]
    fn two_restricted_day_fields_are_alternatives() {
        let either = upcoming("0 0 13 * fri", "UTC", "1998-05-08", 3);
        assert_eq!(
            either,
            ["Wed 1998-05-13 00:00 UTC", "Fri 1998-05-15 00:00 UTC", "Fri 1998-05-22 00:00 UTC"]
        );
        // A field that starts with a star restricts nothing by itself: both must fit.
        let both = upcoming("0 0 */2 * fri", "UTC", "1998-05-08", 2);
        assert_eq!(both, ["Fri 1998-05-15 00:00 UTC", "Fri 1998-05-29 00:00 UTC"]);
    }

    #[test]
    fn a_skipped_time_runs_at_the_next_valid_minute() {
        let berlin = upcoming("30 2 * * *", "Europe/Berlin", "1998-03-28T12:00:00Z", 2);
        assert_eq!(berlin, ["Sun 1998-03-29 03:00 CEST", "Mon 1998-03-30 02:30 CEST"]);
        let new_york = upcoming("*/20 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", 2);
        assert_eq!(new_york, ["Sun 2026-03-08 03:00 EDT", "Mon 2026-03-09 02:00 EDT"]);
        // Midnight itself is skipped in some zones, and in one a whole day was.
        let beirut = upcoming("0 0 * * *", "Asia/Beirut", "2022-03-26T12:00:00Z", 1);
        assert_eq!(beirut, ["Sun 2022-03-27 01:00 EEST"]);
        let apia = upcoming("0 9 30 12 *", "Pacific/Apia", "2011-12-01", 1);
        assert_eq!(apia, ["Sat 2011-12-31 00:00 +14"]);
    }

    #[test]
    fn a_repeated_time_runs_once() {
        let berlin = upcoming("30 2 * * *", "Europe/Berlin", "1998-10-24T12:00:00Z", 2);
        assert_eq!(berlin, ["Sun 1998-10-25 02:30 CEST", "Mon 1998-10-26 02:30 CET"]);
        let new_york = upcoming("0,30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 3);
        assert_eq!(
            new_york,
            ["Sun 2026-11-01 01:00 EDT", "Sun 2026-11-01 01:30 EDT", "Mon 2026-11-02 01:00 EST"]
        );
        // Asked for within the second pass, the next is the first that is not a repetition.
        let second_pass = upcoming("*/15 * * * *", "Europe/Berlin", "1998-10-25T01:05:00Z", 1);
        assert_eq!(second_pass, ["Sun 1998-10-25 03:00 CET"]);
    }

    #[test]
    fn a_rule_is_due_once_a_nominal_time() {
        let schedule = Schedule::parse("0 9 * * *").unwrap();
        let zone: Tz = "Europe/Berlin".parse().unwrap();
        let nine = at("1998-05-07T07:00:00Z");
        assert!(schedule.is_due(Some(nine - TimeDelta::days(1)), nine, zone));
        assert!(!schedule.is_due(Some(nine), nine, zone));
        assert!(!schedule.is_due(Some(nine), nine + TimeDelta::hours(23), zone));
        assert!(schedule.is_due(Some(nine), nine + TimeDelta::days(3), zone));
        assert!(schedule.is_due(None, nine + TimeDelta::minutes(1), zone));
        let hours_ago = Schedule::parse("0 9 * * thu").unwrap();
        assert!(hours_ago.is_due(None, nine + TimeDelta::hours(23), zone));
        assert!(!hours_ago.is_due(None, nine + TimeDelta::hours(25), zone));
    }

    #[test]
    fn the_rarest_day_is_found() {
        let leap = Schedule::parse("0 0 29 2 *").unwrap();
        let next = leap.next_after(at("2092-03-01"), Tz::UTC).unwrap();
        assert_eq!(format_instant(&next), "2096-02-29T00:00:00Z");
    }

    /// A field as a list of numbers, ranges and steps; no field of days starts with a star unless
    /// it is one, for there the second opinion differs from crontab(5).
    fn field(from: u32, to: u32, stepped_star: bool) -> impl Strategy<Value = String> {
        let item = prop_oneof![
            (from..=to).prop_map(|n| n.to_string()),
            (from..=to, from..=to).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
            (from..=to, from..=to, 1u32..5).prop_map(|(a, b, step)| format!(
                "{}-{}/{step}",
                a.min(b),
                a.max(b)
            )),
        ];
        let star = (1u32..9).prop_map(move |step| match stepped_star && step > 1 {
            true => format!("*/{step}"),
            false => "*".to_owned(),
        });
        let list = proptest::collection::vec(item, 1..4).prop_map(|items| items.join(","));
        prop_oneof![star, list]
    }

    proptest! {
        #[test]
        fn another_crontab_reader_agrees(
            minute in field(0, 59, true),
            hour in field(0, 23, true),
            day in field(1, 28, false),
            month in field(1, 12, true),
            weekday in field(0, 7, false),
            from in 0i64..2_000_000_000,
        ) {
            let line = format!("{minute} {hour} {day} {month} {weekday}");
            let ours = Schedule::parse(&line).unwrap();
            let theirs = Cron::from_str(&line).unwrap();
            let mut instant = Instant::from_timestamp(from, 0).unwrap();
            for _ in 0..5 {
                let next = ours.next_after(instant, Tz::UTC).unwrap();
                let expected = theirs.find_next_occurrence(&instant, false).unwrap();
                prop_assert_eq!(next, expected, "{}", line);
                instant = next;
            }
        }
    }
}
