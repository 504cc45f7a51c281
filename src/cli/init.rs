//! `lookout init`: a pack and a configuration to start from.

use include_dir::{Dir, include_dir};
use serde_json::json;

use super::args::{Exit, Init};
use super::output::Output;
use super::tables;
use crate::demo;

/// What a newcomer starts from.
static STARTER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/starter");
/// How to go on from there, and what else is written about this version.
static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/docs");

pub(super) fn run(args: &Init, output: &mut Output) -> anyhow::Result<Exit> {
    super::new_folder(&args.dir)?;
    STARTER.extract(&args.dir)?;
    let pages = args.dir.join("docs");
    std::fs::create_dir(&pages)?;
    PAGES.extract(&pages)?;
    demo::company_sqlite(&args.dir.join("company.db"))?;
    let dir = args.dir.display();
    if super::is_json(output) {
        output.json(&json!({ "schema_version": 1, "folder": dir.to_string() }));
        return Ok(Exit::Fine);
    }
    let lookout = crate::config::program_from(&args.dir);
    let rows = [
        vec![format!("cd {dir}")],
        vec![format!("{lookout} check"), "is the pack right?".to_owned()],
        vec![format!("{lookout} test"), "do its examples hold?".to_owned()],
        vec![
            format!("{lookout} dry-run --as-of 2026-03-10T10:00:00Z"),
            "who would hear from you?".to_owned(),
        ],
    ];
    let next = tables::aligned(&rows, 2);
    output.text(&format!(
        "{dir} has a pack with one rule, its configuration, and a small made-up company to try them on.\n\n\
         Next:\n{next}\n\
         {dir}/docs/rules.md leads on from there: a rule of your own, and how to change one safely.\n\
         Later, put your own database into lookout.toml and make rules/signals/ fit its tables."
    ));
    Ok(Exit::Fine)
}
