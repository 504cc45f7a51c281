//! The messages that are kept beside the cases, to be compared with. Nothing is written unless
//! somebody accepts it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Tried;
use super::lines::difference;
use crate::pack::{KEPT, Pack, PackRule};
use crate::pipeline::case::Played;
use crate::rules::cases::Case;

/// How the messages of a case differ from those that are kept.
pub(super) struct Kept {
    /// Where they are kept, or would be.
    pub(super) file: PathBuf,
    /// Whether there are none yet.
    pub(super) missing: bool,
    /// What differs, line by line.
    pub(super) lines: Vec<String>,
}

/// What became of the files.
#[derive(Default)]
pub(super) struct Shelf {
    /// Kept of no case any more.
    pub(super) left_over: Vec<PathBuf>,
    /// Written, as accepted.
    pub(super) written: Vec<PathBuf>,
    /// Removed, as accepted.
    pub(super) removed: Vec<PathBuf>,
    /// How many were accepted as they were.
    pub(super) same: usize,
    /// Not written, because their cases fail.
    pub(super) refused: usize,
}

impl Kept {
    pub(super) fn json(&self) -> serde_json::Value {
        json!({
            "file": self.file.display().to_string(),
            "missing": self.missing,
            "difference": self.lines,
        })
    }
}

/// Every message that a case renders, one after the other.
pub(super) fn messages(pack: &Pack, rule: &PackRule, case: &Case, played: &[Played]) -> String {
    let mut text = String::new();
    for (step, played) in played.iter().enumerate() {
        let after = step.checked_sub(1).and_then(|step| case.steps.get(step));
        let after = after.map(|step| format!("after {}: ", step.after)).unwrap_or_default();
        let mut outreaches: Vec<_> = played.considered.decided.outreaches.iter().collect();
        outreaches.retain(|outreach| outreach.rule == rule.rule.settings.id);
        outreaches.sort_by_key(|outreach| (&outreach.channel, outreach.position));
        for outreach in outreaches {
            // What can't be written fails the case itself.
            let Ok(message) = pack.message(outreach, None) else { continue };
            let language = match message.locale.as_str() {
                "" => String::new(),
                locale => format!(" ({locale})"),
            };
            let (channel, title) = (&outreach.channel, &message.subject);
            let blank = if text.is_empty() { "" } else { "\n" };
            let body = message.text.trim_end();
            text.push_str(&format!("{blank}== {after}{channel}{language} ==\n{title}\n\n{body}\n"));
        }
    }
    text
}

fn file(rule: &PackRule, case: &Case) -> PathBuf {
    rule.rule.folder.join(KEPT).join(format!("{}.txt", case.file_stem()))
}

/// What is kept in a file; nothing where there is none.
fn read(file: &Path) -> anyhow::Result<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.replace("\r\n", "\n")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => anyhow::bail!("{} can't be read: {error}", file.display()),
    }
}

/// Compares the messages with those that are kept.
pub(super) fn compare(rules: &[&PackRule], tried: &mut [Tried<'_>]) -> anyhow::Result<Shelf> {
    for tried in tried.iter_mut().filter(|tried| tried.case.golden) {
        let file = file(tried.rule, tried.case);
        let kept = read(&file)?;
        if kept != tried.messages {
            let missing = kept.is_empty();
            let lines = if missing { Vec::new() } else { difference(&kept, &tried.messages) };
            tried.kept = Some(Kept { file, missing, lines });
        }
    }
    Ok(Shelf { left_over: left_over(rules)?, ..Shelf::default() })
}

/// Keeps the messages as they are now, and removes those of cases that are gone.
pub(super) fn accept(rules: &[&PackRule], tried: &[Tried<'_>]) -> anyhow::Result<Shelf> {
    let mut shelf = Shelf::default();
    for tried in tried.iter().filter(|tried| tried.case.golden) {
        let file = file(tried.rule, tried.case);
        let failed = |error| anyhow::anyhow!("{} can't be written: {error}", file.display());
        let kept = read(&file)?;
        if kept == tried.messages {
            shelf.same += 1;
        } else if !tried.holds() {
            shelf.refused += 1;
        } else if tried.messages.is_empty() {
            std::fs::remove_file(&file).map_err(failed)?;
            shelf.removed.push(file);
        } else {
            let folder = file.parent().map_or(Ok(()), std::fs::create_dir_all);
            folder.and_then(|()| std::fs::write(&file, &tried.messages)).map_err(failed)?;
            shelf.written.push(file);
        }
    }
    for file in left_over(rules)? {
        std::fs::remove_file(&file)
            .map_err(|error| anyhow::anyhow!("{} can't be removed: {error}", file.display()))?;
        shelf.removed.push(file);
    }
    Ok(shelf)
}

/// What is kept of no case that asks for it.
fn left_over(rules: &[&PackRule]) -> anyhow::Result<Vec<PathBuf>> {
    let mut left = BTreeSet::new();
    for rule in rules {
        let folder = rule.rule.folder.join(KEPT);
        if !folder.is_dir() {
            continue;
        }
        let asked: BTreeSet<PathBuf> =
            rule.cases.iter().filter(|case| case.golden).map(|case| file(rule, case)).collect();
        for entry in std::fs::read_dir(&folder)? {
            let file = entry?.path();
            let is_ours = file.extension().is_some_and(|ending| ending == "txt");
            if is_ours && !asked.contains(&file) {
                left.insert(file);
            }
        }
    }
    Ok(left.into_iter().collect())
}
