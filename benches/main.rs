//! `just bench`: what Lookout promises about speed and memory, measured beside its rivals in one run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "printing is what it is for")]

mod goal;
mod record;
mod send;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let what = std::env::args().nth(1).unwrap_or_default();
    let size: usize = std::env::args().nth(2).map_or(Ok(100_000), |n| n.parse())?;
    let server = std::env::var("LOOKOUT_BENCH_POSTGRES").ok();
    let tell = |line: &str| eprintln!("{line}");
    let goals = match what.as_str() {
        "record" => record::measure(size, 3, server.as_deref(), &tell).await?,
        "send" => send::measure(size, 3, &tell).await?,
        _ => Vec::new(),
    };
    for goal in goals {
        println!(
            "{} | {} | {:?} | {:.2} | {} | met {}",
            goal.what,
            goal.rival,
            goal.figures,
            goal.ratio,
            goal.bound,
            goal.is_met()
        );
    }
    Ok(())
}
