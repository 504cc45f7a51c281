//! `lookout plan`: what a change of the pack does to whom, and what a run would do, written down.
//! Both versions are decided in full, in one view of the data and on the same history.

mod base;
mod changes;
mod json;
mod markdown;
mod silence;
mod text;

use std::collections::BTreeSet;

use super::args::{self, Exit, FailOn, Global};
use super::decisions::Kind;
use super::file::{self, Kind as FileKind};
use super::output::Output;
use super::telling::{self, Origin};
use super::unwritable;
use super::wording::{Times, counted};
use crate::app::{self, AppError};
use crate::domain::{Instant, RuleId};
use crate::pack::Pack;
use crate::pipeline::difference::{self, Difference, Side};
use crate::pipeline::plan::Plan;
use crate::pipeline::{self, Considered, Found};
use crate::scheduler::Schedule;
use crate::signals::View;
use crate::store::{Store, StoreError};
use base::Base;

/// A plan, by how it begins.
const PLAN: FileKind = FileKind { called: "plan", mark: "\"schema_version\": 1,\n  \"plan\": \"" };

pub(super) async fn run(
    global: &Global,
    args: &args::Plan,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    if let Some(file) = &args.out {
        file::can_be_written(file, PLAN)?;
    }
    let config = super::config_seeing(global, &args.seen)?;
    let pack = app::pack(&config)?;
    let base = match is_compared(args) {
        true => Some(base::load(&config.rules, args.base.as_deref().unwrap_or("HEAD"))?),
        false => None,
    };
    let source = app::source(&config).await?;
    let store = app::history(&config).await?;
    let as_of = app::as_of(global.as_of, Some(&source));
    let mut view = source.view(as_of).await?;
    // What is written down is what a run would do.
    let due = args.due || args.out.is_some();
    let mut study = Study { view: &mut view, store: store.as_ref(), as_of, due, output };
    let found = study.find(&pack).await?;
    let found_before = match &base {
        Some(base) => Some(study.find(&base.pack).await.map_err(|e| base.named(e))?),
        None => None,
    };
    let older = base.as_ref().zip(found_before.as_ref());
    let (after, before) = study.decide((&pack, &found), older).await?;
    let origin =
        Origin { source: source.describe(), history: super::dry_run::history(store.as_ref()) };
    let history = store.is_some().then_some(after.version.0);
    let plan = Plan::of(&pack, &found, &after, as_of, origin.source.clone(), history);
    let (_, unwritable) = unwritable::look(&pack, &telling::with_held(&after, args.all));
    let plan = plan.with_unwritable(unwritable::json(&unwritable));
    tell_not_due(&pack, &after, as_of, output);
    if args.out.is_some() && source.is_masked() {
        output.remark(
            "A masked snapshot has no real addresses: `lookout apply` would leave out whatever goes to \
             one. Make a plan that is to be applied from the database.",
        );
    }
    let Some((base, before)) = base.as_ref().zip(before.as_ref()) else {
        return only_written(args, &pack, &after, &plan, &origin, output);
    };
    let old = Side { pack: &base.pack, considered: before };
    let new = Side { pack: &pack, considered: &after };
    let difference = difference::compare(old, new, as_of);
    let plan = plan.with_comparison(json::comparison(base, &difference, before, &after));
    if source.snapshot_as_of().is_some() && base.reads_otherwise(&pack) {
        output.remark(
            "The signals differ between the two versions, and a snapshot has the rows of one: both \
             were read from it. A database gives each its own.",
        );
    }
    let partly = !unwritable.is_empty() || telling::partly(&after.report);
    let unwritable = unwritable::alarms(&unwritable);
    let (difference, unwritable) = (&difference, &unwritable);
    let origin = &origin;
    let known = changes::Known::of(old, new);
    let compared =
        changes::Compared { base, old, new, difference, unwritable, as_of, origin, known };
    match (super::is_json(output), args.markdown) {
        (true, _) => output.json(&plan),
        (false, true) => output.text(&markdown::page(&compared, args.all)),
        (false, false) => output.text(&text::page(&compared, args.all)),
    }
    written(args, &plan, output)?;
    let failed = tell_limits(&args.fail_on, difference, after.report.totals.customers, output);
    Ok(match (failed, partly) {
        (true, _) => Exit::Findings,
        (false, true) => Exit::Partly,
        (false, false) => Exit::Fine,
    })
}

/// Whether two versions are compared; not where a plan is only to be written.
fn is_compared(args: &args::Plan) -> bool {
    args.base.is_some() || args.out.is_none() || args.markdown || !args.fail_on.is_empty()
}

/// Two versions looked at in one view.
struct Study<'a> {
    view: &'a mut View,
    store: Option<&'a Store>,
    as_of: Instant,
    due: bool,
    output: &'a Output,
}

impl Study<'_> {
    async fn find(&mut self, pack: &Pack) -> Result<Found, AppError> {
        let rules: BTreeSet<RuleId> = match self.due {
            false => pack.rules.keys().cloned().collect(),
            true => app::due(pack, self.store, self.as_of).await?,
        };
        super::find(pack, self.view, self.as_of, &rules, None, self.store, self.output).await
    }

    /// Decides what was found, and what the older version found, on the same state of the books.
    async fn decide(
        &self,
        (pack, found): (&Pack, &Found),
        older: Option<(&Base, &Found)>,
    ) -> Result<(Considered, Option<Considered>), AppError> {
        const TRIES: u32 = 20;
        for _ in 0..TRIES {
            let after = pipeline::consider(pack, found, self.store, self.as_of).await?;
            let Some((base, found)) = older else { return Ok((after, None)) };
            let before = pipeline::consider(&base.pack, found, self.store, self.as_of).await?;
            if before.version == after.version {
                return Ok((after, Some(before)));
            }
        }
        Err(StoreError::Moved.into())
    }
}

/// Names the rules that a run would leave alone, and until when.
fn tell_not_due(pack: &Pack, considered: &Considered, as_of: Instant, output: &mut Output) {
    let times = Times { zone: pack.policy.calendar.timezone, as_of };
    let next = |schedule: &Option<Schedule>| schedule.as_ref()?.next_after(as_of, times.zone);
    let schedules = pack.schedules();
    let not_due = schedules.iter().filter(|(rule, _)| !considered.rules.contains_key(rule));
    let not_due: Vec<String> = not_due
        .map(|(rule, schedule)| match next(schedule) {
            Some(next) => format!("{rule} ({})", times.say(&next)),
            None => rule.to_string(),
        })
        .collect();
    if !not_due.is_empty() {
        output.remark(&format!("Not due, so not in this plan: {}.", not_due.join(", ")));
    }
}

/// Tells a plan that is compared with nothing.
fn only_written(
    args: &args::Plan,
    pack: &Pack,
    considered: &Considered,
    plan: &Plan,
    origin: &Origin,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    match super::is_json(output) {
        true => output.json(plan),
        false => {
            telling::considered(Kind::Plan, considered, pack, origin, args.all, output);
        }
    }
    written(args, plan, output)?;
    let partly = !plan.unwritable.is_empty() || telling::partly(&considered.report);
    Ok(if partly { Exit::Partly } else { Exit::Fine })
}

/// Writes the plan where that was asked for, and says what can be done with it.
fn written(args: &args::Plan, plan: &Plan, output: &mut Output) -> anyhow::Result<()> {
    let Some(file) = &args.out else { return Ok(()) };
    let mut text = serde_json::to_string_pretty(plan)?;
    text.push('\n');
    file::write(file, PLAN, &text)?;
    if !super::is_json(output) && !args.markdown {
        let file = file.display();
        output.text(&format!(
            "\n{} in {file}. `lookout apply {file}` does that, and nothing else.",
            counted(plan.rows.len() as u64, "planned row")
        ));
    }
    Ok(())
}

/// Says which limits are passed, and whether any is.
fn tell_limits(
    limits: &[FailOn],
    difference: &Difference,
    customers: u64,
    output: &mut Output,
) -> bool {
    let differ = difference.customers() as u64;
    let tasks =
        difference.changes.iter().filter(|c| c.is_task && c.kind != difference::Kind::Reason);
    let tasks = tasks.count() as u64;
    let mut failed = false;
    for limit in limits {
        let passed = match limit {
            FailOn::Changes => difference.is_noticed(),
            FailOn::MoreThan(count) => differ > *count,
            FailOn::Share(share) => is_beyond(differ, *share, customers),
        };
        if passed {
            let differ = counted(differ, "customer");
            let mut said = format!("{differ} of {customers} would hear something different");
            if tasks > 0 {
                said.push_str(&format!(", and {} would differ", counted(tasks, "task")));
            }
            output.remark(&format!("--fail-on {limit}: {said}."));
        }
        failed |= passed;
    }
    failed
}

/// Whether so many are more than a share of all, in percent: in millionths of one, and so without the
/// rounding that would make a share of itself too much.
fn is_beyond(differ: u64, share: f64, customers: u64) -> bool {
    const MILLIONTHS: f64 = 1e6;
    let allowed = (share * MILLIONTHS).round() as u128 * u128::from(customers);
    u128::from(differ) * 100 * MILLIONTHS as u128 > allowed
}

#[cfg(test)]
mod tests {
    use super::is_beyond;

    #[test]
    fn just_the_share_is_not_beyond_it() {
        assert!(!is_beyond(326, 6.52, 5000));
        assert!(is_beyond(327, 6.52, 5000));
        assert!(!is_beyond(0, 0.0, 5000));
        assert!(is_beyond(1, 0.0, 5000));
    }
}
