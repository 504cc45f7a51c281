//! `lookout run`: evaluate what is due, record it, deliver. Made for a cron line: the same instant
//! twice changes nothing.

use chrono::TimeDelta;

use super::args::{Exit, Global, Run};
use super::decisions::Kind;
use super::deliver::{self, Manner};
use super::dry_run::history;
use super::output::Output;
use super::telling::{self, Origin};
use crate::app::{self, AppError};
use crate::clock;
use crate::config::Config;
use crate::domain::{Instant, RunReport};
use crate::pack::Pack;
use crate::pipeline::{self, RunError};
use crate::store::{Store, StoreError};

pub(super) async fn run(global: &Global, args: &Run, output: &mut Output) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    app::channels(&config, &pack)?;
    let store = app::store(&config).await?;
    let as_of = app::as_of(global.as_of, None);
    anyhow::ensure!(
        args.allow_time_travel || as_of <= clock::wall() + TimeDelta::hours(1),
        "--as-of lies in the future, and once it is recorded no run before it can be: every real run \
         would be refused until then. Look with `lookout dry-run`, or say --allow-time-travel"
    );
    let newest = store.newest_run().await?;
    let report = decide_once(&config, &pack, &store, as_of, output).await?;
    let instead = report.plan.is_some();
    if instead {
        output.remark(
            "In this minute a plan was carried out, which is no run: nothing else was decided. Run again \
             in the next one.",
        );
    } else if global.as_of.is_none() && newest == Some(as_of) {
        output.remark(
            "A minute is decided once. What was approved or changed meanwhile is decided by a run in \
             the next one.",
        );
    }
    let manner = Manner { allow_time_travel: args.allow_time_travel, follow: false };
    let delivered = deliver::work(&config, &pack, &store, manner, output).await?;
    let failed = deliver::tell(&delivered, output);
    deliver::tell_rest(&config, &pack, &store, &delivered, output).await?;
    Ok(if failed || instead || telling::partly(&report) { Exit::Partly } else { Exit::Fine })
}

/// Decides an instant that was not decided before; else tells what was.
async fn decide_once(
    config: &Config,
    pack: &Pack,
    store: &Store,
    as_of: Instant,
    output: &mut Output,
) -> Result<RunReport, AppError> {
    let mut origin =
        Origin { source: "the run of that instant".to_owned(), history: history(Some(store)) };
    if let Some(report) = store.recorded(as_of).await? {
        telling::recorded(&report, pack, &origin, output);
        return Ok(report);
    }
    if let Some(newest) = store.newest_run().await?.filter(|newest| *newest > as_of) {
        return Err(StoreError::Before(newest).into());
    }
    let source = app::source(config).await?;
    origin.source = source.describe();
    let started_at = clock::wall();
    let due = app::due(pack, Some(store), as_of).await?;
    let found =
        super::find(pack, &mut source.view(as_of).await?, as_of, &due, None, Some(store), output)
            .await?;
    match pipeline::commit(pack, &found, store, as_of, started_at).await {
        Ok(considered) => {
            telling::considered(Kind::Run, &considered, pack, &origin, false, output);
            Ok(considered.report)
        }
        // Another process decided the same instant meanwhile.
        Err(RunError::Store(StoreError::AlreadyRecorded(_))) => {
            let report = store.recorded(as_of).await?.ok_or(StoreError::AlreadyRecorded(as_of))?;
            telling::recorded(&report, pack, &origin, output);
            Ok(report)
        }
        Err(error) => Err(error.into()),
    }
}
