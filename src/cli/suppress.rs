//! `lookout suppress`: keep somebody from being contacted, at whichever address. Nobody's opting out
//! waits for the company's data, or fails with it.

mod taken_in;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::addresses::{bare, shown};
use super::args::{Exit, Global, Person, Suppress};
use super::listings::{self, SuppressionLine};
use super::output::Output;
use super::wording::{Times, counted, listed, plain, shell_word};
use crate::app;
use crate::clock;
use crate::config::Config;
use crate::domain::{CustomerId, Suppression, SuppressionCause};
use crate::opt_out::ERASED;
use crate::signals;
use crate::store::{NewSuppression, SuppressionRow};
use taken_in::TakenIn;

pub(super) async fn run(
    global: &Global,
    args: &Suppress,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    if args.list {
        let rows = match app::history(&config).await? {
            Some(store) => store.suppressions().await?,
            None => Vec::new(),
        };
        list(&rows, super::zone(&config), output);
        return Ok(Exit::Fine);
    }
    if let Some(topic) = &args.topic {
        known_topic(&config.rules, topic)?;
    }
    let people = named(args.person.as_ref(), args.from.as_deref())?;
    let store = app::store(&config).await?;
    let now = clock::wall();
    let rows: Vec<_> = people.iter().map(|person| suppression(person, args)).collect();
    // In the books before anybody else is asked: whatever becomes of that, they opted out.
    let changed = store.suppress(&rows, now).await?;
    let taken_in = taken_in::take_in(&config, &store, &rows, now).await?;
    if let (Some(Person::Customer(named)), true) = (&args.person, taken_in.is_of_nobody()) {
        if super::is_json(output) {
            tell(&Told { args, named: 1, changed, taken_in: &taken_in }, output);
        }
        nobody(&config, args, named, &taken_in, output).await;
        return Ok(Exit::Findings);
    }
    tell(&Told { args, named: people.len() as u64, changed, taken_in: &taken_in }, output);
    let necessary = super::necessary_topics(&config.rules);
    if changed > 0 && args.topic.is_none() && !necessary.is_empty() && !super::is_json(output) {
        let necessary = necessary.join(", ");
        output.text(&format!("What nobody can refuse goes on reaching them: {necessary}."));
    }
    taken_in.remark(output);
    Ok(Exit::Fine)
}

/// Says that nobody has that id, so that nobody is kept from being contacted; and who was meant.
async fn nobody(
    config: &Config,
    args: &Suppress,
    named: &CustomerId,
    taken_in: &TakenIn,
    output: &mut Output,
) {
    let source = taken_in.data.iter().flatten().next().map_or("", String::as_str);
    let id = plain(named.as_str());
    let meant = match meant(config, named).await {
        Some(meant) => {
            let id = shell_word(&plain(meant.as_str()));
            let topic = args.topic.as_deref().map(shell_word);
            let topic = topic.map(|topic| format!(" --topic {topic}")).unwrap_or_default();
            format!("They have another id: lookout suppress {id}{topic}")
        }
        None => "Somebody without an id there is suppressed by their address: \
                 lookout suppress ana@example.com"
            .to_owned(),
    };
    output.failure(&format!(
        "{source} has no customer with the id `{id}`, so this keeps nobody from being contacted. It \
         is kept for when there is one.\n{meant}"
    ));
}

/// The customer of that name, if there is just one.
async fn meant(config: &Config, named: &CustomerId) -> Option<CustomerId> {
    let signals = signals::load(&config.rules.join("signals"), &mut Vec::new())?;
    let source = app::source(config).await.ok()?;
    let mut view = source.view(app::as_of(None, Some(&source))).await.ok()?;
    Some(super::whom::find(&signals, &mut view, named.as_str()).await.ok()?.id)
}

/// What `suppress` did.
struct Told<'a> {
    args: &'a Suppress,
    named: u64,
    changed: u64,
    taken_in: &'a TakenIn,
}

fn tell(told: &Told<'_>, output: &mut Output) {
    let Told { args, named, changed, taken_in } = told;
    if super::is_json(output) {
        let unread = taken_in.data.as_ref().and_then(|data| data.as_ref().err());
        return output.json(&json!({
            "schema_version": 1,
            "named": named,
            "changed": changed,
            "addresses": taken_in.new,
            "unread": unread,
            "unknown": taken_in.unknown,
        }));
    }
    let words = Change {
        done: "will not be contacted any more",
        before: "suppressed already",
        topic: args.topic.as_deref(),
    };
    output.text(&words.said(*named, *changed, taken_in.new));
    if taken_in.new > 0 {
        let theirs = match args.from {
            Some(_) => counted(taken_in.addresses.len() as u64, "address"),
            None => {
                listed(&taken_in.addresses.iter().map(|to| bare(to).to_owned()).collect::<Vec<_>>())
            }
        };
        output.text(&format!("Nor will whoever else is at {theirs}."));
    }
}

/// Those who are named on the command line or in a file.
pub(super) fn named(person: Option<&Person>, file: Option<&Path>) -> anyhow::Result<Vec<Person>> {
    match (person, file) {
        (Some(person), _) => Ok(vec![person.clone()]),
        (None, Some(file)) => people(file),
        (None, None) => Ok(Vec::new()),
    }
}

/// The words for what was done.
pub(super) struct Change<'a> {
    /// What became of those for whom something changed.
    pub(super) done: &'static str,
    /// What the others were before.
    pub(super) before: &'static str,
    /// The one topic that it was about.
    pub(super) topic: Option<&'a str>,
}

impl Change<'_> {
    /// Says for how many of those named something changed; `more` is what changed for others.
    pub(super) fn said(&self, named: u64, changed: u64, more: u64) -> String {
        let Self { done, before, topic } = self;
        let about = topic.map_or(String::new(), |topic| format!(" about {topic}"));
        let people = |count| match count {
            1 => "1 customer or address".to_owned(),
            count => format!("{count} customers or addresses"),
        };
        let unchanged = named - changed;
        let was = if unchanged == 1 { "was" } else { "were" };
        let nothing = if more == 0 { "Nothing changed: " } else { "" };
        match (changed, unchanged) {
            (0, _) => format!("{nothing}{} {was} {before}{about}.", people(unchanged)),
            (_, 0) => format!("{} {done}{about}.", people(changed)),
            _ => format!("{} {done}{about}; {unchanged} {was} {before}.", people(changed)),
        }
    }
}

fn suppression(person: &Person, args: &Suppress) -> NewSuppression {
    let (customer, recipient) = person.parts();
    NewSuppression {
        customer: customer.cloned(),
        recipient: recipient.cloned(),
        topic: args.topic.clone(),
        cause: SuppressionCause::Refused,
        note: args.from.as_ref().map(|file| format!("from {}", file.display())),
    }
}

/// A customer or an address a line; blank lines and `#` comments don't count. One line that means
/// nothing refuses the whole list: half of it taken would look like all of it.
fn people(file: &Path) -> anyhow::Result<Vec<Person>> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| anyhow::anyhow!("{}", unreadable(file, &error)))?;
    let lines = text.lines().enumerate().map(|(n, line)| (n + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = Vec::new();
    let mut people = Vec::new();
    for (number, line) in lines {
        match line.parse::<Person>() {
            Ok(person) => people.push(person),
            Err(error) => wrong.push(format!("{}:{number}: {error}", file.display())),
        }
    }
    anyhow::ensure!(
        wrong.is_empty(),
        "nothing was changed, because of these lines:\n{}",
        wrong.join("\n")
    );
    anyhow::ensure!(
        !people.is_empty(),
        "{} names nobody; write a customer or an address a line",
        file.display()
    );
    Ok(people)
}

fn unreadable(file: &Path, error: &std::io::Error) -> String {
    let file = file.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no file {file}; check the path"),
        std::io::ErrorKind::InvalidData => format!("{file} is no UTF-8 text; save it as UTF-8"),
        _ => format!("{file} can't be read: {error}"),
    }
}

/// Refuses a topic that the pack does not have; without a pack at hand, any is taken.
pub(super) fn known_topic(rules: &Path, topic: &str) -> anyhow::Result<()> {
    if !rules.join("policy.toml").is_file() {
        return Ok(());
    }
    let known: Vec<_> = super::topics(rules).into_keys().collect();
    anyhow::ensure!(
        !known.is_empty(),
        "policy.toml names no topic that can be read, so `{topic}` can't be looked up; `lookout check` says \
         what is wrong with it. Without --topic, everything is stopped"
    );
    anyhow::ensure!(
        known.iter().any(|known| known == topic),
        "policy.toml has no topic `{topic}`; it has {}",
        known.join(", ")
    );
    Ok(())
}

fn list(rows: &[SuppressionRow], zone: chrono_tz::Tz, output: &mut Output) {
    if super::is_json(output) {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let s = &row.suppression;
                json!({
                    "customer_id": s.customer, "address": s.recipient, "topic": s.topic, "cause": s.cause,
                    "since": crate::domain::format_instant(&s.since), "note": row.note,
                })
            })
            .collect();
        return output.json(&json!({ "schema_version": 1, "suppressions": rows }));
    }
    let lines = lines(rows);
    output.text(&listings::suppressions(&lines, &Times { zone, as_of: clock::current_minute() }));
}

/// A line a suppression; what names one customer and was entered at once is one line.
fn lines(rows: &[SuppressionRow]) -> Vec<SuppressionLine> {
    let mut places = BTreeMap::new();
    let mut lines: Vec<SuppressionLine> = Vec::new();
    for row in rows {
        let who = who(row);
        let Suppression { customer, topic, cause, since, .. } = &row.suppression;
        let entered = (customer, topic, cause.name(), since, &row.note);
        let place = *places.entry(entered).or_insert(lines.len());
        match lines.get_mut(place) {
            Some(line) if customer.is_some() => line.who.extend(who.1),
            _ => lines.push(SuppressionLine {
                who: who.0.into_iter().chain(who.1).collect(),
                topic: topic.clone(),
                cause: cause.name().to_owned(),
                since: *since,
                note: row.note.clone().unwrap_or_default(),
            }),
        }
    }
    lines
}

/// The customer and the address, as people write them; the start of the hash of who was erased.
fn who(row: &SuppressionRow) -> (Option<String>, Option<String>) {
    let Suppression { customer, recipient, .. } = &row.suppression;
    let customer = customer.as_ref().map(|id| shown(id.as_str()));
    let address = recipient.as_ref().map(|to| match to.0.starts_with(ERASED) {
        true => shown(&to.0),
        false => bare(to).to_owned(),
    });
    (customer, address)
}
