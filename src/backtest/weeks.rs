//! The contacts of a replay in stretches of weeks, as many as a plot has room for. Pure.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate, TimeDelta};

use super::{Day, Figures};
use crate::domain::RuleId;

/// Contacts in equal stretches of one or more weeks, which begin on a Monday.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weeks {
    /// How many weeks a stretch has.
    pub each: i64,
    /// The first day of each stretch, as far as it is in the period, and its contacts by rule, without a
    /// gap.
    pub stretches: Vec<(NaiveDate, BTreeMap<RuleId, u64>)>,
}

impl Weeks {
    /// The weeks of some figures, in at most so many stretches.
    pub fn of(figures: &Figures, most: usize) -> Self {
        Self::between(figures.first_day, figures.last_day, &figures.days, most)
    }

    fn between(first: NaiveDate, last: NaiveDate, days: &[Day], most: usize) -> Self {
        let monday =
            |day: NaiveDate| day - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()));
        let begins_on = first;
        let first = monday(first);
        let weeks = (monday(last) - first).num_weeks() + 1;
        let each = (weeks + most.max(1) as i64 - 1) / most.max(1) as i64;
        let begins = (0..weeks).step_by(each.max(1) as usize);
        let mut stretches: Vec<_> = begins
            .map(|week| first + TimeDelta::weeks(week))
            .map(|day| (day.max(begins_on), BTreeMap::new()))
            .collect();
        for day in days.iter().filter(|day| day.contacts > 0) {
            let place = (day.day - first).num_weeks() / each;
            let place = usize::try_from(place).unwrap_or_default();
            if let Some((_, rules)) = stretches.get_mut(place) {
                *rules.entry(day.rule.clone()).or_default() += day.contacts;
            }
        }
        Self { each, stretches }
    }

    /// The contacts of each stretch.
    pub fn sums(&self) -> Vec<u64> {
        self.stretches.iter().map(|(_, rules)| rules.values().sum()).collect()
    }

    /// `a week`, `in 2 weeks`
    pub fn said(&self) -> String {
        match self.each {
            1 => "a week".to_owned(),
            weeks => format!("in {weeks} weeks"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_begin_on_mondays_and_leave_no_gap() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let on = |text: &str| Day { day: day(text), rule: "a".into(), contacts: 2, tasks: 1 };
        // A Wednesday, and a Tuesday five weeks later.
        let days = [on("1998-04-01"), on("1998-04-05"), on("1998-04-06"), on("1998-05-05")];
        let of = |most| Weeks::between(day("1998-04-01"), day("1998-05-05"), &days, most);
        let weeks = of(100);
        assert_eq!((weeks.each, weeks.sums()), (1, vec![4, 2, 0, 0, 0, 2]));
        // The month of the Monday before is none of the period.
        assert_eq!(weeks.stretches[0].0, day("1998-04-01"));
        assert_eq!(weeks.stretches[1].0, day("1998-04-06"));
        let pairs = of(4);
        assert_eq!((pairs.said().as_str(), pairs.sums()), ("in 2 weeks", vec![6, 0, 2]));
    }
}
