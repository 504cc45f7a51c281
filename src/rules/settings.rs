//! The constants at a script's top: metadata with a meaning of its own, and the author's own.
//! They are read from the syntax tree; the script never runs for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rhai::{ASTFlags, Dynamic, Expr, Stmt};

use super::row::from_dynamic;
use super::row_error::describe;
use super::syntax::place;
use crate::domain::{About, Place, Problem, RuleId, RuleSettings, Span, Value, nearest};

/// The constants that have a meaning.
const NAMES: [&str; 9] =
    ["ABOUT", "TOPIC", "PRIORITY", "SCHEDULE", "FOR", "REPEAT", "REMINDERS", "COOLDOWN", "EXPIRES"];

/// The constants of a script.
pub(super) struct Constants {
    /// Metadata by name, with where the value stands.
    metadata: BTreeMap<&'static str, (Value, Place)>,
    /// The author's own.
    pub(super) own: BTreeMap<String, Value>,
    /// Where each of those stands.
    pub(super) own_places: BTreeMap<String, Place>,
    /// All of them, as the script sees them.
    pub(super) seen: BTreeMap<String, Dynamic>,
    /// Metadata that is there, and misspelt or not written out: nothing more is said of it.
    broken: BTreeSet<&'static str>,
}

impl Constants {
    /// Reads the statements at a script's top. Anything but a constant there is a problem.
    pub(super) fn read(file: &Path, statements: &[Stmt], problems: &mut Vec<Problem>) -> Self {
        let mut constants = Self {
            metadata: BTreeMap::new(),
            own: BTreeMap::new(),
            own_places: BTreeMap::new(),
            seen: BTreeMap::new(),
            broken: BTreeSet::new(),
        };
        let mut first_lines = BTreeMap::new();
        for statement in statements {
            match statement {
                Stmt::Noop(_) => {}
                Stmt::Var(declared, flags, _) if flags.contains(ASTFlags::CONSTANT) => {
                    let (name, expression, _) = &**declared;
                    let at = place(file, name.pos, name.as_str().chars().count());
                    let line = at.line.unwrap_or(1);
                    if let Some(first) = first_lines.insert(name.name.to_string(), line) {
                        problems.push(
                            Problem::error(
                                at,
                                "duplicate-constant",
                                format!("`{}` is there twice", name.as_str()),
                            )
                            .label(format!("it is on line {first} already"))
                            .help("delete one of them"),
                        );
                        continue;
                    }
                    constants.take(file, name.as_str(), at, expression, problems);
                }
                other => constants.stray(file, other, problems),
            }
        }
        constants
    }

    /// Refuses a statement. One that gives a name a value is taken for the constant that it should be, so
    /// that nothing else seems to be missing.
    fn stray(&mut self, file: &Path, statement: &Stmt, problems: &mut Vec<Problem>) {
        let named = match statement {
            Stmt::Var(declared, ..) => {
                Some((declared.0.name.as_str(), declared.0.pos, &declared.1))
            }
            Stmt::Assignment(sides) => match &sides.1.lhs {
                Expr::Variable(name, _, at) => Some((name.1.as_str(), *at, &sides.1.rhs)),
                _ => None,
            },
            _ => None,
        };
        let named = named.and_then(|(name, at, given)| {
            let value = given.get_literal_value(None)?;
            let is_text = value.is_string();
            Some((
                name,
                at,
                given,
                if is_text { format!("\"{value}\"") } else { value.to_string() },
            ))
        });
        let message = "only constants and functions can stand at a script's top";
        let (at, help) = match &named {
            Some((name, at, _, value)) => (
                place(file, *at, name.chars().count()),
                format!("a constant begins with `const`: `const {name} = {value};`"),
            ),
            None => (
                place(file, statement.position(), 1),
                "write `const NAME = value;`, or move it into `when` or `then`".to_owned(),
            ),
        };
        let problem = Problem::error(at.clone(), "stray-statement", message);
        problems.push(problem.label("this would never run").help(help));
        if let Some((name, _, given, _)) = named {
            self.take(file, name, at, given, problems);
        }
    }

    fn take(
        &mut self,
        file: &Path,
        name: &str,
        at: Place,
        literal: &Expr,
        problems: &mut Vec<Problem>,
    ) {
        let mut known = NAMES.into_iter().find(|known| *known == name);
        if known.is_none()
            && let Some(meant) = nearest(name, NAMES)
        {
            // What it says is taken as meant, so that nothing else seems to be missing.
            known = Some(meant);
            self.broken.insert(meant);
            problems.push(
                Problem::error(
                    at.clone(),
                    "misspelt-constant",
                    format!("`{name}` looks like `{meant}`"),
                )
                .label(format!("did you mean `{meant}`?"))
                .help("if it is a constant of your own, give it a name that can't be mistaken"),
            );
        }
        let value_at = place(file, literal.start_position(), width(literal));
        let value = literal.get_literal_value(None);
        let Some(value) = value.as_ref().and_then(from_dynamic).filter(|v| *v != Value::Null)
        else {
            let got = match &value {
                Some(value) => format!("this is {}", describe(value)),
                None => "this has to be worked out".to_owned(),
            };
            self.seen.insert(name.to_owned(), Dynamic::UNIT);
            self.broken.extend(known);
            problems.push(
                Problem::error(
                    value_at,
                    "constant-not-literal",
                    format!("`{name}` is not written out"),
                )
                .label(got)
                .help("a constant is a text, a number, true or false: `const PATIENCE = 7;`"),
            );
            return;
        };
        self.seen.insert(name.to_owned(), super::row::to_dynamic(&value));
        match known {
            Some(known) => _ = self.metadata.insert(known, (value, value_at)),
            None => {
                self.own.insert(name.to_owned(), value);
                self.own_places.insert(name.to_owned(), at);
            }
        }
    }

    /// Whether a metadata constant is there, and misspelt or not written out.
    pub(super) fn is_broken(&self, name: &str) -> bool {
        self.broken.contains(name)
    }

    /// Where a metadata constant that can be used stands.
    pub(super) fn place(&self, name: &str) -> Option<Place> {
        self.metadata.get(name).map(|(_, place)| place.clone())
    }

    /// Where each metadata constant stands.
    pub(super) fn places(&self) -> BTreeMap<&'static str, Place> {
        self.metadata.iter().map(|(name, (_, place))| (*name, place.clone())).collect()
    }

    /// The metadata, with what is left out filled in and every value checked.
    pub(super) fn settings(
        &self,
        id: RuleId,
        summary: String,
        problems: &mut Vec<Problem>,
    ) -> RuleSettings {
        let about = self.text("ABOUT", "the name of a signal", problems);
        if about.as_deref() == Some("customers") {
            self.refuse(
                "ABOUT",
                "a rule about each customer has no ABOUT",
                "leave the line out".to_owned(),
                problems,
            );
        }
        let settings = RuleSettings {
            id,
            summary,
            about: (about.filter(|name| name != "customers"))
                .map_or(About::Customers, |name| About::Signal(name.as_str().into())),
            topic: self.text("TOPIC", "the name of a topic", problems),
            priority: self.number("PRIORITY", 0, 100, problems).map_or(50, |n| n as u8),
            schedule: self.text("SCHEDULE", "a crontab line, such as \"0 9 * * 1-5\"", problems),
            holds_for: self.span("FOR", problems),
            repeat: self.span("REPEAT", problems),
            reminders: self.number("REMINDERS", 1, 1000, problems).map_or(1, |n| n as u32),
            cooldown: self.span("COOLDOWN", problems),
            expires: self.span("EXPIRES", problems).unwrap_or(Span::days(3)),
        };
        let repeats = self.metadata.contains_key("REPEAT") || self.is_broken("REPEAT");
        if self.metadata.contains_key("REMINDERS") && !repeats {
            let help = "say after how long to remind, such as `const REPEAT = \"7d\";`, or leave REMINDERS out";
            let message = "REMINDERS does nothing without REPEAT";
            self.refuse("REMINDERS", message, help.to_owned(), problems);
        }
        settings
    }

    fn text(&self, name: &'static str, what: &str, problems: &mut Vec<Problem>) -> Option<String> {
        match &self.metadata.get(name)?.0 {
            Value::Text(text) if !text.trim().is_empty() => return Some(text.clone()),
            Value::Text(_) => {
                let message = format!("{name} is {what}, and this is empty");
                self.refuse(name, &message, example(name), problems);
            }
            _ => {
                let message = format!("{name} is {what}, in double quotes");
                self.refuse(name, &message, example(name), problems);
            }
        }
        None
    }

    fn number(
        &self,
        name: &'static str,
        from: i64,
        to: i64,
        problems: &mut Vec<Problem>,
    ) -> Option<i64> {
        match &self.metadata.get(name)?.0 {
            Value::Int(number) if (from..=to).contains(number) => return Some(*number),
            _ => {
                let message = format!("{name} is a whole number from {from} to {to}");
                self.refuse(name, &message, example(name), problems);
            }
        }
        None
    }

    fn span(&self, name: &'static str, problems: &mut Vec<Problem>) -> Option<Span> {
        let value = &self.metadata.get(name)?.0;
        let span = match value {
            Value::Text(text) => text.parse::<Span>().ok().filter(|span| !span.delta().is_zero()),
            _ => None,
        };
        if span.is_none() {
            let message = format!(
                "{name} is a length of time, such as \"90s\", \"30m\", \"4h\", \"3d\" or \"2w\""
            );
            self.refuse(name, &message, example(name), problems);
        }
        span
    }

    fn refuse(&self, name: &'static str, message: &str, help: String, problems: &mut Vec<Problem>) {
        let known = self.metadata.get(name).filter(|_| !self.is_broken(name));
        if let Some((_, at)) = known {
            problems.push(
                Problem::error(at.clone(), "bad-setting", message).label("not this").help(help),
            );
        }
    }
}

/// A metadata constant as it is written.
fn example(name: &str) -> String {
    let value = match name {
        "ABOUT" => "\"orders\"",
        "TOPIC" => "\"service\"",
        "PRIORITY" => "80",
        "SCHEDULE" => "\"0 9 * * 1-5\"",
        "REMINDERS" => "2",
        _ => "\"3d\"",
    };
    format!("write it like `const {name} = {value};`")
}

/// How many characters a literal takes, as far as it stands on one line.
fn width(literal: &Expr) -> usize {
    match literal {
        Expr::StringConstant(text, _) if !text.contains('\n') => text.chars().count() + 2,
        Expr::IntegerConstant(number, _) => number.to_string().len(),
        Expr::FloatConstant(number, _) => number.to_string().len(),
        Expr::BoolConstant(flag, _) => flag.to_string().len(),
        _ => 1,
    }
}
