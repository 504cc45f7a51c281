//! `lookout unsuppress`: let somebody be contacted again.

use serde_json::json;

use super::args::{Exit, Global, Unsuppress};
use super::output::Output;
use super::suppress;
use crate::app;

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
        let rows =
            store.unsuppress(customer, recipient, topic).await.map_err(app::AppError::from)?;
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
    Ok(Exit::Fine)
}
