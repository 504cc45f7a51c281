//! `lookout preview`: a rule's messages as they will look, in every channel and locale.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use super::args::{Exit, Global, Preview};
use super::file::{self, Kind};
use super::output::Output;
use super::wording::counted;
use crate::app;
use crate::config::Config;
use crate::domain::{Ask, Channel, CustomerId, Facts, Instant, OutreachSubject, RuleId, Value};
use crate::pack::{Letter, Pack, PackRule};
use crate::pipeline::{self, Seen, Watch, case};
use crate::rules::cases::Case;
use crate::stage;
use crate::templates::{self, preview::Previewed};

const PAGE: Kind = Kind { called: "preview", mark: templates::preview::MARK };

pub(super) async fn run(
    global: &Global,
    args: &Preview,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    let rule = super::rule(&pack, &args.rule)?;
    let (examples, as_of) = match &args.customer {
        Some(customer) => {
            facts_of(global, &config, &pack, &rule.rule.settings.id, customer).await?
        }
        None => (examples(&pack, rule), None),
    };
    let mut subjects = subjects(&pack, rule, examples, as_of);
    if args.customer.is_none() {
        subjects.extend(played(&pack, rule).await?);
    }
    anyhow::ensure!(
        !subjects.is_empty(),
        "there is nothing to show of `{}`: no case of it matches; name a customer with --customer",
        args.rule
    );
    let (messages, mut problems) = messages(&pack, rule, &subjects);
    if args.customer.is_none() {
        problems.extend(without_example(rule, &subjects));
    }
    let file = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.html", args.rule)));
    file::write(&file, PAGE, &templates::preview::page(&args.rule, &messages))?;
    if super::is_json(output) {
        let (file, messages) = (file.display().to_string(), messages.len());
        output.json(&json!({
            "schema_version": 1, "file": file, "messages": messages, "problems": problems,
        }));
    } else {
        let count = counted(messages.len() as u64, "message");
        output.text(&format!("{count} in {}", file.display()));
        for problem in &problems {
            output.remark(problem);
        }
    }
    Ok(if problems.is_empty() { Exit::Fine } else { Exit::Findings })
}

/// Something that the rule asks for words about.
struct Example {
    facts: Facts,
    as_of: Instant,
    /// Whether it is over: what `resolved` asks for, in place of `then`.
    over: bool,
}

/// What is known of one customer's subjects: of those that match, or else of all. Each is shown
/// as it is, and as if it were over.
async fn facts_of(
    global: &Global,
    config: &Config,
    pack: &Pack,
    rule: &RuleId,
    customer: &str,
) -> anyhow::Result<(Vec<Example>, Option<Instant>)> {
    let source = app::source(config).await?;
    let as_of = app::as_of(global.as_of, Some(&source));
    let mut view = source.view(as_of).await?;
    let customer = CustomerId::from(customer);
    let watch = Watch { customer: Some(&customer), nobody_else: true, ..Watch::default() };
    let found = pipeline::find(pack, &mut view, as_of, &[rule.clone()].into(), watch).await;
    let seen = found?.seen;
    anyhow::ensure!(
        !seen.is_empty(),
        "the rule `{rule}` has nothing to look at for `{customer}`; is that the customer's id, as `customers` has it?"
    );
    let any = seen.iter().any(|seen| matches!(seen.verdict, Ok(true)));
    let shown = seen.into_iter().filter(|seen| !any || matches!(seen.verdict, Ok(true)));
    let both =
        |seen: Seen| [false, true].map(|over| Example { facts: seen.facts.clone(), as_of, over });
    Ok((shown.flat_map(both).collect(), Some(as_of)))
}

/// The facts of the cases that match, and of those that are over.
fn examples(pack: &Pack, rule: &PackRule) -> Vec<Example> {
    let matches = |case: &Case| {
        let (as_of, over) = (case.as_of, case.resolved);
        if over {
            let facts = case::complete(pack, rule, &case.facts);
            return Some(Example { facts, as_of, over });
        }
        let rules = case::play(pack, rule, case).considered.rules;
        let matched = rules.into_values().flat_map(|rule| rule.matches).next();
        matched.map(|matched| Example { facts: matched.facts.clone(), as_of, over })
    };
    rule.cases.iter().filter_map(matches).collect()
}

/// What the cases give each template as they play out, steps and earlier contacts included: only there
/// is a reminder one. The first message on each way is shown.
async fn played(
    pack: &Pack,
    rule: &PackRule,
) -> anyhow::Result<BTreeMap<(String, Channel), Vec<OutreachSubject>>> {
    let mut subjects = BTreeMap::new();
    for case in &rule.cases {
        for played in stage::play(pack, rule, case).await? {
            let outreaches = played.considered.decided.outreaches.into_iter();
            for outreach in outreaches.filter(|own| own.rule == rule.rule.settings.id) {
                let way = (outreach.template, outreach.channel);
                subjects.entry(way).or_insert(outreach.subjects);
            }
        }
    }
    Ok(subjects)
}

/// What each template would be given: what `then` and `resolved` ask for, whatever policy makes of it. Of
/// several examples the first that asks for a template is shown; of one customer, everything.
fn subjects(
    pack: &Pack,
    rule: &PackRule,
    examples: Vec<Example>,
    customer: Option<Instant>,
) -> BTreeMap<(String, Channel), Vec<OutreachSubject>> {
    let mut subjects: BTreeMap<(String, Channel), Vec<OutreachSubject>> = BTreeMap::new();
    for Example { facts, as_of, over } in examples {
        let asked = match over {
            false => pack.engine.ask(&rule.rule, &facts, Default::default(), as_of),
            true => pack.engine.ask_last_word(&rule.rule, &facts, as_of),
        };
        let Ok(asked) = asked else { continue };
        for asked in asked {
            let ways = match &asked.ask {
                Ask::Send(channel, template) => vec![(template.clone(), channel.clone())],
                Ask::Contact(_) => {
                    rule.contact_channels().into_iter().map(|c| (c.0.clone(), c)).collect()
                }
            };
            for way in ways {
                let shown = subjects.entry(way).or_default();
                if shown.is_empty() || customer.is_some() {
                    shown.push(subject(facts.clone(), asked.values.clone()));
                }
            }
        }
    }
    subjects
}

/// Only the facts and the extra values matter to the words.
fn subject(facts: Facts, values: BTreeMap<String, Value>) -> OutreachSubject {
    OutreachSubject {
        dedupe_key: "preview".into(),
        customer: facts.customer().text("customer_id").unwrap_or_default().into(),
        subject: "preview".into(),
        episode_started_at: Default::default(),
        ordinal: 1,
        facts,
        values,
    }
}

fn messages(
    pack: &Pack,
    rule: &PackRule,
    subjects: &BTreeMap<(String, Channel), Vec<OutreachSubject>>,
) -> (Vec<Previewed>, Vec<String>) {
    let (mut messages, mut problems) = (Vec::new(), Vec::new());
    for ((template, channel), subjects) in subjects {
        let first = subjects.first();
        let name = first.and_then(|s| s.facts.customer().text("name"));
        let customer = name.or_else(|| first.map(|s| s.customer.to_string())).unwrap_or_default();
        let topic = rule.rule.settings.topic.as_deref();
        let letter = Letter { template, channel, topic, subjects };
        for locale in rule.templates.locales(template) {
            match pack.letter(rule, &letter, Some(&locale), None) {
                Ok(message) => messages.push(Previewed {
                    channel: channel.to_string(),
                    locale,
                    customer: customer.clone(),
                    message,
                }),
                Err(error) => problems.push(error.to_string()),
            }
        }
    }
    (messages, problems)
}

/// The words that no example asks for, each in a sentence.
fn without_example(
    rule: &PackRule,
    subjects: &BTreeMap<(String, Channel), Vec<OutreachSubject>>,
) -> Vec<String> {
    let shown = |name: &&str| subjects.keys().any(|(template, _)| template == name);
    let missing = rule.templates.names().filter(|name| !shown(name));
    missing
        .map(|name| format!("no example asks for the words `{name}`, so they are not shown"))
        .collect()
}
