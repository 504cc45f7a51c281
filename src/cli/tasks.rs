//! `lookout tasks`: the work that waits for colleagues.

use serde_json::{Value, json};

use super::args::{Exit, Global, Tasks};
use super::dry_run::indent;
use super::listings::{self, TaskLine};
use super::output::{BOLD, Output, RESET};
use super::wording::{Times, plain};
use crate::app;
use crate::clock;
use crate::domain::parse_instant;
use crate::store::{Store, TaskFilter, TaskRow};

pub(super) async fn run(
    global: &Global,
    args: &Tasks,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config(global)?;
    if let Some(id) = args.done {
        let store = app::books(&config).await?;
        let done = store.finish_task(id, clock::wall()).await?;
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
    if let Some(id) = args.take {
        return take(&app::books(&config).await?, id, args.by.as_deref(), output).await;
    }
    let filter = if args.all || args.id.is_some() { TaskFilter::All } else { TaskFilter::Open };
    let mut tasks = match app::old_books(&config).await? {
        Some(store) => store.tasks(filter).await?,
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
    let times = Times { zone: super::zone(&config), as_of };
    let lines: Vec<TaskLine> = tasks.into_iter().map(|task| line(task, &times)).collect();
    output.text(&listings::tasks(&lines, &times, args.all));
    Ok(Exit::Fine)
}

/// What to do, and why, as the colleague reads it.
fn in_full(task: &TaskRow) -> String {
    format!("{BOLD}{}{RESET}\n\n{}\n", plain(&task.title), indent(task.body.trim_end()))
}

/// Takes a task in hand.
async fn take(
    store: &Store,
    id: i64,
    by: Option<&str>,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    if !store.take_task(id, by, clock::wall()).await? {
        let open = store.tasks(TaskFilter::Open).await?;
        match open.into_iter().find(|task| task.id == id) {
            Some(TaskRow { taken_by: Some(name), .. }) => {
                anyhow::bail!("task {id} is taken already, by {}", plain(&name))
            }
            Some(_) => anyhow::bail!("task {id} is taken already"),
            None => anyhow::bail!(
                "there is no open task {id}; `lookout tasks` lists those that are open"
            ),
        }
    }
    match (super::is_json(output), by) {
        (true, _) => output.json(&json!({ "schema_version": 1, "taken": id, "by": by })),
        (false, Some(name)) => output.text(&format!("Task {id} is with {}.", plain(name))),
        (false, None) => output.text(&format!("Task {id} is taken.")),
    }
    Ok(Exit::Fine)
}

/// A task as it is listed.
pub(super) fn line(task: TaskRow, times: &Times) -> TaskLine {
    TaskLine {
        id: task.id,
        assign: task.assign,
        due: task.due_at,
        rule: task.rule.to_string(),
        customer: task.customer_id.to_string(),
        title: task.title,
        done: task.done_at,
        taken: task.taken_at.map(|_| task.taken_by),
        solved: task.solved_at.map(|since| {
            let because = task.solved_because.as_ref();
            because
                .and_then(|read| how(read, times))
                .unwrap_or_else(|| format!("no longer true since {}", times.say(&since)))
        }),
    }
}

/// What the company's data say now that they did not, in words.
fn how(read: &Value, times: &Times) -> Option<String> {
    if read["gone"] == true {
        return Some("it is no longer there".to_owned());
    }
    let told = |value: &Value| match value {
        Value::Null => "empty".to_owned(),
        // A bare date stays one.
        Value::String(text) => match parse_instant(text).filter(|_| text.contains('T')) {
            Some(instant) => times.say(&instant),
            None => text.clone(),
        },
        other => other.to_string(),
    };
    let before = read["was"].as_object()?;
    let changed: Vec<String> = before
        .keys()
        .map(|field| format!("{field} is now {}", told(&read["read"][field])))
        .collect();
    (!changed.is_empty()).then(|| changed.join(", "))
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    #[test]
    fn what_changed_is_said_in_words() {
        let as_of = parse_instant("1998-05-08T09:00:00Z").unwrap();
        let times = Times { zone: Tz::Europe__Berlin, as_of };
        let read = json!({
            "read": { "order.shipped_at": "1998-05-08T08:30:00Z", "order.boxes": 2, "order.by": null },
            "was": { "order.shipped_at": null, "order.by": "Ana" },
        });
        let said = "order.by is now empty, order.shipped_at is now 8 May 10:30";
        assert_eq!(how(&read, &times).as_deref(), Some(said));
        assert_eq!(how(&json!({ "read": {}, "was": {} }), &times), None);
        let gone = how(&json!({ "gone": true }), &times);
        assert_eq!(gone.as_deref(), Some("it is no longer there"));
    }
}
