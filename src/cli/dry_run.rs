//! `lookout dry-run`: the full decision, nothing recorded, nothing sent.

use serde_json::json;

use super::args::{DryRun, Exit, Global};
use super::decisions::Kind;
use super::output::{BOLD, Output, RESET};
use super::telling::{self, Origin};
use super::wording::plain;
use crate::app;
use crate::domain::{CustomerId, Instant, Outreach, format_instant};
use crate::pack::Pack;
use crate::pipeline::{self, Considered};
use crate::store::Store;

pub(super) async fn run(
    global: &Global,
    args: &DryRun,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    if let Some(rule) = &args.rule {
        anyhow::bail!(
            "a dry run decides all rules together, since whom one reaches depends on the others; of one rule: \
             `lookout explain CUSTOMER --rule {rule}`, or `lookout backtest --from DAY --to DAY --rule {rule}`"
        );
    }
    let config = super::config_seeing(global, &args.seen)?;
    let pack = app::pack(&config)?;
    let source = app::source(&config).await?;
    let store = app::history(&config).await?;
    let as_of = app::as_of(global.as_of, Some(&source));
    let customer = match &args.message {
        Some(named) => {
            let mut view = source.view(as_of).await?;
            Some(super::whom::find(&pack.signals, &mut view, named).await?.id)
        }
        None => None,
    };
    let rules = match args.due {
        false => pack.rules.keys().cloned().collect(),
        true => app::due(&pack, store.as_ref(), as_of).await?,
    };
    let found = super::find(
        &pack,
        &mut source.view(as_of).await?,
        as_of,
        &rules,
        None,
        store.as_ref(),
        output,
    )
    .await?;
    let considered = pipeline::consider(&pack, &found, store.as_ref(), as_of).await?;
    let unwritable = match &customer {
        Some(customer) => messages(&pack, &considered, customer, global.as_of, output),
        None => {
            let origin = Origin { source: source.describe(), history: history(store.as_ref()) };
            telling::considered(Kind::DryRun, &considered, &pack, &origin, args.all, output)
        }
    };
    let partly = unwritable || telling::partly(&considered.report);
    Ok(if partly { Exit::Partly } else { Exit::Fine })
}

/// Which history was read, in words.
pub(super) fn history(store: Option<&Store>) -> String {
    store.map_or("none yet: nobody has been contacted".to_owned(), |store| store.place().to_owned())
}

/// Prints in full what one customer would get; says whether words of it can't be written.
fn messages(
    pack: &Pack,
    considered: &Considered,
    customer: &CustomerId,
    asked: Option<Instant>,
    output: &mut Output,
) -> bool {
    let speaks_to = |o: &&Outreach| o.subjects.iter().any(|s| s.customer == *customer);
    let outreaches = considered.decided.outreaches.iter().filter(speaks_to);
    let unwritable = outreaches.clone().any(|outreach| pack.message(outreach, None).is_err());
    if super::is_json(output) {
        let messages: Vec<_> = outreaches.map(|outreach| as_json(pack, outreach)).collect();
        let document =
            json!({ "schema_version": 1, "customer_id": customer, "messages": messages });
        output.json(&document);
        return unwritable;
    }
    let letters: Vec<String> = outreaches.map(|outreach| letter(pack, outreach)).collect();
    match letters.is_empty() {
        true => {
            let at =
                asked.map(|at| format!(" --as-of {}", format_instant(&at))).unwrap_or_default();
            output.text(&format!(
                "{customer} would get nothing; `lookout explain {customer}{at}` says why."
            ));
        }
        false => output.text(&letters.join("\n")),
    }
    unwritable
}

fn as_json(pack: &Pack, outreach: &Outreach) -> serde_json::Value {
    let message = pack.message(outreach, None);
    let error = message.as_ref().err().map(ToString::to_string);
    let message = message.as_ref().ok();
    json!({
        "outreach": outreach.key,
        "rule": outreach.rule,
        "channel": outreach.channel,
        "address": outreach.address,
        "assign": outreach.assign,
        "locale": message.map(|m| &m.locale),
        "subject": message.map(|m| &m.subject),
        "text": message.map(|m| &m.text),
        "html": message.map(|m| &m.html),
        "error": error,
    })
}

/// One message or task, in full, as a person reads it.
pub(super) fn letter(pack: &Pack, outreach: &Outreach) -> String {
    let to = outreach
        .address
        .clone()
        .or(outreach.assign.clone())
        .unwrap_or("no one in particular".to_owned());
    let head = format!("{} to {}, from the rule {}", outreach.channel, plain(&to), outreach.rule);
    match pack.message(outreach, None) {
        Ok(message) => {
            let locale = match message.locale.as_str() {
                "" => String::new(),
                locale => format!(", in {locale}"),
            };
            let text = indent(message.text.trim_end());
            format!("{head}{locale}\n\n  {BOLD}{}{RESET}\n\n{text}\n", plain(&message.subject))
        }
        Err(error) => format!("{head}\n\nThe words can't be written: {error}\n"),
    }
}

/// Text set in by two blanks, as a letter is shown.
pub(super) fn indent(text: &str) -> String {
    let line =
        |line: &str| if line.is_empty() { String::new() } else { format!("  {}", plain(line)) };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
