//! The names that a template reads, checked as far as the engine alone can check them. Whether a
//! name is there in the signals is not known here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use minijinja::{Environment, ErrorKind, Value};

use super::engine::{self, Flavour};
use super::front_matter::Part;
use super::tags::{self, Reference, Role, Tag, TagKind};
use super::voice::{self, Voice};
use crate::domain::{Place, Problem, nearest};

/// The names that one part reads; none, and a problem, if it is no template.
pub(super) fn read(
    file: &Path,
    source: &str,
    part: Part<'_>,
    voice: &Voice,
    problems: &mut Vec<Problem>,
) -> Vec<(String, Place)> {
    let engine = engine::environment(Flavour::Text);
    let template = match engine.template_from_str(part.text) {
        Ok(template) => template,
        Err(error) => {
            problems.push(no_template(file, source, part, &error));
            return Vec::new();
        }
    };
    let found = tags::references(part.text, &tags::find(part.text));
    let at = |offset: usize, path: &str| {
        let width = path.chars().count() as u32;
        Place::at_offset(file, source, part.offset + offset, width)
    };
    for filter in found.iter().filter(|reference| reference.role == Role::Filter) {
        let place = at(filter.offset, &filter.path);
        let tried = engine.render_str(&format!("{{{{ ''|{} }}}}", filter.path), ());
        if tried.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter) {
            problems.push(unknown_filter(place, &filter.path));
        } else if let Some(wrong) = wrong_use(&engine, voice, part.text, filter) {
            problems.push(wrong.at(place));
        }
    }
    let undeclared = template.undeclared_variables(true);
    let globals: BTreeSet<&str> = engine.globals().map(|(name, _)| name).collect();
    let mut names = Vec::new();
    for name in &undeclared {
        if globals.contains(name.as_str()) {
            continue;
        }
        let first = found.iter().find(|reference| reference.path == *name);
        names.push((name.clone(), at(first.map_or(0, |reference| reference.offset), name)));
    }
    if undeclared.iter().any(|name| name == "also" || name.starts_with("also.")) {
        let through = found.iter().filter(|reference| reference.role == Role::OfAlso);
        names.extend(through.map(|r| (r.path.clone(), at(r.offset, &r.path))));
    }
    names
}

/// A name of the data that a filter is the first to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered {
    /// `order.total`; of an entry of `also`, as the first subject would have it.
    pub path: String,
    /// The filter.
    pub filter: String,
    /// Where the name stands.
    pub place: Place,
    /// Whether the template asks first whether it is there.
    pub is_asked: bool,
}

/// Every name of a part that goes straight into a filter.
pub(super) fn filtered(file: &Path, source: &str, part: Part<'_>) -> Vec<Filtered> {
    let tags = tags::find(part.text);
    let found = tags::references(part.text, &tags);
    let of = |filter: &Reference| {
        let before = part.text[..filter.offset].trim_end().strip_suffix('|')?.trim_end();
        let name = found.iter().rfind(|r| r.role != Role::Filter && r.offset < before.len())?;
        let written = &before[name.offset..];
        let is_name = |c: char| c.is_alphanumeric() || "_.[]\"'".contains(c);
        written.chars().all(is_name).then(|| Filtered {
            path: name.path.clone(),
            filter: filter.path.clone(),
            is_asked: is_asked(part.text, &tags, &found, name),
            place: {
                let width = written.chars().count() as u32;
                Place::at_offset(file, source, part.offset + name.offset, width)
            },
        })
    };
    found.iter().filter(|reference| reference.role == Role::Filter).filter_map(of).collect()
}

/// Whether a name stands where the template has asked for it, or for another column of its signal: inside
/// an `{% if … %}` that names it, or beside it in its own tag.
fn is_asked(source: &str, tags: &[Tag], found: &[Reference], name: &Reference) -> bool {
    let names = |tag: &Tag| {
        found.iter().any(|other| {
            let is_beside = tag.range.contains(&other.offset) && other.offset != name.offset;
            is_beside && other.role != Role::Filter && are_of_one_row(&other.path, &name.path)
        })
    };
    let mut open: Vec<bool> = Vec::new();
    for tag in tags {
        if tag.range.contains(&name.offset) {
            return open.contains(&true) || names(tag);
        }
        let inner = tag.inner(source).trim_start();
        let word = inner.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        match word {
            _ if tag.kind != TagKind::Block => {}
            "if" | "for" => open.push(names(tag)),
            "elif" => {
                let asks = names(tag);
                open.last_mut().into_iter().for_each(|asked| *asked |= asks);
            }
            "endif" | "endfor" => {
                open.pop();
            }
            _ => {}
        }
    }
    false
}

/// Whether two names are the same, or two columns of one signal.
fn are_of_one_row(a: &str, b: &str) -> bool {
    let signal = |path: &str| {
        let (row, _) = path.rsplit_once('.')?;
        row.contains('.').then(|| row.to_owned())
    };
    a == b || signal(a).is_some() && signal(a) == signal(b)
}

/// The names of a part that may be left out: it asks whether they are there, or says what stands in
/// for them wherever it reads them.
pub(super) fn spared(part: Part<'_>) -> BTreeSet<String> {
    let found = tags::references(part.text, &tags::find(part.text));
    let mut spared: BTreeMap<&str, bool> = BTreeMap::new();
    let mut asked = BTreeSet::new();
    for name in found.iter().filter(|reference| reference.role == Role::Name) {
        let rest = part.text[name.offset + name.path.len()..].trim_start();
        if ["is defined", "is not defined", "is undefined"].iter().any(|ask| rest.starts_with(ask))
        {
            asked.insert(name.path.clone());
        }
        let filter = rest.strip_prefix('|').map(str::trim_start).unwrap_or_default();
        let has_default = filter.starts_with("default") || filter.starts_with("d(");
        *spared.entry(&name.path).or_insert(true) &= has_default;
    }
    asked.extend(spared.into_iter().filter(|(_, always)| *always).map(|(name, _)| name.to_owned()));
    asked
}

/// What is wrong with what a filter is given, as far as its author wrote it down.
struct WrongUse {
    filter: String,
    said: String,
}

impl WrongUse {
    fn at(self, place: Place) -> Problem {
        let help = match self.filter.as_str() {
            "date" => "write | date, | date(\"long\"), or | date(\"long\", calendar=\"gregorian\")",
            "datetime" => "write | datetime, or | datetime(\"long\")",
            "number" => "write | number, or | number(2) for two decimals",
            "money" => "write | money(\"EUR\")",
            _ => "write | plural(\"one order\", \"# orders\"); # is the number",
        };
        Problem::error(place, "filter", self.said).help(help)
    }
}

/// Tries a filter on a value that suits it, with what the author gives it. What he gives it from
/// the data is not known yet, and is not tried.
fn wrong_use(
    engine: &Environment<'static>,
    voice: &Voice,
    source: &str,
    filter: &Reference,
) -> Option<WrongUse> {
    let sample = voice::sample(&filter.path)?;
    let arguments = tags::arguments(source, filter.offset + filter.path.len());
    if tags::reads_data(arguments) {
        return None;
    }
    let call = format!("{{{{ {sample}|{}{arguments} }}}}", filter.path);
    let heard = BTreeMap::from([(voice::NAME, Value::from_object(voice.clone()))]);
    match engine.render_str(&call, heard) {
        Err(error) => Some(WrongUse { filter: filter.path.clone(), said: said(&error) }),
        Ok(_) => None,
    }
}

fn no_template(file: &Path, source: &str, part: Part<'_>, error: &minijinja::Error) -> Problem {
    let range = error.range().unwrap_or(0..0);
    let asked = part.text.get(range.clone()).unwrap_or_default();
    let width = asked.lines().next().unwrap_or_default().chars().count() as u32;
    let place = Place::at_offset(file, source, part.offset + range.start, width);
    Problem::error(place, "template", format!("the template can't be read: {}", said(error)))
        .help("data is written {{ customer.name }}, conditions {% if … %} … {% endif %}, lists {% for x in also %} … {% endfor %}")
}

fn unknown_filter(place: Place, name: &str) -> Problem {
    const USUAL: [&str; 12] = [
        "date", "datetime", "default", "join", "length", "lower", "money", "number", "plural",
        "replace", "trim", "upper",
    ];
    let near = nearest(name, USUAL);
    let problem = Problem::error(place, "unknown-filter", format!("there is no filter `{name}`"))
        .help(format!("among the filters are {}; data is made safe without one", USUAL.join(", ")));
    match near {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem,
    }
}

/// What the engine says, in words for people who never heard of it.
pub(super) fn said(error: &minijinja::Error) -> String {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    if let Some(word) = detail.strip_prefix("unknown statement ") {
        return format!("`{word}` fits nothing that is open here, or is no word of a template");
    }
    let ends = [(", expected end of variable block", "}}"), (", expected end of block", "%}")];
    for (ending, close) in ends {
        let what = detail.strip_suffix(ending).and_then(|d| d.strip_prefix("unexpected "));
        if let Some(what) = what.filter(|what| *what != "end of input") {
            return format!("{what} can't stand here: is {close} missing before it?");
        }
    }
    match detail.strip_prefix("unexpected end of input") {
        Some(rest) if rest.contains("variable") => "a {{ is never closed with }}".to_owned(),
        Some(_) => "a {% … %} is never closed: {% if … %} needs {% endif %}, {% for … %} needs {% endfor %}".to_owned(),
        None => detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_its_own_if_is_asked_for() {
        for (text, asked) in [
            ("{{ customer.visit.day | date }}", false),
            ("{% if customer.visit.day %}{{ customer.visit.day | date }}{% endif %}", true),
            ("{% if customer.visit.shop %}{{ customer.visit.day | date }}{% endif %}", true),
            ("{% if customer.visit.day %}x{% endif %}{{ customer.visit.day | date }}", false),
            (
                "{% if not customer.visit.day %}x{% else %}{{ customer.visit.day | date }}{% endif %}",
                true,
            ),
            ("{% if customer.plan %}{{ customer.visit.day | date }}{% endif %}", false),
            ("{{ customer.visit.day | date if customer.visit.day else 'never' }}", true),
        ] {
            let found = filtered(Path::new("email.md"), text, Part { text, offset: 0 });
            let date = found.iter().find(|filtered| filtered.filter == "date").unwrap();
            assert_eq!(date.is_asked, asked, "{text}");
        }
    }
}
