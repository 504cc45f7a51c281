//! Signals that know what happened after the run's instant. A dry run of last month would show last
//! month's customers with today's knowledge, and a backtest would be right for the wrong reason.

use super::lexer::What;
use super::{Signal, Written};
use crate::domain::{Place, Problem};

impl Signal {
    /// Everything by which the signal knows more than was known at the run's instant, as findings;
    /// nothing where it is written for any instant, as far as its text shows it.
    ///
    /// `customers` may leave `:as_of` out: who the customers are is what is known today.
    pub fn knows_the_future(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        for written in [&self.sqlite, &self.postgres] {
            let Ok(query) = &written.query else { continue };
            let found: Vec<Problem> = query
                .ahead()
                .iter()
                .map(|ahead| written.ahead(&ahead.what, ahead.span.start))
                .collect();
            let timeless = found.is_empty() && !query.uses_as_of() && !self.is_spine();
            problems.extend(found);
            if timeless {
                problems.push(timeless_problem(Place::file(&written.file)));
            }
        }
        problems.sort();
        problems.dedup();
        problems
    }

    /// Whether a query of it never asks about `:as_of`.
    pub fn is_timeless(&self) -> bool {
        self.queries().any(|query| !query.uses_as_of())
    }

    fn is_spine(&self) -> bool {
        self.name.as_str() == "customers"
    }
}

impl Written {
    fn ahead(&self, what: &What, offset: usize) -> Problem {
        match what {
            What::Clock(words) => {
                let place = self.wide(offset, words);
                let message = format!(
                    "`{words}` is the time at which the query runs, whatever the run is about"
                );
                Problem::finding(place, "knows-the-future", message)
                    .label("not the run's instant")
                    .help("write :as_of, the instant of the run, in its place")
            }
            What::EmptyToday(column) => {
                let asked = format!("{column} IS NULL");
                let place = self.wide(offset, &asked);
                let message =
                    format!("`{asked}` is so today: it knows what happened after `:as_of`");
                Problem::finding(place, "knows-the-future", message)
                    .label("empty today, not at the run's instant")
                    .help(format!("write ({asked} OR {column} > :as_of)"))
            }
        }
    }

    fn wide(&self, offset: usize, words: &str) -> Place {
        let width = words.lines().next().unwrap_or_default().chars().count();
        Place::at_offset(&self.file, &self.text, offset, width as u32)
    }
}

fn timeless_problem(place: Place) -> Problem {
    let message = "this signal never asks what time it is: it knows what happened after `:as_of`";
    Problem::finding(place, "knows-the-future", message).help(
        "compare its dates with `:as_of`, the instant of the run, such as \
         `order_date <= :as_of AND (shipped_date IS NULL OR shipped_date > :as_of)`",
    )
}
