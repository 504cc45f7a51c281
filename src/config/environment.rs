//! The environment: `LOOKOUT_…` variables, read once. No other module asks for one.

use std::collections::BTreeMap;

use super::ConfigError;
use super::settings::{Names, Settings, names};
use crate::domain::nearest;

/// The variables whose name begins with `LOOKOUT_`.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

const PREFIX: &str = "LOOKOUT_";
const LOG: &str = "LOOKOUT_LOG";
/// For the project's own tests; not configuration.
const TEST_PREFIX: &str = "LOOKOUT_TEST_";

impl Environment {
    /// The variables of this process.
    ///
    /// # Errors
    /// A value that is not UTF-8.
    #[allow(clippy::disallowed_methods, reason = "the one room where the environment is read")]
    pub fn of_process() -> Result<Self, ConfigError> {
        let mut variables = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with(PREFIX) {
                let value = value.into_string().map_err(|_| {
                    ConfigError::Variable(format!("the value of {name} is not UTF-8"))
                })?;
                variables.insert(name, value);
            }
        }
        Ok(Self(variables))
    }

    /// `LOOKOUT_LOG`: what is logged, such as `info` or `lookout::store=debug`.
    pub fn log_filter(&self) -> Option<&str> {
        self.0.get(LOG).map(String::as_str).filter(|filter| !filter.trim().is_empty())
    }

    /// Puts what the variables say over `settings`. An empty one says nothing.
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<(), ConfigError> {
        let mut mistakes = Vec::new();
        let configuring = self.0.iter().filter(|(name, value)| {
            !value.is_empty() && *name != LOG && !name.starts_with(TEST_PREFIX)
        });
        for (name, value) in configuring {
            match self.setting(name, value, settings) {
                Ok((path, value)) => {
                    settings.values.insert(path, value);
                }
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(()) } else { Err(ConfigError::Variable(mistakes.join("\n"))) }
    }

    /// The path and value that a variable stands for.
    fn setting(
        &self,
        name: &str,
        value: &str,
        settings: &Settings,
    ) -> Result<(Vec<String>, String), String> {
        let Some(direct) = name.strip_suffix("_FILE") else {
            return Ok((path(name, settings)?, value.to_owned()));
        };
        if self.0.get(direct).is_some_and(|other| !other.is_empty()) {
            return Err(format!("both {direct} and {name} are set; keep one of them"));
        }
        let path = path(direct, settings)?;
        let text = std::fs::read_to_string(value)
            .map_err(|error| format!("cannot read {value}, which {name} names: {error}"))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        Ok((path, text.strip_suffix('\r').unwrap_or(text).to_owned()))
    }
}

/// The setting that a variable stands for: `LOOKOUT_CHANNELS__EMAIL__URL` is `channels.email.url`.
fn path(variable: &str, settings: &Settings) -> Result<Vec<String>, String> {
    let mut path = Vec::new();
    let parts: Vec<&str> = variable[PREFIX.len()..].split("__").collect();
    for part in parts {
        let written = match names(&path) {
            Names::Of(known) => known.iter().find(|name| name.to_uppercase() == part).copied(),
            Names::Any => None,
            Names::Setting => return Err(unknown(variable)),
        };
        match (written, names(&path)) {
            (Some(known), _) => path.push(known.to_owned()),
            (None, Names::Any) if !part.is_empty() => {
                let name = own_name(part, &path, settings);
                path.push(name);
            }
            _ => return Err(unknown(variable)),
        }
    }
    if names(&path) == Names::Setting { Ok(path) } else { Err(unknown(variable)) }
}

/// A name of the writer's own (of a channel, of a header): as the file writes it, where it does.
fn own_name(part: &str, path: &[String], settings: &Settings) -> String {
    let same = |name: &&String| name.to_uppercase().replace('-', "_") == part;
    let depth = path.len();
    let in_values = settings.values.keys().filter(|key| key.starts_with(path));
    let mut names = in_values.filter_map(|key| key.get(depth));
    let of_channels = || settings.channels.keys().filter(|_| depth == 1);
    match names.find(same).or_else(|| of_channels().find(same)) {
        Some(name) => name.clone(),
        None if depth == 1 => part.to_lowercase(),
        None => part.to_lowercase().replace('_', "-"),
    }
}

fn unknown(variable: &str) -> String {
    const KNOWN: [&str; 7] = [
        "LOOKOUT_RULES",
        "LOOKOUT_SOURCE__URL",
        "LOOKOUT_STATE__URL",
        LOG,
        "LOOKOUT_CHANNELS__…",
        "LOOKOUT_OPT_OUT__URL",
        "LOOKOUT_OPT_OUT__KEY",
    ];
    let stem = variable.strip_suffix("_FILE").unwrap_or(variable);
    // Without what every one of them begins with, which would make any two alike.
    let own = |name: &'static str| &name[PREFIX.len()..];
    let help = match nearest(&stem[PREFIX.len()..], KNOWN.map(own)) {
        Some(meant) => format!("did you mean {PREFIX}{meant}?"),
        None => format!("there are {}", KNOWN.join(", ")),
    };
    format!("{variable} is set, and Lookout knows no such variable; {help}")
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }
}
