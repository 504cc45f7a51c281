//! A made-up company on a real database, and what the product says about it in every way it has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use lookout::domain::{About, Batch, Column, Field, RuleId, SignalName};
use lookout::predicate::{Expr, Moment};
use lookout::rules::{Engine, Joint, Judged, RowError, Rule, Weighed, Weight};
use lookout::signals::{self, Conditions, Examined, Signals, Source, View, Wanted};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::company::{Database, TYPES, Table, create, write_signals};
use super::moment::When;
use crate::support::postgres;

/// Where companies are set up, one after another.
pub struct Ground {
    runtime: Runtime,
    folder: TempDir,
    postgres: Option<String>,
    built: u64,
}

/// A company that stands.
pub struct Site {
    signals: Signals,
    examined: Examined,
    view: View,
    /// What rules can be about.
    customers: Whole,
    items: Whole,
}

/// Every row of customers, or of a keyed signal.
struct Whole {
    rows: Batch,
    /// How many more there are, of customers that nobody knows.
    orphans: u64,
}

/// What became of a subject for which a rule is not just false.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    Match,
    Error(RowError),
}

type Fates = BTreeMap<String, Fate>;

/// What rules were judged on, and what came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Rows for which no rule that was asked about them had a use.
    pub idle: usize,
    /// Those of them that a narrowed pull left out.
    pub left_out: usize,
    /// Rules that lower whole, and in part.
    pub lowered: usize,
    pub partly: usize,
    /// Rules that match some rows and not all of them.
    pub telling: usize,
    /// Rules that raise on some rows and not on all of them.
    pub raising: usize,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, more: Self) {
        self.idle += more.idle;
        self.left_out += more.left_out;
        self.lowered += more.lowered;
        self.partly += more.partly;
        self.telling += more.telling;
        self.raising += more.raising;
    }
}

impl Ground {
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, folder: tempfile::tempdir().unwrap(), postgres: None, built: 0 }
    }

    /// Sets a company up and reads all of it. The error says what the product does not take.
    pub fn build(
        &mut self,
        database: Database,
        tables: &[Table],
        when: &When,
    ) -> Result<Site, String> {
        self.built += 1;
        let folder = self.folder.path().join(self.built.to_string());
        write_signals(tables, &folder.join("signals"));
        let mut problems = Vec::new();
        let signals = signals::load(&folder.join("signals"), &mut problems);
        let signals = signals.ok_or_else(|| format!("{problems:#?}"))?;
        let sql = create(tables);
        let url = self.fill(database, &folder, &sql)?;
        self.runtime.block_on(read(&url, signals, when))
    }

    fn fill(&mut self, database: Database, folder: &Path, sql: &str) -> Result<String, String> {
        match database {
            Database::Sqlite => {
                let file = folder.join("company.db");
                let connection = rusqlite::Connection::open(&file).unwrap();
                let all = format!(
                    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN; {sql} COMMIT"
                );
                connection.execute_batch(&all).map_err(|error| error.to_string())?;
                Ok(format!("sqlite:{}", file.display()))
            }
            Database::Postgres => {
                let url = match &self.postgres {
                    Some(url) => url.clone(),
                    None => self.runtime.block_on(async {
                        let url = postgres::database().await;
                        postgres::execute(&url, TYPES).await;
                        url
                    }),
                };
                self.postgres = Some(url.clone());
                let gone = "DROP TABLE IF EXISTS t_customers, t_facts, t_items;";
                self.runtime.block_on(postgres::execute(&url, &format!("{gone} {sql}")));
                Ok(url)
            }
        }
    }

    /// Judges rules in every way. The error says where two ways differ.
    pub fn compare(
        &self,
        site: &mut Site,
        engine: &Engine,
        rules: &[Rule],
        when: &When,
    ) -> Result<Seen, String> {
        self.runtime.block_on(site.compare(engine, rules, when))
    }
}

async fn read(url: &str, signals: Signals, when: &When) -> Result<Site, String> {
    let said = |error: signals::SourceError| error.to_string();
    let mut view = Source::open(url).await.map_err(said)?.view(when.as_of()).await.map_err(said)?;
    let names: BTreeSet<SignalName> = signals.others.keys().cloned().collect();
    let examined = view.survey(&signals, &names).await.map_err(said)?;
    if !examined.problems.is_empty() {
        return Err(format!("{:#?}", examined.problems));
    }
    let customers = all(&mut view, &signals, &examined, &About::Customers).await?;
    let items = all(&mut view, &signals, &examined, &About::Signal("items".into())).await?;
    Ok(Site { signals, examined, view, customers, items })
}

/// Every row and field that a rule can be about.
async fn all(
    view: &mut View,
    signals: &Signals,
    examined: &Examined,
    about: &About,
) -> Result<Whole, String> {
    let mut fields = BTreeSet::new();
    for (signal, columns) in &examined.columns {
        for column in columns.iter().filter(|column| column.name != "customer_id") {
            let name = column.name.clone();
            match signal.as_str() {
                "customers" => _ = fields.insert(Field::Customer(name)),
                "items" if *about == About::Customers => {}
                "items" => _ = fields.insert(Field::Subject(name)),
                _ => _ = fields.insert(Field::Signal(signal.clone(), name)),
            }
        }
    }
    let (mut batches, orphans) = pull(view, signals, examined, about, &fields, None).await?;
    if batches.len() != 1 {
        return Err(format!("a company that fits into {} batches", batches.len()));
    }
    Ok(Whole { rows: batches.remove(0), orphans })
}

async fn pull(
    view: &mut View,
    signals: &Signals,
    examined: &Examined,
    about: &About,
    fields: &BTreeSet<Field>,
    conditions: Option<Conditions<'_>>,
) -> Result<(Vec<Batch>, u64), String> {
    let mut batches = Vec::new();
    let mut take = |batch: Batch| batches.push(batch);
    let wanted = Wanted { about, fields, customer: None, subjects: None, conditions };
    let pulled = view.pull(signals, examined, &wanted, &mut take).await;
    let pulled = pulled.map_err(|error| format!("the pull failed: {error}"))?;
    Ok((batches, pulled.orphans))
}

fn judged(engine: &Engine, rules: &[Rule], batch: &Batch, when: &When) -> Vec<Judged> {
    engine.panel(rules).judge(batch, when.as_of())
}

impl Site {
    async fn compare(
        &mut self,
        engine: &Engine,
        rules: &[Rule],
        when: &When,
    ) -> Result<Seen, String> {
        let about = rules[0].settings.about.clone();
        let whole = if about == About::Customers { &self.customers } else { &self.items };
        let all = &whole.rows;
        let fields: BTreeSet<Field> = rules.iter().flat_map(|rule| rule.reads.clone()).collect();
        if let Some(field) = fields.iter().find(|field| !all.layout.fields.contains(field)) {
            return Err(format!("the company lacks {field:?}"));
        }
        let by_rhai: Vec<Judged> =
            rules.iter().map(|rule| engine.judge(rule, all, when.as_of())).collect();
        taken_apart(engine, &rules[0], all, &by_rhai[0], when)?;
        for (batch, what) in [(all, "the columns"), (&untyped(all), "columns of plain values")] {
            let by_columns = judged(engine, rules, batch, when);
            for ((rule, expected), found) in rules.iter().zip(&by_rhai).zip(&by_columns) {
                same(what, rule, &fates(all, rule, expected), &fates(all, rule, found))?;
                if expected != found {
                    return Err(format!("rule {}: {what} change the order", rule.settings.id));
                }
            }
        }
        let moment = Moment::new(&Arc::new(when.calendar()), when.as_of());
        let any_of: Vec<&Expr> = rules.iter().map(|rule| &rule.condition).collect();
        let conditions = Some(Conditions { any_of, moment: &moment });
        let (view, signals) = (&mut self.view, &self.signals);
        let (batches, orphans) =
            pull(view, signals, &self.examined, &about, &fields, conditions).await?;
        if orphans != whole.orphans {
            return Err(format!("rule r0: {} orphans, and {orphans} narrowed", whole.orphans));
        }
        let mut found = vec![Fates::new(); rules.len()];
        for batch in &batches {
            let judged = judged(engine, rules, batch, when);
            for ((rule, judged), found) in rules.iter().zip(&judged).zip(&mut found) {
                found.extend(fates(batch, rule, judged));
            }
        }
        let mut in_use = BTreeSet::new();
        for ((rule, judged), found) in rules.iter().zip(&by_rhai).zip(&found) {
            same("the narrowed pull", rule, &fates(all, rule, judged), found)?;
            in_use.extend(found.keys());
        }
        let some = |rows: usize| rows > 0 && rows < all.len();
        Ok(Seen {
            idle: all.len() - in_use.len(),
            left_out: all.len() - batches.iter().map(Batch::len).sum::<usize>(),
            lowered: rules.iter().filter(|rule| rule.condition.stopped().is_empty()).count(),
            partly: rules.iter().filter(|rule| is_partly(&rule.condition)).count(),
            telling: by_rhai.iter().filter(|judged| some(judged.matched.len())).count(),
            raising: by_rhai.iter().filter(|judged| some(judged.errors.len())).count(),
        })
    }
}

/// Whether a condition that is taken apart comes to what Rhai says of it as a whole, on one row.
fn taken_apart(
    engine: &Engine,
    rule: &Rule,
    all: &Batch,
    judged: &Judged,
    when: &When,
) -> Result<(), String> {
    let minute = when.as_of().timestamp().unsigned_abs() as usize / 60;
    // It takes longer than to judge all rows, so not every company.
    if all.is_empty() || !minute.is_multiple_of(4) {
        return Ok(());
    }
    let row = minute % all.len();
    let weighed = engine.weigh(rule, &all.facts(row, &rule.reads), when.as_of());
    let raised = judged.errors.iter().find(|(failed, _)| *failed == row);
    let agrees = match (&weighed.weight, raised) {
        (Weight::Holds(holds), None) => *holds == judged.matched.contains(&row),
        (Weight::Raised(error), Some((_, raised))) => error.message == raised.message,
        // What is not true or false is an error of the whole.
        (Weight::Gave(_) | Weight::Other(_), Some(_)) => true,
        _ => false,
    };
    let mut sums = true;
    weighed.visit(&mut |part| sums &= adds_up(part));
    match agrees && sums {
        true => Ok(()),
        false => Err(format!(
            "rule {}: taken apart, row {row} is {weighed:#?}, and as a whole {raised:?}",
            rule.settings.id
        )),
    }
}

/// Whether a part is what its own parts make it.
fn adds_up(weighed: &Weighed) -> bool {
    let (Some(holds), false) = (weighed.holds(), weighed.parts.is_empty()) else { return true };
    let parts: Vec<Option<bool>> = weighed.parts.iter().map(Weighed::holds).collect();
    match weighed.joint {
        Joint::All => holds == parts.iter().all(|part| *part == Some(true)),
        Joint::Any => holds == parts.contains(&Some(true)),
        Joint::Not => parts == [Some(!holds)],
        Joint::Named => parts == [Some(holds)],
        Joint::If => parts.last() == Some(&Some(holds)),
        Joint::Alone => false,
    }
}

/// Whether some of it lowers and some doesn't.
fn is_partly(condition: &Expr) -> bool {
    !condition.stopped().is_empty() && !matches!(condition, Expr::Opaque(_))
}

/// The same cells as values without a type of their own: what cases are judged on.
fn untyped(batch: &Batch) -> Batch {
    let values = |column: &Arc<Column>| (0..column.len()).map(|row| column.value(row)).collect();
    let columns = batch.columns.iter().map(|column| {
        let values: Vec<_> = values(column);
        Arc::new(Column::of(values))
    });
    Batch { columns: columns.collect(), ..batch.clone() }
}

/// What became of each subject; a cell that nobody can read fails the rules that read it.
fn fates(batch: &Batch, rule: &Rule, judged: &Judged) -> Fates {
    let matched = judged.matched.iter().map(|row| (*row, Fate::Match));
    let errors = judged.errors.iter().map(|(row, error)| (*row, Fate::Error(error.clone())));
    let mut fates: Fates =
        matched.chain(errors).map(|(row, fate)| (batch.subject(row).to_string(), fate)).collect();
    for broken in &batch.broken {
        if rule.reads.contains(&batch.layout.fields[broken.column]) {
            let error = RowError { message: broken.message.clone(), line: None, column: None };
            fates.insert(batch.subject(broken.row).to_string(), Fate::Error(error));
        }
    }
    fates
}

fn same(what: &str, rule: &Rule, expected: &Fates, found: &Fates) -> Result<(), String> {
    let subjects: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    for subject in subjects {
        let (expected, found) = (expected.get(subject), found.get(subject));
        if expected != found {
            let id = &rule.settings.id;
            return Err(format!(
                "rule {id}, subject {subject}: Rhai gives {expected:?}, {what} {found:?}"
            ));
        }
    }
    Ok(())
}

/// Loads a script. The error says what is wrong with it.
pub fn load(engine: &Engine, id: &str, script: &str) -> Result<Rule, String> {
    thread_local! {
        static FOLDER: TempDir = tempfile::tempdir().unwrap();
    }
    FOLDER.with(|folder| {
        std::fs::write(folder.path().join("rule.rhai"), script).unwrap();
        let mut problems = Vec::new();
        let rule = engine.load(folder.path(), RuleId::from(id), &|_, _, _| (), &mut problems);
        rule.filter(|_| problems.is_empty()).ok_or_else(|| format!("{problems:#?}"))
    })
}
