//! A rule that becomes no columns: Lookout has to ask Rhai about every customer, as the best tuned
//! Rhai does.

use super::customer::Customer;
use super::ours::Ours;
use super::tuned::OverRows;
use crate::dry_run::measure::pack::Script;

/// A loop over the words of a text, with the columns as bare names.
const BODY: &str = r#"{
    let letters = 0;
    for word in plan.split("e") { letters += word.len(); }
    letters == 7 && logins >= 59
}"#;

/// What Lookout's rules call the columns that it reads.
const COLUMNS: [(&str, &str); 2] = [("plan", "customer.plan"), ("logins", "customer.usage.logins")];

/// The rule by Lookout, and by Rhai alone.
pub fn pair(customers: &[Customer], folder: &std::path::Path) -> anyhow::Result<(Ours, OverRows)> {
    let when = COLUMNS.iter().fold(BODY.to_owned(), |body, (bare, full)| body.replace(bare, full));
    let script = Script { id: "unlowered".to_owned(), when, functions: String::new() };
    let ours = Ours::new(customers, &[script], folder)?;
    Ok((ours, OverRows::new(customers, &[BODY.to_owned()])?))
}
