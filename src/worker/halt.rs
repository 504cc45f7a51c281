//! How a worker is told to stop: by a signal, or by a file that somebody put there. Nothing that is
//! under way is broken off.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Whether a worker is to stop before its next message.
#[derive(Debug, Default)]
pub struct Halt {
    asked: AtomicBool,
    woken: Notify,
    file: Option<PathBuf>,
}

impl Halt {
    /// Stops when it is asked to, and as long as `file` is there.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, ..Self::default() }
    }

    /// Asks the worker to finish what is under way and stop.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
        self.woken.notify_waiters();
    }

    /// Whether it was asked to.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// The file that keeps every message back, if it is there.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref().filter(|file| file.exists())
    }

    /// Whether no further message may begin.
    pub fn stands(&self) -> bool {
        self.is_asked() || self.file().is_some()
    }

    /// Returns when somebody asks.
    pub async fn asked(&self) {
        let woken = self.woken.notified();
        if !self.is_asked() {
            woken.await;
        }
    }
}
