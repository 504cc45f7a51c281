//! The verbs of `then`. They write down what is asked; nothing is ever done here.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use rhai::{Dynamic, EvalAltResult, Map, NativeCallContext};

use super::row::{from_dynamic, with_row};
use super::row_error::describe;
use crate::domain::{Ask, Asked, Channel, Span, Value, nearest};

/// Their names.
pub(super) const NAMES: [&str; 5] = ["email", "send", "contact", "phone", "task"];

type Raised<T> = Result<T, Box<EvalAltResult>>;

/// Registers `email(template)`, `send(channel, template)`, `contact()`, `phone(template)` and
/// `task(template)`. The first three take a map of extra values for the template; the last two
/// take a map with `assign` and `due`, and then one of extra values.
pub(super) fn register(engine: &mut rhai::Engine) {
    type Context<'a> = NativeCallContext<'a>;
    engine.register_fn("contact", |c: Context| ask(&c, &[]));
    engine.register_fn("contact", |c: Context, a: Dynamic| ask(&c, &[a]));
    for verb in ["email", "phone", "task"] {
        engine.register_fn(verb, |c: Context, a: Dynamic| ask(&c, &[a]));
    }
    for verb in ["email", "send", "phone", "task"] {
        engine.register_fn(verb, |c: Context, a: Dynamic, b: Dynamic| ask(&c, &[a, b]));
    }
    for verb in ["send", "phone", "task"] {
        engine.register_fn(verb, |c: Context, a: Dynamic, b: Dynamic, d: Dynamic| {
            ask(&c, &[a, b, d])
        });
    }
}

fn ask(context: &NativeCallContext, arguments: &[Dynamic]) -> Raised<()> {
    let asked = read(context.fn_name(), arguments)?;
    with_row(context.tag(), |row| {
        row.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        Ok(())
    })
}

fn read(verb: &str, arguments: &[Dynamic]) -> Raised<Asked> {
    let mut arguments = arguments.iter();
    let mut text = |what: &str| match arguments.next().map(Dynamic::as_immutable_string_ref) {
        Some(Ok(text)) if !text.is_empty() => Ok(text.to_string()),
        _ => Err(format!("`{verb}` needs {what} in double quotes: {}", example(verb))),
    };
    let ask = match verb {
        "contact" => Ask::Contact(Vec::new()),
        "send" => {
            let channel = text("the name of a channel")?;
            if channel == Channel::TASK || channel == Channel::PHONE {
                return Err(
                    format!("write {}, not send(\"{channel}\", …)", example(&channel)).into()
                );
            }
            Ask::Send(Channel(channel), text("the name of a template")?)
        }
        verb => Ask::Send(Channel(verb.to_owned()), text("the name of a template")?),
    };
    let mut asked = Asked { ask, assign: None, due: None, values: BTreeMap::new() };
    if let Some(options) = takes_options(verb).then(|| arguments.next()).flatten() {
        read_options(verb, &map(verb, true, options)?, &mut asked)?;
    }
    if let Some(values) = arguments.next() {
        asked.values = extra_values(verb, &map(verb, false, values)?)?;
    }
    Ok(asked)
}

fn read_options(verb: &str, options: &Map, asked: &mut Asked) -> Raised<()> {
    for (key, value) in options {
        if let Some(wrong) = wrong_option(verb, key, Some(value)) {
            return Err(wrong.in_a_sentence().into());
        }
        let text = value.as_immutable_string_ref().map(|text| text.trim().to_owned());
        match key.as_str() {
            "assign" => asked.assign = text.ok().filter(|name| !name.is_empty()),
            _ => asked.due = text.ok().and_then(|text| text.parse().ok()),
        }
    }
    Ok(())
}

fn extra_values(verb: &str, values: &Map) -> Raised<BTreeMap<String, Value>> {
    let mut taken = BTreeMap::new();
    for (key, value) in values {
        if let Some(wrong) = wrong_value(verb, key, Some(value)) {
            return Err(wrong.in_a_sentence().into());
        }
        taken.extend(from_dynamic(value).map(|cell| (key.to_string(), cell)));
    }
    Ok(taken)
}

fn map(verb: &str, is_options: bool, value: &Dynamic) -> Raised<Map> {
    match value.as_map_ref() {
        Ok(map) => Ok(map.clone()),
        Err(_) => Err(no_map(verb, is_options, &describe(value)).in_a_sentence().into()),
    }
}

/// What is wrong with what a verb gets, and what helps.
pub(super) struct Wrong {
    pub(super) message: String,
    pub(super) help: String,
}

impl Wrong {
    fn in_a_sentence(self) -> String {
        match self.help.is_empty() {
            true => self.message,
            false => format!("{}; {}", self.message, self.help),
        }
    }
}

/// Whether the first map of a verb is for the colleague, and not for the words.
pub(super) fn takes_options(verb: &str) -> bool {
    verb == "phone" || verb == "task"
}

/// How many values a verb takes before its maps.
pub(super) fn first_map(verb: &str) -> usize {
    match verb {
        "contact" => 0,
        "send" => 2,
        _ => 1,
    }
}

/// What helps where a verb gets something else than a map.
pub(super) fn no_map(verb: &str, is_options: bool, got: &str) -> Wrong {
    let help = match is_options {
        true => "write #{ due: \"4h\" }",
        false => "write #{ name: \"value\" }",
    };
    let message = format!("`{verb}` takes a map here, and got {got}");
    Wrong { message, help: help.to_owned() }
}

/// What is wrong with an option of `phone` or `task`. Where its value is not known, only its name is
/// looked at.
pub(super) fn wrong_option(verb: &str, key: &str, value: Option<&Dynamic>) -> Option<Wrong> {
    let needs = |what: &str, help: String| {
        let got = value.map(describe).unwrap_or_default();
        Wrong { message: format!("`{key}` of `{verb}` needs {what}, and got {got}"), help }
    };
    let text = value.and_then(|value| value.as_immutable_string_ref().ok());
    match (key, value) {
        ("assign" | "due", None) => None,
        ("assign" | "due", Some(value)) if value.is_unit() => None,
        ("assign", _) if text.is_some() => None,
        ("assign", _) => {
            let help = "name one in double quotes, or a column that does".to_owned();
            Some(needs("the name of a colleague", help))
        }
        ("due", _) if text.as_ref().is_some_and(|text| text.trim().parse::<Span>().is_ok()) => None,
        ("due", _) => {
            let meant = text.and_then(|text| span_meant(&text)).unwrap_or_else(|| "4h".to_owned());
            Some(needs("a length of time", format!("write due: \"{meant}\"")))
        }
        (other, _) => {
            let help = match nearest(other, ["assign", "due"]) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "extra values for the template go into a second map".to_owned(),
            };
            Some(Wrong { message: format!("`{verb}` has no option `{other}`"), help })
        }
    }
}

/// `1d` for `1 day`.
fn span_meant(text: &str) -> Option<String> {
    let digits = text.trim().find(|c: char| !c.is_ascii_digit()).filter(|digits| *digits > 0)?;
    let (number, unit) = text.trim().split_at(digits);
    let unit = match unit.trim().to_lowercase().trim_end_matches('s') {
        "minute" | "min" => "m",
        "hour" | "hr" | "h" => "h",
        "day" | "d" => "d",
        "week" | "w" => "w",
        _ => return None,
    };
    let meant = format!("{number}{unit}");
    meant.parse::<Span>().ok().map(|_| meant)
}

/// What is wrong with an extra value for the words.
pub(super) fn wrong_value(verb: &str, key: &str, value: Option<&Dynamic>) -> Option<Wrong> {
    if key == "customer" || key == "also" {
        let message = format!("an extra value of `{verb}` can't be called `{key}`");
        return Some(Wrong { message, help: "templates have that name already".to_owned() });
    }
    let value = value.filter(|value| from_dynamic(value).is_none())?;
    let message = format!("the extra value `{key}` of `{verb}` is {}", describe(value));
    Some(Wrong { message, help: "templates take text, numbers, true and false".to_owned() })
}

/// What a verb asks for, in a sentence.
pub(super) fn told(verb: &str) -> &'static str {
    match verb {
        "email" => "Asks for an e-mail with the words of a template of the rule's folder.",
        "send" => "Asks for a message on a channel, such as sms, with the words of a template.",
        "contact" => {
            "Asks for a message on the customer's preferred channel, or the first that is open."
        }
        "phone" => "Asks a colleague to call the customer.",
        _ => "Asks for work by a colleague; the customer hears nothing of it.",
    }
}

/// The parameters of a verb, one list for each way in which it can be called.
pub(super) fn parameters(verb: &str) -> &'static [&'static [&'static str]] {
    match verb {
        "email" => &[&["template"], &["template", "values"]],
        "send" => &[&["channel", "template"], &["channel", "template", "values"]],
        "contact" => &[&[], &["values"]],
        _ => &[&["template"], &["template", "options"], &["template", "options", "values"]],
    }
}

/// A verb as it is written.
pub(super) fn example(verb: &str) -> &'static str {
    match verb {
        "email" => "email(\"email\")",
        "send" => "send(\"sms\", \"sms\")",
        "contact" => "contact()",
        "phone" => "phone(\"task\", #{ assign: customer.owner, due: \"4h\" })",
        _ => "task(\"task\", #{ assign: customer.owner, due: \"4h\" })",
    }
}
