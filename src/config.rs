//! Configuration: `lookout.toml`, overridden by `LOOKOUT_…` variables, overridden by flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// Everything that is configured, with paths made relative to the configuration's folder.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The pack.
    pub rules: PathBuf,
    /// The company's own data; only ever read.
    pub source: Option<String>,
    /// Lookout's own tables.
    pub state: Option<String>,
    /// Ways out, by name.
    pub channels: BTreeMap<String, ChannelConfig>,
}

/// One way out.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct ChannelConfig {
    /// E-mail: `smtp://`, `smtps://` or `file:FOLDER`. Any other channel: `http://` or `https://`, or `file:FOLDER`.
    pub url: String,
    /// E-mail: the sender, `Care team <care@example.com>`.
    #[serde(default)]
    pub from: Option<String>,
    /// HTTP: the method; POST where left out.
    #[serde(default)]
    pub method: Option<String>,
    /// HTTP: headers; `{{ secret }}` stands for the secret.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// HTTP: the body as a template; sees `to`, `key`, `subject`, `text`, `html`, `rule`, `customer_id`, `secret`.
    #[serde(default)]
    pub body: Option<String>,
    /// E-mail: the password of the user that the address names. HTTP: what `{{ secret }}` stands for.
    /// Set it with LOOKOUT_CHANNELS__NAME__SECRET, or …__SECRET_FILE.
    #[serde(default)]
    pub secret: Option<String>,
}
