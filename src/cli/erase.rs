//! `lookout erase`: forget somebody, and know them again only so as never to contact them.

use std::io::IsTerminal;

use serde_json::json;

use super::addresses::bare;
use super::args::{Erase, Exit, Global};
use super::output::Output;
use super::wording::{counted, plain};
use crate::app::{self, AppError};
use crate::clock;
use crate::opt_out::OptOut;
use crate::store::Erasure;

pub(super) async fn run(
    global: &Global,
    args: &Erase,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    anyhow::ensure!(
        OptOut::open(&config).map_err(AppError::from)?.is_some(),
        "whoever is erased is known again by a keyed hash, and there is no key: put [opt_out] with \
         url and key into lookout.toml, and keep the key for as long as nobody is to be contacted \
         again by mistake"
    );
    let store = app::store(&config).await?;
    let (customer, recipient) = args.person.parts();
    let known = store.erasable(customer, recipient).await.map_err(AppError::from)?;
    if !super::is_json(output) {
        output.text(&told(&known));
    }
    if !args.yes && !agreed(output)? {
        output.text("Nothing was erased.");
        return Ok(Exit::Findings);
    }
    let erased = store.erase(customer, recipient, clock::wall()).await.map_err(AppError::from)?;
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
