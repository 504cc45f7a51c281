//! What compares a field with a value or another field. Nothing is compared in SQL of which it is
//! not proven that both databases and Rhai see it alike.

use super::sql::Sql;
use super::{Given, Narrowing, number, turned};
use crate::domain::Value;
use crate::predicate::{Comparison, Expr};
use crate::signals::lexer::Dialect;
use crate::signals::{ColumnKind, compose};

/// The types of PostgreSQL whose texts are compared as they stand.
const PLAIN_TEXTS: [&str; 2] = ["text", "varchar"];

impl Narrowing<'_> {
    /// Rows on which a comparison may come out as wanted.
    pub(super) fn compare(&self, comparison: Comparison, a: &Expr, b: &Expr, wanted: bool) -> Sql {
        match (a, b) {
            (Expr::Constant(_), Expr::Constant(_)) => Sql::Always,
            (Expr::Constant(value), other) => {
                self.compare_with(turned(comparison), other, value, wanted)
            }
            (other, Expr::Constant(value)) => self.compare_with(comparison, other, value, wanted),
            (Expr::Field(one), Expr::Field(other)) => {
                match (self.fields.get(one), self.fields.get(other)) {
                    (Some(one), Some(other)) => self.compare_fields(comparison, one, other, wanted),
                    _ => Sql::Always,
                }
            }
            _ => self.compare_calculations(comparison, a, b, wanted),
        }
    }

    fn compare_with(&self, comparison: Comparison, e: &Expr, value: &Value, wanted: bool) -> Sql {
        match e {
            Expr::Field(field) => match self.fields.get(field) {
                Some(given) => self.compare_field(comparison, given, value, wanted),
                None => Sql::Always,
            },
            Expr::Time(function, a) => match value {
                Value::Null => self.compare_with(comparison, a, value, wanted),
                value => self.compare_time(comparison, (*function, a), value, wanted),
            },
            Expr::Coalesce(a, otherwise) => {
                let Expr::Constant(otherwise) = &**otherwise else { return Sql::Always };
                let absent = match constants(comparison, otherwise, value) {
                    Some(outcome) if outcome != wanted => Sql::Never,
                    _ => self.absent(a),
                };
                Sql::any([self.compare_with(comparison, a, value, wanted), absent])
            }
            Expr::Calculate(..) | Expr::Negate(_) => {
                self.compare_calculation(comparison, e, value, wanted)
            }
            _ => Sql::Always,
        }
    }

    fn compare_field(
        &self,
        comparison: Comparison,
        given: &Given,
        value: &Value,
        wanted: bool,
    ) -> Sql {
        match value {
            Value::Null => absence(comparison, given, wanted),
            Value::Bool(value) => match (comparison, self.is_bool(given)) {
                (Comparison::Equal, true) => self.is_or_is_not(given, *value, wanted),
                (Comparison::Unequal, true) => self.is_or_is_not(given, *value, !wanted),
                _ => Sql::Always,
            },
            Value::Text(text) if self.is_text(given) && !text.contains('\0') => {
                self.compare_text(comparison, given, text, wanted)
            }
            Value::Int(_) | Value::Float(_) => match self.number(given) {
                Some(number) => number::with_constant(comparison, &number, value, wanted),
                None => Sql::Always,
            },
            Value::Text(_) => Sql::Always,
        }
    }

    fn compare_fields(
        &self,
        comparison: Comparison,
        one: &Given,
        other: &Given,
        wanted: bool,
    ) -> Sql {
        match (self.number(one), self.number(other)) {
            (Some(one), Some(other)) => number::with_field(comparison, &one, &other, wanted),
            _ => Sql::Always,
        }
    }

    /// A text with a literal. Texts are told apart by their bytes, as everywhere in a rule.
    fn compare_text(&self, comparison: Comparison, given: &Given, text: &str, wanted: bool) -> Sql {
        let text = compose::text_literal(text);
        let (sql, numbers) = match self.dialect {
            Dialect::Sqlite => (
                format!("+{} COLLATE BINARY", given.sql),
                Sql::text(format!("+{} < ''", given.sql)),
            ),
            Dialect::Postgres => (format!("{} COLLATE \"C\"", given.sql), Sql::Never),
        };
        let asked = |operator: &str| Sql::text(format!("{sql} {operator} {text}"));
        let (equal, unequal) = (asked("="), asked("IS DISTINCT FROM"));
        // A value of another kind is in no order, and neither is one that is absent.
        let or_other = |ordered: Sql| match wanted {
            true => ordered,
            false => {
                Sql::any([ordered, Sql::text(format!("{} IS NULL", given.sql)), numbers.clone()])
            }
        };
        match (comparison, wanted) {
            (Comparison::Equal, true) | (Comparison::Unequal, false) => equal,
            (Comparison::Equal, false) | (Comparison::Unequal, true) => unequal,
            (Comparison::Less, true) | (Comparison::AtLeast, false) => or_other(asked("<")),
            (Comparison::AtMost, true) | (Comparison::Greater, false) => or_other(asked("<=")),
            (Comparison::Greater, true) | (Comparison::AtMost, false) => or_other(asked(">")),
            (Comparison::AtLeast, true) | (Comparison::Less, false) => or_other(asked(">=")),
        }
    }

    /// A field that is asked for true or false by itself.
    pub(super) fn is(&self, field: &Expr, wanted: bool) -> Sql {
        match self.plain(field).filter(|given| self.is_bool(given)) {
            Some(given) => self.is_or_is_not(given, wanted, true),
            None => Sql::Always,
        }
    }

    /// Rows on which a field is `value`, or those on which it is not: the other one, absent or odd.
    fn is_or_is_not(&self, given: &Given, value: bool, is: bool) -> Sql {
        let sql = &given.sql;
        let not = if is { "" } else { "NOT " };
        Sql::text(match (self.dialect, is) {
            (Dialect::Postgres, _) => {
                format!("{sql} IS {not}{}", if value { "TRUE" } else { "FALSE" })
            }
            (Dialect::Sqlite, true) => format!("+{sql} = {}", u8::from(value)),
            (Dialect::Sqlite, false) => format!("+{sql} IS DISTINCT FROM {}", u8::from(value)),
        })
    }

    /// Rows on which a field is neither true nor false; those without a value only with `absent`.
    pub(super) fn no_bool(&self, field: &Expr, absent: bool) -> Sql {
        let Some(given) = self.plain(field).filter(|given| self.is_bool(given)) else {
            return Sql::Always;
        };
        let null = match absent {
            true => Sql::text(format!("{} IS NULL", given.sql)),
            false => Sql::Never,
        };
        match self.dialect {
            Dialect::Postgres => null,
            Dialect::Sqlite => Sql::any([null, Sql::text(format!("+{} NOT IN (0, 1)", given.sql))]),
        }
    }

    pub(super) fn one_of(&self, e: &Expr, values: &[Value], wanted: bool) -> Sql {
        if let (Some(given), true) = (self.plain_text(e), wanted)
            && let Some(texts) = values.iter().map(text_of).collect::<Option<Vec<_>>>()
            && !texts.is_empty()
        {
            let sql = match self.dialect {
                Dialect::Sqlite => format!("+{} COLLATE BINARY", given.sql),
                Dialect::Postgres => format!("{} COLLATE \"C\"", given.sql),
            };
            return Sql::text(format!("{sql} IN ({})", texts.join(", ")));
        }
        let sides =
            values.iter().map(|value| self.compare_with(Comparison::Equal, e, value, wanted));
        if wanted { Sql::any(sides) } else { Sql::all(sides) }
    }

    /// Rows on which a field is no text.
    pub(super) fn no_text(&self, e: &Expr) -> Sql {
        match (self.plain_text(e), self.dialect) {
            (None, _) => Sql::Always,
            (Some(given), Dialect::Postgres) => Sql::text(format!("{} IS NULL", given.sql)),
            (Some(given), Dialect::Sqlite) => {
                Sql::text(format!("(+{} >= '') IS NOT TRUE", given.sql))
            }
        }
    }

    fn plain_text(&self, e: &Expr) -> Option<&Given> {
        let Expr::Field(field) = e else { return None };
        self.fields.get(field).filter(|given| self.is_text(given))
    }

    fn is_text(&self, given: &Given) -> bool {
        match self.dialect {
            Dialect::Sqlite => matches!(given.kind, ColumnKind::Text | ColumnKind::Unknown),
            Dialect::Postgres => PLAIN_TEXTS.contains(&given.type_name.as_str()),
        }
    }

    /// Whether what is true and what is false is stored as the dialect's own true and false.
    fn is_bool(&self, given: &Given) -> bool {
        let name = &given.type_name;
        match self.dialect {
            Dialect::Sqlite => {
                name.eq_ignore_ascii_case("BOOL") || name.eq_ignore_ascii_case("BOOLEAN")
            }
            Dialect::Postgres => name == "bool",
        }
    }
}

/// Whether a field is absent, which alone equals `()`.
fn absence(comparison: Comparison, given: &Given, wanted: bool) -> Sql {
    let asked = |null: &str| Sql::text(format!("{} IS {null}", given.sql));
    match (comparison, wanted) {
        (Comparison::Equal, true) | (Comparison::Unequal, false) => asked("NULL"),
        (Comparison::Equal, false) | (Comparison::Unequal, true) => asked("NOT NULL"),
        (_, true) => Sql::Never,
        (_, false) => Sql::Always,
    }
}

/// How two whole numbers or two texts compare; none of other values.
fn constants(comparison: Comparison, a: &Value, b: &Value) -> Option<bool> {
    let order = match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => return None,
    };
    Some(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    })
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) if !text.contains('\0') => Some(compose::text_literal(text)),
        _ => None,
    }
}
