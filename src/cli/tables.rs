//! Columns of text under one another, by the width that a terminal gives them.

use comfy_table::{Table, presets};

use super::wording::plain;

/// What a list shows at most, unless all is asked for; a list that is hardly longer stays whole.
const SHOWN: usize = 10;
const WHOLE: usize = 12;

/// What a line holds at most before the last columns go beneath.
const WIDEST: usize = 100;

/// Rows with their columns aligned, a line each, `indent` blanks before it. Columns that are empty
/// in every row are left out. Control characters in the cells are made visible. Where lines would
/// be too wide, the cells of the last columns stand beneath them, a line each.
pub(super) fn aligned(rows: &[Vec<String>], indent: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let full: Vec<usize> = (0..columns)
        .filter(|column| rows.iter().any(|row| row.get(*column).is_some_and(|c| !c.is_empty())))
        .collect();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| full.iter().map(|column| plain(row.get(*column).map_or("", |c| c))).collect())
        .collect();
    let widths = table(&cells, full.len()).column_max_content_widths();
    let width = |columns: usize| -> usize {
        widths[..columns].iter().map(|width| usize::from(*width) + GAP).sum::<usize>() + indent
    };
    let across = (2..=full.len()).rev().find(|columns| width(*columns) <= WIDEST + GAP);
    let across = across.unwrap_or(full.len().min(2));
    let beneath = width(across.min(1));
    let mut text = String::new();
    for (line, row) in table(&cells, across).lines().zip(&cells) {
        text.push_str(&format!("{:indent$}{}\n", "", line.trim_end()));
        for cell in row[across..].iter().filter(|cell| !cell.is_empty()) {
            text.push_str(&format!("{:beneath$}{cell}\n", ""));
        }
    }
    text
}

/// Blanks between two columns.
const GAP: usize = 2;

/// The first `columns` of the cells as a table.
fn table(cells: &[Vec<String>], columns: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for row in cells {
        table.add_row(&row[..columns]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP as u16));
    }
    table
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_stands_beneath_the_line_that_it_belongs_to() {
        let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
        let narrow = [row(["a", "Ana", "email", "Hello"]), row(["ไทย", "", "sms", "สวัสดี"])];
        assert_eq!(aligned(&narrow, 2), "  a    Ana  email  Hello\n  ไทย       sms    สวัสดี\n");
        let long = "A subject line that is as long as some are. ".repeat(2);
        let wide = [row(["a", "Ana", "email", long.trim()]), row(["bcd", "Bo", "sms", ""])];
        let beneath = format!("  a    Ana  email\n       {}\n  bcd  Bo   sms\n", long.trim());
        assert_eq!(aligned(&wide, 2), beneath);
        assert_eq!(aligned(&[], 2), "");
    }
}
