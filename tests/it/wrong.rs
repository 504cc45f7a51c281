//! Wrong packs, one mistake each, and the whole of what `lookout check` says of them.
//!
//! `tests/wrong/base` is a pack in order. Every other folder holds only the files that differ from it,
//! the names of those that are not there (`removed`), and what a person reads (`expected.txt`). So a
//! second error that misleads would show. The folders of `tests/right` differ from the base in the same
//! way, look like a mistake and are none. To write down what is said now, and read it in the diff:
//! `LOOKOUT_WRONG=keep scripts/test wrong`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::support::program::{Ran, files, run};

const CHECK: &str = "check --source sqlite:shop.db --as-of 1998-05-07T09:00:00Z";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong")
}

/// The names of the wrong packs, in order.
fn names() -> Vec<String> {
    let entries = fs::read_dir(folder()).unwrap().map(Result::unwrap);
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| name != "base");
    names.sort();
    names
}

/// The base, with what one wrong pack has in its place, and the company's database beside it.
fn laid_out(name: Option<&str>) -> TempDir {
    laid_out_with(name.map(|name| folder().join(name)))
}

fn laid_out_with(own: Option<PathBuf>) -> TempDir {
    let made = tempfile::tempdir().unwrap();
    copy(&folder().join("base"), made.path());
    if let Some(own) = own {
        let removed = fs::read_to_string(own.join("removed")).unwrap_or_default();
        for gone in removed.lines().map(|line| made.path().join(line)) {
            match gone.is_dir() {
                true => fs::remove_dir_all(gone).unwrap(),
                false => fs::remove_file(gone).unwrap(),
            }
        }
        copy(&own, made.path());
    }
    let source = fs::read_to_string(made.path().join("source.sql")).unwrap();
    Connection::open(made.path().join("shop.db")).unwrap().execute_batch(&source).unwrap();
    made
}

fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let file = to.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }
}

fn told(ran: &Ran) -> String {
    format!("{}{}[exit {}]\n", ran.out, ran.err, ran.code)
}

/// Whether what is said now is to be written down.
#[allow(clippy::disallowed_methods, reason = "what to keep is said from outside")]
fn keeps() -> bool {
    std::env::var("LOOKOUT_WRONG").is_ok_and(|wish| wish == "keep")
}

/// The codes of what is told, each as often as it is.
fn codes(told: &str) -> BTreeMap<String, usize> {
    let mut codes = BTreeMap::new();
    for line in told.lines() {
        let of = |kind| line.strip_prefix(kind).and_then(|rest| Some(rest.split_once("]: ")?.0));
        if let Some(code) = of("error[").or_else(|| of("finding[")) {
            *codes.entry(code.to_owned()).or_default() += 1;
        }
    }
    codes
}

#[test]
fn the_base_is_right() {
    let base = laid_out(None);
    for line in ["check", CHECK, "test"] {
        let ran = run(base.path(), line);
        assert!(ran.code == 0 && ran.err.is_empty(), "{line}\n{}", told(&ran));
    }
}

#[test]
fn what_looks_like_a_mistake_and_is_none_is_let_through() {
    let right = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/right");
    let packs: Vec<PathBuf> =
        fs::read_dir(right).unwrap().map(|pack| pack.unwrap().path()).collect();
    assert!(packs.len() >= 5, "{packs:?}");
    for pack in packs {
        let laid_out = laid_out_with(Some(pack.clone()));
        for line in ["check", CHECK] {
            let ran = run(laid_out.path(), line);
            assert!(ran.code == 0, "{} {line}\n{}", pack.display(), told(&ran));
        }
    }
}

#[test]
fn each_wrong_pack_is_told_what_is_wrong_and_nothing_else() {
    let names = names();
    assert!(names.len() >= 60, "only {} wrong packs", names.len());
    let mut differing = Vec::new();
    for name in &names {
        let pack = laid_out(Some(name));
        let ran = run(pack.path(), CHECK);
        let said = told(&ran);
        assert!(ran.code == 1, "{name} passes, or can't be checked\n{said}");
        assert!(ran.err.is_empty(), "{name}\n{said}");
        // What is wanted stands in the first line where that is all there is to say.
        let has_cure = ["help: ", " must be ", "; write "].iter().any(|cure| said.contains(cure));
        assert!(has_cure, "{name}: no cure\n{said}");
        assert_eq!(codes(&said).values().sum::<usize>(), 1, "{name}: not one mistake\n{said}");
        let expected = folder().join(name).join("expected.txt");
        if keeps() {
            fs::write(&expected, &said).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != said {
            differing.push(format!("──── {name}\n{said}"));
        }
    }
    assert!(
        differing.is_empty(),
        "what is said differs from expected.txt; to keep it:\n    LOOKOUT_WRONG=keep scripts/test wrong\n\n{}",
        differing.join("\n")
    );
}

/// Without a database less may be known, and what is said is the same mistake.
#[test]
fn without_a_database_nothing_else_is_said() {
    for name in names() {
        let pack = laid_out(Some(&name));
        let against = fs::read_to_string(folder().join(&name).join("expected.txt")).unwrap();
        let (by_itself, against) = (codes(&run(pack.path(), "check").out), codes(&against));
        assert!(
            by_itself.iter().all(|(code, times)| against.get(code) >= Some(times)),
            "{name}: {by_itself:?} by itself, {against:?} with a database"
        );
    }
}
