//! The made-up company that a new pack is tried on. Whatever it says of people is invented.

use std::path::Path;

use super::{DemoError, write_sqlite};

const COMPANY: &str = include_str!("../../demo/company/company.sql");

/// Writes the company into a new SQLite file, in one transaction.
///
/// # Errors
/// If the file is there already, or cannot be written.
pub fn company_sqlite(file: &Path) -> Result<(), DemoError> {
    write_sqlite(file, [COMPANY.to_owned()])
}
