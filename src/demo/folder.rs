//! The demo's folder: the company's data, the pack and the configuration. Nothing outside it is touched.

use std::path::Path;

use include_dir::{Dir, include_dir};

use super::{DemoError, northwind_sqlite};

static RULES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules");
const CONFIGURATION: &str = include_str!("../../demo/lookout.toml");
const LICENCE: &str = include_str!("../../demo/northwind/LICENSE");
const README: &str = include_str!("../../demo/northwind/README.md");

/// Fills an empty folder with everything that the demo needs.
///
/// # Errors
/// When something can't be written.
pub fn unpack(dir: &Path) -> Result<(), DemoError> {
    RULES.extract(dir.join("rules")).map_err(DemoError::Folder)?;
    for (name, text) in [
        ("lookout.toml", CONFIGURATION),
        ("LICENSE-northwind", LICENCE),
        ("README-northwind.md", README),
    ] {
        std::fs::write(dir.join(name), text).map_err(DemoError::Folder)?;
    }
    northwind_sqlite(&dir.join("northwind.db"))
}
