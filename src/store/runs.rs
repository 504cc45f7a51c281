//! Runs as they were recorded. What a run printed once it prints again, byte for byte; nothing is
//! decided here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::database::Transaction;
use super::sql::Row;
use super::{Store, StoreError};
use crate::domain::{
    Alarm, Channel, Decision, Instant, Outcome, RuleId, RuleTally, RunReport, Totals,
};

/// A report without its decisions, as `runs.report` holds it.
#[derive(Serialize, Deserialize)]
struct Head {
    schema_version: u32,
    as_of: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<String>,
    totals: Totals,
    rules: Vec<RuleTally>,
    #[serde(default)]
    alarms: Vec<Alarm>,
}

impl Store {
    /// What the run of that instant reported; `None` if there was none.
    pub async fn recorded(&self, as_of: Instant) -> Result<Option<RunReport>, StoreError> {
        let mut tx = self.database.read().await?;
        let report = read(&mut tx, as_of).await;
        tx.end(report).await
    }

    /// The instant of the newest run.
    pub async fn newest_run(&self) -> Result<Option<Instant>, StoreError> {
        let mut tx = self.database.read().await?;
        let rows = tx.fetch("SELECT MAX(as_of) FROM runs", &[]).await;
        let rows = tx.end(rows).await?;
        rows.first().map_or(Ok(None), |row| row.maybe_instant(0))
    }

    /// The instant of the run that carried out a plan made as of `since`; `None` where none did.
    pub async fn carried_out(
        &self,
        plan: &str,
        since: Instant,
    ) -> Result<Option<Instant>, StoreError> {
        let mut tx = self.database.read().await?;
        let sql = "SELECT as_of FROM runs WHERE as_of >= $1 AND report LIKE $2";
        let says = format!("%\"plan\":\"{plan}\"%");
        let rows = tx.fetch(sql, &[since.into(), says.as_str().into()]).await;
        let rows = tx.end(rows).await?;
        rows.first().map_or(Ok(None), |row| row.maybe_instant(0))
    }

    /// When each rule was last evaluated in full health: the `as_of` of that run.
    pub async fn last_evaluated(&self) -> Result<BTreeMap<RuleId, Instant>, StoreError> {
        let mut tx = self.database.read().await?;
        let rows = tx.fetch("SELECT rule, at FROM rule_evaluations", &[]).await;
        let rows = tx.end(rows).await?;
        rows.iter().map(|row| Ok((row.id(0)?, row.instant(1)?))).collect()
    }
}

/// A report's head as text, for `runs.report`.
pub(super) fn head(report: &RunReport) -> Result<String, StoreError> {
    super::sql::json(&Head {
        schema_version: report.schema_version,
        as_of: report.as_of.clone(),
        plan: report.plan.clone(),
        totals: report.totals.clone(),
        rules: report.rules.clone(),
        alarms: report.alarms.clone(),
    })
}

async fn read(tx: &mut Transaction<'_>, as_of: Instant) -> Result<Option<RunReport>, StoreError> {
    let runs = tx.fetch("SELECT pack, report FROM runs WHERE as_of = $1", &[as_of.into()]).await?;
    let Some(run) = runs.first() else { return Ok(None) };
    let head: Head = serde_json::from_str(&run.get::<String>(1)?).map_err(|error| {
        StoreError::Damaged { what: "a run's report", cause: error.to_string() }
    })?;
    let sql = "SELECT rule, customer_id, subject, position, channel, outcome, reason, evidence,
                   outreach, not_before
               FROM decisions WHERE run = $1 ORDER BY place";
    let rows = tx.fetch(sql, &[as_of.into()]).await?;
    Ok(Some(RunReport {
        schema_version: head.schema_version,
        as_of: head.as_of,
        pack: run.get(0)?,
        plan: head.plan,
        decisions: rows.iter().map(decision).collect::<Result<_, _>>()?,
        totals: head.totals,
        rules: head.rules,
        alarms: head.alarms,
    }))
}

fn decision(row: &Row) -> Result<Decision, StoreError> {
    let damaged = |error: serde_json::Error| StoreError::Damaged {
        what: "a decision",
        cause: error.to_string(),
    };
    let outcome: Outcome = serde_json::from_value(row.get::<String>(5)?.into()).map_err(damaged)?;
    let refusal = match (row.get::<Option<String>>(6)?, row.get::<Option<String>>(7)?) {
        (Some(reason), Some(evidence)) => {
            let evidence: serde_json::Value = serde_json::from_str(&evidence).map_err(damaged)?;
            let told = serde_json::json!({ "reason": reason, "evidence": evidence });
            Some(serde_json::from_value(told).map_err(damaged)?)
        }
        _ => None,
    };
    Ok(Decision {
        rule: row.id(0)?,
        customer_id: row.id(1)?,
        subject: row.id(2)?,
        position: row.count(3)?,
        channel: Channel(row.get(4)?),
        outcome,
        refusal,
        outreach: row.get::<Option<String>>(8)?.map(Into::into),
        not_before: row.maybe_instant(9)?,
    })
}
