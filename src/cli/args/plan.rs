//! What can be said to `plan` and `apply`. Nothing is done here.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::commands::Seen;

/// `lookout plan`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout plan                                 what your changes since the last commit do to whom
  lookout plan --base main --markdown          the same against a branch, for a pull request
  lookout plan --base ../rules-of-today --fail-on share=5%
  lookout plan --out plan.json                 what a run would do now, to look at and apply
  lookout plan --base HEAD~1 --out plan.json   the same, with what differs in it

Both versions are decided in full on the same data, the same history and the same instant. With
--fail-on, the exit code is 1 where a limit is passed; it may be given several times.")]
pub struct Plan {
    /// What to compare the pack with: a git revision, or a folder. HEAD where left out, unless
    /// a plan is only to be written
    #[arg(long, value_name = "REV|FOLDER")]
    pub base: Option<String>,
    /// Write down what a run would do now, of the rules that are due, for `lookout apply`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What to read.
    #[command(flatten)]
    pub seen: Seen,
    /// Only the rules whose schedule is due, as `run` does and --out always
    #[arg(long)]
    pub due: bool,
    /// Print Markdown, for a comment on a pull request
    #[arg(long, conflicts_with = "format")]
    pub markdown: bool,
    /// End with exit code 1 where a customer or a colleague would notice a change (changes), where
    /// more than so many customers would (more-than=20), or more than a share of them (share=5%)
    #[arg(long, value_name = "LIMIT")]
    pub fail_on: Vec<FailOn>,
    /// Print long lists to their end
    #[arg(long)]
    pub all: bool,
}

/// How much a change may do before a check of it fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FailOn {
    /// Nothing that anybody would notice.
    Changes,
    /// To so many customers.
    MoreThan(u64),
    /// To such a share of the customers, in percent.
    Share(f64),
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || "write changes, more-than=20 or share=5%".to_owned();
        match text.split_once('=') {
            None if text == "changes" => Ok(Self::Changes),
            Some(("more-than", count)) => count.parse().map(Self::MoreThan).map_err(|_| refused()),
            Some(("share", share)) => {
                let share = share.strip_suffix('%').and_then(|share| share.parse::<f64>().ok());
                let share = share.filter(|share| (0.0..=100.0).contains(share));
                share.map(Self::Share).ok_or_else(refused)
            }
            _ => Err(refused()),
        }
    }
}

impl std::fmt::Display for FailOn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changes => f.write_str("changes"),
            Self::MoreThan(count) => write!(f, "more-than={count}"),
            Self::Share(share) => write!(f, "share={share}%"),
        }
    }
}

/// `lookout apply`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout plan --out plan.json                 first: write down what a run would do
  lookout apply plan.json                      then: do that, and nothing else

Everything in the plan is decided again on the data of now. What is no longer true, no longer
allowed or not what was planned is left out, with the reason; nothing is added, and the next
`lookout run` goes on with the rest. A plan is done once. If the pack or its policy has changed
since, it is not done at all.")]
pub struct Apply {
    /// A plan that `lookout plan --out` wrote
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Deliver to real people although the run's time is more than an hour from now
    #[arg(long)]
    pub allow_time_travel: bool,
}
