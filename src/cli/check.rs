//! `lookout check`: is the pack right? By itself, and against a database or a snapshot if there is one.

mod ways;

use std::collections::BTreeSet;

use super::args::{Check, Exit, Global};
use super::output::Output;
use super::wording::counted;
use crate::app::{self, AppError};
use crate::config::Config;
use crate::domain::Problem;
use crate::opt_out::OptOut;
use crate::pack::{self, Pack};
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
    if let Some(pack) = &loaded.pack {
        let types = match config.source {
            Some(_) => {
                let source = app::source(&config).await?;
                let as_of = app::as_of(global.as_of, Some(&source));
                let mut view = source.view(as_of).await?;
                let examined = pipeline::examine(pack, &mut view).await?;
                problems.extend(examined.problems);
                problems.extend(pack::scripts::lost_in_cases(pack, &examined.types));
                seen = Some(source.describe());
                examined.types
            }
            None => {
                let types = pack::types::of_cases(pack);
                problems.extend(pack::scripts::unknown_names(pack, &types));
                types
            }
        };
        problems.extend(pack::scripts::review(pack, &types));
        problems.extend(pack::fit::check(pack, &types));
    }
    let problems: Vec<Problem> = problems.into_iter().collect();
    let of = config.rules.display().to_string();
    let explained = loaded.pack.as_ref().filter(|_| args.explain);
    match explained {
        Some(pack) if super::is_json(output) => output.json(&ways::json(&problems, pack)),
        _ if super::is_json(output) || !problems.is_empty() => output.problems(&problems, &of),
        _ => {
            if let Some(pack) = &loaded.pack {
                output.text(&fine(pack, &of, seen.as_deref()));
            }
        }
    }
    if let Some(pack) = explained.filter(|_| !super::is_json(output)) {
        output.text(&ways::text(pack));
    }
    if let Some(hindrance) = loaded.pack.as_ref().and_then(|pack| hindrance(&config, pack)) {
        output.remark(&format!("Nothing could leave from here yet: {hindrance}"));
    }
    Ok(if problems.is_empty() { Exit::Fine } else { Exit::Findings })
}

/// What would keep messages from leaving with this configuration: a channel or a secret that is
/// missing. That is no mistake in the pack: who writes rules need not have the secrets.
fn hindrance(config: &Config, pack: &Pack) -> Option<AppError> {
    if config.channels.is_empty() {
        return None;
    }
    let ways_out = app::channels(config, pack).map(|_| ());
    ways_out.and_then(|()| OptOut::open(config).map(|_| ()).map_err(AppError::from)).err()
}

fn fine(pack: &Pack, of: &str, source: Option<&str>) -> String {
    let cases: usize = pack.rules.values().map(|rule| rule.cases.len()).sum();
    let against = match source {
        Some(source) => format!(", held against {source}"),
        None => "; name a --source to hold it against a database, too".to_owned(),
    };
    format!(
        "{of} is right: {}, {}, {}{against}.",
        counted(pack.rules.len() as u64, "rule"),
        counted(pack.signals.others.len() as u64 + 1, "signal"),
        counted(cases as u64, "case"),
    )
}
