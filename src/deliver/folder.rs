//! A folder that takes messages as files. A file is there in full or not at all, and the same
//! parcel always gets the same name.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::Delivery;
use crate::fault;

/// Where the files go; made when the first one comes.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder of a `file:FOLDER` address; `None` if it is another kind of address.
    pub(super) fn open(url: &str) -> Result<Option<Self>, String> {
        let Some(path) = url.strip_prefix("file:") else { return Ok(None) };
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() {
            return Err("write the folder after `file:`, such as file:outbox".to_owned());
        }
        Ok(Some(Self(PathBuf::from(path))))
    }

    /// Writes a file beside its place and moves it there once `transmitting` agrees.
    pub(super) async fn write(
        &self,
        name: &str,
        bytes: &[u8],
        transmitting: impl Future<Output = bool> + Send,
    ) -> Delivery {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let unique = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = self.0.join(name);
        let draft = self.0.join(format!(".{name}.{}.{unique}", std::process::id()));
        if let Err(error) = self.draft(&draft, bytes).await {
            return failed(&draft, &self.0, &error).await;
        }
        if !transmitting.await {
            // A draft that can't be removed is hidden and harms nobody.
            let _ = fs::remove_file(&draft).await;
            return Delivery::GivenUp;
        }
        fault::point("folder.before_rename");
        let renamed = fs::rename(&draft, &file).await;
        fault::point("folder.after_rename");
        match renamed {
            Ok(()) => Delivery::Sent { detail: file.display().to_string() },
            Err(error) => failed(&draft, &self.0, &error).await,
        }
    }

    async fn draft(&self, draft: &Path, bytes: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.0).await?;
        let mut file = fs::File::create(draft).await?;
        file.write_all(bytes).await?;
        file.sync_all().await
    }
}

/// Written again under the same name it is the same file: safe to try again at any time.
async fn failed(draft: &Path, folder: &Path, error: &std::io::Error) -> Delivery {
    // There may be no draft yet.
    let _ = fs::remove_file(draft).await;
    Delivery::Temporary {
        after: None,
        error: format!("the folder {} takes no files: {error}", folder.display()),
    }
}
