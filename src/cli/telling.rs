//! A considered run, gathered for those who read it: names, titles, the rules' own words.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::decisions::{self, Kind, RuleNote, Told};
use super::output::Output;
use super::unwritable;
use crate::domain::{Alarm, CustomerId, Outreach, OutreachKey, RuleId, RunReport};
use crate::pack::Pack;
use crate::pipeline::{Considered, FailedRow, Quarantine, RuleFound};

/// Where a run's data and history came from, in words.
pub(super) struct Origin {
    /// The company's data.
    pub source: String,
    /// The history.
    pub history: String,
}

/// A run's document, with what of it can't be rendered.
#[derive(Serialize)]
struct Run<'a> {
    #[serde(flatten)]
    report: &'a RunReport,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unwritable: &'a [serde_json::Value],
}

/// Tells a run that was just considered, as text or as the JSON contract; says whether words of it
/// can't be written.
pub(super) fn considered(
    kind: Kind,
    considered: &Considered,
    pack: &Pack,
    origin: &Origin,
    all: bool,
    output: &mut Output,
) -> bool {
    let outreaches = &with_held(considered, all);
    let (titles, unwritable) = unwritable::look(pack, outreaches);
    if super::is_json(output) {
        let unwritable = unwritable::json(&unwritable);
        output.json(&Run { report: &considered.report, unwritable: &unwritable });
        return !unwritable.is_empty();
    }
    let rules = pack.rules.keys().map(|id| (id.clone(), note(pack, id, considered.rules.get(id))));
    let names = considered.rules.values().flat_map(|rule| &rule.matches);
    let names = names.filter_map(|m| Some((m.customer.clone(), m.facts.customer().text("name")?)));
    tell(
        kind,
        &considered.report,
        outreaches,
        (&titles, &unwritable::alarms(&unwritable)),
        &names.collect(),
        &rules.collect(),
        pack,
        origin,
        all,
        output,
    );
    for problem in left_out(considered) {
        output.text(&super::diagnostics::text(&[problem], "the signals"));
    }
    !unwritable.is_empty()
}

/// Tells a run that was decided before.
pub(super) fn recorded(report: &RunReport, pack: &Pack, origin: &Origin, output: &mut Output) {
    if super::is_json(output) {
        return output.json(report);
    }
    let rules = pack.rules.keys().map(|id| (id.clone(), note(pack, id, None))).collect();
    let untitled = (&BTreeMap::new(), &[][..]);
    let names = BTreeMap::new();
    tell(Kind::Recorded, report, &[], untitled, &names, &rules, pack, origin, false, output);
}

#[allow(clippy::too_many_arguments)]
fn tell(
    kind: Kind,
    report: &RunReport,
    outreaches: &[Outreach],
    (titles, unwritable): (&BTreeMap<OutreachKey, String>, &[Alarm]),
    names: &BTreeMap<CustomerId, String>,
    rules: &BTreeMap<RuleId, RuleNote>,
    pack: &Pack,
    origin: &Origin,
    all: bool,
    output: &mut Output,
) {
    let told = Told {
        kind,
        report,
        outreaches,
        titles,
        unwritable,
        names,
        rules,
        zone: pack.policy.calendar.timezone,
        source: &origin.source,
        history: &origin.history,
        all,
    };
    output.text(&decisions::text(&told));
}

fn note(pack: &Pack, id: &RuleId, fared: Option<&RuleFound>) -> RuleNote {
    let rule = pack.rules.get(id).map(|rule| &rule.rule);
    let file = rule.map(|rule| rule.file.display().to_string()).unwrap_or_default();
    let told = |row: &FailedRow| {
        let place = row.error.line.map(|line| format!(" ({file}:{line})")).unwrap_or_default();
        let subject = match row.subject.as_str() == row.customer.as_str() {
            true => row.customer.to_string(),
            false => format!("{} {}", row.customer, row.subject),
        };
        format!("{subject}: {}{place}", row.error.message)
    };
    let mut errors: Vec<String> =
        fared.map(|f| f.samples.iter().map(told).collect()).unwrap_or_default();
    if let Some(problems) = fared.and_then(|f| f.quarantine.as_ref()).map(Quarantine::problems) {
        let place =
            |p: &crate::domain::Problem| p.place.line.map_or(String::new(), |l| format!(":{l}"));
        errors.extend(
            problems
                .iter()
                .map(|p| format!("{} ({}{})", p.message, p.place.file.display(), place(p))),
        );
    }
    RuleNote { summary: rule.map(|r| r.settings.summary.clone()).unwrap_or_default(), errors }
}

/// How many of a rule's held messages are told with their titles, unless all are asked for.
const TITLED: usize = 12;

/// What goes out, and what is held as far as it is shown.
pub(super) fn with_held(considered: &Considered, all: bool) -> Vec<Outreach> {
    let mut told = considered.decided.outreaches.clone();
    let mut shown: BTreeMap<&RuleId, usize> = BTreeMap::new();
    for held in &considered.decided.held {
        let shown = shown.entry(&held.outreach.rule).or_default();
        *shown += 1;
        if all || *shown <= TITLED {
            told.push(held.outreach.clone());
        }
    }
    told
}

/// The problems of signals for which rules were left out, each once.
fn left_out(considered: &Considered) -> BTreeSet<crate::domain::Problem> {
    let quarantined = considered.rules.values().filter_map(|rule| rule.quarantine.as_ref());
    let problems = quarantined.filter_map(|why| match why {
        Quarantine::Signals(problems) => Some(problems),
        Quarantine::Errors | Quarantine::FindsNobody(_) => None,
    });
    problems.flatten().cloned().collect()
}

/// Whether some of the work could not be done.
pub(super) fn partly(report: &RunReport) -> bool {
    report.rules.iter().any(|rule| rule.quarantined)
}
