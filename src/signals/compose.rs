//! One statement from several signals: each a CTE, joined to the customers, with the columns that
//! are asked for and no others. No value ever gets in but as a quoted literal.

use std::collections::BTreeMap;

use super::lexer::Dialect;
use super::narrow::{Given, Narrowing};
use super::{Column, ColumnKind, Examined, Signals, SourceError, Wanted};
use crate::domain::{About, CustomerId, Field, SignalName, SubjectId, Value};

/// What a statement is to give.
pub(super) struct Request<'a> {
    pub(super) signals: &'a Signals,
    pub(super) examined: &'a Examined,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) dialect: Dialect,
    /// Whether rows may be left out by the database.
    pub(super) narrows: bool,
    /// The query of each signal in use.
    pub(super) queries: &'a BTreeMap<SignalName, String>,
}

/// One statement, and what its columns are.
pub(super) struct Composed {
    pub(super) sql: String,
    pub(super) fields: Vec<Field>,
    pub(super) kinds: Vec<ColumnKind>,
    /// Whether the database leaves out rows that no rule is about.
    pub(super) narrowed: bool,
    /// Every signal in it.
    pub(super) signals: Vec<SignalName>,
    about: About,
}

/// Puts the statement together.
pub(super) fn statement(request: &Request<'_>) -> Result<Composed, SourceError> {
    let customers = &request.signals.customers.name;
    let subject = subject(request)?;
    let mut fields = vec![Field::Customer("customer_id".to_owned())];
    fields.extend(subject.map(|(_, key)| Field::Subject(key.to_owned())));
    for field in request.wanted.fields {
        if !fields.contains(field) {
            fields.push(field.clone());
        }
    }
    let ctes: Vec<String> = request
        .queries
        .iter()
        .map(|(name, query)| format!("{} AS (\n{query}\n)", cte(name)))
        .collect();
    let columns: Vec<String> =
        fields.iter().map(|field| expression(request, field, subject)).collect();
    let left = match subject {
        None => format!("{} c", cte(customers)),
        Some((name, _)) => format!(
            "{} s LEFT JOIN {} c ON c.\"customer_id\" = s.\"customer_id\"",
            cte(name),
            cte(customers)
        ),
    };
    let joined = request.queries.keys().filter(|name| {
        *name != customers && subject.is_none_or(|(subject, _)| subject != *name)
            || request.wanted.fields.iter().any(|f| matches!(f, Field::Signal(s, _) if s == *name))
    });
    let joins: String = joined
        .map(|name| {
            let alias = alias(name);
            format!(
                "\nLEFT JOIN {} {alias} ON {alias}.\"customer_id\" = c.\"customer_id\"",
                cte(name)
            )
        })
        .collect();
    let (conditions, narrowed) = conditions(request, &fields, subject);
    Ok(Composed {
        sql: format!(
            "WITH {}\nSELECT {}\nFROM {left}{joins}{conditions}",
            ctes.join(",\n"),
            columns.join(", ")
        ),
        kinds: fields
            .iter()
            .map(|field| column(request, field).map_or(ColumnKind::Unknown, |c| c.kind))
            .collect(),
        fields,
        narrowed,
        signals: request.queries.keys().cloned().collect(),
        about: request.wanted.about.clone(),
    })
}

/// The WHERE, and whether it leaves out rows that no rule is about.
fn conditions(
    request: &Request<'_>,
    fields: &[Field],
    subject: Option<(&SignalName, &str)>,
) -> (String, bool) {
    let id =
        fields.first().and_then(|id| column(request, id)).map_or(ColumnKind::Unknown, |c| c.kind);
    let plain = request.examined.plain_ids;
    let mut all: Vec<String> =
        request.wanted.customer.iter().map(|customer| is_customer(customer, id, plain)).collect();
    all.extend(request.wanted.subjects.map(|subjects| is_one_of(subjects, request, fields)));
    let filter = filter(request, fields, subject);
    let narrowed = filter.is_some();
    if narrowed && subject.is_some() {
        all.push("c.\"customer_id\" IS NOT NULL".to_owned());
    }
    all.extend(filter);
    match all.is_empty() {
        true => (String::new(), narrowed),
        false => (format!("\nWHERE {}", all.join("\nAND ")), narrowed),
    }
}

/// The rules' part of the WHERE.
fn filter(
    request: &Request<'_>,
    fields: &[Field],
    subject: Option<(&SignalName, &str)>,
) -> Option<String> {
    let conditions = request.wanted.conditions.as_ref().filter(|_| request.narrows)?;
    let given = fields.iter().filter_map(|field| {
        let column = column(request, field)?;
        let given = Given {
            sql: expression(request, field, subject),
            kind: column.kind,
            type_name: column.type_name.clone(),
            default: default(request, field).cloned(),
        };
        Some((field.clone(), given))
    });
    let fields: BTreeMap<Field, Given> = given.collect();
    let (dialect, moment) = (request.dialect, conditions.moment);
    Narrowing { dialect, fields: &fields, moment }.filter(&conditions.any_of)
}

/// All columns of one signal, for a snapshot or to see whether it runs.
pub(super) fn whole(query: &str, columns: &[Column]) -> String {
    let names: Vec<String> =
        columns.iter().map(|column| format!("q.{}", quoted(&column.name))).collect();
    let names = if names.is_empty() { "*".to_owned() } else { names.join(", ") };
    format!("SELECT {names} FROM (\n{query}\n) AS q")
}

/// A name in double quotes, which both dialects take as it is.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal.
pub(super) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The signal and column that a field comes from.
pub(super) fn origin(
    field: &Field,
    composed: &Composed,
    signals: &Signals,
) -> (SignalName, String) {
    match (field, &composed.about) {
        (Field::Signal(signal, column), _) => (signal.clone(), column.clone()),
        (Field::Subject(column), About::Signal(signal)) => (signal.clone(), column.clone()),
        (Field::Customer(column) | Field::Subject(column), _) => {
            (signals.customers.name.clone(), column.clone())
        }
    }
}

/// The keyed signal that the rows come from, and its key.
fn subject<'a>(request: &Request<'a>) -> Result<Option<(&'a SignalName, &'a str)>, SourceError> {
    let About::Signal(name) = request.wanted.about else { return Ok(None) };
    let key = request.signals.get(name).and_then(|signal| signal.key.as_deref());
    let key = key.ok_or_else(|| {
        SourceError::Usage(format!("signal `{name}` has no key, so no rule can be about its rows"))
    })?;
    Ok(Some((name, key)))
}

/// A name that no table of the company's has.
fn cte(name: &SignalName) -> String {
    quoted(&format!("lookout:{name}"))
}

fn alias(name: &SignalName) -> String {
    quoted(&format!("joined:{name}"))
}

fn expression(
    request: &Request<'_>,
    field: &Field,
    subject: Option<(&SignalName, &str)>,
) -> String {
    match field {
        Field::Customer(column) => format!("c.{}", quoted(column)),
        Field::Subject(column) if subject.is_some() => format!("s.{}", quoted(column)),
        Field::Subject(column) => format!("c.{}", quoted(column)),
        Field::Signal(signal, column) => {
            let alias = alias(signal);
            let plain = format!("{alias}.{}", quoted(column));
            match default(request, field) {
                None => plain,
                Some(value) => format!(
                    "CASE WHEN {alias}.\"customer_id\" IS NULL THEN {} ELSE {plain} END",
                    literal(value)
                ),
            }
        }
    }
}

/// What stands where a signal has no row.
fn default<'a>(request: &Request<'a>, field: &Field) -> Option<&'a Value> {
    let Field::Signal(signal, column) = field else { return None };
    request.signals.get(signal).and_then(|signal| signal.defaults.get(column))
}

fn column<'a>(request: &Request<'a>, field: &Field) -> Option<&'a Column> {
    described(request.examined, request.wanted.about, field)
}

fn described<'a>(examined: &'a Examined, about: &About, field: &Field) -> Option<&'a Column> {
    let customers = SignalName::from("customers");
    let (name, column) = match (field, about) {
        (Field::Signal(signal, column), _) => (signal, column),
        (Field::Subject(column), About::Signal(signal)) => (signal, column),
        (Field::Customer(column) | Field::Subject(column), _) => (&customers, column),
    };
    examined.columns.get(name)?.iter().find(|c| c.name == *column)
}

/// What a field of rules about `about` holds.
pub(super) fn kind(examined: &Examined, about: &About, field: &Field) -> ColumnKind {
    described(examined, about, field).map_or(ColumnKind::Unknown, |column| column.kind)
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(value) => (if *value { "TRUE" } else { "FALSE" }).to_owned(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(text) => text_literal(text),
    }
}

/// The condition for some subjects. The last of the ids tells a row from all others.
fn is_one_of(subjects: &[SubjectId], request: &Request<'_>, fields: &[Field]) -> String {
    let is_keyed = *request.wanted.about != About::Customers;
    let id = if is_keyed { fields.get(1) } else { fields.first() };
    let (Some(id), Ok(subject)) = (id, subject(request)) else { return "1 = 0".to_owned() };
    let sql = expression(request, id, subject);
    let column = column(request, id);
    let is_text = |name: &str| ["text", "varchar"].contains(&name);
    // A text with a NUL can't even be asked for.
    let text = |id: &str| (!id.contains('\0')).then(|| text_literal(id));
    let literals: Vec<String>;
    let sql = match column {
        Some(column) if column.kind == ColumnKind::Int => {
            literals = subjects.iter().filter_map(|id| whole_number(id.as_str())).collect();
            sql
        }
        column => {
            literals = subjects.iter().filter_map(|id| text(id.as_str())).collect();
            let is_text = column.is_some_and(|column| is_text(&column.type_name));
            if is_text { sql } else { format!("CAST({sql} AS TEXT)") }
        }
    };
    match literals.is_empty() {
        true => "1 = 0".to_owned(),
        false => format!("{sql} IN ({})", literals.join(", ")),
    }
}

/// An id that is written as a whole number, as a literal.
fn whole_number(id: &str) -> Option<String> {
    let number = id.parse::<i64>().ok().filter(|number| number.to_string() == id)?;
    Some(number.to_string())
}

/// The condition for one customer, whose id is text whatever the column's type. Where the type
/// allows it, it compares the column itself, so that an index can find the row.
fn is_customer(id: &CustomerId, kind: ColumnKind, plain: bool) -> String {
    let id = id.as_str();
    let number = whole_number(id);
    match (kind, number) {
        // A text with a NUL can't even be asked for.
        _ if id.contains('\0') => "1 = 0".to_owned(),
        (ColumnKind::Int, Some(number)) => format!("c.\"customer_id\" = {number}"),
        (ColumnKind::Int, None) => "1 = 0".to_owned(),
        _ if plain => format!("c.\"customer_id\" = {}", text_literal(id)),
        _ => format!("CAST(c.\"customer_id\" AS TEXT) = {}", text_literal(id)),
    }
}
