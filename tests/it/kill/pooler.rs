//! A pooler that lends its three connections by the transaction stands between the program and
//! its state database. Several workers share them with whoever decides, looks and steers.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use super::company::{Company, instant};
use super::workers::{ENOUGH, FOLLOW, signal};
use super::{On, check, journal};
use crate::support::pgbouncer::Pooler;
use crate::support::program::{self, Ran};

const CUSTOMERS: u32 = 200;

/// A company whose program knows its state database behind a pooler alone.
fn company() -> (Company, Pooler) {
    let company = Company::new(On::Postgres, CUSTOMERS);
    drop(company.state.open());
    journal::begin(&company.state);
    let pooler = Pooler::start(&company.state.url);
    (company, pooler)
}

fn lookout(company: &Company, url: &str, line: &str) -> Ran {
    let mut command = company.command(line, None);
    command.env("LOOKOUT_STATE__URL", url);
    program::ran(&mut assert_cmd::Command::from_std(command))
}

fn start(company: &Company, pooler: &Pooler) -> std::process::Child {
    let mut command: Command = company.command(FOLLOW, None);
    command.env("LOOKOUT_STATE__URL", pooler.url());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn several_workers_behind_a_pooler_send_everything_once() {
    let (mut company, pooler) = company();
    let url = pooler.url();
    let fine = |company: &Company, line: &str| lookout(company, &url, line).fine();
    let workers: Vec<_> = (0..4).map(|_| start(&company, &pooler)).collect();
    for run in 1..=3 {
        company.happen(run, "mail", 80);
        company.happen(run, "text", 40);
        company.happen(run, "note", 10);
        // All of it is for the workers, which nobody wakes.
        fine(&company, "pause email");
        fine(&company, "pause sms");
        let decided = lookout(&company, &url, &format!("run --as-of {}", instant(run)));
        assert_eq!(decided.code, 0, "{}", decided.err);
        fine(&company, "resume email");
        fine(&company, "resume sms");
        let began = Instant::now();
        while !company.state.is_quiet() {
            assert!(began.elapsed() < ENOUGH, "no rest: {:?}", company.state.counts());
            std::thread::yield_now();
        }
    }
    let mut by_workers = 0;
    for worker in workers {
        signal(&worker, "TERM");
        let output = worker.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        by_workers += said["states"]["sent"].as_u64().unwrap_or_default();
    }
    let checked = check(&company, &BTreeSet::new()).assert_fine("behind a pooler");
    assert_eq!((checked.accepted as u64, checked.count("uncertain")), (by_workers, 0));
    assert!(by_workers >= 300, "{checked:?}");
    assert_eq!(lookout(&company, &url, "deliver").fine(), "Nothing was due to leave.\n");
}

#[test]
fn the_address_of_a_pooler_that_lacks_a_word_is_answered_with_that_word() {
    let (mut company, pooler) = company();
    company.happen(1, "mail", 10);
    let url = pooler.plain_url();
    let run = format!("run --as-of {}", instant(1));
    for Ran { code, out, err } in [(); 3].map(|()| lookout(&company, &url, &run)) {
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("stands before the state database"), "{err}");
        assert!(err.contains("put ?statement-cache-capacity=0 at the end of [state] url"), "{err}");
    }
    // Nobody is worse off for it.
    lookout(&company, &pooler.url(), &run).fine();
    assert!(company.state.is_quiet());
    check(&company, &BTreeSet::new()).assert_fine("behind a pooler, at the second try");
}
