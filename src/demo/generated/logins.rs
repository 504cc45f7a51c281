//! Log-in attempts. Most succeed; a few customers have a story.

use chrono::{NaiveDateTime, TimeDelta};

use super::super::northwind::Buyer;
use super::random::Random;
use super::{Table, instant, minutes_into, text};

struct Attempt {
    at: NaiveDateTime,
    customer: &'static str,
    ok: bool,
    ip: String,
}

pub(super) fn table(buyers: &[Buyer]) -> Table {
    let mut random = Random::new(2);
    let mut attempts = stories();
    let told: Vec<_> = attempts.iter().map(|attempt| attempt.customer).collect();
    for buyer in buyers {
        let own = everyday(buyer.id, &mut random);
        if !told.contains(&buyer.id) {
            attempts.extend(own);
        }
    }
    attempts.sort_by_key(|attempt| (attempt.at, attempt.customer));
    let row = |(number, attempt): (usize, &Attempt)| {
        let Attempt { at, customer, ok, ip } = attempt;
        let (customer, at, ip) = (text(customer), instant(*at), text(ip));
        format!("{}, {customer}, {at}, {}, {ip}", number + 1, u8::from(*ok))
    };
    Table {
        name: "login_attempts",
        comment: "Generated for the demo; ok is 1 or 0, instants are UTC.",
        columns: "    attempt_id integer NOT NULL PRIMARY KEY,
    customer_id varchar(5) NOT NULL,
    attempted_at timestamp NOT NULL,
    ok integer NOT NULL,
    ip varchar(40) NOT NULL",
        rows: attempts.iter().enumerate().map(row).collect(),
    }
}

/// Somebody logs in now and then in April and early May, and mistypes at times.
fn everyday(customer: &'static str, random: &mut Random) -> Vec<Attempt> {
    let ip = format!("198.51.100.{}", random.between(1, 255));
    let days = if random.percent(70) { random.between(1, 6) } else { 0 };
    let mut attempts = Vec::new();
    for _ in 0..days {
        let day = random.between(0, 35);
        let mut at = minutes_into(1998, 4, 1, day * 24 * 60 + random.between(7 * 60, 18 * 60));
        let slips = if random.percent(25) { random.between(1, 4) } else { 0 };
        for try_again in 0..=slips {
            attempts.push(Attempt { at, customer, ok: try_again == slips, ip: ip.clone() });
            at += TimeDelta::seconds(random.between(9, 50));
        }
    }
    attempts
}

fn stories() -> Vec<Attempt> {
    let mut attempts = Vec::new();
    let mut fail = |customer, day, minutes, times, hosts: i64, network: &str| {
        let start = minutes_into(1998, 5, day, minutes);
        for number in 0..times {
            let ip = format!("{network}.{}", 10 + number % hosts);
            let at = start + TimeDelta::seconds(37 * number);
            attempts.push(Attempt { at, customer, ok: false, ip });
        }
    };
    // Locked out, and nobody else had a hand in it.
    fail("FRANK", 7, 8 * 60 + 12, 5, 1, "192.0.2");
    fail("EASTC", 7, 7 * 60 + 31, 7, 1, "192.0.2");
    fail("HILAA", 6, 21 * 60 + 4, 6, 2, "192.0.2");
    // Many addresses, all night.
    fail("QUICK", 7, 2 * 60, 64, 16, "203.0.113");
    // Nearly locked out; long ago; and in again a minute later.
    fail("BSBEV", 7, 8 * 60 + 40, 4, 1, "192.0.2");
    fail("MAISD", 3, 9 * 60 + 15, 6, 1, "192.0.2");
    fail("LETSS", 6, 18 * 60 + 22, 7, 1, "192.0.2");
    let at = minutes_into(1998, 5, 6, 18 * 60 + 31);
    attempts.push(Attempt { at, customer: "LETSS", ok: true, ip: "192.0.2.10".to_owned() });
    attempts
}
