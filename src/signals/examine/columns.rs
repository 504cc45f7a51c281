//! What is wrong with a signal's columns, as far as their names and types show it. No row is read.

use std::collections::BTreeSet;

use crate::domain::{Place, Problem, Value, nearest, parse_instant};
use crate::signals::lexer::Dialect;
use crate::signals::source::RawColumn;
use crate::signals::{ColumnKind, Signal, compose, names};

/// A signal and its columns as the database describes them.
pub(super) struct Described<'a> {
    pub(super) signal: &'a Signal,
    pub(super) raw: &'a [RawColumn],
    pub(super) dialect: Dialect,
}

/// What the customers' ids are, so that other signals' ids can be held against them.
pub(super) struct Ids {
    /// In the database's own words, for people.
    pub(super) type_name: String,
    pub(super) family: &'static str,
}

impl Described<'_> {
    fn problem(&self, code: &'static str, message: impl Into<String>) -> Problem {
        Problem::error(Place::file(&self.signal.written(self.dialect).file), code, message)
    }

    fn column(&self, name: &str) -> Option<&RawColumn> {
        self.raw.iter().find(|column| column.name == name)
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let mut seen = BTreeSet::new();
        for column in self.raw {
            let name = &column.name;
            if !seen.insert(name.to_lowercase()) {
                problems.push(
                    self.problem("column-twice", format!("two columns are called `{name}`"))
                        .help("give one of them another name with AS, or leave it out"),
                );
            }
            if let Some((message, help)) = names::refused(name) {
                problems.push(self.problem("column-name", message).help(help));
            }
            if let Some(cast) = &column.cast {
                let message = format!(
                    "column `{name}` is of type {}, which no rule can read",
                    column.type_name
                );
                problems.push(self.problem("column-type", message).help(cast.replace("{}", name)));
            }
        }
        self.check_names(problems);
        self.check_defaults(problems);
        self.check_happened(problems);
    }

    fn check_names(&self, problems: &mut Vec<Problem>) {
        if self.column("customer_id").is_none() {
            let near = self.raw.iter().find(|c| c.name.eq_ignore_ascii_case("customer_id"));
            let help = match near {
                Some(near) => format!("write {} AS customer_id", compose::quoted(&near.name)),
                None => "say whose facts these are: SELECT … AS customer_id, …".to_owned(),
            };
            let message = "there is no column customer_id, so no one knows whose facts these are";
            problems.push(self.problem("no-customer-id", message).help(help));
        }
        let key = self.signal.key.iter().map(|name| ("key", name));
        let personal = self.signal.personal.iter().map(|name| ("personal", name));
        let defaults = self.signal.defaults.keys().map(|name| ("default", name));
        let happened = self.signal.happened.iter().map(|name| ("happened", name));
        for (header, name) in key.chain(personal).chain(defaults).chain(happened) {
            if self.column(name).is_none() {
                let message =
                    format!("`-- {header}:` names `{name}`, which the query doesn't give");
                problems.push(self.problem("unknown-column", message).help(self.instead(name)));
            }
        }
    }

    fn instead(&self, name: &str) -> String {
        let names = self.raw.iter().map(|column| column.name.as_str());
        match nearest(name, names.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("the query gives {}", names.collect::<Vec<_>>().join(", ")),
        }
    }

    fn check_defaults(&self, problems: &mut Vec<Problem>) {
        for (name, value) in &self.signal.defaults {
            let Some(column) = self.column(name) else { continue };
            if name == "customer_id" || !fits(value, column.kind) {
                let message = format!(
                    "the default of `{name}` is a {}, and the column is of type {}",
                    value.type_name(),
                    column.type_name
                );
                let help = "give the default the column's own type, or leave it out";
                problems.push(self.problem("default-type", message).help(help));
            }
        }
    }

    /// A date may be stored as text; SQLite has no other way.
    fn check_happened(&self, problems: &mut Vec<Problem>) {
        let Some(column) = self.signal.happened.as_ref().and_then(|name| self.column(name)) else {
            return;
        };
        if matches!(column.kind, ColumnKind::Bool | ColumnKind::Int | ColumnKind::Float) {
            let message = format!(
                "`-- happened:` names `{}`, which is of type {} and tells no time",
                column.name, column.type_name
            );
            let help = "name a column with a date or an instant";
            problems.push(self.problem("happened-type", message).help(help));
        }
    }

    /// What kind of thing the ids are. Only texts and whole numbers can be ids.
    pub(super) fn ids(
        &self,
        stored: Option<&(String, String)>,
        problems: &mut Vec<Problem>,
    ) -> Option<Ids> {
        let column = self.column("customer_id")?;
        let mut refuse = |message: String, help: &str| {
            problems.push(self.problem("id-type", message).help(help));
            None
        };
        let type_name = match (stored, self.dialect) {
            (Some((low, high)), _) if low != high => {
                let message = format!("customer_id is {low} in some rows and {high} in others");
                let help = "write CAST(… AS TEXT) AS customer_id, here and in the other signals";
                return refuse(message, help);
            }
            (Some((stored, _)), _) => stored.clone(),
            // Not one row has an id, so there is nothing that could differ.
            (None, Dialect::Sqlite) => return None,
            (None, Dialect::Postgres) => column.type_name.clone(),
        };
        let family = match (self.dialect, type_name.as_str(), column.kind) {
            (Dialect::Sqlite, "text", _) => "text",
            (Dialect::Sqlite, "integer", _) => "whole number",
            (Dialect::Postgres, "uuid", _) => "UUID",
            (Dialect::Postgres, _, ColumnKind::Int) => "whole number",
            (Dialect::Postgres, _, ColumnKind::Text) => "text",
            _ => {
                let message =
                    format!("customer_id is {type_name}; an id is a text or a whole number");
                let help = match self.dialect {
                    Dialect::Sqlite => "write CAST(… AS TEXT) AS customer_id, or AS INTEGER",
                    Dialect::Postgres => "write …::text AS customer_id, or …::bigint",
                };
                return refuse(message, help);
            }
        };
        Some(Ids { type_name, family })
    }

    pub(super) fn ids_are_plain(&self) -> bool {
        let id = self.column("customer_id");
        id.is_some_and(|id| match self.dialect {
            Dialect::Sqlite => id.kind == ColumnKind::Text,
            Dialect::Postgres => {
                ["text", "varchar", "bpchar", "char", "name"].contains(&id.type_name.as_str())
            }
        })
    }

    pub(super) fn other_type(&self, own: &Ids, theirs: &Ids) -> Problem {
        let message = format!(
            "customer_id is {} here and {} in customers.sql, so no row would find its customer",
            own.type_name, theirs.type_name
        );
        let cast = if theirs.family == "whole number" { "BIGINT" } else { "TEXT" };
        let help = format!("write CAST(… AS {cast}) AS customer_id in one of them");
        self.problem("id-type", message).help(help)
    }
}

/// Whether a default can stand in a column of this kind.
fn fits(value: &Value, kind: ColumnKind) -> bool {
    match (value, kind) {
        (_, ColumnKind::Unknown)
        | (Value::Null, _)
        | (Value::Bool(_), ColumnKind::Bool)
        | (Value::Int(_), ColumnKind::Int | ColumnKind::Float)
        | (Value::Float(_), ColumnKind::Float)
        | (Value::Text(_), ColumnKind::Text) => true,
        (Value::Text(text), ColumnKind::Date | ColumnKind::Instant) => {
            parse_instant(text).is_some()
        }
        _ => false,
    }
}
