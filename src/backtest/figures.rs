//! The figures of a replay: what it reached, when, of whom and of which rule. Pure: the same books
//! give the same figures.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use super::Replay;
use super::measures::{self, Measure};
use super::outcomes::OutcomeFigures;
use super::tally::{RuleTally, Tally};
use crate::domain::{
    CustomerId, Instant, Outreach, OutreachState, OutreachSubject, RuleId, Span, format_instant,
};
use crate::store::OutboxRow;

/// Everything that a replay has to say; also its JSON (see `docs/json.md`).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// 1.
    pub schema_version: u32,
    /// The hash of the pack.
    pub pack: String,
    /// The company's data, in words.
    pub source: String,
    /// The first run.
    pub from: String,
    /// The last run.
    pub last_run: String,
    /// Up to when what waited could leave.
    pub to: String,
    /// How often it ran.
    pub every: Span,
    /// How many runs that were.
    pub runs: u64,
    /// The zone in which days are counted.
    pub timezone: String,
    /// Its first day.
    pub first_day: NaiveDate,
    /// Its last day.
    pub last_day: NaiveDate,
    /// How many days that are.
    pub period_days: u64,
    /// Runs that decided nothing, because there were no customers any more.
    pub skipped: SatOut,
    /// All rules together.
    pub totals: Volume,
    /// Each rule.
    pub rules: Vec<RuleFigures>,
    /// What left on each day, by rule; days and rules with nothing are left out.
    pub days: Vec<Day>,
    /// What each colleague had to do, the most first.
    pub owners: Vec<Load>,
    /// The customers who were contacted most.
    pub customers: Vec<Contacted>,
    /// The contacts held against what happened.
    pub outcome: Option<OutcomeFigures>,
    /// What the figures can't know, in sentences.
    pub limits: Vec<String>,
}

/// How much was reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Volume {
    /// Messages and calls that reached a customer.
    pub contacts: u64,
    /// Those of them that only said that it is over.
    pub last_words: u64,
    /// Those of them that a colleague made by phone.
    pub calls: u64,
    /// Work for colleagues that reached no customer.
    pub tasks: u64,
    /// Customers who were contacted.
    pub customers: u64,
    /// Contacts a day, on average over all days of the period.
    pub a_day: f64,
    /// The day with the most contacts.
    pub most_a_day: Option<Most>,
    /// Contacts about what was true at the first run already.
    pub first_run: u64,
}

/// The largest number of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Most {
    /// The first day that had so many.
    pub day: NaiveDate,
    /// How many.
    pub count: u64,
}

/// How one rule fared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleFigures {
    /// Its id.
    pub rule: RuleId,
    /// How much it reached.
    #[serde(flatten)]
    pub volume: Volume,
    /// What its time functions gave when somebody was first told.
    pub times: Vec<Measure>,
    /// Why it did not contact, the commonest first.
    pub refused: Vec<Refused>,
    /// What would have waited for approval.
    pub held: Held,
    /// Runs that it sat out, and why.
    pub sat_out: SatOut,
    /// Subjects that it failed on, over all runs.
    pub errors: u64,
    /// Decided and never left: `no_longer_true` when it was to leave, `expired`, `failed` for want
    /// of words, or still `waiting` at the end.
    pub not_left: BTreeMap<String, u64>,
}

impl RuleFigures {
    /// Why others were not contacted: not those who had been told of the same thing already.
    pub fn passed_over(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter().filter(|refused| refused.reason != "already_contacted")
    }
}

/// One reason not to contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Its code.
    pub reason: String,
    /// Subjects that were refused for it at least once.
    pub subjects: u64,
    /// Decisions: each run counts.
    pub decisions: u64,
}

/// What would have waited for somebody's approval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Messages.
    pub messages: u64,
    /// On how many days.
    pub days: u64,
}

/// Runs without a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SatOut {
    /// How many.
    pub runs: u64,
    /// Why.
    pub because: Vec<String>,
}

/// What one rule sent on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// The day in the pack's zone.
    pub day: NaiveDate,
    /// The rule.
    pub rule: RuleId,
    /// Messages and calls.
    pub contacts: u64,
    /// Tasks.
    pub tasks: u64,
}

/// What one colleague had to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Load {
    /// Whom tasks and calls were for; none where the rule names nobody.
    pub owner: Option<String>,
    /// Tasks.
    pub tasks: u64,
    /// Calls.
    pub calls: u64,
    /// Both a day, on average over all days of the period.
    pub a_day: f64,
    /// The day with the most of both.
    pub most_a_day: Option<Most>,
}

/// How often one customer was contacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Contacted {
    /// Whom.
    pub customer_id: CustomerId,
    /// How often.
    pub contacts: u64,
}

/// How many of the customers who were contacted most are named.
const NAMED: usize = 10;

/// Something that left, or a task that was made.
#[derive(Clone, Copy)]
pub(super) struct Reached<'a> {
    /// What.
    pub(super) outreach: &'a Outreach,
    /// When.
    pub(super) at: Instant,
}

impl<'a> Reached<'a> {
    /// What of the outbox was reached, in its order.
    pub(super) fn all(rows: &'a [OutboxRow]) -> Vec<Self> {
        let sent = rows.iter().filter(|row| row.state == OutreachState::Sent);
        sent.map(|row| Self {
            outreach: &row.outreach,
            at: row.settled_at.unwrap_or(row.outreach.not_before),
        })
        .collect()
    }

    /// Whether it is the first contact about something that was true at that run already.
    fn was_true_at(&self, first: Instant) -> bool {
        let found = |s: &OutreachSubject| s.episode_started_at == first && s.ordinal == 1;
        self.is_warning() && self.outreach.subjects.iter().any(found)
    }

    /// Whether it told a customer of something that was not over.
    pub(super) fn is_warning(&self) -> bool {
        self.outreach.channel.is_contact() && !self.outreach.last_word
    }
}

/// Gathers the figures of a replay but for its outcomes and limits.
pub(super) fn gather(replay: &Replay<'_>, tally: &Tally, rows: &[OutboxRow]) -> Figures {
    let calendar = &replay.pack.policy.calendar;
    let steps = replay.steps;
    let (first, last) = (steps.runs.first().copied(), steps.runs.last().copied());
    let (first, last) = (first.unwrap_or(steps.end), last.unwrap_or(steps.end));
    let last_day = calendar.local_date(steps.end.max(last));
    let first_day = calendar.local_date(first);
    let days = (last_day - first_day).num_days().max(0) as u64 + 1;
    let reached = Reached::all(rows);
    let count = Count { replay, first, days };
    let rules = replay.pack.rules.keys().map(|id| count.rule(id, &reached, rows, tally));
    Figures {
        schema_version: 1,
        pack: replay.pack.hash.clone(),
        source: String::new(),
        from: format_instant(&first),
        last_run: format_instant(&last),
        to: format_instant(&steps.end),
        every: replay.every,
        runs: steps.runs.len() as u64,
        timezone: calendar.timezone.to_string(),
        first_day,
        last_day,
        period_days: days,
        skipped: tally.skipped.clone(),
        totals: count.volume(&reached),
        rules: rules.collect(),
        days: count.days(&reached),
        owners: count.owners(&reached),
        customers: most_contacted(&reached),
        outcome: None,
        limits: Vec::new(),
    }
}

/// What counting needs to know of the replay.
struct Count<'a> {
    replay: &'a Replay<'a>,
    first: Instant,
    days: u64,
}

impl Count<'_> {
    fn day(&self, at: Instant) -> NaiveDate {
        self.replay.pack.policy.calendar.local_date(at)
    }

    /// So many a day, to the hundredth.
    fn a_day(&self, count: u64) -> f64 {
        (count as f64 / self.days as f64 * 100.0).round() / 100.0
    }

    /// The day with the most of them.
    fn most<'r>(&self, reached: impl Iterator<Item = &'r Reached<'r>>) -> Option<Most> {
        let mut by_day: BTreeMap<NaiveDate, u64> = BTreeMap::new();
        for one in reached {
            *by_day.entry(self.day(one.at)).or_default() += 1;
        }
        let most = by_day.into_iter().max_by_key(|(day, count)| (*count, std::cmp::Reverse(*day)));
        most.map(|(day, count)| Most { day, count })
    }

    fn volume(&self, reached: &[Reached<'_>]) -> Volume {
        let contacts: Vec<_> =
            reached.iter().filter(|one| one.outreach.channel.is_contact()).collect();
        let customers: BTreeSet<&CustomerId> = contacts
            .iter()
            .flat_map(|one| one.outreach.subjects.iter().map(|s| &s.customer))
            .collect();
        let of =
            |is: fn(&Reached<'_>) -> bool| contacts.iter().filter(|one| is(one)).count() as u64;
        Volume {
            contacts: contacts.len() as u64,
            last_words: of(|one| one.outreach.last_word),
            calls: of(|one| one.outreach.channel.is_task()),
            tasks: (reached.len() - contacts.len()) as u64,
            customers: customers.len() as u64,
            a_day: self.a_day(contacts.len() as u64),
            most_a_day: self.most(contacts.iter().copied()),
            first_run: contacts.iter().filter(|one| one.was_true_at(self.first)).count() as u64,
        }
    }

    fn rule(
        &self,
        id: &RuleId,
        reached: &[Reached<'_>],
        rows: &[OutboxRow],
        tally: &Tally,
    ) -> RuleFigures {
        let own: Vec<_> = reached.iter().filter(|one| one.outreach.rule == *id).copied().collect();
        let pack = self.replay.pack;
        let nothing = RuleTally::default();
        let tally = tally.rules.get(id).unwrap_or(&nothing);
        let mut refused: Vec<_> = tally
            .refused
            .iter()
            .map(|(reason, refusals)| Refused {
                reason: (*reason).to_owned(),
                subjects: refusals.subjects.len() as u64,
                decisions: refusals.decisions,
            })
            .collect();
        refused.sort_by(|a, b| {
            (b.subjects, b.decisions, &a.reason).cmp(&(a.subjects, a.decisions, &b.reason))
        });
        RuleFigures {
            rule: id.clone(),
            volume: self.volume(&own),
            times: pack.rules.get(id).map_or(Vec::new(), |rule| measures::of(pack, rule, &own)),
            refused,
            held: Held { messages: tally.held.len() as u64, days: tally.held_on.len() as u64 },
            sat_out: SatOut {
                runs: tally.sat_out,
                because: tally.because.iter().cloned().collect(),
            },
            errors: tally.errors,
            not_left: not_left(rows.iter().filter(|row| row.outreach.rule == *id)),
        }
    }

    fn days(&self, reached: &[Reached<'_>]) -> Vec<Day> {
        let mut days: BTreeMap<(NaiveDate, &RuleId), (u64, u64)> = BTreeMap::new();
        for one in reached {
            let (contacts, tasks) = days.entry((self.day(one.at), &one.outreach.rule)).or_default();
            match one.outreach.channel.is_contact() {
                true => *contacts += 1,
                false => *tasks += 1,
            }
        }
        let day = |((day, rule), (contacts, tasks)): ((NaiveDate, &RuleId), (u64, u64))| Day {
            day,
            rule: rule.clone(),
            contacts,
            tasks,
        };
        days.into_iter().map(day).collect()
    }

    fn owners(&self, reached: &[Reached<'_>]) -> Vec<Load> {
        let mut by_owner: BTreeMap<Option<&String>, Vec<&Reached<'_>>> = BTreeMap::new();
        for one in reached.iter().filter(|one| one.outreach.channel.is_task()) {
            by_owner.entry(one.outreach.assign.as_ref()).or_default().push(one);
        }
        let load = |(owner, work): (Option<&String>, Vec<&Reached<'_>>)| {
            let calls = work.iter().filter(|one| one.outreach.channel.is_contact()).count() as u64;
            Load {
                owner: owner.cloned(),
                tasks: work.len() as u64 - calls,
                calls,
                a_day: self.a_day(work.len() as u64),
                most_a_day: self.most(work.iter().copied()),
            }
        };
        let mut owners: Vec<Load> = by_owner.into_iter().map(load).collect();
        owners.sort_by(|a, b| (b.tasks + b.calls, &a.owner).cmp(&(a.tasks + a.calls, &b.owner)));
        owners
    }
}

fn most_contacted(reached: &[Reached<'_>]) -> Vec<Contacted> {
    let mut counts: BTreeMap<&CustomerId, u64> = BTreeMap::new();
    for one in reached.iter().filter(|one| one.outreach.channel.is_contact()) {
        let customers: BTreeSet<_> = one.outreach.subjects.iter().map(|s| &s.customer).collect();
        customers.into_iter().for_each(|customer| *counts.entry(customer).or_default() += 1);
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a, many), (b, more)| (more, a).cmp(&(many, b)));
    let named = counts.into_iter().take(NAMED);
    named
        .map(|(customer_id, contacts)| Contacted { customer_id: customer_id.clone(), contacts })
        .collect()
}

/// What was decided for a rule and never left, by why. What a run decided otherwise is a refusal.
fn not_left<'a>(rows: impl Iterator<Item = &'a OutboxRow>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let why = match row.state {
            OutreachState::Sent => continue,
            OutreachState::Withdrawn if row.detail.as_deref() == Some("no_longer_true") => {
                "no_longer_true"
            }
            OutreachState::Withdrawn => continue,
            OutreachState::Expired => "expired",
            OutreachState::Failed | OutreachState::Uncertain => "failed",
            _ => "waiting",
        };
        *counts.entry(why.to_owned()).or_default() += 1;
    }
    counts
}
