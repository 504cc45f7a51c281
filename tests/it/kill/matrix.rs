//! Every fault point in turn: die there, start again, and look whether the books balance.
//!
//! `LOOKOUT_KILLS` says how often at each point.

mod opening;
mod people;

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use lookout::fault::POINTS;
use rstest::rstest;

use super::company::{Company, Died, Person, how_it_ended, instant};
use super::{Figures, On, check, journal, number};
use crate::support::sink::{Act, Phase};

/// How many customers; small enough for the caps to bite.
const CUSTOMERS: u32 = 23;
/// What happens before each run.
const HAPPENS: [(&str, u32); 5] =
    [("mail", 3), ("text", 3), ("paper", 2), ("call", 2), ("note", 1)];
/// More letters than there are connections, a few times over.
const MANY: u32 = 12;
/// What a company lives to see only once, or what leaves it another one: each kill has its own.
const ONCE: [&str; 5] = ["migrate", "note_server", "opt_out", "take_in_report", "erase"];
/// A point that so many runs do not pass is passed by none.
const ENOUGH: u32 = 9;

#[rstest]
fn whoever_dies_at_a_point_leaves_books_that_balance(
    #[values(On::Sqlite, On::Postgres)] on: On,
    #[values(0, 1, 2, 3)] part: usize,
) {
    let kills = number("LOOKOUT_KILLS", 1);
    for (_, point) in POINTS.iter().enumerate().filter(|(place, _)| place % 4 == part) {
        let mut figures = Figures::default();
        match ONCE.contains(&subject(point)) {
            true => (0..kills).for_each(|_| figures.add(&Life::new(on, point).live(1))),
            false => figures.add(&Life::new(on, point).live(kills)),
        }
        figures.tell(&format!("{point} on {on:?}"));
    }
}

/// What a point is about: the commit's name, where it is one.
fn subject(point: &'static str) -> &'static str {
    point.split('.').nth(1).unwrap()
}

/// A company whose program dies again and again at one point.
struct Life {
    company: Company,
    point: &'static str,
    run: u32,
    in_flight: BTreeSet<String>,
    /// Those whom nothing may reach any more, and how many messages they had by then.
    silent: Vec<(Person, usize)>,
    erased: Vec<Person>,
    figures: Figures,
}

impl Life {
    fn new(on: On, point: &'static str) -> Self {
        let company = Company::new(on, CUSTOMERS);
        Self {
            company,
            point,
            run: 0,
            in_flight: BTreeSet::new(),
            silent: Vec::new(),
            erased: Vec::new(),
            figures: Figures::default(),
        }
    }

    fn live(mut self, kills: u32) -> Figures {
        if !["migrate", "note_server"].contains(&subject(self.point)) {
            self.begin_journal();
        }
        for kill in 0..kills {
            let passage = 1 + kill % 2;
            let fault = match self.is_about("claim") || !self.point.starts_with("store.") {
                true => format!("{}:{passage}", self.point),
                false => format!("{}:1", self.point),
            };
            let runs = (0..ENOUGH).find(|_| self.die_once(&fault));
            assert!(runs.is_some(), "{fault}: {ENOUGH} runs do not pass it");
            self.figures.kills += 1;
        }
        self.company.tell_the_rest(&mut self.run);
        let checked = check(&self.company, &self.in_flight).assert_fine(self.point);
        assert!(checked.accepted > 0 && checked.count("sent") > 0, "{checked:?}");
        for (person, messages) in &self.silent {
            assert_eq!(self.company.reached(person), *messages, "{person:?} was reached");
        }
        for person in &self.erased {
            assert_eq!(self.traces(person), Vec::<String>::new());
        }
        self.figures.books(&checked);
        self.figures
    }

    fn is_about(&self, name: &str) -> bool {
        subject(self.point) == name
    }

    /// Whether what dies has committed what it is about.
    fn is_after_commit(&self) -> bool {
        self.point.ends_with(".after_commit")
    }

    fn begin_journal(&self) {
        drop(self.company.state.open());
        journal::begin(&self.company.state);
    }

    /// What belongs to the point, until the program dies there. Whether it did; then it was started
    /// again, and came to its end.
    fn die_once(&mut self, fault: &str) -> bool {
        self.run += 1;
        for (kind, count) in HAPPENS {
            self.company.happen(self.run, kind, count);
        }
        let run = format!("run --as-of {}", instant(self.run));
        let person = format!("x{}@example.com", self.run);
        let suppressed =
            format!("SELECT COUNT(*) FROM suppressions WHERE recipient LIKE '%{person}'");
        let paused = "SELECT COUNT(*) FROM pauses";
        let about = subject(self.point);
        match about {
            "opt_out" => self.die_at_a_link(fault),
            "take_in_report" => self.die_at_a_report(fault),
            "erase" => self.die_erasing(fault),
            "note_server" => self.die_opening(fault),
            "renew" => return self.die_slowly(fault, &run, false),
            "release" => return self.die_slowly(fault, &run, true),
            "suppress" | "unsuppress" | "pause" | "resume" | "take_task" | "finish_task"
            | "steer" | "approve" => {
                let dies = (about == "steer").then_some("smtp.answered:1");
                if self.company.lookout(&run, dies) == Died::Killed {
                    self.look_at_the_dead();
                }
                self.company.settle(None);
            }
            "refresh" | "withdraw" => {
                self.company.grow_old(&run, about == "withdraw");
                return self.die_in_a_run(fault, "deliver");
            }
            _ => return self.die_in_a_run(fault, &run),
        }
        match about {
            "opt_out" | "take_in_report" | "erase" | "note_server" => {}
            "suppress" => self.die_in(fault, &format!("suppress {person}"), &suppressed, 1),
            "unsuppress" => {
                self.company.lookout(&format!("suppress {person}"), None);
                self.die_in(fault, &format!("unsuppress {person}"), &suppressed, 0);
            }
            "pause" => {
                self.die_in(fault, "pause email", paused, 1);
                self.company.lookout("resume email", None);
            }
            "resume" => {
                self.company.lookout("pause email", None);
                self.die_in(fault, "resume email", paused, 0);
            }
            "approve" => {
                self.company.state.execute("UPDATE signal_fields SET empty_at = NULL");
                let accepted = "SELECT COUNT(*) FROM signal_fields
                     WHERE filled_at IS NOT NULL AND empty_at IS NULL AND signal = 'events'";
                self.die_in(fault, "approve --signal events --yes", accepted, 0);
            }
            "take_task" => {
                let open = "SELECT MIN(id) FROM tasks WHERE done_at IS NULL AND taken_at IS NULL";
                let task = self.company.state.number(open);
                let taken = "SELECT COUNT(*) FROM tasks WHERE taken_at IS NOT NULL AND id =";
                self.die_in(fault, &format!("tasks --take {task}"), &format!("{taken} {task}"), 1);
            }
            "finish_task" => {
                let open = "SELECT MIN(id) FROM tasks WHERE done_at IS NULL";
                let task = self.company.state.number(open);
                let done = "SELECT COUNT(*) FROM tasks WHERE done_at IS NOT NULL AND id =";
                self.die_in(fault, &format!("tasks --done {task}"), &format!("{done} {task}"), 1);
            }
            _ => {
                let uncertain = "SELECT key FROM outreaches WHERE state = 'uncertain'";
                let arrived = self.company.mail.book.keys();
                let doubtful = self.company.state.ask(uncertain).concat();
                let Some(key) = doubtful.into_iter().find(|key| arrived.contains(key)) else {
                    return false;
                };
                let doubt = format!("SELECT COUNT(*) FROM ({uncertain}) AS d WHERE key = '{key}'");
                self.die_in(fault, &format!("outbox settle {key} arrived"), &doubt, 0);
            }
        }
        true
    }

    fn die_in_a_run(&mut self, fault: &str, run: &str) -> bool {
        if self.company.lookout(run, Some(fault)) == Died::Killed {
            self.look_at_the_dead();
            if self.is_about("migrate") {
                self.begin_journal();
            }
            self.company.lookout(run, None);
            self.company.settle(None);
            return true;
        }
        let died = self.company.settle(Some(fault)) == Died::Killed;
        if died {
            self.look_at_the_dead();
            self.company.settle(None);
        }
        died
    }

    /// A command after which `count` gives `after`: so it is if it died after its commit; else
    /// nothing has changed, and the second try does it.
    fn die_in(&mut self, fault: &str, line: &str, count: &str, after: i64) {
        assert_eq!(self.company.lookout(line, Some(fault)), Died::Killed, "{line}");
        self.look_at_the_dead();
        let done = self.company.state.number(count) == after;
        assert_eq!(done, self.is_after_commit(), "{line}");
        if !done {
            self.company.lookout(line, None);
        }
        assert_eq!(self.company.state.number(count), after, "{line}");
    }

    /// A run while the mail server takes its time; `stop` says that somebody puts a STOP file there
    /// meanwhile.
    fn die_slowly(&mut self, fault: &str, run: &str, stop: bool) -> bool {
        self.company.happen(self.run, "mail", MANY);
        self.company.mail.orders.every(Phase::Taken.then(Act::Slow(Duration::from_millis(10))));
        let wanted = self.company.mail.book.count() + 1;
        let mut child = self
            .company
            .command(run, Some(fault))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        while self.company.mail.book.count() < wanted && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let file = self.company.path("STOP");
        if stop {
            std::fs::write(&file, "").unwrap();
        }
        let died = how_it_ended(run, &child.wait_with_output().unwrap());
        self.company.mail.orders.none();
        if stop {
            std::fs::remove_file(&file).unwrap();
        }
        self.look_at_the_dead();
        self.company.settle(None);
        died == Died::Killed
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
