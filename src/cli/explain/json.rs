//! An explanation as JSON. Nothing is left out that the text has.

use serde_json::{Value as Json, json};

use super::Story;
use super::would;
use crate::cli::unwritable;
use crate::domain::{RuleId, SubjectId, format_instant};
use crate::pack::PackRule;
use crate::pipeline::{Basis, Explained, Seen};
use crate::predicate::Comparison;
use crate::rules::{Joint, Read, ReadKind, Weighed, Weight};

impl Story<'_> {
    pub(super) fn json(&self, rules: &[&PackRule]) -> Json {
        let of_rule = |rule: &&PackRule| {
            let id = &rule.rule.settings.id;
            let seen = self.seen(id).into_iter().map(|seen| self.subject_json(rule, seen));
            let gone = self.gone(id).into_iter().map(|subject| self.gone_json(id, subject));
            seen.chain(gone).collect::<Vec<_>>()
        };
        let (basis, same_pack, newest) = match &self.explanation.basis {
            Basis::Recorded { same_pack } => ("recorded", Some(*same_pack), None),
            Basis::Now => ("now", None, None),
            Basis::Then { newest } => ("then", None, Some(format_instant(newest))),
        };
        json!({
            "schema_version": 1,
            "as_of": format_instant(&self.as_of),
            "customer_id": self.customer,
            "basis": basis,
            "same_pack": same_pack,
            "newest_run": newest,
            "subjects": rules.iter().flat_map(of_rule).collect::<Vec<_>>(),
        })
    }

    fn subject_json(&self, rule: &PackRule, seen: &Seen) -> Json {
        let weighed = self.weigh(rule, seen);
        let turns = self.turn(rule, seen, &weighed);
        json!({
            "rule": seen.rule,
            "subject": seen.subject,
            "matched": seen.verdict.as_ref().ok(),
            "error": seen.verdict.as_ref().err().map(|error| &error.message),
            "facts": seen.facts,
            "conditions": condition(&weighed),
            "turns": turns.map(|turn| json!({ "at": format_instant(&turn.at), "to": turn.to })),
            "decisions": self.decisions_json(&seen.rule, &seen.subject),
        })
    }

    fn gone_json(&self, id: &RuleId, subject: &SubjectId) -> Json {
        json!({
            "rule": id,
            "subject": subject,
            "matched": false,
            "error": null,
            "facts": null,
            "conditions": null,
            "turns": null,
            "decisions": self.decisions_json(id, subject),
        })
    }

    fn decisions_json(&self, id: &RuleId, subject: &SubjectId) -> Vec<Json> {
        let times = self.times();
        let told = |explained: &Explained| {
            let mut told = json!(explained.decision);
            let gates = explained.gates.as_deref();
            let would = gates.and_then(|gates| would::told(&explained.decision, gates, &times));
            told["gates"] = json!(gates);
            told["would"] = json!(would);
            let error = self.unwritable(&explained.decision);
            told["unwritable"] = json!(error.as_ref().map(unwritable::error));
            told
        };
        self.explanation.of(id, subject).into_iter().map(told).collect()
    }
}

fn condition(weighed: &Weighed) -> Json {
    let (verdict, value, error) = match &weighed.weight {
        Weight::Holds(true) => ("true", None, None),
        Weight::Holds(false) => ("false", None, None),
        Weight::Gave(crate::domain::Value::Null) => ("absent", None, None),
        Weight::Gave(value) => ("gave", Some(json!(value)), None),
        Weight::Other(what) => ("gave", Some(json!(what)), None),
        Weight::Raised(error) => ("raised", None, Some(&error.message)),
        Weight::NotReached => ("not_reached", None, None),
    };
    let joint = match weighed.joint {
        Joint::Alone => "alone",
        Joint::All => "all",
        Joint::Any => "any",
        Joint::Not => "not",
        Joint::If => "if",
        Joint::Named => "named",
    };
    let compared = weighed.compared.as_ref();
    json!({
        "text": weighed.text,
        "line": weighed.line,
        "verdict": verdict,
        "value": value,
        "error": error,
        "decides": weighed.decides,
        "reads": weighed.reads.iter().map(read).collect::<Vec<_>>(),
        "compared": compared.map(|c| json!({ "is": c.is, "how": sign(c.how), "with": c.with })),
        "turns": weighed.turns.map(|turn| json!({ "at": format_instant(&turn.at), "to": turn.to })),
        "not_taken_apart": weighed.hole,
        "joint": joint,
        "parts": weighed.parts.iter().map(condition).collect::<Vec<_>>(),
    })
}

fn read(read: &Read) -> Json {
    let (kind, of) = match &read.kind {
        ReadKind::Field => ("field", None),
        ReadKind::Constant => ("constant", None),
        ReadKind::Variable => ("variable", None),
        ReadKind::Time(_, of) => ("time", Some(of)),
    };
    json!({ "name": read.name, "value": read.value, "kind": kind, "of": of })
}

fn sign(how: Comparison) -> &'static str {
    match how {
        Comparison::Equal => "==",
        Comparison::Unequal => "!=",
        Comparison::Less => "<",
        Comparison::AtMost => "<=",
        Comparison::Greater => ">",
        Comparison::AtLeast => ">=",
    }
}
