//! `lookout approve`: what is held, and what somebody says to it. Nothing is approved that was not
//! shown just so.

use std::io::IsTerminal;

use serde_json::json;

use super::args::{Approve, Exit, Global};
use super::dry_run::letter;
use super::output::{BOLD, Output, RESET};
use super::tables::aligned;
use super::wording::{Times, counted, refusal};
use crate::app;
use crate::clock;
use crate::domain::{Channel, Outreach, RuleId, SignalName, format_instant, nearest};
use crate::pack::Pack;
use crate::store::{HeldRule, Store};

pub(super) async fn run(
    global: &Global,
    args: &Approve,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    let pack = app::pack(&config)?;
    let store = app::store(&config).await?;
    if let Some(signal) = &args.signal {
        return accept_signal(&pack, &store, signal, args, output).await;
    }
    let held = store.held().await?;
    let Some(name) = &args.rule else {
        list(&pack, &held, output);
        return Ok(Exit::Fine);
    };
    let rule = RuleId::from(name);
    match held.iter().find(|held| held.rule == rule) {
        Some(held) => settle(&pack, &store, held, args, output).await,
        None => {
            super::rule(&pack, name)?;
            accept_silence(&store, &rule, args, output).await
        }
    }
}

/// Approves what is held of a rule, or takes it back.
async fn settle(
    pack: &Pack,
    store: &Store,
    held: &HeldRule,
    args: &Approve,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let rule = &held.rule;
    let json = super::is_json(output);
    if !json {
        output.text(&told(pack, held, true));
    }
    let (messages, all) = (counted(held.messages, "message"), held.messages + held.approved);
    if args.reject {
        let all = counted(all, "message");
        if !agreed(args, &format!("Take back {all} of `{rule}`?"), output) {
            return Ok(not_yet(pack, held, "--reject --yes takes them back", output));
        }
        let rejected = store.reject(rule, clock::wall()).await?;
        return Ok(done(
            output,
            json!({ "rule": rule, "rejected": rejected }),
            &format!(
                "{} of `{rule}` taken back. What the rule asks for at its next run is decided afresh.",
                counted(rejected, "message")
            ),
        ));
    }
    if held.messages == 0 {
        let message = "All of them are approved already; the next run decides them afresh.";
        return Ok(done(output, json!({ "rule": rule, "approved": 0 }), message));
    }
    let version = pack.rules.get(rule).map(|rule| &rule.version.bound);
    if held.bounds.iter().any(|bound| Some(bound) != version) {
        let edited = format!(
            "`{rule}` or policy.toml was edited since these were held, so they are no longer what \
             would go out; let `lookout run` decide them afresh, then look again"
        );
        output.remark(&edited);
        return Ok(not_yet(pack, held, "nothing was approved", output));
    }
    if !agreed(args, &format!("Let {messages} of `{rule}` go out?"), output) {
        return Ok(not_yet(
            pack,
            held,
            "--yes approves them, --reject --yes takes them back",
            output,
        ));
    }
    match store.approve(rule, &held.shown).await? {
        Some(approved) => {
            let message = format!(
                "{} of `{rule}` approved. The next run decides them afresh and lets out those that \
                 are still right; an edit of the rule, its words or the policy voids this.",
                counted(approved, "message")
            );
            let document = json!({ "rule": rule, "approved": approved, "approval": held.shown });
            Ok(done(output, document, &message))
        }
        None => {
            output.remark(
                "what is held has changed since it was read; nothing was approved, look again",
            );
            Ok(not_yet(pack, held, "nothing was approved", output))
        }
    }
}

/// A rule may find nobody from now on.
async fn accept_silence(
    store: &Store,
    rule: &RuleId,
    args: &Approve,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let newest = store.newest_run().await?;
    let report = match newest {
        Some(newest) => store.recorded(newest).await?,
        None => None,
    };
    let alarms = report.iter().flat_map(|report| &report.alarms);
    let mut silent = alarms.filter(|alarm| alarm.code == "finds-nobody");
    let Some(alarm) = silent.find(|alarm| alarm.rules.contains(rule)) else {
        let nothing = format!("Nothing of `{rule}` is held.");
        return Ok(done(output, json!({ "rule": rule, "approved": 0 }), &nothing));
    };
    if args.reject || !agreed(args, &format!("{}. Is that right?", alarm.message), output) {
        let document = json!({ "rule": rule, "approved": 0, "alarm": alarm });
        let message = format!("{}. If that is right, say --yes.", alarm.message);
        done(output, document, &message);
        return Ok(Exit::Findings);
    }
    store.may_find_nobody(rule).await?;
    let message = format!("`{rule}` may find nobody; its next run goes on and ends what is over.");
    Ok(done(output, json!({ "rule": rule, "may_find_nobody": true }), &message))
}

/// A signal may be empty from now on.
async fn accept_signal(
    pack: &Pack,
    store: &Store,
    name: &str,
    args: &Approve,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let signal = SignalName::from(name);
    if pack.signals.get(&signal).is_none() {
        let names = pack.signals.others.keys().map(SignalName::as_str).chain(["customers"]);
        let meant = nearest(name, names).map(|meant| format!("; did you mean `{meant}`?"));
        anyhow::bail!("the pack has no signal `{name}`{}", meant.unwrap_or_default());
    }
    if !agreed(args, &format!("May `{name}`, and any column of it, be empty from now on?"), output)
    {
        let message = format!("`{name}` stays as it is; --yes says that it may be empty.");
        done(output, json!({ "signal": name, "may_be_empty": false }), &message);
        return Ok(Exit::Findings);
    }
    let known = store.may_be_empty(&signal, clock::wall()).await?;
    let message = match known {
        true => format!("`{name}` may be empty; the next run goes on and ends what is over."),
        false => format!("No run has seen anything in `{name}` yet, so nothing is missed there."),
    };
    Ok(done(output, json!({ "signal": name, "may_be_empty": true }), &message))
}

/// Whether the person at the terminal, or the command line, says yes.
fn agreed(args: &Approve, question: &str, output: &mut Output) -> bool {
    if args.yes {
        return true;
    }
    if super::is_json(output) || !std::io::stdin().is_terminal() {
        return false;
    }
    output.remark(&format!("{question} Type yes:"));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}

/// Nothing was changed, and something still waits for somebody.
fn not_yet(pack: &Pack, held: &HeldRule, how: &str, output: &mut Output) -> Exit {
    if super::is_json(output) {
        output.json(&json!({ "schema_version": 1, "held": [as_json(pack, held)] }));
    } else {
        output.text(&format!("Nothing was changed: {how}."));
    }
    Exit::Findings
}

fn done(output: &mut Output, mut document: serde_json::Value, message: &str) -> Exit {
    document["schema_version"] = 1.into();
    match super::is_json(output) {
        true => output.json(&document),
        false => output.text(message),
    }
    Exit::Fine
}

fn list(pack: &Pack, held: &[HeldRule], output: &mut Output) {
    if super::is_json(output) {
        let held: Vec<_> = held.iter().map(|held| as_json(pack, held)).collect();
        return output.json(&json!({ "schema_version": 1, "held": held }));
    }
    if held.is_empty() {
        return output.text("Nothing is held.");
    }
    let rules: Vec<_> = held.iter().map(|held| told(pack, held, false)).collect();
    output.text(&rules.join("\n"));
    output.text("\nSee one in full: lookout approve RULE");
}

/// What is held of one rule: how much, since when, why, who, the change in the rule, a message.
fn told(pack: &Pack, held: &HeldRule, in_full: bool) -> String {
    let times = Times { zone: pack.policy.calendar.timezone, as_of: clock::current_minute() };
    let messages = counted(held.messages, "message");
    let customers = counted(held.customers, "customer");
    let email = Channel(Channel::EMAIL.to_owned());
    let because = held.refusal.as_ref().map(|because| refusal(because, &email, &times));
    let approved = match held.approved {
        0 => String::new(),
        approved => format!("{} go out at the next run", counted(approved, "message")),
    };
    let rows = [
        ("since", times.say(&held.since)),
        ("because", because.unwrap_or_default()),
        ("approved", approved),
        ("the rule", change(held, &times)),
        ("among them", among(held)),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    let stands = match held.messages {
        0 => "approved already".to_owned(),
        _ => format!("{messages} to {customers} held"),
    };
    let head = format!("{BOLD}{}{RESET}  {stands}", held.rule);
    let mut text = format!("{head} (times are {})\n{}", times.zone, aligned(&rows, 2));
    if let Some(first) = held.sample.first().filter(|_| in_full) {
        text.push_str(&format!("\nOne of them: {}", letter(pack, first)));
    }
    text
}

/// Since when the rule is what it is, and what it was before.
fn change(held: &HeldRule, times: &Times) -> String {
    match held.versions.as_slice() {
        [] => String::new(),
        [(version, since)] => format!("{version}, new since {}", times.say(since)),
        [(version, since), (before, earlier), ..] => format!(
            "{version} since {}; before that {before} since {}",
            times.say(since),
            times.say(earlier)
        ),
    }
}

fn among(held: &HeldRule) -> String {
    customers(&held.sample).collect::<Vec<_>>().join(", ")
}

fn customers(sample: &[Outreach]) -> impl Iterator<Item = &str> {
    sample.iter().filter_map(|outreach| Some(outreach.subjects.first()?.customer.as_str()))
}

fn as_json(pack: &Pack, held: &HeldRule) -> serde_json::Value {
    let message = held.sample.first().and_then(|first| pack.message(first, None).ok());
    let versions: Vec<_> = held
        .versions
        .iter()
        .map(|(version, since)| json!({ "version": version, "since": format_instant(since) }))
        .collect();
    json!({
        "rule": held.rule,
        "messages": held.messages,
        "customers": held.customers,
        "approved": held.approved,
        "since": format_instant(&held.since),
        "because": held.refusal,
        "versions": versions,
        "sample": customers(&held.sample).collect::<Vec<_>>(),
        "message": message.map(|m| json!({ "subject": m.subject, "text": m.text })),
    })
}
