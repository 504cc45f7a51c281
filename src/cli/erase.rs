//! `lookout erase`: forget somebody, and know them again only so as never to contact them.

use std::io::IsTerminal;

use serde_json::json;

use super::addresses::{self, Found, bare};
use super::args::{Erase, Exit, Global};
use super::output::Output;
use super::wording::{counted, plain};
use crate::app::{self, AppError};
use crate::clock;
use crate::config::Config;
use crate::domain::CustomerId;
use crate::opt_out::OptOut;
use crate::store::{Erasure, Store, Whom};

pub(super) async fn run(
    global: &Global,
    args: &Erase,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    anyhow::ensure!(
        OptOut::open(&config)?.is_some(),
        "whoever is erased is known again by a keyed hash, and there is no key: put [opt_out] with \
         url and key into lookout.toml, and keep the key for as long as nobody is to be contacted \
         again by mistake"
    );
    let store = app::store(&config).await?;
    let (customer, recipient) = args.person.parts();
    let data = by_data(&config, &store, customer).await?;
    let theirs = data.known.values().flatten().cloned().collect();
    let whom = Whom { customer, recipient, theirs: &theirs };
    let known = store.erasable(whom).await?;
    if let (Some(id), Ok(source)) = (customer, &data.data)
        && data.known.is_empty()
        && known.is_nothing()
    {
        anyhow::bail!(
            "nobody is known as `{}`, neither to the state database nor to {source}: nothing was \
             erased; is it written as it is there, or erased already?",
            plain(id.as_str())
        );
    }
    if !super::is_json(output) {
        output.text(&told(&known));
    }
    if !args.yes && !agreed(output)? {
        output.text("Nothing was erased.");
        return Ok(Exit::Findings);
    }
    let erased = store.erase(whom, clock::wall()).await?;
    if let Err(why) = &data.data {
        output.remark(&format!(
            "The company's data could not be asked for their addresses: {why}.\n\
             What is kept holds for their id and the addresses above. Erase each other address that \
             they have by itself: lookout erase ADDRESS"
        ));
    }
    if super::is_json(output) {
        output.json(&json!({
            "schema_version": 1,
            "customers": erased.customers.len(),
            "addresses": erased.recipients.len(),
            "outreaches": erased.outreaches,
            "withdrawn": erased.waiting,
            "tasks": erased.tasks,
            "decisions": erased.decisions,
            "suppressions": erased.suppressions,
        }));
    } else {
        output.text("Erased. Only keyed hashes are kept, and nothing goes to them any more.");
    }
    if let Err(error) = store.scrub().await {
        output.remark(&format!(
            "Traces may be left in unused parts of the file, because it could not be written anew: \
             {error}. The next `lookout erase` does it."
        ));
    }
    output.remark(
        "Erase them from your own data and from backups, too: rules go on judging whoever is there, \
         and write their decisions and tasks down.",
    );
    Ok(Exit::Fine)
}

/// Where a customer is by the company's data, if it can be asked.
async fn by_data(
    config: &Config,
    store: &Store,
    customer: Option<&CustomerId>,
) -> Result<Found, AppError> {
    match customer {
        Some(id) => Ok(addresses::of(config, store, &[id.clone()].into()).await?),
        None => Ok(Found { known: addresses::Known::new(), data: Ok(String::new()) }),
    }
}

/// Whether somebody at the terminal says yes.
fn agreed(output: &mut Output) -> anyhow::Result<bool> {
    anyhow::ensure!(
        std::io::stdin().is_terminal(),
        "nobody is there to be asked; say --yes to erase without being asked"
    );
    output.remark("This can't be undone. Erase? Type yes:");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("yes"))
}

/// What there is to erase.
fn told(known: &Erasure) -> String {
    let customers = known.customers.iter().map(|id| plain(id.as_str()).to_string());
    let addresses = known.recipients.iter().map(|to| bare(to).to_owned());
    let who: Vec<String> = customers.chain(addresses).collect();
    let waiting = match known.waiting {
        0 => String::new(),
        waiting => format!("  ({waiting} not sent yet: withdrawn)"),
    };
    let lines = [
        (known.outreaches, "outreach", waiting),
        (known.tasks, "task", "  (their words; open ones are closed)".to_owned()),
        (known.decisions, "decision", "  (who they were about)".to_owned()),
        (known.suppressions, "suppression", "  (hashes take their place)".to_owned()),
    ];
    let lines = lines.iter().filter(|(count, ..)| *count > 0);
    let lines = lines.map(|(count, what, more)| format!("  {}{more}\n", counted(*count, what)));
    let lines: String = lines.collect();
    let lines = if lines.is_empty() { "  nothing is known of them\n".to_owned() } else { lines };
    format!("To erase: {}\n{lines}", who.join(", "))
}
