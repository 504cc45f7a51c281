//! `lookout tasks`: the work that waits for colleagues.

use serde_json::json;

use super::args::{Exit, Global, Tasks};
use super::dry_run::indent;
use super::listings::{self, TaskLine};
use super::output::{BOLD, Output, RESET};
use super::wording::{Times, plain};
use crate::app::{self, AppError};
use crate::clock;
use crate::store::{TaskFilter, TaskRow};

pub(super) async fn run(
    global: &Global,
    args: &Tasks,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    if let Some(id) = args.done {
        let store = app::store(&config).await?;
        let done = store.finish_task(id, clock::wall()).await.map_err(AppError::from)?;
        anyhow::ensure!(
            done,
            "there is no open task {id}; `lookout tasks` lists those that are open"
        );
        match super::is_json(output) {
            true => output.json(&json!({ "schema_version": 1, "done": id })),
            false => output.text(&format!("Task {id} is done.")),
        }
        return Ok(Exit::Fine);
    }
    let filter = if args.all || args.id.is_some() { TaskFilter::All } else { TaskFilter::Open };
    let mut tasks = match app::history(&config).await? {
        Some(store) => store.tasks(filter).await.map_err(AppError::from)?,
        None => Vec::new(),
    };
    if let Some(id) = args.id {
        tasks.retain(|task| task.id == id);
        anyhow::ensure!(!tasks.is_empty(), "there is no task {id}; `lookout tasks` lists them");
    }
    if super::is_json(output) {
        output.json(&json!({ "schema_version": 1, "tasks": tasks }));
        return Ok(Exit::Fine);
    }
    let as_of = tasks.iter().map(|task| task.made_at).max().unwrap_or_else(clock::current_minute);
    if args.id.is_some() {
        for task in &tasks {
            output.text(&in_full(task));
        }
    }
    let lines: Vec<TaskLine> = tasks.into_iter().map(line).collect();
    let times = Times { zone: super::zone(&config), as_of };
    output.text(&listings::tasks(&lines, &times, args.all));
    Ok(Exit::Fine)
}

/// What to do, and why, as the colleague reads it.
fn in_full(task: &TaskRow) -> String {
    format!("{BOLD}{}{RESET}\n\n{}\n", plain(&task.title), indent(task.body.trim_end()))
}

/// A task as it is listed.
pub(super) fn line(task: TaskRow) -> TaskLine {
    TaskLine {
        id: task.id,
        assign: task.assign,
        due: task.due_at,
        rule: task.rule.to_string(),
        customer: task.customer_id.to_string(),
        title: task.title,
        done: task.done_at,
    }
}
