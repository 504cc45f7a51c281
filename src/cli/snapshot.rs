//! `lookout snapshot save`: every signal's rows at an instant, in one file.

use std::collections::BTreeSet;

use serde_json::json;

use super::args::{Exit, Global, Save, Snapshot};
use super::output::Output;
use super::tables::aligned;
use super::wording::counted;
use crate::app::{self, AppError};
use crate::clock;
use crate::domain::SignalName;
use crate::pack::PackRule;
use crate::signals::snapshot::{self, SnapshotOptions, SnapshotReport};

pub(super) async fn run(
    global: &Global,
    args: &Snapshot,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let Snapshot::Save(save) = args;
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    let source = app::source(&config).await?;
    let as_of = app::as_of(global.as_of, Some(&source));
    let mut view = source.view(as_of).await?;
    let all: BTreeSet<_> = pack.signals.others.keys().cloned().collect();
    let examined = view.examine(&pack.signals, &all).await?;
    let problems: Vec<_> = examined.problems.values().flatten().cloned().collect();
    if !problems.is_empty() {
        return Err(AppError::Pack(problems).into());
    }
    let keep = pack.rules.values().flat_map(PackRule::named_by_signal).collect();
    let options = SnapshotOptions {
        mask: !save.unmasked,
        keep: &keep,
        pack: &pack.hash,
        taken_at: clock::wall(),
        as_of,
    };
    let report = snapshot::save(&mut view, &pack.signals, &examined, &save.file, options).await;
    let report = report?;
    if super::is_json(output) {
        output.json(&as_json(&report, save));
        return Ok(Exit::Fine);
    }
    output.text(&told(&report, save));
    Ok(Exit::Fine)
}

fn as_json(report: &SnapshotReport, save: &Save) -> serde_json::Value {
    let rows: serde_json::Map<_, _> =
        report.rows.iter().map(|(signal, rows)| (signal.to_string(), json!(rows))).collect();
    let columns = |columns: &[(SignalName, String)]| {
        columns.iter().map(|(signal, column)| format!("{signal}.{column}")).collect::<Vec<_>>()
    };
    json!({
        "schema_version": 1,
        "file": save.file.display().to_string(),
        "rows": rows,
        "masked": columns(&report.masked),
        "left": columns(&report.left),
    })
}

fn told(report: &SnapshotReport, save: &Save) -> String {
    let of = |columns: &[(SignalName, String)], signal: &SignalName, what: &str| {
        let own = columns.iter().filter(|(of, _)| of == signal).map(|(_, column)| column.as_str());
        let own: Vec<_> = own.collect();
        if own.is_empty() { String::new() } else { format!("{what} {}", own.join(", ")) }
    };
    let row = |(signal, rows): &(SignalName, u64)| {
        let masked = of(&report.masked, signal, "masked:");
        vec![signal.to_string(), counted(*rows, "row"), masked]
    };
    let rows: Vec<_> = report.rows.iter().map(row).collect();
    let mut text = format!("{} holds\n{}", save.file.display(), aligned(&rows, 2));
    match report.masked.is_empty() {
        true if save.unmasked => {
            text.push_str("Nothing is masked: treat it like the database itself.\n")
        }
        true => text.push_str("There was nothing to mask.\n"),
        false => {}
    }
    if !report.left.is_empty() {
        text.push_str("Left as it is, because rules read it and it is no text:\n");
        let left = report.left.iter().map(|(signal, column)| vec![format!("{signal}.{column}")]);
        text.push_str(&aligned(&left.collect::<Vec<_>>(), 2));
    }
    text
}
