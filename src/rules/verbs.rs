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
    let takes_options = verb == "phone" || verb == "task";
    if let Some(options) = takes_options.then(|| arguments.next()).flatten() {
        read_options(verb, &map(verb, options)?, &mut asked)?;
    }
    if let Some(values) = arguments.next() {
        asked.values = extra_values(verb, &map(verb, values)?)?;
    }
    Ok(asked)
}

fn read_options(verb: &str, options: &Map, asked: &mut Asked) -> Raised<()> {
    for (key, value) in options {
        let wrong =
            |what: &str| format!("`{key}` of `{verb}` needs {what}, and got {}", describe(value));
        let text = || value.as_immutable_string_ref().ok();
        match key.as_str() {
            _ if value.is_unit() && (key == "assign" || key == "due") => {}
            "assign" => {
                let name = text().ok_or_else(|| wrong("the name of a colleague"))?;
                asked.assign = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
            }
            "due" => {
                let span = text().and_then(|text| text.parse::<Span>().ok());
                let hint = "a length of time such as \"4h\" or \"2d\"";
                asked.due = Some(span.ok_or_else(|| wrong(hint))?);
            }
            other => {
                let meant = match nearest(other, ["assign", "due"]) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "extra values for the template go into a second map".to_owned(),
                };
                return Err(format!("`{verb}` has no option `{other}`; {meant}").into());
            }
        }
    }
    Ok(())
}

fn extra_values(verb: &str, values: &Map) -> Raised<BTreeMap<String, Value>> {
    let mut taken = BTreeMap::new();
    for (key, value) in values {
        if key == "customer" || key == "also" {
            return Err(format!(
                "an extra value of `{verb}` can't be called `{key}`: templates have that name already"
            )
            .into());
        }
        let Some(cell) = from_dynamic(value) else {
            return Err(format!(
                "the extra value `{key}` of `{verb}` is {}: templates take text, numbers, true and false",
                describe(value)
            )
            .into());
        };
        taken.insert(key.to_string(), cell);
    }
    Ok(taken)
}

fn map(verb: &str, value: &Dynamic) -> Raised<Map> {
    match value.as_map_ref() {
        Ok(map) => Ok(map.clone()),
        Err(_) => Err(format!(
            "`{verb}` takes a map here, such as #{{ name: \"value\" }}, and got {}",
            describe(value)
        )
        .into()),
    }
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
