//! What a person reads in the end. Nothing is measured here.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::machine;
use crate::measure::{Cost, Measured, SIGNAL_COLUMNS};

/// One database's figures.
pub struct Line {
    /// Its name and version.
    pub database: String,
    /// The figures.
    pub measured: Measured,
}

/// The whole page.
pub fn render(lines: &[Line]) -> String {
    let profile = if cfg!(debug_assertions) { "debug build" } else { "release build" };
    let mut page = format!(
        "\nOne dry run, beside the same rules written by hand as one SQL statement\n\n\
         machine  {}; {}, {profile}\n",
        machine::processor(),
        machine::compiler()
    );
    if let Some(Line { measured, .. }) = lines.first() {
        page.push_str(&company(measured));
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["", "", "seconds", "customers a second", "times as long", "peak memory"]);
    for Line { database, measured } in lines {
        let base = measured.by_hand;
        table.add_row(row(database, "one statement by hand", measured, measured.by_hand, base));
        table.add_row(row("", "lookout dry-run", measured, measured.dry_run, base));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    page.push_str(&format!("{table}\n"));
    page.push_str(
        "Both found the same matches. The time is the shortest of the rounds, and includes opening \
         the database;\nmemory is this process's, not the server's.\n",
    );
    page
}

fn company(measured: &Measured) -> String {
    let matches: u64 = measured.matches.iter().map(|(_, count)| count).sum();
    let one_in = measured.customers.checked_div(measured.matching).unwrap_or(0);
    let fewest = measured.matches.iter().map(|(_, count)| count).min().unwrap_or(&0);
    let most = measured.matches.iter().map(|(_, count)| count).max().unwrap_or(&0);
    format!(
        "company  {} customers with {SIGNAL_COLUMNS} signal columns in 4 tables, generated from a \
         fixed seed; nobody is real\n\
         rules    {} rules of 2 to 5 fields; {} matches ({} to {} a rule), one customer in {one_in}; \
         {} messages and tasks\n\n",
        grouped(measured.customers),
        measured.matches.len(),
        grouped(matches),
        grouped(*fewest),
        grouped(*most),
        grouped(measured.outreaches),
    )
}

fn row(database: &str, way: &str, measured: &Measured, cost: Cost, base: Cost) -> [String; 6] {
    let seconds = cost.time.as_secs_f64();
    [
        database.to_owned(),
        way.to_owned(),
        format!("{seconds:.2}"),
        grouped((measured.customers as f64 / seconds) as u64),
        format!("{:.1}", seconds / base.time.as_secs_f64()),
        cost.memory.map_or(String::new(), |bytes| format!("{} MiB", bytes >> 20)),
    ]
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
