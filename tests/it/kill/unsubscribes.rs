//! Unsubscribes at random moments against busy workers: nothing begins to leave for anybody after
//! theirs has committed. Every fifth person shares an address with another.
//!
//! `LOOKOUT_UNSUBSCRIBES` says how many in all.

use std::collections::BTreeSet;

use lookout::clock;
use lookout::domain::{SuppressionCause, normalise_email};
use lookout::store::{NewSuppression, Store};
use rstest::rstest;

use super::company::{Company, instant};
use super::server::Server;
use super::workers::{signal, start};
use super::{Figures, On, check, journal, number};
use crate::differ::chance::Chance;

#[rstest]
fn nothing_begins_to_leave_after_an_unsubscribe(#[values(On::Sqlite, On::Postgres)] on: On) {
    let people = number("LOOKOUT_UNSUBSCRIBES", 120).div_ceil(2);
    // The order of commits is known only to a server that is asked to keep it.
    let server = (on == On::Postgres).then(Server::start);
    let mut company = match &server {
        Some(server) => Company::on_server(server, people * 4),
        None => Company::new(on, people * 4),
    };
    company.share_addresses();
    let store = company.state.open();
    journal::begin(&company.state);
    company.lookout("pause email", None);
    company.happen(1, "mail", people * 4);
    company.lookout(&format!("run --as-of {}", instant(1)), None);
    company.lookout("resume email", None);
    // As fast as they can, they would be done before most have opted out.
    let slowly = "[channels.email]\nrate = \"20/s\"";
    let settings = std::fs::read_to_string(company.path("lookout.toml")).unwrap();
    company.write("lookout.toml", &settings.replace("[channels.email]", slowly));

    let workers = [(); 2].map(|()| start(&company, "deliver --follow --format json"));
    let mut opting =
        Opting { chance: Chance::new(number("LOOKOUT_SEED", 1).into()), ..Opting::default() };
    while opting.people.len() < people as usize && opting.one(&company, &store) {}
    while !company.state.is_quiet() {
        std::thread::yield_now();
    }
    for worker in workers {
        signal(&worker, "TERM");
        worker.wait_with_output().unwrap();
    }

    company.silence(&opting.addresses);
    let checked = check(&company, &BTreeSet::new()).assert_fine("unsubscribes");
    let accepted: BTreeSet<String> = company.mail.book.keys().into_iter().collect();
    let told: Vec<_> = opting.hushed.intersection(&accepted).collect();
    assert!(told.is_empty(), "by the mail server's book: {told:?}");
    assert!(!opting.hushed.is_empty() && checked.count("withdrawn") > 0, "{checked:?}");
    assert!(checked.count("sent") > 0, "{checked:?}");
    let mut figures = Figures::default();
    figures.books(&checked);
    figures.tell(&format!(
        "{} unsubscribes on {on:?}, {} of them before the message began, transmissions begun \
         afterwards 0",
        opting.people.len(),
        opting.hushed.len()
    ));
}

/// Those who opt out.
struct Opting {
    chance: Chance,
    people: BTreeSet<String>,
    addresses: BTreeSet<String>,
    /// What had not begun to leave when their unsubscribe had committed.
    hushed: BTreeSet<String>,
}

impl Default for Opting {
    fn default() -> Self {
        Self {
            chance: Chance::new(0),
            people: BTreeSet::new(),
            addresses: BTreeSet::new(),
            hushed: BTreeSet::new(),
        }
    }
}

impl Opting {
    /// One more opts out: mostly somebody whose message is about to leave. False when nobody is
    /// left who has not heard yet.
    fn one(&mut self, company: &Company, store: &Store) -> bool {
        let next = "SELECT c.customer_id FROM contacts c JOIN outreaches o ON o.key = c.outreach
             WHERE o.state IN ('ready', 'claimed')
             ORDER BY o.state, o.priority DESC, o.next_attempt_at, o.key LIMIT";
        let reach = if self.chance.percent(70) { 30 } else { 1000 };
        let next = company.state.ask(&format!("{next} {reach}")).concat();
        if next.is_empty() {
            return false;
        }
        let person = next[self.chance.below(next.len())].clone();
        let recipient = normalise_email(&company.person(&person).email).unwrap();
        let gone = NewSuppression {
            customer: Some(person.as_str().into()),
            recipient: Some(recipient.clone()),
            topic: Some("service".to_owned()),
            cause: SuppressionCause::Refused,
            note: None,
        };
        company.state.block_on(store.suppress(&[gone], clock::wall())).unwrap();
        let waits =
            "SELECT o.key FROM outreaches o JOIN outreach_recipients r ON r.outreach = o.key
             WHERE o.state IN ('ready', 'claimed', 'withdrawn') AND r.recipient =";
        let waits = format!("{waits} '{}'", recipient.0);
        self.hushed.extend(company.state.ask(&waits).concat());
        self.addresses.insert(company.person(&person).email);
        self.people.insert(person);
        true
    }
}
