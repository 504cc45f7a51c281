//! `lookout suppress`: keep somebody from being contacted.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::args::{Exit, Global, Person, Suppress};
use super::listings::{self, SuppressionLine};
use super::output::Output;
use super::wording::{self, Times};
use crate::app::{self, AppError};
use crate::clock;
use crate::config::Config;
use crate::domain::{About, CustomerId, SuppressionCause};
use crate::opt_out::ERASED;
use crate::signals::Wanted;
use crate::store::{NewSuppression, SuppressionRow};

pub(super) async fn run(
    global: &Global,
    args: &Suppress,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    if args.list {
        let rows = match app::history(&config).await? {
            Some(store) => store.suppressions().await.map_err(AppError::from)?,
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
    let rows: Vec<_> = people.iter().map(|person| suppression(person, args)).collect();
    let changed = store.suppress(&rows, clock::wall()).await.map_err(AppError::from)?;
    let words = Change {
        done: "will not be contacted any more",
        before: "suppressed already",
        topic: args.topic.as_deref(),
    };
    words.tell(people.len() as u64, changed, output);
    let necessary = super::necessary_topics(&config.rules);
    if changed > 0 && args.topic.is_none() && !necessary.is_empty() && !super::is_json(output) {
        let necessary = necessary.join(", ");
        output.text(&format!("What nobody can refuse goes on reaching them: {necessary}."));
    }
    if let Some(Person::Customer(customer)) = &args.person
        && let Some(source) = without(&config, customer).await
    {
        let told = wording::plain(customer.as_str());
        output.remark(&format!("{source} has no customer `{told}`; is it written as it is there?"));
    }
    Ok(Exit::Fine)
}

/// The company's data, in words, if it can be asked and knows no such customer.
async fn without(config: &Config, customer: &CustomerId) -> Option<String> {
    let pack = app::pack(config).ok()?;
    let source = app::source(config).await.ok()?;
    let mut view = source.view(app::as_of(None, Some(&source))).await.ok()?;
    let nothing = BTreeSet::new();
    let examined = view.examine(&pack.signals, &nothing).await.ok()?;
    let (about, fields) = (&About::Customers, &BTreeSet::new());
    let wanted =
        Wanted { about, fields, customer: Some(customer), subjects: None, conditions: None };
    let pulled = view.pull(&pack.signals, &examined, &wanted, &mut |_| {}).await;
    (pulled.ok()?.rows == 0).then(|| source.describe())
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
    /// Tells for how many of those named something changed.
    pub(super) fn tell(&self, named: u64, changed: u64, output: &mut Output) {
        if super::is_json(output) {
            let told = json!({ "schema_version": 1, "named": named, "changed": changed });
            return output.json(&told);
        }
        let Self { done, before, topic } = self;
        let about = topic.map_or(String::new(), |topic| format!(" about {topic}"));
        let people = |count| match count {
            1 => "1 customer or address".to_owned(),
            count => format!("{count} customers or addresses"),
        };
        let unchanged = named - changed;
        let was = if unchanged == 1 { "was" } else { "were" };
        output.text(&match (changed, unchanged) {
            (0, _) => format!("Nothing changed: {} {was} {before}{about}.", people(unchanged)),
            (_, 0) => format!("{} {done}{about}.", people(changed)),
            _ => format!("{} {done}{about}; {unchanged} {was} {before}.", people(changed)),
        });
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
    let policy = rules.join("policy.toml");
    if !policy.is_file() {
        return Ok(());
    }
    let policy = crate::policy::load(&policy, &mut Vec::new());
    let known: Vec<&str> = policy.topics.keys().map(String::as_str).collect();
    anyhow::ensure!(
        known.contains(&topic),
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
    let lines: Vec<_> = rows.iter().map(as_line).collect();
    output.text(&listings::suppressions(&lines, &Times { zone, as_of: clock::current_minute() }));
}

fn as_line(row: &SuppressionRow) -> SuppressionLine {
    let suppression = &row.suppression;
    let plain = |text: &str| text.split_once(':').map_or(text, |(_, plain)| plain).to_owned();
    let hidden = |text: &str| {
        text.strip_prefix(ERASED)
            .map(|hash| format!("({})", hash.chars().take(8).collect::<String>()))
    };
    let customer = suppression.customer.as_ref().map(|id| id.as_str());
    let customer = customer.map(|id| hidden(id).unwrap_or_else(|| id.to_owned()));
    let address = suppression.recipient.as_ref().map(|to| to.0.as_str());
    let address = address.map(|to| hidden(to).unwrap_or_else(|| plain(to)));
    let who: Vec<String> = customer.into_iter().chain(address).collect();
    SuppressionLine {
        who: who.join(" "),
        topic: suppression.topic.clone(),
        cause: suppression.cause.name().to_owned(),
        since: suppression.since,
        note: row.note.clone().unwrap_or_default(),
    }
}
