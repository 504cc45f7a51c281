//! Configuration: `lookout.toml`, overridden by `LOOKOUT_…` variables, overridden by flags.
//! Nothing else reads the environment.

mod environment;
mod file;
mod settings;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::Problem;

pub use environment::Environment;
use settings::Settings;

/// Everything that is configured, with paths made relative to the current folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The pack; `rules` where nothing says otherwise.
    pub rules: PathBuf,
    /// The company's own data; only ever read.
    pub source: Option<String>,
    /// Lookout's own tables.
    pub state: Option<String>,
    /// While this file is there, nothing leaves: `STOP`, beside `lookout.toml`.
    pub stop: PathBuf,
    /// Ways out, by name.
    pub channels: BTreeMap<String, ChannelConfig>,
    /// How customers stop a topic.
    pub opt_out: Option<OptOutConfig>,
}

/// How customers stop a topic, and by which key erased people are known again.
#[derive(Clone, Default, PartialEq)]
pub struct OptOutConfig {
    /// Where `lookout listen` is reached from outside; empty where it was left out.
    pub url: String,
    /// The secret that signs links; empty where it was left out. Set it with LOOKOUT_OPT_OUT__KEY,
    /// or LOOKOUT_OPT_OUT__KEY_FILE.
    pub key: String,
}

impl std::fmt::Debug for OptOutConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OptOutConfig").field("url", &self.url).finish_non_exhaustive()
    }
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
    /// E-mail: a PEM file with authorities of the company's own, whose mail servers are trusted
    /// beside those of the public ones.
    #[serde(default)]
    pub ca: Option<String>,
    /// E-mail: `required` asks for STARTTLS on this machine too, where it is left out otherwise.
    #[serde(default)]
    pub tls: Option<String>,
    /// E-mail: where what comes back goes, `bounces@example.com`; each message gets
    /// `bounces+KEY@example.com` of it. Where left out, to the sender.
    #[serde(default)]
    pub bounces: Option<String>,
    /// E-mail: the name under which the domain publishes its DKIM key.
    #[serde(default)]
    pub dkim_selector: Option<String>,
    /// E-mail: the domain that signs (DKIM); the sender's where left out.
    #[serde(default)]
    pub dkim_domain: Option<String>,
    /// E-mail: the private key that signs (DKIM), PEM. Set it with
    /// LOOKOUT_CHANNELS__EMAIL__DKIM_KEY, or …__DKIM_KEY_FILE.
    #[serde(default)]
    pub dkim_key: Option<String>,
    /// HTTP: the method; POST where left out.
    #[serde(default)]
    pub method: Option<String>,
    /// HTTP: headers; `{{ secret }}` stands for the secret.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// HTTP: the body as a template; sees `to`, `key`, `subject`, `text`, `html`, `rule`, `customer_id`, `secret`.
    #[serde(default)]
    pub body: Option<String>,
    /// How many messages are under way at once; 4 where left out.
    #[serde(default)]
    pub connections: Option<String>,
    /// How many messages a worker sends in a time: `10/s`, `100/m`, `500/h`. No limit where left out.
    #[serde(default)]
    pub rate: Option<String>,
    /// The same for each domain that mail goes to.
    #[serde(default)]
    pub domain_rate: Option<String>,
    /// E-mail: the password of the user that the address names. HTTP: what `{{ secret }}` stands for.
    /// Set it with LOOKOUT_CHANNELS__NAME__SECRET, or …__SECRET_FILE.
    #[serde(default)]
    pub secret: Option<String>,
    /// HTTP: what requests are signed with after Standard Webhooks: `whsec_…`, or two of them with a
    /// space between while the old one is being replaced.
    #[serde(default)]
    pub signing_secret: Option<String>,
    /// HTTP: private networks that this channel may reach, such as `10.1.0.0/16, 127.0.0.0/8`.
    #[serde(default)]
    pub networks: Option<String>,
}

/// What flags say; it wins over the file and the environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--rules`
    pub rules: Option<PathBuf>,
    /// `--source`
    pub source: Option<String>,
    /// `--state`
    pub state: Option<String>,
}

/// How this program is called from the current folder: by its path, if it was built there, else
/// by its name.
pub fn program() -> String {
    let name = || "lookout".to_owned();
    built_here().map_or_else(name, |path| match path.components().count() {
        1 => format!("./{}", path.display()),
        _ => path.display().to_string(),
    })
}

/// How this program is called from a folder beneath the current one.
pub fn program_from(folder: &Path) -> String {
    let Some(path) = built_here() else { return "lookout".to_owned() };
    let goes_down = |part| matches!(part, std::path::Component::Normal(_));
    match folder.components().all(goes_down) {
        true => format!("{}{}", "../".repeat(folder.components().count()), path.display()),
        false => std::path::absolute(&path).unwrap_or(path).display().to_string(),
    }
}

/// The program's own path from the current folder, where it is beneath it.
fn built_here() -> Option<PathBuf> {
    let file = std::env::current_exe().ok()?;
    Some(file.strip_prefix(std::env::current_dir().ok()?).ok()?.to_owned())
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is wrong in these places.
    #[error("the configuration has {} to put right", mistakes(.0.len()))]
    Mistakes(Vec<Problem>),
    /// A variable is wrong.
    #[error("{0}")]
    Variable(String),
}

fn mistakes(count: usize) -> String {
    if count == 1 { "a mistake".to_owned() } else { format!("{count} mistakes") }
}

/// The configuration that is read where `--config` names none and it exists.
const DEFAULT_FILE: &str = "lookout.toml";

impl Config {
    /// Reads `file` (`./lookout.toml` where it is left out and exists), then the environment, then
    /// the flags; the later wins.
    ///
    /// # Errors
    /// A file that can't be read or has mistakes, all of them; an unknown or unreadable variable.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, ConfigError> {
        let default = Path::new(DEFAULT_FILE);
        let file = file.or_else(|| default.exists().then_some(default));
        Self::of(file, &Environment::of_process()?, overrides)
    }

    /// The same as [`Config::load`] with a given environment and no default file.
    ///
    /// # Errors
    /// As for [`Config::load`].
    pub fn of(
        file: Option<&Path>,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let mut settings = match file {
            Some(file) => file::read(file)?,
            None => Settings::default(),
        };
        environment.apply(&mut settings)?;
        let mut config = settings.finish()?;
        config.stop = file.and_then(Path::parent).unwrap_or(Path::new("")).join("STOP");
        if let Some(rules) = &overrides.rules {
            config.rules = rules.clone();
        }
        config.source = overrides.source.clone().or(config.source);
        config.state = overrides.state.clone().or(config.state);
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a configuration in it, and the configuration's path.
    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lookout.toml");
        std::fs::write(&file, text).unwrap();
        (folder, file)
    }

    fn of_variables<const N: usize>(variables: [(&str, &str); N]) -> Result<Config, String> {
        let read = Config::of(None, &Environment::from(variables), &Overrides::default());
        read.map_err(|error| error.to_string())
    }

    fn mistakes_in(text: &str) -> String {
        let (_folder, file) = written(text);
        let read = Config::of(Some(&file), &Environment::default(), &Overrides::default());
        let ConfigError::Mistakes(problems) = read.unwrap_err() else { panic!("no mistakes") };
        let told = problems.iter().map(|p| {
            let (line, column) = (p.place.line.unwrap(), p.place.column.unwrap());
            let width = p.place.width;
            format!("{line}:{column}+{width} [{}] {}; {}\n", p.code, p.message, p.help)
        });
        told.collect()
    }

    const WHOLE: &str = r#"
rules = "care"
[source]
url = "sqlite:data/shop.db"
[state]
url = "postgres://lookout@db/lookout"
[channels.email]
url = "smtp://care@mail.example.com"
from = "Care team <care@example.com>"
[channels.on-call]
url = "https://hooks.example.com/x"
headers = { Authorization = "Bearer {{ secret }}", X-Team = "care" }
"#;

    #[test]
    fn the_file_then_the_environment_then_flags() {
        let (folder, file) = written(WHOLE);
        let environment = Environment::from([
            ("LOOKOUT_STATE__URL", "sqlite:state.db"),
            ("LOOKOUT_CHANNELS__ON_CALL__SECRET", "s3cret"),
            ("LOOKOUT_CHANNELS__ON_CALL__HEADERS__X_TEAM", "night"),
            ("LOOKOUT_CHANNELS__SMS__URL", "https://sms.example.com"),
            ("LOOKOUT_SOURCE__URL", ""),
            ("LOOKOUT_LOG", "debug"),
            ("LOOKOUT_TEST_POSTGRES", "postgres://"),
        ]);
        let config = Config::of(Some(&file), &environment, &Overrides::default()).unwrap();
        assert_eq!(config.rules, folder.path().join("care"));
        let source = format!("sqlite:{}", folder.path().join("data/shop.db").display());
        assert_eq!(config.source, Some(source));
        assert_eq!(config.state.as_deref(), Some("sqlite:state.db"));
        let names: Vec<_> = config.channels.keys().collect();
        assert_eq!(names, ["email", "on-call", "sms"]);
        let on_call = &config.channels["on-call"];
        assert_eq!(on_call.secret.as_deref(), Some("s3cret"));
        assert_eq!(on_call.headers["X-Team"], "night");

        let flags = Overrides {
            rules: Some("elsewhere".into()),
            source: Some("snapshot:a.snap".to_owned()),
            state: None,
        };
        let config = Config::of(Some(&file), &environment, &flags).unwrap();
        assert_eq!(config.rules, Path::new("elsewhere"));
        assert_eq!(config.source.as_deref(), Some("snapshot:a.snap"));
        assert_eq!(config.state.as_deref(), Some("sqlite:state.db"));
    }

    #[test]
    fn without_anything_the_pack_is_in_rules() {
        let config = of_variables([]).unwrap();
        let usual = Config { rules: "rules".into(), stop: "STOP".into(), ..Config::default() };
        assert_eq!(config, usual);
    }

    #[test]
    fn a_secret_comes_from_a_file() {
        let (_folder, file) = written("pass word\n");
        let name = file.to_str().unwrap();
        let config = of_variables([
            ("LOOKOUT_CHANNELS__EMAIL__URL", "smtps://care@mail.example.com"),
            ("LOOKOUT_CHANNELS__EMAIL__SECRET_FILE", name),
        ]);
        assert_eq!(config.unwrap().channels["email"].secret.as_deref(), Some("pass word"));
        let twice = of_variables([
            ("LOOKOUT_STATE__URL", "sqlite:a.db"),
            ("LOOKOUT_STATE__URL_FILE", name),
        ]);
        assert!(twice.unwrap_err().starts_with("both LOOKOUT_STATE__URL and"));
        let absent = of_variables([("LOOKOUT_STATE__URL_FILE", "/nowhere/at/all")]);
        let error = absent.unwrap_err();
        assert!(error.starts_with("cannot read /nowhere/at/all, which LOOKOUT_STATE__URL_FILE"));
    }

    #[test]
    fn a_channel_says_whom_it_trusts_and_what_it_signs_with() {
        let (folder, file) = written(
            "[channels.email]\nurl = \"smtps://mail.example.com\"\nca = \"tls/own.pem\"\n\
             tls = \"required\"\n[channels.sms]\nurl = \"https://sms.example.com\"\n\
             networks = \"10.1.0.0/16\"\n",
        );
        let environment = Environment::from([("LOOKOUT_CHANNELS__SMS__SIGNING_SECRET", "whsec_x")]);
        let config = Config::of(Some(&file), &environment, &Overrides::default()).unwrap();
        let own = folder.path().join("tls/own.pem").display().to_string();
        assert_eq!(config.channels["email"].ca, Some(own));
        assert_eq!(config.channels["email"].tls.as_deref(), Some("required"));
        assert_eq!(config.channels["sms"].networks.as_deref(), Some("10.1.0.0/16"));
        assert_eq!(config.channels["sms"].signing_secret.as_deref(), Some("whsec_x"));
    }

    #[test]
    fn a_variable_that_means_nothing_is_an_error() {
        let told: Vec<String> = [
            "LOOKOUT_SOURCE_URL",
            "LOOKOUT_STATE__ULR",
            "LOOKOUT_RULE",
            "LOOKOUT_COLOUR",
            "LOOKOUT_CHANNELS__EMAIL",
            "LOOKOUT_CHANNELS__EMAIL__PASSWORD",
            "LOOKOUT_CHANNELS__EMAIL__SECRET",
        ]
        .into_iter()
        .map(|name| of_variables([(name, "x")]).unwrap_err())
        .collect();
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn every_mistake_in_the_file_is_named_at_once() {
        insta::assert_snapshot!(mistakes_in(
            r#"
rules = 7
sauce = "sqlite:shop.db"
state = "sqlite:lookout.db"
[source]
ulr = "sqlite:shop.db"
[channels.email]
url = ""
form = "care@example.com"
headers = "none"
[colours]
"#
        ));
        insta::assert_snapshot!(mistakes_in("[source\nurl = 1"));
        insta::assert_snapshot!(mistakes_in("[channels.email]\nfrom = \"care@example.com\""));
    }

    #[test]
    fn an_absent_file_is_named() {
        let absent = Path::new("no.toml");
        let read = Config::of(Some(absent), &Environment::default(), &Overrides::default());
        let ConfigError::Mistakes(problems) = read.unwrap_err() else { panic!("no mistakes") };
        assert_eq!(problems[0].place.file, absent);
        assert_eq!(problems[0].message, "this file is missing");
    }
}
