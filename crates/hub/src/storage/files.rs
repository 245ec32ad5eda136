//! Stored bytes in files on this machine's disk.
//!
//! An upload is written to a file of its own in `staging/`, hashed and counted on the way, synced,
//! and then renamed to `blobs/<first two digits>/<SHA-256>`, whose folder is synced too. A name in
//! `blobs/` therefore always stands for complete bytes that survive a power cut, and equal bytes
//! are stored once. Which key has which bytes is for the catalogue to say.
//!
//! `object_store`'s `LocalFileSystem::with_fsync(true)` is as durable: its multipart upload syncs
//! the file before its rename and the folder after it. It is not used here, because the final name
//! is known only when the last byte has been hashed, which would cost a second rename and sync;
//! because it gives files the mode of the umask; and because it does not let a full disk be told
//! from other failures without digging through its error's causes.

use super::listing::{blob_folders, digests, unknown, uploads};
use super::staging::{Staged, Staging};
use super::{Unknown, WRITE_BUFFER, blob_path, blocking, open_stored};
use crate::data_dir::{DataDir, create_folder, fsync_folder, private_file};
use crate::error::error_chain;
use crate::fail_point::fail_point;
use crate::token::random_id;
use crate::{HubError, plain};
use jiff::Timestamp;
use release_types::Sha256Digest;
use std::collections::HashSet;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt as _, BufWriter};

/// How much more has to fit into a storage that is not full.
const GROWTH: usize = 64 * 1024;

/// The folders of stored bytes and of uploads under way.
#[derive(Debug)]
pub(crate) struct Files {
    blobs: PathBuf,
    staging: PathBuf,
    database: PathBuf,
    log: PathBuf,
}

impl Files {
    /// Uses a data directory, and removes the uploads that an earlier process left unfinished.
    pub(crate) fn open(dir: &DataDir) -> Result<Self, HubError> {
        let files = Self {
            blobs: dir.blobs(),
            staging: dir.staging(),
            database: dir.database(),
            log: dir.database().with_file_name("hub.db-wal"),
        };
        for file in uploads(&files.staging)? {
            tracing::info!(file = %file.display(), "removing an unfinished upload");
            std::fs::remove_file(&file).map_err(HubError::io("remove", &file))?;
        }
        Ok(files)
    }

    /// All stored bytes. There may be a great many, so each folder is listed by itself where that
    /// holds nobody up, and whoever gives up asking does not have the rest listed.
    pub(crate) async fn stored(&self) -> Result<Vec<Sha256Digest>, HubError> {
        let mut stored = Vec::new();
        let blobs = self.blobs.clone();
        for folder in blocking(move || blob_folders(&blobs)).await? {
            stored.extend(blocking(move || digests(&folder)).await?);
        }
        Ok(stored)
    }

    /// Those of these stored bytes that no object has and that have lain there for a day: what a
    /// killed process left. Younger ones may be about to get an object.
    pub(crate) async fn unknown(
        &self,
        stored: Vec<Sha256Digest>,
        known: HashSet<String>,
        now: Timestamp,
    ) -> Result<Vec<Unknown>, HubError> {
        let blobs = self.blobs.clone();
        blocking(move || unknown(&blobs, stored, &known, now)).await
    }

    /// Begins an upload.
    pub(crate) async fn stage(&self) -> Result<Staging, HubError> {
        let path = self.staging.join(random_id()?);
        let mut options = std::fs::OpenOptions::new();
        let file = tokio::fs::OpenOptions::from(
            private_file(options.write(true).create_new(true)).clone(),
        )
        .open(&path)
        .await
        .map_err(HubError::io("create", &path))?;
        fail_point!("upload begun");
        Ok(Staging::new(
            BufWriter::with_capacity(WRITE_BUFFER, file),
            path,
        ))
    }

    /// Moves complete bytes to where their digest says. Durable when it returns.
    pub(crate) async fn keep(&self, staged: Staged) -> Result<(), HubError> {
        // A folder that is away is not made anew in its place.
        self.must_be_there().await?;
        let to = self.path(&staged.sha256);
        blocking(move || {
            let folder = to.parent().unwrap_or(&to);
            create_folder(folder)?;
            plain::real_folder(folder).map_err(HubError::io("use", folder))?;
            fail_point!("upload before its name");
            std::fs::rename(staged.path(), &to).map_err(HubError::io("create", &to))?;
            fail_point!("upload named");
            fsync_folder(folder)
        })
        .await
    }

    /// Removes the bytes with this digest.
    pub(crate) async fn remove(&self, sha256: &Sha256Digest) -> Result<(), HubError> {
        let path = self.path(sha256);
        blocking(move || {
            let real = plain::real_folder(path.parent().unwrap_or(&path));
            match real.and_then(|()| std::fs::remove_file(&path)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(HubError::io("remove", &path)(error))
                }
                _ => Ok(()),
            }
        })
        .await
    }

    /// Whether the bytes with this digest are on the disk in this length.
    pub(crate) async fn has(&self, sha256: &Sha256Digest, size: u64) -> Result<bool, HubError> {
        Ok(self.open_blob(sha256, size).await?.is_some())
    }

    /// Makes sure that the folder is there: without it no file in it is, whatever was stored.
    async fn must_be_there(&self) -> Result<(), HubError> {
        let found = tokio::fs::metadata(&self.blobs).await;
        found.map(drop).map_err(HubError::io("use", &self.blobs))
    }

    /// Opens the bytes with this digest for reading; nothing where they are gone, of another length,
    /// or no regular file.
    pub(crate) async fn open_blob(
        &self,
        sha256: &Sha256Digest,
        size: u64,
    ) -> Result<Option<tokio::fs::File>, HubError> {
        let path = self.path(sha256);
        let opened = blocking(move || {
            fail_point!("stored bytes before they are opened");
            let file = match open_stored(&path) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                Err(error) if plain::is_not_plain(&error) => {
                    tracing::warn!(file = %path.display(), %error, "not the Hub's; it is not read");
                    return Ok(Some(None));
                }
                opened => opened.map_err(HubError::io("open", &path))?,
            };
            let found = file.metadata().map_err(HubError::io("look at", &path))?;
            Ok::<_, HubError>(Some((found.len() == size).then_some(file)))
        });
        match opened.await? {
            Some(file) => Ok(file.map(tokio::fs::File::from_std)),
            None => self.must_be_there().await.map(|()| None),
        }
    }

    /// Reads what has this digest, as text; nothing where it is neither.
    pub(crate) async fn read_text(
        &self,
        sha256: &Sha256Digest,
        size: u64,
    ) -> Result<Option<String>, HubError> {
        let Some(mut file) = self.open_blob(sha256, size).await? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        let read = file.read_to_end(&mut bytes).await;
        read.map_err(HubError::io("read", &self.path(sha256)))?;
        let intact = Sha256Digest::of(&bytes) == *sha256;
        Ok(String::from_utf8(bytes).ok().filter(|_| intact))
    }

    /// Whether a file as long as the database cannot grow now for want of space. Tried out, because
    /// how much is free says nothing about quotas and limits.
    pub(crate) async fn is_full(&self) -> bool {
        match self.try_to_grow().await {
            Ok(()) => false,
            Err(error) => {
                tracing::warn!(error = %error_chain(&error), "the storage cannot grow");
                error.is_storage_full()
            }
        }
    }

    /// Whether a file can be written now.
    pub(crate) async fn try_to_write(&self) -> Result<(), HubError> {
        let mut staging = self.stage().await?;
        staging.write(b"ready").await?;
        staging.finish().await?;
        Ok(())
    }

    async fn try_to_grow(&self) -> Result<(), HubError> {
        let mut longest = 0;
        for path in [&self.database, &self.log] {
            // The log may be missing.
            let length = tokio::fs::metadata(path).await.map_or(0, |file| file.len());
            longest = longest.max(length);
        }
        let mut staging = self.stage().await?;
        staging.seek(longest).await?;
        staging.write(&[0; GROWTH]).await?;
        staging.finish().await?;
        Ok(())
    }

    fn path(&self, sha256: &Sha256Digest) -> PathBuf {
        blob_path(&self.blobs, sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ORPHAN_AGE;
    use super::*;
    use jiff::SignedDuration;
    use std::path::Path;

    fn count(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[tokio::test]
    async fn bytes_are_kept_under_their_digest_and_found_when_unknown_for_a_day() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        let storage = Files::open(&dir).unwrap();

        let mut staging = storage.stage().await.unwrap();
        staging.write(b"hel").await.unwrap();
        staging.write(b"lo").await.unwrap();
        let staged = staging.finish().await.unwrap();
        let digest = Sha256Digest::of(b"hello");
        assert_eq!((staged.sha256, staged.size), (digest, 5));
        storage.keep(staged).await.unwrap();
        assert!(storage.has(&digest, 5).await.unwrap());
        assert!(!storage.has(&digest, 6).await.unwrap());
        assert_eq!(count(&dir.staging()), 0);

        let now = Timestamp::now();
        let later = now + ORPHAN_AGE + SignedDuration::from_secs(1);
        let unknown = async |known: HashSet<String>, now| -> Vec<(String, u64)> {
            let stored = storage.stored().await.unwrap();
            let found = storage.unknown(stored, known, now).await.unwrap();
            let name = |u: Unknown| (u.sha256.to_string(), u.size);
            found.into_iter().map(name).collect()
        };
        let none: Vec<(String, u64)> = Vec::new();
        assert_eq!(unknown([digest.to_string()].into(), later).await, none);
        let sooner = later - SignedDuration::from_mins(1);
        for early in [sooner, now, Timestamp::UNIX_EPOCH] {
            assert_eq!(unknown(HashSet::new(), early).await, none, "{early}");
        }
        assert_eq!(
            unknown(HashSet::new(), later).await,
            vec![(digest.to_string(), 5)]
        );

        // What has come since the files were listed is nobody's concern, nor is what has gone.
        let stored = storage.stored().await.unwrap();
        storage.remove(&digest).await.unwrap();
        let staged = storage.stage().await.unwrap().finish().await.unwrap();
        storage.keep(staged).await.unwrap();
        let found = storage.unknown(stored, HashSet::new(), later).await;
        assert!(found.unwrap().is_empty());
    }

    /// The disk is waited for on another thread: while that is busy there is time for others.
    #[test]
    fn looking_through_the_files_holds_nobody_up() {
        let temp = tempfile::tempdir().unwrap();
        let storage = Files::open(&DataDir::create(temp.path()).unwrap()).unwrap();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.max_blocking_threads(1).build().unwrap();
        runtime.block_on(async {
            let (go_on, waits) = std::sync::mpsc::channel::<()>();
            let busy = tokio::task::spawn_blocking(move || waits.recv());
            let mut stored = std::pin::pin!(storage.stored());
            assert!(futures_util::poll!(&mut stored).is_pending());
            let unknown = storage.unknown(Vec::new(), HashSet::new(), Timestamp::now());
            let mut unknown = std::pin::pin!(unknown);
            assert!(futures_util::poll!(&mut unknown).is_pending());
            go_on.send(()).unwrap();
            busy.await.unwrap().unwrap();
            assert!(stored.await.unwrap().is_empty() && unknown.await.unwrap().is_empty());
        });
    }

    /// What is not known of bytes is no reason to say that they are missing.
    #[cfg(unix)]
    #[tokio::test]
    async fn a_disk_that_fails_is_not_taken_for_an_empty_one() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        let storage = Files::open(&dir).unwrap();
        let digest = Sha256Digest::of(b"hello");
        assert!(!storage.has(&digest, 5).await.unwrap());
        // Not a folder, so that nothing in it can be looked at.
        std::fs::write(storage.path(&digest).parent().unwrap(), "x").unwrap();
        let failed = storage.has(&digest, 5).await;
        assert!(matches!(failed, Err(HubError::Io { .. })), "{failed:?}");
    }

    #[tokio::test]
    async fn an_upload_that_is_given_up_leaves_nothing() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::create(temp.path()).unwrap();
        let storage = Files::open(&dir).unwrap();
        let mut staging = storage.stage().await.unwrap();
        staging.write(&[0; 1000]).await.unwrap();
        assert_eq!(count(&dir.staging()), 1);
        drop(staging);
        assert_eq!(count(&dir.staging()), 0);
        drop(storage.stage().await.unwrap().finish().await.unwrap());
        assert_eq!(count(&dir.staging()), 0);

        // What a killed process leaves goes, and nothing else does.
        std::fs::write(dir.staging().join(random_id().unwrap()), "x").unwrap();
        std::fs::write(dir.staging().join("note"), "x").unwrap();
        Files::open(&dir).unwrap();
        assert_eq!(count(&dir.staging()), 1);
        assert!(dir.staging().join("note").exists());
    }
}
