//! An upload under way: a file of its own, hashed and counted while it is written.
//!
//! The disk begins with what was written long before the last byte comes. Otherwise all of a large
//! upload would be waited for at its end, when its client hears nothing and may give up.

use crate::HubError;
use crate::fail_point::fail_point;
use release_types::Sha256Digest;
use sha2::Digest as _;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};
use tokio::task::JoinHandle;

/// After how many bytes the disk is asked to have them. Large enough that asking costs little, small
/// enough that a slow disk has the rest within a client's patience.
const SYNC_EVERY: u64 = 32 * 1024 * 1024;

/// An upload under way. Its file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Staging {
    file: BufWriter<tokio::fs::File>,
    hasher: sha2::Sha256,
    size: u64,
    /// How much was written since the disk was asked last.
    unsynced: u64,
    syncing: Option<JoinHandle<std::io::Result<()>>>,
    path: TempPath,
}

impl Staging {
    /// Of a file that was just made.
    pub(super) fn new(file: BufWriter<tokio::fs::File>, path: PathBuf) -> Self {
        Self {
            file,
            hasher: sha2::Sha256::new(),
            size: 0,
            unsynced: 0,
            syncing: None,
            path: TempPath(path),
        }
    }

    /// Takes the next bytes. Waits where they come faster than the disk has them.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.hasher.update(bytes);
        let length = bytes.len() as u64;
        self.size += length;
        self.unsynced += length;
        let written = self.file.write_all(bytes).await;
        written.map_err(HubError::io("write", &self.path.0))?;
        if self.unsynced >= SYNC_EVERY {
            self.begin_to_sync().await?;
        }
        Ok(())
    }

    /// How many bytes have been taken.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Has the next bytes written elsewhere in the file.
    pub(super) async fn seek(&mut self, position: u64) -> Result<(), HubError> {
        let sought = self.file.seek(SeekFrom::Start(position)).await;
        sought.map_err(HubError::io("write", &self.path.0))?;
        Ok(())
    }

    /// Ends the upload: every byte is on the disk when it returns.
    pub(crate) async fn finish(mut self) -> Result<Staged, HubError> {
        let flushed = self.file.flush().await;
        flushed.map_err(HubError::io("write", &self.path.0))?;
        fail_point!("upload written");
        // The system tells of a failure once, and not necessarily the one who asks last.
        self.begun_sync().await?;
        let synced = self.file.get_ref().sync_all().await;
        synced.map_err(HubError::io("sync", &self.path.0))?;
        fail_point!("upload synced");
        Ok(Staged {
            sha256: Sha256Digest::from_hasher(self.hasher),
            size: self.size,
            path: self.path,
        })
    }

    /// Has the disk begin with what was written, while more is written.
    async fn begin_to_sync(&mut self) -> Result<(), HubError> {
        self.begun_sync().await?;
        let flushed = self.file.flush().await;
        flushed.map_err(HubError::io("write", &self.path.0))?;
        let file = self.file.get_ref().try_clone().await;
        let file = file.map_err(HubError::io("sync", &self.path.0))?;
        self.syncing = Some(tokio::spawn(async move { file.sync_data().await }));
        self.unsynced = 0;
        Ok(())
    }

    /// Waits for the disk to have what it was asked for last.
    async fn begun_sync(&mut self) -> Result<(), HubError> {
        match self.syncing.take() {
            None => Ok(()),
            Some(syncing) => {
                let synced = syncing.await.map_err(HubError::Task)?;
                synced.map_err(HubError::io("sync", &self.path.0))
            }
        }
    }
}

/// A complete upload that is not stored yet. Its file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) sha256: Sha256Digest,
    pub(crate) size: u64,
    path: TempPath,
}

impl Staged {
    /// Where its file is.
    pub(super) fn path(&self) -> &Path {
        &self.path.0
    }
}

/// A file that is removed when this is dropped, unless it has been moved away by then.
#[derive(Debug)]
struct TempPath(PathBuf);

impl Drop for TempPath {
    fn drop(&mut self) {
        match std::fs::remove_file(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                // The next start removes it.
                tracing::warn!(file = %self.0.display(), %error, "an unfinished upload stays");
            }
            _ => {}
        }
    }
}
