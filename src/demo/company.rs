//! The made-up company that a new pack is tried on. Whatever it says of people is invented.

use std::path::Path;

use rusqlite::Connection;

use super::DemoError;

const COMPANY: &str = include_str!("../../demo/company/company.sql");

/// Writes the company into a new SQLite file, in one transaction.
///
/// # Errors
/// If the file is there already, or cannot be written.
pub fn company_sqlite(file: &Path) -> Result<(), DemoError> {
    if file.exists() {
        return Err(DemoError::Exists(file.to_owned()));
    }
    write(file).map_err(|source| DemoError::Database { file: file.to_owned(), source })
}

fn write(file: &Path) -> rusqlite::Result<()> {
    let mut connection = Connection::open(file)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(COMPANY)?;
    transaction.commit()
}
