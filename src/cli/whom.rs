//! Which customer is meant: by id, by e-mail address, or by name. The company's data say who there
//! is; nothing is kept of anybody else.

use std::collections::BTreeSet;

use super::wording::{listed, plain};
use crate::app::AppError;
use crate::domain::{About, Batch, CustomerId, Field, Recipient, nearest, normalise_email};
use crate::signals::{Signals, SourceError, View, Wanted};

/// How many of those that are meant perhaps are listed.
const SHOWN: usize = 8;

/// Who may be meant.
#[derive(Default)]
struct Search {
    exactly: Vec<Person>,
    perhaps: Vec<Person>,
    /// The nearest by id or name.
    near: Vec<(String, Person)>,
}

/// A customer by the company's data.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// The id.
    pub(super) id: CustomerId,
    /// The name; empty where there is none.
    pub(super) name: String,
}

/// The customer of that id, that e-mail address or that name; else the only one whose name has it as
/// a part.
///
/// # Errors
/// When it is nobody, or several, or the company's data can't be read.
pub(super) async fn find(
    signals: &Signals,
    view: &mut View,
    named: &str,
) -> anyhow::Result<Person> {
    let failed = |error: SourceError| AppError::from(error);
    let examined = view.glance(signals, &BTreeSet::new()).await.map_err(failed)?;
    let columns = examined.columns.get(&signals.customers.name).into_iter().flatten();
    let columns = columns.filter(|column| ["email", "name"].contains(&column.name.as_str()));
    let fields: BTreeSet<Field> =
        columns.map(|column| Field::Customer(column.name.clone())).collect();
    let id = CustomerId::from(named);
    let mut found = None;
    let only = Wanted {
        about: &About::Customers,
        fields: &fields,
        customer: Some(&id),
        subjects: None,
        conditions: None,
    };
    let mut note = |batch: Batch| {
        let rows = (0..batch.len()).filter(|row| batch.customer(*row) == id);
        found = rows.map(|row| person(&batch, row, &fields)).next().or(found.take());
    };
    view.pull(signals, &examined, &only, &mut note).await.map_err(failed)?;
    if let Some(found) = found {
        return Ok(found);
    }
    let mut search = Search::default();
    let everybody = Wanted { customer: None, ..only };
    let mut look = |batch: Batch| search.look(&batch, &fields, named);
    view.pull(signals, &examined, &everybody, &mut look).await.map_err(failed)?;
    search.settle(named)
}

impl Search {
    fn look(&mut self, batch: &Batch, fields: &BTreeSet<Field>, named: &str) {
        let wanted = named.trim().to_lowercase();
        let address: Option<Recipient> = normalise_email(named);
        let mut names = Vec::new();
        for row in 0..batch.len() {
            let person = person(batch, row, fields);
            let facts = batch.facts(row, fields);
            let own = facts.customer().text("email").and_then(|email| normalise_email(&email));
            let is = |text: &str| text.to_lowercase() == wanted;
            if (address.is_some() && own == address) || is(person.id.as_str()) || is(&person.name) {
                self.exactly.push(person);
            } else if !wanted.is_empty() && person.name.to_lowercase().contains(&wanted) {
                self.perhaps.push(person);
            } else {
                names.push((person.id.to_string(), person.clone()));
                names.push((person.name.clone(), person));
            }
        }
        let near = nearest(named, names.iter().map(|(name, _)| name.as_str()));
        let near = near.and_then(|near| names.iter().find(|(name, _)| name == near));
        self.near.extend(near.cloned());
    }

    fn settle(mut self, named: &str) -> anyhow::Result<Person> {
        let mut found = if self.exactly.is_empty() { self.perhaps } else { self.exactly };
        match found.as_slice() {
            [] => {
                let names = self.near.iter().map(|(name, _)| name.as_str());
                let near = nearest(named, names).map(str::to_owned);
                let near = self.near.drain(..).find(|(name, _)| Some(name) == near.as_ref());
                let meant = near.map(|(_, person)| format!("; did you mean {}?", told(&person)));
                anyhow::bail!(
                    "no customer has the id, the e-mail address or the name `{}`{}",
                    plain(named),
                    meant.unwrap_or_default()
                )
            }
            [only] => Ok(only.clone()),
            _ => {
                found.sort_by(|a, b| a.id.cmp(&b.id));
                let shown: Vec<String> = found.iter().take(SHOWN).map(told).collect();
                let more = found.len().saturating_sub(SHOWN);
                let more = if more > 0 { format!(", and {more} more") } else { String::new() };
                anyhow::bail!(
                    "`{}` is {} customers: {}{more}; say which by the id",
                    plain(named),
                    found.len(),
                    if more.is_empty() { listed(&shown) } else { shown.join(", ") },
                )
            }
        }
    }
}

fn person(batch: &Batch, row: usize, fields: &BTreeSet<Field>) -> Person {
    let name = batch.facts(row, fields).customer().text("name").unwrap_or_default();
    Person { id: batch.customer(row), name }
}

fn told(person: &Person) -> String {
    match person.name.as_str() {
        "" => plain(person.id.as_str()),
        name => format!("{} ({})", plain(person.id.as_str()), plain(name)),
    }
}
