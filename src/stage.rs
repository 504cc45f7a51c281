//! The stage: a case as it plays out, step by step, on books of its own. Each step is a run and what
//! leaves until the next one, by the code of real runs; nothing is decided here.

mod earlier;

use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::domain::Instant;
use crate::pack::{Pack, PackRule};
use crate::pipeline::case::{self, Played, Scene};
use crate::pipeline::{RunError, commit};
use crate::rehearsal::Rehearsal;
use crate::rules::cases::{Case, Expect};

/// Plays a case: one run, or one for each of its steps after the first. What waits between two steps
/// leaves at its own minute, and what is due at the minute of a step leaves before it.
///
/// # Errors
/// When the books in memory can't be made, read or written.
pub async fn play(pack: &Pack, rule: &PackRule, case: &Case) -> Result<Vec<Played>, RunError> {
    match case.steps.is_empty() {
        true => Ok(vec![case::play(pack, rule, case)]),
        // What a run would log happens to nobody here.
        false => play_out(pack, rule, case).with_subscriber(NoSubscriber::default()).await,
    }
}

/// Plays a case on books, also where it has no steps; one that begins with `resolved` has none.
///
/// # Errors
/// When the books in memory can't be made, read or written.
pub async fn play_out(pack: &Pack, rule: &PackRule, case: &Case) -> Result<Vec<Played>, RunError> {
    let rehearsal = Rehearsal::new(pack).await?;
    earlier::write_down(pack, rule, case, rehearsal.store()).await?;
    let begin = Scene { as_of: case.as_of, facts: &case.facts, gone: false, rivals: &case.rivals };
    let mut played = vec![run(pack, rule, &begin, &case.expect, &rehearsal).await?];
    for step in &case.steps {
        leave(pack, rule, &rehearsal, step.as_of).await?;
        let (facts, rivals) = (&step.facts, &step.rivals);
        let scene = Scene { as_of: step.as_of, facts, gone: step.gone, rivals };
        earlier::suppress(pack, rule, &step.suppressed, &scene, rehearsal.store()).await?;
        played.push(run(pack, rule, &scene, &step.expect, &rehearsal).await?);
    }
    Ok(played)
}

/// Lets leave what is due up to `until`, each at its own minute: the rule's own messages by the worker,
/// those of its rivals without a word, as theirs are not what is tried.
async fn leave(
    pack: &Pack,
    rule: &PackRule,
    rehearsal: &Rehearsal,
    until: Instant,
) -> Result<(), RunError> {
    let store = rehearsal.store();
    let mut last = None;
    // What the worker leaves where it is, is left to it.
    while let Some(due) = store.next_due().await?.filter(|due| *due <= until && last < Some(*due)) {
        earlier::let_rivals_go(rule, store, due).await?;
        rehearsal.deliver(pack, None, due).await?;
        last = Some(due);
    }
    rehearsal.deliver(pack, None, until).await?;
    Ok(())
}

async fn run(
    pack: &Pack,
    rule: &PackRule,
    scene: &Scene<'_>,
    expect: &Expect,
    rehearsal: &Rehearsal,
) -> Result<Played, RunError> {
    let store = rehearsal.store();
    let as_of: Instant = scene.as_of;
    let (mut found, matched) = case::find(pack, rule, scene);
    case::look_back(pack, rule, scene, store, &mut found).await?;
    let considered = commit(pack, &found, store, as_of, as_of).await?;
    let matched = case::verdict(rule, matched, &considered);
    let failures = case::failures(pack, rule, expect, &matched, &considered);
    let facts = case::complete(pack, rule, scene.facts);
    Ok(Played { as_of, facts, matched, considered, failures })
}
