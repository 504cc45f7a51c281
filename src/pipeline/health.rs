//! Health: what is usually there and suddenly is not. A source that came back empty is never taken
//! for good news: nothing goes out because of it, and nothing ends.

use std::collections::{BTreeMap, BTreeSet};

use super::RunError;
use super::judge::{Found, Quarantine};
use super::names::{signal_of, signals_of};
use crate::domain::{Field, Place, Problem, RuleId, SignalName};
use crate::pack::{Pack, PackRule};
use crate::signals::{Examined, Signal, View};
use crate::store::{FieldSeen, Memory, Store};

/// A rule that usually finds fewer may well find nobody.
const MANY: u64 = 20;

/// What is wrong with the signals that some rules read: what a glance at them shows, and what is empty
/// and never was, by the runs that were recorded.
///
/// # Errors
/// Where the company's data or the state database can't be read.
pub async fn ailing(
    pack: &Pack,
    view: &mut View,
    store: &Store,
    rules: &BTreeSet<RuleId>,
) -> Result<BTreeMap<SignalName, Vec<Problem>>, RunError> {
    let rules: Vec<&PackRule> = rules.iter().filter_map(|rule| pack.rules.get(rule)).collect();
    let in_use = rules.iter().flat_map(|rule| signals_of(rule)).collect();
    let examined = view.glance(&pack.signals, &in_use).await?;
    let memory = store.memory().await?;
    let looked = look(pack, view, &examined, &rules, &memory).await?;
    let mut ailing = examined.problems;
    for Empty { signal, problem, .. } in looked.empty {
        ailing.entry(signal).or_default().push(problem);
    }
    Ok(ailing)
}

/// What a look at the signals showed.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// What is empty and never was.
    pub empty: Vec<Empty>,
    /// What was not known before.
    pub news: Vec<FieldSeen>,
}

/// A signal or a column with nothing in it, where there always was something.
#[derive(Debug)]
pub(super) struct Empty {
    signal: SignalName,
    /// None for the whole signal.
    column: Option<String>,
    problem: Problem,
}

impl Looked {
    /// What of it a rule reads.
    pub fn of_rule(&self, rule: &PackRule, customers: &SignalName) -> Vec<Problem> {
        let read = columns(&[rule], customers);
        let reads = |empty: &&Empty| match (&empty.column, read.get(&empty.signal)) {
            (Some(column), Some(columns)) => columns.contains(column),
            (None, read) => read.is_some() || signals_of(rule).contains(&empty.signal),
            (Some(_), None) => false,
        };
        self.empty.iter().filter(reads).map(|empty| empty.problem.clone()).collect()
    }

    /// What is wrong if there are no customers at all.
    pub fn no_customers(&self, customers: &SignalName) -> Option<&Problem> {
        let all = |empty: &&Empty| empty.signal == *customers && empty.column.is_none();
        self.empty.iter().find(all).map(|empty| &empty.problem)
    }
}

/// Looks whether the signals that rules read, and the columns, have anything in them. What may be
/// empty is not looked at.
pub(super) async fn look(
    pack: &Pack,
    view: &mut View,
    examined: &Examined,
    rules: &[&PackRule],
    memory: &Memory,
) -> Result<Looked, RunError> {
    let customers = &pack.signals.customers.name;
    let mut looked = Looked::default();
    for (name, columns) in columns(rules, customers) {
        let Some(signal) = pack.signals.get(&name) else { continue };
        let there = examined.columns.get(&name).map(Vec::as_slice).unwrap_or_default();
        if there.is_empty() || examined.problems.contains_key(&name) {
            continue;
        }
        let known = |field: &str| {
            memory.fields.get(&(name.clone(), field.to_owned())).copied().unwrap_or_default()
        };
        let is_there = |column: &String| there.iter().any(|c| c.name == *column);
        let asked: BTreeSet<String> =
            columns.into_iter().filter(|column| is_there(column) && !known(column).empty).collect();
        if asked.is_empty() && known("").empty {
            continue;
        }
        let Some(fill) = view.fill(signal, examined, &asked).await? else { continue };
        let mut see = |field: &str, filled: bool| {
            let known = known(field);
            if !filled && known.filled && !known.empty {
                looked.empty.push(empty(signal, field));
            } else if !(if filled { known.filled } else { known.empty }) {
                // To have no customers is never usual.
                if filled || !(field.is_empty() && name == *customers) {
                    let (signal, field) = (name.clone(), field.to_owned());
                    looked.news.push(FieldSeen { signal, field, filled });
                }
            }
        };
        see("", fill.rows);
        if fill.rows {
            fill.columns.iter().for_each(|(column, filled)| see(column, *filled));
        }
    }
    Ok(looked)
}

fn empty(signal: &Signal, field: &str) -> Empty {
    let name = &signal.name;
    let (code, message) = match field {
        "" => ("emptied-signal", format!("the signal `{name}` is empty, and never was before")),
        column => (
            "emptied-column",
            format!("nothing stands in `{column}` of the signal `{name}` any more, in no row"),
        ),
    };
    let help = format!(
        "look whether the database is whole; if it really is so: lookout approve --signal {name}"
    );
    let problem = Problem::error(Place::file(&signal.file), code, message).help(help);
    let column = (!field.is_empty()).then(|| field.to_owned());
    Empty { signal: name.clone(), column, problem }
}

/// The columns that rules read, by signal; every signal that they look at is there.
fn columns(rules: &[&PackRule], customers: &SignalName) -> BTreeMap<SignalName, BTreeSet<String>> {
    let mut columns: BTreeMap<SignalName, BTreeSet<String>> = BTreeMap::new();
    columns.entry(customers.clone()).or_default();
    for rule in rules {
        for name in signals_of(rule) {
            columns.entry(name).or_default();
        }
        let about = &rule.rule.settings.about;
        for field in &rule.reads {
            let column = field.column();
            let own_id = matches!(field, Field::Customer(name) if name == "customer_id");
            if !own_id {
                let signal = signal_of(field, about, customers).clone();
                columns.entry(signal).or_default().insert(column.to_owned());
            }
        }
    }
    columns
}

/// Rules that usually find many and suddenly find nobody sit out.
pub(super) fn mind_silence(pack: &Pack, found: &mut Found, memory: &Memory) {
    for (id, fared) in &mut found.rules {
        let usual = memory.matches.get(id).copied().unwrap_or(0);
        if usual >= MANY && fared.matches.is_empty() && fared.quarantine.is_none() {
            let file = pack.rules.get(id).map(|rule| rule.rule.file.clone()).unwrap_or_default();
            fared.quarantine = Some(Quarantine::FindsNobody(silent(id, file, usual)));
        }
    }
}

fn silent(rule: &RuleId, file: std::path::PathBuf, usual: u64) -> Problem {
    let message = format!("`{rule}` finds nobody, and usually finds about {usual}");
    Problem::error(Place::file(file), "finds-nobody", message).help(format!(
        "look whether what it reads is whole; if it really is so: lookout approve {rule}"
    ))
}
