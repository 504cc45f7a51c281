//! What a run has to know before it judges, at the cost of a few counts. What looks wrong in it is
//! examined as `check` does, so that it is said in the same words; nothing is guessed.

use std::collections::BTreeSet;

use super::{Looked, OWN_ID, clashes};
use crate::domain::{SignalName, Value};
use crate::signals::examine::columns::{Described, Ids};
use crate::signals::lexer::Dialect;
use crate::signals::source::{Failure, View};
use crate::signals::{ColumnKind, Examined, Signal, Signals, SourceError, compose};

/// A signal in use, and what gives its rows.
type InUse<'a> = (&'a Signal, Looked);

impl View {
    /// What [`View::examine`] finds, as far as a run needs it, and the orphans of keyed signals.
    ///
    /// An id of another type than its column says is left to [`View::examine`].
    ///
    /// # Errors
    /// Only where the database can't be asked at all; what is wrong with a signal is in the answer.
    pub async fn survey(
        &mut self,
        signals: &Signals,
        in_use: &BTreeSet<SignalName>,
    ) -> Result<Examined, SourceError> {
        let mut examined = Examined::default();
        let mut fine = Vec::new();
        let others = in_use.iter().filter_map(|name| signals.others.get(name));
        for signal in std::iter::once(&signals.customers).chain(others) {
            let mut problems = Vec::new();
            if let Some(looked) = self.look_at(signal, &mut examined, &mut problems).await? {
                fine.push((signal, looked));
            }
            if !problems.is_empty() {
                examined.problems.insert(signal.name.clone(), problems);
            }
        }
        if fine.first().is_none_or(|(signal, _)| signal.name != signals.customers.name) {
            return Ok(examined);
        }
        let customers = fine.remove(0);
        let healthy = match self.ids_agree(&customers, &fine).await {
            Ok(true) => self.count_all(&customers, &fine, &mut examined).await,
            other => other,
        };
        match healthy {
            Ok(true) => {
                clashes(signals, in_use, &mut examined);
                Ok(examined)
            }
            Ok(false) | Err(Failure::Sql { .. }) => self.examine_closely(signals, in_use).await,
            Err(failure) => Err(self.gone(failure)),
        }
    }

    /// The columns of the signals in use, and what is wrong with their queries, without a look at a
    /// row: enough to read some subjects again, where a run has surveyed the signals before.
    ///
    /// # Errors
    /// Only where the database can't be asked at all; what is wrong with a signal is in the answer.
    pub async fn glance(
        &mut self,
        signals: &Signals,
        in_use: &BTreeSet<SignalName>,
    ) -> Result<Examined, SourceError> {
        let mut examined = Examined::default();
        let others = in_use.iter().filter_map(|name| signals.others.get(name));
        for signal in std::iter::once(&signals.customers).chain(others) {
            let mut problems = Vec::new();
            self.look_at(signal, &mut examined, &mut problems).await?;
            if !problems.is_empty() {
                examined.problems.insert(signal.name.clone(), problems);
            }
        }
        clashes(signals, in_use, &mut examined);
        Ok(examined)
    }

    async fn examine_closely(
        &mut self,
        signals: &Signals,
        in_use: &BTreeSet<SignalName>,
    ) -> Result<Examined, SourceError> {
        let mut examined = self.examine(signals, in_use).await?;
        if examined.problems.contains_key(&signals.customers.name) {
            return Ok(examined);
        }
        let Ok(customers) = self.query(&signals.customers) else { return Ok(examined) };
        for name in in_use {
            let signal = signals.others.get(name).filter(|signal| signal.key.is_some());
            let signal = signal.filter(|_| !examined.problems.contains_key(name));
            let Some(signal) = signal else { continue };
            let Ok(query) = self.query(signal) else { continue };
            let sql = format!(
                "SELECT COUNT(*), COUNT(c.{OWN_ID}) FROM (\n{query}\n) AS s \
                 LEFT JOIN (\n{customers}\n) AS c ON c.{OWN_ID} = s.{OWN_ID}"
            );
            match self.numbers(&sql).await {
                Ok([rows, known, _]) => examined.orphans.insert(name.clone(), rows - known),
                Err(Failure::Gone(why)) => return Err(self.gone(Failure::Gone(why))),
                // Whoever reads it will say what is wrong with it.
                Err(Failure::Sql { .. }) => None,
            };
        }
        Ok(examined)
    }

    /// Whether all ids are of one kind, as far as the columns say it, or else the first row.
    async fn ids_agree(
        &mut self,
        customers: &InUse<'_>,
        others: &[InUse<'_>],
    ) -> Result<bool, Failure> {
        let theirs = self.id_family(customers).await?;
        for signal in others {
            match (&theirs, self.id_family(signal).await?) {
                (Family::Wrong, _) | (_, Family::Wrong) => return Ok(false),
                (Family::Of(theirs), Family::Of(own)) if *theirs != own => return Ok(false),
                _ => {}
            }
        }
        Ok(!matches!(theirs, Family::Wrong))
    }

    async fn id_family(&mut self, (signal, looked): &InUse<'_>) -> Result<Family, Failure> {
        let described = Described { signal, raw: &looked.raw, dialect: self.dialect() };
        let kind = looked.raw.iter().find(|c| c.name == "customer_id").map(|c| c.kind);
        let stored = match (self.dialect(), kind) {
            (Dialect::Postgres, _) => None,
            (_, Some(ColumnKind::Int)) => Some("integer".to_owned()),
            (_, Some(ColumnKind::Text)) => Some("text".to_owned()),
            _ => {
                let sql = format!(
                    "SELECT typeof({OWN_ID}) FROM (\n{}\n) AS q WHERE {OWN_ID} IS NOT NULL LIMIT 1",
                    looked.query
                );
                let mut first = Vec::new();
                self.stream(&sql, &[], &mut |rows| first = rows.first()).await?;
                match first.pop() {
                    Some(Value::Text(stored)) => Some(stored),
                    _ => return Ok(Family::Unknown),
                }
            }
        };
        let stored = stored.map(|stored| (stored.clone(), stored));
        let mut problems = Vec::new();
        Ok(match described.ids(stored.as_ref(), &mut problems) {
            Some(Ids { family, .. }) => Family::Of(family),
            None => Family::Wrong,
        })
    }

    /// Counts the customers and the rows of keyed signals. False where a row has no id or no key, or
    /// where two rows stand in the place of one.
    async fn count_all(
        &mut self,
        (customers, looked): &InUse<'_>,
        others: &[InUse<'_>],
        examined: &mut Examined,
    ) -> Result<bool, Failure> {
        let spine = &looked.query;
        let described = Described { signal: customers, raw: &looked.raw, dialect: self.dialect() };
        examined.plain_ids = described.ids_are_plain();
        let sql = format!("SELECT COUNT(*), COUNT({OWN_ID}) FROM (\n{spine}\n) AS c");
        let [rows, named, _] = self.numbers(&sql).await?;
        examined.customers = rows;
        if named != rows || !self.is_one_row(spine, OWN_ID).await? {
            return Ok(false);
        }
        for (signal, Looked { query, .. }) in others {
            let healthy = match &signal.key {
                None => self.is_one_row(query, OWN_ID).await?,
                Some(key) => {
                    let key = compose::quoted(key);
                    let sql = format!(
                        "SELECT COUNT(*), COUNT(s.{key}), COUNT(c.{OWN_ID}) FROM (\n{query}\n) AS s \
                         LEFT JOIN (\n{spine}\n) AS c ON c.{OWN_ID} = s.{OWN_ID}"
                    );
                    let [rows, keys, known] = self.numbers(&sql).await?;
                    examined.rows.insert(signal.name.clone(), rows);
                    examined.orphans.insert(signal.name.clone(), rows - known);
                    keys == rows && self.is_one_row(query, &key).await?
                }
            };
            if !healthy {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether each id or key has one row. The database may know without looking, by a unique index
    /// or by what a query groups by: then it leaves out a join that could only double rows.
    async fn is_one_row(&mut self, query: &str, column: &str) -> Result<bool, Failure> {
        let joined = format!(
            "SELECT s.{column} FROM (\n{query}\n) AS s \
             LEFT JOIN (\n{query}\n) AS t ON t.{column} = s.{column}"
        );
        if !self.joins(&joined).await? {
            return Ok(true);
        }
        Ok(self.count(query, column).await?.most <= 1)
    }

    /// Up to three counts.
    async fn numbers(&mut self, sql: &str) -> Result<[u64; 3], Failure> {
        let mut row = Vec::new();
        self.stream(sql, &[], &mut |rows| row = rows.first()).await?;
        let number = |at: usize| match row.get(at) {
            Some(Value::Int(number)) => u64::try_from(*number).unwrap_or(0),
            _ => 0,
        };
        Ok([number(0), number(1), number(2)])
    }
}

/// What kind of thing a signal's ids are.
enum Family {
    Of(&'static str),
    /// There is not one id.
    Unknown,
    Wrong,
}
