//! A PostgreSQL of a test's own, to be pulled from under the program: a backend killed with
//! SIGKILL, or the whole server stopped at once and started again.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::state::State;

/// The server; it is stopped and thrown away with this value.
pub(crate) struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
}

impl Server {
    /// Makes and starts it. What it says it has committed survives the death of its processes.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("lookout-pg").tempdir_in("/tmp").unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let server = Self { folder, programs: programs(), port };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(server.folder.path()));
        }
        let data = server.data();
        run(server.program("initdb").arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]));
        server.control("start");
        server
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Kills one of the program's connections on the server's side; whether there was one. The
    /// server then throws all its connections out, and recovers.
    pub(crate) fn kill_a_backend(&self, state: &State) -> bool {
        let pids = "SELECT pid FROM pg_stat_activity WHERE application_name = 'lookout'
             ORDER BY state = 'active' DESC LIMIT 1";
        let Some(pid) = state.try_ask(pids).ok().and_then(|rows| rows.first().cloned()) else {
            return false;
        };
        // It may have gone in between.
        let killed = Command::new("kill").args(["-KILL", &pid[0]]).output().unwrap();
        state.wait_until_it_answers();
        killed.status.success()
    }

    /// Stops it as a power cut does, and starts it again.
    pub(crate) fn restart_at_once(&self, state: &State) {
        self.control("restart");
        state.wait_until_it_answers();
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn control(&self, what: &str) {
        let folder = self.folder.path().display();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off \
             -c synchronous_commit=on -c track_commit_timestamp=on -c max_connections=100",
            self.port
        );
        let log = self.folder.path().join("log");
        run(self.program("pg_ctl").arg("-D").arg(self.data()).arg("-l").arg(log).args([
            "-m",
            "immediate",
            "-w",
            "-t",
            "60",
            "-o",
            &options,
            what,
        ]));
    }

    /// One of PostgreSQL's programs, which all refuse to run as root.
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("runuser");
                command.args(["-u", "postgres", "--"]).arg(program);
                command
            }
            false => Command::new(program),
        };
        command.current_dir("/");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stop = ["-m", "immediate", "-w", "stop"];
        // Whatever it says, its folder goes with it.
        let _ = self.program("pg_ctl").arg("-D").arg(self.data()).args(stop).output();
    }
}

fn run(command: &mut Command) {
    // The server that pg_ctl starts would keep a pipe open.
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = log.reopen().unwrap();
    command.stdout(output.try_clone().unwrap()).stderr(output);
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {}", std::fs::read_to_string(log.path()).unwrap());
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// The folder of initdb and pg_ctl, the newest where there are several.
fn programs() -> PathBuf {
    let version = |folder: &Path| -> u32 {
        folder.file_name().and_then(|name| name.to_str()?.parse().ok()).unwrap_or_default()
    };
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions.map(|entry| entry.unwrap().path()).max_by_key(|folder| version(folder));
    newest.map_or_else(PathBuf::new, |folder| folder.join("bin"))
}
