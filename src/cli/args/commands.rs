//! The commands and their own options. Each shows by an example what it is for.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::backtest::Backtest;
use super::person::Person;
use super::plan::{Apply, Plan};
use crate::domain::OutreachState;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See the whole story on a made-up company: needs nothing, sends nothing
    Demo(Demo),
    /// Start a new pack and its configuration
    Init(Init),
    /// Is the pack right? Every problem with its place, cause and cure
    Check(Check),
    /// Help an editor to complete the names that rules read and call
    Definitions(Definitions),
    /// Run the examples (cases.toml) that must hold
    Test(Test),
    /// See a rule's messages as they will look
    Preview(Preview),
    /// Keep what the signals say now in a file
    #[command(subcommand)]
    Snapshot(Snapshot),
    /// See who would get what, and why not the others; nothing is kept, nothing goes out
    DryRun(DryRun),
    /// See what a change of the pack does to whom; write down what a run would do
    Plan(Plan),
    /// Do what was planned, and nothing else
    Apply(Apply),
    /// Why does a customer hear from us, or why not?
    Explain(Explain),
    /// A customer's whole story by the books, or all that they hold about them
    History(History),
    /// Replay the pack over history: how many would have heard from us, when and why
    Backtest(Backtest),
    /// Judge what is due, write it down and deliver it; made for a cron line
    Run(Run),
    /// Deliver what is waiting, once
    Deliver(Deliver),
    /// See what is on its way, and what became of it; settle or cancel it
    Outbox(Outbox),
    /// Keep messages back: all of them, a channel's, or a rule's
    Pause(Pause),
    /// Let them go again
    Resume(Resume),
    /// See the work that waits for colleagues
    Tasks(Tasks),
    /// See what waits for approval, and let it go or take it back
    Approve(Approve),
    /// Keep somebody from being contacted
    Suppress(Suppress),
    /// Let somebody be contacted again
    Unsuppress(Unsuppress),
    /// Forget somebody for good, and never contact them again
    Erase(Erase),
    /// Answer the links by which customers stop a topic, until told to end
    Listen(Listen),
    /// Take in delivery reports and complaints
    Bounces(Bounces),
}

impl Command {
    /// Whether it looks at one instant, which `--as-of` says.
    pub fn looks_at_an_instant(&self) -> bool {
        matches!(
            self,
            Self::Check(_)
                | Self::Definitions(_)
                | Self::Preview(_)
                | Self::Snapshot(_)
                | Self::DryRun(_)
                | Self::Plan(_)
                | Self::Apply(_)
                | Self::Explain(_)
                | Self::Backtest(_)
                | Self::Run(_)
        )
    }

    /// Whether it goes on until it is told to end.
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::Listen(_) | Self::Deliver(Deliver { follow: true, .. }))
    }
}

/// `lookout demo`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lookout demo")]
pub struct Demo {
    /// A new or empty folder for the company's data, the pack and the mail
    #[arg(value_name = "DIR", default_value = "lookout-demo")]
    pub dir: PathBuf,
}

/// `lookout init`
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lookout init care")]
pub struct Init {
    /// A new or empty folder
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// A snapshot in place of the database.
#[derive(Debug, Args)]
pub struct Seen {
    /// Read this snapshot in place of the database
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    pub snapshot: Option<PathBuf>,
}

/// `lookout check`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout check                                the pack; and names and types, where lookout.toml
                                               has a [source]
  lookout check --source sqlite:shop.db        names and types by this database
  lookout check --snapshot monday.snap         the same, without the database
  lookout check --explain                      which rules are judged fast, and why not all")]
pub struct Check {
    /// Say how each rule is judged: by whole columns, or by Rhai row by row
    #[arg(long)]
    pub explain: bool,
    /// What to check names and types against.
    #[command(flatten)]
    pub seen: Seen,
}

/// `lookout definitions`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout definitions editor                   from the [source] of lookout.toml, or else from
                                               the pack and its cases
  lookout definitions editor --source sqlite:shop.db
                                               every column of this database, with its type

Files for the Rhai language server, which takes in every .rhai file of the folder that the editor
has open. Keep them beside the pack, not in it, and make them anew when the signals change.")]
pub struct Definitions {
    /// The folder for the files; what is there under their names is written anew
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// What to take columns and types from.
    #[command(flatten)]
    pub seen: Seen,
}

/// `lookout test`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout test                                 every rule
  lookout test overdue-invoice                 one rule
  lookout test --changed                       what differs from the last commit
  lookout test --changed=main --junit report.xml
  lookout test --accept                        keep the messages as they are now
  lookout test --min-coverage 80               and show what no case reaches")]
pub struct Test {
    /// Only the cases of this rule
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,
    /// Only the rules that a change since this revision touches, as in --changed=main; HEAD where
    /// none is named
    #[arg(long, value_name = "REV", num_args = 0..=1, require_equals = true,
        default_missing_value = "HEAD")]
    pub changed: Option<String>,
    /// Keep the messages of the cases with `golden = true` as they are now
    #[arg(long)]
    pub accept: bool,
    /// Show which conditions and ways of the rules no case reaches
    #[arg(long)]
    pub coverage: bool,
    /// Fail where the cases of a rule reach less than this of a hundred; implies --coverage
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub min_coverage: Option<u8>,
    /// Write the results into a file, as JUnit writes them
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
}

/// `lookout preview`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout preview overdue-invoice                   with the facts of its first case
  lookout preview overdue-invoice --customer c04    with a customer's own facts")]
pub struct Preview {
    /// The rule whose messages are shown
    #[arg(value_name = "RULE")]
    pub rule: String,
    /// Show what this customer would get
    #[arg(long, value_name = "ID")]
    pub customer: Option<String>,
    /// The page to write; RULE.html where left out
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `lookout snapshot`
#[derive(Debug, Subcommand)]
pub enum Snapshot {
    /// Write every signal's rows at an instant into one file, personal data masked
    Save(Save),
}

/// `lookout snapshot save`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout snapshot save monday.snap
  lookout snapshot save monday.snap --as-of 2026-03-09T09:00:00Z")]
pub struct Save {
    /// A new file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Keep names, addresses and notes as they are; such a file is as confidential as the database
    #[arg(long)]
    pub unmasked: bool,
}

/// `lookout dry-run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout dry-run                              who would hear from us now, and why not the others
  lookout dry-run --message c04                what c04 would read, in full
  lookout dry-run --rules rules --source sqlite:shop.db --as-of 2026-03-10T10:00:00Z")]
pub struct DryRun {
    /// What to read.
    #[command(flatten)]
    pub seen: Seen,
    /// Only the rules whose schedule is due, as `run` does
    #[arg(long)]
    pub due: bool,
    /// Refused with what helps: whom one rule reaches depends on all the others
    #[arg(long, value_name = "RULE", hide = true)]
    pub rule: Option<String>,
    /// Print in full what this customer would get
    #[arg(long, value_name = "CUSTOMER")]
    pub message: Option<String>,
    /// Print long lists to their end
    #[arg(long)]
    pub all: bool,
}

/// `lookout explain`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout explain c04                          every rule, as a run would decide now
  lookout explain dana --rule overdue-invoice  one rule, for whoever has this in the name
  lookout explain ana@example.com --run        as the newest run decided and wrote it down
  lookout explain c04 --as-of 2026-03-10T10:00:00Z
  lookout explain c04 --rule overdue-invoice --as-case
                                               as a case to keep, for cases.toml

Of an instant that a run had, the decisions are those that it wrote down; of any other, they are
evaluated: now on the books as they are, in the past on the books as they stood then. It says which.")]
pub struct Explain {
    /// The customer's id, e-mail address or name, or a part of the name
    #[arg(value_name = "CUSTOMER")]
    pub customer: String,
    /// As the newest run decided, from its own records
    #[arg(long)]
    pub run: bool,
    /// Only this rule
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Print it as a case to keep: facts and history, personal data masked, and what was decided
    #[arg(long, requires = "rule")]
    pub as_case: bool,
    /// What to read.
    #[command(flatten)]
    pub seen: Seen,
}

/// `lookout history`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout history c04                          what began and ended, what was decided, said and done
  lookout history ana@example.com --format json
  lookout history c04 --export                 every row about c04 and their addresses, as JSON
  lookout history c04 --export c04.json        the same into a new file, for a request under
                                               data-protection law")]
pub struct History {
    /// The customer's id, e-mail address or name, or a part of the name
    #[arg(value_name = "CUSTOMER")]
    pub customer: String,
    /// Everything that the books hold about them, into this new file; printed where left out
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub export: Option<Option<PathBuf>>,
}

/// `lookout run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout run                                  every few minutes, from cron
  lookout run --as-of 2026-03-10T10:00:00Z --allow-time-travel
                                               an instant long past, to real people all the same")]
pub struct Run {
    /// Deliver to real people although the run's time is more than an hour from now
    #[arg(long)]
    pub allow_time_travel: bool,
}

/// `lookout deliver`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout deliver                              what is due now
  lookout deliver --follow                     go on until Ctrl-C; several may run side by side")]
pub struct Deliver {
    /// Go on until told to stop: finish what is under way, and give back the rest
    #[arg(long)]
    pub follow: bool,
    /// Deliver to real people although a run's time is more than an hour from now
    #[arg(long)]
    pub allow_time_travel: bool,
}

/// `lookout outbox`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  lookout outbox                               everything, counted by state
  lookout outbox --only uncertain              what a person has to settle
  lookout outbox settle 3f09a1 arrived         somebody saw it in the mailbox
  lookout outbox cancel 3f09a1                 it is not to leave, now or later"
)]
pub struct Outbox {
    /// Only what is in this state: ready, sent, retry, failed, uncertain, expired, withdrawn …
    #[arg(long, value_name = "STATE", value_parser = state)]
    pub only: Option<OutreachState>,
    /// What to do with one of them.
    #[command(subcommand)]
    pub steer: Option<Steer>,
}

/// What a person decides about one outreach.
#[derive(Debug, Subcommand)]
pub enum Steer {
    /// Say what became of an outreach that is uncertain
    #[command(after_help = "Examples:
  lookout outbox settle 3f09a1 arrived         somebody saw it in the mailbox
  lookout outbox settle 3f09a1 lost            it did not arrive, and that is that
  lookout outbox settle 3f09a1 again           it did not arrive: send it again")]
    Settle {
        /// The beginning of its key, as `lookout outbox` shows it
        key: String,
        /// `arrived`; `lost`, and leave it at that; `again`: it did not arrive, send it again
        #[arg(value_parser = ["arrived", "lost", "again"])]
        word: String,
    },
    /// Keep an outreach from leaving, for good
    #[command(after_help = "Example:\n  lookout outbox cancel 3f09a1")]
    Cancel {
        /// The beginning of its key, as `lookout outbox` shows it
        key: String,
    },
}

/// `lookout pause`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout pause                                nothing leaves from the next message on
  lookout pause email --because maintenance
  lookout pause overdue-invoice                one rule
  lookout pause --list

A file called STOP beside lookout.toml does the same as `lookout pause`, without the database.")]
pub struct Pause {
    /// A channel or a rule; everything where left out
    #[arg(value_name = "CHANNEL|RULE")]
    pub what: Option<String>,
    /// Why, for those who come after you
    #[arg(long, value_name = "REASON", conflicts_with = "list")]
    pub because: Option<String>,
    /// Show what is paused
    #[arg(long, conflicts_with = "what")]
    pub list: bool,
}

/// `lookout resume`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout resume                               what was paused as a whole
  lookout resume email                         one channel
  lookout resume --all                         every pause")]
pub struct Resume {
    /// A channel or a rule; the pause of everything where left out
    #[arg(value_name = "CHANNEL|RULE")]
    pub what: Option<String>,
    /// Lift every pause
    #[arg(long, conflicts_with = "what")]
    pub all: bool,
}

/// `lookout tasks`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout tasks                                what is to be done
  lookout tasks 12                             number 12 in full: what to do, and why
  lookout tasks --take 12 --by Ana             Ana looks after number 12: it stays hers when it is
                                               solved meanwhile, where others are closed
  lookout tasks --done 12                      number 12 is done
  lookout tasks --all                          those that are done or closed, too")]
pub struct Tasks {
    /// Only this task, in full
    #[arg(value_name = "ID", conflicts_with_all = ["all", "done", "take"])]
    pub id: Option<i64>,
    /// Those that are done or closed, too
    #[arg(long, conflicts_with_all = ["done", "take"])]
    pub all: bool,
    /// Mark this task as done
    #[arg(long, value_name = "ID")]
    pub done: Option<i64>,
    /// Take this task in hand: it is yours to finish
    #[arg(long, value_name = "ID", conflicts_with = "done")]
    pub take: Option<i64>,
    /// Who takes it
    #[arg(long, value_name = "NAME", requires = "take")]
    pub by: Option<String>,
}

/// `lookout approve`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:
  lookout approve                              what is held, by rule
  lookout approve overdue-invoice              what would go out, why it is held, and one message
  lookout approve overdue-invoice --yes        let it go out at the next run
  lookout approve overdue-invoice --reject     take it back
  lookout approve --signal invoices --yes      this signal may be empty: the next run goes on",
    group = clap::ArgGroup::new("named").args(["rule", "signal"])
)]
pub struct Approve {
    /// The rule whose messages are held, or which suddenly finds nobody and rightly so
    #[arg(value_name = "RULE")]
    pub rule: Option<String>,
    /// Do it without asking
    #[arg(long, requires = "named")]
    pub yes: bool,
    /// Take them back
    #[arg(long, requires = "rule")]
    pub reject: bool,
    /// A signal that may be empty, or have empty columns, from now on
    #[arg(long, value_name = "NAME")]
    pub signal: Option<String>,
}

/// `lookout suppress`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:
  lookout suppress c04                         nothing more to c04, and to their addresses
  lookout suppress ana@example.com --topic offers
  lookout suppress --from refused.txt          a customer or address a line: who refused before
  lookout suppress --list

A customer's addresses are taken from the company's data. If it can't be read, the customer is
suppressed all the same, and a remark says what is missing. `lookout unsuppress` lifts it all.",
    group = clap::ArgGroup::new("whom").required(true)
)]
pub struct Suppress {
    /// A customer's id, an e-mail address, or a telephone number that starts with +
    #[arg(value_name = "CUSTOMER|ADDRESS", group = "whom")]
    pub person: Option<Person>,
    /// Everybody named in this file, one a line
    #[arg(long, value_name = "FILE", group = "whom")]
    pub from: Option<PathBuf>,
    /// Show who is suppressed
    #[arg(long, group = "whom", conflicts_with = "topic")]
    pub list: bool,
    /// Only for this topic; everything where left out
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
}

/// `lookout unsuppress`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:
  lookout unsuppress c04                       c04 may be contacted again, at all their addresses
  lookout unsuppress ana@example.com --topic offers",
    group = clap::ArgGroup::new("whom").required(true)
)]
pub struct Unsuppress {
    /// A customer's id, an e-mail address, or a telephone number that starts with +
    #[arg(value_name = "CUSTOMER|ADDRESS", group = "whom")]
    pub person: Option<Person>,
    /// Everybody named in this file, one a line
    #[arg(long, value_name = "FILE", group = "whom")]
    pub from: Option<PathBuf>,
    /// Only what was suppressed for just this topic
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
}

/// `lookout erase`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout erase c04                            shows what there is, and asks
  lookout erase ana@example.com --yes          erases without being asked")]
pub struct Erase {
    /// A customer's id, an e-mail address, or a telephone number that starts with +
    #[arg(value_name = "CUSTOMER|ADDRESS")]
    pub person: Person,
    /// Erase without being asked
    #[arg(long)]
    pub yes: bool,
}

/// `lookout listen`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout listen                               behind a proxy on the same machine
  lookout listen --address 0.0.0.0:8025        behind a proxy elsewhere")]
pub struct Listen {
    /// Where to listen; it speaks plain HTTP, so a proxy with TLS stands in front of it
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8025")]
    pub address: SocketAddr,
}

/// `lookout bounces`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout bounces /var/mail/bounces/Maildir    from cron: a Maildir, or a folder of files
  lookout bounces report.eml                   one message
  lookout bounces -                            one message from a mail server's pipe

Messages of a folder are moved to seen/ or not-understood/ in it. Reading one twice changes
nothing. From a pipe, every failure ends with exit code 75, so that the server brings it again.")]
pub struct Bounces {
    /// A message, a folder of messages, or - for one message on standard input
    #[arg(value_name = "FILE|FOLDER|-")]
    pub from: PathBuf,
}

fn state(text: &str) -> Result<OutreachState, String> {
    OutreachState::from_name(text).ok_or_else(|| {
        let names: Vec<_> = OutreachState::ALL.into_iter().map(OutreachState::name).collect();
        format!("there is no such state; the states are {}", names.join(", "))
    })
}

/// Reads a share of a hundred, with or without its sign.
fn percent(text: &str) -> Result<u8, String> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok();
    number
        .filter(|percent| *percent <= 100)
        .ok_or_else(|| "write a share of a hundred, from 0 to 100: 80 or 80%".to_owned())
}
