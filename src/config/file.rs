//! Reading `lookout.toml`. Every mistake in it is found at once, with its place.

use std::path::Path;

use super::ConfigError;
use super::settings::{Names, Settings, names, resolved, under};
use crate::document::{Document, Section};
use crate::domain::Problem;

/// Reads the file; paths in it are taken from its own folder.
pub(super) fn read(file: &Path) -> Result<Settings, ConfigError> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let mut problems = Vec::new();
    let mut settings = Settings::default();
    Document::read(file, &mut problems, |document| {
        collect(document, &mut Vec::new(), folder, &mut settings);
    });
    let rules = || under(folder, "rules");
    settings.values.entry(vec!["rules".to_owned()]).or_insert_with(rules);
    if problems.is_empty() { Ok(settings) } else { Err(ConfigError::Mistakes(problems)) }
}

/// Takes over every setting in and under `section`, whose path is `path`.
fn collect(section: &Section<'_>, path: &mut Vec<String>, folder: &Path, settings: &mut Settings) {
    let known = names(path);
    if let Names::Of(known) = known {
        section.only(known);
    }
    for key in section.keys() {
        if matches!(known, Names::Of(known) if !known.contains(&key.as_str())) {
            continue;
        }
        path.push(key.clone());
        match names(path) {
            Names::Setting => text(section, &key, path, folder, settings),
            _ => {
                if let Some(inner) = section.section(&key) {
                    if let [_, channel] = &path[..] {
                        settings.channels.insert(channel.clone(), inner.place());
                    }
                    collect(&inner, path, folder, settings);
                }
            }
        }
        path.pop();
    }
}

fn text(section: &Section<'_>, key: &str, path: &[String], folder: &Path, settings: &mut Settings) {
    let Some(text) = section.text(key) else { return };
    if text.value.trim().is_empty() {
        let message = format!("`{}` is empty", path.join("."));
        let problem = Problem::error(text.place, "wrong-value", message);
        section.report(problem.help("leave it out, or say what it is"));
    } else {
        settings.values.insert(path.to_vec(), resolved(path, &text.value, folder));
    }
}
