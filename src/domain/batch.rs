//! Rows of a signal on their way to the rules: columns of cells, a few thousand rows at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{About, Column, CustomerId, Facts, Field, SubjectId, Value};

/// Which fields a batch has, in the order of its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What its rows are: customers, or rows of a keyed signal.
    pub about: About,
    /// The fields. The first is the customer's id; for a keyed signal the second is the key.
    pub fields: Vec<Field>,
}

impl Layout {
    /// The column of a field.
    pub fn position(&self, field: &Field) -> Option<usize> {
        self.fields.iter().position(|f| f == field)
    }
}

/// Some rows, by column.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which fields.
    pub layout: Arc<Layout>,
    /// One column a field, all of one length; shared with whoever reads them.
    pub columns: Vec<Arc<Column>>,
    /// Cells that hold what no rule can read; they stand as absent in `columns`.
    pub broken: Vec<Broken>,
}

/// A cell that no rule can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its row in the batch.
    pub row: usize,
    /// Its column in the layout.
    pub column: usize,
    /// What is wrong and what helps, for people.
    pub message: String,
}

impl Batch {
    /// How many rows.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.len())
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One cell.
    pub fn value(&self, row: usize, column: usize) -> Value {
        self.columns[column].value(row)
    }

    /// Whom a row is about.
    pub fn customer(&self, row: usize) -> CustomerId {
        CustomerId::from(self.value(row, 0).to_string())
    }

    /// What a row is about: the customer, or the row's key.
    pub fn subject(&self, row: usize) -> SubjectId {
        let column = match self.layout.about {
            About::Customers => 0,
            About::Signal(_) => 1,
        };
        SubjectId::from(self.value(row, column).to_string())
    }

    /// The facts of a row, as far as they are in `fields`; what the batch lacks is absent.
    pub fn facts(&self, row: usize, fields: &BTreeSet<Field>) -> Facts {
        let mut facts = Facts::default();
        for (column, field) in self.layout.fields.iter().enumerate() {
            if column > 0 && !fields.contains(field) {
                continue;
            }
            let value = self.value(row, column);
            match field {
                Field::Customer(name) => facts.customer.insert(name.clone(), value),
                Field::Subject(name) => facts.subject.insert(name.clone(), value),
                Field::Signal(signal, name) => {
                    let fields = facts.signals.entry(signal.as_str().to_owned()).or_default();
                    fields.insert(name.clone(), value)
                }
            };
        }
        facts
    }

    /// A batch of one row that holds exactly these facts.
    pub fn of_facts(about: About, key: Option<&str>, facts: &Facts) -> Self {
        let mut cells = vec![(
            Field::Customer("customer_id".to_owned()),
            facts.customer.get("customer_id").cloned().unwrap_or(Value::Null),
        )];
        if let Some(key) = key {
            let value = facts.subject.get(key).cloned().unwrap_or(Value::Null);
            cells.push((Field::Subject(key.to_owned()), value));
        }
        let customer = facts.customer.iter().filter(|(name, _)| *name != "customer_id");
        cells.extend(customer.map(|(name, value)| (Field::Customer(name.clone()), value.clone())));
        let subject = facts.subject.iter().filter(|(name, _)| Some(name.as_str()) != key);
        cells.extend(subject.map(|(name, value)| (Field::Subject(name.clone()), value.clone())));
        for (signal, fields) in &facts.signals {
            cells.extend(
                fields.iter().map(|(name, value)| {
                    (Field::Signal(signal.into(), name.clone()), value.clone())
                }),
            );
        }
        let (fields, values): (Vec<_>, Vec<_>) = cells.into_iter().unzip();
        let columns = values.into_iter().map(|value| Arc::new(Column::of([value]))).collect();
        Self { layout: Arc::new(Layout { about, fields }), columns, broken: Vec::new() }
    }
}
