//! A PostgreSQL server: how it is called, and all that is said to it when a transaction begins.
//! Nothing is ever said to these connections outside of one.

use std::fmt;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};

use super::pooler;

/// How long to wait for a connection to a server.
const CONNECT: Duration = Duration::from_secs(10);
/// Said in the same breath as BEGIN on PostgreSQL: a pooler that stands in between gives each
/// transaction another connection.
pub(super) const READ: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL search_path = lookout";
/// Who writes looks up a few rows by an index, however many there are, and whatever the server last
/// counted: no statement is planned more than once a connection, and none of them as a scan. And who
/// falls asleep in the middle (a stopped process, a laptop's lid) holds up nobody else for long, least
/// of all somebody who opts out.
pub(super) const WRITE: &str = "BEGIN; SET LOCAL search_path = lookout;
     SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off;
     SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off;
     SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// What stands between writers of a PostgreSQL database until a transaction ends. SQLite has one
/// writer anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lock {
    /// Migrations wait for each other.
    Migrating,
    /// Whoever opts somebody out waits until those at the door are through, and the other way round.
    OptingOut,
    /// Those at the door go through side by side.
    AtTheDoor,
    /// Two messages to one person go through one after the other.
    Person(i32),
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migrating => write!(f, "; SELECT pg_advisory_xact_lock(7810779962001)"),
            Self::OptingOut => write!(f, "; SELECT pg_advisory_xact_lock(7810779962002)"),
            Self::AtTheDoor => write!(f, "; SELECT pg_advisory_xact_lock_shared(7810779962002)"),
            Self::Person(at) => write!(f, "; SELECT pg_advisory_xact_lock(78107799, {at})"),
        }
    }
}

/// The pool would try again for as long as it may where a server refuses; the first connection
/// says at once what is wrong.
pub(super) async fn connect(options: PgConnectOptions) -> Result<PgPool, sqlx::Error> {
    let options = pooler::options(options);
    let first = tokio::time::timeout(CONNECT, PgConnection::connect_with(&options)).await;
    first.map_err(|_| sqlx::Error::PoolTimedOut)??.close().await?;
    Ok(PgPoolOptions::new().max_connections(8).acquire_timeout(CONNECT).connect_lazy_with(options))
}
