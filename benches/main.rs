//! `just bench`: what Lookout promises about speed and memory, measured beside its rivals in one run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod deliver;
mod dry_run;
mod evaluate;
mod goal;
mod machine;
mod record;
mod send;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use goal::Goal;

/// What Lookout promises about speed and memory, beside its rivals
///
/// Without a command, everything that has a goal is measured, and one table holds it all. With
/// LOOKOUT_BENCH_POSTGRES set to a server's address, that server is measured too, in databases of
/// our own that are dropped in the end.
#[derive(Parser)]
#[command(name = "just bench", subcommand_value_name = "PART", disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Judging alone: rules over customers in memory
    Evaluate,
    /// Dry runs of a million customers, pulls, and memory
    DryRun,
    /// Writing down what a run decided
    Record,
    /// Sending by SMTP to a server on this machine
    Send,
    /// From the outbox to a server on this machine, every step durable
    Deliver {
        /// How many messages
        #[arg(default_value_t = DELIVERED)]
        messages: usize,
    },
    /// What a dry run grows with: customers, rules, matches, columns
    Grow,
    /// The dry run of one process, whose peak memory another one asks for
    #[command(name = dry_run::memory::SUBCOMMAND, hide = true)]
    Peak { pack: PathBuf, address: String },
}

/// Matches of the one run that is written down.
const MATCHES: usize = 100_000;
/// Messages that are sent.
const MESSAGES: usize = 5_000;
/// Messages that are brought from the outbox to a server.
const DELIVERED: usize = 20_000;
/// How often writing and sending are measured; the shortest time counts.
const ROUNDS: u32 = 3;

// As the product runs.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    #[allow(clippy::disallowed_methods, reason = "the one thing that it is told by a variable")]
    let server = std::env::var("LOOKOUT_BENCH_POSTGRES").ok();
    let server = server.as_deref();
    let tell = |what: &str| eprintln!("{what}");
    let in_memory = matches!(args.part, Some(Part::Evaluate));
    let body = match args.part {
        Some(Part::Peak { pack, address }) => {
            println!("{}", dry_run::memory::told(&pack, &address).await?);
            return Ok(());
        }
        Some(Part::Grow) => table::of_growth(&dry_run::grow(server, &tell).await?),
        Some(Part::Evaluate) => table::of_goals(&evaluate::measure(&tell).await?),
        Some(Part::DryRun) => table::of_goals(&dry_run::measure_goals(server, &tell).await?),
        Some(Part::Record) => {
            table::of_goals(&record::measure(MATCHES, ROUNDS, server, &tell).await?)
        }
        Some(Part::Send) => table::of_goals(&send::measure(MESSAGES, ROUNDS, &tell).await?),
        Some(Part::Deliver { messages }) => {
            table::of_goals(&deliver::measure(messages, ROUNDS, server, &tell).await?)
        }
        None => table::of_goals(&everything(server, &tell).await?),
    };
    println!("\n{body}\n{}", machine::described(server).await?);
    if server.is_none() && !in_memory {
        println!("\nPostgreSQL is left out: set LOOKOUT_BENCH_POSTGRES to a server's address.");
    }
    Ok(())
}

/// Every part that has a goal.
async fn everything(server: Option<&str>, tell: &dyn Fn(&str)) -> anyhow::Result<Vec<Goal>> {
    let mut goals = evaluate::measure(tell).await?;
    goals.extend(dry_run::measure_goals(server, tell).await?);
    goals.extend(record::measure(MATCHES, ROUNDS, server, tell).await?);
    goals.extend(send::measure(MESSAGES, ROUNDS, tell).await?);
    goals.extend(deliver::measure(DELIVERED, ROUNDS, server, tell).await?);
    Ok(goals)
}
