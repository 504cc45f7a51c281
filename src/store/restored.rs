//! Telling that a state database was restored from a backup: what has left since then is not in it and
//! would leave again. Nothing is judged here but that; a person resumes.
//!
//! SQLite: a number that grows with every message that begins to leave is in the database and, written
//! after the commit, in a small file beside it (`lookout.db-mark`). A database behind its file is an old
//! one. PostgreSQL: server, timeline and table have numbers that a restored dump, or a server that was
//! taken back to an earlier time, does not share.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::database::Transaction;
use super::pauses::{self, Scope};
use super::{Store, StoreError};
use crate::domain::Instant;

const BECAUSE: &str = "the state database was restored from a backup, and what left after that \
    backup was made is not in it and would leave again; compare `lookout outbox` with what your mail \
    server sent, cancel what has left, and resume";

const IDENTITY: &str = "SELECT (SELECT system_identifier FROM pg_control_system())::text || '/' ||
         (SELECT timeline_id FROM pg_control_checkpoint())::text || '/' ||
         to_regclass('lookout.outreaches')::oid::bigint::text";

impl Store {
    /// Pauses everything if the database was restored from a backup. Whether it was.
    ///
    /// # Errors
    /// When the database can't be read or written.
    pub async fn pause_if_restored(&self, wall: Instant) -> Result<bool, StoreError> {
        let restored = match self.database.file() {
            Some(file) => self.is_behind(&mark_of(file)).await?,
            None => self.is_elsewhere().await?,
        };
        let Some((sql, now)) = restored else { return Ok(false) };
        self.note(sql, &now, Some(wall)).await.map(|()| true)
    }

    /// Writes down which database this is, and pauses everything from `paused` on.
    async fn note(
        &self,
        sql: &'static str,
        now: &str,
        paused: Option<Instant>,
    ) -> Result<(), StoreError> {
        let mut tx = self.database.write("note_server").await?;
        let done = async {
            tx.execute(sql, &[now.into()]).await?;
            if let Some(wall) = paused {
                pauses::add(&mut tx, &Scope::Everything, BECAUSE, wall).await?;
            }
            Ok(())
        }
        .await;
        tx.end(done).await
    }

    /// Whether the file beside a SQLite database has seen more messages leave than the database.
    async fn is_behind(&self, mark: &Path) -> Result<Option<(&'static str, String)>, StoreError> {
        let text = std::fs::read_to_string(mark).unwrap_or_default();
        let Ok(seen) = text.trim().parse::<i64>() else { return Ok(None) };
        let mut tx = self.database.read().await?;
        let rows = tx.fetch("SELECT mark FROM books", &[]).await;
        let rows = tx.end(rows).await?;
        let known: i64 = rows.first().map_or(Ok(0), |row| row.get(0))?;
        let sql = "UPDATE books SET mark = CAST($1 AS INTEGER)";
        Ok((seen > known).then(|| (sql, seen.to_string())))
    }

    /// Whether a PostgreSQL database is another one than it says. Notes who it is where it does not
    /// say so yet.
    async fn is_elsewhere(&self) -> Result<Option<(&'static str, String)>, StoreError> {
        let mut tx = self.database.read().await?;
        let known = tx.fetch("SELECT identity FROM books", &[]).await;
        let known = tx.end(known).await?;
        let known: Option<String> = known.first().map_or(Ok(None), |row| row.get(0))?;
        let mut tx = self.database.read().await?;
        let identity = tx.fetch(IDENTITY, &[]).await;
        // A server may keep its numbers to itself; then nothing can be told.
        let Ok(rows) = tx.end(identity).await else { return Ok(None) };
        let own: Option<String> = rows.first().map_or(Ok(None), |row| row.get(0))?;
        let Some(own) = own else { return Ok(None) };
        let sql = "UPDATE books SET identity = $1";
        if known.is_none() {
            self.note(sql, &own, None).await?;
        }
        Ok(known.filter(|known| *known != own).map(|_| (sql, own)))
    }

    /// Writes down, outside a SQLite database, how many messages have begun to leave.
    pub(super) fn write_mark(&self, mark: i64) {
        let Some(file) = self.database.file() else { return };
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(mark_of(file))
            .and_then(|mut file| file.write_all(format!("{mark:020}\n").as_bytes()));
        if let Err(error) = written {
            tracing::warn!(%error, "the mark beside the state database can't be written");
        }
    }
}

/// Counts a message that begins to leave, where the database is a file; the new number.
pub(super) async fn count(tx: &mut Transaction<'_>) -> Result<i64, StoreError> {
    let rows = tx.fetch("UPDATE books SET mark = mark + 1 RETURNING mark", &[]).await?;
    rows.first().map_or(Ok(0), |row| row.get(0))
}

/// A new database begins without the mark of one that was there before.
pub(super) fn forget_mark(file: &Path) {
    // There is none, as a rule.
    let _ = std::fs::remove_file(mark_of(file));
}

fn mark_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push("-mark");
    PathBuf::from(name)
}
