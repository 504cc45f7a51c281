//! `policy.toml`: read whole, every mistake reported with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;

use super::calendar::{Calendar, QuietHours, WorkingHours, weekday_number};
use super::{Cap, Hold, Lenience, Policy, Topic};
use crate::document::{Document, Placed, Section, wrong_value};
use crate::domain::{Channel, Consent, Place, Problem, nearest};

/// Every table of `policy.toml` and its keys; the first is the top of the file, `topics` is each topic.
pub const KEYS: [(&str, &[&str]); 6] = [
    (
        "",
        &[
            "timezone",
            "channels",
            "errors",
            "topics",
            "quiet_hours",
            "working_hours",
            "cap",
            "hold",
        ],
    ),
    ("topics", &["consent", "title", "ignore", "mute_when"]),
    ("quiet_hours", &["from", "to", "days"]),
    ("working_hours", &["from", "to", "days", "holidays"]),
    ("cap", &["contacts", "per", "channel"]),
    ("hold", &["rule", "everything", "new_rule", "share", "times_usual"]),
];

/// The keys of a table.
fn keys(table: &str) -> &'static [&'static str] {
    KEYS.iter().find(|(name, _)| *name == table).map_or(&[], |(_, keys)| keys)
}

/// Reads `policy.toml`. A file with mistakes gives what could be read of it, so that the rest of
/// the pack can be judged too; its problems say that the pack can't be used.
pub fn load(file: &Path, problems: &mut Vec<Problem>) -> Policy {
    Document::read(file, problems, read).unwrap_or_default()
}

fn read(section: &Section<'_>) -> Policy {
    section.only(keys(""));
    let channels =
        section.texts("channels").into_iter().map(|c| Channel(c.value)).collect::<Vec<_>>();
    let quiet = section.section("quiet_hours").and_then(|s| quiet_hours(&s));
    let caps: Vec<Cap> = section.sections("cap").iter().filter_map(cap).collect();
    if !section.has("cap") && !section.has("quiet_hours") {
        let message = "nothing limits how often or when a customer is contacted";
        let finding = Problem::finding(section.place(), "no-limits", message);
        section.report(finding.help("add a [[cap]] (contacts = 1, per = \"1d\") or [quiet_hours]"));
    }
    Policy {
        calendar: Calendar {
            timezone: section.text("timezone").and_then(|t| zone(section, t)).unwrap_or(Tz::UTC),
            working: section.section("working_hours").and_then(|s| working_hours(&s)),
        },
        channels: if channels.is_empty() {
            vec![Channel(Channel::EMAIL.to_owned())]
        } else {
            channels
        },
        errors: share(section, "errors").unwrap_or(0.01),
        topics: section.section("topics").map(|s| topics(&s)).unwrap_or_default(),
        quiet,
        caps,
        hold: section.section("hold").map(|s| hold(&s)).unwrap_or_default(),
    }
}

fn zone(section: &Section<'_>, text: Placed<String>) -> Option<Tz> {
    let zone = text.value.parse::<Tz>();
    if zone.is_err() {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name());
        let help = match nearest(&text.value, names) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => {
                "write a name of the IANA time zone database, such as \"Europe/Berlin\"".to_owned()
            }
        };
        let message = format!("there is no time zone `{}`", text.value);
        section.report(Problem::error(text.place, "unknown-timezone", message).help(help));
    }
    zone.ok()
}

fn topics(section: &Section<'_>) -> BTreeMap<String, Topic> {
    let read = |name: String| {
        let topic = section.section(&name)?;
        topic.only(keys("topics"));
        let consent = match topic.text("consent") {
            Some(text) => one_of(
                &topic,
                &text,
                "consent",
                &[
                    ("always", Consent::Always),
                    ("opt-out", Consent::OptOut),
                    ("opt-in", Consent::OptIn),
                ],
            ),
            None if topic.lacks("consent") => {
                let message = format!("the topic `{name}` doesn't say what consent it needs");
                topic.missing(message, "add consent = \"always\", \"opt-out\" or \"opt-in\"");
                None
            }
            None => None,
        }
        .unwrap_or(Consent::OptIn);
        let lenience = [
            ("quiet_hours", Lenience::QuietHours),
            ("cap", Lenience::Cap),
            ("outranked", Lenience::Outranked),
        ];
        let ignore = topic.texts("ignore");
        let ignore = ignore.iter().filter_map(|t| one_of(&topic, t, "ignore", &lenience)).collect();
        Some((
            name,
            Topic { title: title(&topic), consent, ignore, mute_when: topic.text("mute_when") },
        ))
    };
    section.keys().into_iter().filter_map(read).collect()
}

/// One text for everybody, or one a language.
fn title(topic: &Section<'_>) -> BTreeMap<String, String> {
    let by_language = topic.get("title").filter(|title| title.get_ref().as_table().is_some());
    let Some(titles) = by_language.and_then(|_| topic.section("title")) else {
        return topic.text("title").map(|title| (String::new(), title.value)).into_iter().collect();
    };
    for unknown in titles.keys().iter().filter(|key| !is_language(key)) {
        let error = format!("`{unknown}` is no language");
        let problem = wrong_value(titles.place_of_key(unknown), "title", error);
        titles.report(problem.help("write a language in two or three letters: en, de, or pt-BR"));
    }
    let text = |language: String| titles.text(&language).map(|title| (language, title.value));
    titles.keys().into_iter().filter_map(text).collect()
}

/// Whether it begins as the names of languages do (BCP 47): two or three small letters.
fn is_language(key: &str) -> bool {
    let language = key.split(['-', '_']).next().unwrap_or_default();
    matches!(language.len(), 2 | 3) && language.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn one_of<T: Copy>(
    section: &Section<'_>,
    text: &Placed<String>,
    key: &str,
    known: &[(&str, T)],
) -> Option<T> {
    let found = known.iter().find(|(name, _)| *name == text.value).map(|(_, value)| *value);
    if found.is_none() {
        let names = known.iter().map(|(name, _)| *name);
        let help = match nearest(&text.value, names.clone()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("write one of: {}", names.collect::<Vec<_>>().join(", ")),
        };
        let error = format!("`{}` is not known here", text.value);
        section.report(wrong_value(text.place.clone(), key, error).help(help));
    }
    found
}

fn quiet_hours(section: &Section<'_>) -> Option<QuietHours> {
    section.only(keys("quiet_hours"));
    let days = weekdays(section, "days");
    let nightly = match (clock_time(section, "from"), clock_time(section, "to")) {
        (Some(from), Some(to)) if from == to => {
            let message = "quiet hours begin and end at the same minute";
            return never(section, message, "give them an end: from = \"20:00\", to = \"08:00\"");
        }
        (Some(from), Some(to)) => Some((from, to)),
        _ if section.lacks("from") != section.lacks("to") => {
            let message = "quiet hours need both `from` and `to`";
            return never(section, message, "write from = \"20:00\" and to = \"08:00\"");
        }
        _ => None,
    };
    if days.len() == 7 {
        let message = "every day of the week is quiet all day: nobody could ever be contacted";
        return never(section, message, "leave at least one day out of `days`");
    }
    Some(QuietHours { nightly, days })
}

fn working_hours(section: &Section<'_>) -> Option<WorkingHours> {
    section.only(keys("working_hours"));
    let from = clock_time(section, "from").unwrap_or(NaiveTime::MIN);
    let to = clock_time(section, "to").unwrap_or(NaiveTime::MIN);
    if section.has("from") && section.has("to") && from >= to {
        let message = "the working day must end after it begins";
        return never(section, message, "write from = \"09:00\" and to = \"17:00\"");
    }
    if section.lacks("from") || section.lacks("to") {
        let message = "working hours need `from` and `to`";
        return never(section, message, "write from = \"09:00\" and to = \"17:00\"");
    }
    let days = match section.has("days") {
        true => weekdays(section, "days"),
        false => (0..5).collect(),
    };
    if days.is_empty() {
        let message = "working hours need at least one day";
        return never(
            section,
            message,
            "write days = [\"Mon\", \"Tue\", \"Wed\", \"Thu\", \"Fri\"]",
        );
    }
    let day = |text: Placed<String>| {
        let day = NaiveDate::parse_from_str(&text.value, "%Y-%m-%d");
        let report = |_| {
            let error = format!("`{}` is not a date; write it as 1998-05-01", text.value);
            section.report(wrong_value(text.place.clone(), "holidays", error));
        };
        day.map_err(report).ok()
    };
    let holidays = section.texts("holidays").into_iter().filter_map(day).collect();
    Some(WorkingHours { from, to, days, holidays })
}

fn never<T>(section: &Section<'_>, message: &str, help: &str) -> Option<T> {
    section.report(Problem::error(section.place(), "impossible-hours", message).help(help));
    None
}

fn clock_time(section: &Section<'_>, key: &str) -> Option<NaiveTime> {
    let text = section.text(key)?;
    let time = NaiveTime::parse_from_str(&text.value, "%H:%M");
    let report = |_| {
        let error = format!("`{}` is not a time of day; write it as 08:00", text.value);
        section.report(wrong_value(text.place.clone(), key, error));
    };
    time.map_err(report).ok()
}

fn weekdays(section: &Section<'_>, key: &str) -> BTreeSet<u8> {
    let day = |text: Placed<String>| {
        let day = text.value.parse::<Weekday>().map(weekday_number);
        let report = |_| {
            let error =
                format!("`{}` is not a day; write Mon, Tue, Wed, Thu, Fri, Sat or Sun", text.value);
            section.report(wrong_value(text.place.clone(), key, error));
        };
        day.map_err(report).ok()
    };
    section.texts(key).into_iter().filter_map(day).collect()
}

fn cap(section: &Section<'_>) -> Option<Cap> {
    section.only(keys("cap"));
    for key in ["contacts", "per"].into_iter().filter(|key| section.lacks(key)) {
        section.missing(
            format!("this cap has no `{key}`"),
            "write, for example, contacts = 1 and per = \"1d\"",
        );
    }
    let contacts = section.integer("contacts", 1..=1_000_000);
    let per = section.parsed("per");
    let channel = section.text("channel").map(|c| Channel(c.value));
    Some(Cap { contacts: contacts? as u32, per: per?, channel })
}

fn hold(section: &Section<'_>) -> Hold {
    section.only(keys("hold"));
    let usual = Hold::default();
    let count = |key, left_out| section.integer(key, 0..=i64::MAX).map_or(left_out, |n| n as u64);
    Hold {
        rule: count("rule", usual.rule),
        everything: count("everything", usual.everything),
        new_rule: count("new_rule", usual.new_rule),
        share: share(section, "share").unwrap_or(usual.share),
        times_usual: count("times_usual", usual.times_usual),
        never: usual.never,
    }
}

/// A share, written as a percentage: `1%`, `0.5%`.
fn share(section: &Section<'_>, key: &str) -> Option<f64> {
    let text = section.text(key)?;
    let percent = text.value.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
    let share = percent.filter(|p| (0.0..=100.0).contains(p)).map(|p| p / 100.0);
    if share.is_none() {
        let error = format!("`{}` is not a share; write a percentage such as \"1%\"", text.value);
        section.report(wrong_value(text.place, key, error));
    }
    share
}

impl Topic {
    /// What a customer who reads this language (BCP 47) is told that it is: in that language, or in
    /// no particular one, or in English.
    pub fn title(&self, locale: Option<&str>) -> Option<&str> {
        let locale = locale.unwrap_or_default().trim();
        let language = locale.split(['-', '_']).next().unwrap_or_default().to_lowercase();
        let title = [locale, &language, "", "en"].into_iter().find_map(|l| self.title.get(l));
        title.map(String::as_str)
    }

    /// The condition that mutes it, for those that compile it, with its place.
    pub fn condition(&self) -> Option<(&str, &Place)> {
        self.mute_when.as_ref().map(|text| (text.value.as_str(), &text.place))
    }
}

#[cfg(test)]
mod tests {
    use super::load;

    #[test]
    fn a_topic_is_called_what_the_reader_would_call_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.toml");
        let title = |written: &str, locale: Option<&str>| {
            let limits = "[quiet_hours]\nfrom = \"20:00\"\nto = \"08:00\"";
            let text = format!("[topics.service]\nconsent = \"opt-out\"\n{written}\n{limits}\n");
            std::fs::write(&file, text).unwrap();
            let mut problems = Vec::new();
            let policy = load(&file, &mut problems);
            let title = policy.topics["service"].title(locale).map(str::to_owned);
            title.ok_or_else(|| problems.iter().map(|problem| problem.message.clone()).collect())
        };
        let nothing: Result<String, String> = Err(String::new());
        let is = |title: &str| Ok::<_, String>(title.to_owned());
        let both = "title = { en = \"your orders\", de = \"Ihre Bestellungen\" }";
        assert_eq!(title("", Some("de")), nothing);
        assert_eq!(title("title = \"your orders\"", Some("de")), is("your orders"));
        assert_eq!(title(both, Some("de-AT")), is("Ihre Bestellungen"));
        assert_eq!(title(both, Some("fr")), is("your orders"));
        assert_eq!(title(both, None), is("your orders"));
        for wrong in ["title = 3", "title = { de = 3 }"] {
            let said = title(wrong, Some("de")).unwrap_err();
            assert!(said.contains("text in quotes"), "{said}");
        }
    }
}
