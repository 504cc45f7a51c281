//! The walk over a script's functions: which fields they read, what they ask for, and every name
//! that does not exist. On its way it turns each chain such as `customer.tickets.open` into one
//! variable, which is what makes a rule fast. It changes nothing about what the script means.

mod chain;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rhai::{ASTFlags, Dynamic, Expr, FnCallExpr, Position, Stmt};

use super::StaticAsk;
use super::row::{RowKind, Slot};
use super::script::{Function, Functions};
use super::spelling::nearest;
use super::{dates, sandbox, syntax, verbs};
use crate::domain::{Ask, Channel, Place, Problem};

/// What a name stands for inside a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A value.
    Plain,
    /// A row, of which only fields can be read.
    Row(RowKind),
}

/// What is being read: `then` may ask, the others may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    When,
    Then,
    Condition,
}

/// Collects what one script reads and asks for.
pub(super) struct Reader<'a> {
    pub(super) file: &'a Path,
    pub(super) script: &'a Functions,
    pub(super) natives: &'a sandbox::Functions,
    pub(super) constants: &'a BTreeMap<String, Dynamic>,
    pub(super) problems: &'a mut Vec<Problem>,
    /// What is read, in the order of its first reading.
    pub(super) slots: Vec<(Slot, Place)>,
    pub(super) asks: Vec<StaticAsk>,
    /// Where the customer is first contacted.
    pub(super) contacts_at: Option<Place>,
    part: Part,
    names: Vec<(String, Kind)>,
    /// Functions that were read already: whether for `then`, their name, and what they were given.
    visited: BTreeSet<(bool, String, Vec<Kind>)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        file: &'a Path,
        script: &'a Functions,
        natives: &'a sandbox::Functions,
        constants: &'a BTreeMap<String, Dynamic>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        Self {
            file,
            script,
            natives,
            constants,
            problems,
            slots: Vec::new(),
            asks: Vec::new(),
            contacts_at: None,
            part: Part::When,
            names: Vec::new(),
            visited: BTreeSet::new(),
        }
    }

    /// Reads a function's body and gives it back with one variable for each field.
    pub(super) fn read(
        &mut self,
        part: Part,
        parameters: impl IntoIterator<Item = (String, Kind)>,
        mut body: Vec<Stmt>,
    ) -> Vec<Stmt> {
        self.part = part;
        let outer = std::mem::replace(&mut self.names, parameters.into_iter().collect());
        body.iter_mut().for_each(|statement| self.statement(statement));
        self.names = outer;
        body
    }

    fn place(&self, at: Position, width: usize) -> Place {
        syntax::place(self.file, at, width)
    }

    fn refuse(
        &mut self,
        code: &'static str,
        at: Position,
        name: &str,
        message: String,
        help: impl Into<String>,
    ) {
        let place = self.place(at, name.chars().count());
        let problem = Problem::error(place, code, message).help(help);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn kind(&self, name: &str) -> Option<Kind> {
        self.names.iter().rev().find(|(n, _)| n == name).map(|(_, kind)| *kind)
    }

    fn block<'s>(&mut self, statements: impl IntoIterator<Item = &'s mut Stmt>) {
        let outer = self.names.len();
        statements.into_iter().for_each(|statement| self.statement(statement));
        self.names.truncate(outer);
    }

    fn declare(&mut self, name: &str, at: Position) {
        if let Some(Kind::Row(_)) = self.kind(name) {
            let message = format!("`{name}` is taken: it is what the rule looks at");
            self.refuse("shadowed-row", at, name, message, "give the variable another name");
            return;
        }
        self.names.push((name.to_owned(), Kind::Plain));
    }

    fn statement(&mut self, statement: &mut Stmt) {
        match statement {
            Stmt::Expr(expression) => self.expression(expression),
            Stmt::FnCall(call, at) => self.call(call, *at),
            Stmt::Block(block) => self.block(block.statements_mut()),
            Stmt::If(parts, _) | Stmt::While(parts, _) | Stmt::Do(parts, ..) => {
                self.expression(&mut parts.expr);
                self.block(parts.body.statements_mut());
                self.block(parts.branch.statements_mut());
            }
            Stmt::Switch(parts, _) => {
                let (value, cases) = &mut **parts;
                self.expression(value);
                for case in &mut cases.expressions {
                    self.expression(&mut case.lhs);
                    self.expression(&mut case.rhs);
                }
            }
            Stmt::For(parts, _) => {
                let (item, counter, parts) = &mut **parts;
                self.expression(&mut parts.expr);
                let outer = self.names.len();
                self.declare(item.as_str(), item.pos);
                if let Some(counter) = counter {
                    self.declare(counter.as_str(), counter.pos);
                }
                self.block(parts.body.statements_mut());
                self.names.truncate(outer);
            }
            Stmt::Var(parts, ..) => {
                let (name, value, _) = &mut **parts;
                self.expression(value);
                self.declare(name.as_str(), name.pos);
            }
            Stmt::Assignment(parts) => {
                self.assigned(&parts.1.lhs);
                self.expression(&mut parts.1.rhs);
                self.expression(&mut parts.1.lhs);
            }
            Stmt::TryCatch(parts, _) => {
                self.block(parts.body.statements_mut());
                let outer = self.names.len();
                if let Expr::Variable(name, _, at) = &parts.expr {
                    self.declare(&name.1, *at);
                }
                self.block(parts.branch.statements_mut());
                self.names.truncate(outer);
            }
            Stmt::BreakLoop(Some(value), ..) | Stmt::Return(Some(value), ..) => {
                self.expression(value)
            }
            Stmt::Import(_, at) | Stmt::Export(_, at) => {
                let message = "a rule stands alone: it can't import or export".to_owned();
                self.refuse(
                    "import",
                    *at,
                    "import",
                    message,
                    "write the function into this script",
                );
            }
            _ => {}
        }
    }

    /// Facts and constants don't change.
    fn assigned(&mut self, target: &Expr) {
        let mut root = target;
        while let Expr::Dot(pair, ..) | Expr::Index(pair, ..) = root {
            root = &pair.lhs;
        }
        let Expr::Variable(name, _, at) = root else { return };
        let name = name.1.as_str();
        let what = match self.kind(name) {
            Some(Kind::Row(_)) => "a rule looks at facts and can't change them",
            None if self.constants.contains_key(name) => "a constant can't be changed",
            _ => return,
        };
        let help =
            "to compare, write `==`; to work with another value, make a variable: `let … = …;`";
        self.refuse("changed-fact", *at, name, what.to_owned(), help);
    }

    fn expression(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Variable(..) => self.variable(expression),
            Expr::Dot(..) | Expr::Index(..) => self.chain(expression),
            Expr::FnCall(call, at) => self.call(call, *at),
            Expr::MethodCall(call, at) => self.method(call, *at),
            Expr::Stmt(block) => self.block(block.statements_mut()),
            Expr::InterpolatedString(parts, _) | Expr::Array(parts, _) => {
                parts.iter_mut().for_each(|part| self.expression(part));
            }
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter_mut().for_each(|part| self.expression(part));
            }
            Expr::Map(parts, _) => parts.0.iter_mut().for_each(|(_, value)| self.expression(value)),
            Expr::ThisPtr(at) => {
                let message = "`this` means nothing in a rule".to_owned();
                self.refuse(
                    "unknown-name",
                    *at,
                    "this",
                    message,
                    "name what you mean, such as `customer`",
                );
            }
            _ => {}
        }
    }

    /// A name that stands alone: a value, or a constant, which is put in its place.
    fn variable(&mut self, expression: &mut Expr) {
        let Expr::Variable(variable, _, at) = &*expression else { return };
        let (at, name) = (*at, variable.1.to_string());
        match self.kind(&name) {
            Some(Kind::Plain) if variable.2.is_empty() => {}
            Some(Kind::Row(row)) => {
                let message = format!("`{name}` can't be used as a whole");
                let help =
                    format!("read one of its fields, such as `{name}.{}`", sample_field(row));
                self.refuse("whole-row", at, &name, message, help);
            }
            _ => match self.constants.get(&name) {
                Some(value) if variable.2.is_empty() => {
                    *expression = Expr::from_dynamic(value.clone(), at)
                }
                _ => self.unknown_name(&name, at),
            },
        }
    }

    fn unknown_name(&mut self, name: &str, at: Position) {
        let known = self
            .names
            .iter()
            .map(|(n, _)| n.as_str())
            .chain(self.constants.keys().map(String::as_str));
        let help = match nearest(name, known) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None if self.natives.contains_key(name) => {
                format!("`{name}` is a function: write `{name}(…)`")
            }
            None => format!(
                "a text stands in double quotes: \"{name}\"; a field is read from its row: `customer.{name}`"
            ),
        };
        self.refuse("unknown-name", at, name, format!("there is no `{name}` here"), help);
    }

    fn call(&mut self, call: &mut FnCallExpr, at: Position) {
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
            call.args.iter_mut().for_each(|argument| self.expression(argument));
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
                let message = format!(
                    "`{name}` takes {} values, and here it gets {}",
                    counts.join(" or "),
                    arguments.len()
                );
                let help = if verbs::NAMES.contains(&name) {
                    format!("write {}", verbs::example(name))
                } else {
                    String::new()
                };
                return self.refuse("unknown-function", at, name, message, help);
            }
            None => return self.unknown_function(name, arguments.len(), at),
        }
        if self.part == Part::Then && verbs::NAMES.contains(&name) {
            self.asked(name, arguments, at);
        }
    }

    fn unknown_function(&mut self, name: &str, arguments: usize, at: Position) {
        let own = self.script.keys().map(|(n, _)| n.as_str());
        let help = match own.clone().find(|n| *n == name) {
            Some(_) => {
                format!("it takes another number of values than the {arguments} it gets here")
            }
            // What people call first, before the many functions of the language.
            None => match nearest(name, dates::NAMES.into_iter().chain(verbs::NAMES).chain(own))
                .or_else(|| nearest(name, self.natives.keys().map(String::as_str)))
            {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write it into this script, as `fn …`, or do without".to_owned(),
            },
        };
        self.refuse("unknown-function", at, name, format!("there is no function `{name}`"), help);
    }

    /// A method such as `customer.plan.to_upper()`.
    fn method(&mut self, call: &mut FnCallExpr, at: Position) {
        call.args.iter_mut().for_each(|argument| self.expression(argument));
        let name = call.name.to_string();
        let parameters = call.args.len() + 1;
        let own = self.script.keys().any(|(n, _)| *n == name);
        if own || verbs::NAMES.contains(&name.as_str()) {
            let message = format!("`{name}` can't be called after a dot");
            self.refuse("unknown-function", at, &name, message, format!("write `{name}(…)`"));
        } else if !self.natives.get(&name).is_some_and(|counts| counts.contains(&parameters)) {
            self.unknown_function(&name, parameters, at);
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
        let values: BTreeSet<String> = arguments.iter().flat_map(map_keys).collect();
        self.asks.extend(ask.map(|ask| StaticAsk { ask, values, place }));
    }

    /// The number of a slot, noted with where it is first read.
    fn slot(&mut self, slot: Slot, at: Position, width: usize) -> usize {
        let known = self.slots.iter().position(|(s, _)| *s == slot);
        known.unwrap_or_else(|| {
            self.slots.push((slot, self.place(at, width)));
            self.slots.len() - 1
        })
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

fn sample_field(row: RowKind) -> &'static str {
    match row {
        RowKind::Customer => "plan",
        RowKind::Subject => "customer_id",
        RowKind::Episode => "contacts",
    }
}

/// Whether a chain ends here (`a[b.c]`) rather than going on (`a[b].c`).
fn ends(flags: ASTFlags) -> bool {
    flags.contains(ASTFlags::BREAK)
}
