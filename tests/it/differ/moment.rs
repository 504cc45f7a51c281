//! Instants at which days and hours are easily miscounted, and times of day around them.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::Tz;
use lookout::domain::{Instant, parse_instant};
use lookout::policy::{Calendar, WorkingHours};

use super::chance::Chance;

/// A zone and an instant in it: midnights, the clock going forward and back (in Beirut and São
/// Paulo at midnight itself), a day that Samoa left out, and ordinary mornings.
const MOMENTS: [(&str, &str); 18] = [
    ("Europe/Berlin", "2026-03-29T00:59:59Z"),
    ("Europe/Berlin", "2026-03-29T01:00:00Z"),
    ("Europe/Berlin", "2026-10-24T22:00:00Z"),
    ("Europe/Berlin", "2026-10-25T00:30:00Z"),
    ("Europe/Berlin", "2026-10-25T23:00:00Z"),
    ("Europe/Berlin", "1998-05-07T09:00:00Z"),
    ("America/Sao_Paulo", "2018-11-04T02:59:59Z"),
    ("America/Sao_Paulo", "2018-11-04T03:00:00Z"),
    ("America/Sao_Paulo", "2018-02-18T01:30:00Z"),
    ("America/Sao_Paulo", "2018-02-18T02:30:00Z"),
    ("Asia/Beirut", "2022-03-26T21:59:59.999999Z"),
    ("Asia/Beirut", "2022-03-26T22:00:00Z"),
    ("Asia/Beirut", "2021-10-30T20:59:59Z"),
    ("Asia/Beirut", "2021-10-30T21:30:00.5Z"),
    ("Pacific/Apia", "2012-01-01T09:59:59Z"),
    ("Asia/Kathmandu", "2024-02-28T18:15:00Z"),
    ("UTC", "2024-03-01T00:00:00Z"),
    ("UTC", "1998-05-07T09:00:00Z"),
];

/// When rules are judged, and by which calendar.
#[derive(Clone, Debug)]
pub struct When {
    pub zone: String,
    pub as_of: String,
    /// Whether the company works from nine to five, Monday to Friday, or always.
    pub office: bool,
}

impl When {
    pub fn some(chance: &mut Chance) -> Self {
        let (zone, as_of) = chance.pick(&MOMENTS);
        Self { zone: zone.to_owned(), as_of: as_of.to_owned(), office: chance.percent(70) }
    }

    pub fn as_of(&self) -> Instant {
        parse_instant(&self.as_of).unwrap()
    }

    fn timezone(&self) -> Tz {
        self.zone.parse().unwrap()
    }

    pub fn calendar(&self) -> Calendar {
        let hour = |hour| chrono::NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
        let holidays = [self.today() - Days::new(1), self.today() - Days::new(8)].into();
        let days = (0..5).collect();
        let working = WorkingHours { from: hour(9), to: hour(17), days, holidays };
        Calendar { timezone: self.timezone(), working: self.office.then_some(working) }
    }

    fn today(&self) -> NaiveDate {
        self.as_of().with_timezone(&self.timezone()).date_naive()
    }

    /// A day, most often a near one.
    pub fn day(&self, chance: &mut Chance) -> NaiveDate {
        let days = match chance.below(10) {
            0..=6 => chance.between(-15, 15),
            7 | 8 => chance.pick(&[-400, -366, -365, -31, -30, 29, 30, 31, 365, 366]),
            _ => chance.between(-100_000, 100_000),
        };
        self.today() + TimeDelta::days(days)
    }

    /// An instant, most often at or beside a midnight, a whole hour or a whole day from now.
    pub fn instant(&self, chance: &mut Chance) -> Instant {
        let beside = TimeDelta::microseconds(chance.pick(&[
            0,
            0,
            0,
            0,
            1,
            -1,
            1_000_000,
            -1_000_000,
            500_000,
            1_800_000_000,
        ]));
        let near = match chance.below(4) {
            0 | 1 => self.midnight(self.day(chance)),
            2 => self.as_of() + TimeDelta::hours(chance.between(-60, 60)),
            _ => self.as_of() + TimeDelta::days(chance.between(-40, 40)),
        };
        near + beside
    }

    /// When a day begins; near it where it begins oddly.
    fn midnight(&self, day: NaiveDate) -> Instant {
        let midnight = day.and_time(chrono::NaiveTime::MIN);
        let local: Option<DateTime<Tz>> = self.timezone().from_local_datetime(&midnight).latest();
        local.map_or(midnight.and_utc(), |local| local.to_utc())
    }
}
