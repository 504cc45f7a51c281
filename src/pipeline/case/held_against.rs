//! What came of a case, held against what it expects.

use crate::domain::{
    Channel, Decision, Instant, Outcome, Outreach, Value, format_instant, parse_instant,
};
use crate::pack::{Pack, PackRule};
use crate::pipeline::Considered;
use crate::rules::RowError;
use crate::rules::cases::{Deferred, Expect};
use crate::templates::Message;

/// One expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The key of `expect` that it is about; `match` for whether the rule matches at all.
    pub what: String,
    /// What the case says.
    pub expected: String,
    /// What came.
    pub actual: String,
}

fn failure(what: &str, expected: impl Into<String>, actual: impl Into<String>) -> Failure {
    Failure { what: what.to_owned(), expected: expected.into(), actual: actual.into() }
}

/// Where what came is not what the case expects.
pub fn failures(
    pack: &Pack,
    rule: &PackRule,
    expect: &Expect,
    matched: &Result<bool, RowError>,
    considered: &Considered,
) -> Vec<Failure> {
    let came = Came::of(pack, rule, considered);
    let silent = came.decisions.is_empty();
    let wanted = if expect.no_match { "no match" } else { "a match" };
    match matched {
        Err(error) => {
            return vec![failure("match", wanted, format!("an error: {}", error.message))];
        }
        Ok(false) if expect.no_match && silent => return Vec::new(),
        Ok(_) if expect.no_match => {
            return vec![failure("match", wanted, format!("a match: {}", came.told()))];
        }
        Ok(false) if silent => return vec![failure("match", wanted, "no match")],
        Ok(_) => {}
    }
    let mut failures = came.unwritable();
    if expect.nothing && !silent {
        failures.push(failure("nothing", "nothing is asked for", came.told()));
    }
    for (channel, template) in &expect.asks {
        if !came.goes_out(channel, template, expect.deferred.is_some()) {
            let expected = format!("{channel} with the words `{template}`");
            failures.push(failure(&channel.0, expected, came.told()));
        }
    }
    if let Some(wanted) = expect.contact.filter(|wanted| came.contacts() != *wanted) {
        let expected = if wanted { "a contact goes out" } else { "no contact" };
        failures.push(failure("contact", expected, came.told()));
    }
    failures.extend(refused(expect, &came));
    failures.extend(deferred(expect, &came));
    failures.extend(work(expect, &came));
    failures.extend(words(expect, &came));
    failures
}

/// What came of the rule itself; what its rivals got is theirs.
struct Came<'a> {
    decisions: Vec<&'a Decision>,
    outreaches: Vec<(&'a Outreach, Result<Message, String>)>,
}

impl<'a> Came<'a> {
    fn of(pack: &Pack, rule: &PackRule, considered: &'a Considered) -> Self {
        let id = &rule.rule.settings.id;
        let decisions = considered.report.decisions.iter().filter(|d| d.rule == *id);
        let outreaches = considered.decided.outreaches.iter().filter(|o| o.rule == *id);
        let written = |outreach: &'a Outreach| {
            (outreach, pack.message(outreach, None).map_err(|error| error.to_string()))
        };
        Self { decisions: decisions.collect(), outreaches: outreaches.map(written).collect() }
    }

    fn outreach(&self, decision: &Decision) -> Option<&'a Outreach> {
        let key = decision.outreach.as_ref()?;
        self.outreaches.iter().find(|(outreach, _)| outreach.key == *key).map(|(o, _)| *o)
    }

    fn messages(&self) -> impl Iterator<Item = &Message> {
        self.outreaches.iter().filter_map(|(_, message)| message.as_ref().ok())
    }

    /// Every message can be written.
    fn unwritable(&self) -> Vec<Failure> {
        let failed = self.outreaches.iter().filter_map(|(outreach, message)| {
            let error = message.as_ref().err()?;
            let expected = format!("the words `{}`", outreach.template);
            Some(failure("words", expected, format!("they can't be written: {error}")))
        });
        failed.collect()
    }

    fn goes_out(&self, channel: &Channel, template: &str, deferred: bool) -> bool {
        self.decisions.iter().any(|decision| {
            let outcome = match decision.outcome {
                Outcome::Contact | Outcome::Task => true,
                Outcome::Deferred => deferred,
                Outcome::Refused | Outcome::Held => false,
            };
            let words = self.outreach(decision);
            outcome
                && decision.channel == *channel
                && words.is_some_and(|outreach| outreach.template == *template)
        })
    }

    fn contacts(&self) -> bool {
        self.decisions.iter().any(|d| matches!(d.outcome, Outcome::Contact | Outcome::Deferred))
    }

    /// What was decided, in a few words.
    fn told(&self) -> String {
        let one = |decision: &&Decision| {
            let channel = &decision.channel;
            let words =
                self.outreach(decision).map(|o| format!(" with the words `{}`", o.template));
            match (&decision.refusal, decision.not_before) {
                (Some(refusal), _) => format!("{channel} refused: {}", refusal.code()),
                (None, Some(until)) => format!("{channel} deferred until {}", say(&until)),
                (None, None) => format!("{channel}{}", words.unwrap_or_default()),
            }
        };
        match self.decisions.as_slice() {
            [] => "nothing is asked for".to_owned(),
            decisions => decisions.iter().map(one).collect::<Vec<_>>().join("; "),
        }
    }
}

fn say(instant: &Instant) -> String {
    format_instant(instant)
}

/// Something is refused for that reason; of its evidence, what is written has to be so.
fn refused(expect: &Expect, came: &Came<'_>) -> Vec<Failure> {
    let Some(code) = &expect.refused else { return Vec::new() };
    let refusals = came.decisions.iter().filter_map(|decision| decision.refusal.as_ref());
    let of_that_reason: Vec<_> = refusals.filter(|refusal| refusal.code() == code).collect();
    if of_that_reason.is_empty() {
        return vec![failure("refused", format!("refused: {code}"), came.told())];
    }
    let held_against = |refusal: &&crate::domain::Refusal| {
        let told = serde_json::to_value(refusal).unwrap_or_default();
        let differs = expect.evidence.iter().filter_map(|(name, wanted)| {
            let actual = &told["evidence"][name.as_str()];
            let same = is_same(wanted, actual);
            let what = format!("refused.{name}");
            (!same).then(|| failure(&what, wanted.to_string(), evidence(actual)))
        });
        differs.collect::<Vec<_>>()
    };
    // Of several refusals for one reason, one has to be as it is written.
    of_that_reason.iter().map(held_against).min_by_key(Vec::len).unwrap_or_default()
}

/// Whether evidence says what is written: instants as instants, the rest as it is told.
fn is_same(wanted: &Value, actual: &serde_json::Value) -> bool {
    let instant = |text: &str| parse_instant(text).filter(|_| text.contains(':'));
    let wanted = wanted.to_string();
    match actual.as_str() {
        Some(text) if instant(text).is_some() => instant(text) == instant(&wanted),
        Some(text) => text == wanted,
        None => !actual.is_null() && evidence(actual) == wanted,
    }
}

fn evidence(actual: &serde_json::Value) -> String {
    match actual {
        serde_json::Value::Null => "nothing of that name".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn deferred(expect: &Expect, came: &Came<'_>) -> Option<Failure> {
    let deferred = expect.deferred?;
    let waits = |decision: &&Decision| match deferred {
        Deferred::Sometime => decision.outcome == Outcome::Deferred,
        Deferred::Until(until) => decision.not_before == Some(until),
    };
    let expected = match deferred {
        Deferred::Sometime => "deferred".to_owned(),
        Deferred::Until(until) => format!("deferred until {}", say(&until)),
    };
    let holds = came.decisions.iter().any(waits);
    (!holds).then(|| failure("deferred", expected, came.told()))
}

/// For whom the work is, and until when.
fn work(expect: &Expect, came: &Came<'_>) -> Vec<Failure> {
    let tasks: Vec<&Outreach> =
        came.outreaches.iter().map(|(o, _)| *o).filter(|o| o.channel.is_task()).collect();
    let fits = |outreach: &&&Outreach| {
        expect.assign.as_ref().is_none_or(|wanted| outreach.assign.as_ref() == Some(wanted))
            && expect.due_at.is_none_or(|wanted| outreach.due_at == Some(wanted))
    };
    if tasks.iter().any(|task| fits(&task)) || expect.assign.is_none() && expect.due_at.is_none() {
        return Vec::new();
    }
    let all = |say: &dyn Fn(&Outreach) -> String| match tasks.is_empty() {
        true => "no task and no call".to_owned(),
        false => tasks.iter().map(|task| say(task)).collect::<Vec<_>>().join("; "),
    };
    let assign = |task: &Outreach| task.assign.clone().unwrap_or("nobody in particular".to_owned());
    let due = |task: &Outreach| task.due_at.as_ref().map_or("no time".to_owned(), say);
    let mut failures = Vec::new();
    let has = |wanted: &dyn Fn(&Outreach) -> bool| tasks.iter().any(|task| wanted(task));
    if let Some(wanted) = &expect.assign
        && (expect.due_at.is_some() || !has(&|task| task.assign.as_ref() == Some(wanted)))
    {
        failures.push(failure("assign", wanted, all(&assign)));
    }
    if let Some(wanted) = expect.due_at
        && (expect.assign.is_some() || !has(&|task| task.due_at == Some(wanted)))
    {
        failures.push(failure("due_at", say(&wanted), all(&due)));
    }
    failures.retain(|failure| failure.expected != failure.actual);
    failures
}

/// What the titles and texts have to say, and not to say.
fn words(expect: &Expect, came: &Came<'_>) -> Vec<Failure> {
    let quoted = |of: fn(&Message) -> &str| {
        let texts: Vec<_> = came.messages().map(|m| of(m).trim_end()).collect();
        match texts.is_empty() {
            true => came.told(),
            false => format!("“{}”", texts.join("”, “")),
        }
    };
    let mut failures = Vec::new();
    if let Some(wanted) = &expect.subject_contains
        && !came.messages().any(|message| message.subject.contains(wanted))
    {
        let expected = format!("a subject with “{wanted}”");
        failures.push(failure("subject_contains", expected, quoted(|m| &m.subject)));
    }
    if let Some(wanted) = &expect.body_contains
        && !came.messages().any(|message| message.text.contains(wanted))
    {
        let expected = format!("a text with “{wanted}”");
        failures.push(failure("body_contains", expected, quoted(|m| &m.text)));
    }
    if let Some(unwanted) = &expect.body_lacks
        && let Some(message) = came.messages().find(|message| message.text.contains(unwanted))
    {
        let line = message.text.lines().find(|line| line.contains(unwanted)).unwrap_or_default();
        let expected = format!("no text with “{unwanted}”");
        failures.push(failure("body_lacks", expected, format!("“{}”", line.trim())));
    }
    failures
}
