//! `just bench`: a whole dry run of a generated company, beside the same rules written by hand as
//! one SQL statement. With `LOOKOUT_BENCH_POSTGRES` set to a server's address, also there, in a
//! database of its own that is dropped in the end.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod machine;
mod measure;
mod table;

use clap::Parser;
use measure::{Database, Measured};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use table::Line;

/// A dry run beside one hand-made SQL statement, on a generated company.
#[derive(Parser)]
struct Args {
    /// How many customers the generated company has
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    customers: u64,
    /// How often each is measured; the shortest time counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u32,
    /// What cargo adds on its own
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let scratch = tempfile::tempdir()?;
    let file = scratch.path().join("company.db");
    let on_sqlite = measure(&args, &machine::sqlite(), &Database::Sqlite(file)).await?;
    let mut lines = vec![on_sqlite];
    #[allow(clippy::disallowed_methods, reason = "the one thing that it is told by a variable")]
    if let Ok(server) = std::env::var("LOOKOUT_BENCH_POSTGRES") {
        lines.push(on_server(&args, &server).await?);
    }
    println!("{}", table::render(&lines));
    Ok(())
}

async fn measure(args: &Args, name: &str, database: &Database) -> anyhow::Result<Line> {
    let scratch = tempfile::tempdir()?;
    let tell = |what: &str| eprintln!("{name}: {what}");
    let rounds = args.rounds.saturating_sub(1);
    let measured: Measured =
        measure::measure(database, args.customers, rounds, scratch.path(), &tell).await?;
    Ok(Line { database: name.to_owned(), measured })
}

/// Measures in a database of its own, and drops it whatever comes.
async fn on_server(args: &Args, server: &str) -> anyhow::Result<Line> {
    let name = format!("lookout_bench_{}", std::process::id());
    let (base, _) = server.rsplit_once('/').unwrap_or((server, ""));
    administer(server, format!("CREATE DATABASE {name}")).await?;
    let database = Database::Postgres(format!("{base}/{name}"));
    let version = machine::postgres(server).await?;
    let measured = measure(args, &version, &database).await;
    administer(server, format!("DROP DATABASE {name} WITH (FORCE)")).await?;
    measured
}

async fn administer(server: &str, sql: String) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await?;
    Ok(())
}
