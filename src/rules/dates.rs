//! The functions by which rules count time: `days_since`, `hours_until` and their like.
//! They count from `as_of` and never from a clock.

use chrono::{NaiveDate, TimeDelta, TimeZone};
use rhai::{Dynamic, EvalAltResult, NativeCallContext};

use super::row::{Moment, with_row};
use super::row_error::describe;
use crate::domain::{Instant, parse_instant};

/// Their names.
pub(super) const NAMES: [&str; 5] =
    ["days_since", "days_until", "hours_since", "hours_until", "working_hours_since"];

/// What a text says about time.
enum Told {
    Day(NaiveDate),
    At(Instant),
}

/// Registers them. Days are calendar days in the pack's zone; hours are whole hours, rounded down,
/// so that half an hour past is `hours_since` 0 and `hours_until` -1. A date alone is the start of
/// that day in the pack's zone. `()` gives `()`.
pub(super) fn register(engine: &mut rhai::Engine) {
    let functions: [fn(&Moment, &Told) -> i64; 5] = [
        |moment, told| moment.days_since(told),
        |moment, told| -moment.days_since(told),
        |moment, told| whole_hours(moment.as_of - moment.instant(told)),
        |moment, told| whole_hours(moment.instant(told) - moment.as_of),
        |moment, told| {
            let from = moment.instant(told);
            whole_hours(moment.calendar.working_time_between(from, moment.as_of))
        },
    ];
    for (name, count) in NAMES.into_iter().zip(functions) {
        engine.register_fn(name, move |context: NativeCallContext, value: Dynamic| {
            count_from(&context, &value, count)
        });
    }
}

fn count_from(
    context: &NativeCallContext,
    value: &Dynamic,
    count: fn(&Moment, &Told) -> i64,
) -> Result<Dynamic, Box<EvalAltResult>> {
    if value.is_unit() {
        return Ok(Dynamic::UNIT);
    }
    let told = value.as_immutable_string_ref().ok().and_then(|text| told(&text));
    let Some(told) = told else {
        return Err(format!(
            "`{}` needs a date such as \"1998-05-07\" or an instant such as \"1998-05-07T09:00:00Z\", and got {}",
            context.fn_name(),
            describe(value),
        )
        .into());
    };
    with_row(context.tag(), |row| Ok(count(&row.moment, &told).into()))
}

impl Moment {
    fn days_since(&self, told: &Told) -> i64 {
        let day = match told {
            Told::Day(day) => *day,
            Told::At(at) => self.calendar.local_date(*at),
        };
        (self.today - day).num_days()
    }

    fn instant(&self, told: &Told) -> Instant {
        let day = match told {
            Told::At(at) => return *at,
            Told::Day(day) => *day,
        };
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

fn told(text: &str) -> Option<Told> {
    if text.len() == 10 {
        return date(text).map(Told::Day);
    }
    parse_instant(text).map(Told::At)
}

/// `YYYY-MM-DD`, by hand: this runs for every row of a large base.
fn date(text: &str) -> Option<NaiveDate> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.as_bytes().get(range)?;
        digits.iter().try_fold(0u32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let bytes = text.as_bytes();
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    NaiveDate::from_ymd_opt(number(0..4)? as i32, number(5..7)?, number(8..10)?)
}

fn whole_hours(time: TimeDelta) -> i64 {
    time.num_seconds().div_euclid(3600)
}
