//! What happened, held against who was told before. Outcomes are the only thing of a replay that may
//! know more than its runs did: they are read once, as of its end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde::Serialize;

use super::figures::Reached;
use super::spread::Spread;
use super::{Replay, Wanted};
use crate::domain::{
    About, Batch, CustomerId, Field, Instant, OutreachSubject, Place, Problem, RuleId, Span,
    SubjectId, Value,
};
use crate::predicate::Told;
use crate::signals::{self, Source, SourceError};
use crate::store::OutboxRow;

/// How many of what happened had been told before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeFigures {
    /// The signal that gives them.
    pub signal: String,
    /// Its column that says when.
    pub happened: String,
    /// Outcomes after the first run and up to the end.
    pub outcomes: u64,
    /// Those that a contact of any rule came before.
    pub told: u64,
    /// Their share, 0 to 1; null where there were none.
    pub share: Option<f64>,
    /// Calendar days from the last contact before an outcome to it.
    pub lead_days: Option<Spread>,
    /// How many outcomes had which lead, by days.
    pub leads: Vec<Lead>,
    /// Each rule.
    pub rules: Vec<RuleOutcomes>,
}

/// So many outcomes were told of so many days before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Lead {
    /// Calendar days in the pack's zone.
    pub days: i64,
    /// How many.
    pub outcomes: u64,
}

/// How the contacts of one rule fared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleOutcomes {
    /// The rule.
    pub rule: RuleId,
    /// By what a contact and an outcome belong together: the key column, or `customer_id`.
    pub matched_by: String,
    /// How long before an outcome a contact counts; any time where it is null.
    pub within: Option<Span>,
    /// Outcomes that a contact of this rule came before.
    pub told: u64,
    /// Calendar days from the last of them to the outcome.
    pub lead_days: Option<Spread>,
    /// Contacts, one for each subject that a message spoke of; last words are none.
    pub contacts: u64,
    /// Those that an outcome came after.
    pub followed: u64,
    /// Those that none came after, up to the end.
    pub not_followed: u64,
}

/// Outcomes as they were read.
pub(super) struct Outcomes<'a> {
    wanted: Wanted<'a>,
    rows: Vec<Outcome>,
}

/// Something that happened.
struct Outcome {
    customer: CustomerId,
    key: SubjectId,
    at: Instant,
}

/// Reads what happened up to the end of the replay.
pub(super) async fn read<'a>(
    replay: &Replay<'_>,
    wanted: Wanted<'a>,
    source: &Source,
) -> Result<Outcomes<'a>, SourceError> {
    let signals = &replay.pack.signals;
    let end = replay.steps.end;
    let mut view = source.view(end).await?;
    let name = &wanted.signal.name;
    let examined = view.examine(signals, &BTreeSet::from([name.clone()])).await?;
    for name in [&signals.customers.name, name] {
        if let Some(problems) = examined.problems.get(name) {
            return Err(SourceError::Signals(problems.clone()));
        }
    }
    let about = About::Signal(name.clone());
    let field = Field::Subject(wanted.happened.to_owned());
    let fields = BTreeSet::from([field.clone()]);
    let moment = replay.pack.engine.moment(end);
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut on_batch = |batch: Batch| {
        let column = batch.layout.position(&field);
        for row in 0..batch.len() {
            let value = column.map_or(Value::Null, |column| batch.value(row, column));
            let told = match &value {
                // It has not happened.
                Value::Null => continue,
                Value::Text(text) => Told::read(text),
                _ => None,
            };
            let (customer, key) = (batch.customer(row), batch.subject(row));
            match told.map(|told| moment.instant(told)) {
                Some(at) if at <= end => rows.push(Outcome { customer, key, at }),
                Some(_) => {}
                None => problems.push(unreadable(wanted, &key)),
            }
        }
    };
    let wanted_rows = signals::Wanted {
        about: &about,
        fields: &fields,
        customer: None,
        subjects: None,
        conditions: None,
    };
    view.pull(signals, &examined, &wanted_rows, &mut on_batch).await?;
    problems.truncate(1);
    match problems.is_empty() {
        true => Ok(Outcomes { wanted, rows }),
        false => Err(SourceError::Signals(problems)),
    }
}

fn unreadable(wanted: Wanted<'_>, key: &SubjectId) -> Problem {
    let message = format!("`{}` of the row {key} holds what tells no time", wanted.happened);
    let place = Place::file(&wanted.signal.file);
    Problem::error(place, "happened-type", message)
        .help("give a date such as 1998-05-07 or an instant such as 1998-05-07T09:00:00Z")
}

/// A contact about one subject, as far as outcomes go.
struct Contact<'a> {
    at: Instant,
    rule: &'a RuleId,
    subject: &'a OutreachSubject,
}

/// How long a contact to a customer counts as a warning of what happens to the same customer, where
/// nothing else is said. One about the very row always counts.
const USUAL: Span = Span::days(30);

/// By what contacts and outcomes are brought together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Match<'a> {
    Row(&'a CustomerId, &'a SubjectId),
    Customer(&'a CustomerId),
}

/// How contacts of a rule and outcomes are brought together.
struct Way<'a> {
    /// By this key of a row; by the customer, if there is none.
    key: Option<&'a str>,
    /// How long before an outcome a contact counts.
    within: Option<Span>,
}

/// The instants of contacts or of outcomes, by whom or what they were about.
type Instants<'a> = BTreeMap<Match<'a>, BTreeSet<Instant>>;

impl Outcomes<'_> {
    /// Holds the contacts of a replay against them.
    pub(super) fn hold_against(&self, replay: &Replay<'_>, rows: &[OutboxRow]) -> OutcomeFigures {
        let first = replay.steps.runs.first().copied().unwrap_or(replay.steps.end);
        let counted: Vec<&Outcome> = self.rows.iter().filter(|one| one.at > first).collect();
        let reached = Reached::all(rows);
        let contacts: Vec<Contact<'_>> = reached
            .iter()
            .filter(|one| one.is_warning())
            .flat_map(|one| {
                let (at, rule) = (one.at, &one.outreach.rule);
                one.outreach.subjects.iter().map(move |subject| Contact { at, rule, subject })
            })
            .collect();
        // The last contact of any rule before each.
        let mut last: Vec<Option<Instant>> = vec![None; counted.len()];
        let mut rules = Vec::new();
        for id in replay.pack.rules.keys() {
            let own: Vec<&Contact<'_>> = contacts.iter().filter(|c| c.rule == id).collect();
            let way = self.way(replay, id);
            let told = way.told(&counted, &own);
            last.iter_mut().zip(&told).for_each(|(last, told)| *last = (*last).max(*told));
            let leads = leads(replay, &counted, &told);
            let followed = self.followed(&way, &own);
            rules.push(RuleOutcomes {
                rule: id.clone(),
                matched_by: way.key.unwrap_or("customer_id").to_owned(),
                within: way.within,
                told: leads.len() as u64,
                lead_days: Spread::of(leads),
                contacts: own.len() as u64,
                followed,
                not_followed: own.len() as u64 - followed,
            });
        }
        self.figures(counted.len() as u64, leads(replay, &counted, &last), rules)
    }

    /// How the contacts of a rule and outcomes are brought together: by the row, where the rule is
    /// about rows with the outcomes' own key, else by the customer.
    fn way(&self, replay: &Replay<'_>, rule: &RuleId) -> Way<'_> {
        let about = replay.pack.rules.get(rule).map(|rule| &rule.rule.settings.about);
        let key = match about {
            Some(About::Signal(name)) => {
                replay.pack.signals.others.get(name).and_then(|signal| signal.key.as_ref())
            }
            _ => None,
        };
        let own = self.wanted.signal.key.as_ref();
        let key = own.filter(|own| key == Some(own)).map(String::as_str);
        let usual = key.is_none().then_some(USUAL);
        Way { key, within: self.wanted.within.or(usual) }
    }

    /// How many of a rule's contacts an outcome came after.
    fn followed(&self, way: &Way<'_>, contacts: &[&Contact<'_>]) -> u64 {
        let mut happened: Instants<'_> = BTreeMap::new();
        for Outcome { customer, key, at } in &self.rows {
            happened.entry(way.about(customer, key)).or_default().insert(*at);
        }
        let followed = contacts.iter().filter(|contact| {
            let about = way.about(&contact.subject.customer, &contact.subject.subject);
            happened.get(&about).is_some_and(|at| way.is_after(at, contact.at))
        });
        followed.count() as u64
    }

    fn figures(&self, outcomes: u64, leads: Vec<i64>, rules: Vec<RuleOutcomes>) -> OutcomeFigures {
        let mut by_days: BTreeMap<i64, u64> = BTreeMap::new();
        leads.iter().for_each(|days| *by_days.entry(*days).or_default() += 1);
        let told = leads.len() as u64;
        let share = (told as f64 / outcomes as f64 * 1000.0).round() / 1000.0;
        OutcomeFigures {
            signal: self.wanted.signal.name.to_string(),
            happened: self.wanted.happened.to_owned(),
            outcomes,
            told,
            share: (outcomes > 0).then_some(share),
            lead_days: Spread::of(leads),
            leads: by_days.into_iter().map(|(days, outcomes)| Lead { days, outcomes }).collect(),
            rules,
        }
    }
}

/// Calendar days from the last contact before each outcome to it, where there was one.
fn leads(replay: &Replay<'_>, outcomes: &[&Outcome], told: &[Option<Instant>]) -> Vec<i64> {
    let day = |at: Instant| replay.pack.policy.calendar.local_date(at);
    let lead = |(outcome, told): (&&Outcome, &Option<Instant>)| {
        Some((day(outcome.at) - day((*told)?)).num_days())
    };
    outcomes.iter().zip(told).filter_map(lead).collect()
}

impl Way<'_> {
    fn about<'a>(&self, customer: &'a CustomerId, key: &'a SubjectId) -> Match<'a> {
        match self.key {
            Some(_) => Match::Row(customer, key),
            None => Match::Customer(customer),
        }
    }

    /// The last contact before each outcome, if there is one that counts.
    fn told(&self, outcomes: &[&Outcome], contacts: &[&Contact<'_>]) -> Vec<Option<Instant>> {
        let mut told: Instants<'_> = BTreeMap::new();
        for contact in contacts {
            let about = self.about(&contact.subject.customer, &contact.subject.subject);
            told.entry(about).or_default().insert(contact.at);
        }
        let told = outcomes.iter().map(|outcome| {
            let contacts = told.get(&self.about(&outcome.customer, &outcome.key))?;
            self.last_before(contacts, outcome.at)
        });
        told.collect()
    }

    /// The last of some contacts before an outcome, if it counts.
    fn last_before(&self, contacts: &BTreeSet<Instant>, outcome: Instant) -> Option<Instant> {
        let last = *contacts.range(..outcome).next_back()?;
        self.within.is_none_or(|within| outcome - last <= within.delta()).then_some(last)
    }

    /// Whether one of some outcomes came after a contact, if it counts.
    fn is_after(&self, outcomes: &BTreeSet<Instant>, contact: Instant) -> bool {
        let first = outcomes.range((Bound::Excluded(contact), Bound::Unbounded)).next();
        first.is_some_and(|at| self.within.is_none_or(|within| *at - contact <= within.delta()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::parse_instant;

    fn at(text: &str) -> Instant {
        parse_instant(text).unwrap()
    }

    #[test]
    fn the_last_contact_before_counts_and_none_at_the_same_instant() {
        let any = Way { key: Some("order_id"), within: None };
        let week = Way { key: None, within: "1w".parse().ok() };
        let told = BTreeSet::from([at("1998-05-01"), at("1998-05-03"), at("1998-05-20")]);
        assert_eq!(any.last_before(&told, at("1998-05-20")), Some(at("1998-05-03")));
        assert_eq!(week.last_before(&told, at("1998-05-20")), None);
        assert_eq!(week.last_before(&told, at("1998-05-10")), Some(at("1998-05-03")));
        assert_eq!(any.last_before(&told, at("1998-05-01")), None);
        assert!(any.is_after(&told, at("1998-05-03")) && !any.is_after(&told, at("1998-05-20")));
        assert!(week.is_after(&told, at("1998-05-13")) && !week.is_after(&told, at("1998-05-12")));
    }
}
