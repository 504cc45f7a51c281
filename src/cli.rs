//! The commands, one file each, and what they have in common: the configuration, the exit code,
//! and how a failure is told. Nothing is decided here.

pub mod args;
mod addresses;
mod apply;
mod approve;
mod backtest;
mod bounces;
mod check;
pub mod decisions;
mod definitions;
mod deliver;
mod demo;
pub mod diagnostics;
mod dry_run;
mod erase;
mod file;
pub mod explain;
mod history;
mod init;
mod listen;
pub mod listings;
mod outbox;
mod pause;
pub mod output;
mod plan;
mod preview;
mod run;
mod snapshot;
mod suppress;
mod tables;
mod tasks;
mod telling;
mod test;
mod unsuppress;
mod unwritable;
mod whom;
pub mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use args::{Args, Command, Exit, Format, Global};
use output::Output;

use crate::app::{self, AppError};
use crate::config::{Config, ConfigError};
use crate::deliver::DeliverError;
use crate::domain::{Consent, CustomerId, Instant, RuleId, nearest};
use crate::pack::{Pack, PackRule};
use crate::pipeline::{Found, RunError};
use crate::policy::Topic;
use crate::signals::{SourceError, View};
use crate::store::{Store, StoreError};

/// Does what the command line says, and tells how it ended.
pub async fn run(args: Args) -> Exit {
    let mut output = Output::new(args.global.format);
    let exit = match dispatch(&args, &mut output).await {
        Ok(exit) => exit,
        Err(error) => tell(error, &mut output),
    };
    match output.finish() {
        Ok(()) => exit,
        Err(_) => Exit::Partly,
    }
}

async fn dispatch(args: &Args, output: &mut Output) -> anyhow::Result<Exit> {
    let global = &args.global;
    anyhow::ensure!(
        global.as_of.is_none() || args.command.looks_at_an_instant(),
        "--as-of has nothing to say here: cases have their own `as_of`, and the books go by the clock. \
         Leave it out; `lookout run --as-of` goes on from a later instant"
    );
    match &args.command {
        Command::Demo(demo) => demo::run(demo, output).await,
        Command::Init(init) => init::run(init, output),
        Command::Check(check) => check::run(global, check, output).await,
        Command::Definitions(definitions) => definitions::run(global, definitions, output).await,
        Command::Test(test) => test::run(global, test, output).await,
        Command::Preview(preview) => preview::run(global, preview, output).await,
        Command::Snapshot(snapshot) => snapshot::run(global, snapshot, output).await,
        Command::DryRun(dry_run) => dry_run::run(global, dry_run, output).await,
        Command::Plan(plan) => plan::run(global, plan, output).await,
        Command::Apply(apply) => apply::run(global, apply, output).await,
        Command::Explain(explain) => explain::run(global, explain, output).await,
        Command::History(history) => history::run(global, history, output).await,
        Command::Backtest(args) => backtest::run(global, args, output).await,
        Command::Run(run) => run::run(global, run, output).await,
        Command::Deliver(deliver) => deliver::run(global, deliver, output).await,
        Command::Outbox(outbox) => outbox::run(global, outbox, output).await,
        Command::Pause(args) => pause::pause(global, args, output).await,
        Command::Resume(args) => pause::resume(global, args, output).await,
        Command::Tasks(tasks) => tasks::run(global, tasks, output).await,
        Command::Approve(approve) => approve::run(global, approve, output).await,
        Command::Suppress(suppress) => suppress::run(global, suppress, output).await,
        Command::Unsuppress(args) => unsuppress::run(global, args, output).await,
        Command::Erase(args) => erase::run(global, args, output).await,
        Command::Bounces(args) => bounces::run(global, args, output).await,
        Command::Listen(args) => listen::run(global, args, output).await,
    }
}

/// The configuration, with the flags in it.
fn config(global: &Global) -> Result<Config, AppError> {
    Ok(Config::load(global.config.as_deref(), &global.overrides())?)
}

/// The configuration of a command that can read a snapshot in place of the database.
fn config_seeing(global: &Global, seen: &args::Seen) -> Result<Config, AppError> {
    let mut config = config(global)?;
    if let Some(file) = &seen.snapshot {
        config.source = Some(format!("snapshot:{}", file.display()));
    }
    Ok(config)
}

/// A failure in the application's words, whichever part of the program it came from.
fn known(error: anyhow::Error) -> Result<AppError, anyhow::Error> {
    error
        .downcast::<AppError>()
        .or_else(|error| error.downcast::<ConfigError>().map(AppError::from))
        .or_else(|error| error.downcast::<DeliverError>().map(AppError::from))
        .or_else(|error| error.downcast::<RunError>().map(AppError::from))
        .or_else(|error| error.downcast::<SourceError>().map(AppError::from))
        .or_else(|error| error.downcast::<StoreError>().map(AppError::from))
}

/// Tells a failure, and which exit code it has.
fn tell(error: anyhow::Error, output: &mut Output) -> Exit {
    let known = match known(error) {
        Ok(known) => known,
        Err(error) => {
            output.failure(&format!("{error:#}"));
            return Exit::Usage;
        }
    };
    match &known {
        AppError::Pack(problems) => {
            output.unusable(problems, "the pack");
            Exit::Usage
        }
        AppError::Config(ConfigError::Mistakes(problems)) => {
            output.unusable(problems, "the configuration");
            Exit::Usage
        }
        AppError::Source(SourceError::Signals(problems)) => {
            output.unusable(problems, "the signals");
            Exit::Usage
        }
        other => {
            output.failure(&other.to_string());
            if is_unavailable(other) { Exit::Unavailable } else { Exit::Usage }
        }
    }
}

/// Whether trying again later may help.
fn is_unavailable(error: &AppError) -> bool {
    match error {
        AppError::Source(error) => error.is_unavailable(),
        AppError::Store(error) => error.is_unavailable(),
        AppError::NoCustomers(_) => true,
        _ => false,
    }
}

/// Refuses a folder with something in it, and makes it where it is absent.
fn new_folder(dir: &Path) -> anyhow::Result<()> {
    let taken = dir.exists() && (!dir.is_dir() || dir.read_dir()?.next().is_some());
    anyhow::ensure!(
        !taken,
        "{} is there already and not empty; name a new folder, or remove this one",
        dir.display()
    );
    std::fs::create_dir_all(dir)
        .map_err(|error| anyhow::anyhow!("{} can't be made: {error}", dir.display()))
}

/// The rules that a command is about: the one that was named, or all of them.
fn rules<'p>(pack: &'p Pack, named: Option<&str>) -> anyhow::Result<Vec<&'p PackRule>> {
    match named {
        Some(name) => Ok(vec![rule(pack, name)?]),
        None => Ok(pack.rules.values().collect()),
    }
}

/// The rule of that name; where there is none, the error says which one was probably meant.
fn rule<'p>(pack: &'p Pack, name: &str) -> anyhow::Result<&'p PackRule> {
    if let Some(rule) = pack.rules.get(&RuleId::from(name)) {
        return Ok(rule);
    }
    let names = pack.rules.keys().map(RuleId::as_str);
    match nearest(name, names.clone()) {
        Some(meant) => anyhow::bail!("the pack has no rule `{name}`; did you mean `{meant}`?"),
        None => {
            let names: Vec<&str> = names.collect();
            anyhow::bail!("the pack has no rule `{name}`; it has {}", names.join(", "))
        }
    }
}

/// Pulls and judges, with progress, and looks what is over of what `store` knows. What is seen of
/// `customer` is kept.
async fn find(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    rules: &BTreeSet<RuleId>,
    customer: Option<&CustomerId>,
    store: Option<&Store>,
    output: &Output,
) -> Result<Found, AppError> {
    let progress = output.progress("rows judged", None);
    let tell = |rows| progress.reach(rows);
    app::find(pack, view, as_of, rules, customer, store, Some(&tell)).await
}

/// The topics that no refusal reaches.
fn necessary_topics(rules: &Path) -> Vec<String> {
    let topics = topics(rules).into_iter();
    topics.filter(|(_, topic)| topic.consent == Consent::Always).map(|(name, _)| name).collect()
}

/// The topics of the policy, where there is one.
fn topics(rules: &Path) -> BTreeMap<String, Topic> {
    let policy = rules.join("policy.toml");
    match policy.is_file() {
        true => crate::policy::load(&policy, &mut Vec::new()).topics,
        false => BTreeMap::new(),
    }
}

/// The zone in which times are told: the pack's, where there is one.
fn zone(config: &Config) -> chrono_tz::Tz {
    let policy = config.rules.join("policy.toml");
    match policy.is_file() {
        true => crate::policy::load(&policy, &mut Vec::new()).calendar.timezone,
        false => chrono_tz::Tz::UTC,
    }
}

fn is_json(output: &Output) -> bool {
    output.format() == Format::Json
}
