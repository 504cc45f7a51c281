//! Four workers on one PostgreSQL. Every second one is killed, and one is stopped until somebody
//! else has taken over what it held, and then goes on as if nothing had been.
//!
//! `LOOKOUT_OUTREACHES` says about how many messages there are.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::company::{Company, instant};
use super::{Figures, On, check, journal, number};
use crate::differ::chance::Chance;

const WORKERS: usize = 4;
/// How many messages a worker has under way at most, on each of three channels.
const LANES: usize = 4 * 3;
/// In how many runs everything is decided, while the workers are at it.
const RUNS: u32 = 5;

#[test]
fn workers_that_die_and_sleep_contact_nobody_twice() {
    let outreaches = number("LOOKOUT_OUTREACHES", 600);
    let mut company = Company::new(On::Postgres, outreaches / 3);
    company.lease = "5000".to_owned();
    drop(company.state.open());
    journal::begin(&company.state);
    happen(&mut company, 1, outreaches);
    let mut crew = Crew::hire(&company);
    for run in 2..=RUNS {
        happen(&mut company, run, outreaches);
        let line = format!("run --as-of {}", instant(run));
        let mut decides = start(&company, &line);
        crew.work_until(&company, || decides.try_wait().unwrap().is_some());
    }
    crew.work_until(&company, || company.state.is_quiet());
    let (late, mut figures) = crew.dismiss(&company);
    company.tell_the_rest(&mut { RUNS });
    let checked = check(&company, &crew.in_flight).assert_fine("four workers");
    assert!(crew.stops > 0 && figures.kills > 0, "{} stops, {figures:?}", crew.stops);
    assert!(late > 0, "nobody came late, in {} stops", crew.stops);
    let uncertain = checked.count("uncertain");
    assert!(uncertain <= (figures.kills as usize + crew.stops) * LANES, "{checked:?}");
    figures.in_flight = crew.in_flight.len();
    figures.books(&checked);
    let stops = crew.stops;
    figures
        .tell(&format!("four workers, {stops} stops, {late} late writes refused, caps broken 0"));
}

fn happen(company: &mut Company, run: u32, outreaches: u32) {
    company.happen(run, "mail", outreaches / RUNS * 7 / 10);
    company.happen(run, "text", outreaches / RUNS * 2 / 10);
    company.happen(run, "paper", outreaches / RUNS / 10);
}

/// The workers at work. The first is the one that sleeps, and is never killed.
struct Crew {
    workers: Vec<Child>,
    chance: Chance,
    next_blow: Instant,
    /// How many messages had left at the last one.
    left: u64,
    asleep: Option<Vec<String>>,
    stops: usize,
    figures: Figures,
    in_flight: BTreeSet<String>,
}

impl Crew {
    /// The first one alone has something in hand when it falls asleep; then the others come.
    fn hire(company: &Company) -> Self {
        company.lookout("pause email", None);
        company.lookout(&format!("run --as-of {}", instant(1)), None);
        let sleeper = start(company, FOLLOW);
        company.lookout("resume email", None);
        while held(company).len() < LANES {
            std::thread::yield_now();
        }
        let mut crew = Self {
            workers: vec![sleeper],
            chance: Chance::new(number("LOOKOUT_SEED", 1).into()),
            next_blow: Instant::now() + SECOND,
            left: 0,
            asleep: None,
            stops: 0,
            figures: Figures::default(),
            in_flight: BTreeSet::new(),
        };
        crew.put_to_sleep(company);
        crew.workers.extend((1..WORKERS).map(|_| start(company, FOLLOW)));
        crew
    }

    /// Lets them work, and suffer, until something has come about.
    fn work_until(&mut self, company: &Company, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        loop {
            let is_awake = self.asleep.is_none();
            if is_awake && done() {
                return;
            }
            assert!(began.elapsed() < ENOUGH, "no rest: {:?}", company.state.counts());
            // On a machine so slow that nothing left in a second, they are spared.
            let left = company.mail.book.count() + company.web.book.count();
            if Instant::now() >= self.next_blow && left > self.left {
                (self.next_blow, self.left) = (Instant::now() + SECOND, left);
                let victim = 1 + self.chance.below(WORKERS - 1);
                self.workers[victim].kill().unwrap();
                self.workers[victim].wait().unwrap();
                self.figures.kills += 1;
                self.in_flight.extend(company.state.in_flight());
                self.workers[victim] = start(company, FOLLOW);
            }
            match self.asleep.take() {
                Some(held) => self.wake(company, held),
                None => self.put_to_sleep(company),
            }
        }
    }

    /// Stops the first worker, if anybody has something in hand.
    fn put_to_sleep(&mut self, company: &Company) {
        if held(company).len() < LANES {
            return;
        }
        signal(&self.workers[0], "STOP");
        self.in_flight.extend(company.state.in_flight());
        self.asleep = Some(held(company));
        self.stops += 1;
    }

    /// Wakes it once everything that anybody held when it fell asleep is with somebody else, or done.
    fn wake(&mut self, company: &Company, asleep: Vec<String>) {
        self.in_flight.extend(
            company
                .state
                .in_flight()
                .into_iter()
                .filter(|key| asleep.iter().any(|held| held.starts_with(key.as_str()))),
        );
        let still = held(company);
        let waits: Vec<String> = asleep.into_iter().filter(|one| still.contains(one)).collect();
        match waits.is_empty() {
            true => signal(&self.workers[0], "CONT"),
            false => self.asleep = Some(waits),
        }
    }

    /// Sends them home; how much of what they had to say came too late.
    fn dismiss(&mut self, _company: &Company) -> (u64, Figures) {
        let mut late = 0;
        for worker in self.workers.drain(..) {
            signal(&worker, "TERM");
            let output = worker.wait_with_output().unwrap();
            if output.status.signal() == Some(15) {
                // It had only just been hired, and did not even listen yet.
                continue;
            }
            let said: serde_json::Value =
                serde_json::from_slice(&output.stdout).expect("a worker says what it did");
            late += said["late"].as_u64().unwrap();
        }
        (late, std::mem::take(&mut self.figures))
    }
}

pub(super) const FOLLOW: &str = "deliver --follow --format json";
/// By then the workers are through with a run, also where they are killed all the time.
pub(super) const ENOUGH: Duration = Duration::from_secs(150);
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn start(company: &Company, line: &str) -> Child {
    let mut command = company.command(line, None);
    let log = std::fs::File::options().append(true).create(true).open(company.path("log"));
    command.stdout(Stdio::piped()).stderr(log.unwrap()).spawn().unwrap()
}

pub(super) fn signal(child: &Child, name: &str) {
    let kill = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status();
    assert!(kill.unwrap().success());
}

/// What is with a worker: key and fence.
fn held(company: &Company) -> Vec<String> {
    let held = "SELECT key || ' ' || fence FROM outreaches
         WHERE state IN ('claimed', 'transmitting')";
    company.state.ask(held).concat()
}
