//! A replay told to the people who answer for the pack. Nothing is counted here.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::chart;
use crate::backtest::{Figures, Most, OutcomeFigures, RuleFigures, RuleOutcomes, Spread};
use crate::cli::output::{BOLD, RESET};
use crate::cli::tables::aligned;
use crate::cli::wording::{counted, listed, plain, reason};
use crate::domain::{Instant, parse_instant};

/// The figures as text, with colours.
pub(super) fn text(figures: &Figures) -> String {
    let mut text = heading(figures);
    if let Some((each, chart)) = chart::text(figures) {
        text.push_str(&section(&format!("Contacts {each}"), &chart));
    }
    let parts = [
        ("By rule", rules(figures)),
        ("When they were first told", times(figures)),
        ("Why others were not contacted", refused(figures)),
        ("Decided, and never left", not_left(figures)),
        ("Work for colleagues", owners(figures)),
        ("Contacted most", customers(figures)),
    ];
    for (title, part) in parts.iter().filter(|(_, part)| !part.is_empty()) {
        text.push_str(&section(title, part));
    }
    if let Some(outcome) = &figures.outcome {
        text.push_str(&section(
            &format!("Told before: {}", plain(&outcome.signal)),
            &told(outcome),
        ));
    }
    let limits: String = figures.limits.iter().map(|limit| wrapped(&plain(limit))).collect();
    text.push_str(&section("What these figures can't know", &limits));
    text
}

fn section(title: &str, body: &str) -> String {
    format!("\n{BOLD}{title}{RESET}\n{body}")
}

fn heading(figures: &Figures) -> String {
    let totals = &figures.totals;
    let zone: Tz = figures.timezone.parse().unwrap_or(Tz::UTC);
    let at = |text: &str| parse_instant(text).map(|at| day_and_time(at, zone)).unwrap_or_default();
    let rules: Vec<String> = figures.rules.iter().map(|rule| rule.rule.to_string()).collect();
    let rules = match rules.len() {
        1 | 2 => listed(&rules),
        many => format!("{many} rules"),
    };
    let mut text = format!(
        "{BOLD}Backtest of {rules}: {} from {} to {}{RESET}\n  every {}, times are {}; {}; pack {}\n",
        counted(figures.runs, "run"),
        at(&figures.from),
        at(&figures.last_run),
        figures.every,
        figures.timezone,
        plain(&figures.source),
        figures.pack.get(..12).unwrap_or(&figures.pack),
    );
    let most = totals.most_a_day.map(|most| format!(", at most {}", said(most)));
    text.push_str(&format!(
        "  {BOLD}{}{RESET} with {}: {:.2} a day{}; {}\n",
        counted(totals.contacts, "contact"),
        counted(totals.customers, "customer"),
        totals.a_day,
        most.unwrap_or_default(),
        counted(totals.tasks, "task"),
    ));
    if figures.skipped.runs > 0 {
        text.push_str(&format!(
            "  {} decided nothing: {}\n",
            counted(figures.skipped.runs, "run"),
            plain(&figures.skipped.because.join("; "))
        ));
    }
    text
}

fn rules(figures: &Figures) -> String {
    let head =
        ["rule", "contacts", "a day", "at most", "last words", "calls", "tasks", "customers"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut remarks = String::new();
    for rule in &figures.rules {
        let volume = &rule.volume;
        rows.push(vec![
            rule.rule.to_string(),
            volume.contacts.to_string(),
            a_day(volume.a_day, volume.contacts),
            volume.most_a_day.map(said).unwrap_or("-".to_owned()),
            volume.last_words.to_string(),
            volume.calls.to_string(),
            volume.tasks.to_string(),
            volume.customers.to_string(),
        ]);
        remarks.push_str(&remark(rule));
    }
    format!("{}{remarks}", aligned(&rows, 2))
}

/// What was not as usual with a rule.
fn remark(rule: &RuleFigures) -> String {
    let mut text = String::new();
    if rule.sat_out.runs > 0 {
        text.push_str(&format!(
            "  {} sat out {}: {}\n",
            rule.rule,
            counted(rule.sat_out.runs, "run"),
            plain(&rule.sat_out.because.join("; "))
        ));
    }
    if rule.errors > 0 {
        text.push_str(&format!(
            "  {} failed on {}, run by run; `lookout dry-run --as-of …` shows which and why\n",
            rule.rule,
            counted(rule.errors, "subject")
        ));
    }
    text
}

fn times(figures: &Figures) -> String {
    let rows = figures.rules.iter().flat_map(|rule| {
        rule.times.iter().map(|time| {
            let unit = if time.measure.contains("hours") { "hour" } else { "day" };
            vec![rule.rule.to_string(), plain(&time.measure), spread(&time.spread, unit)]
        })
    });
    aligned(&rows.collect::<Vec<_>>(), 2)
}

/// `median 7 days, 90 % up to 8, from 7 to 20`
fn spread(spread: &Spread, unit: &str) -> String {
    let Spread { least, median, p90, most, .. } = spread;
    match least == most {
        true => format!("always {}", units(*most, unit)),
        false => {
            format!("median {}, 90 % up to {p90}, from {least} to {most}", units(*median, unit))
        }
    }
}

/// `1 day`, `-2 days`
fn units(count: i64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// A block a rule, so that lines stay short.
fn refused(figures: &Figures) -> String {
    let mut rows = Vec::new();
    for rule in &figures.rules {
        for (number, refused) in rule.passed_over().enumerate() {
            let name = if number == 0 { rule.rule.to_string() } else { String::new() };
            let said = match reason(&refused.reason) {
                said if said.len() > LONG => refused.reason.replace('_', " "),
                said => said.to_owned(),
            };
            let (subjects, decisions) = (refused.subjects, refused.decisions);
            rows.push(vec![
                name,
                said,
                counted(subjects, "subject"),
                counted(decisions, "decision"),
            ]);
        }
    }
    aligned(&rows, 2)
}

/// Why what was decided never left.
pub(super) fn why_not_left(code: &str) -> &'static str {
    match code {
        "no_longer_true" => "no longer true when it was to leave",
        "expired" => "no longer worth saying when it could leave",
        "failed" => "its words could not be written",
        _ => "still waiting at the end",
    }
}

fn not_left(figures: &Figures) -> String {
    let rows = figures.rules.iter().flat_map(|rule| {
        let row = |(code, count): (&String, &u64)| {
            vec![rule.rule.to_string(), count.to_string(), why_not_left(code).to_owned()]
        };
        rule.not_left.iter().map(row)
    });
    aligned(&rows.collect::<Vec<_>>(), 2)
}

fn owners(figures: &Figures) -> String {
    let rows = figures.owners.iter().map(|load| {
        vec![
            load.owner.as_deref().map_or("nobody named".to_owned(), plain),
            counted(load.tasks, "task"),
            counted(load.calls, "call"),
            format!("{} a day", a_day(load.a_day, load.tasks + load.calls)),
            load.most_a_day.map(|most| format!("at most {}", said(most))).unwrap_or_default(),
        ]
    });
    aligned(&rows.collect::<Vec<_>>(), 2)
}

/// Five a line.
fn customers(figures: &Figures) -> String {
    let told = figures.customers.iter();
    let told = told.map(|one| format!("{} {}", one.customer_id, one.contacts));
    let told: Vec<String> = told.collect();
    aligned(&told.chunks(5).map(<[String]>::to_vec).collect::<Vec<_>>(), 2)
}

fn told(outcome: &OutcomeFigures) -> String {
    let share = outcome.share.map_or(String::new(), |share| format!(" ({:.1} %)", share * 100.0));
    let mut text = format!(
        "  {} of {}{share} came after a contact\n",
        outcome.told,
        counted(outcome.outcomes, "outcome"),
    );
    if let Some(lead) = &outcome.lead_days {
        text.push_str(&format!("  how long before: {}\n", spread(lead, "day")));
    }
    let row = |rule: &RuleOutcomes| {
        vec![
            rule.rule.to_string(),
            matched(rule),
            rule.told.to_string(),
            rule.lead_days.map_or("-".to_owned(), |lead| units(lead.median, "day")),
            rule.contacts.to_string(),
            rule.not_followed.to_string(),
        ]
    };
    let head = ["rule", "matched", "told before", "median", "contacts", "with none"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(outcome.rules.iter().map(row));
    text.push_str(&aligned(&rows, 2));
    text
}

/// `by order_id`, `by customer_id, within 30d`
fn matched(rule: &RuleOutcomes) -> String {
    let within = rule.within.map_or(String::new(), |within| format!(", within {within}"));
    format!("by {}{within}", rule.matched_by)
}

/// So many a day; something is never shown as nothing.
fn a_day(a_day: f64, count: u64) -> String {
    if count > 0 && a_day < 0.01 { "< 0.01".to_owned() } else { format!("{a_day:.2}") }
}

/// `23 on 6 May 1998`
fn said(most: Most) -> String {
    format!("{} on {}", most.count, day(most.day))
}

fn day(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

fn day_and_time(at: Instant, zone: Tz) -> String {
    at.with_timezone(&zone).format("%a %-d %b %Y, %H:%M").to_string()
}

/// Reasons that take up more than this are told by their code.
const LONG: usize = 40;
/// What a line of a paragraph holds at most.
const WIDEST: usize = 96;

/// A paragraph, set in, its further lines beneath the first one's words.
fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDEST {
            lines.push_str(&format!("  {line}\n"));
            line = "  ".to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    format!("{lines}  {line}\n")
}
