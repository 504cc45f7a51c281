//! Columns of text under one another, by the width that a terminal gives them.

use comfy_table::{Table, presets};

use super::wording::plain;

/// What a list shows at most, unless all is asked for; a list that is hardly longer stays whole.
const SHOWN: usize = 10;
const WHOLE: usize = 12;

/// Rows with their columns aligned, a line each, `indent` blanks before it. Columns that are empty
/// in every row are left out. Control characters in the cells are made visible.
pub(super) fn aligned(rows: &[Vec<String>], indent: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let full: Vec<usize> = (0..columns)
        .filter(|column| rows.iter().any(|row| row.get(*column).is_some_and(|c| !c.is_empty())))
        .collect();
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for row in rows {
        table.add_row(full.iter().map(|column| plain(row.get(*column).map_or("", |c| c))));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines = table.lines();
    lines.map(|line| format!("{:indent$}{}\n", "", line.trim_end())).collect()
}

/// The same for a list that may be long: its beginning, and how many more there are, unless `all`.
pub(super) fn list(rows: &[Vec<String>], indent: usize, all: bool) -> String {
    if all || rows.len() <= WHOLE {
        return aligned(rows, indent);
    }
    let more = rows.len() - SHOWN;
    let shown = aligned(&rows[..SHOWN], indent);
    format!("{shown}{:indent$}… and {more} more (--all shows them)\n", "")
}
