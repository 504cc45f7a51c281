//! The pack in git: as it was at a revision, and which of its files have changed since. Nothing in
//! the repository is ever changed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Why an older version can't be had.
#[derive(Debug, thiserror::Error)]
pub enum RevisionError {
    /// There is no `git` program.
    #[error("git can't be started: {0}; install it, or name a folder in place of a revision")]
    NoGit(std::io::Error),
    /// The folder is in no repository.
    #[error("{} is in no git repository; put it into one, or name a folder in place of a revision", .0.display())]
    NoRepository(PathBuf),
    /// There is no such revision.
    #[error("git knows no revision `{0}`; `git log` lists them, and a branch or a tag will do")]
    NoRevision(String),
    /// The folder was not there yet.
    #[error("{} was not there at `{revision}`", .folder.display())]
    NotThere {
        /// The folder.
        folder: PathBuf,
        /// The revision.
        revision: String,
    },
    /// Something in it is a link or another repository, and git does not keep what that leads to.
    #[error(
        "`{0}` leads elsewhere (it is a link, or a repository of its own), and git does not have what \
             is there; name a folder in place of a revision"
    )]
    Elsewhere(String),
    /// Something else went wrong.
    #[error("git failed: {0}")]
    Failed(String),
}

/// A folder as it was, in a temporary place that is gone with this.
#[derive(Debug)]
pub struct Extracted {
    kept: TempDir,
}

impl Extracted {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.kept.path()
    }
}

/// A folder as it was at a revision: a commit, a branch or a tag.
///
/// # Errors
/// When git, the repository, the revision or the folder at that revision is not there, or something
/// in it that is not hidden leads elsewhere.
pub fn folder_at(folder: &Path, revision: &str) -> Result<Extracted, RevisionError> {
    let commit = commit(folder, revision)?;
    let inside = text(git(folder, ["rev-parse", "--show-prefix"])?)?;
    let inside = inside.trim_end_matches(['\n', '/']);
    let tree = format!("{commit}:{inside}");
    let is_there = git(folder, ["cat-file", "-e", &tree])?;
    if !is_there.status.success() {
        let (folder, revision) = (folder.to_owned(), revision.to_owned());
        return Err(RevisionError::NotThere { folder, revision });
    }
    let kept = TempDir::new().map_err(|error| RevisionError::Failed(error.to_string()))?;
    let listed = text(git(folder, ["ls-tree", "-r", "-z", "--full-tree", &tree])?)?;
    for entry in listed.split('\0').filter(|entry| !entry.is_empty()) {
        let failed = || RevisionError::Failed(format!("its answer can't be read: {entry}"));
        let (about, name) = entry.split_once('\t').ok_or_else(failed)?;
        let object = about.split(' ').nth(2).ok_or_else(failed)?;
        if name.split('/').any(|part| part.starts_with('.')) {
            continue;
        }
        if !about.starts_with("100") {
            let root = if inside.is_empty() { String::new() } else { format!("{inside}/") };
            return Err(RevisionError::Elsewhere(format!("{revision}:{root}{name}")));
        }
        let blob = successful(git(folder, ["cat-file", "blob", object])?)?;
        let file = kept.path().join(name);
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all);
        let written = written.and_then(|()| std::fs::write(&file, blob.stdout));
        written.map_err(|error| RevisionError::Failed(error.to_string()))?;
    }
    Ok(Extracted { kept })
}

/// The files of a folder, by their paths from it, that are not what they were at a revision: changed,
/// deleted, or new, whether git tracks them or not.
///
/// # Errors
/// When git, the repository or the revision is not there.
pub fn changed_since(folder: &Path, revision: &str) -> Result<BTreeSet<PathBuf>, RevisionError> {
    let commit = commit(folder, revision)?;
    let changed = git(
        folder,
        ["diff", "--name-only", "--no-renames", "--relative", "-z", &commit, "--", "."],
    )?;
    let new = git(folder, ["ls-files", "--others", "--exclude-standard", "-z", "--", "."])?;
    let names = [text(changed)?, text(new)?].concat();
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// The commit of a revision.
fn commit(folder: &Path, revision: &str) -> Result<String, RevisionError> {
    successful(git(folder, ["rev-parse", "--git-dir"])?).map_err(|error| match error {
        RevisionError::Failed(said) if said.contains("not a git repository") => {
            RevisionError::NoRepository(folder.to_owned())
        }
        other => other,
    })?;
    let named = format!("{revision}^{{commit}}");
    let found = git(folder, ["rev-parse", "--verify", "--quiet", "--end-of-options", &named])?;
    match found.status.success() {
        true => Ok(text(found)?.trim().to_owned()),
        false => Err(RevisionError::NoRevision(revision.to_owned())),
    }
}

/// What git tells its hooks of the repository that they run for, which need not be the folder's.
const REPOSITORY: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

fn git<'a>(
    folder: &Path,
    arguments: impl IntoIterator<Item = &'a str>,
) -> Result<Output, RevisionError> {
    let arguments = arguments.into_iter().map(OsStr::new);
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(arguments).stdin(Stdio::null());
    // What it says is read, and nothing of the repository is written.
    command.env("LC_ALL", "C").env("GIT_OPTIONAL_LOCKS", "0");
    for name in REPOSITORY {
        command.env_remove(name);
    }
    command.output().map_err(RevisionError::NoGit)
}

fn successful(output: Output) -> Result<Output, RevisionError> {
    match output.status.success() {
        true => Ok(output),
        false => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(RevisionError::Failed(said))
        }
    }
}

fn text(output: Output) -> Result<String, RevisionError> {
    let output = successful(output)?;
    String::from_utf8(output.stdout).map_err(|error| RevisionError::Failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A repository whose folder `rules` was committed once and has changed since.
    fn repository() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("rules");
        fs::create_dir_all(rules.join("stalled order")).unwrap();
        fs::write(rules.join("policy.toml"), "then").unwrap();
        fs::write(rules.join("stalled order/größe.md"), "words\n").unwrap();
        fs::write(rules.join("gone.md"), "gone").unwrap();
        fs::write(folder.path().join("README.md"), "outside").unwrap();
        commit_all(&folder, "first");
        fs::write(rules.join("policy.toml"), "now").unwrap();
        fs::write(rules.join("new.md"), "new").unwrap();
        fs::write(folder.path().join("README.md"), "changed outside").unwrap();
        fs::remove_file(rules.join("gone.md")).unwrap();
        folder
    }

    /// Commits everything in a folder, which becomes a repository where it is none.
    fn commit_all(folder: &TempDir, name: &str) {
        let me = ["-c", "user.name=Ana", "-c", "user.email=ana@example.com"];
        let commit = [&me[..], &["commit", "-qm", name]].concat();
        for arguments in [&["init", "-q"][..], &["add", "-A"], &commit] {
            let output = git(folder.path(), arguments.iter().copied()).unwrap();
            successful(output).unwrap();
        }
    }

    #[test]
    fn a_folder_is_had_as_it_was() {
        let repository = repository();
        let rules = repository.path().join("rules");
        let then = folder_at(&rules, "HEAD").unwrap();
        let read = |name: &str| fs::read_to_string(then.path().join(name)).ok();
        assert_eq!(read("policy.toml").as_deref(), Some("then"));
        assert_eq!(read("stalled order/größe.md").as_deref(), Some("words\n"));
        assert_eq!(read("gone.md").as_deref(), Some("gone"));
        assert_eq!((read("new.md"), read("README.md")), (None, None));
        assert_eq!(fs::read_to_string(rules.join("policy.toml")).unwrap(), "now");
        let place = then.path().to_owned();
        drop(then);
        assert!(!place.exists());
    }

    #[test]
    fn what_has_changed_is_named_from_the_folder() {
        let repository = repository();
        let changed = changed_since(&repository.path().join("rules"), "HEAD").unwrap();
        let names: Vec<_> = changed.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(names, ["gone.md", "new.md", "policy.toml"]);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let repository = repository();
        let error = |folder: &Path, revision: &str| {
            let error = folder_at(folder, revision).unwrap_err().to_string();
            error.replace(&repository.path().display().to_string(), "")
        };
        let rules = repository.path().join("rules");
        assert_eq!(
            error(&rules, "--output=x"),
            "git knows no revision `--output=x`; `git log` lists them, and a branch or a tag will do"
        );
        fs::create_dir(repository.path().join("other")).unwrap();
        let other = repository.path().join("other");
        assert_eq!(error(&other, "HEAD"), "/other was not there at `HEAD`");
        let outside = tempfile::tempdir().unwrap();
        let error = changed_since(outside.path(), "HEAD").unwrap_err();
        assert!(matches!(error, RevisionError::NoRepository(_)), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn what_leads_elsewhere_is_refused() {
        let repository = repository();
        let rules = repository.path().join("rules");
        std::os::unix::fs::symlink("policy.toml", rules.join(".hidden")).unwrap();
        commit_all(&repository, "hidden");
        assert!(folder_at(&rules, "HEAD").is_ok(), "what is hidden is no part of a pack");
        std::os::unix::fs::symlink("../shared", rules.join("linked")).unwrap();
        commit_all(&repository, "linked");
        let error = folder_at(&rules, "HEAD").unwrap_err().to_string();
        assert!(error.starts_with("`HEAD:rules/linked` leads elsewhere"), "{error}");
        assert!(folder_at(&rules, "HEAD~1").is_ok());
    }
}
