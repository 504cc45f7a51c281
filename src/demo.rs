//! The demo companies: Northwind, with what Northwind lacks, and a small one for a new pack.
//! Nothing here is read by the rest of the program as anything but a database.

mod company;
mod folder;
mod generated;
mod northwind;

use std::path::{Path, PathBuf};

use rusqlite::Connection;

pub use company::company_sqlite;
pub use folder::unpack;
pub use generated::{Dialect, generated_sql};
pub use northwind::northwind_sqlite;

/// Why the demo's database could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is something already.
    #[error("{0} is there already; name a folder that does not exist yet, or delete it first")]
    Exists(PathBuf),
    /// The folder can't be written to.
    #[error("the demo's folder could not be written: {0}")]
    Folder(std::io::Error),
    /// SQLite refused.
    #[error("the demo's database {file} could not be written: {source}")]
    Database {
        /// The file.
        file: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

/// Carries statements out in a new SQLite file, in one transaction.
fn write_sqlite(
    file: &Path,
    statements: impl IntoIterator<Item = String>,
) -> Result<(), DemoError> {
    if file.exists() {
        return Err(DemoError::Exists(file.to_owned()));
    }
    let write = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(file)?;
        let transaction = connection.transaction()?;
        for sql in statements {
            transaction.execute_batch(&sql)?;
        }
        transaction.commit()
    };
    write().map_err(|source| DemoError::Database { file: file.to_owned(), source })
}
