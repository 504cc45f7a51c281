//! The walk over a script's functions: which fields they read, what they ask for, and every name
//! that does not exist. On its way it turns each chain such as `customer.tickets.open` into one
//! variable, which is what makes a rule fast. It changes nothing about what the script means.

mod calls;
mod chain;
mod elsewhere;
mod options;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rhai::{ASTFlags, Dynamic, Expr, Position, Stmt};

use super::StaticAsk;
use super::row::{RowKind, Slot};
use super::script::Functions;
use super::{dates, sandbox, syntax};
use crate::domain::{Place, Problem, nearest};

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
    /// Whether a verb's channel or template is worked out.
    pub(super) unwritten: bool,
    /// Where the customer is first contacted.
    pub(super) contacts_at: Option<Place>,
    part: Part,
    /// Whether a date or an instant is wanted.
    in_time: bool,
    /// How many conditions and loops it is inside of; what may have ended it before counts as one.
    decided: usize,
    names: Vec<(String, Kind)>,
    /// Whether the rule looks at the rows of a signal.
    has_subject: bool,
    /// Names that are nowhere, of which everything is said.
    told: BTreeSet<String>,
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
            unwritten: false,
            contacts_at: None,
            part: Part::When,
            in_time: false,
            decided: 0,
            names: Vec::new(),
            has_subject: false,
            told: BTreeSet::new(),
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
        if self.names.is_empty() {
            self.decided = 0;
        }
        let outer = std::mem::replace(&mut self.names, parameters.into_iter().collect());
        self.has_subject |= self.names.iter().any(|(_, kind)| *kind == Kind::Row(RowKind::Subject));
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

    /// Reads what may be left out, or done several times.
    fn perhaps(&mut self, read: impl FnOnce(&mut Self)) {
        let ended = self.decided;
        self.decided += 1;
        read(self);
        // What ends a function in there may keep the rest from being done.
        self.decided = if self.decided > ended + 1 { ended + 1 } else { ended };
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
                self.perhaps(|reader| {
                    reader.block(parts.body.statements_mut());
                    reader.block(parts.branch.statements_mut());
                });
            }
            Stmt::Switch(parts, _) => {
                let (value, cases) = &mut **parts;
                self.expression(value);
                self.perhaps(|reader| {
                    for case in &mut cases.expressions {
                        reader.expression(&mut case.lhs);
                        reader.expression(&mut case.rhs);
                    }
                });
            }
            Stmt::For(parts, _) => {
                let (item, counter, parts) = &mut **parts;
                self.expression(&mut parts.expr);
                let outer = self.names.len();
                self.declare(item.as_str(), item.pos);
                if let Some(counter) = counter {
                    self.declare(counter.as_str(), counter.pos);
                }
                self.perhaps(|reader| reader.block(parts.body.statements_mut()));
                self.names.truncate(outer);
            }
            Stmt::Var(parts, ..) => {
                let (name, value, _) = &mut **parts;
                self.expression(value);
                self.declare(name.as_str(), name.pos);
            }
            Stmt::Assignment(parts) => {
                let is_plain = parts.0.get_op_assignment_info().is_none();
                let is_new = is_plain && self.lacks_let(&parts.1.lhs);
                if !is_new && self.is_changeable(&parts.1.lhs) {
                    self.expression(&mut parts.1.lhs);
                }
                self.expression(&mut parts.1.rhs);
            }
            Stmt::TryCatch(parts, _) => {
                self.perhaps(|reader| reader.block(parts.body.statements_mut()));
                let outer = self.names.len();
                if let Expr::Variable(name, _, at) = &parts.expr {
                    self.declare(&name.1, *at);
                }
                self.perhaps(|reader| reader.block(parts.branch.statements_mut()));
                self.names.truncate(outer);
            }
            Stmt::BreakLoop(value, ..) | Stmt::Return(value, ..) => {
                if let Some(value) = value {
                    self.expression(value);
                }
                self.decided += 1;
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

    /// Reports a variable that is given its first value without `let`.
    fn lacks_let(&mut self, target: &Expr) -> bool {
        let Expr::Variable(variable, _, at) = target else { return false };
        let name = variable.1.as_str();
        let mut known = self.names.iter().map(|(known, _)| known.as_str());
        let is_known = self.constants.contains_key(name) || self.told.contains(name);
        if is_known || !variable.2.is_empty() || nearest(name, &mut known).is_some() {
            return false;
        }
        let help = format!("a new name begins with `let`: `let {name} = …;`");
        self.unknown_once(name, *at, help);
        true
    }

    /// Facts and constants don't change. Whether `target` may.
    fn is_changeable(&mut self, target: &Expr) -> bool {
        let mut root = target;
        while let Expr::Dot(pair, ..) | Expr::Index(pair, ..) = root {
            root = &pair.lhs;
        }
        let Expr::Variable(name, _, at) = root else { return true };
        let name = name.1.as_str();
        let what = match self.kind(name) {
            Some(Kind::Row(_)) => "a rule looks at facts and can't change them",
            None if self.constants.contains_key(name) => "a constant can't be changed",
            _ => return true,
        };
        let help =
            "to compare, write `==`; to work with another value, make a variable: `let … = …;`";
        self.refuse("changed-fact", *at, name, what.to_owned(), help);
        false
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
                self.perhaps(|reader| parts.iter_mut().for_each(|part| reader.expression(part)));
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
            Some(Kind::Row(row)) if variable.2.is_empty() => {
                let message = format!("`{name}` can't be used as a whole");
                let help = match self.in_time {
                    true => format!("read one of its columns that has a date: `{name}.COLUMN`"),
                    false => {
                        format!("read one of its fields, such as `{name}.{}`", sample_field(row))
                    }
                };
                self.refuse("whole-row", at, &name, message, help);
            }
            _ if !variable.2.is_empty() => {
                let message = "`::` means nothing in a rule".to_owned();
                self.refuse("unknown-name", at, &name, message, format!("write `{name}` alone"));
            }
            _ => match self.constants.get(&name) {
                Some(value) => *expression = Expr::from_dynamic(value.clone(), at),
                None => self.unknown_name(&name, at),
            },
        }
    }

    /// Reports a name that is nowhere, and nothing where it is read again.
    fn unknown_once(&mut self, name: &str, at: Position, help: String) {
        self.refuse("unknown-name", at, name, format!("there is no `{name}` here"), help);
        self.told.insert(name.to_owned());
    }

    fn unknown_name(&mut self, name: &str, at: Position) {
        if self.told.contains(name) {
            return;
        }
        let known = self
            .names
            .iter()
            .map(|(n, _)| n.as_str())
            .chain(self.constants.keys().map(String::as_str));
        let help = match nearest(name, known) {
            _ if let Some(help) = elsewhere::name(name) => help.to_owned(),
            Some(meant) => format!("did you mean `{meant}`?"),
            None if dates::NAMES.contains(&name) || self.script.keys().any(|(n, _)| n == name) => {
                format!("`{name}` is a function: write `{name}(…)`")
            }
            None => format!(
                "a text stands in double quotes: \"{name}\"; a field is read from its row: `customer.{name}`"
            ),
        };
        self.refuse("unknown-name", at, name, format!("there is no `{name}` here"), help);
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
