//! The words of a rule: Markdown files with a subject, one a language, rendered to a message.
//! Data never becomes markup, a header or a template here; and nothing here decides who gets what.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;
use icu_locale_core::LanguageIdentifier;
use minijinja::value::{Serde, Value, merge_maps};
use minijinja::{Environment, ErrorKind};

use crate::domain::{Place, Problem};

mod context;
mod dates;
mod ending;
mod engine;
mod front_matter;
mod layout;
mod locale;
mod loose;
mod markdown;
mod names;
mod numbers;
pub mod preview;
mod reader;
mod shape;
mod style;
mod tags;
mod text;
mod voice;

pub use context::context;
pub(crate) use engine::escape;
pub use loose::Loose;
pub use names::Filtered;
pub use reader::{Ending, HowToStop, Reader};

use ending::LastLines;
use engine::Flavour;
use front_matter::Part;
use markdown::Assembled;
use names::said;
use voice::Voice;

/// The longest subject, in characters; what is longer is cut and ends in `…`.
const SUBJECT_LENGTH: usize = 200;

/// The words for one outreach, in one language.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Message {
    /// One line without control characters; a task's title. At most 200 characters, never empty.
    pub subject: String,
    /// A whole HTML document.
    pub html: String,
    /// The same as plain text; a task's body.
    pub text: String,
    /// The customer's own "why you get this", one line; also near the end of `html` and `text`.
    pub because: Option<String>,
    /// The language that was found: "" for the default.
    pub locale: String,
}

/// Why there is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{}: {message}", place.file.display(), place.line.map(|line| format!(", line {line}")).unwrap_or_default())]
pub struct RenderError {
    /// Where the template asks for it.
    pub place: Place,
    /// What is wrong, for people. It never holds data of a customer.
    pub message: String,
}

impl RenderError {
    /// What stands in place of a title: that there is none, and why.
    pub fn instead(&self) -> String {
        format!("the words can't be written: {self}")
    }
}

/// Every template of one rule's folder.
#[derive(Debug, Default)]
pub struct RuleTemplates {
    folder: PathBuf,
    templates: BTreeMap<String, BTreeMap<String, Template>>,
}

#[derive(Debug)]
struct Template {
    file: PathBuf,
    source: String,
    html: Environment<'static>,
    text: Environment<'static>,
    subject_offset: usize,
    because_offset: Option<usize>,
    stop_offset: Option<usize>,
    language: LanguageIdentifier,
    body_html: Assembled,
    body_text: Assembled,
    reads: Vec<(String, Place)>,
    filtered: Vec<Filtered>,
    loose: Vec<Loose>,
    spared: BTreeSet<String>,
}

impl RuleTemplates {
    /// Reads every `NAME.md` and `NAME.LOCALE.md` of a rule's folder (a `README.md` is none).
    /// A file with a mistake is left out and its problems are pushed; the others stay.
    pub fn load(folder: &Path, problems: &mut Vec<Problem>) -> Self {
        let mut loaded = Self { folder: folder.to_owned(), templates: BTreeMap::new() };
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for file in markdown_files(folder, problems) {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let (name, tag) = stem.split_once('.').unwrap_or((&stem, ""));
            let locale = match tag {
                "" => Ok(String::new()),
                tag => locale::canonical(tag),
            };
            if tag.is_empty() {
                seen.insert(name.to_owned());
            }
            let locale = match locale {
                Ok(locale) => locale,
                Err(why) => {
                    problems.push(bad_locale(&file, name, why));
                    continue;
                }
            };
            let Some(template) = Template::load(&file, &locale, problems) else { continue };
            let locales = loaded.templates.entry(name.to_owned()).or_default();
            if let Some(other) = locales.insert(locale.clone(), template) {
                let message =
                    format!("this file and {} are both for `{locale}`", other.file.display());
                problems.push(
                    Problem::error(Place::file(&file), "same-locale", message)
                        .help("keep one of the two"),
                );
            }
        }
        for (name, locales) in &loaded.templates {
            if let (false, Some(first)) = (seen.contains(name), locales.values().next()) {
                problems.push(no_default(&first.file, name));
            }
        }
        loaded
    }

    /// The names by which `then` calls them, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.templates.keys().map(String::as_str)
    }

    /// The languages in which a template is there; "" is the default.
    pub fn locales(&self, name: &str) -> Vec<String> {
        self.templates.get(name).map(|all| all.keys().cloned().collect()).unwrap_or_default()
    }

    /// Whether a template has words for readers of a language, or the default is in it.
    pub fn speaks(&self, name: &str, locale: &str) -> bool {
        let Some(all) = self.templates.get(name) else { return false };
        let mut chain = locale::fallback(Some(locale));
        chain.retain(|tag| !tag.is_empty());
        let default = all.get("").map(|template| template.language.to_string());
        chain.iter().any(|tag| all.contains_key(tag) || default.as_ref() == Some(tag))
    }

    /// Every name that a template reads in any of its languages, as a dotted path with its first
    /// place in each file: `customer.tickets.open`, `PATIENCE`, `also`. What a loop over `also`
    /// reads is given as the first subject would have it: `order.order_id`.
    pub fn reads(&self, name: &str) -> Vec<(String, Place)> {
        let all = self.templates.get(name).into_iter().flat_map(BTreeMap::values);
        all.flat_map(|template| template.reads.iter().cloned()).collect()
    }

    /// Every name that a template hands straight to a filter, in any of its languages.
    pub fn filtered(&self, name: &str) -> impl Iterator<Item = &Filtered> {
        let all = self.templates.get(name).into_iter().flat_map(BTreeMap::values);
        all.flat_map(|template| &template.filtered)
    }

    /// Every name that stands in a template's text in single braces or brackets, in any of its languages.
    pub fn loose(&self, name: &str) -> impl Iterator<Item = &Loose> {
        let all = self.templates.get(name).into_iter().flat_map(BTreeMap::values);
        all.flat_map(|template| &template.loose)
    }

    /// Whether a template does without a value, in one of its languages at least: it asks whether the
    /// value is there, or has a default for it.
    pub fn spares(&self, name: &str, value: &str) -> bool {
        let mut all = self.templates.get(name).into_iter().flat_map(BTreeMap::values);
        all.any(|template| template.spared.contains(value))
    }

    /// Renders a template in the language nearest to the reader's: `th-TH`, `th`, the default.
    pub fn render<'r>(
        &self,
        name: &str,
        reader: impl Into<Reader<'r>>,
        context: &serde_json::Value,
    ) -> Result<Message, RenderError> {
        let reader = reader.into();
        let missing = || RenderError {
            place: Place::file(self.folder.join(format!("{name}.md"))),
            message: "there is no such template, or it has a mistake".to_owned(),
        };
        let locales = self.templates.get(name).ok_or_else(missing)?;
        let chain = locale::fallback(reader.locale);
        let found = chain.into_iter().find_map(|tag| Some((locales.get(&tag)?, tag)));
        let (template, locale) = found.ok_or_else(missing)?;
        template.render(&reader, locale, context)
    }
}

impl Template {
    fn load(file: &Path, locale: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let source = read_source(file, problems)?;
        let parts = front_matter::read(file, &source, problems)?;
        let before = problems.len();
        let language = language(file, &source, locale, parts.language, problems)?;
        let voice = Voice::new(&language, None, Tz::UTC);
        let (mut reads, mut filtered, mut spared) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut loose = Vec::new();
        let heads = [Some(parts.subject), parts.because, parts.stop, Some(parts.body)];
        for part in heads.into_iter().flatten() {
            reads.extend(names::read(file, &source, part, &voice, problems));
            filtered.extend(names::filtered(file, &source, part));
            loose.extend(loose::find(file, &source, part));
            problems.extend(absent_as_in_a_script(file, &source, part));
            spared.append(&mut names::spared(part));
        }
        if problems.len() > before {
            return None;
        }
        let tags = tags::find(parts.body.text);
        let right_to_left = locale::is_right_to_left(&language);
        let offset = parts.body.offset;
        let body = markdown::assemble(file, &source, offset, &tags, right_to_left, problems);
        let mut html = engine::environment(Flavour::Html);
        let mut text = engine::environment(Flavour::Text);
        let head = |part: Option<Part<'_>>| part.map_or("", |part| part.text).to_owned();
        let added = html
            .add_template_owned("body", body.html.template.clone())
            .and_then(|()| text.add_template_owned("body", body.text.template.clone()))
            .and_then(|()| text.add_template_owned("subject", head(Some(parts.subject))))
            .and_then(|()| text.add_template_owned("because", head(parts.because)))
            .and_then(|()| text.add_template_owned("stop", head(parts.stop)));
        if added.is_err() {
            problems.push(cut_block(file));
        }
        let offset = |part: Option<Part<'_>>| part.map(|part| part.offset);
        reads.sort();
        reads.dedup_by(|later, first| later.0 == first.0);
        let template = Self {
            file: file.to_owned(),
            html,
            text,
            subject_offset: parts.subject.offset,
            because_offset: offset(parts.because),
            stop_offset: offset(parts.stop),
            language,
            body_html: body.html,
            body_text: body.text,
            reads,
            filtered,
            loose,
            spared,
            source,
        };
        (problems.len() == before).then_some(template)
    }

    fn render(
        &self,
        reader: &Reader<'_>,
        locale: String,
        context: &serde_json::Value,
    ) -> Result<Message, RenderError> {
        let voice = Voice::new(&self.language, reader.locale, reader.timezone);
        let context = merge_maps([
            Value::from(BTreeMap::from([(voice::NAME, Value::from_object(voice))])),
            Value::from(Serde(context)),
        ]);
        let run = |engine: &Environment<'static>, part: &str, assembled: Option<&Assembled>| {
            engine
                .get_template(part)
                .and_then(|template| template.render(context.clone()))
                .map_err(|error| self.explain(&error, part, assembled))
        };
        let subject = shorten(&run(&self.text, "subject", None)?);
        if subject.is_empty() {
            return Err(RenderError {
                place: Place::at_offset(&self.file, &self.source, self.subject_offset, 1),
                message: "the subject comes out empty; give what may be absent a default: {{ customer.name | default(\"you\") }}".to_owned(),
            });
        }
        let own = |part: &str, offset: Option<usize>| {
            let Some(_) = offset else { return Ok(None) };
            let line = shorten_to(&run(&self.text, part, None)?, usize::MAX);
            Ok(Some(line).filter(|line| !line.is_empty()))
        };
        let because = own("because", self.because_offset)?;
        let stop = own("stop", self.stop_offset)?;
        let last = LastLines::new(&self.language, because, stop, reader.ending);
        let content = shape::join_pieces(&run(&self.html, "body", Some(&self.body_html))?);
        let mut text = text::finish(&run(&self.text, "body", Some(&self.body_text))?);
        text.push_str(&last.text());
        let html = layout::document(&subject, &content, &last, &self.language);
        Ok(Message { subject, html, text, because: last.because, locale })
    }

    /// The engine's error in the file's own terms.
    fn explain(
        &self,
        error: &minijinja::Error,
        part: &str,
        assembled: Option<&Assembled>,
    ) -> RenderError {
        let range = error.range().and_then(|at| match assembled {
            Some(assembled) => assembled.origin(&at),
            None => {
                let offset = match part {
                    "because" => self.because_offset?,
                    "stop" => self.stop_offset?,
                    _ => self.subject_offset,
                };
                Some(at.start + offset..at.end + offset)
            }
        });
        let asked = range.clone().and_then(|range| self.source.get(range)).unwrap_or_default();
        let width = asked.lines().next().unwrap_or_default().chars().count() as u32;
        let place = match range {
            Some(range) => Place::at_offset(&self.file, &self.source, range.start, width),
            None => Place::file(&self.file),
        };
        let message = match (error.kind(), asked) {
            (ErrorKind::UndefinedError, asked) if !asked.is_empty() => {
                format!("`{asked}` is not known here")
            }
            _ => format!("the template fails: {}", said(error)),
        };
        RenderError { place, message }
    }
}

/// The language of a file's words: that of its name, or else what its head says, or else English.
fn language(
    file: &Path,
    source: &str,
    locale: &str,
    said: Option<Part<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<LanguageIdentifier> {
    let Some(part) = said else {
        return locale::parse(if locale.is_empty() { "en" } else { locale });
    };
    let place = || {
        let width = part.text.chars().count() as u32;
        Place::at_offset(file, source, part.offset, width)
    };
    match locale::canonical(part.text) {
        Ok(_) if !locale.is_empty() => {
            let message = format!("the name of this file says already that it is for `{locale}`");
            problems.push(
                Problem::error(place(), "language", message).help("remove the line `language:`"),
            );
            None
        }
        Ok(tag) => locale::parse(&tag),
        Err(why) => {
            let problem = Problem::error(place(), "language", why);
            problems.push(problem.help("write the language of these words: language: de"));
            None
        }
    }
}

/// The template files of a folder, in the order of their names.
fn markdown_files(folder: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let message = format!("the folder can't be read: {error}");
            problems.push(Problem::error(Place::file(folder), "unreadable", message));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md") && path.is_file())
        .filter(|path| !path.file_stem().is_some_and(|s| s.eq_ignore_ascii_case("readme")))
        .collect();
    files.sort();
    files
}

/// The text of a file, with plain line ends and without control characters.
fn read_source(file: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    let text = match fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(_)) => {
            problems.push(
                Problem::error(Place::file(file), "encoding", "the file is no UTF-8 text")
                    .help("save it again with the encoding UTF-8"),
            );
            return None;
        }
        Err(error) => {
            let message = format!("the file can't be read: {error}");
            problems.push(Problem::error(Place::file(file), "unreadable", message));
            return None;
        }
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n");
    Some(text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect())
}

/// `()` is absent in a script; in words it is something, and nothing is ever like it.
fn absent_as_in_a_script(file: &Path, source: &str, part: Part<'_>) -> Option<Problem> {
    let tags = tags::find(part.text).into_iter();
    let says = |tag: &tags::Tag| matches!(tag.kind, tags::TagKind::Value | tags::TagKind::Block);
    let (at, width) = tags.filter(says).find_map(|tag| {
        let text = &part.text[tag.range.clone()];
        ["!= ()", "== ()", "!=()", "==()"]
            .iter()
            .find_map(|sign| Some((tag.range.start + text.find(sign)?, sign.len())))
    })?;
    let place = Place::at_offset(file, source, part.offset + at, width as u32);
    let message = "in words, nothing is ever `()`";
    let before = part.text[..at].trim_end();
    let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
    let name = &before[before.trim_end_matches(is_path).len()..];
    let name = if name.is_empty() { "customer.phone" } else { name };
    let help = format!(
        "write {{% if {name} %}} for what is there, {{% if not {name} %}} for what is absent"
    );
    Some(Problem::error(place, "absent-in-words", message).label("only scripts know it").help(help))
}

fn shorten(subject: &str) -> String {
    shorten_to(subject, SUBJECT_LENGTH)
}

/// One line, with single spaces, of at most so many characters.
fn shorten_to(text: &str, length: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = engine::one_line(&words.join(" ")).into_owned();
    if line.chars().count() <= length {
        return line;
    }
    let mut cut: String = line.chars().take(length - 1).collect();
    cut.truncate(cut.trim_end().len());
    cut.push('…');
    cut
}

fn bad_locale(file: &Path, name: &str, why: String) -> Problem {
    Problem::error(Place::file(file), "locale", why)
        .help(format!("a template's file is called {name}.md, or {name}.de.md for German"))
}

fn no_default(file: &Path, name: &str) -> Problem {
    let message = format!("there is no {name}.md for everybody whose language is not there");
    Problem::error(Place::file(file), "no-default", message)
        .help(format!("add {name}.md, the words in the language that most customers read"))
}

fn cut_block(file: &Path) -> Problem {
    Problem::error(
        Place::file(file),
        "template",
        "a {% … %} block starts and ends in parts of the text that don't fit together",
    )
    .help("put the {% … %} that starts it and the one that ends it on lines of their own")
}

#[cfg(test)]
mod tests;
