//! What a person reads in the end. Nothing is measured here.

use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use crate::goal::{Bound, Goal};

/// One line about what a dry run grows with.
pub struct Growth {
    pub database: String,
    pub customers: u64,
    /// Which rules.
    pub what: String,
    pub matches: u64,
    pub time: Duration,
    /// Bytes at the peak, in a process of its own; none where the system does not say.
    pub memory: Option<u64>,
}

/// The goals with today's ratios; those that are not met are counted on top.
pub fn of_goals(goals: &[Goal]) -> String {
    let promised = goals.iter().filter(|goal| goal.bound != Bound::Open);
    let missed = promised.clone().filter(|goal| !goal.is_met()).count();
    let all = promised.count();
    let verdict = match missed {
        0 => format!("All {all} goals are met."),
        1 => format!("1 of {all} goals is not met."),
        _ => format!("{missed} of {all} goals are not met."),
    };
    let mut table = plain(["", "beside", "goal", "today", "", "Lookout", "beside"]);
    let mut last = "";
    for goal in goals {
        let met = match goal.bound {
            Bound::Open => "",
            _ if goal.is_met() => "met",
            _ => "NOT MET",
        };
        let what = if goal.what == last { "" } else { &goal.what };
        last = &goal.what;
        table.add_row([
            what.to_owned(),
            goal.rival.clone(),
            promise(goal.bound),
            ratio(goal.ratio),
            met.to_owned(),
            goal.figures.0.clone(),
            goal.figures.1.clone(),
        ]);
    }
    align_right(&mut table, &[3, 5, 6]);
    format!("{verdict}\n\n{table}\n")
}

/// What a dry run grows with.
pub fn of_growth(grown: &[Growth]) -> String {
    let mut table = plain(["", "customers", "rules", "matches", "time", "peak memory"]);
    for line in grown {
        table.add_row([
            line.database.clone(),
            grouped(line.customers),
            line.what.clone(),
            grouped(line.matches),
            seconds(line.time),
            line.memory.map(mebibytes).unwrap_or_default(),
        ]);
    }
    align_right(&mut table, &[1, 3, 4, 5]);
    format!("{table}\n")
}

fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    table
}

fn align_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// `at most 1.2 ×` of the rival\'s, `at least 50 × faster`.
fn promise(bound: Bound) -> String {
    match bound {
        Bound::AtMost(_) => format!("{bound} ×"),
        Bound::AtLeast(least) => format!("at least {} × faster", grouped_ratio(least)),
        Bound::Open => String::new(),
    }
}

fn grouped_ratio(ratio: f64) -> String {
    if ratio.fract() == 0.0 { grouped(ratio as u64) } else { ratio.to_string() }
}

fn ratio(ratio: f64) -> String {
    match ratio {
        ..10.0 => format!("{ratio:.2}"),
        ..100.0 => format!("{ratio:.1}"),
        _ => grouped(ratio.round() as u64),
    }
}

/// `1.24 s`; below a second `812 ms`.
pub fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 1.0 { format!("{} ms", time.as_millis()) } else { format!("{seconds:.2} s") }
}

/// `58 MiB`.
pub fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// A number with a comma before each three digits.
pub fn grouped(number: u64) -> String {
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
