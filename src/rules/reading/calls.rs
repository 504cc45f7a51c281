//! Calls: of the script's own functions, of the language's, and of the verbs.
//! A verb is noted here and never done.

use std::collections::BTreeSet;

use rhai::{Dynamic, Expr, FnCallExpr, Position};

use super::{Kind, Part, Reader, elsewhere};
use crate::domain::{Ask, Channel, nearest};
use crate::rules::StaticAsk;
use crate::rules::script::Function;
use crate::rules::{dates, sandbox, verbs};

impl Reader<'_> {
    /// A call, of an operator, of the script's own function, or of one of the language's.
    pub(super) fn call(&mut self, call: &mut FnCallExpr, at: Position) {
        if call.is_operator_call() {
            call.args.iter_mut().for_each(|argument| self.expression(argument));
            return;
        }
        let name = call.name.to_string();
        let own = self.script.get(&(name.clone(), call.args.len()));
        if call.capture_parent_scope || call.is_qualified() {
            let message = format!("`{name}` can't be called like this");
            self.refuse("unknown-function", at, &name, message, format!("write `{name}(…)`"));
        } else if let Some(function) = own {
            self.own_call(&name, function, call);
        } else {
            let outer = std::mem::replace(&mut self.in_time, dates::NAMES.contains(&name.as_str()));
            call.args.iter_mut().for_each(|argument| self.expression(argument));
            self.in_time = outer;
            self.native_call(&name, &call.args, at);
        }
    }

    /// A call of one of the script's own functions: rows may be handed over, and it is read in turn.
    fn own_call(&mut self, name: &str, function: &Function, call: &mut FnCallExpr) {
        let kinds: Vec<Kind> =
            call.args.iter_mut().map(|argument| self.argument(argument)).collect();
        let key = (self.part == Part::Then, name.to_owned(), kinds.clone());
        if self.visited.insert(key) {
            let parameters = function.parameters.iter().cloned().zip(kinds);
            self.read(self.part, parameters, function.body.clone());
        }
    }

    fn argument(&mut self, argument: &mut Expr) -> Kind {
        if let Expr::Variable(variable, _, at) = &*argument
            && let Some(Kind::Row(row)) = self.kind(&variable.1)
        {
            *argument = Expr::DynamicConstant(Box::new(Dynamic::from(row)), *at);
            return Kind::Row(row);
        }
        self.expression(argument);
        Kind::Plain
    }

    fn native_call(&mut self, name: &str, arguments: &[Expr], at: Position) {
        if verbs::NAMES.contains(&name) && self.part != Part::Then {
            let message = format!("`{name}` stands where a rule only looks");
            self.refuse(
                "verb-in-when",
                at,
                name,
                message,
                "`when` says whether; what to do about it goes into `then`",
            );
        }
        match self.natives.get(name) {
            Some(parameters) if parameters.contains(&arguments.len()) => {}
            Some(parameters) => {
                let counts: Vec<_> = parameters.iter().map(ToString::to_string).collect();
                let values = if counts == ["1"] { "value" } else { "values" };
                let message = format!(
                    "`{name}` takes {} {values}, and here it gets {}",
                    counts.join(" or "),
                    arguments.len()
                );
                let help = if verbs::NAMES.contains(&name) {
                    format!("write {}", verbs::example(name))
                } else if dates::NAMES.contains(&name) {
                    format!("give it one date or instant: `{name}(customer.since)`")
                } else {
                    String::new()
                };
                return self.refuse("unknown-function", at, name, message, help);
            }
            None => return self.unknown_function(name, arguments, at),
        }
        if self.part == Part::Then && verbs::NAMES.contains(&name) {
            self.asked(name, arguments, at);
        }
    }

    fn unknown_function(&mut self, name: &str, arguments: &[Expr], at: Position) {
        let own = self.script.keys().map(|(n, _)| n.as_str());
        let help = match own.clone().find(|n| *n == name) {
            Some(_) => {
                let given = arguments.len();
                format!("it takes another number of values than the {given} it gets here")
            }
            None if let Some(help) = elsewhere::function(name) => help.to_owned(),
            None if sandbox::REFUSED.contains(&name) => {
                "rules do without it; for a call by a colleague, write `phone(…)`".to_owned()
            }
            None if self.natives.contains_key(name) => {
                "it takes another number of values than it gets here".to_owned()
            }
            // What people call first, before the many functions of the language.
            None => match nearest(name, dates::NAMES.into_iter().chain(verbs::NAMES).chain(own))
                .or_else(|| nearest(name, self.natives.keys().map(String::as_str)))
            {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => match arguments {
                    [Expr::StringConstant(words, _), ..] if self.part == Part::Then => {
                        format!("on a channel of policy.toml: `send(\"{name}\", \"{words}\")`")
                    }
                    _ => "write it into this script, as `fn …`, or do without".to_owned(),
                },
            },
        };
        self.refuse("unknown-function", at, name, format!("there is no function `{name}`"), help);
    }

    /// A method such as `customer.plan.to_upper()`.
    pub(super) fn method(&mut self, call: &mut FnCallExpr, at: Position) {
        call.args.iter_mut().for_each(|argument| self.expression(argument));
        let name = call.name.to_string();
        let parameters = call.args.len() + 1;
        let own = self.script.keys().any(|(n, _)| *n == name);
        if own || verbs::NAMES.contains(&name.as_str()) {
            let message = format!("`{name}` can't be called after a dot");
            self.refuse("unknown-function", at, &name, message, format!("write `{name}(…)`"));
        } else if !self.natives.get(&name).is_some_and(|counts| counts.contains(&parameters)) {
            self.unknown_function(&name, &[], at);
        }
    }

    /// Notes a verb, and what it asks for as far as that is written out.
    fn asked(&mut self, verb: &str, arguments: &[Expr], at: Position) {
        let place = self.place(at, verb.len());
        if verb != Channel::TASK && self.contacts_at.is_none() {
            self.contacts_at = Some(place.clone());
        }
        let text = |n: usize| match arguments.get(n) {
            Some(Expr::StringConstant(text, _)) => Some(text.to_string()),
            _ => None,
        };
        let ask = match verb {
            "contact" => Some(Ask::Contact(Vec::new())),
            "send" => text(0)
                .zip(text(1))
                .map(|(channel, template)| Ask::Send(Channel(channel), template)),
            verb => text(0).map(|template| Ask::Send(Channel(verb.to_owned()), template)),
        };
        self.maps(verb, arguments);
        // The first map of these two is for the colleague, not for the words.
        let for_words = verbs::first_map(verb) + usize::from(verbs::takes_options(verb));
        let map = arguments.get(for_words);
        let values: BTreeSet<String> = map.into_iter().flat_map(map_keys).collect();
        let values_are_written =
            map.is_none_or(|map| matches!(map, Expr::Map(..) | Expr::DynamicConstant(..)));
        let certain = self.decided == 0;
        self.unwritten |= ask.is_none();
        self.asks.extend(ask.map(|ask| StaticAsk {
            ask,
            values,
            values_are_written,
            certain,
            place,
        }));
    }
}

/// The names in a map that is written out.
fn map_keys(argument: &Expr) -> Vec<String> {
    match argument {
        Expr::Map(map, _) => map.0.iter().map(|(name, _)| name.name.to_string()).collect(),
        Expr::DynamicConstant(value, _) => match value.read_lock::<rhai::Map>() {
            Some(map) => map.keys().map(ToString::to_string).collect(),
            None => Vec::new(),
        },
        _ => Vec::new(),
    }
}
