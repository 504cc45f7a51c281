//! What compares calculations with whole numbers. Only those whose outcome is proven to be exact in
//! SQL are calculated there; a row on which the proof doesn't hold is kept.

use super::number::{Class, Number, with_constant};
use super::sql::Sql;
use super::{Narrowing, turned};
use crate::domain::Value;
use crate::predicate::{Comparison, Expr, Operation};
use crate::signals::ColumnKind;
use crate::signals::lexer::Dialect;

/// A calculation in SQL.
struct Calculation {
    sql: String,
    /// Its outcome is between this and its negative, on rows that meet none of the `odd`.
    bound: i128,
    /// Rows on which an operand is absent, no number, or greater than was counted with.
    odd: Sql,
}

/// PostgreSQL's `bigint` holds every outcome up to this.
const LARGEST: i128 = 1 << 62;
/// SQLite: up to this, numbers with a fraction are apart from whole ones by far more than a half.
const LARGEST_STORED: i128 = 1 << 50;
/// SQLite: an operand that is greater is left to Rhai.
const OPERAND: i64 = 1 << 31;

impl Narrowing<'_> {
    /// A calculation with a number.
    pub(super) fn compare_calculation(
        &self,
        comparison: Comparison,
        e: &Expr,
        value: &Value,
        wanted: bool,
    ) -> Sql {
        let Some(calculation) = self.calculation(e) else { return Sql::Always };
        let class = match self.dialect {
            Dialect::Sqlite => Class::Stored,
            Dialect::Postgres => Class::Whole,
        };
        let number = Number { sql: calculation.sql, class };
        match value {
            Value::Int(_) | Value::Float(_) => with_constant(comparison, &number, value, wanted),
            _ => Sql::Always,
        }
    }

    /// A calculation with another one, or with a field.
    pub(super) fn compare_calculations(
        &self,
        comparison: Comparison,
        a: &Expr,
        b: &Expr,
        wanted: bool,
    ) -> Sql {
        if matches!(a, Expr::Field(_)) {
            return self.compare_calculations(turned(comparison), b, a, wanted);
        }
        let (Some(a), Some(b_sql)) = (self.calculation(a), self.operand(b)) else {
            return Sql::Always;
        };
        let (a, b) = (a.sql, b_sql.sql);
        let half = match self.dialect {
            Dialect::Sqlite => " + 0.5",
            Dialect::Postgres => "",
        };
        let minus = half.replace('+', "-");
        let ordered = match (comparison, wanted) {
            (Comparison::Equal, true) | (Comparison::Unequal, false) => match self.dialect {
                Dialect::Sqlite => format!("{a} BETWEEN {b} - 0.5 AND {b} + 0.5"),
                Dialect::Postgres => format!("{a} = {b}"),
            },
            (Comparison::Equal, false) | (Comparison::Unequal, true) => {
                format!("{a} IS DISTINCT FROM {b}")
            }
            (Comparison::Less, true) => format!("{a} < {b}"),
            (Comparison::AtMost, true) => format!("{a} <= {b}{half}"),
            (Comparison::Greater, true) => format!("{a} > {b}"),
            (Comparison::AtLeast, true) => format!("{a} >= {b}{minus}"),
            (Comparison::Less, false) => format!("{a} >= {b}{minus}"),
            (Comparison::AtMost, false) => format!("{a} > {b}"),
            (Comparison::Greater, false) => format!("{a} <= {b}{half}"),
            (Comparison::AtLeast, false) => format!("{a} < {b}"),
        };
        // A field beside it that is absent, or no number, is unequal and in no order.
        let other = match (comparison, wanted) {
            (Comparison::Unequal, true) => b_sql.odd,
            (Comparison::Unequal, false) | (_, true) => Sql::Never,
            (_, false) => b_sql.odd,
        };
        Sql::any([Sql::text(ordered), other])
    }

    /// Rows on which a calculation may raise, or the proof doesn't hold.
    pub(super) fn calculation_raises(&self, e: &Expr) -> Sql {
        self.calculation(e).map_or(Sql::Always, |calculation| calculation.odd)
    }

    fn calculation(&self, e: &Expr) -> Option<Calculation> {
        let largest = match self.dialect {
            Dialect::Sqlite => LARGEST_STORED,
            Dialect::Postgres => LARGEST,
        };
        let calculation = match e {
            Expr::Negate(a) => {
                let a = self.operand(a)?;
                Calculation { sql: format!("(- {})", a.sql), ..a }
            }
            Expr::Calculate(operation, a, b) => {
                let (a, b) = (self.operand(a)?, self.divisor(*operation, b)?);
                let (sign, bound) = match operation {
                    Operation::Add => ("+", a.bound + b.bound),
                    Operation::Subtract => ("-", a.bound + b.bound),
                    Operation::Multiply => ("*", a.bound.checked_mul(b.bound)?),
                    Operation::Divide => ("/", a.bound),
                    Operation::Remainder => return None,
                };
                let sql = format!("({} {sign} {})", a.sql, b.sql);
                Calculation { sql, bound, odd: Sql::any([a.odd, b.odd]) }
            }
            _ => return None,
        };
        (calculation.bound <= largest).then_some(calculation)
    }

    /// The second operand: a division only by a number that is written down.
    fn divisor(&self, operation: Operation, b: &Expr) -> Option<Calculation> {
        match (operation, b) {
            (Operation::Divide, Expr::Constant(Value::Int(0))) => None,
            (Operation::Divide, Expr::Constant(_)) => self.operand(b),
            (Operation::Divide, _) => None,
            _ => self.operand(b),
        }
    }

    fn operand(&self, e: &Expr) -> Option<Calculation> {
        match e {
            Expr::Constant(Value::Int(value)) if value.abs_diff(0) <= OPERAND as u64 => {
                let sql = match self.dialect {
                    Dialect::Sqlite => format!("({value})"),
                    Dialect::Postgres => format!("({value})::bigint"),
                };
                Some(Calculation { sql, bound: i128::from(*value).abs(), odd: Sql::Never })
            }
            Expr::Field(field) => {
                let given = self.fields.get(field)?;
                let sql = &given.sql;
                match (self.dialect, given.kind, given.type_name.as_str()) {
                    (Dialect::Sqlite, ColumnKind::Int | ColumnKind::Unknown, _) => {
                        let (low, high) = (-OPERAND, OPERAND);
                        let odd = format!("(+{sql} BETWEEN {low} AND {high}) IS NOT TRUE");
                        let bound = i128::from(OPERAND);
                        Some(Calculation { sql: format!("+{sql}"), bound, odd: Sql::text(odd) })
                    }
                    (Dialect::Postgres, _, "int2" | "int4") => {
                        let default = match given.default {
                            Some(Value::Int(default)) => i128::from(default).abs(),
                            _ => 0,
                        };
                        let bound = i128::from(OPERAND).max(default);
                        let odd = Sql::text(format!("{sql} IS NULL"));
                        Some(Calculation { sql: format!("({sql})::bigint"), bound, odd })
                    }
                    _ => None,
                }
            }
            Expr::Calculate(..) | Expr::Negate(_) => self.calculation(e),
            _ => None,
        }
    }
}
