//! Reading `lookout.toml`. Every mistake in it is found at once, with its place.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;
use super::settings::{Names, Settings, meant, names, resolved};
use crate::domain::{Place, Problem};

/// Reads the file; paths in it are taken from its own folder.
pub(super) fn read(file: &Path) -> Result<Settings, ConfigError> {
    let unreadable = |error| ConfigError::File { file: file.to_owned(), error };
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let mut reader = Reader { file, text: &text, settings: Settings::default(), problems: vec![] };
    match DeTable::parse(&text) {
        Ok(table) => reader.table(&mut Vec::new(), table.get_ref()),
        Err(error) => {
            let place = reader.place(error.span().unwrap_or(0..0));
            let message = format!("this is not TOML: {}", error.message());
            reader.problems.push(Problem::error(place, "malformed-toml", message));
        }
    }
    if reader.problems.is_empty() {
        Ok(reader.settings)
    } else {
        Err(ConfigError::Mistakes(reader.problems))
    }
}

struct Reader<'a> {
    file: &'a Path,
    text: &'a str,
    settings: Settings,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>) {
        let known = names(path);
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match known {
                Names::Of(names) if !names.contains(&name) => {
                    self.unknown_key(key.span(), path, name, names);
                    continue;
                }
                Names::Any if path.len() == 1 => {
                    let place = self.place(key.span());
                    self.settings.channels.insert(name.to_owned(), place);
                }
                _ => {}
            }
            path.push(name.to_owned());
            self.value(path, value);
            path.pop();
        }
    }

    fn value(&mut self, path: &mut Vec<String>, value: &Spanned<DeValue<'_>>) {
        let dotted = path.join(".");
        match (names(path), value.get_ref()) {
            (Names::Setting, DeValue::String(text)) if text.trim().is_empty() => {
                self.wrong(
                    value,
                    format!("`{dotted}` is empty"),
                    "leave it out, or say what it is",
                );
            }
            (Names::Setting, DeValue::String(text)) => {
                let folder = self.file.parent().unwrap_or(Path::new(""));
                let text = resolved(path, text, folder);
                self.settings.values.insert(path.clone(), text);
            }
            (Names::Setting, _) => {
                self.wrong(value, format!("`{dotted}` is no text"), "put it in quotes");
            }
            (_, DeValue::Table(table)) => self.table(path, table),
            (Names::Of([only]), _) => {
                let help = format!("write {only} = \"…\" under [{dotted}]");
                self.wrong(value, format!("`{dotted}` is a section of its own"), &help);
            }
            _ => {
                let help = format!("write its settings under [{dotted}]");
                self.wrong(value, format!("`{dotted}` is a section of its own"), &help);
            }
        }
    }

    fn wrong(&mut self, value: &Spanned<DeValue<'_>>, message: String, help: &str) {
        let problem = Problem::error(self.place(value.span()), "wrong-value", message);
        self.problems.push(problem.help(help));
    }

    fn unknown_key(
        &mut self,
        span: std::ops::Range<usize>,
        path: &[String],
        name: &str,
        known: &[&'static str],
    ) {
        let within =
            if path.is_empty() { String::new() } else { format!(" in [{}]", path.join(".")) };
        let message = format!("there is no setting `{name}`{within}");
        let help = match meant(name, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the settings here are {}", known.join(", ")),
        };
        self.problems.push(Problem::error(self.place(span), "unknown-key", message).help(help));
    }

    fn place(&self, span: std::ops::Range<usize>) -> Place {
        let underlined = self.text.get(span.clone()).unwrap_or("").lines().next().unwrap_or("");
        Place::at_offset(self.file, self.text, span.start, underlined.chars().count() as u32)
    }
}
