//! The engines of other languages, each in its own process: they read the rows and the rules from a
//! file, measure themselves, and print what they found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::customer::{COLUMNS, Customer};
use super::{Matches, plain, spelled, zen};
use crate::dry_run::measure::rules::TWINS;

/// What an engine of another language found.
pub struct Told {
    /// Its name and version.
    pub name: String,
    /// Its language's.
    pub runtime: String,
    /// Nanoseconds a rule and customer.
    pub nanoseconds: f64,
    /// The rows that match, by rule.
    pub matches: Matches,
}

/// Writes what the scripts read: columns, rows, and each rule in both languages.
pub fn write_data(file: &Path, customers: &[Customer], rounds: u32) -> anyhow::Result<()> {
    let rules = plain::RULES.iter().zip(&TWINS).map(|(rule, twin)| {
        json!({
            "id": twin.id,
            "conditions": spelled::conditions(rule),
            "expression": spelled::expression(rule, &spelled::PYTHON),
        })
    });
    let rows: Vec<Value> =
        customers.iter().map(|customer| customer.cells().map(zen::json).to_vec().into()).collect();
    let data = json!({
        "columns": COLUMNS.iter().map(|column| column.name).collect::<Vec<_>>(),
        "rules": rules.collect::<Vec<_>>(),
        "rows": rows,
        "rounds": rounds,
    });
    Ok(fs::write(file, data.to_string())?)
}

/// json-rules-engine, by Node.
pub fn node(data: &Path) -> anyhow::Result<Told> {
    let folder = folder("node")?;
    fs::write(folder.join("package.json"), include_str!("../node/package.json"))?;
    fs::write(folder.join("judge.mjs"), include_str!("../node/judge.mjs"))?;
    let mut install = Command::new("npm");
    install.args(["install", "--no-package-lock", "--no-audit", "--no-fund", "--silent"]);
    run(install.current_dir(&folder))?;
    told(Command::new("node").arg("judge.mjs").arg(data).current_dir(&folder))
}

/// rule-engine, by Python.
pub fn python(data: &Path) -> anyhow::Result<Told> {
    let folder = folder("python")?;
    fs::write(folder.join("requirements.txt"), include_str!("../python/requirements.txt"))?;
    fs::write(folder.join("judge.py"), include_str!("../python/judge.py"))?;
    let python = folder.join("venv/bin/python");
    if !python.is_file() {
        run(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(&folder))?;
    }
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    run(install.args(["--requirement", "requirements.txt"]).current_dir(&folder))?;
    told(Command::new(&python).arg("judge.py").arg(data).current_dir(&folder))
}

/// A folder under the workspace's `target`, where what is installed may lie.
fn folder(language: &str) -> anyhow::Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let folder = workspace.join("target/benches").join(language);
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn run(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("{name} can't be started"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name} failed: {}", said.trim());
    Ok(output.stdout)
}

fn told(command: &mut Command) -> anyhow::Result<Told> {
    let told: Value = serde_json::from_slice(&run(command)?)?;
    let text = |key: &str| told[key].as_str().map(str::to_owned).context("a script's answer");
    let rows = |rule: &Value| -> Option<Vec<u32>> {
        rule.as_array()?.iter().map(|row| Some(row.as_u64()? as u32)).collect()
    };
    let matches = told["matches"].as_array().and_then(|rules| rules.iter().map(rows).collect());
    Ok(Told {
        name: text("name")?,
        runtime: text("runtime")?,
        nanoseconds: told["nanoseconds"].as_f64().context("a script's figure")?,
        matches: matches.context("a script's matches")?,
    })
}
