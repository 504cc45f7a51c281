//! Rhai by itself, as fast as we could make it: a bare engine, one compiled script a rule, columns as
//! variables that are found by their place, and the interpreter's state kept from row to row.

use anyhow::{Context, ensure};
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicStringPackage, LogicPackage,
    MoreStringPackage, Package,
};
use rhai::{Caches, Dynamic, Engine, GlobalRuntimeState, OptimizationLevel, Scope, Stmt};

use super::customer::{COLUMNS, Cell, Customer};
use super::{Contestant, Matches};

/// Scripts that see a row's columns as variables.
pub struct Tuned {
    engine: Engine,
    rules: Vec<Vec<Stmt>>,
    template: Scope<'static>,
    global: GlobalRuntimeState,
    caches: Caches,
}

impl Tuned {
    /// Compiles the scripts over columns of these names.
    pub fn new(columns: &[&str], scripts: &[String]) -> anyhow::Result<Self> {
        let mut engine = Engine::new_raw();
        ArithmeticPackage::new().register_into_engine(&mut engine);
        LogicPackage::new().register_into_engine(&mut engine);
        BasicStringPackage::new().register_into_engine(&mut engine);
        MoreStringPackage::new().register_into_engine(&mut engine);
        BasicArrayPackage::new().register_into_engine(&mut engine);
        BasicIteratorPackage::new().register_into_engine(&mut engine);
        engine.set_optimization_level(OptimizationLevel::Full);
        let rules = scripts.iter().map(|script| compile(&engine, columns, script));
        let rules = rules.collect::<anyhow::Result<_>>()?;
        let mut template = Scope::new();
        for column in columns {
            template.push_dynamic(*column, Dynamic::UNIT);
        }
        let global = engine.new_global_runtime_state();
        Ok(Self { engine, rules, template, global, caches: Caches::new() })
    }

    /// How many rules.
    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// A row's variables, all of them absent.
    pub fn row(&self) -> Scope<'static> {
        self.template.clone()
    }

    /// Whether a rule is true of a row.
    pub fn holds(&mut self, rule: usize, row: &mut Scope<'static>) -> anyhow::Result<bool> {
        #[allow(deprecated, reason = "not deprecated: Rhai marks what may still change")]
        let given = self.engine.eval_statements_raw(
            &mut self.global,
            &mut self.caches,
            row,
            &self.rules[rule],
        );
        let given = given.map_err(|error| anyhow::anyhow!("Rhai: {error}"))?;
        given.as_bool().map_err(|gave| anyhow::anyhow!("Rhai: a rule gave {gave}"))
    }
}

/// Rhai finds a variable by its place only where the script declares it, so it is declared for the
/// compiler and the declarations are left out of what runs.
fn compile(engine: &Engine, columns: &[&str], script: &str) -> anyhow::Result<Vec<Stmt>> {
    let declared: String = columns.iter().map(|column| format!("let {column} = ();\n")).collect();
    let ast = engine.compile(format!("{declared}{script}")).context("Rhai")?;
    let (declarations, rule) = ast.statements().split_at(columns.len());
    ensure!(declarations.iter().all(|statement| matches!(statement, Stmt::Var(..))), "{script}");
    Ok(rule.to_vec())
}

/// A cell as Rhai holds it; a day is a number.
pub fn dynamic(cell: Cell) -> Dynamic {
    match cell {
        Cell::Absent => Dynamic::UNIT,
        Cell::Bool(value) => value.into(),
        Cell::Int(value) | Cell::Day(value) => value.into(),
        Cell::Real(value) => value.into(),
        Cell::Text(value) => value.into(),
    }
}

/// The names of all columns.
pub fn names() -> [&'static str; COLUMNS.len()] {
    COLUMNS.map(|column| column.name)
}

/// Tuned Rhai over rows that lie ready as scopes.
pub struct OverRows {
    tuned: Tuned,
    rows: Vec<Scope<'static>>,
}

impl OverRows {
    /// Lays the rows ready.
    pub fn new(customers: &[Customer], scripts: &[String]) -> anyhow::Result<Self> {
        let tuned = Tuned::new(&names(), scripts)?;
        let row = |customer: &Customer| {
            let mut row = tuned.row();
            for (column, cell) in COLUMNS.iter().zip(customer.cells()) {
                if let Some(place) = row.get_mut(column.name) {
                    *place = dynamic(cell);
                }
            }
            row
        };
        let rows = customers.iter().map(row).collect();
        Ok(Self { tuned, rows })
    }
}

impl Contestant for OverRows {
    fn name(&self) -> String {
        format!("Rhai {}, tuned", super::version_of("rhai"))
    }

    fn customers(&self) -> usize {
        self.rows.len()
    }

    fn judge(&mut self) -> anyhow::Result<Matches> {
        let mut matches = vec![Vec::new(); self.tuned.rules()];
        for (number, row) in self.rows.iter_mut().enumerate() {
            for (rule, matched) in matches.iter_mut().enumerate() {
                if self.tuned.holds(rule, row)? {
                    matched.push(number as u32);
                }
            }
        }
        Ok(matches)
    }
}
