//! The Common Expression Language by the crate `cel`: programs compiled once, over rows whose values
//! lie ready in its own types and are lent, not copied.

use std::sync::atomic::{AtomicUsize, Ordering};

use cel::common::types::{CelBool, CelDouble, CelInt, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::{Context, VariableResolver};
use cel::parser::Parser;
use cel::{IdedExpr, Value};

use super::customer::{COLUMNS, Cell, Customer};
use super::{Contestant, Matches, plain, spelled};

/// Its programs and its rows.
pub struct Common {
    programs: Vec<IdedExpr>,
    rows: Rows,
}

/// All rows, and which of them is looked at.
struct Rows {
    rows: Vec<[Lent; COLUMNS.len()]>,
    current: AtomicUsize,
}

/// One value in the crate's own types.
enum Lent {
    Null(CelNull),
    Bool(CelBool),
    Int(CelInt),
    Double(CelDouble),
    Text(CelString<'static>),
}

impl Common {
    /// Compiles the rules and lays the rows ready.
    pub fn new(customers: &[Customer]) -> anyhow::Result<Self> {
        let parsed = plain::RULES.map(|rule| {
            let text = spelled::expression(rule, &spelled::CEL);
            Parser::default().parse(&text).map_err(|error| anyhow::anyhow!("cel: {text}: {error}"))
        });
        let programs = parsed.into_iter().collect::<anyhow::Result<_>>()?;
        let rows = customers.iter().map(|customer| customer.cells().map(lent)).collect();
        Ok(Self { programs, rows: Rows { rows, current: AtomicUsize::new(0) } })
    }
}

fn lent(cell: Cell) -> Lent {
    match cell {
        Cell::Absent => Lent::Null(CelNull),
        Cell::Bool(value) => Lent::Bool(value.into()),
        Cell::Int(value) | Cell::Day(value) => Lent::Int(value.into()),
        Cell::Real(value) => Lent::Double(value.into()),
        Cell::Text(value) => Lent::Text(value.into()),
    }
}

impl VariableResolver for Rows {
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let column = COLUMNS.iter().position(|column| column.name == name)?;
        let value: &dyn Val = match &self.rows[self.current.load(Ordering::Relaxed)][column] {
            Lent::Null(value) => value,
            Lent::Bool(value) => value,
            Lent::Int(value) => value,
            Lent::Double(value) => value,
            Lent::Text(value) => value,
        };
        Some(CowVal::Borrowed(value))
    }
}

impl Contestant for Common {
    fn name(&self) -> String {
        format!("cel {}", super::version_of("cel"))
    }

    fn customers(&self) -> usize {
        self.rows.rows.len()
    }

    fn judge(&mut self) -> anyhow::Result<Matches> {
        let mut matches = vec![Vec::new(); self.programs.len()];
        let mut context = Context::default();
        context.set_variable_resolver(&self.rows);
        for row in 0..self.rows.rows.len() {
            self.rows.current.store(row, Ordering::Relaxed);
            for (program, matched) in self.programs.iter().zip(&mut matches) {
                let given = Value::resolve_val(program, &context)?;
                if given.downcast_ref::<CelBool>().is_some_and(|holds| *holds.inner()) {
                    matched.push(row as u32);
                }
            }
        }
        Ok(matches)
    }
}
