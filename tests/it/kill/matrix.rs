//! Every fault point in turn: die there, start again, and look whether the books balance.
//!
//! `LOOKOUT_KILLS` says how often at each point.

use std::collections::BTreeSet;

use lookout::fault::POINTS;
use rstest::rstest;

use super::company::{Company, Died, instant};
use super::{Figures, On, check, journal, number};

/// How many customers; small enough for the caps to bite.
const CUSTOMERS: u32 = 23;
/// What happens before each run.
const HAPPENS: [(&str, u32); 5] =
    [("mail", 3), ("text", 3), ("paper", 2), ("call", 2), ("note", 1)];
/// A point that so many runs do not pass is passed by none.
const ENOUGH: u32 = 9;

#[rstest]
fn whoever_dies_at_a_point_leaves_books_that_balance(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(0, 1, 2, 3)] part: usize,
) {
    let kills = number("LOOKOUT_KILLS", 1);
    let mine = POINTS.iter().enumerate().filter(|(place, _)| place % 4 == part);
    for (_, point) in mine {
        let mut figures = Figures::default();
        match point.starts_with("store.migrate.") {
            // A database has its tables made only once.
            true => (0..kills).for_each(|_| figures.add(&Life::new(on, point).live(1))),
            false => figures.add(&Life::new(on, point).live(kills)),
        }
        figures.tell(&format!("{point} on {on:?}"));
    }
}

/// A company whose program dies again and again at one point.
struct Life {
    company: Company,
    point: &'static str,
    run: u32,
    in_flight: BTreeSet<String>,
    figures: Figures,
}

impl Life {
    fn new(on: On, point: &'static str) -> Self {
        let company = Company::new(on, CUSTOMERS);
        Self { company, point, run: 0, in_flight: BTreeSet::new(), figures: Figures::default() }
    }

    fn live(mut self, kills: u32) -> Figures {
        if !self.is_about("migrate") {
            self.begin_journal();
        }
        for kill in 0..kills {
            let passage = 1 + kill % 2;
            let fault = match self.is_about("claim") || !self.point.starts_with("store.") {
                true => format!("{}:{passage}", self.point),
                false => format!("{}:1", self.point),
            };
            let runs = (0..ENOUGH).find(|_| self.die_in_a_run(&fault));
            assert!(runs.is_some(), "{fault}: {ENOUGH} runs do not pass it");
            self.figures.kills += 1;
        }
        self.company.tell_the_rest(&mut self.run);
        let checked = check(&self.company, &self.in_flight).assert_fine(self.point);
        assert!(checked.accepted > 0 && checked.count("sent") > 0, "{checked:?}");
        self.figures.books(&checked);
        self.figures
    }

    fn is_about(&self, name: &str) -> bool {
        self.point.split('.').nth(1) == Some(name)
    }

    fn begin_journal(&self) {
        drop(self.company.state.open());
        journal::begin(&self.company.state);
    }

    /// One run and what belongs to the point, until the program dies. Whether it did; then it was
    /// started again, and came to its end.
    fn die_in_a_run(&mut self, fault: &str) -> bool {
        self.run += 1;
        for (kind, count) in HAPPENS {
            self.company.happen(self.run, kind, count);
        }
        let run = format!("run --as-of {}", instant(self.run));
        if self.company.lookout(&run, Some(fault)) == Died::Killed {
            self.look_at_the_dead();
            if self.is_about("migrate") {
                self.begin_journal();
            }
            self.company.lookout(&run, None);
            self.company.settle(None);
            return true;
        }
        if self.company.settle(Some(fault)) == Died::Killed {
            self.look_at_the_dead();
            self.company.settle(None);
            return true;
        }
        match self.point.split('.').nth(1) {
            Some("suppress") => self.die_in(fault, "suppress", "suppress {}", 1),
            Some("unsuppress") => {
                self.company.lookout(&format!("suppress x{}@example.com", self.run), None);
                self.die_in(fault, "suppress", "suppress {} --remove", 0)
            }
            Some("finish_task") => self.die_in_a_task(fault),
            _ => false,
        }
    }

    /// A command that suppresses somebody, or lifts it: done if it died after the commit, else
    /// left undone and done by the second try.
    fn die_in(&mut self, fault: &str, _name: &str, line: &str, after: i64) -> bool {
        let person = format!("x{}@example.com", self.run);
        let line = line.replace("{}", &person);
        let count = format!("SELECT COUNT(*) FROM suppressions WHERE recipient LIKE '%{person}'");
        assert_eq!(self.company.lookout(&line, Some(fault)), Died::Killed, "{line}");
        self.look_at_the_dead();
        let done = self.company.state.number(&count) == after;
        assert_eq!(done, self.point.ends_with("after_commit"), "{line}");
        if !done {
            self.company.lookout(&line, None);
        }
        assert_eq!(self.company.state.number(&count), after, "{line}");
        true
    }

    fn die_in_a_task(&mut self, fault: &str) -> bool {
        let state = &self.company.state;
        let task = state.number("SELECT MIN(id) FROM tasks WHERE done_at IS NULL");
        let done = format!("SELECT COUNT(*) FROM tasks WHERE id = {task} AND done_at IS NOT NULL");
        let line = format!("tasks --done {task}");
        assert_eq!(self.company.lookout(&line, Some(fault)), Died::Killed, "{line}");
        self.look_at_the_dead();
        let state = &self.company.state;
        let is_done = state.number(&done) == 1;
        assert_eq!(is_done, self.point.ends_with("after_commit"), "{line}");
        if !is_done {
            self.company.lookout(&line, None);
        }
        assert_eq!(self.company.state.number(&done), 1, "{line}");
        true
    }

    /// Remembers what was in flight when the program died.
    fn look_at_the_dead(&mut self) {
        let state = &self.company.state;
        state.wait_for_the_dead();
        let in_flight = match self.is_about("migrate") {
            true => Vec::new(),
            false => state.in_flight(),
        };
        self.figures.in_flight += in_flight.len();
        self.in_flight.extend(in_flight);
    }
}
