//! cli.

pub mod args;
