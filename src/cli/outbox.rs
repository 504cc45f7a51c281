//! `lookout outbox`: what is on its way, and what became of it.

use serde_json::json;

use super::args::{Exit, Global, Outbox};
use super::listings::{self, OutreachLine};
use super::output::Output;
use super::wording::Times;
use crate::app::{self, AppError};
use crate::clock;
use crate::domain::{OutreachState, format_instant};
use crate::store::{OutboxQuery, OutboxRow};

/// How many outreaches are listed; the counts are of all.
const LISTED: u32 = 1000;

pub(super) async fn run(
    global: &Global,
    args: &Outbox,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let zone = super::zone(&config);
    let query = OutboxQuery { state: args.only, limit: LISTED };
    let (states, rows) = match app::history(&config).await? {
        Some(store) => {
            let outbox = store.outbox(&query).await.map_err(AppError::from)?;
            (outbox.states, outbox.outreaches)
        }
        None => (OutreachState::ALL.map(|state| (state, 0)).into(), Vec::new()),
    };
    if super::is_json(output) {
        let states: serde_json::Map<_, _> =
            states.iter().map(|(state, count)| (state.name().to_owned(), json!(count))).collect();
        let outreaches: Vec<_> = rows.iter().map(as_json).collect();
        output.json(&json!({ "schema_version": 1, "states": states, "outreaches": outreaches }));
        return Ok(Exit::Fine);
    }
    let as_of = rows.iter().map(|row| row.run).max().unwrap_or_else(clock::current_minute);
    let lines: Vec<_> = rows.iter().map(as_line).collect();
    output.text(&listings::outbox(&states, &lines, &Times { zone, as_of }));
    Ok(Exit::Fine)
}

fn as_line(row: &OutboxRow) -> OutreachLine {
    let outreach = &row.outreach;
    OutreachLine {
        state: row.state,
        rule: outreach.rule.to_string(),
        customer: outreach.subjects.first().map(|s| s.customer.to_string()).unwrap_or_default(),
        subjects: outreach.subjects.iter().map(|s| s.subject.to_string()).collect(),
        channel: outreach.channel.to_string(),
        not_before: outreach.not_before,
        detail: row.last_error.clone().or(row.detail.clone()).unwrap_or_default(),
    }
}

fn as_json(row: &OutboxRow) -> serde_json::Value {
    let outreach = &row.outreach;
    json!({
        "key": outreach.key,
        "state": row.state,
        "rule": outreach.rule,
        "channel": outreach.channel,
        "address": outreach.address,
        "subjects": outreach.subjects.iter().map(|s| json!({ "customer_id": s.customer, "subject": s.subject })).collect::<Vec<_>>(),
        "run": format_instant(&row.run),
        "not_before": format_instant(&outreach.not_before),
        "expires_at": format_instant(&outreach.expires_at),
        "attempts": row.attempts,
        "settled_at": row.settled_at.as_ref().map(format_instant),
        "detail": row.detail,
        "last_error": row.last_error,
    })
}
