//! A change of the pack shown before it goes out, and a plan carried out: the real binary on the
//! demo, and the courier of the flow for what its data can't show.

mod applied;
mod northwind;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::program::{Ran, lookout, ran, run};

/// The instant of the demo.
const AT: &str = "--as-of 1998-05-07T09:00:00Z";

/// The demo's folder before anything was run in it, with a copy of its pack in which an order may
/// wait for ten days.
fn demo() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lookout::demo::unpack(folder.path()).unwrap();
    copy(&folder.path().join("rules"), &folder.path().join("ten"));
    patience(&folder.path().join("ten"), 7, 10);
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let into = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &into) } else { assert!(fs::copy(&path, &into).is_ok()) }
    }
}

/// Changes how long an order may wait in a pack.
fn patience(pack: &Path, from: u32, to: u32) {
    replace(
        &pack.join("stalled-order/rule.rhai"),
        &format!("PATIENCE = {from};"),
        &format!("PATIENCE = {to};"),
    );
}

fn replace(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "{old} is not in {}", file.display());
    fs::write(file, text.replace(old, new)).unwrap();
}

/// Changes the company's data.
fn sql(folder: &Path, sql: &str) {
    rusqlite::Connection::open(folder.join("northwind.db")).unwrap().execute_batch(sql).unwrap();
}

/// A text without the hashes, which say nothing to a reader of the test.
fn without_hashes(text: &str) -> String {
    let is_hash = |word: &str| word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit());
    let mut told = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        told.push_str(if is_hash(&word) { "HASH" } else { &word });
        word.clear();
        told.extend(Some(c).filter(|c| *c != '\0'));
    }
    told
}

/// The differences of a plan as JSON: kind and subject of each.
fn differences(plan: &Value) -> Vec<String> {
    let all = plan["comparison"]["differences"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter()
        .map(|d| format!("{} {} {}", text(&d["rule"]), text(&d["kind"]), text(&d["subject"])))
        .collect()
}

/// Runs a command that fails with that code, and gives what it said.
fn refused(folder: &Path, line: &str, code: i32) -> String {
    let ran: Ran = run(folder, line);
    assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{line}: {}", ran.err);
    ran.err
}
