//! TOML tables with a place for everything, so that each mistake names its line.
//! What a key means is not known here.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Fields, Instant, Place, Problem, Span, Value, parse_instant};
use crate::domain::{format_instant, nearest};

/// A table and where it stands.
pub(super) struct Table<'t> {
    pub(super) entries: &'t DeTable<'t>,
    pub(super) span: Range<usize>,
}

/// A file's tables, and the mistakes found in them.
pub(super) struct Tables<'t> {
    pub(super) file: &'t Path,
    pub(super) text: &'t str,
    pub(super) problems: &'t mut Vec<Problem>,
}

impl Tables<'_> {
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        let shown = self.text.get(span.clone()).and_then(|text| text.lines().next());
        let width = shown.map_or(1, |text| text.chars().count());
        Place::at_offset(self.file, self.text, span.start, width as u32)
    }

    pub(super) fn refuse(
        &mut self,
        span: Range<usize>,
        code: &'static str,
        message: &str,
        help: &str,
    ) {
        let problem = Problem::error(self.place(span), code, message).help(help);
        self.problems.push(problem);
    }

    /// Refuses what stands at a key.
    pub(super) fn refuse_value(&mut self, table: &Table, key: &str, message: &str, help: &str) {
        let span = table.entries.get(key).map_or(table.span.clone(), Spanned::span);
        self.refuse(span, "bad-value", message, help);
    }

    /// Refuses every key that is not among `known`.
    pub(super) fn check_keys(&mut self, table: &Table, known: &[&str], what: &str) {
        for key in table.entries.keys() {
            let name = key.get_ref().as_ref();
            if known.contains(&name) {
                continue;
            }
            let help = match nearest(name, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("{what} has {}", known.join(", ")),
            };
            self.refuse(key.span(), "unknown-key", &format!("{what} has no `{name}`"), &help);
        }
    }

    pub(super) fn table<'t>(&mut self, table: &Table<'t>, key: &str) -> Option<Table<'t>> {
        let value = table.entries.get(key)?;
        let Some(entries) = value.get_ref().as_table() else {
            self.refuse_value(
                table,
                key,
                &format!("`{key}` is a table"),
                &format!("write `{key} = {{ … }}`"),
            );
            return None;
        };
        Some(Table { entries, span: value.span() })
    }

    /// A list of tables; empty where it is left out.
    pub(super) fn tables<'t>(&mut self, table: &Table<'t>, key: &str) -> Vec<Table<'t>> {
        let Some(value) = table.entries.get(key) else { return Vec::new() };
        let items = value.get_ref().as_array().map(|items| items.iter());
        let tables: Option<Vec<_>> = items.and_then(|items| {
            items
                .map(|item| Some(Table { entries: item.get_ref().as_table()?, span: item.span() }))
                .collect()
        });
        tables.unwrap_or_else(|| {
            let help = if key == "case" {
                "write `[[case]]` above each".to_owned()
            } else {
                format!("write `{key} = [{{ … }}]`")
            };
            self.refuse_value(table, key, &format!("`{key}` is a list of tables"), &help);
            Vec::new()
        })
    }

    pub(super) fn text(&mut self, table: &Table, key: &str) -> Option<String> {
        let value = table.entries.get(key)?;
        match value.get_ref().as_str().filter(|text| !text.trim().is_empty()) {
            Some(text) => Some(text.to_owned()),
            None => {
                self.refuse_value(
                    table,
                    key,
                    &format!("`{key}` is a text"),
                    &format!("write `{key} = \"…\"`"),
                );
                None
            }
        }
    }

    pub(super) fn flag(&mut self, table: &Table, key: &str) -> Option<bool> {
        let flag = table.entries.get(key)?.get_ref().as_bool();
        if flag.is_none() {
            self.refuse_value(
                table,
                key,
                &format!("`{key}` is true or false"),
                &format!("write `{key} = true`"),
            );
        }
        flag
    }

    pub(super) fn span(&mut self, table: &Table, key: &str) -> Option<Span> {
        let text = self.text(table, key)?;
        match text.parse() {
            Ok(span) => Some(span),
            Err(error) => {
                let error: crate::domain::SpanError = error;
                self.refuse_value(table, key, &error.to_string(), "");
                None
            }
        }
    }

    pub(super) fn instant(&mut self, table: &Table, key: &str) -> Option<Instant> {
        let instant = match table.entries.get(key)?.get_ref() {
            DeValue::String(text) => parse_instant(text),
            DeValue::Datetime(at) => parse_instant(&at.to_string()),
            _ => None,
        };
        if instant.is_none() {
            self.refuse_value(
                table,
                key,
                &format!("`{key}` is an instant"),
                &format!("write `{key} = \"1998-05-07T09:00:00Z\"`"),
            );
        }
        instant
    }

    /// A table's cells. Tables inside it go to `signals`, where there can be any.
    pub(super) fn fields(
        &mut self,
        table: &Table,
        mut signals: Option<&mut BTreeMap<String, Fields>>,
    ) -> Fields {
        let mut fields = Fields::new();
        for (key, value) in table.entries {
            let name = key.get_ref().to_string();
            if let (DeValue::Table(entries), Some(signals)) = (value.get_ref(), signals.as_mut()) {
                let row = self.fields(&Table { entries, span: value.span() }, None);
                signals.entry(name).or_default().extend(row);
            } else if let Some(value) = self.cell(&name, value) {
                fields.insert(name, value);
            }
        }
        fields
    }

    /// A value as a signal's cell holds it.
    pub(super) fn cell(&mut self, name: &str, value: &Spanned<DeValue>) -> Option<Value> {
        let cell = match value.get_ref() {
            DeValue::String(text) => Some(Value::Text(text.to_string())),
            DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Int)
            }
            DeValue::Float(number) => number.as_str().parse().ok().map(Value::Float),
            DeValue::Datetime(at) if at.date.is_some() && at.time.is_none() => {
                Some(Value::Text(at.to_string()))
            }
            DeValue::Datetime(at) => {
                parse_instant(&at.to_string()).map(|at| Value::Text(format_instant(&at)))
            }
            DeValue::Array(_) | DeValue::Table(_) => None,
        };
        if cell.is_none() {
            let message = format!("`{name}` is nothing that a column holds");
            self.refuse(
                value.span(),
                "bad-value",
                &message,
                "a column holds a text, a number, true, false, a date or an instant",
            );
        }
        cell
    }
}
