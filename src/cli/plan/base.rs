//! The version of the pack that a change is compared with: a folder, or the pack's own folder as git
//! has it at a revision.

use std::path::{Path, PathBuf};

use crate::app::AppError;
use crate::domain::{Place, Problem};
use crate::pack::{self, Pack};
use crate::revision::{self, Extracted};
use crate::signals::SourceError;

/// An older version.
pub(super) struct Base {
    /// How it was named: `HEAD`, `../rules`.
    pub(super) name: String,
    pub(super) pack: Pack,
    /// Where it was unpacked, while it is looked at.
    _unpacked: Option<Extracted>,
}

/// Loads it: a folder, if there is one of that name, else a git revision.
///
/// # Errors
/// When there is neither, or it can't be used.
pub(super) fn load(rules: &Path, name: &str) -> anyhow::Result<Base> {
    let (folder, unpacked) = match Path::new(name).is_dir() {
        true => (PathBuf::from(name), None),
        false => {
            let unpacked = revision::folder_at(rules, name)?;
            (unpacked.path().to_owned(), Some(unpacked))
        }
    };
    let loaded = pack::load(&folder);
    let renamed = |problems: Vec<Problem>| match &unpacked {
        Some(_) => rename(problems, &folder, name),
        None => problems,
    };
    let pack = loaded.pack.ok_or_else(|| AppError::Pack(renamed(loaded.problems)))?;
    Ok(Base { name: name.to_owned(), pack, _unpacked: unpacked })
}

impl Base {
    /// A failure to read its data, in which its files are named as git names them.
    pub(super) fn named(&self, error: AppError) -> AppError {
        let named = |problems| match self._unpacked {
            Some(_) => rename(problems, &self.pack.folder, &self.name),
            None => problems,
        };
        match error {
            AppError::Pack(problems) => AppError::Pack(named(problems)),
            AppError::Source(SourceError::Signals(problems)) => {
                AppError::Source(SourceError::Signals(named(problems)))
            }
            other => other,
        }
    }

    /// Whether its signals are other ones.
    pub(super) fn reads_otherwise(&self, pack: &Pack) -> bool {
        let signals = |pack: &Pack| {
            let mut files = pack.files.clone();
            files.retain(|name, _| name.starts_with("signals/"));
            files
        };
        signals(&self.pack) != signals(pack)
    }

    /// How it is told: by name, and by the hash of what was in it.
    pub(super) fn told(&self) -> String {
        told(&self.name, &self.pack)
    }
}

/// `HEAD (pack 5ab0c1d2e3f40516)`
pub(super) fn told(name: &str, pack: &Pack) -> String {
    format!("{name} (pack {})", pack.hash)
}

/// Names the files of an unpacked revision as git does: `HEAD:policy.toml`. What was committed can't be
/// mended, so the cure is another one.
fn rename(problems: Vec<Problem>, folder: &Path, revision: &str) -> Vec<Problem> {
    let unpacked = format!("{}/", folder.display());
    let renamed = |mut problem: Problem| {
        for said in [&mut problem.message, &mut problem.label] {
            *said = said.replace(&unpacked, &format!("{revision}:"));
        }
        problem.help =
            "this version is only compared with: name another revision or a folder with --base"
                .to_owned();
        if let Ok(inside) = problem.place.file.strip_prefix(folder) {
            let file = PathBuf::from(format!("{revision}:{}", inside.display()));
            problem.place = Place { file, ..problem.place };
        }
        problem
    };
    problems.into_iter().map(renamed).collect()
}
