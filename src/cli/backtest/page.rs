//! The figures as one self-contained page: nothing on it runs, nothing is loaded from anywhere, and
//! each plot stands beside its numbers. Nothing is counted here.

mod plots;

use std::collections::BTreeSet;

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::text::why_not_left;
use crate::backtest::{
    Figures, Most, OutcomeFigures, RuleFigures, RuleOutcomes, SatOut, Spread, Weeks,
};
use crate::cli::wording::{counted, reason};
use crate::domain::{RuleId, parse_instant};
use crate::templates::escape;
use plots::{Bar, Column, Part};

/// What every page has, and no other file.
pub const MARK: &str = "<meta name=\"generator\" content=\"lookout backtest\">";

const STYLE: &str = include_str!("page/page.css");

/// How many stretches of weeks a plot shows at most.
const STRETCHES: usize = 110;
/// Colours there are; what comes after the last has it, too.
const COLOURS: usize = 8;

/// The page.
pub(super) fn page(figures: &Figures) -> String {
    let title = title(figures);
    let sections = [
        weekly(figures),
        section("By rule", "", &by_rule(figures)),
        times(figures),
        refused(figures),
        outcome(figures),
        owners(figures),
        customers(figures),
        limits(figures),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n{MARK}\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n\
         {}</header>\n<main>\n{}{}</main>\n</body>\n</html>\n",
        heading(figures),
        tiles(figures),
        sections.concat(),
    )
}

fn title(figures: &Figures) -> String {
    match figures.rules.as_slice() {
        [only] => format!("Backtest of {}", escape(only.rule.as_str())),
        rules => format!("Backtest of {} rules", rules.len()),
    }
}

fn heading(figures: &Figures) -> String {
    let zone: Tz = figures.timezone.parse().unwrap_or(Tz::UTC);
    let at = |text: &str| {
        let at = parse_instant(text).unwrap_or_default().with_timezone(&zone);
        at.format("%a %-d %b %Y, %H:%M").to_string()
    };
    format!(
        "<p>{} from {} to {}, every {} ({}).<br><span class=\"soft\">Data: {}; pack {}. \
         Nothing was sent.</span></p>\n{}",
        counted(figures.runs, "run"),
        at(&figures.from),
        at(&figures.last_run),
        figures.every,
        escape(&figures.timezone),
        escape(&figures.source),
        figures.pack.get(..12).unwrap_or(&figures.pack),
        skipped(figures),
    )
}

/// The runs that decided nothing: without them the figures look like those of a quiet time.
fn skipped(figures: &Figures) -> String {
    let SatOut { runs, because } = &figures.skipped;
    match runs {
        0 => String::new(),
        runs => format!(
            "<p class=\"warn\">{} decided nothing: {}.</p>\n",
            counted(*runs, "run"),
            escape(&because.join("; "))
        ),
    }
}

fn tiles(figures: &Figures) -> String {
    let totals = &figures.totals;
    let most = totals.most_a_day.map_or("-".to_owned(), |most| most.count.to_string());
    let mut tiles = vec![
        (totals.contacts.to_string(), noun(totals.contacts, "contact")),
        (format!("{:.2}", totals.a_day), "contacts a day".to_owned()),
        (most, "at most on one day".to_owned()),
        (totals.customers.to_string(), format!("{} contacted", noun(totals.customers, "customer"))),
        (totals.tasks.to_string(), format!("{} beside", noun(totals.tasks, "task"))),
    ];
    if let Some(outcome) = &figures.outcome {
        tiles.push((percent(outcome.share), "of outcomes told before".to_owned()));
    }
    let tiles = tiles.iter().map(|(number, what)| format!("<li><b>{number}</b>{what}</li>\n"));
    format!("<ul class=\"tiles\">\n{}</ul>\n", tiles.collect::<String>())
}

/// `contact` of one, `contacts` of any other number.
fn noun(count: u64, noun: &str) -> String {
    counted(count, noun).split_whitespace().skip(1).collect()
}

fn section(title: &str, says: &str, body: &str) -> String {
    if body.is_empty() {
        return String::new();
    }
    let says = match says {
        "" => String::new(),
        says => format!("<p class=\"soft\">{says}</p>\n"),
    };
    format!("<section>\n<h2>{title}</h2>\n{says}{body}</section>\n")
}

/// The rules with contacts, the most first: each has its colour by its place.
fn ranked(figures: &Figures) -> Vec<&RuleId> {
    let mut rules: Vec<&RuleFigures> =
        figures.rules.iter().filter(|rule| rule.volume.contacts > 0).collect();
    rules.sort_by_key(|rule| (std::cmp::Reverse(rule.volume.contacts), &rule.rule));
    rules.into_iter().map(|rule| &rule.rule).collect()
}

fn colour(place: usize) -> usize {
    place.min(COLOURS - 1)
}

fn weekly(figures: &Figures) -> String {
    let weeks = Weeks::of(figures, STRETCHES);
    let rules = ranked(figures);
    if rules.is_empty() {
        return String::new();
    }
    let columns = weeks.stretches.iter().map(|(day, counts)| {
        let parts = rules.iter().enumerate().filter_map(|(place, rule)| {
            let count = *counts.get(rule)?;
            let said = format!("{} on, {}: {count}", full(*day), escape(rule.as_str()));
            Some(Part { colour: colour(place), count, said })
        });
        Column { label: month(*day), parts: parts.collect() }
    });
    let title = format!("Contacts {}, by rule", weeks.said());
    let plot = plots::columns(&title, &months_once(columns.collect()));
    let legend = plots::legend(
        rules.iter().enumerate().map(|(place, rule)| (colour(place), escape(rule.as_str()))),
    );
    let mut head = vec!["from".to_owned()];
    head.extend(rules.iter().map(|rule| escape(rule.as_str())));
    let rows = weeks.stretches.iter().map(|(day, counts)| {
        let counts = rules.iter().map(|rule| counts.get(rule).copied().unwrap_or(0).to_string());
        std::iter::once(full(*day)).chain(counts).collect()
    });
    let table = table(&head, &rows.collect::<Vec<Vec<String>>>(), 1);
    let body =
        format!("{legend}{plot}<details><summary>The same as numbers</summary>{table}</details>\n");
    section(&title, "", &body)
}

/// A month is named once, where it begins; on a narrow screen only each third.
fn months_once(mut columns: Vec<Column>) -> Vec<Column> {
    let mut before = String::new();
    for column in &mut columns {
        let own = std::mem::take(&mut column.label);
        if own != before {
            column.label.clone_from(&own);
        }
        before = own;
    }
    columns
}

fn by_rule(figures: &Figures) -> String {
    let head = [
        "rule",
        "contacts",
        "a day",
        "at most",
        "last words",
        "calls",
        "tasks",
        "customers",
        "waited for approval",
    ];
    let row = |rule: &RuleFigures| {
        let volume = &rule.volume;
        let held = match rule.held.messages {
            0 => "-".to_owned(),
            messages => format!("{messages} on {}", counted(rule.held.days, "day")),
        };
        vec![
            escape(rule.rule.as_str()),
            volume.contacts.to_string(),
            a_day(volume.a_day, volume.contacts),
            volume.most_a_day.map_or("-".to_owned(), most),
            volume.last_words.to_string(),
            volume.calls.to_string(),
            volume.tasks.to_string(),
            volume.customers.to_string(),
            held,
        ]
    };
    let table =
        table(&head.map(str::to_owned), &figures.rules.iter().map(row).collect::<Vec<_>>(), 1);
    let remarks: String = figures.rules.iter().map(remarks).collect();
    format!("{table}{remarks}")
}

/// What was not as usual with a rule, a paragraph each.
fn remarks(rule: &RuleFigures) -> String {
    let mut remarks = String::new();
    let mut remark = |text: String| {
        remarks.push_str(&format!("<p class=\"soft remarks\">{}</p>\n", escape(&text)));
    };
    if rule.sat_out.runs > 0 {
        let because = rule.sat_out.because.join("; ");
        let runs = counted(rule.sat_out.runs, "run");
        remark(format!("{} sat out {runs}: {because}.", rule.rule));
    }
    if rule.errors > 0 {
        let subjects = counted(rule.errors, "subject");
        remark(format!("{} failed on {subjects}, run by run.", rule.rule));
    }
    for (why, count) in &rule.not_left {
        remark(format!(
            "Of {}, {} decided and never left: {}.",
            rule.rule,
            match count {
                1 => "1 was".to_owned(),
                many => format!("{many} were"),
            },
            why_not_left(why)
        ));
    }
    remarks
}

const SPREAD: [&str; 7] = ["how many", "least", "25 %", "median", "75 %", "90 %", "most"];

fn spread(spread: &Spread) -> [String; 7] {
    let Spread { count, least, p25, median, p75, p90, most } = *spread;
    let [least, p25, median, p75, p90, most] =
        [least, p25, median, p75, p90, most].map(|number| number.to_string());
    [count.to_string(), least, p25, median, p75, p90, most]
}

fn times(figures: &Figures) -> String {
    let rows = figures.rules.iter().flat_map(|rule| {
        rule.times.iter().map(|time| {
            let mut row = vec![escape(rule.rule.as_str()), escape(&time.measure)];
            row.extend(spread(&time.spread));
            row
        })
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        return String::new();
    }
    let head: Vec<String> =
        ["rule", "when first told"].iter().chain(&SPREAD).map(|text| (*text).to_owned()).collect();
    let says = "What the time functions of each rule gave when a customer was first told of each \
                subject: the share of them that is not above the number.";
    section("When they were first told", says, &table(&head, &rows, 2))
}

fn refused(figures: &Figures) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for refused in figures.rules.iter().flat_map(RuleFigures::passed_over) {
        if !reasons.contains(&refused.reason.as_str()) {
            reasons.push(&refused.reason);
        }
    }
    reasons.sort_unstable();
    let place =
        |code: &str| colour(reasons.iter().position(|known| *known == code).unwrap_or(COLOURS));
    let bars = figures.rules.iter().filter_map(|rule| {
        let parts = rule.passed_over().map(|refused| Part {
            colour: place(&refused.reason),
            count: refused.subjects,
            said: format!("{}: {}", reason(&refused.reason), counted(refused.subjects, "subject")),
        });
        let parts: Vec<Part> = parts.collect();
        let label = escape(rule.rule.as_str());
        (!parts.is_empty()).then_some(Bar { label, parts })
    });
    let bars: Vec<Bar> = bars.collect();
    if bars.is_empty() {
        return String::new();
    }
    let rows = figures.rules.iter().flat_map(|rule| {
        rule.passed_over().map(|refused| {
            vec![
                escape(rule.rule.as_str()),
                reason(&refused.reason).to_owned(),
                refused.subjects.to_string(),
                refused.decisions.to_string(),
            ]
        })
    });
    let head = ["rule", "reason", "subjects", "decisions"].map(str::to_owned);
    let legend = plots::legend(reasons.iter().map(|code| (place(code), reason(code).to_owned())));
    let body = format!(
        "{legend}{}<details><summary>The same as numbers</summary>{}</details>\n",
        plots::bars(&bars),
        table(&head, &rows.collect::<Vec<_>>(), 2)
    );
    let says = "Subjects that were refused at least once, by reason; one that was refused for two \
                reasons counts for both. A decision is counted at every run.";
    section("Why others were not contacted", says, &body)
}

fn outcome(figures: &Figures) -> String {
    let Some(outcome) = &figures.outcome else { return String::new() };
    let says = format!(
        "{} of {} ({}) came after {}. Last words don't count.",
        outcome.told,
        counted(outcome.outcomes, "outcome"),
        percent(outcome.share),
        warned(outcome),
    );
    let mut head: Vec<String> =
        ["rule", "matched by", "told before", "median days before", "contacts", "with an outcome"]
            .map(str::to_owned)
            .to_vec();
    head.push("with none".to_owned());
    let rows = outcome.rules.iter().map(|rule| {
        vec![
            escape(rule.rule.as_str()),
            matched(rule),
            rule.told.to_string(),
            rule.lead_days.map_or("-".to_owned(), |lead| lead.median.to_string()),
            rule.contacts.to_string(),
            rule.followed.to_string(),
            rule.not_followed.to_string(),
        ]
    });
    let table = table(&head, &rows.collect::<Vec<_>>(), 2);
    let title = format!("Told before: {}", escape(&outcome.signal));
    section(&title, &says, &format!("{}{table}", leads(outcome)))
}

/// `order_id`, or `customer_id, within 30d`
fn matched(rule: &RuleOutcomes) -> String {
    let within = rule.within.map_or(String::new(), |within| format!(", within {within}"));
    format!("{}{within}", escape(&rule.matched_by))
}

/// What counts as a contact before an outcome.
fn warned(outcome: &OutcomeFigures) -> String {
    let way = |rule: &RuleOutcomes| {
        let about = match rule.matched_by.as_str() {
            "customer_id" => "a contact to the same customer",
            _ => "a contact about the same row",
        };
        let within = rule.within.map(|within| format!(" in the {within} before"));
        format!("{about}{}", within.unwrap_or_default())
    };
    let ways: BTreeSet<String> = outcome.rules.iter().map(way).collect();
    ways.into_iter().collect::<Vec<_>>().join(", or ")
}

/// How many days before, in at most forty columns of as many days each.
fn leads(outcome: &OutcomeFigures) -> String {
    let (Some(first), Some(last)) = (outcome.leads.first(), outcome.leads.last()) else {
        return String::new();
    };
    let each = (last.days - first.days) / 40 + 1;
    let begins = (0..=(last.days - first.days) / each).map(|step| first.days + step * each);
    let mut rows = Vec::new();
    let columns = begins.map(|from| {
        let own = outcome.leads.iter().filter(|lead| (from..from + each).contains(&lead.days));
        let count: u64 = own.map(|lead| lead.outcomes).sum();
        let range = match each {
            1 => from.to_string(),
            _ => format!("{from} to {}", from + each - 1),
        };
        if count > 0 {
            rows.push(vec![range.clone(), count.to_string()]);
        }
        let part = Part { colour: 0, count, said: format!("{range} days before: {count}") };
        let named = last.days - first.days < 20 || (from - first.days) / each % 5 == 0;
        let label = if named { range } else { String::new() };
        Column { label, parts: if count > 0 { vec![part] } else { Vec::new() } }
    });
    let title = "Outcomes, by how many days before they had been told of";
    let plot = plots::columns(title, &columns.collect::<Vec<_>>());
    let table = table(&["days before", "outcomes"].map(str::to_owned), &rows, 1);
    format!(
        "<p class=\"soft\">{title}</p>\n{plot}<details><summary>The same as numbers</summary>{table}\
         </details>\n"
    )
}

fn owners(figures: &Figures) -> String {
    let name = |owner: &Option<String>| owner.as_deref().map_or("nobody named".to_owned(), escape);
    let bars = figures.owners.iter().map(|load| Bar {
        label: name(&load.owner),
        parts: [(0, load.tasks, "task"), (1, load.calls, "call")]
            .into_iter()
            .filter(|(_, count, _)| *count > 0)
            .map(|(colour, count, what)| Part { colour, count, said: counted(count, what) })
            .collect(),
    });
    let bars: Vec<Bar> = bars.collect();
    if bars.is_empty() {
        return String::new();
    }
    let rows = figures.owners.iter().map(|load| {
        vec![
            name(&load.owner),
            load.tasks.to_string(),
            load.calls.to_string(),
            a_day(load.a_day, load.tasks + load.calls),
            load.most_a_day.map_or("-".to_owned(), most),
        ]
    });
    let head = ["for", "tasks", "calls", "a day", "at most"].map(str::to_owned);
    let legend = plots::legend([(0, "tasks".to_owned()), (1, "calls".to_owned())].into_iter());
    let table = table(&head, &rows.collect::<Vec<_>>(), 1);
    section("Work for colleagues", "", &format!("{legend}{}{table}", plots::bars(&bars)))
}

fn customers(figures: &Figures) -> String {
    let bars = figures.customers.iter().map(|one| {
        let said = counted(one.contacts, "contact");
        let part = Part { colour: 0, count: one.contacts, said };
        Bar { label: escape(one.customer_id.as_str()), parts: vec![part] }
    });
    let bars: Vec<Bar> = bars.collect();
    if bars.is_empty() {
        return String::new();
    }
    section("Customers contacted most", "", &plots::bars(&bars))
}

fn limits(figures: &Figures) -> String {
    let limits = figures.limits.iter().map(|limit| format!("<li>{}</li>\n", escape(limit)));
    let list = format!("<ul class=\"limits\">\n{}</ul>\n", limits.collect::<String>());
    section("What these figures can't know", "", &list)
}

/// A table; its first columns are text, the others numbers. Cells are HTML.
fn table(head: &[String], rows: &[Vec<String>], texts: usize) -> String {
    let class = |column: usize| if column < texts { "" } else { " class=\"n\"" };
    let heads = head.iter().enumerate();
    let heads: String =
        heads.map(|(at, text)| format!("<th scope=\"col\"{}>{text}</th>", class(at))).collect();
    let cell = |(at, text): (usize, &String)| match at {
        0 => format!("<th scope=\"row\">{text}</th>"),
        _ => format!("<td{}>{text}</td>", class(at)),
    };
    let row = |row: &Vec<String>| {
        format!("<tr>{}</tr>\n", row.iter().enumerate().map(cell).collect::<String>())
    };
    format!(
        "<div class=\"scroll\"><table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n",
        rows.iter().map(row).collect::<String>()
    )
}

fn most(most: Most) -> String {
    format!("{} on {}", most.count, full(most.day))
}

/// So many a day; something is never shown as nothing.
fn a_day(a_day: f64, count: u64) -> String {
    if count > 0 && a_day < 0.01 { "&lt; 0.01".to_owned() } else { format!("{a_day:.2}") }
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

fn full(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

fn month(day: NaiveDate) -> String {
    day.format("%b %Y").to_string()
}
