//! A copy of a Hub that is whole, made while a server runs; and a Hub made from it.
//!
//! ```text
//! hub.db          the catalogue as it was at one moment
//! blobs/ab/abc…   the bytes it knows
//! manifest.json   the digests of all that; written last, so that what has none is not complete
//! ```
//!
//! Bytes in a bucket stay there: the backup holds the catalogue alone, and says so. What is in the bucket
//! is for the store's own means to keep, such as versions and copies elsewhere.
//!
//! The bytes are copied after the catalogue, from a server that goes on working. What a release
//! refers to never changes; an upload of no release may have gone meanwhile, and then the catalogue
//! is copied again.

mod copying;
mod restoring;

pub use restoring::restore;

use crate::HubError;
use crate::catalogue::Catalogue;
use crate::data_dir::{create_folder, fsync_folder, private_file};
use crate::inspect::Inspection;
use crate::storage::{blocking, pour};
use copying::copy_blobs;
use jiff::Timestamp;
use release_types::Sha256Digest;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

const FORMAT: u32 = 1;

/// Of a backup whose bytes are in a bucket.
const FORMAT_WITH_BUCKET: u32 = 2;

const MANIFEST: &str = "manifest.json";

/// How often the catalogue is copied anew because bytes have gone meanwhile.
const ATTEMPTS: usize = 5;

/// What a backup holds: its `manifest.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Of this file: 1, or 2 with a bucket.
    pub format: u32,
    /// When the backup was begun.
    pub created_at: Timestamp,
    /// `hub.db`.
    pub catalogue: BackedUp,
    /// The files below `blobs`.
    pub blobs: Vec<BackedUp>,
    /// The bucket that the bytes are in, which then are not in the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
}

/// A file of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// Its digest.
    pub sha256: Sha256Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// Why there is no backup, or no Hub from one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The folder to write to has something in it.
    #[error("{} is not empty; nothing was changed", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// Bytes are not what they were.
    #[error("{} is {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The folder has no manifest that can be read.
    #[error("{} holds no complete backup", path.display())]
    NoBackup {
        /// The folder.
        path: PathBuf,
        /// Why not, where it has a manifest.
        source: Option<serde_json::Error>,
    },
    /// Database or disk failed.
    #[error(transparent)]
    Hub(#[from] HubError),
}

impl Backup {
    /// How many bytes it holds.
    pub fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.size).sum::<u64>() + self.catalogue.size
    }
}

impl Inspection {
    /// Copies all of the Hub to a folder that is empty or missing. With `link` the bytes are not
    /// copied but given a second name, where both folders are on one file system: this costs
    /// nothing, and protects from deletion but not from a damaged disk.
    ///
    /// # Errors
    /// When the folder has something in it, when bytes are missing or damaged, and whatever disk
    /// and database report. What is left of the folder then is no backup: it has no manifest.
    pub async fn backup(
        &self,
        to: &Path,
        link: bool,
        now: Timestamp,
    ) -> Result<Backup, BackupError> {
        if !self.catalogue().is_a_file() {
            return Err(HubError::Config(
                "PostgreSQL holds the catalogue: copy it with `pg_dump` first, and then the data \
                 directory's folder `blobs`, unless the bytes are in a bucket"
                    .to_owned(),
            )
            .into());
        }
        let in_bucket = self.bucket().map(|bucket| bucket.name().to_owned());
        self.catalogue().check_storage(in_bucket.is_some()).await?;
        make_empty(to, self.root())?;
        let database = to.join("hub.db");
        let mut attempt = 1;
        let blobs = loop {
            let copy = self.copy_catalogue(&database).await?;
            let blobs = match in_bucket {
                None => copy.blob_list().await,
                Some(_) => Ok(Vec::new()),
            };
            copy.close().await;
            let blobs = blobs?;
            if in_bucket.is_some() {
                break blobs;
            }
            let (from, aim, list) = (self.blobs(), to.join("blobs"), blobs.clone());
            let copying = blocking(move || copy_blobs(&from, &aim, &list, link)).await;
            match copying {
                Err(BackupError::Damaged { path, .. }) if attempt < ATTEMPTS && !path.exists() => {
                    tracing::info!(file = %path.display(), "bytes have gone; starting anew");
                    attempt += 1;
                }
                Err(error) => return Err(error),
                Ok(()) => break blobs,
            }
        };
        let to = to.to_owned();
        blocking(move || finish(&to, blobs, in_bucket, now)).await
    }

    /// The catalogue as it is now, in a file of its own, marked as a copy.
    async fn copy_catalogue(&self, database: &Path) -> Result<Catalogue, BackupError> {
        remove_database(database)?;
        private_file(OpenOptions::new().create_new(true).write(true))
            .open(database)
            .map_err(HubError::io("create", database))?;
        self.catalogue().copy_to(database).await?;
        let copy = Catalogue::open_copy(database).await?;
        copy.mark_copy(true).await?;
        Ok(copy)
    }
}

/// Lists all of it. Bytes that an earlier attempt has copied, and that went meanwhile, are not listed
/// and so not restored.
fn finish(
    to: &Path,
    blobs: Vec<(Sha256Digest, u64)>,
    bucket: Option<String>,
    now: Timestamp,
) -> Result<Backup, BackupError> {
    let database = to.join("hub.db");
    sync(&database)?;
    let mut file = File::open(&database).map_err(HubError::io("open", &database))?;
    let (sha256, size) =
        pour(&mut file, &mut std::io::sink()).map_err(HubError::io("read", &database))?;
    let backed_up = |(sha256, size)| BackedUp { sha256, size };
    let manifest = Backup {
        format: match bucket {
            None => FORMAT,
            Some(_) => FORMAT_WITH_BUCKET,
        },
        created_at: now,
        catalogue: BackedUp { sha256, size },
        blobs: blobs.into_iter().map(backed_up).collect(),
        bucket,
    };
    let (path, aside) = (to.join(MANIFEST), to.join("manifest.new"));
    let written = serde_json::to_vec_pretty(&manifest)
        .map_err(std::io::Error::from)
        .and_then(|mut text| {
            text.push(b'\n');
            let mut options = OpenOptions::new();
            let mut file =
                private_file(options.create(true).truncate(true).write(true)).open(&aside)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&aside, &path)
        });
    written.map_err(HubError::io("write", &path))?;
    fsync_folder(to)?;
    Ok(manifest)
}

fn sync(file: &Path) -> Result<(), HubError> {
    // Windows syncs only what may be written to.
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .and_then(|file| file.sync_all())
        .map_err(HubError::io("sync", file))
}

fn remove_database(database: &Path) -> Result<(), HubError> {
    match std::fs::remove_file(database) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(HubError::io("remove", database)(error))
        }
        _ => Ok(()),
    }
}

/// Makes the folder of a backup. Within the data directory it would be part of what it is a copy of:
/// a disk that fails takes both, and what looks after one meets the other.
fn make_empty(folder: &Path, data_dir: &Path) -> Result<(), BackupError> {
    if !is_empty(folder)? {
        let path = folder.to_owned();
        return Err(BackupError::NotEmpty { path });
    }
    let is_new = !folder.exists();
    create_folder(folder)?;
    // Links and dots are gone from these names.
    let real = |path: &Path| path.canonicalize().map_err(HubError::io("look at", path));
    // A Hub whose catalogue and bytes are elsewhere may have no folder.
    if data_dir.is_dir() && real(folder)?.starts_with(real(data_dir)?) {
        if is_new {
            std::fs::remove_dir(folder).map_err(HubError::io("remove", folder))?;
        }
        return Err(HubError::Config(format!(
            "{} lies within the data directory; name a folder outside of it, on another disk if \
             there is one",
            folder.display()
        ))
        .into());
    }
    Ok(())
}

/// Whether a folder is empty, or missing.
fn is_empty(folder: &Path) -> Result<bool, HubError> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        entries => {
            let mut entries = entries.map_err(HubError::io("list", folder))?;
            Ok(entries.next().is_none())
        }
    }
}
