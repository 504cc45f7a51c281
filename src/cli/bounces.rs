//! `lookout bounces`: take in what mail servers and mailbox providers report.

use std::fs::File;
use std::path::Path;

use serde_json::json;

use super::args::{Bounces, Exit, Global};
use super::output::Output;
use super::wording::counted;
use crate::app;
use crate::clock;
use crate::reports::{Tally, mailbox};
use crate::store::Store;

pub(super) async fn run(
    global: &Global,
    args: &Bounces,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let piped = args.from.as_os_str() == "-";
    match work(global, args, piped, output).await {
        // Whatever is wrong here, the mail server keeps the report and brings it again.
        Err(error) if piped => {
            super::tell(error, output);
            Ok(Exit::TryAgain)
        }
        done => done.map(|()| Exit::Fine),
    }
}

async fn work(
    global: &Global,
    args: &Bounces,
    piped: bool,
    output: &mut Output,
) -> anyhow::Result<()> {
    let config = super::config(global)?;
    let store = app::store(&config).await?;
    let mut tally = Tally::default();
    let from = args.from.as_path();
    if piped {
        take_in(&mut tally, std::io::stdin().lock(), &store).await?;
    } else if from.is_dir() {
        folder(&mut tally, from, &store, output).await?;
    } else {
        let file = File::open(from).map_err(|error| unreadable(from, &error))?;
        take_in(&mut tally, file, &store).await?;
    }
    if super::is_json(output) {
        let mut told = serde_json::to_value(tally)?;
        told["schema_version"] = json!(1);
        output.json(&told);
    } else {
        output.text(&told(&tally));
        if tally.not_understood > 0 && from.is_dir() {
            let there = from.join("not-understood");
            output.remark(&format!(
                "What was not understood is in {}, for a person to read.",
                there.display()
            ));
        }
    }
    Ok(())
}

async fn folder(
    tally: &mut Tally,
    folder: &Path,
    store: &Store,
    output: &Output,
) -> anyhow::Result<()> {
    let waiting = mailbox::waiting(folder).map_err(|error| unreadable(folder, &error))?;
    let progress = output.progress("reports read", Some(waiting.len() as u64));
    for message in waiting {
        let file = match File::open(&message) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unreadable(&message, &error)),
        };
        let understood = take_in(tally, file, store).await?;
        mailbox::file_away(folder, &message, understood).map_err(|error| {
            anyhow::anyhow!(
                "{} can't be moved aside: {error}; it was taken in, and taking it in again changes \
                 nothing",
                message.display()
            )
        })?;
        progress.advance(1);
    }
    Ok(())
}

async fn take_in(
    tally: &mut Tally,
    message: impl std::io::Read,
    store: &Store,
) -> anyhow::Result<bool> {
    let bytes = mailbox::bytes(message)?;
    Ok(tally.take_in(&bytes, store, clock::wall()).await?)
}

fn unreadable(path: &Path, error: &std::io::Error) -> anyhow::Error {
    anyhow::anyhow!(
        "{} can't be read: {error}; name a message, a folder of messages, or -",
        path.display()
    )
}

/// What the messages said, in one line.
fn told(tally: &Tally) -> String {
    let Tally { failed, suppressed, delayed, delivered, complaints, automatic, .. } = *tally;
    let parts = [
        (failed, "failed".to_owned()),
        (delayed, "delayed".to_owned()),
        (delivered, "delivered".to_owned()),
        (complaints, if complaints == 1 { "complaint" } else { "complaints" }.to_owned()),
        (
            automatic,
            if automatic == 1 { "automatic answer" } else { "automatic answers" }.to_owned(),
        ),
        (tally.not_understood, "not understood".to_owned()),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if parts.is_empty() {
        return "No reports.".to_owned();
    }
    let known = match tally.known {
        0 => String::new(),
        known => format!("; {known} known already"),
    };
    let suppressed = match suppressed {
        0 => String::new(),
        suppressed => format!("; {suppressed} suppressed from now on"),
    };
    format!("{}: {}{known}{suppressed}.", counted(tally.messages, "message"), parts.join(", "))
}
