//! Lookout itself, on batches of columns as its signals hand them over. Nothing else here knows how
//! Lookout judges.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use lookout::domain::{
    About, Batch, Column, Field, Instant, Layout, RuleId, day_of_text, parse_instant,
};
use lookout::pack::Pack;
use lookout::rules::Rule;

use super::customer::{self, COLUMNS, Cell, Customer};
use super::{Contestant, Matches};
use crate::dry_run::measure::pack::{self, Script};
use crate::dry_run::measure::rules::AS_OF;

/// Rows a batch, as many as Lookout reads at once.
const BATCH: usize = 4096;

/// A pack's rules over columns.
pub struct Ours {
    pack: Pack,
    rules: Vec<RuleId>,
    batches: Vec<Batch>,
    customers: usize,
    as_of: Instant,
}

impl Ours {
    /// Loads the rules from `folder`, which is empty, and lays the columns ready.
    pub fn new(customers: &[Customer], rules: &[Script], folder: &Path) -> anyhow::Result<Self> {
        let mut fields = vec![Field::Customer("customer_id".to_owned())];
        fields.extend(COLUMNS.iter().map(|column| match column.signal {
            None => Field::Customer(column.name.to_owned()),
            Some(signal) => Field::Signal(signal.into(), column.name.to_owned()),
        }));
        let layout = Arc::new(Layout { about: About::Customers, fields });
        let batches = customers.chunks(BATCH).map(|rows| batch(&layout, rows)).collect();
        Ok(Self {
            pack: pack::make(folder, rules, &[])?,
            rules: rules.iter().map(|rule| RuleId::from(rule.id.as_str())).collect(),
            batches,
            customers: customers.len(),
            as_of: parse_instant(AS_OF).context("the run's instant")?,
        })
    }

    fn rule(&self, id: &RuleId) -> anyhow::Result<&Rule> {
        Ok(&self.pack.rules.get(id).context("a rule is missing")?.rule)
    }
}

fn batch(layout: &Arc<Layout>, rows: &[Customer]) -> Batch {
    let mut columns = vec![Column::default(); layout.fields.len()];
    for (number, row) in rows.iter().enumerate() {
        columns[0].push_int(number as i64);
        for (column, cell) in columns[1..].iter_mut().zip(row.cells()) {
            push(column, cell);
        }
    }
    let columns = columns.into_iter().map(Arc::new).collect();
    Batch { layout: layout.clone(), columns, broken: Vec::new() }
}

fn push(column: &mut Column, cell: Cell) {
    match cell {
        Cell::Absent => column.push_absent(),
        Cell::Bool(value) => column.push_bool(value),
        Cell::Int(value) => column.push_int(value),
        Cell::Real(value) => column.push_float(value),
        Cell::Text(value) => column.push_text(&value),
        Cell::Day(day) => {
            column.push_day(day_of_text(&customer::date(day)).unwrap_or_default());
        }
    }
}

impl Contestant for Ours {
    fn name(&self) -> String {
        "Lookout".to_owned()
    }

    fn customers(&self) -> usize {
        self.customers
    }

    fn judge(&mut self) -> anyhow::Result<Matches> {
        let mut matches = vec![Vec::new(); self.rules.len()];
        let rules =
            self.rules.iter().map(|id| self.rule(id)).collect::<anyhow::Result<Vec<_>>>()?;
        let panel = self.pack.engine.panel(rules);
        for (number, batch) in self.batches.iter().enumerate() {
            let judged = panel.judge(batch, self.as_of);
            for ((id, matched), judged) in self.rules.iter().zip(&mut matches).zip(judged) {
                anyhow::ensure!(judged.errors.is_empty(), "{id}: {}", judged.errors[0].1.message);
                let row = |row: usize| (number * BATCH + row) as u32;
                matched.extend(judged.matched.into_iter().map(row));
            }
        }
        Ok(matches)
    }
}
