//! What a dry run holds at its peak. Each is a process of its own: a peak that was is never lower.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use lookout::pack;

use super::measure::{self, Database};

/// A dry run's peak.
pub struct Peak {
    /// Bytes that were resident at once.
    pub bytes: u64,
    /// Matches that it found.
    pub matches: u64,
}

/// The hidden subcommand by which this program calls itself.
pub const SUBCOMMAND: &str = "peak";

/// This program, even where its file has been replaced meanwhile; only Linux says what a process held.
const MYSELF: &str = "/proc/self/exe";

/// A dry run in a new process; none where the system does not say what it held.
pub fn of_dry_run(pack: &Path, database: &Database) -> anyhow::Result<Option<Peak>> {
    if !Path::new(MYSELF).exists() {
        return Ok(None);
    }
    let output = Command::new(MYSELF).arg(SUBCOMMAND).arg(pack).arg(database.address()).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the process that was measured failed: {}", said.trim());
    let told = String::from_utf8(output.stdout)?;
    let (bytes, matches) = told.trim().split_once(' ').context("it said too little")?;
    Ok(Some(Peak { bytes: bytes.parse()?, matches: matches.parse()? }))
}

/// What that process does: the dry run, then `BYTES MATCHES` on a line.
pub async fn told(pack: &Path, address: &str) -> anyhow::Result<String> {
    let database = match address.strip_prefix("sqlite:") {
        Some(file) => Database::Sqlite(file.into()),
        None => Database::Postgres(address.to_owned()),
    };
    let pack = pack::load(pack).pack.context("the pack")?;
    let (found, considered) = measure::dry_run(&pack, &database).await?;
    drop(considered);
    let matches: usize = found.rules.values().map(|rule| rule.matches.len()).sum();
    let peak = peak_bytes().context("the system does not say what a process held")?;
    Ok(format!("{peak} {matches}"))
}

/// The most that this process ever held, in bytes; only Linux says.
fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
