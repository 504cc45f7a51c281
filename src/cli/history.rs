//! `lookout history`: one customer's whole story by the books, and all that the books hold about
//! them in one file. Nothing is changed.

mod events;
mod told;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::addresses;
use super::args::{Exit, Global, History, Person};
use super::file;
use super::output::Output;
use super::wording::{counted, listed, plain};
use crate::app::{self, AppError};
use crate::config::Config;
use crate::domain::{CustomerId, Outreach, Recipient, Severity};
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
        anyhow::bail!("{}", no_books(&config)?);
    };
    // The books can be told of without a pack, or where it is wrong; only the words are missing then.
    let loaded = app::pack(&config);
    let subject = subject(&config, loaded.as_ref(), &store, &args.customer, output).await?;
    let pack = loaded.ok();
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

/// That there are no books: nothing is known of anybody, which is no answer to who asks what is held.
fn no_books(config: &Config) -> anyhow::Result<String> {
    let Some(url) = &config.state else {
        anyhow::bail!(
            "no state database is named: say --state, or put [state] url into lookout.toml"
        );
    };
    Ok(format!(
        "there is no state database yet ({}), so nothing is known of anybody; if there is one, name it \
         with --state",
        crate::store::place(url)?
    ))
}

/// The first mistake of a pack, and how to see them all.
fn first_mistake(error: &AppError) -> String {
    let AppError::Pack(problems) = error else { return error.to_string() };
    let first = problems.iter().find(|problem| problem.severity == Severity::Error);
    let first = first.map(|first| {
        let line = first.place.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}; ", first.place.file.display(), first.message)
    });
    format!("{}`lookout check` shows what is wrong", first.unwrap_or_default())
}

/// Who is meant: by the company's data where they can be asked, else by what was said.
async fn subject(
    config: &Config,
    pack: Result<&Pack, &AppError>,
    store: &Store,
    named: &str,
    output: &mut Output,
) -> anyhow::Result<Subject> {
    let asked = match pack {
        Ok(pack) => by_data(config, pack, named).await,
        Err(error) => Err(anyhow::anyhow!("the pack can't be used: {}", first_mistake(error))),
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
        return Err(why.context(
            "the books hold nothing under that id or address, and the company's data don't know it",
        ));
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
    file::write_for_its_owner(file, &text)?;
    let (also, others) = others(kept);
    let rows: usize = kept.tables.values().map(Vec::len).sum();
    match super::is_json(output) {
        true => output.json(&json!({
            "schema_version": 1,
            "file": file.display().to_string(),
            "rows": rows,
            "others": others,
        })),
        false => {
            output.text(&format!(
                "{} in {}: all that the books hold about them. It is as confidential as they are.",
                counted(rows as u64, "row"),
                file.display()
            ));
            if !others.is_empty() {
                let others: Vec<String> = others.iter().map(|id| plain(id.as_str())).collect();
                output.text(&format!(
                    "{} also speak of {}, at the same address: look before you hand it out.",
                    counted(also, "row"),
                    listed(&others)
                ));
            }
        }
    }
    Ok(Exit::Fine)
}

/// How many rows are about somebody else, too, and about whom: a message to both, or one to an address
/// that they share.
fn others(kept: &Kept) -> (u64, BTreeSet<CustomerId>) {
    let (mut rows, mut others) = (0, BTreeSet::new());
    for row in kept.tables.values().flatten() {
        let own = row.get("customer_id").and_then(|id| id.as_str()).map(CustomerId::from);
        let outreach = row.get("payload").cloned().and_then(|it| serde_json::from_value(it).ok());
        let spoken_of = outreach.into_iter().flat_map(|it: Outreach| it.subjects);
        let named = own.into_iter().chain(spoken_of.map(|subject| subject.customer));
        let named: Vec<_> = named.filter(|id| !kept.customers.contains(id)).collect();
        rows += u64::from(!named.is_empty());
        others.extend(named);
    }
    (rows, others)
}
