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

use crate::HubError;
use crate::bucket_config::BucketConfig;
use crate::catalogue::Catalogue;
use crate::data_dir::{create_folder, fsync_folder, private_file};
use crate::inspect::{Inspection, check_bucket};
use crate::storage::{Bucket, blob_path, blocking, pour};
use crate::token::random_id;
use copying::{copy, copy_blob, copy_blobs};
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
        make_empty(to)?;
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

/// Makes a Hub of a backup, in a folder that is empty or missing. Every byte is compared with the
/// manifest on its way, and the folder gets its name when all of them are there. Where the bytes are in
/// a bucket, every file of a release has to be in this one in its length.
///
/// # Errors
/// When the folder has something in it, when the backup is not complete or damaged, when a bucket is
/// needed and not given or the other way about, and whatever disk, database and bucket report. The
/// folder is then as it was.
pub async fn restore(
    from: &Path,
    data_dir: &Path,
    bucket: Option<&BucketConfig>,
) -> Result<Backup, BackupError> {
    if !is_empty(data_dir)? {
        let path = data_dir.to_owned();
        return Err(BackupError::NotEmpty { path });
    }
    let manifest = read_manifest(from)?;
    let bucket = match (&manifest.bucket, bucket) {
        (None, None) => None,
        (Some(_), Some(config)) => Some(Bucket::open(config)?),
        (Some(name), None) => {
            let message = format!("the backup's bytes are in {name}: give --storage");
            return Err(HubError::Config(message).into());
        }
        (None, Some(_)) => {
            let message = "the backup holds its bytes as files: restore it without --storage";
            return Err(HubError::Config(message.to_owned()).into());
        }
    };
    let parent = match data_dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_folder(parent)?;
    let aside = parent.join(format!(".restoring-{}", random_id()?));
    let restored = fill(from, &aside, &manifest, bucket.as_ref()).await;
    let restored = restored.and_then(|()| {
        if data_dir.exists() {
            std::fs::remove_dir(data_dir).map_err(HubError::io("replace", data_dir))?;
        }
        std::fs::rename(&aside, data_dir).map_err(HubError::io("create", data_dir))?;
        Ok(fsync_folder(parent)?)
    });
    if restored.is_err()
        && let Err(error) = std::fs::remove_dir_all(&aside)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(folder = %aside.display(), %error, "a half restored Hub stays");
    }
    restored.map(|()| manifest)
}

async fn fill(
    from: &Path,
    aside: &Path,
    manifest: &Backup,
    bucket: Option<&Bucket>,
) -> Result<(), BackupError> {
    let (from, to, manifest) = (from.to_owned(), aside.to_owned(), manifest.clone());
    let listed = manifest.clone();
    blocking(move || {
        create_folder(&to)?;
        let database = to.join("hub.db");
        copy(&from.join("hub.db"), &database, manifest.catalogue)?;
        for blob in &manifest.blobs {
            let source = blob_path(&from.join("blobs"), &blob.sha256);
            copy_blob(&source, &to.join("blobs"), *blob)?;
        }
        Ok::<_, BackupError>(())
    })
    .await?;
    let database = aside.join("hub.db");
    let catalogue = Catalogue::open_copy(&database).await?;
    let known = async {
        if !catalogue.is_whole().await? {
            return Err(BackupError::Damaged {
                path: database.clone(),
                what: "a database whose pages contradict each other",
            });
        }
        if let Some(bucket) = bucket {
            catalogue.check_storage(true).await?;
            let checked = check_bucket(bucket, &catalogue.released_files().await?, true).await?;
            if let [damage, ..] = &checked.damaged[..] {
                return Err(BackupError::Damaged {
                    path: format!("{} of {}", bucket.name(), damage.name).into(),
                    what: "without its bytes, or they have another length",
                });
            }
            // It stays marked as a copy: the bucket may hold bytes that it does not know.
            return Ok(Vec::new());
        }
        // The bytes are there with it: what it does not know, there is not.
        catalogue.mark_copy(false).await?;
        Ok(catalogue.blob_list().await?)
    };
    let known = known.await;
    catalogue.close().await;
    for (sha256, size) in known? {
        if !listed.blobs.contains(&BackedUp { sha256, size }) {
            return Err(BackupError::Damaged {
                path: blob_path(&aside.join("blobs"), &sha256),
                what: "missing from the backup's manifest",
            });
        }
    }
    sync(&database)?;
    Ok(fsync_folder(aside)?)
}

fn read_manifest(from: &Path) -> Result<Backup, BackupError> {
    let path = from.join(MANIFEST);
    let no_backup = |source| BackupError::NoBackup {
        path: from.to_owned(),
        source,
    };
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(no_backup(None)),
        read => read.map_err(HubError::io("read", &path))?,
    };
    let manifest: Backup =
        serde_json::from_slice(&bytes).map_err(|error| no_backup(Some(error)))?;
    match manifest.format {
        FORMAT | FORMAT_WITH_BUCKET => Ok(manifest),
        _ => Err(BackupError::Damaged {
            path,
            what: "of a format that this version does not know",
        }),
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

fn make_empty(folder: &Path) -> Result<(), BackupError> {
    if !is_empty(folder)? {
        let path = folder.to_owned();
        return Err(BackupError::NotEmpty { path });
    }
    Ok(create_folder(folder)?)
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
