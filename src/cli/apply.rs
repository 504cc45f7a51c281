//! `lookout apply`: does what was planned, and nothing else. What a run is, this is, too: it is
//! recorded once, and delivered in the same way.

mod left_out;

use std::io::ErrorKind;

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::{Value, json};

use super::args::{Apply, Exit, Global};
use super::decisions::Kind;
use super::deliver::{self, Manner};
use super::dry_run::history;
use super::output::Output;
use super::telling::{self, Origin};
use super::wording::{Times, counted};
use crate::app::{self, AppError};
use crate::clock;
use crate::config::Config;
use crate::domain::{Instant, Refusal, RunReport, format_instant};
use crate::pack::Pack;
use crate::pipeline::Considered;
use crate::pipeline::plan::{self, Carried, Plan};
use crate::store::{Store, StoreError};

pub(super) async fn run(
    global: &Global,
    args: &Apply,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let file = args.file.display();
    let text = std::fs::read_to_string(&args.file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            anyhow::anyhow!("there is no plan {file}; `lookout plan --out {file}` writes one")
        }
        _ => anyhow::anyhow!("the plan {file} can't be read: {error}"),
    })?;
    let plan = Plan::read(&text).map_err(|error| anyhow::anyhow!("{file} {error}"))?;
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    let as_of = app::as_of(global.as_of, None);
    let before = match app::history(&config).await? {
        Some(store) => store.carried_out(&plan.plan, plan.as_of).await?,
        None => None,
    };
    // What was carried out before is told, whatever has changed since.
    if before.is_none() {
        let tries_things = global.as_of.is_some() || as_of - plan.as_of > TimeDelta::days(7);
        check_pack(&pack, &plan, args, tries_things)?;
        check_time(&plan, as_of, args)?;
        check_age(&pack, &plan, as_of, args)?;
    }
    app::channels(&config, &pack)?;
    let store = app::store(&config).await?;
    let report = carry_out(&config, &pack, &store, plan, as_of, output).await?;
    let manner = Manner { allow_time_travel: args.allow_time_travel, follow: false };
    let delivered = deliver::work(&config, &pack, &store, manner, output).await?;
    let failed = deliver::tell(&delivered, output);
    deliver::tell_rest(&config, &pack, &store, &delivered, output).await?;
    Ok(if failed || telling::partly(&report) { Exit::Partly } else { Exit::Fine })
}

/// Refuses a plan of another pack. Whoever tries things on made-up data is told the time as well.
fn check_pack(pack: &Pack, plan: &Plan, args: &Apply, tries_things: bool) -> anyhow::Result<()> {
    let changed = match plan.changed(pack).join(", ") {
        none if none.is_empty() => String::new(),
        files => format!(": {files} changed"),
    };
    let time = match tries_things {
        true => format!(" --as-of {}", format_instant(&plan.as_of)),
        false => String::new(),
    };
    anyhow::ensure!(
        plan.is_of(pack),
        "the pack is no longer the one that was planned with{changed}. Make the plan again with \
         `lookout plan --out {}{time}`, or bring the pack back to what it was",
        args.file.display()
    );
    Ok(())
}

fn check_time(plan: &Plan, as_of: Instant, args: &Apply) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.allow_time_travel || as_of <= clock::wall() + TimeDelta::hours(1),
        "--as-of lies in the future, and once it is recorded no run before it can be: every real run \
         would be refused until then. Say --allow-time-travel if that is what you want"
    );
    anyhow::ensure!(
        as_of >= plan.as_of,
        "the plan was made for {}, which is later than {}; apply it then, or make it again",
        format_instant(&plan.as_of),
        format_instant(&as_of)
    );
    Ok(())
}

/// Refuses a plan of which nothing could be done any more. Nothing is written, so that it is not used up.
fn check_age(pack: &Pack, plan: &Plan, as_of: Instant, args: &Apply) -> anyhow::Result<()> {
    let Some(last) = plan.rows.iter().map(|row| row.expires_at).max() else { return Ok(()) };
    if last >= as_of {
        return Ok(());
    }
    let times = Times { zone: pack.policy.calendar.timezone, as_of };
    anyhow::bail!(
        "this plan is too old: everything in it was to be done by {}. Make it again with `lookout plan \
         --out {}`, or, if you are trying things on made-up data, say --as-of {}",
        times.say(&last),
        args.file.display(),
        format_instant(&plan.as_of)
    )
}

/// Carries the plan out, unless it was before; tells what became of it.
async fn carry_out(
    config: &Config,
    pack: &Pack,
    store: &Store,
    plan: Plan,
    as_of: Instant,
    output: &mut Output,
) -> Result<RunReport, AppError> {
    if let Some(before) = store.carried_out(&plan.plan, plan.as_of).await? {
        return tell_before(pack, store, before, output).await;
    }
    if let Some(newest) = store.newest_run().await?.filter(|newest| *newest >= as_of) {
        return Err(match newest == as_of {
            true => StoreError::AlreadyRecorded(newest).into(),
            false => StoreError::Before(newest).into(),
        });
    }
    let source = app::source(config).await?;
    let started_at = clock::wall();
    let mut view = source.view(as_of).await?;
    let rules = plan.rules.iter().cloned().collect();
    let found = super::find(pack, &mut view, as_of, &rules, None, Some(store), output).await?;
    let same_data = plan.is_on(&source.describe(), &found);
    let planned = plan::look_up(pack, &mut view, as_of, plan, &found).await?;
    drop(view);
    match plan::carry_out(pack, &found, &planned, store, as_of, started_at).await? {
        Carried::Before(before) => tell_before(pack, store, before, output).await,
        Carried::Now(considered) => {
            let origin = Origin { source: source.describe(), history: history(Some(store)) };
            let done = Done { plan: &planned.plan, considered: &considered, same_data, as_of };
            tell(pack, &done, &origin, output);
            Ok(considered.report)
        }
    }
}

/// A run's document, with what became of the plan.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a RunReport,
    /// Whether it was carried out before, and nothing was done now.
    again: bool,
    left_out: Vec<Value>,
}

/// A plan that was carried out just now.
struct Done<'a> {
    plan: &'a Plan,
    considered: &'a Considered,
    /// Whether the data are what they were when it was made.
    same_data: bool,
    as_of: Instant,
}

/// Tells a plan that was carried out just now: first what was left out.
fn tell(pack: &Pack, done: &Done<'_>, origin: &Origin, output: &mut Output) {
    let Done { considered, as_of, .. } = *done;
    let report = &considered.report;
    if super::is_json(output) {
        let left_out = considered.became.left_out.iter().map(|left_out| {
            let (row, because) = (&left_out.row, &left_out.because);
            json!({
                "rule": row.rule, "customer_id": row.customer_id, "subject": row.subject,
                "channel": row.channel, "because": because.code(), "evidence": because.evidence(),
            })
        });
        return output.json(&Told { report, again: false, left_out: left_out.collect() });
    }
    let times = Times { zone: pack.policy.calendar.timezone, as_of };
    output.text(&left_out::text(pack, done, &times));
    telling::considered(Kind::Applied, considered, pack, origin, false, output);
    let is_outside = |refusal: &Refusal| *refusal == Refusal::NotPlanned { changed: None };
    let outside = report.decisions.iter().filter_map(|d| d.refusal.as_ref());
    let outside = outside.filter(|refusal| is_outside(refusal)).count() as u64;
    if outside > 0 {
        output.text(&format!(
            "{} would go out as well, but not by this plan: the next `lookout run` decides on that.",
            counted(outside, "candidate")
        ));
    }
}

/// Tells that a plan was carried out before.
async fn tell_before(
    pack: &Pack,
    store: &Store,
    before: Instant,
    output: &mut Output,
) -> Result<RunReport, AppError> {
    let report = store.recorded(before).await?.ok_or(StoreError::AlreadyRecorded(before))?;
    if super::is_json(output) {
        output.json(&Told { report: &report, again: true, left_out: Vec::new() });
        return Ok(report);
    }
    let zone = pack.policy.calendar.timezone;
    output.text(&format!(
        "This plan was carried out before, by the run as of {}. A plan is carried out once: nothing \
         is decided again, and what is still due in the outbox leaves now. What it left out, or what is \
         new, is decided by the next `lookout run`, or by a new plan.",
        Times { zone, as_of: before }.say(&before)
    ));
    Ok(report)
}
