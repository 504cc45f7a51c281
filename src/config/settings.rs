//! Which settings there are, by their path. Every one is text; what a text means is the business
//! of whoever uses it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{ChannelConfig, Config, ConfigError};
use crate::domain::{Place, Problem};

/// What was set so far, by path: `["channels", "email", "url"]`.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) values: BTreeMap<Vec<String>, String>,
    /// Where the file begins each channel.
    pub(super) channels: BTreeMap<String, Place>,
}

/// What may follow a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Names {
    /// One of these names.
    Of(&'static [&'static str]),
    /// A name of the writer's own.
    Any,
    /// Nothing: the path is a setting.
    Setting,
}

/// What may follow `path`, each part of which is known itself.
pub(super) fn names(path: &[String]) -> Names {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path[..] {
        [] => Names::Of(&["rules", "source", "state", "channels", "opt_out"]),
        ["source" | "state"] => Names::Of(&["url"]),
        ["opt_out"] => Names::Of(&["url", "key"]),
        ["channels"] | ["channels", _, "headers"] => Names::Any,
        ["channels", _] => Names::Of(&[
            "url",
            "from",
            "ca",
            "tls",
            "bounces",
            "dkim_selector",
            "dkim_domain",
            "dkim_key",
            "method",
            "headers",
            "body",
            "secret",
            "signing_secret",
            "networks",
            "connections",
            "rate",
            "domain_rate",
        ]),
        _ => Names::Setting,
    }
}

/// `value` with a path in it made relative to the current folder instead of to `folder`.
pub(super) fn resolved(path: &[String], value: &str, folder: &Path) -> String {
    let names_a_file = |scheme: &&str| ["sqlite", "snapshot", "file"].contains(scheme);
    match path.last().map(String::as_str) {
        Some("rules") if path.len() == 1 => under(folder, value),
        Some("ca") if path.len() == 3 => under(folder, value),
        Some("url") => match value.split_once(':').filter(|(scheme, _)| names_a_file(scheme)) {
            Some((scheme, file)) => format!("{scheme}:{}", under(folder, file)),
            None => value.to_owned(),
        },
        _ => value.to_owned(),
    }
}

/// `path`, taken from `folder`.
pub(super) fn under(folder: &Path, path: &str) -> String {
    folder.join(path).to_string_lossy().into_owned()
}

impl Settings {
    /// What was set, as the rest of the program wants it.
    ///
    /// # Errors
    /// A channel without a URL.
    pub(super) fn finish(self) -> Result<Config, ConfigError> {
        let mut config = Config { rules: PathBuf::from("rules"), ..Config::default() };
        for (path, value) in &self.values {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match path[..] {
                ["rules"] => config.rules = PathBuf::from(value),
                ["source", "url"] => config.source = Some(value.clone()),
                ["state", "url"] => config.state = Some(value.clone()),
                ["opt_out", name] => {
                    let opt_out = config.opt_out.get_or_insert_default();
                    match name {
                        "url" => opt_out.url = value.clone(),
                        _ => opt_out.key = value.clone(),
                    }
                }
                ["channels", channel, ref rest @ ..] => {
                    let channel = config.channels.entry(channel.to_owned()).or_default();
                    channel.set(rest, value.clone());
                }
                _ => {}
            }
        }
        for channel in self.channels.keys() {
            config.channels.entry(channel.clone()).or_default();
        }
        match config.channels.iter().find(|(_, channel)| channel.url.is_empty()) {
            None => Ok(config),
            Some((name, _)) => Err(self.without_url(name)),
        }
    }

    fn without_url(&self, channel: &str) -> ConfigError {
        let message = format!("the channel `{channel}` has no url");
        let help = "write where it goes: url = \"smtps://user@mail.example.com\", \
                    \"https://sms.example.com/send\" or \"file:FOLDER\"";
        match self.channels.get(channel) {
            Some(place) => ConfigError::Mistakes(vec![
                Problem::error(place.clone(), "missing-url", message).help(help),
            ]),
            None => ConfigError::Variable(format!(
                "{message}, and only a LOOKOUT_CHANNELS__ variable speaks of it; {help}"
            )),
        }
    }
}

impl ChannelConfig {
    fn set(&mut self, path: &[&str], value: String) {
        match path {
            ["url"] => self.url = value,
            ["from"] => self.from = Some(value),
            ["ca"] => self.ca = Some(value),
            ["tls"] => self.tls = Some(value),
            ["signing_secret"] => self.signing_secret = Some(value),
            ["networks"] => self.networks = Some(value),
            ["bounces"] => self.bounces = Some(value),
            ["dkim_selector"] => self.dkim_selector = Some(value),
            ["dkim_domain"] => self.dkim_domain = Some(value),
            ["dkim_key"] => self.dkim_key = Some(value),
            ["method"] => self.method = Some(value),
            ["body"] => self.body = Some(value),
            ["secret"] => self.secret = Some(value),
            ["connections"] => self.connections = Some(value),
            ["rate"] => self.rate = Some(value),
            ["domain_rate"] => self.domain_rate = Some(value),
            ["headers", header] => {
                self.headers.insert((*header).to_owned(), value);
            }
            _ => {}
        }
    }
}
