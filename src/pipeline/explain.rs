//! Why one customer hears from us, or why not: the whole run is considered, as `run` would, and
//! their part of it is told. Of an instant that was decided, what was written down is what counts.

use std::collections::{BTreeMap, BTreeSet};

use super::look_back::look_back_then;
use super::{Considered, EpisodeKey, Found, RunError, Watch, consider, consider_again, find};
use super::{Over, look_back};
use crate::domain::{CustomerId, Decision, Instant, Passage, RuleId, RunReport, SubjectId, Trail};
use crate::pack::Pack;
use crate::signals::View;
use crate::store::Store;

/// On what an explanation rests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Basis {
    /// A run of that instant wrote its decisions down.
    Recorded {
        /// Whether the pack is still the one that it had.
        same_pack: bool,
    },
    /// No run had that instant. It was evaluated as a run would now.
    Now,
    /// No run had that instant, and there are later ones: it was evaluated on the books as they
    /// stood then.
    Then {
        /// The newest run.
        newest: Instant,
    },
}

/// One customer's part of a run.
#[derive(Debug)]
pub struct Explanation {
    /// On what it rests.
    pub basis: Basis,
    /// What the data say, with the customer's own subjects.
    pub found: Found,
    /// The run as it would be, or would have been.
    pub considered: Considered,
    /// The customer's decisions, as recorded or as they would be.
    pub decisions: Vec<Explained>,
    /// The rules that the run evaluated.
    pub evaluated: BTreeSet<RuleId>,
}

/// One decision, and the way to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// What was decided.
    pub decision: Decision,
    /// What each gate looked at. Of a recorded one it is known only where the same decision follows
    /// again from the books before its run and today's data about that instant.
    pub gates: Option<Vec<Passage>>,
}

/// Explains one customer at an instant. `watch.customer` says whom.
///
/// # Errors
/// When the company's data or the state database can't be read.
pub async fn explain(
    pack: &Pack,
    view: &mut View,
    store: Option<&Store>,
    as_of: Instant,
    watch: Watch<'_>,
) -> Result<Explanation, RunError> {
    let rules = pack.rules.keys().cloned().collect();
    let newest = match store {
        Some(store) => store.newest_run().await?,
        None => None,
    };
    let past = store.zip(newest.filter(|newest| as_of <= *newest));
    let Some((store, newest)) = past else {
        let mut found = find(pack, view, as_of, &rules, watch).await?;
        if let Some(store) = store {
            look_back(pack, view, as_of, store, &mut found).await?;
        }
        let considered = consider(pack, &found, store, as_of).await?;
        return Ok(Explanation::evaluated(Basis::Now, found, considered));
    };
    // What is usual now says nothing of what was usual then.
    let watch = Watch { memory: None, ..watch };
    let recorded = store.recorded(as_of).await?;
    let rules = match &recorded {
        Some(report) => {
            evaluated(report).into_iter().filter(|id| pack.rules.contains_key(id)).collect()
        }
        None => rules,
    };
    let mut found = find(pack, view, as_of, &rules, watch).await?;
    look_back_then(pack, view, as_of, store, &mut found).await?;
    let considered = consider_again(pack, &found, store, as_of).await?;
    Ok(match recorded {
        Some(report) => Explanation::recorded(&report, pack, found, considered),
        None => Explanation::evaluated(Basis::Then { newest }, found, considered),
    })
}

impl Explanation {
    fn evaluated(basis: Basis, found: Found, considered: Considered) -> Self {
        let decisions = theirs(&considered.report, &found)
            .map(|decision| Explained {
                gates: trail(&considered, decision).map(|trail| trail.gates.clone()),
                decision: decision.clone(),
            })
            .collect();
        let evaluated = found.rules.keys().cloned().collect();
        Self { basis, found, considered, decisions, evaluated }
    }

    fn recorded(report: &RunReport, pack: &Pack, found: Found, again: Considered) -> Self {
        let decisions = theirs(report, &found)
            .map(|decision| {
                let same = again.report.decisions.iter().any(|other| other == decision);
                let trail = trail(&again, decision).filter(|_| same);
                Explained {
                    gates: trail.map(|trail| trail.gates.clone()),
                    decision: decision.clone(),
                }
            })
            .collect();
        let basis = Basis::Recorded { same_pack: report.pack == pack.hash };
        Self { basis, found, considered: again, decisions, evaluated: evaluated(report) }
    }

    /// The decisions about one subject of a rule.
    pub fn of(&self, rule: &RuleId, subject: &SubjectId) -> Vec<&Explained> {
        let ours = |it: &&Explained| it.decision.rule == *rule && it.decision.subject == *subject;
        self.decisions.iter().filter(ours).collect()
    }

    /// What is over of what they were told.
    pub fn over(&self) -> impl Iterator<Item = (&EpisodeKey, &Over)> {
        let over: &BTreeMap<_, _> = &self.found.over;
        let watched = self.found.watched.as_ref();
        over.iter().filter(move |((_, customer, _), over)| over.told && Some(customer) == watched)
    }
}

fn evaluated(report: &RunReport) -> BTreeSet<RuleId> {
    report.rules.iter().map(|tally| tally.rule.clone()).collect()
}

/// The watched customer's decisions of a run.
fn theirs<'r>(report: &'r RunReport, found: &Found) -> impl Iterator<Item = &'r Decision> {
    let watched: Option<CustomerId> = found.watched.clone();
    report.decisions.iter().filter(move |decision| Some(&decision.customer_id) == watched.as_ref())
}

fn trail<'c>(considered: &'c Considered, decision: &Decision) -> Option<&'c Trail> {
    considered.decided.trails.iter().find(|trail| {
        (&trail.rule, &trail.subject, &trail.channel, trail.position)
            == (&decision.rule, &decision.subject, &decision.channel, decision.position)
            && trail.customer_id == decision.customer_id
    })
}
