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

use super::{ORPHAN_AGE, Unknown, WRITE_BUFFER, blob_path, blocking};
use crate::HubError;
use crate::data_dir::{DataDir, create_folder, fsync_folder, private_file};
use crate::error::chain;
use crate::fail_point::fail_point;
use crate::token::random_id;
use jiff::{SignedDuration, Timestamp};
use release_types::Sha256Digest;
use sha2::Digest as _;
use std::collections::HashSet;
use std::io::SeekFrom;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, BufWriter};

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
        for file in list(&files.staging)? {
            tracing::info!(file = %file.display(), "removing an unfinished upload");
            std::fs::remove_file(&file).map_err(HubError::io("remove", &file))?;
        }
        Ok(files)
    }

    /// Stored bytes that no object has and that have lain there for a day: what a killed process
    /// left. Younger ones may be about to get an object.
    pub(crate) fn unknown(
        &self,
        known: &HashSet<String>,
        now: Timestamp,
    ) -> Result<Vec<Unknown>, HubError> {
        let mut unknown = Vec::new();
        let entries = std::fs::read_dir(&self.blobs).map_err(HubError::io("list", &self.blobs))?;
        for entry in entries {
            let folder = entry.map_err(HubError::io("list", &self.blobs))?.path();
            for path in list(&folder)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if known.contains(&*name) {
                    continue;
                }
                let name = name.into_owned();
                let (age, size) = age_and_size(&path, now)?;
                if age < ORPHAN_AGE {
                    tracing::warn!(file = %path.display(), "nothing refers to these bytes");
                    continue;
                }
                unknown.push(Unknown { path, name, size });
            }
        }
        Ok(unknown)
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
        Ok(Staging {
            file: BufWriter::with_capacity(WRITE_BUFFER, file),
            hasher: sha2::Sha256::new(),
            size: 0,
            path: TempPath(path),
        })
    }

    /// Moves complete bytes to where their digest says. Durable when it returns.
    pub(crate) async fn keep(&self, staged: Staged) -> Result<(), HubError> {
        // A folder that is away is not made anew in its place.
        self.must_be_there().await?;
        let to = self.path(&staged.sha256);
        blocking(move || {
            let folder = to.parent().unwrap_or(&to);
            create_folder(folder)?;
            fail_point!("upload before its name");
            std::fs::rename(&staged.path.0, &to).map_err(HubError::io("create", &to))?;
            fail_point!("upload named");
            fsync_folder(folder)
        })
        .await
    }

    /// Removes the bytes with this digest.
    pub(crate) async fn remove(&self, sha256: &Sha256Digest) -> Result<(), HubError> {
        let path = self.path(sha256);
        match tokio::fs::remove_file(&path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(HubError::io("remove", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Whether the bytes with this digest are on the disk in this length.
    pub(crate) async fn has(&self, sha256: &Sha256Digest, size: u64) -> Result<bool, HubError> {
        match tokio::fs::metadata(self.path(sha256)).await {
            Ok(metadata) => Ok(metadata.is_file() && metadata.len() == size),
            Err(_) => self.must_be_there().await.map(|()| false),
        }
    }

    /// Makes sure that the folder is there: without it no file in it is, whatever was stored.
    async fn must_be_there(&self) -> Result<(), HubError> {
        let found = tokio::fs::metadata(&self.blobs).await;
        found.map(drop).map_err(HubError::io("use", &self.blobs))
    }

    /// Opens the bytes with this digest for reading; nothing where they are gone or of another
    /// length.
    pub(crate) async fn open_blob(
        &self,
        sha256: &Sha256Digest,
        size: u64,
    ) -> Result<Option<tokio::fs::File>, HubError> {
        let path = self.path(sha256);
        let file = match tokio::fs::File::open(&path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return self.must_be_there().await.map(|()| None);
            }
            opened => opened.map_err(HubError::io("open", &path))?,
        };
        let found = file.metadata().await;
        let found = found.map_err(HubError::io("look at", &path))?;
        Ok((found.is_file() && found.len() == size).then_some(file))
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
                tracing::warn!(error = %chain(&error), "the storage cannot grow");
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
        let position = SeekFrom::Start(longest);
        let sought = staging.file.seek(position).await;
        sought.map_err(HubError::io("write", &staging.path.0))?;
        staging.write(&[0; GROWTH]).await?;
        staging.finish().await?;
        Ok(())
    }

    fn path(&self, sha256: &Sha256Digest) -> PathBuf {
        blob_path(&self.blobs, sha256)
    }
}

/// An upload under way. Its file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Staging {
    file: BufWriter<tokio::fs::File>,
    hasher: sha2::Sha256,
    size: u64,
    path: TempPath,
}

impl Staging {
    /// Takes the next bytes.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), HubError> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        let written = self.file.write_all(bytes).await;
        written.map_err(HubError::io("write", &self.path.0))
    }

    /// How many bytes have been taken.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Ends the upload: every byte is on the disk when it returns.
    pub(crate) async fn finish(mut self) -> Result<Staged, HubError> {
        let flushed = self.file.flush().await;
        flushed.map_err(HubError::io("write", &self.path.0))?;
        fail_point!("upload written");
        let synced = self.file.get_ref().sync_all().await;
        synced.map_err(HubError::io("sync", &self.path.0))?;
        fail_point!("upload synced");
        Ok(Staged {
            sha256: Sha256Digest::from_hasher(self.hasher),
            size: self.size,
            path: self.path,
        })
    }
}

/// A complete upload that is not stored yet. Its file goes when this is dropped.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) sha256: Sha256Digest,
    pub(crate) size: u64,
    path: TempPath,
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

/// The files directly in a folder.
fn list(folder: &Path) -> Result<Vec<PathBuf>, HubError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(HubError::io("list", folder))? {
        let path = entry.map_err(HubError::io("list", folder))?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

/// How long ago a file was written, and how long it is.
fn age_and_size(file: &Path, now: Timestamp) -> Result<(SignedDuration, u64), HubError> {
    let metadata = std::fs::metadata(file).map_err(HubError::io("look at", file))?;
    let written = metadata.modified().map_err(HubError::io("look at", file))?;
    // A time that cannot be written down is no reason to remove anything.
    let written = Timestamp::try_from(written).unwrap_or(now);
    Ok((now.duration_since(written), metadata.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(folder: &Path) -> usize {
        list(folder).unwrap().len()
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
        let unknown = |known: HashSet<String>, now| -> Vec<(String, u64)> {
            let found = storage.unknown(&known, now).unwrap();
            found.into_iter().map(|u| (u.name, u.size)).collect()
        };
        let none: Vec<(String, u64)> = Vec::new();
        assert_eq!(unknown([digest.to_string()].into(), later), none);
        let sooner = later - SignedDuration::from_mins(1);
        for early in [sooner, now, Timestamp::UNIX_EPOCH] {
            assert_eq!(unknown(HashSet::new(), early), none, "{early}");
        }
        assert_eq!(
            unknown(HashSet::new(), later),
            vec![(digest.to_string(), 5)]
        );
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

        // What a killed process leaves.
        std::fs::write(dir.staging().join("left"), "x").unwrap();
        Files::open(&dir).unwrap();
        assert_eq!(count(&dir.staging()), 0);
    }
}
