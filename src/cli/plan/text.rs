//! What a change does, as text for a terminal: the important first.

use super::changes::Compared;
use crate::cli::decisions;
use crate::cli::output::{BOLD, RESET};
use crate::cli::tables::{aligned, list};
use crate::cli::wording::plain;

/// How many customers are named in a line.
const NAMED: usize = 10;

/// The whole.
pub(super) fn page(compared: &Compared<'_>, all: bool) -> String {
    let heading: Vec<Vec<String>> = compared.heading().into_iter().map(Vec::from).collect();
    let mut text = decisions::alarms(compared.alarms());
    text.push_str(&format!("{BOLD}Plan, what the change of the pack would do{RESET}\n"));
    text.push_str(&aligned(&heading, 2));
    text.push_str(&format!("\n{BOLD}{}{RESET}\n", compared.verdict()));
    let people: Vec<Vec<String>> = compared
        .people()
        .into_iter()
        .map(|(what, customers)| {
            let named = customers.iter().take(if all { usize::MAX } else { NAMED });
            let named: Vec<&str> = named.map(|customer| customer.as_str()).collect();
            let more = customers.len() - named.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let named = format!("{}{more}", named.join(", "));
            vec![what.to_owned(), customers.len().to_string(), named]
        })
        .collect();
    text.push_str(&aligned(&people, 2));
    for part in compared.rules() {
        text.push_str(&format!("\n{BOLD}{}{RESET}  {}\n", part.rule, plain(&part.summary)));
        if let Some(note) = part.note {
            text.push_str(&format!("  {note}\n"));
        }
        for section in &part.sections {
            text.push_str(&format!("  {} ({})\n", section.title, section.rows.len()));
            text.push_str(&list(&section.rows, 4, all));
        }
    }
    let sums: Vec<Vec<String>> = compared.sums().into_iter().map(Vec::from).collect();
    if !sums.is_empty() {
        text.push_str(&format!("\n{BOLD}How the sums move{RESET}\n"));
        text.push_str(&aligned(&sums, 2));
    }
    text
}
