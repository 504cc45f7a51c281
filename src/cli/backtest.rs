//! `lookout backtest`: the pack replayed over history. Lookout's own tables are not touched.

mod chart;
mod page;
mod text;

use std::path::Path;

use serde_json::json;

use super::args::{Backtest, Exit, Global};
use super::file::{self, Kind};
use super::output::Output;
use crate::app::{self, AppError};
use crate::backtest::{Figures, Period, Replay, Wanted};
use crate::domain::{Problem, SignalName, nearest};
use crate::pack::Pack;
use crate::signals::{Signal, SourceError};

const PAGE: Kind = Kind { called: "page of a backtest", mark: page::MARK };

pub(super) async fn run(
    global: &Global,
    args: &Backtest,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    anyhow::ensure!(
        global.as_of.is_none(),
        "a backtest looks at many instants; say --from and --to in place of --as-of"
    );
    let config = super::config(global)?;
    let mut pack = app::pack(&config)?;
    app::source(&config).await?;
    let others = leave_out_others(&mut pack, &args.only)?;
    let period = Period { from: args.from, to: args.to, every: args.every, at: args.at };
    let steps = period.steps(&pack.policy.calendar).map_err(anyhow::Error::msg)?;
    let outcome = args.outcome.as_deref().map(|name| wanted(&pack, name, args)).transpose()?;
    let url = config.source.as_deref().unwrap_or_default();
    if let Some(file) = &args.html {
        file::can_be_written(file, PAGE)?;
    }
    let replay = Replay { pack: &pack, others, url, steps: &steps, every: args.every, outcome };
    let progress = output.progress("runs replayed", Some(steps.runs.len() as u64));
    let figures = replay.run(&|runs| progress.reach(runs)).await?.figures;
    drop(progress);
    let written = args.html.as_deref().map(|file| file::write(file, PAGE, &page::page(&figures)));
    let file = args.html.as_deref().filter(|_| matches!(written, Some(Ok(()))));
    // What took so long to find is told, whatever became of the page.
    tell(&figures, file, output);
    written.unwrap_or(Ok(()))?;
    Ok(Exit::Fine)
}

fn tell(figures: &Figures, file: Option<&Path>, output: &mut Output) {
    let file = file.map(|file| file.display().to_string());
    if super::is_json(output) {
        let mut document = json!(figures);
        if let Some(file) = file {
            document["file"] = json!(file);
        }
        return output.json(&document);
    }
    output.text(&text::text(figures));
    if let Some(file) = file {
        output.text(&format!("\nThe page with plots is {file}."));
    }
}

/// Takes the rules out that were not asked for; whether there are any.
fn leave_out_others(pack: &mut Pack, named: &[String]) -> anyhow::Result<bool> {
    if named.is_empty() {
        return Ok(false);
    }
    for name in named {
        super::rule(pack, name)?;
    }
    let all = pack.rules.len();
    pack.rules.retain(|id, _| named.iter().any(|name| name == id.as_str()));
    Ok(pack.rules.len() < all)
}

/// The outcomes that were asked for.
fn wanted<'p>(pack: &'p Pack, name: &str, args: &Backtest) -> anyhow::Result<Wanted<'p>> {
    let Some(signal) = pack.signals.others.get(&SignalName::from(name)) else {
        let names = || pack.signals.others.keys().map(SignalName::as_str);
        match nearest(name, names()) {
            Some(meant) => {
                anyhow::bail!("the pack has no signal `{name}`; did you mean `{meant}`?")
            }
            None => anyhow::bail!(
                "the pack has no signal `{name}`; write {}",
                pack.folder.join("signals").join(format!("{name}.sql")).display()
            ),
        }
    };
    match (&signal.happened, &signal.key) {
        (Some(happened), Some(_)) => Ok(Wanted { signal, happened, within: args.within }),
        _ => Err(AppError::Source(SourceError::Signals(vec![undated(signal)])).into()),
    }
}

fn undated(signal: &Signal) -> Problem {
    let message = "this signal does not say when its rows happened, so they are no outcomes";
    let help = match &signal.key {
        Some(_) => "add a line that names the column: `-- happened: cancelled_at`",
        None => {
            "add lines that name two columns: `-- key: order_id` and `-- happened: cancelled_at`"
        }
    };
    let place = crate::domain::Place::file(&signal.file);
    Problem::error(place, "not-dated", message).help(help)
}
