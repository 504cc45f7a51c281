//! Chains of names: `customer.plan`, `customer.tickets.open`, `order.note.len()`.
//! What stands after the field is left as it is.

use std::num::NonZeroUsize;

use rhai::{Expr, Namespace, Position};

use super::{Kind, Part, Reader, ends, sample_field};
use crate::domain::{Field, nearest};
use crate::rules::row::{FIRST_SLOT, RowKind, Slot};

impl Reader<'_> {
    /// A chain: its field becomes one variable where it begins with a row.
    pub(super) fn chain(&mut self, expression: &mut Expr) {
        let (Expr::Dot(pair, ..) | Expr::Index(pair, ..)) = &*expression else { return };
        let row = match &pair.lhs {
            Expr::Variable(variable, ..) => self.kind(&variable.1),
            _ => None,
        };
        if let (Expr::Dot(..), Expr::Variable(variable, _, at), Some(_)) =
            (&*expression, &pair.lhs, head(&pair.rhs))
        {
            let (name, at) = (variable.1.to_string(), *at);
            self.unknown_row(&name, at);
        }
        if let (Expr::Dot(..), Some(Kind::Row(row))) = (&*expression, row) {
            let Expr::Dot(pair, ..) = expression.take() else { return };
            *expression = self.field(row, pair.lhs, pair.rhs);
        } else {
            let is_index = matches!(expression, Expr::Index(..));
            let flags = expression.options();
            let (Expr::Dot(pair, ..) | Expr::Index(pair, ..)) = expression else { return };
            self.expression(&mut pair.lhs);
            self.tail(is_index, ends(flags), &mut pair.rhs);
        }
        // A whole chain was one field: nothing is left to walk.
    }

    /// Reports a name of which a field is read, where no row of a signal is at hand.
    fn unknown_row(&mut self, name: &str, at: Position) {
        let known = self.names.iter().map(|(known, _)| known.as_str());
        let is_known = nearest(name, known).is_some() || self.constants.contains_key(name);
        if self.has_subject || is_known || self.part == Part::Condition || self.told.contains(name)
        {
            return;
        }
        let signal = format!("{}s", name.trim_end_matches('s'));
        let help = format!(
            "if the rule looks at each row of a signal, name that: `const ABOUT = \"{signal}\";`, and `fn when(customer, {name})`"
        );
        self.unknown_once(name, at, help);
    }

    /// `row` `.` `rest`, with its field as one variable.
    fn field(&mut self, row: RowKind, root: Expr, mut rest: Expr) -> Expr {
        let at = root.position();
        let Expr::Variable(variable, ..) = &root else { return root };
        let root_name = variable.1.to_string();
        let Some(first) = head(&rest) else {
            let message = format!("`{root_name}` has fields, and this is none");
            let help = format!("read a field first, such as `{root_name}.{}`", sample_field(row));
            self.refuse("whole-row", at, &root_name, message, help);
            return root;
        };
        let mut name = format!("{root_name}.{first}");
        let slot = match row {
            RowKind::Subject => Slot::Field(Field::Subject(first)),
            RowKind::Episode if first == "contacts" => Slot::EpisodeContacts,
            RowKind::Episode if first == "days" => Slot::EpisodeDays,
            RowKind::Episode => {
                let help = match nearest(&first, ["contacts", "days"]) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "it has `contacts` and `days`".to_owned(),
                };
                self.refuse(
                    "unknown-field",
                    at,
                    &name,
                    format!("an episode has no `{first}`"),
                    help,
                );
                return root;
            }
            RowKind::Customer => match second(&mut rest) {
                Some(field) => {
                    name = format!("{name}.{field}");
                    Slot::Field(Field::Signal(first.as_str().into(), field))
                }
                None => Slot::Field(Field::Customer(first)),
            },
        };
        let slot = self.slot(slot, at, name.chars().count());
        let variable = slot_variable(slot, &name, at);
        match &mut rest {
            Expr::Dot(pair, flags, _) => {
                pair.lhs = variable;
                let flags = *flags;
                self.tail(false, ends(flags), &mut pair.rhs);
                rest
            }
            Expr::Index(pair, flags, _) => {
                pair.lhs = variable;
                let flags = *flags;
                self.tail(true, ends(flags), &mut pair.rhs);
                rest
            }
            _ => variable,
        }
    }

    /// What follows in a chain: only the values inside it are walked.
    fn tail(&mut self, after_index: bool, ended: bool, rest: &mut Expr) {
        let goes_on = !ended && matches!(rest, Expr::Dot(..) | Expr::Index(..));
        match rest {
            Expr::Dot(pair, flags, _) if goes_on || !after_index => {
                let flags = *flags;
                self.link(after_index, &mut pair.lhs);
                self.tail(false, ends(flags), &mut pair.rhs);
            }
            Expr::Index(pair, flags, _) if goes_on || !after_index => {
                let flags = *flags;
                self.link(after_index, &mut pair.lhs);
                self.tail(true, ends(flags), &mut pair.rhs);
            }
            rest => self.link(after_index, rest),
        }
    }

    fn link(&mut self, after_index: bool, link: &mut Expr) {
        match link {
            Expr::Property(..) if !after_index => {}
            link => self.expression(link),
        }
    }
}

/// The name that a chain begins with.
fn head(rest: &Expr) -> Option<String> {
    let link = match rest {
        Expr::Dot(pair, ..) | Expr::Index(pair, ..) => &pair.lhs,
        link => link,
    };
    match link {
        Expr::Property(property, _) => Some(property.2.to_string()),
        _ => None,
    }
}

/// Takes the first name off `tickets.open…`, if a second one follows, and gives that.
fn second(rest: &mut Expr) -> Option<String> {
    let Expr::Dot(pair, ..) = rest else { return None };
    let field = head(&pair.rhs)?;
    *rest = pair.rhs.take();
    Some(field)
}

fn slot_variable(slot: usize, name: &str, at: Position) -> Expr {
    let index = NonZeroUsize::new(FIRST_SLOT + slot);
    Expr::Variable(Box::new((index, name.into(), Namespace::NONE, 0)), None, at)
}
