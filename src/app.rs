//! The one place that builds concrete things from the configuration: the pack, the databases, the
//! ways out. Nothing is decided here.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, ConfigError};
use crate::deliver::{Channels, DeliverError};
use crate::domain::{Ask, CustomerId, Instant, Problem, RuleId};
use crate::opt_out::OptOut;
use crate::pack::{self, Pack};
use crate::pipeline::{self, Found, RunError, Watch};
use crate::scheduler;
use crate::signals::{Source, SourceError, View};
use crate::store::{Store, StoreError};

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pack has errors.
    #[error("the pack can't be used")]
    Pack(Vec<Problem>),
    /// Something that the command needs is not configured.
    #[error("{0}")]
    NotConfigured(String),
    /// A channel is configured wrongly.
    #[error(transparent)]
    Channels(#[from] DeliverError),
    /// The company's data can't be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The state database can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The company's data has no customers any more.
    #[error("{0}")]
    NoCustomers(String),
}

impl From<RunError> for AppError {
    fn from(error: RunError) -> Self {
        let said = error.to_string();
        match error {
            RunError::Source(error) => Self::Source(error),
            RunError::Store(error) => Self::Store(error),
            RunError::Customers(problems) => Self::Pack(problems),
            RunError::NoCustomers(_) => Self::NoCustomers(said),
        }
    }
}

/// The pack, without errors; its findings are `check`'s business.
///
/// # Errors
/// Every problem of a pack that has errors.
pub fn pack(config: &Config) -> Result<Pack, AppError> {
    let loaded = pack::load(&config.rules);
    loaded.pack.ok_or(AppError::Pack(loaded.problems))
}

/// The company's data.
///
/// # Errors
/// When it is not configured or can't be opened.
pub async fn source(config: &Config) -> Result<Source, AppError> {
    let url = config.source.as_ref().ok_or_else(|| {
        AppError::NotConfigured(
            "no database to read from: say --source sqlite:shop.db, or put [source] url into lookout.toml".to_owned(),
        )
    })?;
    Ok(Source::open(url).await?)
}

/// The state database, made where there is none.
///
/// # Errors
/// When it is not configured or can't be opened, or people were erased from it by another key.
pub async fn store(config: &Config) -> Result<Store, AppError> {
    let opt_out = OptOut::open(config)?;
    Ok(books(config).await?.recognising(opt_out).await?)
}

/// The state database for what only holds back or settles: nobody has to be recognised in it, so no
/// secret can be missing where somebody wants it to stop.
///
/// # Errors
/// When it is not configured or can't be opened.
pub async fn books(config: &Config) -> Result<Store, AppError> {
    let store = Store::open(state_url(config)?).await?;
    if store.pause_if_restored(crate::clock::wall()).await? {
        tracing::warn!("the state database was restored from a backup; everything is paused");
    }
    Ok(store)
}

/// The state database for a command that only reads: `None` where there is none yet, or none is configured.
///
/// # Errors
/// When there is one and it can't be opened.
pub async fn history(config: &Config) -> Result<Option<Store>, AppError> {
    let opt_out = OptOut::open(config)?;
    match old_books(config).await? {
        Some(store) => Ok(Some(store.recognising(opt_out).await?)),
        None => Ok(None),
    }
}

/// The same where nobody has to be recognised.
///
/// # Errors
/// When there is one and it can't be opened.
pub async fn old_books(config: &Config) -> Result<Option<Store>, AppError> {
    let Some(url) = &config.state else { return Ok(None) };
    Ok(Store::open_existing(url).await?)
}

fn state_url(config: &Config) -> Result<&str, AppError> {
    config.state.as_deref().ok_or_else(|| {
        AppError::NotConfigured(
            "no state database: say --state sqlite:lookout.db, or put [state] url into lookout.toml".to_owned(),
        )
    })
}

/// The ways out; every channel that a rule names must be among them.
///
/// # Errors
/// A channel that is configured wrongly, or not at all.
pub fn channels(config: &Config, pack: &Pack) -> Result<Channels, AppError> {
    let channels = Channels::open(&config.channels)?;
    for (id, rule) in &pack.rules {
        for ask in &rule.rule.asks {
            let Ask::Send(channel, _) = &ask.ask else { continue };
            if !channel.is_task() && !config.channels.contains_key(&channel.0) {
                return Err(AppError::NotConfigured(no_channel(id, &channel.0)));
            }
        }
        for channel in pack.policy.channels.iter().filter(|c| rule.contact_channels().contains(c)) {
            let used = rule.rule.asks.iter().any(|ask| matches!(ask.ask, Ask::Contact(_)));
            if used && !channel.is_task() && !config.channels.contains_key(&channel.0) {
                return Err(AppError::NotConfigured(no_channel(id, &channel.0)));
            }
        }
    }
    Ok(channels)
}

fn no_channel(rule: &RuleId, channel: &str) -> String {
    format!(
        "the rule `{rule}` sends by {channel}, but there is no [channels.{channel}] in lookout.toml; \
         add it with a url, or take {channel} out of the rule"
    )
}

/// The rules whose schedule is due; without a history, none was ever evaluated.
///
/// # Errors
/// When the state database can't be read.
pub async fn due(
    pack: &Pack,
    store: Option<&Store>,
    as_of: Instant,
) -> Result<BTreeSet<RuleId>, AppError> {
    let last = match store {
        Some(store) => store.last_evaluated().await?,
        None => BTreeMap::new(),
    };
    let zone = pack.policy.calendar.timezone;
    Ok(scheduler::due(&pack.schedules(), &last, as_of, zone))
}

/// Pulls and judges, and looks what is over of what `store` knows. What is seen of `customer` is kept;
/// `progress` is told how many rows were judged so far.
///
/// # Errors
/// When the company's data or the state database can't be read.
pub async fn find(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    rules: &BTreeSet<RuleId>,
    customer: Option<&CustomerId>,
    store: Option<&Store>,
    progress: Option<&(dyn Fn(u64) + Sync)>,
) -> Result<Found, AppError> {
    let memory = match store {
        Some(store) => Some(store.memory().await?),
        None => None,
    };
    let watch = Watch { progress, customer, memory: memory.as_ref(), nobody_else: false };
    let mut found = pipeline::find(pack, view, as_of, rules, watch).await?;
    if let Some(store) = store {
        pipeline::look_back(pack, view, as_of, store, &mut found).await?;
    }
    Ok(found)
}

/// The run's instant: what was said, or what the snapshot was taken at, or the current minute.
pub fn as_of(said: Option<Instant>, source: Option<&Source>) -> Instant {
    said.or_else(|| source.and_then(Source::snapshot_as_of))
        .unwrap_or_else(crate::clock::current_minute)
}
