//! Mail servers that refuse: what is to be tried again stays in the outbox, and nothing is lost.

use super::company::*;
use crate::support::smtp::Peer;

/// A company that sends through a server, after its first day.
fn through(url: &str) -> (Company, Said) {
    let company = Company::new();
    company.change("lookout.toml", "file:mail", url);
    let run = company.run(FIRST_DAY);
    assert_eq!(run.code, 4, "{}", run.whole());
    (company, run)
}

fn told(company: &Company, run: &Said) -> String {
    let outbox = company.lookout("outbox");
    assert_eq!(outbox.code, 0);
    let again = company.run(FIRST_DAY);
    [run.whole(), outbox.whole(), again.whole()].join("\n")
}

#[test]
fn a_server_that_refuses_for_now() {
    let peer = Peer::start("refuse-451");
    let (company, run) = through(&peer.url());
    assert_eq!(company.contacts(), ["ANA late-order retry"]);
    assert!(peer.received().is_empty());
    insta::assert_snapshot!(told(&company, &run));
    assert_eq!(company.contacts(), ["ANA late-order retry"]);
}

#[test]
fn a_server_that_refuses_for_good() {
    let peer = Peer::start("refuse-550");
    let (company, run) = through(&peer.url());
    assert_eq!(company.contacts(), ["ANA late-order failed"]);
    assert!(peer.received().is_empty());
    insta::assert_snapshot!(told(&company, &run));
}

#[test]
fn a_server_that_is_not_there() {
    let (company, run) = through("smtp://127.0.0.1:1");
    assert_eq!(company.contacts(), ["ANA late-order retry"]);
    insta::assert_snapshot!(told(&company, &run));
}

#[test]
fn a_server_that_wants_a_password() {
    let peer = Peer::start("auth");
    let (company, run) = through(&peer.url());
    assert_eq!(company.contacts(), ["ANA late-order retry"], "no fault of Ana's address");
    assert!(peer.received().is_empty());
    insta::assert_snapshot!(told(&company, &run));
}
