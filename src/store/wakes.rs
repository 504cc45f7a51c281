//! Being told that there is something new in the outbox, where the database can tell. It is only ever
//! a hint: whoever waits looks from time to time anyway.

use sqlx::postgres::PgListener;

use super::Store;

/// The channel on which PostgreSQL tells.
const CHANNEL: &str = "lookout_outbox";
/// Told when a transaction commits that put something into the outbox.
pub(super) const TELL: &str = "SELECT 1 FROM pg_notify('lookout_outbox', '')";

/// What is heard of the outbox.
pub struct Wakes(Option<PgListener>);

impl Store {
    /// Listens. Where the database can't tell (SQLite, or a pool of connections in between), nothing
    /// is ever heard.
    pub async fn wakes(&self) -> Wakes {
        let Some(server) = self.database.direct_postgres() else { return Wakes(None) };
        let Ok(mut listener) = server.listener().await else { return Wakes(None) };
        match listener.listen(CHANNEL).await {
            Ok(()) => Wakes(Some(listener)),
            Err(_) => Wakes(None),
        }
    }
}

impl Wakes {
    /// Returns when there is something new.
    pub async fn next(&mut self) {
        match &mut self.0 {
            Some(listener) => {
                if listener.recv().await.is_err() {
                    self.0 = None;
                }
            }
            None => std::future::pending().await,
        }
    }
}
