//! The integration tests: one binary, real parts, a fixed clock, no sleeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, missing_docs)]

mod support;

mod architecture;
mod bad_input;
mod blast;
mod command_line;
mod deliver;
mod demo;
mod differ;
mod flow;
mod guide;
mod instructions;
#[cfg(feature = "faults")]
mod kill;
mod meanwhile;
mod model;
mod opt_out;
mod pack;
mod rules;
mod signals;
mod speed;
mod store;
mod templates;
