//! What a change does, as Markdown for a comment on a pull request: long lists are folded, and data
//! never becomes markup.

use super::changes::{Compared, Section};
use crate::cli::wording::plain;

/// Rows that stand open; longer lists are folded.
const OPEN: usize = 12;

/// Rows of a list at most, unless all are asked for: a comment has room for 65,536 characters.
const SHOWN: usize = 100;

const COLUMNS: [&str; 7] = ["customer", "name", "subject", "channel", "when", "title", "why"];

/// The whole.
pub(super) fn page(compared: &Compared<'_>, all: bool) -> String {
    let mut text = format!("### Lookout: {}\n\n", cell(&compared.verdict()));
    for (what, customers) in compared.people() {
        let named: Vec<String> = customers.iter().map(|customer| cell(customer.as_str())).collect();
        let named = match named.len() > OPEN {
            true => format!("{}, …", named[..OPEN].join(", ")),
            false => named.join(", "),
        };
        text.push_str(&format!("- {what}: {} ({named})\n", customers.len()));
    }
    for alarm in compared.alarms() {
        text.push_str(&format!("\n> ⚠ {}\n", cell(&alarm.message)));
    }
    for part in compared.rules() {
        text.push_str(&format!("\n#### {}\n\n{}\n", cell(part.rule.as_str()), cell(&part.summary)));
        if let Some(note) = part.note {
            text.push_str(&format!("\n**{note}**\n"));
        }
        for of_one in &part.sections {
            text.push_str(&section(of_one, all));
        }
    }
    let sums: Vec<Vec<String>> = compared.sums().into_iter().map(Vec::from).collect();
    if !sums.is_empty() {
        text.push_str(&folded(
            "How the sums move",
            &table(&["rule", "what", "before → after"], &sums),
        ));
    }
    let heading: Vec<Vec<String>> = compared.heading().into_iter().map(Vec::from).collect();
    text.push_str(&folded("What was compared", &table(&["", ""], &heading)));
    text
}

fn section(section: &Section, all: bool) -> String {
    let rows = &section.rows;
    let most = if all { rows.len() } else { SHOWN.min(rows.len()) };
    let full: Vec<usize> = (0..COLUMNS.len())
        .filter(|column| rows.iter().any(|row| !row[*column].is_empty()))
        .collect();
    let heads: Vec<&str> = full.iter().map(|column| COLUMNS[*column]).collect();
    let shown: Vec<Vec<String>> = rows[..most]
        .iter()
        .map(|row| full.iter().map(|column| row[*column].clone()).collect())
        .collect();
    let mut inside = table(&heads, &shown);
    if most < rows.len() {
        inside.push_str(&format!("\n… and {} more (`--all` shows them)\n", rows.len() - most));
    }
    let title = format!("{} ({})", section.title, rows.len());
    match rows.len() > OPEN {
        true => folded(&title, &inside),
        false => format!("\n**{title}**\n\n{inside}"),
    }
}

fn folded(title: &str, inside: &str) -> String {
    format!("\n<details><summary>{title}</summary>\n\n{inside}\n</details>\n")
}

fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(heads.iter().map(|head| (*head).to_owned()).collect());
    text.push_str(&line(heads.iter().map(|_| "---".to_owned()).collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(|text| cell(text.trim())).collect()));
    }
    text
}

/// Text that stays text in a table of Markdown: neither markup nor a link, and nobody is called by an @.
/// What GitHub would look for in the finished text (`@ana`, `#12`, an address) is parted by a space of no
/// width, as an entity is the same to it as what it stands for.
fn cell(text: &str) -> String {
    const NO_WIDTH: &str = "&#8203;";
    let mut told = String::with_capacity(text.len());
    let text = plain(text);
    for (at, c) in text.char_indices() {
        let www = || at >= 3 && text.as_bytes()[at - 3..at].eq_ignore_ascii_case(b"www");
        match c {
            '&' => told.push_str("&amp;"),
            '<' => told.push_str("&lt;"),
            '>' => told.push_str("&gt;"),
            '\\' | '|' | '*' | '_' | '[' | ']' | '~' | '`' => {
                told.push('\\');
                told.push(c);
            }
            '@' | '#' => told.extend([c.to_string().as_str(), NO_WIDTH]),
            ':' if text[at..].starts_with("://") => told.extend([":", NO_WIDTH]),
            '.' if www() => told.extend([NO_WIDTH, "."]),
            c => told.push(c),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_never_becomes_markup() {
        assert_eq!(
            cell("`a > 0` | @ana #12 <b> **x** a_b [c](d) ~e~"),
            r"\`a &gt; 0\` \| @&#8203;ana #&#8203;12 &lt;b&gt; \*\*x\*\* a\_b \[c\](d) \~e\~"
        );
        assert_eq!(
            cell("https://evil.example/x WWW.evil.example a@b.example c:\\d 9:30"),
            r"https:&#8203;//evil.example/x WWW&#8203;.evil.example a@&#8203;b.example c:\\d 9:30"
        );
    }
}
