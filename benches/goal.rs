//! The goals: what is promised about speed and memory, as ratios within one run.
//! Nothing is measured here.

use std::fmt;

/// How far a ratio may go.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// At most so many times the rival's.
    AtMost(f64),
    /// At least so many times as fast as the rival.
    AtLeast(f64),
    /// Nothing is promised; the ratio says how many times as fast as the rival.
    Open,
}

/// One line of the table: a promise, and what was measured.
#[derive(Clone, Debug)]
pub struct Goal {
    /// What was done, in a few words: `a dry run of 1,000,000 customers, PostgreSQL`.
    pub what: String,
    /// Beside whom, with the version: `the statement written by hand`, `zen-expression 0.50`.
    pub rival: String,
    /// Ours and the rival's figure, with units: `2.1 ns` and `1.9 ns`.
    pub figures: (String, String),
    /// The ratio that the goal is about.
    pub ratio: f64,
    /// How far it may go.
    pub bound: Bound,
}

impl Goal {
    /// Whether the promise was kept in this run.
    pub fn is_met(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.ratio <= most,
            Bound::AtLeast(least) => self.ratio >= least,
            Bound::Open => true,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::Open => f.write_str("none"),
        }
    }
}
