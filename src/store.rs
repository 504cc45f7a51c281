//! Lookout's own tables: runs, decisions, episodes, the outbox, tasks and suppressions, on SQLite
//! or PostgreSQL. Every change is one transaction: nothing is ever half written, and nothing here
//! reads a clock.

mod approvals;
mod claims;
mod database;
mod door;
mod erased;
mod erasure;
mod error;
mod given;
mod history;
mod looked;
mod memory;
mod opting_out;
mod outbox;
mod past;
mod pauses;
#[cfg(test)]
mod plans;
mod pooler;
mod record;
mod restored;
mod reports;
mod runs;
mod schema;
mod server;
mod sql;
mod sqlite;
mod steer;
mod suppressions;
mod tasks;
mod told;
mod volumes;
mod wakes;

use std::path::Path;

pub use approvals::HeldRule;
pub use claims::{Claim, ClaimQuery, Claimed};
pub use door::{Asking, Judge, Passed, Past, Settled, Settlement, Turn};
pub use erasure::{Erasure, Kept, Whom};
pub use error::StoreError;
pub use history::HistoryQuery;
pub use looked::{Refreshed, TakenBack};
pub use memory::{FieldKnown, FieldSeen, Memory};
pub use opting_out::Stopped;
pub use outbox::{Due, Outbox, OutboxQuery, OutboxRow};
pub use pauses::{Pause, Scope};
pub use record::{Learned, Run, TaskText};
pub use reports::{Fate, Reported};
pub use steer::{Heard, Word};
pub use suppressions::{NewSuppression, SuppressionRow};
pub use tasks::{TaskFilter, TaskRow};
pub use told::OpenEnd;
pub use wakes::Wakes;

use database::{Address, Database};
use schema::Standing;

use crate::opt_out::OptOut;

/// The state database. Several may be open on one database, in one program or in many.
///
/// Instants are kept to the microsecond.
pub struct Store {
    database: Database,
    /// Knows those again who were erased.
    opt_out: Option<OptOut>,
}

impl Store {
    /// Opens `sqlite:FILE` (made where it is absent) or `postgres://…` (its schema `lookout` is
    /// made where it is absent), and brings older tables up to date.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let database = Database::connect(Address::parse(url)?, true).await?;
        schema::migrate(&database).await?;
        Ok(Self { database, opt_out: None })
    }

    /// Makes books in memory, for what is only tried: a case with several steps, a backtest. They are
    /// gone with the store.
    ///
    /// # Errors
    /// When SQLite can't make them.
    pub async fn in_memory() -> Result<Self, StoreError> {
        let database = Database::in_memory()?;
        schema::migrate(&database).await?;
        Ok(Self { database, opt_out: None })
    }

    /// Opens a state database as it is; `None` where there is none yet. Makes and migrates nothing.
    pub async fn open_existing(url: &str) -> Result<Option<Self>, StoreError> {
        let address = Address::parse(url)?;
        if let Address::Sqlite(file) = &address
            && !is_there(file, &address.place())?
        {
            return Ok(None);
        }
        let database = Database::connect(address, false).await?;
        match schema::standing(&database).await? {
            Standing::Empty => Ok(None),
            Standing::Current => Ok(Some(Self { database, opt_out: None })),
            Standing::Older(found) => Err(schema::older(&database, found)),
        }
    }

    /// The database in words, without a password.
    pub fn place(&self) -> &str {
        self.database.place()
    }

    /// How many statements were sent through this store so far, those that begin and end
    /// transactions included.
    pub fn statements(&self) -> u64 {
        self.database.statements()
    }
}

/// A state database in words, without a password.
///
/// # Errors
/// When that is no URL of one.
pub fn place(url: &str) -> Result<String, StoreError> {
    Ok(Address::parse(url)?.place())
}

fn is_there(file: &Path, place: &str) -> Result<bool, StoreError> {
    file.try_exists().map_err(|error| StoreError::Unavailable {
        place: place.to_owned(),
        cause: error.to_string(),
        cure: "may this user read its folder?",
    })
}
