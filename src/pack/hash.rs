//! One hash of everything in a pack, so that two runs can say whether they had the same one.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::document::unreadable;
use crate::domain::Problem;

/// The hash of every file of a folder, by its path in it; hidden files don't count.
pub(super) fn of_folder(folder: &Path, problems: &mut Vec<Problem>) -> String {
    let mut files = Vec::new();
    collect(folder, &mut files, problems);
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(folder).unwrap_or(&file).to_string_lossy().replace('\\', "/");
        match std::fs::read(&file) {
            Ok(bytes) => {
                for part in [name.as_bytes(), &bytes] {
                    hash.update((part.len() as u64).to_be_bytes());
                    hash.update(part);
                }
            }
            Err(error) => problems.push(unreadable(&file, &error)),
        }
    }
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
