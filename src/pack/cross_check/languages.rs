//! Languages that some words of a rule have and others lack: whoever reads the first message in their
//! own language gets the next one in another.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Ask, Place, Problem};
use crate::pack::PackRule;

/// Reports words for customers that lack a language in which the rule has others. A colleague reads the
/// company's own language.
pub(super) fn check(rule: &PackRule, problems: &mut Vec<Problem>) {
    let folder = &rule.rule.folder;
    let is_words = |p: &Problem| {
        p.place.file.parent() == Some(folder) && p.place.file.extension().is_some_and(|e| e == "md")
    };
    // Of words with mistakes nobody knows yet what they would be.
    if problems.iter().any(is_words) {
        return;
    }
    let mut sent: BTreeSet<String> = BTreeSet::new();
    for asked in &rule.rule.asks {
        match &asked.ask {
            Ask::Send(channel, words) if !channel.is_task() => {
                sent.insert(words.clone());
            }
            Ask::Contact(_) => {
                let channels = rule.contact_channels().into_iter();
                sent.extend(channels.filter(|c| !c.is_task()).map(|channel| channel.0));
            }
            Ask::Send(..) => {}
        }
    }
    let mut lacking: BTreeMap<&String, Vec<(String, &String)>> = BTreeMap::new();
    for having in &sent {
        for locale in rule.templates.locales(having).into_iter().filter(|tag| !tag.is_empty()) {
            for words in &sent {
                let is_there = rule.templates.names().any(|name| name == words);
                let missing = lacking.entry(words).or_default();
                let is_told = missing.iter().any(|(told, _)| *told == locale);
                if is_there && !is_told && !rule.templates.speaks(words, &locale) {
                    missing.push((locale.clone(), having));
                }
            }
        }
    }
    for (words, missing) in lacking {
        let Some((locale, having)) = missing.first() else { continue };
        let tags: Vec<&str> = missing.iter().map(|(locale, _)| locale.as_str()).collect();
        let message = format!("`{having}` has words in {}, and `{words}` has not", tags.join(", "));
        let place = Place::file(folder.join(format!("{words}.md")));
        let help = format!("write {}", folder.join(format!("{words}.{locale}.md")).display());
        problems.push(Problem::finding(place, "missing-language", message).help(help));
    }
}
