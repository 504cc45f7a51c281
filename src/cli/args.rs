//! The command line: what can be said, and its help. Nothing is done here.

mod backtest;
mod commands;
mod person;
mod plan;

use std::path::PathBuf;

use clap::{CommandFactory, Parser, ValueEnum};

use crate::config::Overrides;
use crate::domain::{Instant, parse_instant};
use chrono::SubsecRound;

pub use backtest::Backtest;
pub use commands::{
    Approve, Bounces, Check, Command, Definitions, Deliver, Demo, DryRun, Erase, Explain, History,
    Init, Listen, Outbox, Pause, Preview, Resume, Run, Save, Seen, Snapshot, Steer, Suppress,
    Tasks, Test, Unsuppress,
};
pub use person::Person;
pub use plan::{Apply, FailOn, Plan};

/// Everything that was said on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "lookout",
    version,
    about = "Reach the customers in trouble before they have to ask",
    after_help = AFTER_HELP,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100
)]
pub struct Args {
    /// Common options.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER_HELP: &str = "\
Start with `lookout demo`: it needs nothing and sends nothing.

Exit codes: 0 fine; 1 findings (failed cases, problems in the pack); 2 usage or configuration;
3 a database or server is unavailable; 4 partly failed.

Logs go to stderr: warnings, and what `deliver --follow` and `listen` do. LOOKOUT_LOG=info
says more, LOOKOUT_LOG=error less.";

/// The help of a command: what it does, how it is said, examples, and only then the options.
const PAGE: &str = "{about-with-newline}\n{usage-heading} {usage}{after-help}\n\n{all-args}";

/// The command line.
pub fn command() -> clap::Command {
    laid_out(Args::command())
}

fn laid_out(command: clap::Command) -> clap::Command {
    let inner: Vec<String> =
        command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    inner.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |inner| laid_out(inner.help_template(PAGE)))
    })
}

/// What every command understands.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Common options")]
pub struct Global {
    /// The configuration; ./lookout.toml where left out and there is one
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The pack; ./rules where nothing says otherwise
    #[arg(long, global = true, value_name = "DIR")]
    pub rules: Option<PathBuf>,
    /// Your own data, only ever read: sqlite:FILE, postgres://… or snapshot:FILE
    #[arg(long, global = true, value_name = "URL")]
    pub source: Option<String>,
    /// Lookout's own tables: sqlite:FILE or postgres://…
    #[arg(long, global = true, value_name = "URL")]
    pub state: Option<String>,
    /// As of this instant, such as 2026-03-10T10:00:00Z; now where left out
    #[arg(long, global = true, value_name = "TIME", value_parser = instant)]
    pub as_of: Option<Instant>,
    /// How results are printed: text for people, json for programs
    #[arg(long, global = true, value_enum, default_value = "text", hide_possible_values = true)]
    pub format: Format,
}

impl Global {
    /// The flags that override the configuration.
    pub fn overrides(&self) -> Overrides {
        Overrides {
            rules: self.rules.clone(),
            source: self.source.clone(),
            state: self.state.clone(),
        }
    }
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is well.
    Fine = 0,
    /// There are findings: failed cases, problems in the pack.
    Findings = 1,
    /// The command line, the configuration or the pack can't be used.
    Usage = 2,
    /// A database or server is unavailable.
    Unavailable = 3,
    /// Part of the work failed, and the rest was done.
    Partly = 4,
    /// A mail server's pipe failed for now, in the server's own words (`EX_TEMPFAIL` of sysexits).
    TryAgain = 75,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Reads `--as-of`.
fn instant(text: &str) -> Result<Instant, String> {
    // The state database keeps microseconds.
    parse_instant(text).map(|at| at.trunc_subsecs(6)).ok_or_else(|| {
        "that is no instant; write it like 1998-05-07T09:00:00Z, or 1998-05-07 for midnight UTC"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let words = std::iter::once("lookout").chain(line.split_whitespace());
        Args::try_parse_from(words).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        command().debug_assert();
    }

    #[test]
    fn the_help_reads_well() {
        let mut command = super::command().term_width(100);
        let mut pages = vec![command.render_help().to_string()];
        command.build();
        for name in [
            "dry-run",
            "plan",
            "apply",
            "run",
            "suppress",
            "unsuppress",
            "erase",
            "listen",
            "bounces",
        ] {
            let page = command.find_subcommand_mut(name).unwrap().render_help();
            pages.push(page.to_string());
        }
        insta::assert_snapshot!(pages.join("\n────────\n"));
    }

    #[test]
    fn every_command_shows_an_example_that_parses() {
        let mut command = super::command();
        command.build();
        let mut leaves = Vec::new();
        for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
            match command.get_subcommands().find(|inner| inner.get_name() != "help") {
                Some(inner) => leaves.push(inner.clone()),
                None => leaves.push(command.clone()),
            }
        }
        for command in &leaves {
            let help = command.clone().render_help().to_string();
            let examples: Vec<_> =
                help.lines().filter_map(|line| line.trim().strip_prefix("lookout ")).collect();
            assert!(!examples.is_empty(), "{help}");
            for example in examples {
                let example = example.split("  ").next().unwrap();
                assert!(parse(example).is_ok(), "{example}: {:?}", parse(example));
            }
        }
    }

    #[test]
    fn flags_may_stand_anywhere() {
        let args = parse("--source sqlite:a.db dry-run --as-of 1998-05-07T09:00:00Z --format json");
        let global = args.unwrap().global;
        assert_eq!(global.source.as_deref(), Some("sqlite:a.db"));
        assert_eq!(global.format, Format::Json);
        assert_eq!(global.as_of, parse_instant("1998-05-07T09:00:00Z"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let wrong = [
            "dry-run --as-of yesterday",
            "plan --fail-on share=5",
            "dry-run --snapshot a.snap --source sqlite:a.db",
            "dryrun",
            "run --fromat json",
            "outbox --only gone",
            "suppress",
            "suppress ALFKI --list",
            "suppress --from refused.csv ALFKI",
            "tasks --all --done 3",
        ];
        let told: Vec<_> = wrong
            .iter()
            .map(|line| format!("$ lookout {line}\n{}", parse(line).unwrap_err()))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
    }
}
