//! Every command as its users call it: what it prints where, and how it ends.

mod exits;
mod first_pack;
mod looking;
mod steering;
mod suppressing;
mod unwritable;

use std::path::Path;

use crate::support::program::run;

/// The instant of the demo.
const INSTANT: &str = "1998-05-07T09:00:00Z";

/// The demo's folder before anything was run in it.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lookout::demo::unpack(folder.path()).unwrap();
    folder
}

/// The results of a command on the demo, at its instant.
fn told(folder: &Path, line: &str) -> String {
    run(folder, &format!("{line} --as-of {INSTANT}")).fine()
}
