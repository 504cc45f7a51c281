//! What a condition looks like in both dialects.

use std::sync::Arc;

use super::*;
use crate::domain::parse_instant;
use crate::policy::Calendar;
use crate::predicate::TimeFunction;

fn field(name: &str) -> Expr {
    Expr::Field(Field::Customer(name.to_owned()))
}

fn compare(a: Expr, comparison: Comparison, b: impl Into<Expr>) -> Expr {
    Expr::Compare(comparison, Box::new(a), Box::new(b.into()))
}

impl From<i64> for Expr {
    fn from(value: i64) -> Self {
        Self::Constant(Value::Int(value))
    }
}

impl From<&str> for Expr {
    fn from(value: &str) -> Self {
        Self::Constant(Value::Text(value.to_owned()))
    }
}

/// The filter of some conditions on a table of one column a kind.
fn filter(dialect: Dialect, any_of: &[&Expr]) -> String {
    let columns = [
        ("plan", ColumnKind::Text, "text", "TEXT"),
        ("logins", ColumnKind::Int, "int4", "INTEGER"),
        ("share", ColumnKind::Float, "float8", "REAL"),
        ("vip", ColumnKind::Bool, "bool", "BOOLEAN"),
        ("since", ColumnKind::Date, "date", "DATE"),
    ];
    let mut used: Vec<&Field> = any_of.iter().flat_map(|e| e.fields()).collect();
    used.sort();
    let given = columns.iter().map(|(name, kind, postgres, sqlite)| {
        let type_name = if dialect == Dialect::Sqlite { sqlite } else { postgres };
        let given = Given {
            sql: format!("c.\"{name}\""),
            kind: *kind,
            type_name: (*type_name).to_owned(),
            default: None,
        };
        (Field::Customer((*name).to_owned()), given)
    });
    let fields = given.filter(|(field, _)| used.contains(&field)).collect();
    let calendar = Calendar { timezone: chrono_tz::UTC, working: None };
    let moment =
        Moment::new(&Arc::new(calendar), parse_instant("2024-05-07T09:00:00Z").unwrap_or_default());
    let narrowing = Narrowing { dialect, fields: &fields, moment: &moment };
    narrowing.filter(any_of).unwrap_or_else(|| "everything".to_owned())
}

fn both(any_of: &[&Expr]) -> [String; 2] {
    [filter(Dialect::Postgres, any_of), filter(Dialect::Sqlite, any_of)]
}

fn gone_quiet() -> Expr {
    let days = Expr::Time(TimeFunction::DaysSince, Box::new(field("since")));
    Expr::And(vec![
        compare(field("plan"), Comparison::Equal, "business"),
        compare(days, Comparison::AtLeast, 60),
        compare(field("logins"), Comparison::AtLeast, 50),
    ])
}

#[test]
fn a_usual_condition() {
    assert_eq!(
        both(&[&gone_quiet()]),
        [
            "(((c.\"plan\" COLLATE \"C\" = 'business') AND (c.\"since\" <= '2024-03-08'::date) AND \
             (c.\"logins\" >= 50)) OR (c.\"since\" < '0001-01-01'::date) OR (c.\"since\" >= \
             '10000-01-01'::date) OR (octet_length((c.\"plan\")::text) > 8000))",
            "(((+c.\"plan\" COLLATE BINARY = 'business') AND ((lookout_no_day(c.\"since\")) OR \
             ((+c.\"since\" COLLATE BINARY <= '2024-03-08') AND (+c.\"logins\" >= 49.999999999949)))) \
             OR (+c.\"logins\" >= '') OR (lookout_unreadable(c.\"plan\", c.\"since\")))",
        ]
    );
}
