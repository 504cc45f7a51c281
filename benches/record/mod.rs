//! Writing a run down: the product's own way beside a row a statement, on the same tables. It is
//! worth nothing unless both leave the same rows, so that is looked at in every round.

mod books;
mod by_row;
mod run;

use std::time::{Duration, Instant};

use lookout::store::{Run, Store};

use crate::goal::{Bound, Goal};
pub use books::Books;
pub use run::Generated;

/// How many times faster than a row a statement it is promised to be.
const ON_POSTGRES: f64 = 5.0;
const ON_SQLITE: f64 = 2.5;

/// Writes a run of so many decisions and outreaches down `rounds` times in each way, in turns, and
/// gives the ratio of the shortest times; on PostgreSQL where `server` is one's address.
pub async fn measure(
    matches: usize,
    rounds: u32,
    server: Option<&str>,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Vec<Goal>> {
    let generated = Generated::new(matches)?;
    let mut goals = vec![goal(None, &generated, rounds, tell).await?];
    if let Some(server) = server {
        goals.push(goal(Some(server), &generated, rounds, tell).await?);
    }
    Ok(goals)
}

async fn goal(
    server: Option<&str>,
    generated: &Generated,
    rounds: u32,
    tell: &dyn Fn(&str),
) -> anyhow::Result<Goal> {
    let (name, least) = match server {
        Some(_) => ("PostgreSQL", ON_POSTGRES),
        None => ("SQLite", ON_SQLITE),
    };
    let run = generated.run();
    let matches = run.decided.outreaches.len();
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for round in 1..=rounds.max(1) {
        tell(&format!("recording {matches} decisions and outreaches on {name}, round {round}"));
        let (our_books, their_books) = (Books::new(server).await?, Books::new(server).await?);
        let took = in_bulk(&our_books, &run).await?;
        let head = our_books.head().await?;
        let took_by_row = their_books.by_row(&run, &head).await?;
        our_books.prove_equal(&their_books).await?;
        our_books.remove().await?;
        their_books.remove().await?;
        tell(&format!("{took:.2?} in bulk, {took_by_row:.2?} a row a statement"));
        (ours, theirs) = (ours.min(took), theirs.min(took_by_row));
    }
    Ok(Goal {
        what: format!("{matches} decisions and outreaches written down, {name}"),
        rival: "a row a statement, prepared, in one transaction (sqlx 0.9)".to_owned(),
        figures: (format!("{ours:.2?}"), format!("{theirs:.2?}")),
        ratio: theirs.as_secs_f64() / ours.as_secs_f64(),
        bound: Bound::AtLeast(least),
    })
}

async fn in_bulk(books: &Books, run: &Run<'_>) -> anyhow::Result<Duration> {
    let store = Store::open(books.url()).await?;
    let start = Instant::now();
    store.record(run).await?;
    Ok(start.elapsed())
}
