//! The program is killed wherever it can be, and the books are checked against what servers took.
//!
//! The company is made up: people, and events that each ask for one contact or task. A mail server
//! and an HTTP service on loopback write down what they accept; a journal in the state database
//! writes down every change of state, by triggers that the program knows nothing of; the checker
//! joins the three.

mod checker;
mod company;
mod journal;
mod listener;
mod matrix;
mod pooler;
mod random;
mod server;
mod state;
mod unsubscribes;
mod workers;

pub(crate) use checker::{Checked, check};
pub(crate) use state::On;

/// A number that a longer or shorter search changes, such as `LOOKOUT_KILLS`.
#[allow(clippy::disallowed_methods, reason = "how long to search is said from outside")]
pub(crate) fn number(name: &str, usual: u32) -> u32 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// What a part of the search found, for the line that it prints.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) kills: u32,
    pub(crate) accepted: usize,
    pub(crate) in_flight: usize,
    pub(crate) uncertain: usize,
}

impl Figures {
    pub(crate) fn books(&mut self, checked: &Checked) {
        self.accepted += checked.accepted;
        self.uncertain += checked.count("uncertain");
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.accepted += other.accepted;
        self.in_flight += other.in_flight;
        self.uncertain += other.uncertain;
    }

    /// Prints them, and writes them to the file that `LOOKOUT_FIGURES` names. Whoever gets here
    /// lost nothing and doubled nothing: the checker fails before.
    #[allow(clippy::disallowed_methods, reason = "where the figures go is said from outside")]
    pub(crate) fn tell(&self, about: &str) {
        let Self { kills, accepted, in_flight, uncertain } = self;
        let line = format!(
            "{about}: {kills} kills, {accepted} accepted, 0 twice, 0 lost, {in_flight} in flight, \
             {uncertain} uncertain"
        );
        eprintln!("{line}");
        if let Ok(file) = std::env::var("LOOKOUT_FIGURES") {
            let file = std::fs::File::options().append(true).create(true).open(file);
            std::io::Write::write_all(&mut file.unwrap(), format!("{line}\n").as_bytes()).unwrap();
        }
    }
}
