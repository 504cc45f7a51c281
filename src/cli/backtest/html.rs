//! The file of the page: nothing but an earlier page is written over, and a page is there whole or not
//! at all. What stands on it is not known here.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use tempfile::{Builder, NamedTempFile};

use super::page::MARK;

/// Whether a page can be written there, asked before the long part.
///
/// # Errors
/// Why not, and what helps.
pub(super) fn can_be_written(file: &Path) -> anyhow::Result<()> {
    match fs::read(file) {
        Ok(there) if there.windows(MARK.len()).any(|part| part == MARK.as_bytes()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Ok(_) => anyhow::bail!(
            "{} is there already and is no page of a backtest, so it is not written over; name \
             another file, or remove this one",
            file.display()
        ),
        Err(error) => return Err(unwritable(file, &error)),
    }
    beside(file).map(drop).map_err(|error| unwritable(file, &error))
}

/// Writes the page.
///
/// # Errors
/// Why it can't be written; whatever was there is as it was.
pub(super) fn write(file: &Path, page: &str) -> anyhow::Result<()> {
    let written = beside(file).and_then(|mut made| {
        made.write_all(page.as_bytes())?;
        made.persist(file).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| unwritable(file, &error))
}

/// A new file in the same folder, as anybody would make one.
fn beside(file: &Path) -> std::io::Result<NamedTempFile> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder.unwrap_or(Path::new(".")))
}

fn unwritable(file: &Path, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::NotFound => anyhow::anyhow!(
            "{} can't be written: its folder does not exist; make it, or name another",
            file.display()
        ),
        _ => anyhow::anyhow!("{} can't be written: {error}", file.display()),
    }
}
