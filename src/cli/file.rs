//! The files that commands write: nothing but an earlier one of its kind is written over, and a file is
//! there whole or not at all. What stands in it is not known here.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

/// What a file is, and how one is known that stands there already.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    /// In words: `page of a backtest`.
    pub(super) called: &'static str,
    /// What only such a file has in it.
    pub(super) mark: &'static str,
}

/// Whether it can be written there, asked before the long part.
///
/// # Errors
/// Why not, and what helps.
pub(super) fn can_be_written(file: &Path, kind: Kind) -> anyhow::Result<()> {
    let Kind { called, mark } = kind;
    if is_device(file) {
        return Ok(());
    }
    match fs::read(file) {
        Ok(there) if there.windows(mark.len()).any(|part| part == mark.as_bytes()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Ok(_) => anyhow::bail!(
            "{} is there already and is no {called}, so it is not written over; name another file, or \
             remove this one",
            file.display()
        ),
        Err(error) => return Err(unwritable(file, &error)),
    }
    beside(file).map(drop).map_err(|error| unwritable(file, &error))
}

/// Writes it, where it can be.
///
/// # Errors
/// Why it can't be written; whatever was there is as it was.
pub(super) fn write(file: &Path, kind: Kind, text: &str) -> anyhow::Result<()> {
    can_be_written(file, kind)?;
    if is_device(file) {
        return fs::write(file, text).map_err(|error| unwritable(file, &error));
    }
    let written = beside(file).and_then(|mut made| {
        made.write_all(text.as_bytes())?;
        made.persist(file).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| unwritable(file, &error))
}

/// Writes a new file that nobody else can read; none is written over.
///
/// # Errors
/// Why it can't be written.
pub(super) fn write_for_its_owner(file: &Path, text: &str) -> anyhow::Result<()> {
    let written = NamedTempFile::new_in(folder_of(file)).and_then(|mut made| {
        made.write_all(text.as_bytes())?;
        made.persist_noclobber(file).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| unwritable(file, &error))
}

/// Whether it is a pipe, a terminal or the like: nothing stands in it.
fn is_device(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// A new file in the same folder, as anybody would make one.
fn beside(file: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(file))
}

fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

fn unwritable(file: &Path, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "{} can't be written: its folder does not exist; make it, or name another",
            file.display()
        ),
        ErrorKind::AlreadyExists => anyhow::anyhow!(
            "{} is there already, and nothing is written over it; name another file, or remove this one",
            file.display()
        ),
        ErrorKind::IsADirectory => anyhow::anyhow!(
            "{} can't be written: it is a folder; name a file in it",
            file.display()
        ),
        _ => anyhow::anyhow!("{} can't be written: {error}", file.display()),
    }
}
