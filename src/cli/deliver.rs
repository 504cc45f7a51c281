//! `lookout deliver`: work the outbox once.

use serde_json::json;

use super::args::{Deliver, Exit, Global};
use super::output::Output;
use super::wording::counted;
use crate::app::{self, AppError};
use crate::clock;
use crate::config::Config;
use crate::domain::OutreachState;
use crate::pack::Pack;
use crate::store::Store;
use crate::worker::{Delivered, Halt, SecondLook, Worker};

pub(super) async fn run(
    global: &Global,
    args: &Deliver,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    app::channels(&config, &pack)?;
    let store = app::store(&config).await?;
    let manner = Manner { allow_time_travel: args.allow_time_travel, follow: args.follow };
    if args.follow && !super::is_json(output) {
        output.remark("Delivering what is due, as it comes; Ctrl-C ends it.");
    }
    let delivered = work(&config, &pack, &store, manner, output).await?;
    if super::is_json(output) {
        output.json(&json!({
            "schema_version": 1,
            "states": delivered.states,
            "troubles": delivered.troubles,
            "waiting": delivered.waiting,
            "unasked": delivered.unasked,
            "late": delivered.late,
            "paused": delivered.paused,
            "stopped": delivered.stopped,
            "far": delivered.far,
            "unconfigured": delivered.unconfigured,
        }));
    }
    let failed = tell(&delivered, output);
    tell_rest(&config, &pack, &store, &delivered, output).await?;
    Ok(if failed { Exit::Partly } else { Exit::Fine })
}

/// How a delivery goes about it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    /// Whether real people are written to although a run's time is far from the wall clock's.
    pub allow_time_travel: bool,
    /// Whether it goes on until it is told to stop.
    pub follow: bool,
}

/// Delivers everything that is due, with progress. Stops in good order when it is asked to.
pub(super) async fn work(
    config: &Config,
    pack: &Pack,
    store: &Store,
    manner: Manner,
    output: &Output,
) -> Result<Delivered, AppError> {
    let channels = app::channels(config, pack)?;
    // Who goes on logs each message instead.
    let progress = (!manner.follow).then(|| output.progress("delivered", None));
    let tell = || progress.iter().for_each(|progress| progress.advance(1));
    let wall = clock::wall;
    let halt = Halt::new(Some(config.stop.clone()));
    let worker = Worker {
        pack,
        store,
        second_look: SecondLook::In(config.source.as_deref()),
        channels: &channels,
        wall: &wall,
        allow_time_travel: manner.allow_time_travel,
        progress: Some(&tell),
        halt: &halt,
        follow: manner.follow,
    };
    let work = worker.deliver();
    tokio::pin!(work);
    tokio::select! {
        delivered = &mut work => return Ok(delivered?),
        () = told_to_stop() => halt.ask(),
    }
    tracing::info!("stopping: what is under way is finished, the rest goes back into the outbox");
    Ok(work.await?)
}

/// Returns when Ctrl-C or SIGTERM comes; never, where the system has no such thing.
async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let one = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = one(SignalKind::terminate()) => {}
        () = one(SignalKind::interrupt()) => {}
    }
}

/// Tells what a delivery did, and whether something of it went wrong. In JSON only troubles are
/// told, on stderr: stdout holds the result that was asked for.
pub(super) fn tell(delivered: &Delivered, output: &mut Output) -> bool {
    let parts: Vec<String> = OutreachState::ALL
        .iter()
        .filter_map(|state| delivered.states.get(state).map(|n| format!("{n} {}", state.name())))
        .collect();
    if !super::is_json(output) {
        match (parts.is_empty(), kept_back(delivered)) {
            (true, false) => output.text("Nothing was due to leave."),
            (true, true) => output.text("Nothing has left."),
            (false, _) => output.text(&format!("Delivery: {}.", parts.join(", "))),
        }
    }
    for trouble in &delivered.troubles {
        output.remark(&format!("  {trouble}"));
    }
    if delivered.late > 0 {
        output.remark(&format!(
            "{} had been taken over by another worker: what this one had to say was not written down.",
            counted(delivered.late, "outreach")
        ));
    }
    if delivered.unasked > 0 {
        output.remark(&format!(
            "{} stayed in the outbox: whether they still hold can't be asked now.",
            counted(delivered.unasked, "outreach")
        ));
        for why in delivered.why_unasked.iter().take(3) {
            output.remark(&format!("  {why}"));
        }
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
    let wrong = [OutreachState::Retry, OutreachState::Failed, OutreachState::Uncertain];
    wrong.iter().any(|state| delivered.states.contains_key(state)) || delivered.unasked > 0
}

/// Whether something that was due is still in the outbox.
fn kept_back(delivered: &Delivered) -> bool {
    let Delivered { waiting, unasked, paused, stopped, far, unconfigured, .. } = delivered;
    waiting + unasked + paused + stopped + far + unconfigured > 0
}

/// Tells what is still there: what waits for its time, and what is kept back, by what, and how it goes
/// on.
pub(super) async fn tell_rest(
    config: &Config,
    pack: &Pack,
    store: &Store,
    delivered: &Delivered,
    output: &mut Output,
) -> Result<(), AppError> {
    if let Some((count, first)) =
        store.later(clock::wall()).await?.filter(|_| !super::is_json(output))
    {
        let first = first.with_timezone(&pack.policy.calendar.timezone).format("%-d %b %H:%M");
        output.text(&match count {
            1 => format!("1 waits for its time, {first}."),
            _ => format!("{count} wait for their time, the first for {first}."),
        });
    }
    if delivered.stopped > 0 && config.stop.exists() {
        output.remark(&format!(
            "{} stayed in the outbox: nothing leaves while {} is there. Remove it to go on.",
            counted(delivered.stopped, "outreach"),
            config.stop.display()
        ));
    }
    if delivered.paused > 0 {
        output.remark(&format!("{} stayed in the outbox.", counted(delivered.paused, "outreach")));
    }
    if let Some(told) = super::pause::told(&store.pauses().await?) {
        output.remark(&told);
    }
    Ok(())
}
