//! The rules that a change in git touches. Nothing is tried here.

use std::collections::BTreeSet;

use crate::domain::{About, Field, RuleId, SignalName};
use crate::pack::{Pack, PackRule};
use crate::revision;

/// The rules whose own files, signals or policy differ from a revision, and those whose cases have
/// one of them as a rival.
///
/// # Errors
/// When git, the repository or the revision is not there.
pub(super) fn changed<'p>(pack: &'p Pack, revision: &str) -> anyhow::Result<Vec<&'p PackRule>> {
    let files = revision::changed_since(&pack.folder, revision)?;
    let mut touched = BTreeSet::new();
    for file in &files {
        let mut parts = file.iter().map(|part| part.to_string_lossy());
        let (Some(first), second) = (parts.next(), parts.next()) else { continue };
        let signal = second.as_deref().and_then(|name| name.split('.').next());
        let reads = |rule: &&PackRule| match (first.as_ref(), signal) {
            ("policy.toml", _) => true,
            ("signals", Some(signal)) => reads(pack, rule, signal),
            (folder, _) => rule.rule.settings.id.as_str() == folder,
        };
        let ids = pack.rules.values().filter(reads).map(|rule| &rule.rule.settings.id);
        touched.extend(ids.cloned());
    }
    let is_touched = |rule: &&PackRule| {
        touched.contains(&rule.rule.settings.id) || rivals(rule).any(|id| touched.contains(id))
    };
    Ok(pack.rules.values().filter(is_touched).collect())
}

/// Whether a rule reads a signal; every one reads the customers.
fn reads(pack: &Pack, rule: &PackRule, signal: &str) -> bool {
    let named = |name: &SignalName| name.as_str() == signal;
    let about = matches!(&rule.rule.settings.about, About::Signal(name) if named(name));
    let read = |field: &Field| matches!(field, Field::Signal(name, _) if named(name));
    named(&pack.signals.customers.name) || about || rule.reads.iter().any(read)
}

fn rivals(rule: &PackRule) -> impl Iterator<Item = &RuleId> {
    let begun = rule.cases.iter().flat_map(|case| &case.rivals);
    let steps = rule.cases.iter().flat_map(|case| &case.steps);
    begun.chain(steps.flat_map(|step| &step.rivals)).map(|rival| &rival.value)
}
