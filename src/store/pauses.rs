//! What does not leave until somebody says so: everything, a channel, or a rule. A pause never
//! changes what is in the outbox; it only keeps it there.

use super::database::Transaction;
use super::{Store, StoreError};
use crate::domain::{Channel, Instant, RuleId};

/// What is paused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// All of it.
    Everything,
    /// What goes out on one channel.
    Channel(Channel),
    /// What one rule wants to say.
    Rule(RuleId),
}

/// A pause that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Of what.
    pub scope: Scope,
    /// Why, in a sentence.
    pub because: String,
    /// Since when, on the wall clock.
    pub since: Instant,
}

impl Scope {
    /// Its name in the database: `everything`, `channel:email`, `rule:stalled-order`.
    pub fn name(&self) -> String {
        match self {
            Self::Everything => "everything".to_owned(),
            Self::Channel(channel) => format!("channel:{channel}"),
            Self::Rule(rule) => format!("rule:{rule}"),
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name.split_once(':') {
            None => (name == "everything").then_some(Self::Everything),
            Some(("channel", channel)) => Some(Self::Channel(Channel(channel.to_owned()))),
            Some(("rule", rule)) => Some(Self::Rule(RuleId::from(rule))),
            Some(_) => None,
        }
    }
}

impl Store {
    /// Pauses something from now on, before the next message of every worker. False where it was
    /// paused already; the older reason stays.
    pub async fn pause(
        &self,
        scope: &Scope,
        because: &str,
        wall: Instant,
    ) -> Result<bool, StoreError> {
        let mut tx = self.database.write("pause").await?;
        let added = add(&mut tx, scope, because, wall).await;
        tx.end(added).await
    }

    /// Lifts one pause, or all of them. Gives those that were lifted.
    pub async fn resume(&self, scope: Option<&Scope>) -> Result<Vec<Pause>, StoreError> {
        let mut tx = self.database.write("resume").await?;
        let lifted = lift(&mut tx, scope).await;
        tx.end(lifted).await
    }

    /// Every pause in force, the oldest first.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let mut tx = self.database.read().await?;
        let pauses = read(&mut tx).await;
        tx.end(pauses).await
    }
}

/// Pauses something. Whether it was not paused before.
pub(super) async fn add(
    tx: &mut Transaction<'_>,
    scope: &Scope,
    because: &str,
    wall: Instant,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO pauses (scope, because, since) VALUES ($1, $2, $3)
               ON CONFLICT (scope) DO NOTHING";
    let args = [scope.name().into(), because.into(), wall.into()];
    tx.execute(sql, &args).await.map(|added| added == 1)
}

async fn lift(tx: &mut Transaction<'_>, scope: Option<&Scope>) -> Result<Vec<Pause>, StoreError> {
    let mut pauses = read(tx).await?;
    pauses.retain(|pause| scope.is_none_or(|scope| *scope == pause.scope));
    for pause in &pauses {
        tx.execute("DELETE FROM pauses WHERE scope = $1", &[pause.scope.name().into()]).await?;
    }
    Ok(pauses)
}

async fn read(tx: &mut Transaction<'_>) -> Result<Vec<Pause>, StoreError> {
    let rows = tx.fetch("SELECT scope, because, since FROM pauses ORDER BY since, scope", &[]);
    let pauses = rows.await?;
    pauses
        .iter()
        .map(|row| {
            let name: String = row.get(0)?;
            let scope = Scope::from_name(&name).ok_or_else(|| StoreError::Damaged {
                what: "a pause",
                cause: format!("`{name}` is nothing that can be paused"),
            })?;
            Ok(Pause { scope, because: row.get(1)?, since: row.instant(2)? })
        })
        .collect()
}
