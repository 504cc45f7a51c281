//! A chart of columns for a terminal, in Unicode blocks. Nothing is counted here.

use chrono::{Datelike, NaiveDate};

use crate::backtest::{Figures, Weeks};

/// How many columns there is room for beside the numbers, in 80 characters.
const COLUMNS: usize = 72;
/// The widest column, its gap included.
const WIDEST: usize = 4;
/// Lines of blocks.
const LINES: u64 = 6;
/// From an eighth of a line to all of it.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The contacts of a replay, week by week; nothing where there were none.
pub(super) fn text(figures: &Figures) -> Option<(String, String)> {
    let weeks = Weeks::of(figures, COLUMNS);
    let sums = weeks.sums();
    let top = sums.iter().copied().max().filter(|most| *most > 0)?;
    let width = top.to_string().len().max(2);
    let wide = (COLUMNS / sums.len()).clamp(1, WIDEST);
    let mut chart = String::new();
    for line in (0..LINES).rev() {
        let label = match line {
            line if line == LINES - 1 => top.to_string(),
            _ => String::new(),
        };
        let blocks: String = sums.iter().map(|sum| column(block(*sum, top, line), wide)).collect();
        chart.push_str(&format!("  {label:>width$} │{}\n", blocks.trim_end()));
    }
    chart.push_str(&format!("  {:>width$} └{}\n", 0, "─".repeat(sums.len() * wide)));
    let days: Vec<NaiveDate> = weeks.stretches.iter().map(|(day, _)| *day).collect();
    chart.push_str(&format!("  {:>width$}  {}\n", "", months(&days, wide).trim_end()));
    Some((weeks.said(), chart))
}

/// A block as wide as its column, with a gap where there is room.
fn column(block: char, wide: usize) -> String {
    let gap = if wide > 1 { " " } else { "" };
    format!("{}{gap}", String::from(block).repeat((wide - 1).max(1)))
}

/// What a column shows on one line, counted from the bottom. Something is never shown as nothing.
fn block(sum: u64, top: u64, line: u64) -> char {
    let eighths = (sum * LINES * 8).div_ceil(top);
    match eighths.saturating_sub(line * 8) {
        0 => ' ',
        some => BLOCKS[(some.min(8) - 1) as usize],
    }
}

/// The months beneath the columns in which they begin, as far as there is room.
fn months(days: &[NaiveDate], wide: usize) -> String {
    let mut line = String::new();
    let mut before: Option<NaiveDate> = None;
    for (number, day) in days.iter().enumerate() {
        let place = number * wide;
        let begins = before.is_none_or(|before| before.month() != day.month());
        // The Monday before the first of a year is still the old year's.
        let first = before.is_none();
        let year = first || before.is_some_and(|before| before.year() != day.year());
        let free = line.chars().count() + usize::from(!line.is_empty()) <= place;
        if begins && free {
            let name = day.format(if year { "%b %Y" } else { "%b" }).to_string();
            let pad = place - line.chars().count();
            line.push_str(&format!("{:pad$}{name}", ""));
        }
        before = Some(*day);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_high_as_its_share_and_never_nothing() {
        let blocks = |sum| (0..LINES).map(|line| block(sum, 480, line)).collect::<String>();
        assert_eq!(blocks(480), "██████");
        assert_eq!(blocks(240), "███   ");
        assert_eq!(blocks(50), "▅     ");
        assert_eq!(blocks(1), "▁     ");
        assert_eq!(blocks(0), "      ");
    }

    #[test]
    fn months_stand_where_they_begin() {
        let monday = NaiveDate::from_ymd_opt(1997, 12, 15).unwrap();
        let days: Vec<_> = (0..14).map(|week| monday + chrono::TimeDelta::weeks(week)).collect();
        assert_eq!(months(&days, 1), "Dec 1997   Mar");
        let weekly: Vec<_> = (0..30).map(|week| monday + chrono::TimeDelta::weeks(week)).collect();
        assert_eq!(months(&weekly, 1), "Dec 1997   Mar  Apr May Jun  Jul");
        assert_eq!(months(&days[..4], 4), "Dec 1997    Jan 1998");
        assert_eq!((column('▆', 1), column('▆', 4)), ("▆".to_owned(), "▆▆▆ ".to_owned()));
    }
}
