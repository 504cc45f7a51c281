//! `lookout explain`: why a customer hears from us, or why not. The whole run is considered, as
//! `run` would, and one customer's part of it is told: whoever else wants to write to the same
//! person is part of the answer.

pub mod as_case;
mod conditions;
mod gates;
mod json;
mod subject;
mod would;

use std::collections::BTreeSet;

use super::args::{Exit, Explain, Global};
use super::output::{BOLD, Output, RESET};
use super::tables::aligned;
use super::wording::{self, Times};
use crate::app::{self, AppError};
use crate::domain::{CustomerId, Decision, Instant, RuleId, SubjectId};
use crate::pack::{Pack, PackRule};
use crate::pipeline::{self, Basis, Explanation, Seen, Watch};
use crate::rules::{Turn, Weighed};
use crate::store::Store;
use crate::templates::RenderError;

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
    let as_of = match args.run {
        true => newest(global, store.as_ref()).await?,
        false => app::as_of(global.as_of, Some(&source)),
    };
    let mut view = source.view(as_of).await?;
    let customer = super::whom::find(&pack.signals, &mut view, &args.customer).await?.id;
    let explanation = explain(&pack, &mut view, store.as_ref(), as_of, &customer, output).await?;
    if args.as_case {
        let (pack, store, explanation) = (&pack, store.as_ref(), &explanation);
        let told = as_case::Told { pack, customer: &customer, explanation, store, as_of };
        return as_case::run(&told, &rules, output).await;
    }
    let story = Story { pack: &pack, customer: &customer, explanation: &explanation, as_of };
    if super::is_json(output) {
        output.json(&story.json(&rules));
    } else {
        let history = super::dry_run::history(store.as_ref());
        output.text(&story.text(&rules, &source.describe(), &history));
    }
    Ok(Exit::Fine)
}

/// The instant of the newest run.
async fn newest(global: &Global, store: Option<&Store>) -> anyhow::Result<Instant> {
    anyhow::ensure!(
        global.as_of.is_none(),
        "--run is the newest run, and --as-of says another instant; leave one of them out"
    );
    let newest = match store {
        Some(store) => store.newest_run().await?,
        None => None,
    };
    newest.ok_or_else(|| {
        anyhow::anyhow!("there was no run yet; leave --run out to see what one would decide")
    })
}

async fn explain(
    pack: &Pack,
    view: &mut crate::signals::View,
    store: Option<&Store>,
    as_of: Instant,
    customer: &CustomerId,
    output: &Output,
) -> Result<Explanation, AppError> {
    let memory = match store {
        Some(store) => Some(store.memory().await?),
        None => None,
    };
    let progress = output.progress("rows judged", None);
    let tell = |rows| progress.reach(rows);
    let watch = Watch {
        progress: Some(&tell),
        customer: Some(customer),
        memory: memory.as_ref(),
        nobody_else: false,
    };
    Ok(pipeline::explain(pack, view, store, as_of, watch).await?)
}

/// What is told of one customer.
struct Story<'a> {
    pack: &'a Pack,
    customer: &'a CustomerId,
    explanation: &'a Explanation,
    as_of: Instant,
}

impl Story<'_> {
    fn times(&self) -> Times {
        Times { zone: self.pack.policy.calendar.timezone, as_of: self.as_of }
    }

    fn seen(&self, rule: &RuleId) -> Vec<&Seen> {
        self.explanation.found.seen.iter().filter(|seen| seen.rule == *rule).collect()
    }

    /// Whether somebody was told of it, and it is over.
    fn is_over(&self, rule: &RuleId, subject: &SubjectId) -> bool {
        self.explanation.over().any(|((id, _, over), _)| id == rule && over == subject)
    }

    /// What was decided or told of that a rule does not even see any more.
    fn gone(&self, rule: &RuleId) -> Vec<&SubjectId> {
        let seen: BTreeSet<_> = self.seen(rule).into_iter().map(|seen| &seen.subject).collect();
        let over = self.explanation.over().map(|((id, _, subject), _)| (id, subject));
        let decided = self.explanation.decisions.iter();
        let decided = decided.map(|it| (&it.decision.rule, &it.decision.subject));
        let gone =
            over.chain(decided).filter(|(id, subject)| *id == rule && !seen.contains(subject));
        gone.map(|(_, subject)| subject).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn weigh(&self, rule: &PackRule, seen: &Seen) -> Weighed {
        self.pack.engine.weigh(&rule.rule, &seen.facts, self.as_of)
    }

    /// When time alone turns what a rule says of a subject.
    fn turn(&self, rule: &PackRule, seen: &Seen, weighed: &Weighed) -> Option<Turn> {
        // What could not be read turns nothing.
        let agrees = seen.verdict.as_ref().ok().copied() == weighed.holds();
        agrees.then(|| self.pack.engine.turn(&rule.rule, &seen.facts, weighed)).flatten()
    }

    fn text(&self, rules: &[&PackRule], source: &str, history: &str) -> String {
        let times = self.times();
        let seen = &self.explanation.found.seen;
        let name = seen.iter().find_map(|seen| seen.facts.customer().text("name"));
        let name = name.map(|name| format!("  {}", wording::plain(&name))).unwrap_or_default();
        let head = [
            vec!["as of".to_owned(), times.heading()],
            vec!["data".to_owned(), source.to_owned()],
            vec!["history".to_owned(), history.to_owned()],
            vec!["decided".to_owned(), self.basis(&times)],
        ];
        let customer = wording::plain(self.customer.as_str());
        let mut text = format!("{BOLD}{customer}{name}{RESET}\n{}", aligned(&head, 2));
        for rule in rules {
            text.push('\n');
            text.push_str(&self.rule(rule, &times));
        }
        text
    }

    /// Why the words of a decision can't be written, where it has some that can't.
    fn unwritable(&self, decision: &Decision) -> Option<RenderError> {
        let decided = &self.explanation.considered.decided;
        let held = decided.held.iter().map(|held| &held.outreach);
        let mut outreaches = decided.outreaches.iter().chain(held);
        let key = decision.outreach.as_ref()?;
        let outreach = outreaches.find(|outreach| outreach.key == *key)?;
        self.pack.message(outreach, None).err()
    }

    fn basis(&self, times: &Times) -> String {
        match &self.explanation.basis {
            Basis::Recorded { same_pack: true } => {
                "as recorded by the run of that instant; conditions by the data as they are now".to_owned()
            }
            Basis::Recorded { same_pack: false } => {
                "as recorded by the run of that instant; the pack has changed since, and conditions \
                 are those of today's"
                    .to_owned()
            }
            Basis::Now => "by no run yet: this is what one would decide".to_owned(),
            Basis::Then { newest } => format!(
                "by no run: this is what one would have decided, on the books as they stood then \
                 (the newest run is of {})",
                times.say(newest)
            ),
        }
    }
}
