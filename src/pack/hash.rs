//! One hash of everything in a pack, so that two runs can say whether they had the same one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::document::unreadable;
use crate::domain::Problem;

/// The folder of a rule in which the messages of its cases are kept, to be compared with.
pub const KEPT: &str = "golden";

/// The hash of a folder, and of each of its files by the path in it, of the same bytes; hidden files
/// don't count.
pub(super) fn of_folder(
    folder: &Path,
    problems: &mut Vec<Problem>,
) -> (String, BTreeMap<String, String>) {
    of_files(folder, problems, |_| true)
}

/// The hash of what a rule does: every file of its folder but the examples, and the messages that are
/// kept of them.
pub(super) fn of_rule(folder: &Path, problems: &mut Vec<Problem>) -> String {
    let kept = folder.join(KEPT);
    of_files(folder, problems, |file| !file.ends_with("cases.toml") && !file.starts_with(&kept)).0
}

/// The hash of a rule's own and of the file that it is read together with.
pub(super) fn with_file(rule: &str, file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    let mut hash = Sha256::new();
    add(&mut hash, rule.as_bytes());
    add(&mut hash, &bytes);
    in_hex(hash)
}

fn of_files(
    folder: &Path,
    problems: &mut Vec<Problem>,
    counts: impl Fn(&Path) -> bool,
) -> (String, BTreeMap<String, String>) {
    let mut by_file = BTreeMap::new();
    let mut files = Vec::new();
    collect(folder, &mut files, problems);
    files.sort();
    let mut hash = Sha256::new();
    for file in files.iter().filter(|file| counts(file)) {
        let name = name_in(folder, file);
        match std::fs::read(file) {
            Ok(bytes) => {
                add(&mut hash, name.as_bytes());
                add(&mut hash, &bytes);
                let mut own = Sha256::new();
                add(&mut own, &bytes);
                by_file.insert(name, in_hex(own));
            }
            Err(error) => problems.push(unreadable(file, &error)),
        }
    }
    (in_hex(hash), by_file)
}

fn name_in(folder: &Path, file: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

/// The length first, so that no two lists of parts read the same.
fn add(hash: &mut Sha256, part: &[u8]) {
    hash.update((part.len() as u64).to_be_bytes());
    hash.update(part);
}

fn in_hex(hash: Sha256) -> String {
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return problems.push(unreadable(folder, &error)),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() { collect(&path, files, problems) } else { files.push(path) }
    }
}
