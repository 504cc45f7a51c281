//! `lookout deliver`: work the outbox once.

use serde_json::json;

use super::args::{Deliver, Exit, Global};
use super::output::Output;
use super::wording::counted;
use crate::app::{self, AppError};
use crate::clock;
use crate::deliver::Channels;
use crate::domain::OutreachState;
use crate::pack::Pack;
use crate::store::Store;
use crate::worker::{Delivered, Halt, Worker};

pub(super) async fn run(
    global: &Global,
    args: &Deliver,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    let channels = app::channels(&config, &pack)?;
    let store = app::store(&config).await?;
    let delivered = work(&pack, &store, &channels, args.allow_time_travel, output).await?;
    if super::is_json(output) {
        output.json(&json!({
            "schema_version": 1,
            "states": delivered.states,
            "troubles": delivered.troubles,
            "far": delivered.far,
            "unconfigured": delivered.unconfigured,
        }));
    }
    let failed = tell(&delivered, output);
    Ok(if failed { Exit::Partly } else { Exit::Fine })
}

/// Delivers everything that is due, with progress.
pub(super) async fn work(
    pack: &Pack,
    store: &Store,
    channels: &Channels,
    allow_time_travel: bool,
    output: &Output,
) -> Result<Delivered, AppError> {
    let progress = output.progress("delivered", None);
    let tell = || progress.advance(1);
    let wall = clock::wall;
    let halt = Halt::default();
    let worker = Worker {
        pack,
        store,
        channels,
        wall: &wall,
        allow_time_travel,
        progress: Some(&tell),
        halt: &halt,
        follow: false,
    };
    Ok(worker.deliver().await?)
}

/// Tells what a delivery did, and whether something of it went wrong. In JSON only troubles are
/// told, on stderr: stdout holds the result that was asked for.
pub(super) fn tell(delivered: &Delivered, output: &mut Output) -> bool {
    let parts: Vec<String> = OutreachState::ALL
        .iter()
        .filter_map(|state| delivered.states.get(state).map(|n| format!("{n} {}", state.name())))
        .collect();
    if !super::is_json(output) {
        match parts.is_empty() {
            true => output.text("Nothing was due to leave."),
            false => output.text(&format!("Delivery: {}.", parts.join(", "))),
        }
    }
    for trouble in &delivered.troubles {
        output.remark(&format!("  {trouble}"));
    }
    if delivered.far > 0 {
        output.remark(&format!(
            "{} stayed in the outbox: the run's time is more than an hour from now, so nobody real is \
             written to. Use a file: channel, or --allow-time-travel if that is what you want.",
            counted(delivered.far, "outreach")
        ));
    }
    if delivered.unconfigured > 0 {
        output.remark(&format!(
            "{} stayed in the outbox, because lookout.toml has no such channel; `lookout outbox` \
             shows which.",
            counted(delivered.unconfigured, "outreach")
        ));
    }
    delivered.states.iter().any(|(state, count)| *state != OutreachState::Sent && *count > 0)
}
