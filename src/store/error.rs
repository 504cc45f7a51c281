//! What can go wrong with the state database, in words that say what helps. No password is ever
//! part of a message: a database is named by its file, or by its host and name.

use super::sqlite;
use crate::domain::{Instant, format_instant};

/// Why the state database did not do what was asked. Nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is of no kind that we know.
    #[error(
        "`{scheme}` is no kind of state database; write `sqlite:FILE` or \
         `postgres://USER@HOST/DATABASE` as [state] url or --state"
    )]
    Address {
        /// What the address starts with.
        scheme: String,
    },
    /// The server or the file can't be reached or used.
    #[error("the state database {place} can't be used: {cause}; {cure}")]
    Unavailable {
        /// Which database.
        place: String,
        /// What the server or the system said.
        cause: String,
        /// What helps.
        cure: &'static str,
    },
    /// Another writer keeps the database locked.
    #[error(
        "the state database {place} stayed locked by another writer; close what has it open, or try \
         again when it is done"
    )]
    Locked {
        /// Which database.
        place: String,
    },
    /// A pooler of connections stands in between and mixes up what has a name on each of them.
    #[error(
        "a pooler of connections stands before the state database {place} and does not keep what is \
         prepared on them ({cause}); put ?statement-cache-capacity=0 at the end of [state] url, or \
         &statement-cache-capacity=0 if it has a ? already"
    )]
    Pooled {
        /// Which database.
        place: String,
        /// What the server said.
        cause: String,
    },
    /// The file is not one of ours.
    #[error(
        "{place} is no state database of Lookout: {cause}; name another file as [state] url or --state"
    )]
    Foreign {
        /// Which file.
        place: String,
        /// What it is instead.
        cause: &'static str,
    },
    /// A newer Lookout has been here.
    #[error(
        "the state database {place} is of version {found}, made by a newer Lookout; this one \
         knows version {known}: use the newer Lookout, or another state database"
    )]
    Newer {
        /// Which database.
        place: String,
        /// Its version.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database is older than the program.
    #[error(
        "the state database {place} is of version {found}, older than this Lookout, which needs \
         version {known}; run `lookout run` once to bring it up to date"
    )]
    Older {
        /// Which database.
        place: String,
        /// Its version.
        found: i64,
        /// The version that this program needs.
        known: i64,
    },
    /// People were erased, and there is no key, or another one, by which they would be known again.
    #[error(
        "people were erased from the state database, and {cause}: without the key of that time \
         they would not be known again, and could be contacted; set LOOKOUT_OPT_OUT__KEY_FILE \
         (or [opt_out] key) to it"
    )]
    KeyNeeded {
        /// What is missing.
        cause: &'static str,
    },
    /// The books are no longer those that the decision was made on: read them and decide again.
    #[error("the state database changed while this was being decided; it has to be decided again")]
    Moved,
    /// The instant has been decided already.
    #[error("the run as of {} is already recorded", format_instant(.0))]
    AlreadyRecorded(Instant),
    /// A later instant has been decided already.
    #[error(
        "a run as of {} is already recorded, and no run can go before it; choose a later instant, or, \
         if that was only a rehearsal, another state database: --state sqlite:rehearsal.db",
        format_instant(.0)
    )]
    Before(Instant),
    /// A plan was made on books that knew more.
    #[error(
        "the plan was made on another state database, or this is an older copy of it; name that one with \
         --state, or make the plan again on this one"
    )]
    OtherBooks,
    /// The program contradicts itself. Recording it might contact somebody twice.
    #[error("nothing was recorded, because of a mistake in Lookout itself: {0}; please report it")]
    Contradiction(String),
    /// A row can't be understood.
    #[error("the state database holds {what} that can't be read: {cause}")]
    Damaged {
        /// What kind of row.
        what: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// Anything else that the database said.
    #[error("the state database {place} failed: {source}")]
    Database {
        /// Which database.
        place: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether trying again later may help: the database is away, or locked.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Locked { .. })
    }

    /// Finds the words for what a server said.
    pub(super) fn explain(place: &str, source: sqlx::Error) -> Self {
        let place = place.to_owned();
        let unavailable =
            |cause: String, cure| Self::Unavailable { place: place.clone(), cause, cure };
        match &source {
            sqlx::Error::Io(error) => unavailable(error.to_string(), SERVER_CURE),
            sqlx::Error::Tls(error) => unavailable(format!("no TLS: {error}"), TLS_CURE),
            sqlx::Error::PoolTimedOut => {
                unavailable("no connection within 10 seconds".to_owned(), SERVER_CURE)
            }
            sqlx::Error::Database(error) => {
                let (code, said) = (error.code().unwrap_or_default(), error.message().to_owned());
                match (code.as_ref(), postgres_cure(&code)) {
                    // Unknown on this connection, or there from somebody else's time on it.
                    ("26000" | "42P05", _) => Self::Pooled { place, cause: said },
                    (_, Some(cure)) => unavailable(said, cure),
                    (_, None) => Self::Database { place, source: source.into() },
                }
            }
            _ => Self::Database { place, source: source.into() },
        }
    }

    /// Finds the words for what SQLite said of a file.
    pub(super) fn explain_sqlite(place: &str, source: rusqlite::Error) -> Self {
        let place = place.to_owned();
        let cause = source.to_string();
        let cause = cause.strip_suffix(&format!(": {place}")).unwrap_or(&cause).to_owned();
        match sqlite::primary_code(&source) {
            Some(5 | 6) => Self::Locked { place },
            Some(26) => Self::Foreign { place, cause: "it is no SQLite database" },
            Some(3 | 8 | 14) => Self::Unavailable {
                place,
                cause,
                cure: "does its folder exist, and may this user write there?",
            },
            Some(10 | 13) => {
                Self::Unavailable { place, cause, cure: "is the disk full or broken?" }
            }
            _ => Self::Database { place, source: source.into() },
        }
    }
}

const SERVER_CURE: &str = "is the server running, and are host and port right?";
const TLS_CURE: &str = "does the server offer TLS, and is `sslmode` right?";

/// What helps where PostgreSQL refuses or ends a connection; `None` for any other error.
fn postgres_cure(code: &str) -> Option<&'static str> {
    match code {
        "3D000" => Some("create the database, or name another one"),
        "28P01" | "28000" => Some("are the user and the password right?"),
        "42501" => {
            Some("give the user the right to it, or let somebody create the schema `lookout`")
        }
        _ if code.starts_with("08") || code.starts_with("57P") => Some(SERVER_CURE),
        _ if code.starts_with("53") => Some("the server is short of connections, memory or disk"),
        _ => None,
    }
}
