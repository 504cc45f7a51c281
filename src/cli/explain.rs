//! `lookout explain`: why a customer hears from us, or why not. The whole run is considered, as
//! `run` would, and one customer's part of it is told: whoever else wants to write to the same
//! person is part of the answer.

mod as_case;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::args::{Exit, Explain, Global};
use super::output::{BOLD, Output, RESET};
use super::tables::aligned;
use super::wording::{self, Times};
use crate::app::{self, AppError};
use crate::domain::{CustomerId, Decision, Facts, Instant, Outcome, RuleId, SubjectId, Value};
use crate::pack::{Pack, PackRule};
use crate::pipeline::{self, Considered, EpisodeKey, Over, Quarantine, Seen};

/// How many subjects that a rule is silent about are shown of each rule.
const SILENT_SHOWN: usize = 2;

/// The gates in the words of the output, each with the reason codes it gives.
const GATES: [(&str, &[&str]); 10] = [
    ("address", &["no_address"]),
    ("consent", &["no_consent"]),
    ("suppression", &["suppressed"]),
    ("mute", &["muted"]),
    ("episode", &["pending", "already_contacted"]),
    ("cooldown", &["cooldown"]),
    ("hold", &["held"]),
    ("rank", &["outranked"]),
    ("caps", &["cap"]),
    ("hours", &["expired"]),
];

pub(super) async fn run(
    global: &Global,
    args: &Explain,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config_seeing(global, &args.seen)?;
    let pack = app::pack(&config)?;
    let rules = super::rules(&pack, args.rule.as_deref())?;
    let source = app::source(&config).await?;
    let store = app::history(&config).await?;
    let as_of = app::as_of(global.as_of, Some(&source));
    let customer = CustomerId::from(&args.customer);
    let all = pack.rules.keys().cloned().collect();
    let found =
        super::find(&pack, &source, as_of, &all, Some(&customer), store.as_ref(), output).await?;
    let considered =
        pipeline::consider(&pack, &found, store.as_ref(), as_of).await.map_err(AppError::from)?;
    anyhow::ensure!(
        !found.seen.is_empty(),
        "no rule has anything to look at for `{customer}`; is that the customer's id, as `customers` has it?"
    );
    if args.as_case {
        let today = as_case::Today {
            pack: &pack,
            customer: &customer,
            found: &found,
            considered: &considered,
            store: store.as_ref(),
            as_of,
        };
        return as_case::run(&today, &rules, output).await;
    }
    let story = Story {
        pack: &pack,
        customer: &customer,
        seen: &found.seen,
        considered: &considered,
        over: &found.over,
        as_of,
    };
    if super::is_json(output) {
        output.json(&story.json(&rules));
    } else {
        let history = super::dry_run::history(store.as_ref());
        output.text(&story.text(&rules, &source.describe(), &history));
    }
    Ok(Exit::Fine)
}

/// What is said of a trouble that has ended.
const OVER: &str = "they were told, and it is over";

struct Story<'a> {
    pack: &'a Pack,
    customer: &'a CustomerId,
    seen: &'a [Seen],
    considered: &'a Considered,
    over: &'a BTreeMap<EpisodeKey, Over>,
    as_of: Instant,
}

impl Story<'_> {
    fn seen(&self, rule: &RuleId) -> Vec<&Seen> {
        self.seen.iter().filter(|seen| seen.rule == *rule).collect()
    }

    fn decisions(&self, rule: &RuleId, subject: &SubjectId) -> Vec<&Decision> {
        let ours = |d: &&Decision| {
            d.rule == *rule && d.customer_id == *self.customer && d.subject == *subject
        };
        self.considered.report.decisions.iter().filter(ours).collect()
    }

    /// Whether somebody was told of it, and it is over.
    fn is_over(&self, rule: &RuleId, subject: &SubjectId) -> bool {
        let key = (rule.clone(), self.customer.clone(), subject.clone());
        self.over.get(&key).is_some_and(|over| over.told)
    }

    /// What they were told of that a rule does not even see any more.
    fn gone(&self, rule: &RuleId) -> Vec<&SubjectId> {
        let seen: BTreeSet<_> = self.seen(rule).into_iter().map(|seen| &seen.subject).collect();
        let theirs = self.over.iter().filter(|((id, customer, subject), over)| {
            id == rule && customer == self.customer && over.told && !seen.contains(subject)
        });
        theirs.map(|((_, _, subject), _)| subject).collect()
    }

    fn json(&self, rules: &[&PackRule]) -> serde_json::Value {
        let subject = |seen: &Seen| {
            json!({
                "rule": seen.rule,
                "subject": seen.subject,
                "matched": seen.verdict.as_ref().ok(),
                "error": seen.verdict.as_ref().err().map(|error| &error.message),
                "facts": seen.facts,
                "decisions": self.decisions(&seen.rule, &seen.subject),
            })
        };
        let gone = |id: &RuleId, subject: &SubjectId| {
            json!({
                "rule": id,
                "subject": subject,
                "matched": false,
                "error": null,
                "facts": null,
                "decisions": self.decisions(id, subject),
            })
        };
        let of_rule = |rule: &&PackRule| {
            let id = &rule.rule.settings.id;
            let seen = self.seen(id).into_iter().map(subject);
            seen.chain(self.gone(id).into_iter().map(|subject| gone(id, subject)))
                .collect::<Vec<_>>()
        };
        json!({
            "schema_version": 1,
            "as_of": crate::domain::format_instant(&self.as_of),
            "customer_id": self.customer,
            "subjects": rules.iter().flat_map(of_rule).collect::<Vec<_>>(),
        })
    }

    fn text(&self, rules: &[&PackRule], source: &str, history: &str) -> String {
        let times = Times { zone: self.pack.policy.calendar.timezone, as_of: self.as_of };
        let name = self.seen.iter().find_map(|seen| seen.facts.customer().text("name"));
        let name = name.map(|name| format!("  {}", wording::plain(&name))).unwrap_or_default();
        let head = [
            vec!["as of".to_owned(), times.heading()],
            vec!["data".to_owned(), source.to_owned()],
            vec!["history".to_owned(), history.to_owned()],
        ];
        let mut text = format!("{BOLD}{}{name}{RESET}\n{}", self.customer, aligned(&head, 2));
        for rule in rules {
            text.push('\n');
            text.push_str(&self.rule(rule, &times));
        }
        text
    }

    fn rule(&self, rule: &PackRule, times: &Times) -> String {
        let id = &rule.rule.settings.id;
        let mut text = format!("{BOLD}{id}{RESET}  {}\n", rule.rule.settings.summary);
        match self.considered.rules.get(id).and_then(|fared| fared.quarantine.as_ref()) {
            None => {}
            Some(Quarantine::Errors) => text.push_str("  sits out this run: it failed too often\n"),
            Some(Quarantine::FindsNobody(problem)) => {
                text.push_str(&format!("  sits out this run: {}\n", problem.message));
            }
            Some(Quarantine::Signals(problems)) => {
                text.push_str("  sits out this run: what it reads can't be used\n");
                for problem in problems {
                    text.push_str(&format!("    {}\n", problem.message));
                }
                return text;
            }
        }
        let seen = self.seen(id);
        if seen.is_empty() {
            let about = match &rule.rule.settings.about {
                crate::domain::About::Signal(signal) => format!("no row of `{signal}`"),
                crate::domain::About::Customers => "nothing".to_owned(),
            };
            text.push_str(&format!("  {about} for this customer\n"));
        }
        let silent =
            |seen: &&&Seen| matches!(seen.verdict, Ok(false)) && !self.is_over(id, &seen.subject);
        let shown = seen.iter().filter(|seen| !silent(seen));
        for seen in shown.chain(seen.iter().filter(silent).take(SILENT_SHOWN)) {
            text.push_str(&self.subject(rule, seen, times));
        }
        for subject in self.gone(id) {
            let name = rule.rule.subject_name.as_deref().unwrap_or("customer");
            text.push_str(&format!("  {name} {subject}: {OVER}: it is no longer there\n"));
            for decision in self.decisions(id, subject) {
                text.push_str(&told(decision, times));
            }
        }
        let more = seen.iter().filter(silent).count().saturating_sub(SILENT_SHOWN);
        if more > 0 {
            text.push_str(&format!("  … and {more} more that it does not match\n"));
        }
        text
    }

    fn subject(&self, rule: &PackRule, seen: &Seen, times: &Times) -> String {
        let verdict = match &seen.verdict {
            Ok(true) => "matches".to_owned(),
            Ok(false) if self.is_over(&rule.rule.settings.id, &seen.subject) => OVER.to_owned(),
            Ok(false) => "does not match".to_owned(),
            Err(error) => format!("could not be judged: {}", error.message),
        };
        let subject = match &rule.rule.subject_name {
            Some(name) => format!("{name} {}: ", seen.subject),
            None => String::new(),
        };
        let mut text = format!("  {subject}{verdict}\n");
        let facts: Vec<_> = read_by_script(rule, &seen.facts)
            .into_iter()
            .map(|(name, value)| vec![name, value])
            .collect();
        text.push_str(&aligned(&facts, 6));
        for decision in self.decisions(&rule.rule.settings.id, &seen.subject) {
            text.push_str(&told(decision, times));
        }
        text
    }
}

/// What the rule's script read, with the names that it reads it by.
fn read_by_script(rule: &PackRule, facts: &Facts) -> Vec<(String, String)> {
    use crate::domain::Field;
    let say = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "absent".to_owned(),
        Some(Value::Text(text)) => format!("\"{}\"", text.escape_debug()),
        Some(value) => value.to_string(),
    };
    let subject = rule.rule.subject_name.as_deref().unwrap_or_default();
    let read = rule.rule.reads.iter().map(|field| match field {
        Field::Customer(name) => (format!("customer.{name}"), say(facts.customer.get(name))),
        Field::Signal(signal, name) => {
            let value = facts.signals.get(signal.as_str()).and_then(|row| row.get(name));
            (format!("customer.{signal}.{name}"), say(value))
        }
        Field::Subject(name) => (format!("{subject}.{name}"), say(facts.subject.get(name))),
    });
    read.collect()
}

/// One candidate: what became of it, and what each gate said on the way.
fn told(decision: &Decision, times: &Times) -> String {
    let outcome = match (&decision.refusal, decision.outcome, decision.not_before) {
        (Some(refusal), Outcome::Held, _) => wording::refusal(refusal, &decision.channel, times),
        (Some(refusal), _, _) => {
            format!("refused: {}", wording::refusal(refusal, &decision.channel, times))
        }
        (None, Outcome::Task, _) => "a task for a colleague".to_owned(),
        (None, _, Some(until)) => format!("waits for a decent hour, {}", times.say(&until)),
        (None, _, None) => "goes out now".to_owned(),
    };
    let code = decision.refusal.as_ref().map(|refusal| refusal.code());
    let stopped =
        GATES.iter().position(|(_, codes)| code.is_some_and(|code| codes.contains(&code)));
    let passes =
        |name: &str| decision.channel.is_contact() || ["episode", "cooldown"].contains(&name);
    let gates: Vec<String> = GATES
        .iter()
        .enumerate()
        .filter(|(_, (name, _))| passes(name))
        .take_while(|(place, _)| stopped.is_none_or(|stopped| *place <= stopped))
        .map(|(place, (name, _))| {
            format!("{} {name}", if stopped == Some(place) { "✗" } else { "✓" })
        })
        .collect();
    format!("      → {}: {outcome}\n        {}\n", decision.channel, gates.join("  "))
}
