//! A real PgBouncer in transaction mode in front of a test's database. It lends its three
//! connections to whoever has a transaction to make.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// By then it listens, also on a busy machine.
const ENOUGH: Duration = Duration::from_secs(30);

/// The pooler; it ends with this value.
pub(crate) struct Pooler {
    child: Child,
    folder: TempDir,
    port: u16,
    database: String,
}

impl Pooler {
    /// Starts one in front of the server of a database, as its package configures it but for what
    /// it must be told. `scripts/test` installs it.
    pub(crate) fn start(url: &str) -> Self {
        let (server, database) = url.rsplit_once('/').unwrap();
        let (_, server_port) = server.rsplit_once(':').unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let folder = tempfile::Builder::new().prefix("lookout-pb").tempdir_in("/tmp").unwrap();
        let ini = folder.path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server_port} user=postgres\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = 3\n"
        );
        std::fs::write(&ini, settings).unwrap();
        let mut command = Command::new("pgbouncer");
        // It refuses to run as root.
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            let owned = Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status();
            assert!(owned.unwrap().success());
            command.args(["-u", "postgres"]);
        }
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        command.arg(ini).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("pgbouncer is installed; run scripts/test");
        let pooler = Self { child, folder, port, database: database.to_owned() };
        pooler.wait();
        pooler
    }

    /// The address of the database behind it, as somebody writes it who does not know better.
    pub(crate) fn plain_url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, self.database)
    }

    /// The same, as the documents say.
    pub(crate) fn url(&self) -> String {
        format!("{}?statement-cache-capacity=0", self.plain_url())
    }

    fn wait(&self) {
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < ENOUGH, "{}", self.said());
            std::thread::yield_now();
        }
    }

    /// Its log so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
