//! A PostgreSQL server: the connections to it, and all that is said to it when a transaction begins.
//! Nothing is ever said to a connection outside of one, and one that was let go in the middle is
//! closed.

use std::fmt;
use std::sync::{Mutex as Shelf, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Error, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::pooler;

/// How long to wait for a connection to a server, or for a word on one that waited.
const CONNECT: Duration = Duration::from_secs(10);
/// How many connections there are at a time.
const MOST: usize = 8;
/// How long one may wait for work. What stands in between may forget a quiet one without a word.
const STALE: Duration = Duration::from_secs(60);
/// Said in the same breath as BEGIN on PostgreSQL: a pooler that stands in between gives each
/// transaction another connection.
pub(super) const READ: &str =
    "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SET LOCAL search_path = lookout;
     SET LOCAL jit = off";
/// Who writes looks up a few rows by an index, however many there are, and whatever the server last
/// counted: no statement is planned more than once a connection, none of them as a scan, tables are
/// joined in the order in which they are written, no table of hashes is laid out for the many rows
/// that it expects, and nothing is compiled, which takes longer than any of it. And who falls asleep
/// in the middle (a stopped process, a laptop's lid) holds up nobody else for long, least of all
/// somebody who opts out.
pub(super) const WRITE: &str = "BEGIN; SELECT set_config('search_path', 'lookout', true),
     set_config('plan_cache_mode', 'force_generic_plan', true), set_config('jit', 'off', true),
     set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
     set_config('enable_mergejoin', 'off', true), set_config('enable_hashagg', 'off', true),
     set_config('join_collapse_limit', '1', true),
     set_config('idle_in_transaction_session_timeout', '10s', true)";

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

/// The server.
pub(super) struct Server {
    options: Box<PgConnectOptions>,
    places: Semaphore,
    /// Those that wait for work, and since when.
    idle: Shelf<Vec<(PgConnection, Instant)>>,
}

impl Server {
    /// Connects, to say at once what is wrong. Where statements are to keep names, so they must.
    pub(super) async fn open(options: PgConnectOptions, named: bool) -> Result<Self, Error> {
        let options = Box::new(pooler::options(options));
        let (places, idle) = (Semaphore::new(MOST), Shelf::default());
        let server = Self { options, places, idle };
        let mut first = server.connect().await?;
        if named {
            pooler::keeps_apart(&mut first, &mut server.connect().await?).await?;
        }
        server.shelf().push((first, Instant::now()));
        Ok(server)
    }

    /// Begins a transaction by what is said here: words of our own and numbers.
    ///
    /// A server may have hung up on a connection that waited, or what stands in between may have
    /// forgotten it. Nothing was begun on it, so a new one is tried once.
    pub(super) async fn begin(&self, words: &str) -> Result<Held<'_>, Error> {
        let place = timeout(CONNECT, self.places.acquire()).await;
        let place = place.ok().and_then(Result::ok).ok_or(Error::PoolTimedOut)?;
        let held = |connection| Held { connection, server: self, _place: place };
        if let Some(mut waiting) = self.waiting() {
            if let Ok(Ok(())) = timeout(CONNECT, say(&mut waiting, words)).await {
                return Ok(held(waiting));
            }
            // The others have waited for longer.
            self.shelf().clear();
        }
        let mut fresh = self.connect().await?;
        say(&mut fresh, words).await?;
        Ok(held(fresh))
    }

    /// Somebody who listens to what the server tells of itself, on a connection of their own.
    pub(super) async fn listener(&self) -> Result<PgListener, Error> {
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT);
        PgListener::connect_with(&one.connect_lazy_with((*self.options).clone())).await
    }

    async fn connect(&self) -> Result<PgConnection, Error> {
        let connection = timeout(CONNECT, PgConnection::connect_with(&self.options)).await;
        connection.map_err(|_| Error::PoolTimedOut)?
    }

    /// The connection that was used last, unless it has waited for too long.
    fn waiting(&self) -> Option<PgConnection> {
        let mut idle = self.shelf();
        idle.retain(|(_, since)| since.elapsed() < STALE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn shelf(&self) -> MutexGuard<'_, Vec<(PgConnection, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn say(connection: &mut PgConnection, words: &str) -> Result<(), Error> {
    sqlx::raw_sql(AssertSqlSafe(words)).execute(connection).await.map(|_| ())
}

/// A connection in the middle of a transaction. Let go of before its end, it is closed, and the
/// server undoes what was done.
pub(super) struct Held<'s> {
    pub(super) connection: PgConnection,
    server: &'s Server,
    _place: SemaphorePermit<'s>,
}

impl Held<'_> {
    /// Ends the transaction by `COMMIT` or `ROLLBACK`.
    pub(super) async fn end(mut self, how: &'static str) -> Result<(), Error> {
        say(&mut self.connection, how).await?;
        self.server.shelf().push((self.connection, Instant::now()));
        Ok(())
    }
}

// By hand: a connection has nothing to show, and the password is nobody's business.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}
