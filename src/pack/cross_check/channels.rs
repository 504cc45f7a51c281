//! The channels that policy names and those that rules write on: `contact()` finds its way only where
//! both agree. What a channel's address is belongs elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::domain::{Ask, Channel, Place, Problem, RuleId, nearest};
use crate::pack::PackRule;
use crate::policy::Policy;

/// Reports a `contact()` whose words are for channels that policy never tries.
pub(super) fn of_rule(rule: &PackRule, policy: &Policy, problems: &mut Vec<Problem>) {
    let words = rule.contact_channels();
    if words.is_empty() || words.iter().any(|channel| policy.channels.contains(channel)) {
        return;
    }
    let names = |channels: &[Channel], between: &str| {
        channels.iter().map(|channel| channel.0.as_str()).collect::<Vec<_>>().join(between)
    };
    for ask in rule.rule.asks.iter().filter(|ask| matches!(ask.ask, Ask::Contact(_))) {
        let message = format!(
            "contact() finds no way: the rule has words for {}, and policy.toml tries {}",
            names(&words, ", "),
            names(&policy.channels, ", ")
        );
        let all: Vec<Channel> = words.iter().chain(&policy.channels).cloned().collect();
        let help = format!(
            "write channels = [\"{}\"] in policy.toml, or words called {}.md",
            names(&all, "\", \""),
            policy.channels.first().map_or("email", |channel| channel.0.as_str())
        );
        problems.push(Problem::finding(ask.place.clone(), "no-way", message).help(help));
    }
}

/// Reports channels of policy that are nearly one that rules write on, and are none.
pub(super) fn of_policy(
    rules: &BTreeMap<RuleId, PackRule>,
    policy: &Policy,
    file: &Path,
    problems: &mut Vec<Problem>,
) {
    let mut used: BTreeSet<String> =
        ["email", "sms", "phone"].into_iter().map(str::to_owned).collect();
    for rule in rules.values() {
        used.extend(rule.rule.asks.iter().filter_map(|ask| match &ask.ask {
            Ask::Send(channel, _) => Some(channel.0.clone()),
            Ask::Contact(_) => None,
        }));
        used.extend(rule.contact_channels().into_iter().map(|channel| channel.0));
    }
    let caps = policy.caps.iter().filter_map(|cap| cap.channel.as_ref());
    let named: BTreeSet<&Channel> = policy.channels.iter().chain(caps).collect();
    for channel in named.into_iter().filter(|channel| !used.contains(&channel.0)) {
        let Some(meant) = nearest(&channel.0, used.iter().map(String::as_str)) else { continue };
        let message = format!("no rule writes on a channel `{channel}`");
        let problem = Problem::finding(quoted(file, &channel.0), "unknown-channel", message);
        problems.push(problem.label("not known").help(format!("did you mean \"{meant}\"?")));
    }
}

/// Where a file first has a text in quotes.
fn quoted(file: &Path, text: &str) -> Place {
    let source = std::fs::read_to_string(file).unwrap_or_default();
    let written = format!("\"{text}\"");
    match source.find(&written) {
        Some(at) => Place::at_offset(file, &source, at, written.chars().count() as u32),
        None => Place::file(file),
    }
}
