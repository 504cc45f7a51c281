//! cli.

pub mod args;
pub mod decisions;
pub mod diagnostics;
pub mod listings;
pub mod output;
mod tables;
pub mod wording;
