//! `lookout demo`: the whole story on Northwind, in a fresh folder, with mail written to files.
//! It is an ordinary run of an ordinary pack: nothing here knows what the rules find.

use std::path::Path;

use super::args::{Demo, Exit};
use super::decisions::Kind;
use super::deliver::Manner;
use super::listings::{self, TaskLine};
use super::output::{BOLD, Output, RESET};
use super::telling::{self, Origin};
use super::wording::Times;
use crate::app::{self, AppError};
use crate::clock;
use crate::config::{Config, Environment, Overrides};
use crate::demo;
use crate::domain::{Channel, Instant, Outreach, parse_instant};
use crate::pack::Pack;
use crate::pipeline::{self, Considered};
use crate::store::{Store, TaskFilter};

/// The morning after Northwind's last order.
const AS_OF: &str = "1998-05-07T09:00:00Z";

pub(super) async fn run(args: &Demo, output: &mut Output) -> anyhow::Result<Exit> {
    super::new_folder(&args.dir)?;
    demo::unpack(&args.dir)?;
    let environment = Environment::default();
    let config =
        Config::of(Some(&args.dir.join("lookout.toml")), &environment, &Overrides::default());
    let config = config?;
    let as_of = parse_instant(AS_OF).ok_or_else(|| anyhow::anyhow!("{AS_OF} is no instant"))?;
    let pack = app::pack(&config)?;
    let store = app::store(&config).await?;
    let source = app::source(&config).await?;
    let origin = Origin { source: source.describe(), history: super::dry_run::history(None) };
    let started_at = clock::wall();
    let rules = pack.rules.keys().cloned().collect();
    let found = super::find(
        &pack,
        &mut source.view(as_of).await?,
        as_of,
        &rules,
        None,
        Some(&store),
        output,
    )
    .await?;
    let considered = pipeline::commit(&pack, &found, &store, as_of, started_at).await?;
    if super::is_json(output) {
        telling::considered(Kind::Run, &considered, &pack, &origin, false, output);
        super::deliver::work(&config, &pack, &store, Manner::default(), output).await?;
        return Ok(Exit::Fine);
    }
    output.text(&opening(&args.dir));
    telling::considered(Kind::Run, &considered, &pack, &origin, false, output);
    let delivered = super::deliver::work(&config, &pack, &store, Manner::default(), output).await?;
    output.text("");
    let failed = super::deliver::tell(&delivered, output);
    output.text(&tasks(&store, &pack, as_of).await?);
    output.text(&one_message(&pack, &considered));
    output.text(&next(&args.dir));
    Ok(if failed { Exit::Partly } else { Exit::Fine })
}

fn opening(dir: &Path) -> String {
    format!(
        "{BOLD}Northwind Traders{RESET}, a sample company with real-shaped orders from 1996 to 1998, is in {dir}/.\n\
         Northwind has no e-mail addresses, log-ins, support tickets or consents: those are made up, from a\n\
         fixed seed and under example.com. Nothing leaves this machine.\n\n",
        dir = dir.display()
    )
}

async fn tasks(store: &Store, pack: &Pack, as_of: Instant) -> Result<String, AppError> {
    let tasks = store.tasks(TaskFilter::Open).await?;
    let times = Times { zone: pack.policy.calendar.timezone, as_of };
    let lines: Vec<TaskLine> =
        tasks.into_iter().map(|task| super::tasks::line(task, &times)).collect();
    Ok(format!("\n{}", listings::tasks(&lines, &times, false)))
}

/// The most important e-mail that went out, in full.
fn one_message(pack: &Pack, considered: &Considered) -> String {
    let mails = considered.decided.outreaches.iter().filter(|o| o.channel.0 == Channel::EMAIL);
    let told = |o: &&Outreach| (o.subjects.len(), o.priority, std::cmp::Reverse(o.key.clone()));
    match mails.max_by_key(told) {
        Some(mail) => {
            format!("\n{BOLD}One message in full{RESET}: {}", super::dry_run::letter(pack, mail))
        }
        None => String::new(),
    }
}

fn next(dir: &Path) -> String {
    let (dir, program) = (dir.display(), crate::config::program());
    let lookout = format!("{program} --config {dir}/lookout.toml");
    format!(
        "\n{BOLD}Where it all is{RESET}\n  \
         {dir}/mail/        the e-mails, one file each\n  \
         {dir}/lookout.db   what was decided, and why\n  \
         {dir}/rules/       the rules, their words and their examples\n\n\
         {BOLD}Try next{RESET}\n  \
         Why does a customer hear what they hear?\n    \
         {lookout} explain HANAR --as-of {AS_OF}\n  \
         Do the examples of every rule hold?\n    \
         {lookout} test\n  \
         What would the next morning bring? Nobody hears twice.\n    \
         {lookout} dry-run --as-of 1998-05-08T09:00:00Z\n  \
         Now change PATIENCE in {dir}/rules/stalled-order/rule.rhai from 7 to 3, and say that again:\n  \
         more orders are late. Then `test` once more: it tells which of its examples no longer holds."
    )
}
