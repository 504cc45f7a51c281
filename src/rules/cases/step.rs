//! How a case goes on: what has changed by then, and what has to come out of it.

use chrono::TimeDelta;

use super::row::{add_facts, known_keys};
use super::{Draft, Expect, Suppressed, expect, rivals, suppressed};
use crate::document::{Placed, Section, wrong_value};
use crate::domain::{Facts, Instant, Place, RuleId, Span};

/// One step of a case.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where it is written.
    pub place: Place,
    /// How long after the step before it, or the beginning.
    pub after: Span,
    /// When that is.
    pub as_of: Instant,
    /// Everything that is known by then.
    pub facts: Facts,
    /// Whether the row that the rule looks at is no longer there.
    pub gone: bool,
    /// What the customer is not to hear any more from now on.
    pub suppressed: Vec<Suppressed>,
    /// Rules that want to write to the same person in this run.
    pub rivals: Vec<Placed<RuleId>>,
    /// What has to come out.
    pub expect: Expect,
}

/// Reads a case's steps, each on the facts of the one before it.
pub(super) fn read(case: &Section<'_>, subject: Option<&str>, begin: &Draft) -> Vec<Step> {
    let mut at = begin.as_of;
    let (mut facts, mut gone) = (begin.facts.clone(), false);
    let mut steps = Vec::new();
    for section in case.sections("step") {
        let keys = ["after", "customer", "absent", "gone", "suppressed", "rivals", "expect"];
        section.only(&known_keys(&keys, subject));
        add_facts(&section, subject, &mut facts);
        if subject.is_none() && section.has("gone") {
            let help = "`gone` is for the row of a keyed signal; this rule is about customers";
            section.missing("there is nothing here that could be gone", help);
        }
        gone = section.boolean("gone").unwrap_or(gone);
        let after = after(&section);
        at = at.zip(after).map(|(at, after)| at + after.delta());
        if section.lacks("expect") {
            expect::missing(&section);
        }
        let expect = expect::read(&section);
        let (rivals, suppressed) = (rivals(&section), suppressed::read(&section));
        if let (Some(as_of), Some(after), Some(expect)) = (at, after, expect) {
            let (place, facts) = (section.place(), facts.clone());
            steps.push(Step { place, after, as_of, facts, gone, suppressed, rivals, expect });
        }
    }
    steps
}

fn after(section: &Section<'_>) -> Option<Span> {
    if section.lacks("after") {
        section.missing(
            "the step doesn't say when it plays",
            "write `after = \"3d\"`: three days after the step before it",
        );
    }
    let after: Span = section.parsed("after")?;
    if after.delta() <= TimeDelta::zero() {
        let place = section.get("after").map(|value| section.place_of(value));
        let place = place.unwrap_or_else(|| section.place());
        section.report(wrong_value(place, "after", "a step comes later than the one before it"));
        return None;
    }
    Some(after)
}
