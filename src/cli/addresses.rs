//! At which addresses customers are, by the company's data as it is now; where that can't be asked,
//! by what the books remember of their messages. That it can't be asked is told, and ends no command.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::app;
use crate::config::Config;
use crate::domain::{About, CustomerId, Field, Recipient, SubjectId};
use crate::opt_out::ERASED;
use crate::signals::{self, Wanted};
use crate::store::{Store, StoreError};

/// How long the company's data may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many customers are asked about at once.
const BATCH: usize = 1000;

/// Customers, and where each of them is.
pub(super) type Known = BTreeMap<CustomerId, BTreeSet<Recipient>>;

/// What was found of some customers.
pub(super) struct Found {
    /// Those that there are, by whoever was asked.
    pub(super) known: Known,
    /// The company's data in words, or why it could not be asked.
    pub(super) data: Result<String, String>,
}

/// Finds the addresses of customers.
///
/// # Errors
/// When the state database can't be read, which is asked where the company's data can't be.
pub(super) async fn of(
    config: &Config,
    store: &Store,
    customers: &BTreeSet<CustomerId>,
) -> Result<Found, StoreError> {
    let late = || format!("it did not answer within {} seconds", PATIENCE.as_secs());
    let asked = tokio::time::timeout(PATIENCE, ask(config, customers)).await;
    match asked.unwrap_or_else(|_| Err(late())) {
        Ok((data, known)) => Ok(Found { known, data: Ok(data) }),
        Err(why) => Ok(Found { known: store.addresses(customers).await?, data: Err(why) }),
    }
}

/// Asks the company's data. A mistake in the pack elsewhere than in its signals is none here.
async fn ask(config: &Config, customers: &BTreeSet<CustomerId>) -> Result<(String, Known), String> {
    let mut problems = Vec::new();
    let signals = signals::load(&config.rules.join("signals"), &mut problems);
    let said = |problems: &[crate::domain::Problem]| {
        let said: Vec<_> = problems.iter().map(|problem| problem.message.clone()).collect();
        said.join("; ")
    };
    let signals = signals.ok_or_else(|| said(&problems))?;
    let source = app::source(config).await.map_err(|error| error.to_string())?;
    let told = |error: signals::SourceError| error.to_string();
    let mut view = source.view(app::as_of(None, Some(&source))).await.map_err(told)?;
    let examined = view.glance(&signals, &BTreeSet::new()).await.map_err(told)?;
    let spine = &signals.customers.name;
    if let Some(problems) = examined.problems.get(spine) {
        return Err(said(problems));
    }
    let columns = examined.columns.get(spine).into_iter().flatten();
    let columns = columns.filter(|column| ["email", "phone"].contains(&column.name.as_str()));
    let fields = columns.map(|column| Field::Customer(column.name.clone())).collect();
    let ids: Vec<_> = customers.iter().map(|id| SubjectId::from(id.as_str())).collect();
    let mut known = Known::new();
    for batch in ids.chunks(BATCH) {
        let wanted = Wanted {
            about: &About::Customers,
            fields: &fields,
            customer: None,
            subjects: Some(batch),
            conditions: None,
        };
        let mut take = |rows: crate::domain::Batch| {
            for row in 0..rows.len() {
                let facts = rows.facts(row, &fields);
                known.entry(rows.customer(row)).or_default().extend(facts.customer().recipients());
            }
        };
        view.pull(&signals, &examined, &wanted, &mut take).await.map_err(told)?;
    }
    Ok((source.describe(), known))
}

/// An address as people write it.
pub(super) fn bare(address: &Recipient) -> &str {
    address.0.split_once(':').map_or(&address.0, |(_, bare)| bare)
}

/// A customer's id or an address as people are shown it; of who was erased, the start of the hash.
pub(super) fn shown(who: &str) -> String {
    match who.strip_prefix(ERASED) {
        Some(hash) => format!("({})", hash.chars().take(8).collect::<String>()),
        None => who.to_owned(),
    }
}
