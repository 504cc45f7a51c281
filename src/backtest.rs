//! A replay: the pack's runs over a stretch of history, with what they would have sent carried
//! forward. Each step is a real run on books in memory, delivered by the real worker to nowhere;
//! nothing is decided here, nothing is kept, and nobody's reaction is made up.

mod figures;
mod limits;
mod look_ahead;
mod measures;
mod outcomes;
mod period;
mod spread;
mod tally;
mod weeks;

use std::sync::Arc;

use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::app::{self, AppError};
use crate::domain::{Instant, Span};
use crate::pack::Pack;
use crate::pipeline::{self, RunError};
use crate::rehearsal::Rehearsal;
use crate::signals::{Signal, Source, SourceError};
use crate::store::{OutboxQuery, OutboxRow, Store, StoreError};

pub use figures::{
    Contacted, Day, Figures, Held, Load, Most, Refused, RuleFigures, SatOut, Volume,
};
pub use look_ahead::refuse_look_ahead;
pub use measures::Measure;
pub use outcomes::{Lead, OutcomeFigures, RuleOutcomes};
pub use period::{Edge, Period, Steps};
pub use spread::Spread;
pub use weeks::Weeks;

use outcomes::Outcomes;
use tally::Tally;

/// What is replayed: all rules of the pack, on the data at an address.
pub struct Replay<'a> {
    /// The pack, with only the rules that are wanted.
    pub pack: &'a Pack,
    /// Whether it has other rules, that are left out.
    pub others: bool,
    /// Where the company's data is.
    pub url: &'a str,
    /// When it runs.
    pub steps: &'a Steps,
    /// How often, in words of the command line.
    pub every: Span,
    /// What happened, to hold the contacts against.
    pub outcome: Option<Wanted<'a>>,
}

/// The outcomes that contacts are held against.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The keyed signal that gives them.
    pub signal: &'a Signal,
    /// Its column that says when.
    pub happened: &'a str,
    /// How long before an outcome a contact counts. Where left out, one about the same row at any
    /// time, one to the same customer for 30 days.
    pub within: Option<Span>,
}

/// What came of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What it has to say.
    pub figures: Figures,
    /// How many statements its books were sent: what it cost, on any machine.
    pub statements: u64,
}

impl Replay<'_> {
    /// Runs, and says what came of it. `progress` is told after each run how many there were.
    ///
    /// Its time and memory grow with the runs and with what they find, not with their square.
    ///
    /// # Errors
    /// When a signal knows the future, or the data or the books in memory can't be read.
    pub async fn run(&self, progress: &dyn Fn(u64)) -> Result<Replayed, AppError> {
        let source = Source::open(self.url).await?;
        if source.snapshot_as_of().is_some() {
            let one =
                "a snapshot holds one instant, and a backtest looks at many; name the database";
            return Err(AppError::NotConfigured(one.to_owned()));
        }
        let problems = refuse_look_ahead(self.pack);
        if !problems.is_empty() {
            return Err(SourceError::Signals(problems).into());
        }
        // Before the long part: what can't be read then should not be learnt after it.
        let outcomes = match self.outcome {
            Some(wanted) => Some(outcomes::read(self, wanted, &source).await?),
            None => None,
        };
        let books = Rehearsal::new(self.pack).await?;
        let mut tally = Tally::default();
        // What a run would log, a replay counts.
        let quiet = Arc::new(NoSubscriber::default());
        self.steps(&source, &books, &mut tally, progress).with_subscriber(quiet).await?;
        let rows = everything(books.store()).await?;
        let figures = self.figures(&source, &tally, &rows, outcomes.as_ref());
        Ok(Replayed { figures, statements: books.store().statements() })
    }

    async fn steps(
        &self,
        source: &Source,
        books: &Rehearsal,
        tally: &mut Tally,
        progress: &dyn Fn(u64),
    ) -> Result<(), AppError> {
        for (number, as_of) in (1..).zip(&self.steps.runs) {
            self.step(source, books, tally, *as_of).await?;
            progress(number);
        }
        books.deliver(self.pack, Some(self.url), self.steps.end).await?;
        Ok(())
    }

    /// One run, as `run` makes it while a worker follows. What is held is approved, and left to the
    /// next run.
    async fn step(
        &self,
        source: &Source,
        books: &Rehearsal,
        tally: &mut Tally,
        as_of: Instant,
    ) -> Result<(), AppError> {
        let (pack, store) = (self.pack, books.store());
        books.deliver(pack, Some(self.url), as_of).await?;
        let due = app::due(pack, Some(store), as_of).await?;
        let found = {
            let mut view = source.view(as_of).await?;
            app::find(pack, &mut view, as_of, &due, None, Some(store), None).await
        };
        let found = match found {
            Err(AppError::NoCustomers(_)) => {
                tally.no_customers();
                return Ok(());
            }
            found => found?,
        };
        let committed = pipeline::commit(pack, &found, store, as_of, as_of).await;
        let considered = committed.map_err(|error: RunError| AppError::from(error))?;
        tally.note(&considered, pack.policy.calendar.local_date(as_of));
        if considered.report.totals.held > 0 {
            for held in store.held().await? {
                store.approve(&held.rule, &held.shown).await?;
            }
        }
        books.deliver(pack, Some(self.url), as_of).await?;
        Ok(())
    }

    fn figures(
        &self,
        source: &Source,
        tally: &Tally,
        rows: &[OutboxRow],
        outcomes: Option<&Outcomes<'_>>,
    ) -> Figures {
        let mut figures = figures::gather(self, tally, rows);
        figures.source = source.describe();
        figures.outcome = outcomes.map(|outcomes| outcomes.hold_against(self, rows));
        figures.limits = limits::of(self, &figures);
        figures
    }
}

/// Everything that was ever in the outbox, the oldest first.
async fn everything(store: &Store) -> Result<Vec<OutboxRow>, StoreError> {
    let all = OutboxQuery { state: None, limit: u32::MAX };
    let mut rows = store.outbox(&all).await?.outreaches;
    rows.sort_by(|a, b| (a.settled_at, &a.outreach.key).cmp(&(b.settled_at, &b.outreach.key)));
    Ok(rows)
}
