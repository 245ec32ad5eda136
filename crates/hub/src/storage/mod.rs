//! Stored bytes: in files of the data directory, or in a bucket that several Hubs share.
//!
//! Which key has which bytes is for the catalogue to say. Files are named by the digest of what they
//! hold. In a bucket bytes have a name that is drawn for them, their place, which the catalogue keeps
//! beside the digest.

#[cfg_attr(not(feature = "s3"), path = "bucket_absent.rs")]
mod bucket;
mod compare;
mod files;
mod listing;
mod staging;

pub(crate) use bucket::Bucket;
pub(crate) use compare::{Found, blob_path, look_at, open_stored, pour};
pub(crate) use files::Files;
pub(crate) use listing::blob_folders;
pub(crate) use staging::{Staged, Staging};

use crate::HubError;
use crate::catalogue::StoredObject;
use crate::config::BucketConfig;
use crate::data_dir::DataDir;
use jiff::{SignedDuration, Timestamp};
use release_types::Sha256Digest;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// What artifacts and answers call the storage.
const LOCAL: &str = "local";
const S3: &str = "s3";

/// How much is collected before it is handed on.
const WRITE_BUFFER: usize = 256 * 1024;

/// How old bytes that nothing refers to become before they are removed.
const ORPHAN_AGE: SignedDuration = SignedDuration::from_hours(24);

/// Where a Hub's bytes are.
#[derive(Debug)]
pub(crate) struct Storage {
    files: Files,
    bucket: Option<Bucket>,
}

impl Storage {
    /// Uses a data directory, and the bucket where there is one. Asks the bucket nothing yet.
    pub(crate) fn open(dir: &DataDir, bucket: Option<&BucketConfig>) -> Result<Self, HubError> {
        Ok(Self {
            files: Files::open(dir)?,
            bucket: bucket.map(Bucket::open).transpose()?,
        })
    }

    /// What artifacts and answers call it.
    pub(crate) fn provider(&self) -> &'static str {
        match self.bucket {
            Some(_) => S3,
            None => LOCAL,
        }
    }

    /// The files on this machine. With a bucket they hold no bytes of objects.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// The bucket, where the bytes are in one.
    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_ref()
    }

    /// Whether an object's bytes are there in their length.
    pub(crate) async fn has(
        &self,
        object: &StoredObject,
        presence: &Presence,
    ) -> Result<bool, HubError> {
        match (&self.bucket, &object.place) {
            (None, _) => self.files.has(&object.sha256, object.size).await,
            (Some(bucket), Some(place)) => match bucket.size(place).await? {
                Some(size) => Ok(size == object.size),
                None => presence.of(bucket).await.map(|()| false),
            },
            (Some(_), None) => Ok(false),
        }
    }

    /// Reads what is short and has its digest, as text; nothing where it is neither.
    pub(crate) async fn read_text(
        &self,
        object: &StoredObject,
        most: u64,
    ) -> Result<Option<String>, HubError> {
        let (sha256, size) = (&object.sha256, object.size);
        if size > most {
            return Ok(None);
        }
        match (&self.bucket, &object.place) {
            (None, _) => self.files.read_text(sha256, size).await,
            (Some(bucket), Some(place)) => bucket.read_text(place, sha256, size).await,
            (Some(_), None) => Ok(None),
        }
    }

    /// Whether bytes can be stored and read now.
    pub(crate) async fn check(&self) -> Result<(), HubError> {
        match &self.bucket {
            None => self.files.try_to_write().await,
            Some(bucket) => bucket.ping().await,
        }
    }
}

/// That a bucket is there, which is asked once for all that a request misses in it: a bucket that is gone
/// looks as if none of it was there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presence(Arc<OnceCell<()>>);

impl Presence {
    /// Makes sure of it.
    pub(crate) async fn of(&self, bucket: &Bucket) -> Result<(), HubError> {
        let look = || async { bucket.owner().await.map(drop) };
        self.0.get_or_try_init(look).await.copied()
    }
}

/// Stored bytes in a file that no object has.
#[derive(Debug)]
pub(crate) struct Unknown {
    /// Where they are, for people.
    pub(crate) path: std::path::PathBuf,
    /// Their name, which is the digest of what was stored.
    pub(crate) sha256: Sha256Digest,
    pub(crate) size: u64,
}

/// Who has the bytes below a prefix of a bucket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// The catalogue's id.
    pub(crate) catalogue: String,
    /// The bucket's own id.
    bucket: Option<String>,
    /// How old the catalogue was when it was seen last.
    pub(crate) age: u64,
}

impl Claim {
    /// Of a catalogue that was not seen yet, on a bucket that gets this id.
    pub(crate) fn new(catalogue: &str, bucket: String) -> Self {
        Self {
            catalogue: catalogue.to_owned(),
            bucket: Some(bucket),
            age: 0,
        }
    }

    /// The bucket's id. One that was claimed when buckets had none has its catalogue's.
    pub(crate) fn bucket(&self) -> &str {
        self.bucket.as_deref().unwrap_or(&self.catalogue)
    }
}

/// What lies in a bucket. Two of one name that are equal are the same bytes, put there once.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lying {
    /// Its name below its folder.
    pub(crate) name: String,
    /// In bytes.
    pub(crate) size: u64,
    /// When it came, by the store's clock, in whole seconds.
    pub(crate) at: Timestamp,
    /// What the store tells it from others by: its tag and its version, where there are such.
    pub(crate) tags: [Option<String>; 2],
}

impl Lying {
    /// Whether it is so old that nobody can be about to use it.
    pub(crate) fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= ORPHAN_AGE
    }
}

/// Bytes as they were read: what they are, and how many.
pub(crate) type Read = (Sha256Digest, u64);

/// Runs work that waits for the disk where it holds nobody up.
pub(crate) async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only a runtime that is shutting down cancels such work.
            Err(_) => std::future::pending().await,
        },
    }
}
