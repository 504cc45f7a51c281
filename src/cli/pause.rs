//! `lookout pause` and `lookout resume`: keep messages back, and let them go again.

use serde_json::json;

use super::args::{Exit, Global, Pause, Resume};
use super::output::Output;
use super::wording::Times;
use crate::app;
use crate::clock;
use crate::config::Config;
use crate::domain::{Channel, RuleId, nearest};
use crate::store::{self, Scope};

pub(super) async fn pause(
    global: &Global,
    args: &Pause,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    if args.list {
        return list(&config, output).await;
    }
    let scope = scope(&config, args.what.as_deref())?;
    let because = args.because.as_deref().unwrap_or("somebody paused it");
    let store = app::books(&config).await?;
    let added = store.pause(&scope, because, clock::wall()).await?;
    if super::is_json(output) {
        output.json(&json!({ "schema_version": 1, "paused": scope.name(), "changed": added }));
        return Ok(Exit::Fine);
    }
    output.text(&match added {
        true => format!(
            "{} stays in the outbox from the next message on. `lookout resume{}` lets it go.",
            said(&scope),
            argument(&scope)
        ),
        false => {
            let standing = store.pauses().await?;
            let first = standing.into_iter().filter(|pause| pause.scope == scope);
            let told = told(&first.collect::<Vec<_>>()).unwrap_or_default();
            format!("Nothing changed: the first reason stays. {told}")
        }
    });
    Ok(Exit::Fine)
}

pub(super) async fn resume(
    global: &Global,
    args: &Resume,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let scope = match &args.what {
        Some(what) => Some(scope(&config, Some(what))?),
        None if args.all => None,
        None => Some(Scope::Everything),
    };
    let store = app::books(&config).await?;
    let lifted = store.resume(scope.as_ref()).await?;
    let rest = store.pauses().await?;
    if super::is_json(output) {
        let lifted: Vec<_> = lifted.iter().map(|pause| pause.scope.name()).collect();
        output.json(&json!({ "schema_version": 1, "resumed": lifted }));
        return Ok(Exit::Fine);
    }
    match lifted.as_slice() {
        [] => output.text("Nothing changed: it was not paused."),
        lifted => {
            let all = rest.iter().any(|pause| pause.scope == Scope::Everything);
            let goes_on = if all { "is not paused by itself any more" } else { "goes on" };
            for pause in lifted {
                output.text(&format!("{} {goes_on}.", said(&pause.scope)));
            }
        }
    }
    if let Some(told) = told(&rest) {
        output.text(&told);
    }
    Ok(Exit::Fine)
}

async fn list(config: &Config, output: &mut Output) -> anyhow::Result<Exit> {
    let pauses = match app::old_books(config).await? {
        Some(store) => store.pauses().await?,
        None => Vec::new(),
    };
    if super::is_json(output) {
        let pauses: Vec<_> = pauses
            .iter()
            .map(|pause| {
                let since = crate::domain::format_instant(&pause.since);
                json!({ "paused": pause.scope.name(), "because": pause.because, "since": since })
            })
            .collect();
        let stop = config.stop.exists().then(|| config.stop.display().to_string());
        output.json(&json!({ "schema_version": 1, "pauses": pauses, "stop": stop }));
        return Ok(Exit::Fine);
    }
    let times = Times { zone: super::zone(config), as_of: clock::wall() };
    let since = |pause: &store::Pause| {
        let told = told(std::slice::from_ref(pause)).unwrap_or_default();
        format!("Since {}: {told}", times.say(&pause.since))
    };
    if config.stop.exists() {
        let file = config.stop.display();
        output.text(&format!(
            "Every message is kept back by the file {file}; remove it to let them go."
        ));
    } else if pauses.is_empty() {
        output.text("Nothing is paused.");
    }
    pauses.iter().for_each(|pause| output.text(&since(pause)));
    Ok(Exit::Fine)
}

/// Every pause in a line, with its reason and the way out; none where nothing is paused.
pub(super) fn told(pauses: &[store::Pause]) -> Option<String> {
    let line = |pause: &store::Pause| {
        let because = pause.because.trim_end_matches('.');
        let way_out = match because.contains("lookout resume") {
            true => String::new(),
            false => format!(" `lookout resume{}` lets it go.", argument(&pause.scope)),
        };
        format!("{} is paused: {because}.{way_out}", said(&pause.scope))
    };
    (!pauses.is_empty()).then(|| pauses.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// What a person means: everything, a channel, or a rule.
fn scope(config: &Config, what: Option<&str>) -> anyhow::Result<Scope> {
    let Some(what) = what else { return Ok(Scope::Everything) };
    let phone = what == Channel::PHONE;
    let is_channel = phone || config.channels.contains_key(what);
    let rules = rules(config);
    let is_rule = rules.iter().any(|rule| rule == what);
    match what.split_once(':') {
        Some(("channel", channel)) => Ok(Scope::Channel(Channel(channel.to_owned()))),
        Some(("rule", rule)) => Ok(Scope::Rule(RuleId::from(rule))),
        _ if is_channel && is_rule => {
            anyhow::bail!("`{what}` is a channel and a rule; say channel:{what} or rule:{what}")
        }
        _ if is_channel => Ok(Scope::Channel(Channel(what.to_owned()))),
        _ if is_rule => Ok(Scope::Rule(RuleId::from(what))),
        _ => {
            let known =
                config.channels.keys().map(String::as_str).chain(rules.iter().map(String::as_str));
            let help = match nearest(what, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "name a channel of lookout.toml or a rule of the pack".to_owned(),
            };
            anyhow::bail!("there is no channel and no rule `{what}`; {help}")
        }
    }
}

/// The names of the pack's rules, whether the pack is right or not: a rule that is wrong is one that
/// somebody may want to pause.
fn rules(config: &Config) -> Vec<String> {
    let entries = std::fs::read_dir(&config.rules).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.path().join("rule.rhai").is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn said(scope: &Scope) -> String {
    match scope {
        Scope::Everything => "Everything".to_owned(),
        Scope::Channel(channel) => format!("The channel {channel}"),
        Scope::Rule(rule) => format!("The rule {rule}"),
    }
}

fn argument(scope: &Scope) -> String {
    match scope {
        Scope::Everything => String::new(),
        Scope::Channel(Channel(name)) => format!(" {name}"),
        Scope::Rule(rule) => format!(" {rule}"),
    }
}
