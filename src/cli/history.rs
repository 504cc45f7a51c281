//! `lookout history`: one customer's whole story by the books, and all that the books hold about
//! them in one file. Nothing is changed.

mod events;
mod told;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::json;

use super::addresses;
use super::args::{Exit, Global, History, Person};
use super::output::Output;
use super::wording::plain;
use crate::app;
use crate::config::Config;
use crate::domain::{CustomerId, Recipient};
use crate::pack::Pack;
use crate::store::{Kept, Store, Whom};

/// Whose story it is.
struct Subject {
    customer: Option<CustomerId>,
    recipient: Option<Recipient>,
    theirs: BTreeSet<Recipient>,
    name: Option<String>,
}

pub(super) async fn run(
    global: &Global,
    args: &History,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let Some(store) = app::history(&config).await? else {
        anyhow::bail!("there is no state database yet, so nothing is held about anybody");
    };
    // The books can be told of without a pack, or where it is wrong; only the words are missing then.
    let pack = app::pack(&config).ok();
    let subject = subject(&config, pack.as_ref(), &store, &args.customer, output).await?;
    let whom = Whom {
        customer: subject.customer.as_ref(),
        recipient: subject.recipient.as_ref(),
        theirs: &subject.theirs,
    };
    let kept = store.kept(whom).await?;
    match &args.export {
        Some(file) => export(&kept, file.as_deref(), output),
        None => {
            let story = told::Story {
                kept: &kept,
                name: subject.name.as_deref(),
                named: &args.customer,
                pack: pack.as_ref(),
                books: store.place(),
                zone: super::zone(&config),
                now: crate::clock::wall(),
            };
            match super::is_json(output) {
                true => output.json(&story.json()),
                false => output.text(&story.text()),
            }
            Ok(Exit::Fine)
        }
    }
}

/// Who is meant: by the company's data where they can be asked, else by what was said.
async fn subject(
    config: &Config,
    pack: Option<&Pack>,
    store: &Store,
    named: &str,
    output: &mut Output,
) -> anyhow::Result<Subject> {
    let asked = match pack {
        Some(pack) => by_data(config, pack, named).await,
        None => Err(anyhow::anyhow!("the pack can't be used")),
    };
    let (customer, name) = match asked {
        Ok((customer, name)) => (customer, name),
        Err(why) => return unknown(store, named, why, output).await,
    };
    let found = addresses::of(config, store, &[customer.clone()].into()).await?;
    let theirs = found.known.into_values().flatten().collect();
    Ok(Subject { customer: Some(customer), recipient: None, theirs, name })
}

async fn by_data(
    config: &Config,
    pack: &Pack,
    named: &str,
) -> anyhow::Result<(CustomerId, Option<String>)> {
    let source = app::source(config).await?;
    let as_of = app::as_of(None, Some(&source));
    let mut view = source.view(as_of).await?;
    let found = super::whom::find(&pack.signals, &mut view, named).await?;
    Ok((found.id, Some(found.name).filter(|name| !name.is_empty())))
}

/// Somebody whom the company's data don't know: perhaps the books do.
async fn unknown(
    store: &Store,
    named: &str,
    why: anyhow::Error,
    output: &mut Output,
) -> anyhow::Result<Subject> {
    let Ok(person) = named.parse::<Person>() else { return Err(why) };
    let (customer, recipient) = person.parts();
    let (customer, recipient) = (customer.cloned(), recipient.cloned());
    let theirs = BTreeSet::new();
    let whom = Whom { customer: customer.as_ref(), recipient: recipient.as_ref(), theirs: &theirs };
    let kept = store.kept(whom).await?;
    if kept.is_nothing() && kept.erased_at.is_none() {
        return Err(why.context("nothing is held in the books under that id or address either"));
    }
    output.remark(&format!("The company's data don't tell who `{}` is: {why}", plain(named)));
    Ok(Subject { customer, recipient, theirs, name: None })
}

/// Writes everything into a file, or prints it.
fn export(kept: &Kept, file: Option<&Path>, output: &mut Output) -> anyhow::Result<Exit> {
    let document = json!({
        "schema_version": 1,
        "customers": kept.customers,
        "addresses": kept.recipients.iter().map(addresses::bare).collect::<Vec<_>>(),
        "erased_at": kept.erased_at.as_ref().map(crate::domain::format_instant),
        "tables": kept.tables,
    });
    let Some(file) = file else {
        output.json(&document);
        return Ok(Exit::Fine);
    };
    let text = serde_json::to_string_pretty(&document)?;
    let mut options = std::fs::OpenOptions::new();
    let made = options.write(true).create_new(true).open(file);
    let written = made.and_then(|mut made| std::io::Write::write_all(&mut made, text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow::anyhow!(
            "{} is there already, and nothing is written over it; name another file, or remove this one",
            file.display()
        ),
        ErrorKind::NotFound => anyhow::anyhow!(
            "{} can't be written: its folder does not exist; make it, or name another",
            file.display()
        ),
        _ => anyhow::anyhow!("{} can't be written: {error}", file.display()),
    })?;
    let rows: usize = kept.tables.values().map(Vec::len).sum();
    match super::is_json(output) {
        true => output.json(&json!({
            "schema_version": 1,
            "file": file.display().to_string(),
            "rows": rows,
        })),
        false => output.text(&format!(
            "{} in {}: all that the books hold about them. It is as confidential as they are.",
            super::wording::counted(rows as u64, "row"),
            file.display()
        )),
    }
    Ok(Exit::Fine)
}
