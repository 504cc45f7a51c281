//! What a sink accepted, one JSON line each, on disk before the sink says so. Lines that come
//! together are forced to disk together.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use tokio::sync::{oneshot, watch};

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Counted from 1, in the order of acceptance; 0 until it is written down.
    pub(crate) count: u64,
    /// The outreach's key, from the Message-ID or the `webhook-id`.
    pub(crate) key: String,
    /// To whom: the envelope's recipient, or the `to` of a JSON body.
    pub(crate) recipient: String,
    /// The message's length in bytes.
    pub(crate) size: usize,
}

/// The book; clones are the same book.
#[derive(Clone)]
pub(crate) struct Book {
    file: Arc<NamedTempFile>,
    pen: Sender<(Entry, oneshot::Sender<()>)>,
    written: watch::Receiver<u64>,
}

impl Book {
    pub(super) fn new() -> Self {
        let file = tempfile::Builder::new().prefix("sink").suffix(".jsonl").tempfile().unwrap();
        let append = File::options().append(true).open(file.path()).unwrap();
        let (pen, lines) = channel();
        let (tell, written) = watch::channel(0);
        std::thread::spawn(move || write_down(append, &lines, &tell));
        Self { file: Arc::new(file), pen, written }
    }

    /// Where it is; gone with its last clone.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Everything that was accepted so far.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let text = std::fs::read_to_string(self.path()).unwrap();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The keys that were accepted so far, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.entries().into_iter().map(|entry| entry.key).collect()
    }

    /// How many were accepted so far.
    pub(crate) fn count(&self) -> u64 {
        *self.written.borrow()
    }

    /// Waits until so many were accepted.
    pub(crate) async fn until(&self, count: u64) {
        self.written.clone().wait_for(|written| *written >= count).await.unwrap();
    }

    /// Comes back when the entry is on disk.
    pub(super) async fn write(&self, key: String, recipient: String, size: usize) {
        let (done, wait) = oneshot::channel();
        self.pen.send((Entry { count: 0, key, recipient, size }, done)).unwrap();
        wait.await.unwrap();
    }
}

fn write_down(
    mut file: File,
    lines: &Receiver<(Entry, oneshot::Sender<()>)>,
    tell: &watch::Sender<u64>,
) {
    let mut count = 0;
    while let Ok(first) = lines.recv() {
        let (mut text, mut waiting) = (Vec::new(), Vec::new());
        for (entry, done) in std::iter::once(first).chain(lines.try_iter()) {
            count += 1;
            serde_json::to_writer(&mut text, &Entry { count, ..entry }).unwrap();
            text.push(b'\n');
            waiting.push(done);
        }
        file.write_all(&text).unwrap();
        file.sync_data().unwrap();
        tell.send_replace(count);
        for done in waiting {
            // The connection may have gone; the message stays accepted.
            done.send(()).ok();
        }
    }
}
