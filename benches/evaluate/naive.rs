//! Rhai by itself as its book shows it first: a map for each row, handed to a function.

use rhai::{AST, Engine, Map, Scope};

use super::customer::{COLUMNS, Customer};
use super::{Contestant, Matches, plain, spelled, tuned};

/// One script with a function for each rule, over maps.
pub struct Naive {
    engine: Engine,
    script: AST,
    names: Vec<String>,
    rows: Vec<Map>,
}

impl Naive {
    /// Lays the maps ready.
    pub fn new(customers: &[Customer]) -> anyhow::Result<Self> {
        let engine = Engine::new();
        let names: Vec<String> =
            (0..plain::RULES.len()).map(|rule| format!("when_{rule}")).collect();
        let rules = plain::RULES.map(|rule| spelled::expression(rule, &spelled::RHAI_MAP));
        let function =
            |(name, rule): (&String, String)| format!("fn {name}(customer) {{ {rule} }}\n");
        let script: String = names.iter().zip(rules).map(function).collect();
        let script = engine.compile(script)?;
        let row = |customer: &Customer| -> Map {
            let names = COLUMNS.iter().map(|column| column.name.into());
            names.zip(customer.cells().map(tuned::dynamic)).collect()
        };
        let rows = customers.iter().map(row).collect();
        Ok(Self { engine, script, names, rows })
    }
}

impl Contestant for Naive {
    fn name(&self) -> String {
        format!("Rhai {}, a map a row", super::version_of("rhai"))
    }

    fn customers(&self) -> usize {
        self.rows.len()
    }

    fn judge(&mut self) -> anyhow::Result<Matches> {
        let mut matches = vec![Vec::new(); self.names.len()];
        for (number, row) in self.rows.iter().enumerate() {
            for (name, matched) in self.names.iter().zip(&mut matches) {
                let given = self.engine.call_fn::<bool>(
                    &mut Scope::new(),
                    &self.script,
                    name,
                    (row.clone(),),
                );
                if given.map_err(|error| anyhow::anyhow!("Rhai: {error}"))? {
                    matched.push(number as u32);
                }
            }
        }
        Ok(matches)
    }
}
