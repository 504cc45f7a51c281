//! Blows at random moments: to the program, to its connections, to the whole PostgreSQL server.
//!
//! `LOOKOUT_RANDOM_KILLS` says how many in all, `LOOKOUT_SEED` which ones; what was thrown is
//! printed.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use rstest::rstest;

use super::company::{Company, Died, how_it_ended, instant};
use super::server::Server;
use super::{Figures, On, check, journal, number};
use crate::differ::chance::Chance;

const CUSTOMERS: u32 = 97;
/// What happens before each run.
const HAPPENS: [(&str, i64); 5] =
    [("mail", 12), ("text", 5), ("paper", 3), ("call", 2), ("note", 2)];

#[rstest]
fn whoever_dies_at_any_moment_leaves_books_that_balance(
    #[values(On::Sqlite, On::Postgres)] on: On,
) {
    let kills = number("LOOKOUT_RANDOM_KILLS", 20).div_ceil(2);
    let mut life = Life::new(Company::new(on, CUSTOMERS));
    while life.figures.kills < kills {
        life.happen();
        life.die_at_a_run();
        // One in three is started again by hand first, and dies once more.
        if life.chance.percent(33) && life.figures.kills < kills {
            life.die_at("deliver");
        }
    }
    life.end(&format!("a random moment on {on:?}"));
}

/// Half of the blows hit one connection, which takes the others with it; half the whole server.
#[test]
fn a_server_that_falls_under_load_leaves_books_that_balance() {
    let blows = number("LOOKOUT_SERVER_KILLS", 6);
    let server = Server::start();
    let mut life = Life::new(Company::on_server(&server, CUSTOMERS));
    while life.figures.kills < blows {
        life.happen();
        life.run += 1;
        let mut child = life.start(&format!("run --as-of {}", instant(life.run)));
        life.wait_for_a_moment(&mut child);
        let hit = match life.figures.kills % 2 {
            0 => server.kill_a_backend(&life.company.state),
            _ => {
                server.restart_at_once(&life.company.state);
                true
            }
        };
        life.figures.kills += u32::from(hit);
        let output = child.wait_with_output().unwrap();
        // It says that the database is gone, or it had ended before.
        let code = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(code, Some(0 | 3 | 4)), "{:?}: {said}", output.status);
        life.look();
    }
    life.end("a falling server");
}

/// A company to which blows come.
struct Life {
    company: Company,
    chance: Chance,
    run: u32,
    in_flight: BTreeSet<String>,
    figures: Figures,
}

impl Life {
    fn new(mut company: Company) -> Self {
        company.lease = "4000".to_owned();
        let seed = number("LOOKOUT_SEED", 1);
        eprintln!("LOOKOUT_SEED={seed}");
        drop(company.state.open());
        journal::begin(&company.state);
        let chance = Chance::new(seed.into());
        Self { company, chance, run: 0, in_flight: BTreeSet::new(), figures: Figures::default() }
    }

    fn happen(&mut self) {
        for (kind, most) in HAPPENS {
            let count = self.chance.between(1, most) as u32;
            self.company.happen(self.run + 1, kind, count);
        }
    }

    fn start(&self, line: &str) -> Child {
        let mut command = self.company.command(line, None);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn die_at_a_run(&mut self) {
        self.run += 1;
        self.die_at(&format!("run --as-of {}", instant(self.run)));
    }

    /// Kills the command at some moment, if it has not ended before.
    fn die_at(&mut self, line: &str) {
        let mut child = self.start(line);
        self.wait_for_a_moment(&mut child);
        // It may have ended; then nobody is hit.
        let _ = child.kill();
        let died = how_it_ended(line, &child.wait_with_output().unwrap());
        self.figures.kills += u32::from(died == Died::Killed);
        self.look();
    }

    /// Waits for some messages to be accepted, or for no particular reason. The moment is what is
    /// thrown here, so this is the one wait by the clock.
    fn wait_for_a_moment(&mut self, child: &mut Child) {
        if self.chance.percent(60) {
            let wanted = self.company.mail.book.count() + self.chance.between(1, 12) as u64;
            while self.company.mail.book.count() < wanted && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
        } else {
            std::thread::sleep(Duration::from_micros(self.chance.between(0, 250_000) as u64));
        }
        std::thread::sleep(Duration::from_micros(self.chance.between(0, 3_000) as u64));
    }

    fn look(&mut self) {
        self.company.state.wait_for_the_dead();
        let in_flight = self.company.state.in_flight();
        self.figures.in_flight +=
            in_flight.iter().filter(|key| !self.in_flight.contains(*key)).count();
        self.in_flight.extend(in_flight);
    }

    fn end(mut self, about: &str) {
        self.company.settle(None);
        self.company.tell_the_rest(&mut self.run);
        let checked = check(&self.company, &self.in_flight).assert_fine(about);
        assert!(checked.accepted > 0 && checked.count("sent") > 0, "{checked:?}");
        self.figures.books(&checked);
        self.figures.tell(about);
    }
}
