//! Which of a plan's rows are kept: all candidates are decided as in any run, and those that are
//! planned, and still as they were planned, once more among themselves. Pure: the same inputs give
//! the same bytes, and no candidate is without a decision.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;

use super::carried::{Became, Because, Changed, LeftOut, Planned};
use super::{Place, Row, address_mark, mark, subject_of};
use crate::domain::{
    Ask, Candidate, CustomerId, Decided, Decision, History, Instant, Outcome, Outreach,
    OutreachKey, Refusal, RuleId, SubjectId,
};
use crate::pack::Pack;
use crate::pipeline::{Considered, Found, RuleFound, ask, considered};
use crate::policy::{self, Evaluation};

/// Decides what a plan still does.
pub(super) fn decide(
    pack: &Pack,
    found: &Found,
    planned: &Planned,
    history: &History,
    as_of: Instant,
) -> Considered {
    let (evaluation, rules) = ask::ask(pack, found, history, as_of);
    let settings = pack.settings();
    let whole = policy::decide(&evaluation, &settings, &pack.policy, history, as_of);
    let table = Table::of(planned, &evaluation, &whole, &rules, history, as_of);
    let kept = table.keep();
    let decided = match kept.is_whole {
        true => whole.clone(),
        false => {
            let mut decided =
                policy::decide(&kept.evaluation, &settings, &pack.policy, history, as_of);
            decided.decisions.extend(kept.decisions.iter().cloned());
            decided.decisions.sort_by(|a, b| order(a).cmp(&order(b)));
            decided
        }
    };
    let became = table.became(&kept, &decided, history);
    let mut considered = considered(pack, found, history, as_of, (decided, rules.clone()));
    considered.report.plan = Some(planned.plan.plan.clone());
    considered.became = became;
    considered
}

fn order(decision: &Decision) -> (&RuleId, &CustomerId, &SubjectId, &str, u32) {
    let Decision { rule, customer_id, subject, channel, position, .. } = decision;
    (rule, customer_id, subject, &channel.0, *position)
}

/// The table as any run has it, and the plan.
struct Table<'a> {
    planned: &'a Planned,
    evaluation: &'a Evaluation,
    rules: &'a BTreeMap<RuleId, RuleFound>,
    as_of: Instant,
    rows: HashMap<Place, &'a Row>,
    decisions: HashMap<(&'a RuleId, &'a CustomerId, &'a SubjectId, u32), &'a Decision>,
    outreaches: HashMap<&'a OutreachKey, &'a Outreach>,
    /// What waits in the outbox, by what it speaks of.
    waiting: BTreeSet<(&'a RuleId, &'a CustomerId, &'a SubjectId, bool)>,
}

/// What stays on the table, and what was decided of the rest.
struct Kept {
    evaluation: Evaluation,
    /// Whether nothing was taken from the table that would have gone out, and nothing is worth doing
    /// for a shorter time than the table had it.
    is_whole: bool,
    decisions: Vec<Decision>,
    /// Why rows are not what was planned.
    changed: HashMap<Place, Changed>,
}

/// What becomes of a candidate.
enum Fate {
    /// It stays, just as the whole table decided it; its key, and until when it is worth doing, where
    /// that was planned.
    Stays(Candidate, Option<(OutreachKey, Instant)>),
    /// It leaves with this decision; in what it is not as planned, where it was planned.
    Leaves(Decision, Option<Changed>),
}

impl<'a> Table<'a> {
    fn of(
        planned: &'a Planned,
        evaluation: &'a Evaluation,
        whole: &'a Decided,
        rules: &'a BTreeMap<RuleId, RuleFound>,
        history: &'a History,
        as_of: Instant,
    ) -> Self {
        let key = |d: &'a Decision| ((&d.rule, &d.customer_id, &d.subject, d.position), d);
        let outreaches = whole.outreaches.iter().chain(whole.held.iter().map(|h| &h.outreach));
        let waiting = history.waiting.iter().map(|waiting| &waiting.outreach);
        let waiting = waiting.flat_map(|o| {
            o.subjects.iter().map(|s| (&o.rule, &s.customer, &s.subject, o.last_word))
        });
        Self {
            planned,
            evaluation,
            rules,
            as_of,
            rows: planned.plan.rows.iter().map(|row| (row.place(), row)).collect(),
            decisions: whole.decisions.iter().map(key).collect(),
            outreaches: outreaches.map(|outreach| (&outreach.key, outreach)).collect(),
            waiting: waiting.collect(),
        }
    }

    fn decision(&self, row: &Row) -> Option<&'a Decision> {
        let place = (&row.rule, &row.customer_id, &row.subject, row.position);
        self.decisions.get(&place).copied()
    }

    /// Takes from the table what is not planned, or is not what was planned, or is refused.
    fn keep(&self) -> Kept {
        let mut evaluation = self.evaluation.clone();
        evaluation.candidates.clear();
        evaluation.last_words.clear();
        let mut kept =
            Kept { evaluation, is_whole: true, decisions: Vec::new(), changed: HashMap::new() };
        for candidate in &self.evaluation.candidates {
            match self.fate(candidate, false) {
                None => {}
                Some(Fate::Stays(candidate, expires)) => {
                    kept.evaluation.candidates.push(candidate);
                    kept.evaluation.expires.extend(expires);
                }
                Some(Fate::Leaves(decision, changed)) => {
                    kept.leave(candidate, false, decision, changed);
                }
            }
        }
        let mut last_words: BTreeMap<_, Vec<&Candidate>> = BTreeMap::new();
        for candidate in &self.evaluation.last_words {
            let matched = &candidate.matched;
            let about = (&matched.rule, &matched.customer, &matched.subject);
            last_words.entry(about).or_default().push(candidate);
        }
        for of_one in last_words.into_values() {
            self.keep_last_words(&of_one, &mut kept);
        }
        kept.is_whole &= self.planned.plan.as_of == self.as_of;
        kept
    }

    /// All of an episode's last words go, or none: it stays open for the next run to say them.
    fn keep_last_words(&self, of_one: &[&Candidate], kept: &mut Kept) {
        let fates: Vec<_> = of_one.iter().filter_map(|c| Some((*c, self.fate(c, true)?))).collect();
        if fates.iter().all(|(_, fate)| matches!(fate, Fate::Stays(..))) {
            for (_, fate) in fates {
                if let Fate::Stays(candidate, expires) = fate {
                    kept.evaluation.last_words.push(candidate);
                    kept.evaluation.expires.extend(expires);
                }
            }
            return;
        }
        for (candidate, fate) in fates {
            let (decision, changed) = match fate {
                Fate::Leaves(decision, changed) => (decision, changed),
                Fate::Stays(..) => {
                    let Some(decision) = self.decision_of(candidate) else { continue };
                    let changed = Changed::NotWhole;
                    (not_planned(decision, Some(&changed)), Some(changed))
                }
            };
            kept.leave(candidate, true, decision, changed);
            let matched = &candidate.matched;
            if let Some(judged) = kept.evaluation.rules.get_mut(&matched.rule) {
                judged.failing.insert((matched.customer.clone(), matched.subject.clone()));
            }
            // The episode ends in the whole table, and here it does not.
            kept.is_whole = false;
        }
    }

    fn decision_of(&self, candidate: &Candidate) -> Option<&'a Decision> {
        let matched = &candidate.matched;
        let place = (&matched.rule, &matched.customer, &matched.subject, candidate.position);
        self.decisions.get(&place).copied()
    }

    /// None for what was not on the table.
    fn fate(&self, candidate: &Candidate, last_word: bool) -> Option<Fate> {
        let decision = self.decision_of(candidate)?;
        let matched = &candidate.matched;
        let (rule, customer, subject) = (&matched.rule, &matched.customer, &matched.subject);
        let waits = decision.channel.is_contact()
            && self.waiting.contains(&(rule, customer, subject, last_word));
        if waits {
            return Some(Fate::Stays(candidate.clone(), None));
        }
        if decision.outcome == Outcome::Refused {
            return Some(Fate::Leaves(decision.clone(), None));
        }
        let place =
            (rule.clone(), customer.clone(), subject.clone(), candidate.position, last_word);
        let Some(row) = self.rows.get(&place) else {
            return Some(Fate::Leaves(not_planned(decision, None), None));
        };
        if let Some(changed) = self.changed(row, decision) {
            let decision = not_planned(decision, Some(&changed));
            return Some(Fate::Leaves(decision, Some(changed)));
        }
        let mut pinned = candidate.clone();
        let outreach = self.outreach(decision)?;
        // A channel that was found with everybody on the table is not looked for again.
        pinned.asked.ask = Ask::Send(outreach.channel.clone(), outreach.template.clone());
        let key = subject_of(outreach, decision)?.dedupe_key.clone();
        Some(Fate::Stays(pinned, Some((key, row.expires_at))))
    }

    fn outreach(&self, decision: &Decision) -> Option<&'a Outreach> {
        self.outreaches.get(decision.outreach.as_ref()?).copied()
    }

    /// In what something that may go out is not what was planned.
    fn changed(&self, row: &Row, decision: &Decision) -> Option<Changed> {
        let outreach = self.outreach(decision)?;
        let subject = subject_of(outreach, decision)?;
        let assign = outreach.assign.as_ref().map(|whom| mark(subject, whom));
        let began = subject.episode_started_at;
        let same_episode = match row.episode {
            Some(episode) => began == episode,
            None => began >= self.planned.plan.as_of,
        };
        if !same_episode {
            Some(Changed::BeganAgain)
        } else if subject.ordinal != row.ordinal {
            Some(Changed::Contacted)
        } else if row.expires_at < self.as_of.max(outreach.not_before) {
            Some(Changed::TooLate(row.expires_at))
        } else if outreach.channel != row.channel {
            Some(Changed::Channel(outreach.channel.0.clone()))
        } else if outreach.template != row.template {
            Some(Changed::Template(outreach.template.clone()))
        } else if address_mark(outreach, subject) != row.address {
            Some(Changed::Address)
        } else if assign != row.assign {
            Some(Changed::Assign)
        } else {
            None
        }
    }

    /// What becomes of each row.
    fn became(&self, kept: &Kept, decided: &Decided, history: &History) -> Became {
        let decided: HashMap<_, _> = decided
            .decisions
            .iter()
            .map(|d| ((&d.rule, &d.customer_id, &d.subject, d.position), d))
            .collect();
        let mut became = Became::default();
        for row in &self.planned.plan.rows {
            let place = (&row.rule, &row.customer_id, &row.subject, row.position);
            let because = match (kept.changed.get(&row.place()), decided.get(&place)) {
                (Some(changed), _) => Because::Changed(changed.clone()),
                (None, Some(decision)) if self.is_asked(row) => {
                    match (decision.outcome, &decision.refusal) {
                        (Outcome::Refused, Some(refusal)) => Because::Refused(refusal.clone()),
                        (Outcome::Held, _) => {
                            became.held += 1;
                            continue;
                        }
                        _ => {
                            became.done += u64::from(decision.not_before.is_none());
                            became.put_off.extend(decision.not_before);
                            continue;
                        }
                    }
                }
                _ if is_done(row, history) => Because::Changed(Changed::Contacted),
                _ => self.missing(row),
            };
            became.left_out.push(LeftOut { row: row.clone(), because });
        }
        became
    }

    /// Whether what was decided at a row's place is what the row is about.
    fn is_asked(&self, row: &Row) -> bool {
        let pair = (row.customer_id.clone(), row.subject.clone());
        let judged = self.evaluation.rules.get(&row.rule);
        // What waits of a rule that was not evaluated is on the table by itself.
        let fits = judged.is_none_or(|judged| judged.matched.contains(&pair) != row.last_word);
        self.decision(row).is_some() && fits
    }

    /// Why something is not asked for any more.
    fn missing(&self, row: &Row) -> Because {
        let pair = (row.customer_id.clone(), row.subject.clone());
        let Some(judged) = self.evaluation.rules.get(&row.rule) else { return Because::NotWaiting };
        if judged.quarantined {
            return Because::SitsOut;
        }
        if judged.failing.contains(&pair) {
            let samples = self.rules.get(&row.rule).into_iter().flat_map(|fared| &fared.samples);
            let mut of_it = samples.filter(|s| (&s.customer, &s.subject) == (&pair.0, &pair.1));
            let error = of_it.next().map(|failed| failed.error.message.clone());
            return Because::NotJudged(error.unwrap_or_default());
        }
        match (judged.matched.contains(&pair), row.last_word) {
            (true, true) => Because::TrueAgain,
            (true, false) | (false, true) => Because::NotAsked,
            (false, false) => {
                let key = (row.rule.clone(), pair.0, pair.1);
                let read = self.planned.read.get(&key).cloned();
                Because::NoLongerTrue(read.unwrap_or_else(|| json!({})))
            }
        }
    }
}

impl Kept {
    /// Notes a candidate that leaves the table.
    fn leave(
        &mut self,
        candidate: &Candidate,
        last_word: bool,
        decision: Decision,
        changed: Option<Changed>,
    ) {
        let refused = decision.refusal.as_ref().map(Refusal::code);
        self.is_whole &= refused != Some(Refusal::NOT_PLANNED);
        if let Some(changed) = changed {
            let matched = candidate.matched.as_ref();
            let (rule, customer) = (matched.rule.clone(), matched.customer.clone());
            let place = (rule, customer, matched.subject.clone(), candidate.position, last_word);
            self.changed.insert(place, changed);
        }
        self.decisions.push(decision);
    }
}

/// Whether what a row plans was done meanwhile, in the same episode.
fn is_done(row: &Row, history: &History) -> bool {
    let key = (row.rule.clone(), row.customer_id.clone(), row.subject.clone());
    history.episodes.get(&key).is_some_and(|episode| {
        let times = if row.channel.is_contact() { episode.contacts } else { episode.tasks };
        !row.last_word && times >= row.ordinal
    })
}

/// The decision about what would go out and is not done.
fn not_planned(decision: &Decision, changed: Option<&Changed>) -> Decision {
    Decision {
        outcome: Outcome::Refused,
        refusal: Some(Refusal::NotPlanned {
            changed: changed.map(|changed| changed.code().to_owned()),
        }),
        outreach: None,
        not_before: None,
        ..decision.clone()
    }
}
