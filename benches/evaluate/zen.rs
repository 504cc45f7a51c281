//! GoRules' expressions: compiled once to its virtual machine's code, over rows that lie ready as the
//! machine's own objects, one for each signal.

use serde_json::{Map, Value, json};
use zen_expression::expression::Standard;
use zen_expression::vm::VM;
use zen_expression::{Expression, Isolate, Scope, Variable};

use super::customer::{COLUMNS, Cell, Customer};
use super::{Contestant, Matches, plain, spelled};

/// Its machine, its code and its rows.
pub struct Zen {
    machine: VM,
    rules: Vec<Expression<Standard>>,
    rows: Vec<Scope>,
}

impl Zen {
    /// Compiles the rules and lays the rows ready.
    pub fn new(customers: &[Customer]) -> anyhow::Result<Self> {
        let mut isolate = Isolate::new();
        let compiled = plain::RULES.map(|rule| {
            let text = spelled::expression(rule, &spelled::ZEN);
            isolate.compile_standard(&text)
        });
        let rules = compiled.into_iter().collect::<Result<_, _>>()?;
        let rows = customers.iter().map(|customer| Scope::new(row(customer))).collect();
        Ok(Self { machine: VM::new(), rules, rows })
    }
}

fn row(customer: &Customer) -> Variable {
    let mut row = Map::new();
    for (column, cell) in COLUMNS.iter().zip(customer.cells()) {
        let object = match column.signal {
            None => Some(&mut row),
            Some(signal) => row.entry(signal).or_insert_with(|| json!({})).as_object_mut(),
        };
        if let Some(object) = object {
            object.insert(column.name.to_owned(), json(cell));
        }
    }
    Variable::from(Value::Object(row))
}

/// A cell as JSON; a day is a number.
pub fn json(cell: Cell) -> Value {
    match cell {
        Cell::Absent => Value::Null,
        Cell::Bool(value) => json!(value),
        Cell::Int(value) | Cell::Day(value) => json!(value),
        Cell::Real(value) => json!(value),
        Cell::Text(value) => json!(value),
    }
}

impl Contestant for Zen {
    fn name(&self) -> String {
        format!("zen-expression {}", super::version_of("zen-expression"))
    }

    fn customers(&self) -> usize {
        self.rows.len()
    }

    fn judge(&mut self) -> anyhow::Result<Matches> {
        let mut matches = vec![Vec::new(); self.rules.len()];
        for (number, row) in self.rows.iter().enumerate() {
            for (rule, matched) in self.rules.iter().zip(&mut matches) {
                let given = rule.evaluate_with_scope(row, &mut self.machine)?;
                if given.as_bool() == Some(true) {
                    matched.push(number as u32);
                }
            }
        }
        Ok(matches)
    }
}
