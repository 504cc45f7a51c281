//! The folder that reports arrive in: a Maildir, or any folder of files with a message each. What
//! was read is moved aside, so that it is read once; nothing is ever deleted.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest message that is read; a report is rarely longer than what it reports on.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Where messages go that were understood.
const SEEN: &str = "seen";
/// Where messages go that were not, for a person to read.
const NOT_UNDERSTOOD: &str = "not-understood";

/// The messages that wait in a folder, by name: of a Maildir those in `new` and `cur`, else those
/// in the folder itself. Hidden files, and messages still being written, don't count.
///
/// # Errors
/// When the folder can't be read.
pub fn waiting(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let maildir = ["new", "cur"].map(|name| folder.join(name));
    let folders = match maildir.iter().all(|folder| folder.is_dir()) {
        true => maildir.to_vec(),
        false => vec![folder.to_owned()],
    };
    let mut found = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && entry.file_type()?.is_file() {
                found.push(entry.path());
            }
        }
    }
    found.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    Ok(found)
}

/// The bytes of a message; of one that is far too long, only its beginning.
///
/// # Errors
/// When it can't be read.
pub fn bytes(message: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    message.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Moves a message of `folder` to where those are that were understood, or were not. One that
/// somebody else has moved meanwhile is no error.
///
/// # Errors
/// When it can't be moved.
pub fn file_away(folder: &Path, message: &Path, understood: bool) -> io::Result<()> {
    let there = folder.join(if understood { SEEN } else { NOT_UNDERSTOOD });
    fs::create_dir_all(&there)?;
    let Some(name) = message.file_name() else { return Ok(()) };
    match fs::rename(message, free(&there, &name.to_string_lossy())) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}

/// A name that nothing in a folder has: two messages may come under one.
fn free(folder: &Path, name: &str) -> PathBuf {
    let numbered = (2..).map(|number| format!("{number}-{name}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered).map(|name| folder.join(name));
    names.find(|file| !file.exists()).unwrap_or_else(|| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn what_was_read_is_moved_aside_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        for name in ["b.eml", "a.eml", ".hidden"] {
            fs::write(folder.join(name), name).unwrap();
        }
        let found = waiting(folder).unwrap();
        assert_eq!(names(&found), ["a.eml", "b.eml"]);
        file_away(folder, &found[0], true).unwrap();
        file_away(folder, &found[0], true).unwrap();
        file_away(folder, &found[1], false).unwrap();
        assert!(waiting(folder).unwrap().is_empty());
        fs::write(folder.join("a.eml"), "another").unwrap();
        file_away(folder, &folder.join("a.eml"), true).unwrap();
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read("seen/a.eml"), "a.eml");
        assert_eq!(read("seen/2-a.eml"), "another");
        assert_eq!(read("not-understood/b.eml"), "b.eml");
    }

    #[test]
    fn a_maildir_is_read_where_messages_arrive_and_where_they_were_seen() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["new/2.x", "cur/1.x:2,S", "tmp/3.x", "dovecot.index"] {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, name).unwrap();
        }
        assert_eq!(names(&waiting(folder.path()).unwrap()), ["1.x:2,S", "2.x"]);
    }
}
