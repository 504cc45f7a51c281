//! What the figures were measured on.

use std::process::Command;
use std::{fs, thread};

use sqlx::{Connection, PgConnection};

/// Cores and processor.
fn processor() -> String {
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let told = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = told.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown processor", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    format!("{cores}, {model}, {}", std::env::consts::OS)
}

/// The compiler that is found here.
fn compiler() -> String {
    let told = Command::new("rustc").arg("--version").output().ok();
    let told = told.and_then(|output| String::from_utf8(output.stdout).ok());
    let version = told.as_deref().and_then(|text| text.split(' ').nth(1));
    format!("rustc {}", version.unwrap_or("unknown"))
}

/// The SQLite inside the binary.
fn sqlite() -> String {
    format!("SQLite {}", rusqlite::version())
}

/// A server's version.
async fn postgres(url: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(url).await?;
    let version: String =
        sqlx::query_scalar("SHOW server_version").fetch_one(&mut connection).await?;
    Ok(format!("PostgreSQL {}", version.split(' ').next().unwrap_or(&version)))
}

/// All of it, and what could not be measured here.
pub async fn described(server: Option<&str>) -> anyhow::Result<String> {
    let profile = if cfg!(debug_assertions) { ", DEBUG BUILD" } else { "" };
    let mut lines = vec![
        format!("machine    {}; {}{profile}", processor(), compiler()),
        match server {
            Some(server) => format!("databases  {}, {}", sqlite(), postgres(server).await?),
            None => format!("databases  {}", sqlite()),
        },
        "method     twenty rules of 2 to 5 columns; the same matches first, then the shortest of \
         several rounds"
            .to_owned(),
    ];
    if server.is_none() {
        lines.push(
            "PostgreSQL is left out: set LOOKOUT_BENCH_POSTGRES to a server\'s address to measure \
             it too"
                .to_owned(),
        );
    }
    Ok(lines.join("\n"))
}
