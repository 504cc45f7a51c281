//! `lookout unsuppress`: let somebody be contacted again.

use std::collections::BTreeSet;

use serde_json::json;

use super::args::{Exit, Global, Person, Unsuppress};
use super::output::Output;
use super::suppress;
use super::wording::listed;
use crate::app;
use crate::domain::Suppression;

pub(super) async fn run(
    global: &Global,
    args: &Unsuppress,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    if let Some(topic) = &args.topic {
        suppress::known_topic(&config.rules, topic)?;
    }
    let people = suppress::named(args.person.as_ref(), args.from.as_deref())?;
    let store = app::store(&config).await?;
    let mut lifted = 0;
    for person in &people {
        let (customer, recipient) = person.parts();
        let topic = args.topic.as_deref();
        let rows = store.unsuppress(customer, recipient, topic).await?;
        lifted += u64::from(rows > 0);
    }
    let words = suppress::Change {
        done: "may be contacted again",
        before: "not suppressed",
        topic: args.topic.as_deref(),
    };
    let named = people.len() as u64;
    match super::is_json(output) {
        true => output.json(&json!({ "schema_version": 1, "named": named, "changed": lifted })),
        false => output.text(&words.said(named, lifted, 0)),
    }
    let rest = store.suppressions().await?;
    let topics: BTreeSet<_> = rest
        .iter()
        .map(|row| &row.suppression)
        .filter(|s| people.iter().any(|person| is_about(person, s)))
        .filter_map(|s| s.topic.as_deref())
        .filter(|topic| args.topic.as_deref() != Some(*topic))
        .collect();
    if let (false, Some(first)) = (super::is_json(output), topics.first()) {
        let topics = listed(&topics.iter().map(|topic| (*topic).to_owned()).collect::<Vec<_>>());
        output.text(&format!(
            "Still suppressed for {topics}: `lookout unsuppress … --topic {first}` lifts that."
        ));
    }
    Ok(Exit::Fine)
}

/// Whether a suppression names this person.
fn is_about(person: &Person, suppression: &Suppression) -> bool {
    let (customer, recipient) = person.parts();
    (customer.is_some() && suppression.customer.as_ref() == customer)
        || (recipient.is_some() && suppression.recipient.as_ref() == recipient)
}
