//! What can be said to `backtest`. Nothing is done here.

use std::path::PathBuf;

use chrono::NaiveTime;
use clap::Args;

use crate::backtest::Edge;
use crate::domain::Span;

/// `lookout backtest`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  lookout backtest --from 2025-10-01 --to 2026-03-09
                                               a run each day, at the start of working hours
  lookout backtest --from 2025-10-01 --to 2026-03-09 --rule overdue-invoice --html backtest.html
  lookout backtest --from 2026-03-01 --to 2026-03-09 --every 1h --at 00:00
  lookout backtest --from 2025-10-01 --to 2026-03-09 --outcome paid_late
                                               was told before it happened, and how long before

Days are those of the pack's time zone. The replay starts with nobody contacted, and leaves
Lookout's own tables alone. Customers' reactions are not simulated.")]
pub struct Backtest {
    /// The first day, or the instant of the first run
    #[arg(long, value_name = "DAY|TIME")]
    pub from: Edge,
    /// The last day, all of it; or the last instant
    #[arg(long, value_name = "DAY|TIME")]
    pub to: Edge,
    /// How often rules are run: 1d, 4h, 30m; days keep the time of day
    #[arg(long, value_name = "SPAN", default_value = "1d")]
    pub every: Span,
    /// The time of the first day's run in the pack's zone; where working hours start, else 09:00
    #[arg(long, value_name = "HH:MM", value_parser = time_of_day)]
    pub at: Option<NaiveTime>,
    /// Only this rule; may be said again. The others compete with nothing then
    #[arg(long = "rule", value_name = "RULE")]
    pub only: Vec<String>,
    /// A keyed signal of what happened, with a line `-- happened: COLUMN`: who was told before?
    #[arg(long, value_name = "SIGNAL")]
    pub outcome: Option<String>,
    /// How long before an outcome a contact counts; where left out, one about the same row at any
    /// time, one to the same customer for 30d
    #[arg(long, value_name = "SPAN", requires = "outcome")]
    pub within: Option<Span>,
    /// Write a page with plots, too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Reads `09:00`.
fn time_of_day(text: &str) -> Result<NaiveTime, String> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| "that is no time of day; write it like 09:00".to_owned())
}
