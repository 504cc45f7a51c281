//! Asking rules again about some subjects: one pull for each kind of subject. What a rule can't
//! say of a subject is never read as no.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::RunError;
use super::super::judge::{AT_ONCE, refuse_broken};
use super::super::names::{has, reads_one_of, signals_of, unusable};
use crate::domain::{
    About, Batch, CustomerId, Facts, Field, Instant, Outreach, RuleId, SignalName, SubjectId,
};
use crate::pack::{Pack, PackRule};
use crate::rules::Panel;
use crate::signals::{ColumnKind, Examined, SourceError, View, Wanted};

/// What the rules say now.
#[derive(Default)]
pub(in crate::pipeline) struct Answers {
    fresh: HashMap<Key, Fresh>,
    /// What is known of customers whose subject is gone.
    people: HashMap<(RuleId, CustomerId), Facts>,
    /// The rules that can't be asked, and why.
    pub(in crate::pipeline) unsure: BTreeMap<RuleId, String>,
    examined: Examined,
}

type Key = (RuleId, CustomerId, SubjectId);

/// A subject as it is now.
pub(in crate::pipeline) struct Fresh {
    pub(in crate::pipeline) facts: Facts,
    /// Whether the rule is true of it; an error says why that can't be told.
    pub(in crate::pipeline) verdict: Result<bool, String>,
}

impl Answers {
    /// What is written of one customer: of a subject that is there, that its rule is not true of it.
    pub(in crate::pipeline) fn written(
        (rule, customer): (RuleId, CustomerId),
        subject: Option<SubjectId>,
        facts: Facts,
    ) -> Self {
        let mut answers = Self::default();
        if let Some(subject) = subject {
            let fresh = Fresh { facts: facts.clone(), verdict: Ok(false) };
            answers.fresh.insert((rule.clone(), customer.clone(), subject), fresh);
        }
        answers.people.insert((rule, customer), facts);
        answers
    }

    /// What a rule says of a subject; none where the subject is no longer there.
    pub(in crate::pipeline) fn of(
        &self,
        rule: &RuleId,
        customer: &CustomerId,
        subject: &SubjectId,
    ) -> Option<&Fresh> {
        self.fresh.get(&(rule.clone(), customer.clone(), subject.clone()))
    }

    /// What is known of a customer, as far as a rule reads it; none where they are gone.
    pub(in crate::pipeline) fn person(
        &self,
        rule: &RuleId,
        customer: &CustomerId,
    ) -> Option<&Facts> {
        self.people.get(&(rule.clone(), customer.clone()))
    }

    /// Reads customers by themselves, for rules about a keyed signal whose row may be gone.
    pub(in crate::pipeline) async fn ask_about_people(
        &mut self,
        pack: &Pack,
        view: &mut View,
        as_of: Instant,
        mut wanted: BTreeSet<(RuleId, CustomerId)>,
    ) -> Result<(), RunError> {
        wanted.retain(|(rule, _)| !self.unsure.contains_key(rule));
        let look = Look { pack, examined: &self.examined, as_of };
        match look.people(view, &wanted).await {
            Ok(people) => self.people = people,
            Err(SourceError::Signals(problems)) => {
                let why = SourceError::Signals(problems).to_string();
                self.unsure.extend(wanted.into_iter().map(|(rule, _)| (rule, why.clone())));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// A rule and the subjects that it is asked about.
struct Asked<'a> {
    id: &'a RuleId,
    rule: &'a PackRule,
    subjects: BTreeSet<(&'a CustomerId, &'a SubjectId)>,
}

/// A rule, a customer and a subject.
pub(in crate::pipeline) type Asking<'a> = (&'a RuleId, &'a CustomerId, &'a SubjectId);

/// What some outreaches speak of.
pub(in crate::pipeline) fn spoken_of<'a>(outreaches: &[&'a Outreach]) -> Vec<Asking<'a>> {
    let of_one = |o: &&'a Outreach| {
        let outreach = *o;
        outreach.subjects.iter().map(|s| (&outreach.rule, &s.customer, &s.subject))
    };
    outreaches.iter().flat_map(of_one).collect()
}

/// Asks rules about some subjects.
pub(in crate::pipeline) async fn ask(
    pack: &Pack,
    view: &mut View,
    as_of: Instant,
    ailing: &BTreeSet<SignalName>,
    subjects: &[Asking<'_>],
) -> Result<Answers, RunError> {
    let mut asked: BTreeMap<&RuleId, Asked<'_>> = BTreeMap::new();
    for &(id, customer, subject) in subjects {
        let Some(rule) = pack.rules.get(id) else { continue };
        let one = asked.entry(id).or_insert(Asked { id, rule, subjects: BTreeSet::new() });
        one.subjects.insert((customer, subject));
    }
    let in_use = asked.values().flat_map(|asked| signals_of(asked.rule)).collect();
    let examined = view.glance(&pack.signals, &in_use).await?;
    let mut answers = Answers { examined: examined.clone(), ..Answers::default() };
    let mut by_about: BTreeMap<&About, Vec<Asked<'_>>> = BTreeMap::new();
    for (id, asked) in asked {
        match trouble(pack, asked.rule, &examined, ailing) {
            Some(why) => {
                answers.unsure.insert(id.clone(), why);
            }
            None => by_about.entry(&asked.rule.rule.settings.about).or_default().push(asked),
        }
    }
    let look = Look { pack, examined: &examined, as_of };
    for (about, group) in by_about {
        look.at_group(view, about, group, &mut answers).await?;
    }
    Ok(answers)
}

/// Why a rule can't be asked now.
fn trouble(
    pack: &Pack,
    rule: &PackRule,
    examined: &Examined,
    ailing: &BTreeSet<SignalName>,
) -> Option<String> {
    let customers = &pack.signals.customers.name;
    if let Some(problem) = examined.problems.get(customers).and_then(|problems| problems.first()) {
        return Some(format!("the signal `{customers}` can't be used: {}", problem.message));
    }
    if let Some(problem) = unusable(rule, pack, examined).first() {
        return Some(problem.message.clone());
    }
    let reads = signals_of(rule);
    let ill = reads.iter().chain([customers]).find(|name| ailing.contains(name));
    ill.map(|name| format!("the signal `{name}` is not to be believed now"))
}

struct Look<'a> {
    pack: &'a Pack,
    examined: &'a Examined,
    as_of: Instant,
}

impl Look<'_> {
    /// Asks rules about the same kind of subject. Where a signal fails on its rows, the rules that
    /// read it are not sure, and the others are asked afresh.
    async fn at_group(
        &self,
        view: &mut View,
        about: &About,
        mut group: Vec<Asked<'_>>,
        answers: &mut Answers,
    ) -> Result<(), RunError> {
        while !group.is_empty() {
            let problems = match self.pull(view, about, &group).await {
                Ok(fresh) => {
                    answers.fresh.extend(fresh);
                    return Ok(());
                }
                Err(SourceError::Signals(problems)) => problems,
                Err(error) => return Err(error.into()),
            };
            let (mut out, mut rest): (Vec<_>, Vec<_>) =
                group.into_iter().partition(|asked| reads_one_of(asked.rule, self.pack, &problems));
            if out.is_empty() {
                out = std::mem::take(&mut rest);
            }
            let why = SourceError::Signals(problems).to_string();
            answers.unsure.extend(out.into_iter().map(|asked| (asked.id.clone(), why.clone())));
            group = rest;
        }
        Ok(())
    }

    async fn pull(
        &self,
        view: &mut View,
        about: &About,
        group: &[Asked<'_>],
    ) -> Result<HashMap<Key, Fresh>, SourceError> {
        let fields = group.iter().flat_map(|asked| &asked.rule.reads);
        let fields: BTreeSet<Field> =
            fields.filter(|field| has(self.examined, about, field)).cloned().collect();
        let wanted = group.iter().flat_map(|asked| &asked.subjects);
        let subjects: BTreeSet<&SubjectId> = wanted.map(|(_, subject)| *subject).collect();
        let subjects: Vec<SubjectId> = subjects.into_iter().cloned().collect();
        let panel = self.pack.engine.panel(group.iter().map(|asked| &asked.rule.rule));
        let signals = &self.pack.signals;
        let mut fresh = HashMap::new();
        for some in subjects.chunks(AT_ONCE) {
            let wanted = only(about, &fields, Some(some));
            let mut on_batch = |batch: Batch| self.note(&panel, group, &batch, &mut fresh);
            view.pull(signals, self.examined, &wanted, &mut on_batch).await?;
        }
        let asked: usize = group.iter().map(|asked| asked.subjects.len()).sum();
        if fresh.len() < asked && !self.ids_are_written_as_we_do(about) {
            fresh.clear();
            let wanted = only(about, &fields, None);
            let mut on_batch = |batch: Batch| self.note(&panel, group, &batch, &mut fresh);
            view.pull(signals, self.examined, &wanted, &mut on_batch).await?;
        }
        Ok(fresh)
    }

    /// What is known of some customers.
    async fn people(
        &self,
        view: &mut View,
        wanted: &BTreeSet<(RuleId, CustomerId)>,
    ) -> Result<HashMap<(RuleId, CustomerId), Facts>, SourceError> {
        let rules: BTreeSet<&RuleId> = wanted.iter().map(|(rule, _)| rule).collect();
        let rules: BTreeMap<&RuleId, &PackRule> =
            rules.into_iter().filter_map(|id| Some((id, self.pack.rules.get(id)?))).collect();
        let about = &About::Customers;
        let is_theirs = |field: &&Field| !matches!(field, Field::Subject(_));
        let fields = rules.values().flat_map(|rule| &rule.reads).filter(is_theirs);
        let fields: BTreeSet<Field> =
            fields.filter(|field| has(self.examined, about, field)).cloned().collect();
        let ids: BTreeSet<&str> = wanted.iter().map(|(_, customer)| customer.as_str()).collect();
        let ids: Vec<SubjectId> = ids.into_iter().map(SubjectId::from).collect();
        let exact = self.ids_are_written_as_we_do(about);
        let mut people = HashMap::new();
        let mut on_batch = |batch: Batch| {
            for row in 0..batch.len() {
                let customer = batch.customer(row);
                for (id, rule) in &rules {
                    let key = ((*id).clone(), customer.clone());
                    if wanted.contains(&key) {
                        people.insert(key, batch.facts(row, &rule.reads));
                    }
                }
            }
        };
        for some in ids.chunks(AT_ONCE) {
            let wanted = only(about, &fields, exact.then_some(some));
            view.pull(&self.pack.signals, self.examined, &wanted, &mut on_batch).await?;
        }
        Ok(people)
    }

    /// Whether a subject that the database does not find by its id is surely gone; an id of another
    /// type than text or a whole number may be written otherwise by the database.
    fn ids_are_written_as_we_do(&self, about: &About) -> bool {
        let customers = &self.pack.signals.customers.name;
        let (signal, id) = match about {
            About::Customers => (customers, "customer_id"),
            About::Signal(name) => {
                let signal = self.pack.signals.get(name);
                (name, signal.and_then(|signal| signal.key.as_deref()).unwrap_or("customer_id"))
            }
        };
        let columns = self.examined.columns.get(signal).into_iter().flatten();
        let mut columns = columns.filter(|column| column.name == id);
        columns.next().is_some_and(|column| match column.kind {
            ColumnKind::Int => true,
            // Blanks at its end count for us, and not for the database.
            ColumnKind::Text => column.type_name != "bpchar",
            _ => false,
        })
    }

    /// Writes down what the rules say of the rows that they were asked about.
    fn note(
        &self,
        panel: &Panel<'_>,
        group: &[Asked<'_>],
        batch: &Batch,
        fresh: &mut HashMap<Key, Fresh>,
    ) {
        let judged = panel.judge(batch, self.as_of);
        for (asked, mut judged) in group.iter().zip(judged) {
            refuse_broken(asked.rule, batch, &mut judged);
            let matched: BTreeSet<usize> = judged.matched.into_iter().collect();
            let errors: HashMap<usize, String> =
                judged.errors.into_iter().map(|(row, error)| (row, error.message)).collect();
            for row in 0..batch.len() {
                let (customer, subject) = (batch.customer(row), batch.subject(row));
                if !asked.subjects.contains(&(&customer, &subject)) {
                    continue;
                }
                let verdict = match errors.get(&row) {
                    Some(error) => Err(error.clone()),
                    None => Ok(matched.contains(&row)),
                };
                let facts = batch.facts(row, &asked.rule.reads);
                let twice = format!("`{subject}` is there more than once");
                fresh
                    .entry((asked.id.clone(), customer, subject))
                    .and_modify(|before| before.verdict = Err(twice))
                    .or_insert(Fresh { facts, verdict });
            }
        }
    }
}

/// Some subjects whole, or all of them.
fn only<'a>(
    about: &'a About,
    fields: &'a BTreeSet<Field>,
    subjects: Option<&'a [SubjectId]>,
) -> Wanted<'a> {
    Wanted { about, fields, customer: None, subjects, conditions: None }
}
