//! Reading the five fields of a crontab line. A line that could mean two things is refused, never
//! guessed at.

use super::Schedule;

/// Why a text is no schedule, in words for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Not five fields.
    #[error("one has 5 fields (minute, hour, day of the month, month, weekday), and this has {0}")]
    Fields(usize),
    /// A name with `@` that is none.
    #[error("`{0}` is not a schedule; there are @hourly, @daily, @weekly, @monthly and @yearly")]
    Nickname(String),
    /// Something in a field that can't stand there.
    #[error("the {name} takes {expected}, not `{item}`")]
    Item {
        /// The part of the line.
        item: String,
        /// What may stand there.
        expected: String,
        /// Which field.
        name: &'static str,
    },
    /// A range whose end comes before its start.
    #[error("`{0}` runs backwards; write the smaller one first, or two ranges with a comma")]
    Backwards(String),
    /// A step that counts from nowhere.
    #[error("`{0}` has a step without a range; write `*/{1}`, or a range such as `0-30/{1}`")]
    StepWithoutRange(String, u32),
    /// A step of nothing.
    #[error("`{0}` has a step that is not a whole number above 0")]
    Step(String),
    /// The fields are fine, and the library that knows the calendar refuses them all the same.
    #[error("it can't be understood: {0}")]
    Library(String),
    /// No such day in any of its months.
    #[error("there is no {0}")]
    Never(String),
}

/// The values of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Values(u64);

impl Values {
    fn contains(self, value: u32) -> bool {
        self.0 >> value & 1 == 1
    }

    /// As a list, each value `more` than it is.
    fn list(self, more: u32) -> String {
        self.iter().map(|value| (value + more).to_string()).collect::<Vec<_>>().join(",")
    }

    /// From the smallest up.
    fn iter(self) -> impl Iterator<Item = u32> {
        (0..60).filter(move |value| self.contains(*value))
    }
}

/// What may stand in a field.
struct Field {
    name: &'static str,
    from: u32,
    to: u32,
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "1st field (minute)", from: 0, to: 59, names: &[] };
const HOUR: Field = Field { name: "2nd field (hour)", from: 0, to: 23, names: &[] };
const DAY: Field = Field { name: "3rd field (day of the month)", from: 1, to: 31, names: &[] };
const MONTH: Field = Field {
    name: "4th field (month)",
    from: 1,
    to: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAY: Field = Field {
    name: "5th field (weekday)",
    from: 0,
    to: 7,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

/// Reads a crontab line.
pub(super) fn read(line: &str) -> Result<Schedule, ScheduleError> {
    let line = nickname(line.trim())?;
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(ScheduleError::Fields(fields.len()));
    };
    let either_day = !day.starts_with('*') && !weekday.starts_with('*');
    let (minutes, hours) = (MINUTE.read(minute)?, HOUR.read(hour)?);
    let (days, months) = (DAY.read(day)?, MONTH.read(month)?);
    let weekdays = Values(sunday_is_zero(WEEKDAY.read(weekday)?.0));
    let comes = either_day || months.iter().any(|month| days.iter().any(|d| d <= longest(month)));
    if !comes {
        return Err(ScheduleError::Never(format!("day {day} of month {month}")));
    }
    let times = |days: &str, weekdays: &str| {
        format!("0 {} {} {days} {} {weekdays}", minutes.list(0), hours.list(0), months.list(0))
            .parse::<cron::Schedule>()
            .map_err(|error| ScheduleError::Library(error.to_string()))
    };
    // The library counts weekdays from Sunday, 1, and wants a day to fit both fields.
    let (days, weekdays) = (days.list(0), weekdays.list(1));
    let times = match either_day {
        true => vec![times(&days, "*")?, times("*", &weekdays)?],
        false => vec![times(&days, &weekdays)?],
    };
    Ok(Schedule { times })
}

fn nickname(line: &str) -> Result<&str, ScheduleError> {
    Ok(match line {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        other if other.starts_with('@') => return Err(ScheduleError::Nickname(other.to_owned())),
        fields => fields,
    })
}

/// Sunday is both 0 and 7.
fn sunday_is_zero(weekdays: u64) -> u64 {
    (weekdays | weekdays >> 7) & 0b111_1111
}

/// The most days that a month has.
fn longest(month: u32) -> u32 {
    match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Field {
    /// Reads a list of values, ranges and steps.
    fn read(&self, text: &str) -> Result<Values, ScheduleError> {
        text.split(',').try_fold(Values(0), |values, item| {
            let (from, to, step) = self.item(item)?;
            let bits = (from..=to).step_by(step as usize).fold(0, |bits, value| bits | 1 << value);
            Ok(Values(values.0 | bits))
        })
    }

    /// Reads `*`, `5`, `1-5`, `*/15` or `8-18/2`: from, to and step.
    fn item(&self, item: &str) -> Result<(u32, u32, u32), ScheduleError> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(number(step).filter(|n| *n > 0))),
            None => (item, None),
        };
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.from, self.to),
            Some((from, to)) => (self.value(from, item)?, self.last(to, item)?),
            None => match (self.value(range, item)?, step) {
                (_, Some(Some(step))) => {
                    return Err(ScheduleError::StepWithoutRange(item.to_owned(), step));
                }
                (value, _) => (value, value),
            },
        };
        match step {
            Some(None) => Err(ScheduleError::Step(item.to_owned())),
            _ if from > to => Err(ScheduleError::Backwards(item.to_owned())),
            step => Ok((from, to, step.flatten().unwrap_or(1))),
        }
    }

    /// The end of a range: a Sunday there comes after Saturday.
    fn last(&self, text: &str, item: &str) -> Result<u32, ScheduleError> {
        match self.value(text, item)? {
            0 if text.eq_ignore_ascii_case("sun") => Ok(7),
            value => Ok(value),
        }
    }

    fn value(&self, text: &str, item: &str) -> Result<u32, ScheduleError> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = match named {
            Some(place) => Some(self.from + place as u32),
            None => number(text).filter(|n| (self.from..=self.to).contains(n)),
        };
        value.ok_or_else(|| ScheduleError::Item {
            item: item.to_owned(),
            expected: self.expected(),
            name: self.name,
        })
    }

    fn expected(&self) -> String {
        let numbers = format!("{} to {}", self.from, self.to);
        match self.names {
            [] => numbers,
            [first, .., last] => format!("{numbers} or {first} to {last}"),
            [only] => format!("{numbers} or {only}"),
        }
    }
}

/// A whole number without sign or blanks.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_none_says_why() {
        let told: Vec<String> = [
            "",
            "0 9 * *",
            "0 0 9 * * *",
            "60 9 * * *",
            "0 24 * * *",
            "0 9 0 * *",
            "0 9 * 13 *",
            "0 9 * * 8",
            "0 9 * * mo",
            "0 9 * * fri-mon",
            "5/15 * * * *",
            "*/0 * * * *",
            "*/x * * * *",
            "1,,2 * * * *",
            "-5 * * * *",
            "+5 * * * *",
            "0 9 30 2 *",
            "0 9 31 feb,apr *",
            "@reboot",
        ]
        .into_iter()
        .map(|line| format!("{line:17} {}", read(line).unwrap_err()))
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn names_steps_ranges_and_lists() {
        let weekdays = |text: &str| sunday_is_zero(WEEKDAY.read(text).unwrap().0);
        assert_eq!(weekdays("MON-fri"), 0b011_1110);
        assert_eq!(weekdays("sat-sun"), 0b100_0001);
        assert_eq!(weekdays("5-7"), 0b110_0001);
        assert_eq!(weekdays("0-7"), 0b111_1111);
        let minutes: Vec<u32> = MINUTE.read("*/20,5,8-12/2").unwrap().iter().collect();
        assert_eq!(minutes, [0, 5, 8, 10, 12, 20, 40]);
        assert_eq!(read("@weekly"), read("0 0 * * sun"));
        // A day that never comes does no harm beside a weekday that does.
        assert!(read("0 9 30 2 mon").is_ok());
    }
}
