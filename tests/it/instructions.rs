//! How many instructions the parts of a dry run take, counted by callgrind: a check on parts that
//! become dearer without anybody noticing, which no noise can fail. The program is the unoptimised
//! one that the tests build: the figures compare it with itself and say nothing of a release.

mod profile;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use profile::Profile;

/// By how much a part may differ from what is kept, in percent. Two runs of one program differ by
/// less than one, as the seeds of its hash tables do.
const BAND: u64 = 10;

const AS_OF: &str = "2026-01-01T09:00:00Z";

/// The parts, and the functions whose work they are.
const PARTS: [(&str, &str); 4] = [
    ("pull", "lookout::signals::sqlite::stream"),
    (
        "judge_lowered",
        "lookout::predicate::evaluation::<impl lookout::predicate::program::Program>::judge",
    ),
    ("judge_by_rhai", "lookout::rules::engine::Engine::judge_rows"),
    ("decide", "lookout::policy::decide::decide"),
];

const COMPANY: &str = "
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, plan TEXT, seats INTEGER, since DATE,
        seen TIMESTAMP, share REAL);
    CREATE TABLE orders (no INTEGER PRIMARY KEY, customer TEXT, day DATE, total DECIMAL(10, 2));
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)
    INSERT INTO customers SELECT 'C' || i, 'Customer ' || i,
        CASE i % 3 WHEN 0 THEN 'gold' WHEN 1 THEN 'basic' ELSE 'free' END, i * 7919 % 100,
        date('2026-01-01', '-' || (i % 900) || ' days'),
        datetime('2026-01-01', '-' || (i * 31 % 1500) || ' hours'),
        CASE WHEN i % 5 THEN (i * 37 % 1000) / 1000.0 END FROM n;
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
    INSERT INTO orders SELECT i, 'C' || (i % 4000 + 1),
        date('2026-01-01', '-' || (i * 13 % 400) || ' days'), i * 101 % 1000 + 0.5 FROM n;";

const SIGNALS: [(&str, &str); 2] = [
    (
        "customers",
        "SELECT id AS customer_id, name, plan, seats, since, seen, share FROM customers \
         WHERE since <= :as_of",
    ),
    (
        "orders",
        "-- key: no\nSELECT customer AS customer_id, no, day, total FROM orders WHERE day <= :as_of",
    ),
];

/// Two rules about customers that lower and one that does not, and one about orders, which the
/// database narrows.
const RULES: [(&str, &str); 4] = [
    (
        "quiet",
        "fn when(customer) { customer.plan == \"gold\" && days_since(customer.seen) >= 30 \
         && customer.seats > 90 }\nfn then(customer) { task(\"task\"); }",
    ),
    (
        "waning",
        "fn when(customer) { (customer.share ?? 1.0) < 0.02 && customer.seats * 2 >= 20 }\n\
         fn then(customer) { task(\"task\"); }",
    ),
    (
        "round",
        "fn when(customer) { let sum = 0; for n in 0..3 { sum += customer.seats; } sum > 294 }\n\
         fn then(customer) { task(\"task\"); }",
    ),
    (
        "stale",
        "const ABOUT = \"orders\";\n\
         fn when(customer, order) { days_since(order.day) in 20..23 && order.total > 900 \
         && customer.plan in [\"gold\", \"free\"] }\n\
         fn then(customer, order) { task(\"task\"); }",
    ),
];

#[test]
fn no_part_of_a_dry_run_has_become_dearer() {
    if cfg!(not(debug_assertions)) || Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("left out: it needs valgrind, and a program that is not optimised");
        return;
    }
    let counted = count(&shop());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/instructions.toml");
    if is_to_be_kept() {
        std::fs::write(&file, text(&counted)).unwrap();
        return;
    }
    let kept: BTreeMap<String, u64> =
        toml::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let mut told = String::new();
    for (part, count) in &counted {
        let before = kept.get(*part).copied().unwrap_or(0);
        if count.abs_diff(before) * 100 > before * BAND {
            let change = (*count as f64 / before as f64 - 1.0) * 100.0;
            writeln!(told, "{part}: {count} instructions, {before} are kept ({change:+.0} %)")
                .unwrap();
        }
    }
    assert!(
        told.is_empty(),
        "\n{told}A part of the dry run takes more or less work than before. Look for what did it in \
         the change; a new compiler or library can do it too. If it is meant, write the new figures \
         down:\n    LOOKOUT_INSTRUCTIONS=keep scripts/test instructions\n"
    );
}

#[allow(
    clippy::disallowed_methods,
    reason = "who calls the tests says whether to keep the figures"
)]
fn is_to_be_kept() -> bool {
    std::env::var("LOOKOUT_INSTRUCTIONS").is_ok_and(|wish| wish == "keep")
}

fn text(counted: &BTreeMap<&str, u64>) -> String {
    let mut text =
        "# Instructions that the parts of a small dry run take in an unoptimised program.\n\
                    # LOOKOUT_INSTRUCTIONS=keep scripts/test instructions\n"
            .to_owned();
    for (part, count) in counted {
        writeln!(text, "{part} = {count}").unwrap();
    }
    text
}

/// A folder with a company and a pack.
fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write(
        "lookout.toml",
        "[source]\nurl = \"sqlite:shop.db\"\n[state]\nurl = \"sqlite:state.db\"\n",
    );
    write("rules/policy.toml", "timezone = \"Europe/Berlin\"\n");
    for (name, sql) in SIGNALS {
        write(&format!("rules/signals/{name}.sql"), sql);
    }
    for (name, script) in RULES {
        write(&format!("rules/{name}/rule.rhai"), &format!("//! A rule.\n{script}\n"));
        write(&format!("rules/{name}/task.md"), "---\nsubject: Call\n---\n{{ customer.name }}\n");
    }
    let company = rusqlite::Connection::open(folder.path().join("shop.db")).unwrap();
    company.execute_batch(COMPANY).unwrap();
    folder
}

/// Counts what each part of a dry run takes.
fn count(shop: &tempfile::TempDir) -> BTreeMap<&'static str, u64> {
    let file: PathBuf = shop.path().join("profile");
    let program = assert_cmd::cargo::cargo_bin!("lookout");
    let ran = Command::new("valgrind")
        .current_dir(shop.path())
        .env_remove("LOOKOUT_INSTRUCTIONS")
        .arg("--tool=callgrind")
        .arg(format!("--callgrind-out-file={}", file.display()))
        .arg(program)
        .args(["dry-run", "--format", "json", "--as-of", AS_OF])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(report["totals"]["task"].as_u64().unwrap() > 100, "too little matches");
    let profile = Profile::read(&std::fs::read_to_string(file).unwrap());
    let of = |function: &str| {
        let count = profile.of(function);
        assert!(count > 0, "nothing was counted in `{function}`: has it another name now?");
        count
    };
    PARTS.map(|(part, function)| (part, of(function))).into()
}
