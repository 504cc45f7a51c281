//! `lookout snapshot save`: every signal's rows at an instant, in one file.

use std::collections::BTreeSet;

use super::args::{Exit, Global, Snapshot};
use super::output::Output;
use crate::app::{self, AppError};
use crate::clock;
use crate::signals::snapshot::{self, SnapshotOptions};

pub(super) async fn run(global: &Global, args: &Snapshot, output: &mut Output) -> anyhow::Result<Exit> {
    let Snapshot::Save(save) = args;
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    let source = app::source(&config).await?;
    let as_of = app::as_of(global.as_of, Some(&source));
    let mut view = source.view(as_of).await.map_err(AppError::from)?;
    let all: BTreeSet<_> = pack.signals.others.keys().cloned().collect();
    let examined = view.examine(&pack.signals, &all).await.map_err(AppError::from)?;
    let problems: Vec<_> = examined.problems.values().flatten().cloned().collect();
    if !problems.is_empty() {
        return Err(AppError::Pack(problems).into());
    }
    let keep = pack.rules.values().flat_map(|rule| rule.reads.iter().cloned().map(|f| rule.absolute(f))).collect();
    let options = SnapshotOptions {
        mask: !save.unmasked,
        keep: &keep,
        pack: &pack.hash,
        taken_at: clock::wall(),
        as_of,
    };
    let report = snapshot::save(&mut view, &pack.signals, &examined, &save.file, options).await;
    let report = report.map_err(AppError::from)?;
    if super::is_json(output) {
        output.json(&report);
        return Ok(Exit::Fine);
    }
    output.text(&report.to_string());
    Ok(Exit::Fine)
}
