//! `lookout outbox`: what is on its way, and what became of it.

use serde_json::json;

use super::addresses::shown;
use super::args::{Exit, Global, Outbox, Steer};
use super::listings::{self, OutreachLine};
use super::output::Output;
use super::wording::Times;
use crate::app;
use crate::clock;
use crate::config::Config;
use crate::domain::{OutreachState, format_instant};
use crate::store::{Heard, OutboxQuery, OutboxRow, Word};

/// How many outreaches are listed; the counts are of all.
const LISTED: u32 = 1000;

pub(super) async fn run(
    global: &Global,
    args: &Outbox,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    if let Some(steer) = &args.steer {
        return self::steer(&config, steer, output).await;
    }
    let zone = super::zone(&config);
    let query = OutboxQuery { state: args.only, limit: LISTED };
    let (states, rows) = match app::old_books(&config).await? {
        Some(store) => {
            let outbox = store.outbox(&query).await?;
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
    if let (true, Some(only)) = (rows.is_empty(), args.only) {
        output.text(&format!("Nothing is {}.", only.name()));
        return Ok(Exit::Fine);
    }
    let as_of = rows.iter().map(|row| row.run).max().unwrap_or_else(clock::current_minute);
    let lines: Vec<_> = rows.iter().map(as_line).collect();
    output.text(&listings::outbox(&states, &lines, &Times { zone, as_of }));
    Ok(Exit::Fine)
}

/// Does what a person says about one outreach.
async fn steer(config: &Config, steer: &Steer, output: &mut Output) -> anyhow::Result<Exit> {
    let (start, word) = match steer {
        Steer::Settle { key, word } => match word.as_str() {
            "arrived" => (key, Word::Arrived),
            "again" => (key, Word::Again),
            _ => (key, Word::Lost),
        },
        Steer::Cancel { key } => (key, Word::Cancel),
    };
    let store = app::books(config).await?;
    let keys = store.keys_like(start).await?;
    let key = match keys.as_slice() {
        [key] => key,
        [] => anyhow::bail!(
            "no outreach has a key that begins with `{start}`; `lookout outbox` shows them"
        ),
        _ => anyhow::bail!("more than one key begins with `{start}`; write more of it"),
    };
    let heard = store.steer(key, word, clock::wall()).await?;
    match heard {
        Heard::Now(state) => {
            if super::is_json(output) {
                output.json(&json!({ "schema_version": 1, "key": key, "state": state }));
            } else {
                output.text(&format!("{key} {}", what_now(word)));
            }
            Ok(Exit::Fine)
        }
        Heard::Still(state) => anyhow::bail!("{key} is {}: {}", state.name(), why_not(word)),
        Heard::Unknown => anyhow::bail!("there is no outreach `{key}` any more"),
    }
}

fn what_now(word: Word) -> &'static str {
    match word {
        Word::Arrived => "counts as sent; nothing was sent now.",
        Word::Lost => "counts as failed, and is not tried again.",
        Word::Again => "is tried again at the next delivery.",
        Word::Cancel => "is cancelled, and does not leave.",
    }
}

fn why_not(word: Word) -> &'static str {
    match word {
        Word::Arrived | Word::Lost => "only what is uncertain can be settled",
        Word::Again => "only what is uncertain or failed can be tried again",
        Word::Cancel => "only what waits can be cancelled",
    }
}

fn as_line(row: &OutboxRow) -> OutreachLine {
    let outreach = &row.outreach;
    OutreachLine {
        key: outreach.key.as_str().chars().take(8).collect(),
        state: row.state,
        rule: outreach.rule.to_string(),
        customer: outreach.subjects.first().map(|s| shown(s.customer.as_str())).unwrap_or_default(),
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
        "next_attempt_at": format_instant(&row.next_attempt_at),
        "settled_at": row.settled_at.as_ref().map(format_instant),
        "detail": row.detail,
        "last_error": row.last_error,
    })
}
