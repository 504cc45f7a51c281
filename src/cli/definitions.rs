//! `lookout definitions`: files by which an editor knows the pack's fields, verbs and functions.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::args::{Definitions, Exit, Global};
use super::output::Output;
use super::wording::counted;
use crate::app;
use crate::domain::{About, Field, FieldTypes, SignalName};
use crate::pack::{self, Pack};
use crate::pipeline;
use crate::rules::definitions::{Shape, add, definitions};

pub(super) async fn run(
    global: &Global,
    args: &Definitions,
    output: &mut Output,
) -> anyhow::Result<Exit> {
    let config = super::config_seeing(global, &args.seen)?;
    let pack = app::pack(&config)?;
    refuse_inside(&args.dir, &config.rules)?;
    let (types, seen) = match &config.source {
        Some(_) => {
            let source = app::source(&config).await?;
            let as_of = app::as_of(global.as_of, Some(&source));
            let mut view = source.view(as_of).await?;
            let examined = pipeline::examine(&pack, &mut view).await?;
            (examined.types, Some(source.describe()))
        }
        None => (pack::types::of_cases(&pack), None),
    };
    let (spine, one_row, keyed) = shapes(&pack, &types);
    let written = write(&args.dir, definitions(&spine, &one_row, &keyed))?;
    let signals = [&[spine], one_row.as_slice(), keyed.as_slice()].concat();
    let columns: usize = signals.iter().map(|shape| shape.columns.len()).sum();
    if super::is_json(output) {
        output.json(&json!({
            "schema_version": 1,
            "files": written,
            "signals": signals.len(),
            "columns": columns,
            "types_from": if seen.is_some() { "source" } else { "cases" },
        }));
        return Ok(Exit::Fine);
    }
    output.text(&told(&args.dir, &signals, columns, seen.as_deref()));
    Ok(Exit::Fine)
}

/// Every folder in a pack is a rule, so the files have to be elsewhere.
fn refuse_inside(dir: &Path, rules: &Path) -> anyhow::Result<()> {
    let whole = |path: &Path| {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let real =
            |there: &Path| Some(there.canonicalize().ok()?.join(path.strip_prefix(there).ok()?));
        path.ancestors().find_map(real).unwrap_or(path)
    };
    anyhow::ensure!(
        !whole(dir).starts_with(whole(rules)),
        "{} is inside the pack, where every folder is a rule; name a folder beside it, such as editor",
        dir.display()
    );
    Ok(())
}

fn write(dir: &Path, files: [(&str, String); 2]) -> anyhow::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir).with_context(|| format!("{} can't be made", dir.display()))?;
    let write = |(name, text): (&str, String)| {
        let file = dir.join(name);
        std::fs::write(&file, text)
            .with_context(|| format!("{} can't be written", file.display()))?;
        Ok(file)
    };
    files.into_iter().map(write).collect()
}

/// The spine, the signals with one row a customer, and those with many: with every column that is known,
/// and every one that a rule reads.
fn shapes(pack: &Pack, types: &FieldTypes) -> (Shape, Vec<Shape>, Vec<Shape>) {
    let customers = &pack.signals.customers;
    let mut spine = shape(&customers.name, types);
    spine.called.push("customer".to_owned());
    let (mut keyed, mut one_row): (Vec<_>, Vec<_>) =
        pack.signals.others.values().partition(|signal| signal.key.is_some());
    let made = |signals: &mut Vec<&crate::signals::Signal>| -> Vec<Shape> {
        signals.iter().map(|signal| shape(&signal.name, types)).collect()
    };
    let (mut keyed, mut one_row) = (made(&mut keyed), made(&mut one_row));
    for rule in pack.rules.values() {
        let about = match &rule.rule.settings.about {
            About::Signal(name) => keyed.iter().position(|shape| shape.signal == name.as_str()),
            About::Customers => None,
        };
        for field in rule.places.keys() {
            match (field, about) {
                (Field::Customer(_), _) => add(&mut spine, field),
                (Field::Subject(_), Some(at)) => add(&mut keyed[at], field),
                (Field::Signal(name, _), _) => {
                    let read = one_row.iter_mut().find(|shape| shape.signal == name.as_str());
                    read.into_iter().for_each(|shape| add(shape, field));
                }
                (Field::Subject(_), None) => {}
            }
        }
        if let (Some(at), Some(name)) = (about, &rule.rule.subject_name)
            && !keyed[at].called.contains(name)
        {
            keyed[at].called.push(name.clone());
        }
    }
    (spine, one_row, keyed)
}

fn shape(signal: &SignalName, types: &FieldTypes) -> Shape {
    let columns = types.0.get(signal).into_iter().flatten();
    Shape {
        signal: signal.to_string(),
        called: Vec::new(),
        columns: columns.map(|(name, held)| (name.clone(), Some(held.clone()))).collect(),
    }
}

fn told(dir: &Path, signals: &[Shape], columns: usize, seen: Option<&str>) -> String {
    let from = match seen {
        Some(source) => format!("with their types as {source} has them"),
        None => "as far as rules and cases name them; name a --source for all of them".to_owned(),
    };
    format!(
        "Files for the editor are in {}: {} of {}, {from}.\n\n\
         Open the folder above it in an editor with the Rhai language server. It offers the verbs and\n\
         functions with what they do; for the columns, keep lookout.d.rhai open beside the rule.",
        dir.display(),
        counted(columns as u64, "column"),
        counted(signals.len() as u64, "signal"),
    )
}
