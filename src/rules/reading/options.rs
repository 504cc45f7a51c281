//! The maps of a verb, as far as they are written out. What is worked out is read when it is asked for.

use rhai::{Dynamic, Expr};

use super::Reader;
use crate::rules::row_error::describe;
use crate::rules::verbs::{self, Wrong};

impl Reader<'_> {
    /// Reports what a verb would refuse of the maps that it gets: its options, and the values for the
    /// words.
    pub(super) fn maps(&mut self, verb: &str, arguments: &[Expr]) {
        let first = verbs::first_map(verb);
        for (number, argument) in arguments.iter().enumerate().skip(first) {
            let is_options = verbs::takes_options(verb) && number == first;
            if let Some(got) = no_map(argument) {
                let mut wrong = verbs::no_map(verb, is_options, &got);
                if let ("contact", Expr::StringConstant(text, _)) = (verb, argument) {
                    let send = match text.as_str() {
                        "email" => "email(\"email\")".to_owned(),
                        other => format!("send(\"{other}\", \"{other}\")"),
                    };
                    wrong.help =
                        format!("write `{send}`, or `contact()` for whichever channel is open");
                }
                self.wrong_map(argument, wrong);
            }
            for (name, at, value) in entries(argument) {
                let wrong = match is_options {
                    true => verbs::wrong_option(verb, &name, value.as_ref()),
                    false => verbs::wrong_value(verb, &name, value.as_ref()),
                };
                if let Some(Wrong { message, help }) = wrong {
                    self.refuse("option", at, &name, message, help);
                }
            }
        }
    }

    fn wrong_map(&mut self, argument: &Expr, Wrong { message, help }: Wrong) {
        let text = match argument {
            Expr::Variable(variable, ..) => variable.1.to_string(),
            Expr::StringConstant(text, _) => format!("\"{text}\""),
            _ => String::new(),
        };
        self.refuse("option", argument.position(), &text, message, help);
    }
}

/// What an argument is, if it can be no map.
fn no_map(argument: &Expr) -> Option<String> {
    match argument {
        // Every chain that reads a field is one variable by now, with the dots in its name.
        Expr::Variable(variable, ..) if variable.1.contains('.') => {
            Some(format!("`{}`", variable.1))
        }
        Expr::InterpolatedString(..) => Some("a text".to_owned()),
        Expr::Array(..) => Some("a list".to_owned()),
        other => {
            let value = other.get_literal_value(None)?;
            (!value.is_map()).then(|| describe(&value))
        }
    }
}

/// The names of a map that is written out, with their values where those are too.
fn entries(argument: &Expr) -> Vec<(String, rhai::Position, Option<Dynamic>)> {
    match argument {
        Expr::Map(map, _) => map
            .0
            .iter()
            .map(|(name, value)| (name.name.to_string(), name.pos, value.get_literal_value(None)))
            .collect(),
        Expr::DynamicConstant(value, at) => match value.read_lock::<rhai::Map>() {
            Some(map) => map
                .iter()
                .map(|(name, value)| (name.to_string(), *at, Some(value.clone())))
                .collect(),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}
