//! `just bench`: what Lookout promises about speed and memory, measured beside its rivals in one run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod goal;

fn main() {}
