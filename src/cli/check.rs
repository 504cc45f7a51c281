//! `lookout check`: is the pack right? By itself, and against a database or a snapshot if there is one.

use std::collections::BTreeSet;

use super::args::{Check, Exit, Global};
use super::output::Output;
use super::wording::counted;
use crate::app;
use crate::domain::Problem;
use crate::pack;
use crate::pipeline;

pub(super) async fn run(
    global: &Global,
    args: &Check,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config_seeing(global, &args.seen)?;
    let loaded = pack::load(&config.rules);
    let mut problems: BTreeSet<Problem> = loaded.problems.into_iter().collect();
    let mut seen = None;
    if let (Some(pack), Some(_)) = (&loaded.pack, &config.source) {
        let source = app::source(&config).await?;
        let as_of = app::as_of(global.as_of, Some(&source));
        let mut view = source.view(as_of).await.map_err(app::AppError::from)?;
        problems.extend(pipeline::examine(pack, &mut view).await.map_err(app::AppError::from)?);
        seen = Some(source.describe());
    }
    let problems: Vec<Problem> = problems.into_iter().collect();
    let of = config.rules.display().to_string();
    if !problems.is_empty() || super::is_json(output) {
        output.problems(&problems, &of);
    } else if let Some(pack) = &loaded.pack {
        let cases: usize = pack.rules.values().map(|rule| rule.cases.len()).sum();
        let against = match seen {
            Some(source) => format!(", held against {source}"),
            None => "; name a --source to hold it against a database, too".to_owned(),
        };
        output.text(&format!(
            "{of} is right: {}, {}, {}{against}.",
            counted(pack.rules.len() as u64, "rule"),
            counted(pack.signals.others.len() as u64 + 1, "signal"),
            counted(cases as u64, "case"),
        ));
    }
    Ok(if problems.is_empty() { Exit::Fine } else { Exit::Findings })
}
