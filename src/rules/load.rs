//! From a rule's folder to a rule, with everything that is wrong with its script said at once.
//! Whether its fields, topic and templates exist is the pack's business, not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::cases::KEYS;
use super::check::Written;
use super::reading::{Kind, Part, Reader};
use super::row::{Names, RowKind, Slot};
use super::script::{self, Compiled, Function, Script};
use super::settings::Constants;
use super::source::Source;
use super::{Rule, dates, lower, sandbox, syntax, verbs};
use crate::domain::{About, Field, Place, Problem, RuleId, RuleSettings, SignalName, nearest};

/// What the first parameter is always called.
const CUSTOMER: &str = "customer";

/// Names that a row can't have: templates and scripts use them, or the tables that cases stand in.
const TAKEN: [&str; 6] = [CUSTOMER, "episode", "also", "step", "each", "base"];

/// Reports where no rule can be about a signal, at the place that names it.
pub type CheckAbout<'a> = dyn Fn(&SignalName, Place, &mut Vec<Problem>) + 'a;

/// Reads `folder/rule.rhai`. `None` where it can't be used; the problems say why.
pub(super) fn load(
    engine: &rhai::Engine,
    natives: &sandbox::Functions,
    folder: &Path,
    id: RuleId,
    check_about: &CheckAbout<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Rule> {
    let file = folder.join("rule.rhai");
    let text = read(&file, problems)?;
    let before = problems.len();
    let script = match script::parse(engine, &text) {
        Ok(script) => script,
        Err(error) => {
            problems.push(syntax::problem(&file, &text, &error));
            return None;
        }
    };
    if ["when", "then"].iter().any(|name| !script.has(name))
        && let Some(problem) = syntax::open_comment(&file, &text)
    {
        problems.push(problem);
        return None;
    }
    let constants = Constants::read(&file, script.ast.statements(), problems);
    let settings = constants.settings(id, script.summary(), problems);
    if let (About::Signal(signal), Some(place)) = (&settings.about, constants.place("ABOUT")) {
        let before = problems.len();
        check_about(signal, place, problems);
        // Whatever else seems to be wrong follows from it.
        if problems.len() > before {
            return None;
        }
    }
    check_functions(&file, &script, problems);
    // Where nobody can tell what it is about, its parameters say whether it is about rows.
    let has_row = || script.functions.keys().any(|(n, parameters)| n == "when" && *parameters > 1);
    let is_keyed =
        settings.about != About::Customers || (constants.is_broken("ABOUT") && has_row());
    let row = is_keyed.then(|| row_name(&script, &settings.about));
    let when = entry(&file, &script, "when", row.as_deref(), problems);
    let then = entry(&file, &script, "then", row.as_deref(), problems);
    let resolved = match script.has("resolved") {
        true => Some(entry(&file, &script, "resolved", row.as_deref(), problems)?),
        false => None,
    };
    let (when, then) = (when?, then?);
    let subject_name = subject_name(&file, is_keyed, when, then, resolved, problems);

    let mut reader = Reader::new(&file, &script.functions, natives, &constants.seen, problems);
    let when_body = reader.read(Part::When, rows(when, is_keyed), when.body.clone());
    let when_slots = reader.slots.len();
    let then_body = reader.read(Part::Then, rows(then, is_keyed), then.body.clone());
    let in_then = reader.asks.len();
    let resolved = resolved.map(|resolved| {
        let body = reader.read(Part::Then, rows(resolved, is_keyed), resolved.body.clone());
        (script::block(body, resolved.at), resolved.at)
    });
    let (slots, mut asks, contacts_at) = (reader.slots, reader.asks, reader.contacts_at);
    let asks_are_written = !reader.unwritten;
    asks.iter_mut().skip(in_then).for_each(|ask| ask.certain = false);
    if !constants.is_broken("TOPIC") {
        check_topic(&settings, contacts_at, problems);
    }

    let places: BTreeMap<Field, Place> = (slots.iter())
        .filter_map(|(slot, place)| match slot {
            Slot::Field(field) => Some((field.clone(), place.clone())),
            Slot::EpisodeContacts | Slot::EpisodeDays => None,
        })
        .collect();
    let names = Names {
        slots: slots.into_iter().map(|(slot, _)| slot).collect(),
        constants: constants.seen.clone(),
    };
    let compiled = Compiled {
        when: script::block(when_body, when.at),
        then: script::block(then_body, then.at),
        when_at: when.at,
        then_at: then.at,
        resolved,
        names: Arc::new(names),
        when_slots,
        library: script.ast.shared_lib().clone(),
    };
    let kinds = row_kinds(is_keyed);
    let condition = lower::lower(when, kinds, &script.functions, &constants.seen);
    let written = Written {
        source: Source::file(&file, &text),
        functions: script.functions.clone(),
        constants: constants.seen.clone(),
    };
    (problems.len() == before).then(|| Rule {
        settings,
        condition,
        setting_places: constants.places(),
        folder: folder.to_owned(),
        constants: constants.own,
        subject_name,
        reads: places.keys().cloned().collect::<BTreeSet<_>>(),
        places,
        asks,
        asks_are_written,
        when_place: when.place(&file, "when"),
        compiled,
        constant_places: constants.own_places,
        written: Arc::new(written),
        file,
    })
}

/// A script's text, without the mark that some editors put at its beginning.
pub(super) fn read(file: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    let (code, message, help) = match std::fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => {
            return Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text));
        }
        Ok(Err(_)) => ("not-utf8", "the script is not UTF-8 text".to_owned(), "save it as UTF-8"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let help = "each folder of the pack but `signals` is a rule and holds a `rule.rhai`";
            ("missing-rule", "there is no rule.rhai in this folder".to_owned(), help)
        }
        Err(error) => ("unreadable", format!("the script can't be read: {error}"), ""),
    };
    problems.push(Problem::error(Place::file(file), code, message).help(help));
    None
}

/// Functions that would hide what rules live on, and methods of types.
fn check_functions(file: &Path, script: &Script, problems: &mut Vec<Problem>) {
    for ((name, _), function) in &script.functions {
        let hides = verbs::NAMES.contains(&name.as_str()) || dates::NAMES.contains(&name.as_str());
        if !hides && !function.is_method {
            continue;
        }
        let message = if hides {
            format!("`{name}` is there already, and a function of that name would hide it")
        } else {
            format!("`{name}` is made a method of a type")
        };
        problems.push(
            Problem::error(function.place(file, name), "bad-function", message)
                .help("give it another name, and write it as `fn name(value) { … }`"),
        );
    }
}

/// What to call the row where that is missing: as another function does, or one of what the signal
/// holds many of.
fn row_name(script: &Script, about: &About) -> String {
    let is_row = |name: &&String| !is_taken(name) && *name != "_";
    let named = ["when", "then", "resolved"].iter().find_map(|name| {
        let mut all = script.functions.iter().filter(|((n, _), _)| n == name);
        all.find_map(|(_, function)| function.parameters.get(1).filter(is_row))
    });
    match (named, about) {
        (Some(name), _) => name.clone(),
        (None, About::Signal(signal)) => match signal.as_str().strip_suffix("ies") {
            Some(stem) => format!("{stem}y"),
            None => signal.as_str().strip_suffix('s').unwrap_or("row").to_owned(),
        },
        (None, About::Customers) => "row".to_owned(),
    }
}

fn is_taken(name: &str) -> bool {
    TAKEN.contains(&name) || KEYS.contains(&name)
}

/// `when`, `then` or `resolved`, with the parameters that the rule's subject calls for. `row` is what to
/// call the row of a rule about rows.
fn entry<'s>(
    file: &Path,
    script: &'s Script,
    name: &str,
    row: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<&'s Function> {
    let is_keyed = row.is_some();
    let rows = if is_keyed { 2 } else { 1 };
    let wanted = match row {
        Some(row) => format!("({CUSTOMER}, {row})"),
        None => format!("({CUSTOMER})"),
    };
    let counts = if name == "then" { rows..=rows + 1 } else { rows..=rows };
    let fits = |function: &&Function| counts.contains(&function.parameters.len());
    let all: Vec<&Function> =
        script.functions.iter().filter(|((n, _), _)| n == name).map(|(_, f)| f).collect();
    if let [only] = all.as_slice()
        && fits(only)
    {
        return Some(only);
    }
    let about = if is_keyed { "a rule about a signal's rows" } else { "a rule about customers" };
    let problem = match all.as_slice() {
        [] => {
            let others = script.functions.keys().map(|(n, _)| n.as_str());
            let others = others.filter(|n| !["when", "then", "resolved"].contains(n));
            let message = format!("there is no `{name}`");
            let problem = |place| Problem::error(place, "missing-function", message);
            match nearest(name, others) {
                Some(near) => {
                    let near = script.functions.iter().find(|((n, _), _)| n == near);
                    let place = near.map(|((n, _), function)| function.place(file, n));
                    problem(place.unwrap_or_else(|| Place::file(file)))
                        .label(format!("did you mean `{name}`?"))
                        .help(format!("write `fn {name}{wanted} {{ … }}`"))
                }
                None => {
                    problem(Place::file(file)).help(format!("write `fn {name}{wanted} {{ … }}`"))
                }
            }
        }
        [only] => {
            let message = format!("`{name}` has the wrong number of parameters for {about}");
            let help = match (is_keyed, only.parameters.len()) {
                (false, 2) if name == "when" => format!(
                    "write `fn {name}{wanted}`; if it looks at each row of a signal, name that: `const ABOUT = \"orders\";`"
                ),
                _ if name == "then" => {
                    format!("write `fn then{wanted}`; one more, `episode`, may follow")
                }
                _ => format!("write `fn {name}{wanted}`"),
            };
            Problem::error(only.place(file, name), "wrong-parameters", message)
                .label(format!("it has {}", only.parameters.len()))
                .help(help)
        }
        [first, second, ..] => {
            let mut both = [first.name_at, second.name_at];
            both.sort();
            let message = format!("`{name}` is there twice");
            let place = syntax::place(file, both[1], name.chars().count());
            Problem::error(place, "duplicate-function", message)
                .label(format!("it is on line {} already", both[0].line().unwrap_or(1)))
                .help("delete one of them")
        }
    };
    problems.push(problem);
    None
}

/// The name of the keyed row, which all functions share; the other parameters have fixed names.
fn subject_name(
    file: &Path,
    is_keyed: bool,
    when: &Function,
    then: &Function,
    resolved: Option<&Function>,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let mut refuse = |(function, name): (&Function, &str), message: String, help: String| {
        let at = function.place(file, name);
        problems.push(Problem::error(at, "wrong-parameters", message).help(help));
    };
    let (when, then) = ((when, "when"), (then, "then"));
    let resolved = resolved.map(|resolved| (resolved, "resolved"));
    for function in [when, then].into_iter().chain(resolved) {
        let first = &function.0.parameters[0];
        if first != CUSTOMER {
            refuse(
                function,
                format!("the first parameter is `{first}`"),
                format!("call it `{CUSTOMER}`"),
            );
        }
    }
    let episode = then.0.parameters.get(if is_keyed { 2 } else { 1 });
    if let Some(name) = episode.filter(|name| *name != "episode") {
        refuse(then, format!("the last parameter is `{name}`"), "call it `episode`".to_owned());
    }
    if !is_keyed {
        return None;
    }
    let (name, other) = (&when.0.parameters[1], &then.0.parameters[1]);
    if is_taken(name) {
        refuse(
            when,
            format!("the row can't be called `{name}`: words or cases have that name already"),
            "name it after what it is, such as `order`".to_owned(),
        );
    }
    let help = || "use one name, which templates and cases use too".to_owned();
    if name != other {
        refuse(then, format!("the row is `{name}` in `when` and `{other}` in `then`"), help());
    }
    if let Some(last) = resolved.filter(|last| last.0.parameters[1] != *name) {
        let other = &last.0.parameters[1];
        refuse(last, format!("the row is `{name}` in `when` and `{other}` in `resolved`"), help());
    }
    Some(name.clone())
}

/// What each parameter of `when`, `then` or `resolved` stands for.
fn rows(function: &Function, is_keyed: bool) -> Vec<(String, Kind)> {
    let kinds = row_kinds(is_keyed).iter().map(|kind| Kind::Row(*kind));
    function.parameters.iter().cloned().zip(kinds).collect()
}

/// The rows that `when` and `then` are given, in their order.
fn row_kinds(is_keyed: bool) -> &'static [RowKind] {
    match is_keyed {
        true => &[RowKind::Customer, RowKind::Subject, RowKind::Episode],
        false => &[RowKind::Customer, RowKind::Episode],
    }
}

fn check_topic(settings: &RuleSettings, contacts_at: Option<Place>, problems: &mut Vec<Problem>) {
    if let (None, Some(place)) = (&settings.topic, contacts_at) {
        problems.push(
            Problem::error(place, "missing-topic", "the rule contacts customers and has no TOPIC")
                .label("this reaches the customer")
                .help("name a topic of policy.toml: `const TOPIC = \"service\";`"),
        );
    }
}
