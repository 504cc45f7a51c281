//! `lookout init`: a pack and a configuration to start from.

use include_dir::{Dir, include_dir};
use serde_json::json;

use super::args::{Exit, Init};
use super::output::Output;

/// What a newcomer starts from.
static STARTER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/starter");

pub(super) fn run(args: &Init, output: &mut Output) -> anyhow::Result<Exit> {
    super::new_folder(&args.dir)?;
    STARTER.extract(&args.dir)?;
    let dir = args.dir.display();
    if super::is_json(output) {
        output.json(&json!({ "schema_version": 1, "folder": dir.to_string() }));
        return Ok(Exit::Fine);
    }
    output.text(&format!(
        "{dir} has a pack with one rule, and a configuration.\n\n\
         Next:\n  \
         cd {dir}\n  \
         lookout check            is the pack right?\n  \
         lookout test             do its examples hold?\n\n\
         Then put your database into lookout.toml, make rules/signals/ fit its tables, and see\n\
         who would hear from you:\n  \
         lookout dry-run"
    ));
    Ok(Exit::Fine)
}
