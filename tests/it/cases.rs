//! Cases as people write, run and keep them: what plays out in steps, what fails and how that is
//! told, messages that are kept, what no case reaches, and cases made from customers.

mod as_case;
mod covered;
mod documented;
mod kept;
mod plays_out;
mod reports;

use std::fs;
use std::path::Path;

use crate::support::program::run;

/// The demo's pack in a folder of its own, without any database.
fn pack() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    copy(&rules, &folder.path().join("rules"));
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

/// Writes a rule's cases in place of those that it has.
fn write_cases(folder: &Path, rule: &str, cases: &str) {
    let rule = folder.join("rules").join(rule);
    fs::write(rule.join("cases.toml"), cases).unwrap();
    let kept = rule.join("golden");
    if kept.exists() {
        fs::remove_dir_all(kept).unwrap();
    }
}

/// What somebody who writes cases would start with.
const ORDER: &str = r#"
[base]
as_of = "1998-05-07T09:00:00Z"
customer = { customer_id = "RANCH", name = "Rancho grande", contact_name = "Sergio Gutiérrez", email = "ranch@example.com", phone = "(1) 123-5555", plan = "basic", owner = "michael.suyama@example.com" }
order = { order_id = 11019, order_date = "1998-04-30", required_date = "1998-05-11" }
"#;

/// Runs a rule's cases and gives the results as JSON, with how it ended.
fn tested(folder: &Path, line: &str) -> (i32, serde_json::Value) {
    let ran = run(folder, &format!("test {line} --format json"));
    assert_eq!(ran.err, "");
    (ran.code, ran.json())
}
