//! The addresses of somebody who is suppressed by their id. The id is in the books already; nothing
//! that goes wrong here takes it back.

use std::collections::BTreeSet;

use crate::app::AppError;
use crate::cli::addresses::{self, Found};
use crate::cli::output::Output;
use crate::cli::wording::plain;
use crate::config::Config;
use crate::domain::{Instant, Recipient};
use crate::store::{NewSuppression, Store};

/// What became of the addresses of those who were named by their ids.
#[derive(Default)]
pub(super) struct TakenIn {
    /// Their addresses.
    pub(super) addresses: BTreeSet<Recipient>,
    /// How many suppressions of them are new.
    pub(super) new: u64,
    /// The company's data in words, or why it could not be asked; absent where nobody was named by
    /// an id.
    pub(super) data: Option<Result<String, String>>,
    /// Those whom the company's data does not have.
    pub(super) unknown: Vec<String>,
}

/// Suppresses the addresses of those in `rows` who are named by their ids: whoever else is there
/// would be the same person to whom it goes.
pub(super) async fn take_in(
    config: &Config,
    store: &Store,
    rows: &[NewSuppression],
    at: Instant,
) -> Result<TakenIn, AppError> {
    let customers: BTreeSet<_> = rows.iter().filter_map(|row| row.customer.clone()).collect();
    if customers.is_empty() {
        return Ok(TakenIn::default());
    }
    let Found { known, data } = addresses::of(config, store, &customers).await?;
    let theirs = rows.iter().flat_map(|row| {
        let found = row.customer.as_ref().and_then(|customer| known.get(customer));
        let found = found.into_iter().flatten().cloned();
        found.map(|to| NewSuppression { recipient: Some(to), ..row.clone() })
    });
    let theirs: Vec<_> = theirs.collect();
    let new = store.suppress(&theirs, at).await?;
    let unknown = customers.iter().filter(|id| data.is_ok() && !known.contains_key(*id));
    let unknown = unknown.map(|id| plain(id.as_str())).collect();
    let addresses = known.into_values().flatten().collect();
    Ok(TakenIn { addresses, new, data: Some(data), unknown })
}

impl TakenIn {
    /// Whether the company's data has nobody of those who were named.
    pub(super) fn is_of_nobody(&self) -> bool {
        !self.unknown.is_empty() && self.addresses.is_empty()
    }

    /// Says what could not be found out.
    pub(super) fn remark(&self, output: &mut Output) {
        match &self.data {
            Some(Err(why)) => output.remark(&format!(
                "The company's data could not be asked for their addresses: {why}.\n\
                 They are suppressed by their ids{}. Somebody else at another address of theirs may \
                 still be written to: say the same again when the data can be read.",
                match self.addresses.is_empty() {
                    true => ", and no message ever told their addresses",
                    false => " and by the addresses that earlier messages went to",
                }
            )),
            Some(Ok(source)) if !self.unknown.is_empty() => {
                let told = some_of(&self.unknown);
                output.remark(&format!("{source} has no {told}; is it written as it is there?"));
            }
            _ => {}
        }
    }
}

/// `customer A`, or the first of several and how many more.
fn some_of(unknown: &[String]) -> String {
    let shown: Vec<_> = unknown.iter().take(5).map(|id| format!("`{id}`")).collect();
    match unknown.len() - shown.len() {
        0 => format!("customer {}", shown.join(", ")),
        more => format!("customer {} and {more} more", shown.join(", ")),
    }
}
