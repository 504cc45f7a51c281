//! What rules need of a view, as one statement and in batches. Rows that no rule can be about are left
//! to the database; none is ever left out that a rule may be true of or fail on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compose::{self, Composed};
use super::lexer::Dialect;
use super::source::{Failure, Refused, Rows, View};
use super::{ColumnKind, Conditions, Examined, Signals, SourceError};
use crate::domain::{
    About, Batch, Broken, Column, CustomerId, Field, Layout, Place, Problem, SignalName, SubjectId,
};

/// What [`View::pull`] is to read.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// Whose rows: customers, or those of a keyed signal.
    pub about: &'a About,
    /// What is read of each; every field has to be among the columns that were examined.
    pub fields: &'a BTreeSet<Field>,
    /// The only customer whose rows are wanted.
    pub customer: Option<&'a CustomerId>,
    /// The only rows that are wanted, by their customer or, in a keyed signal, by their key.
    pub subjects: Option<&'a [SubjectId]>,
    /// Rows on which none of these may be true, none may raise, and every cell can be read, may be
    /// left out. Without them, every row is wanted.
    pub conditions: Option<Conditions<'a>>,
}

/// What [`View::pull`] read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// Rows handed over.
    pub rows: u64,
    /// Rows of a keyed signal whose customer is not among the customers; they are left out.
    pub orphans: u64,
}

impl View {
    /// Those of `fields` that are better read only of the subjects that match: what no condition
    /// reads makes the rows wider that a server joins. None where reading them early costs nothing.
    /// A date stays early, because it may be one that nobody can read.
    pub fn late(
        &self,
        examined: &Examined,
        about: &About,
        fields: &BTreeSet<Field>,
        conditions: &BTreeSet<&Field>,
    ) -> BTreeSet<Field> {
        let is_late = |field: &&Field| {
            let kind = compose::kind(examined, about, field);
            let may_break = matches!(kind, ColumnKind::Date | ColumnKind::Instant);
            !conditions.contains(*field) && !may_break
        };
        match self.dialect() {
            Dialect::Sqlite => BTreeSet::new(),
            Dialect::Postgres => fields.iter().filter(is_late).cloned().collect(),
        }
    }

    /// Reads what rules need, as one statement, and hands it over in batches.
    ///
    /// A batch has the customer's id, the key of a keyed signal, then the fields in their order. On
    /// an error, the batches so far are part of nothing.
    pub async fn pull(
        &mut self,
        signals: &Signals,
        examined: &Examined,
        wanted: &Wanted<'_>,
        on_batch: &mut (dyn FnMut(Batch) + Send),
    ) -> Result<Pulled, SourceError> {
        let Wanted { about, fields, .. } = wanted;
        let queries = self.queries(signals, about, fields)?;
        let dialect = self.dialect();
        let mut request = compose::Request {
            signals,
            examined,
            wanted,
            dialect,
            narrows: self.narrows(),
            queries: &queries,
        };
        let mut composed = compose::statement(&request)?;
        // A company's query may fail where another order of its conditions shows: then all is read.
        if composed.narrowed && self.check(&composed.sql).await.is_err() {
            request.narrows = false;
            composed = compose::statement(&request)?;
        }
        let layout = Arc::new(Layout { about: (*about).clone(), fields: composed.fields.clone() });
        let ids = if **about == About::Customers { 1 } else { 2 };
        let mut pulled = Pulled::default();
        let mut nameless = None;
        let mut sink = |rows: Rows| {
            let origin =
                |column: usize| compose::origin(&composed.fields[column], &composed, signals);
            let broken_id = rows.broken.iter().find(|refused| refused.column < ids);
            if let Some(refused) = broken_id.filter(|_| nameless.is_none()) {
                nameless = Some((origin(refused.column), refused.said("{}")));
            }
            let (columns, broken, orphans) = leave_out_orphans(rows);
            pulled.orphans += orphans;
            let told = |refused: Refused| Broken {
                row: refused.row,
                column: refused.column,
                message: {
                    let (signal, column) = origin(refused.column);
                    format!("`{column}` of the signal `{signal}` {}", refused.said(&column))
                },
            };
            let broken = broken.into_iter().map(told).collect();
            let columns = columns.into_iter().map(Arc::new).collect();
            let batch = Batch { layout: layout.clone(), columns, broken };
            pulled.rows += batch.len() as u64;
            if !batch.is_empty() {
                on_batch(batch);
            }
        };
        match self.stream(&composed.sql, &composed.kinds, &mut sink).await {
            Ok(()) => {}
            // A company's query may rely on its own conditions being asked first.
            Err(Failure::Sql { .. }) if composed.narrowed && pulled == Pulled::default() => {
                let everything = Wanted { conditions: None, ..wanted.clone() };
                return Box::pin(self.pull(signals, examined, &everything, on_batch)).await;
            }
            Err(failure) => return Err(self.explain(signals, examined, &composed, failure).await),
        }
        if let (true, About::Signal(name), None) = (composed.narrowed, *about, wanted.customer) {
            pulled.orphans = examined.orphans.get(name).copied().unwrap_or(0);
        }
        match nameless {
            None => Ok(pulled),
            // Whose row it is can't be told, so no part of the signal can be relied on.
            Some(((signal, column), said)) => {
                let file =
                    signals.get(&signal).map(|signal| signal.file.clone()).unwrap_or_default();
                let message = format!("the id in `{column}` {}", said.replace("{}", &column));
                let place = Place::file(file);
                Err(SourceError::Signals(vec![Problem::error(place, "refused-value", message)]))
            }
        }
    }

    /// The queries of every signal that the fields need.
    fn queries(
        &self,
        signals: &Signals,
        about: &About,
        fields: &BTreeSet<Field>,
    ) -> Result<BTreeMap<SignalName, String>, SourceError> {
        let named = fields.iter().filter_map(|field| match field {
            Field::Signal(name, _) => Some(name.clone()),
            _ => None,
        });
        let subject = match about {
            About::Customers => None,
            About::Signal(name) => Some(name.clone()),
        };
        let names: BTreeSet<SignalName> =
            named.chain(subject).chain([signals.customers.name.clone()]).collect();
        let query = |name: SignalName| {
            let signal = signals
                .get(&name)
                .ok_or_else(|| SourceError::Usage(format!("there is no signal `{name}`")))?;
            let sql = self.query(signal).map_err(|problem| SourceError::Signals(vec![*problem]))?;
            Ok((name, sql))
        };
        names.into_iter().map(query).collect()
    }

    /// A failure of a composed statement, in words about the signal whose fault it is.
    async fn explain(
        &mut self,
        signals: &Signals,
        examined: &Examined,
        composed: &Composed,
        failure: Failure,
    ) -> SourceError {
        match failure {
            Failure::Gone(_) => self.gone(failure),
            Failure::Sql { message, .. } => {
                self.culprits(signals, examined, composed, &message).await
            }
        }
    }

    /// Runs each signal of a failed statement alone. What fails alone is at fault.
    async fn culprits(
        &mut self,
        signals: &Signals,
        examined: &Examined,
        composed: &Composed,
        message: &str,
    ) -> SourceError {
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for name in &composed.signals {
            let Some(signal) = signals.get(name) else { continue };
            files.push(signal.file.clone());
            let columns = examined.columns.get(name).map(Vec::as_slice).unwrap_or_default();
            let Ok(query) = self.query(signal) else { continue };
            let sql = compose::whole(&query, columns);
            match self.stream(&sql, &[], &mut |_| {}).await {
                Err(Failure::Gone(why)) => return self.gone(Failure::Gone(why)),
                Err(Failure::Sql { message, .. }) => problems.push(
                    Problem::error(Place::file(&signal.file), "sql-error", message).help(
                        "this happens on some of its rows: run the query by hand to see which",
                    ),
                ),
                Ok(()) => {}
            }
        }
        if problems.is_empty() {
            let file = files.into_iter().next().unwrap_or_default();
            problems.push(Problem::error(Place::file(file), "sql-error", message));
        }
        SourceError::Signals(problems)
    }
}

/// Takes out the rows whose customer nobody knows; says how many.
fn leave_out_orphans(rows: Rows) -> (Vec<Column>, Vec<Refused>, u64) {
    let Rows { mut columns, mut broken } = rows;
    let known: Vec<bool> = match columns.first() {
        Some(ids) => (0..ids.len()).map(|row| !ids.is_absent(row)).collect(),
        None => Vec::new(),
    };
    let orphans = known.iter().filter(|known| !**known).count();
    if orphans > 0 {
        columns.iter_mut().for_each(|column| column.retain(&known));
        broken.retain(|refused| known[refused.row]);
        for refused in &mut broken {
            refused.row = known[..refused.row].iter().filter(|known| **known).count();
        }
    }
    (columns, broken, orphans as u64)
}
