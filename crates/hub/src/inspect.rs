//! Whether every release has its bytes. Reads beside a running server, and changes nothing.

use crate::belonging::must_belong;
use crate::catalogue::{AuditEntry, Catalogue, ReleasedFile};
use crate::data_dir::DataDir;
use crate::storage::{Bucket, Found, blob_path, blocking, look_at};
use crate::{HubConfig, HubError};
use futures_util::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use release_types::Sha256Digest;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// How many files in a bucket are looked at at a time.
const AT_ONCE: usize = 8;

/// A Hub's data directory that is looked at, perhaps while a server has it open.
#[derive(Debug)]
pub struct Inspection {
    root: PathBuf,
    catalogue: Catalogue,
    bucket: Option<Bucket>,
}

/// What a check has found.
#[derive(Debug, Default)]
pub struct Checked {
    /// How many files of releases were looked at.
    pub files: usize,
    /// How many builds of packs.
    pub builds: usize,
    /// Names that an earlier version took and this one refuses, each with the reason. What is called so
    /// cannot be asked for.
    pub refused_names: Vec<String>,
    /// Which of them are not what was released, and why.
    pub damaged: Vec<Damage>,
}

/// A file of a release whose bytes are not what was released.
#[derive(Debug, PartialEq, Eq)]
pub struct Damage {
    /// Product, version, channel, platform and name of the file.
    pub name: String,
    /// The digest that it was released with, which is also the stored file's name.
    pub sha256: Sha256Digest,
    /// What is the matter.
    pub why: &'static str,
}

impl Inspection {
    /// Opens a Hub to look at it. One whose catalogue is on a server needs no folder for its audit,
    /// and for nothing when its bytes are in a bucket.
    ///
    /// # Errors
    /// [`HubError::NotInitialized`] or [`HubError::Config`] where there is none, [`HubError::Config`]
    /// when it is of another version, and whatever disk and database report.
    pub async fn open(config: &HubConfig) -> Result<Self, HubError> {
        let root = &config.data_dir;
        let bucket = config.bucket.as_ref().map(Bucket::open).transpose()?;
        let catalogue = match &config.database {
            Some(url) => {
                DataDir::refuse_catalogue(root)?;
                Catalogue::join_server(url).await?
            }
            None if DataDir::has_catalogue(root) => {
                DataDir::refuse_empty(root)?;
                Some(Catalogue::open_to_read(&root.join("hub.db")).await?)
            }
            None => None,
        };
        Ok(Self {
            root: root.clone(),
            catalogue: catalogue.ok_or_else(|| config.not_initialized())?,
            bucket,
        })
    }

    /// The newest changes, the oldest of them first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(
        &self,
        since: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, HubError> {
        self.catalogue.audit(since, limit).await
    }

    /// Compares every file of every release with what is stored: its length, and unless `quick`
    /// its digest.
    ///
    /// # Errors
    /// When the database or the disk fails. What is missing or differs is no error.
    pub async fn check(&self, quick: bool) -> Result<Checked, HubError> {
        self.catalogue.check_storage(self.bucket.is_some()).await?;
        let checked = self.check_files(quick).await?;
        Ok(Checked {
            refused_names: self.catalogue.refused_names().await?,
            ..checked
        })
    }

    async fn check_files(&self, quick: bool) -> Result<Checked, HubError> {
        let files = self.catalogue.released_files().await?;
        let found = match &self.bucket {
            Some(bucket) => return check_bucket(&self.catalogue, bucket, &files, quick).await,
            None if self.root.as_os_str().is_empty() => {
                return Err(HubError::Config(
                    "the stored bytes are in the data directory: give it with --data-dir"
                        .to_owned(),
                ));
            }
            None => {
                let (blobs, wanted) = (self.blobs(), distinct(&files));
                blocking(move || {
                    let found = wanted.into_iter().map(|(name, asked)| {
                        let found = look_at(&blob_path(&blobs, &asked.0), asked, quick)?;
                        Ok::<_, HubError>((name, found))
                    });
                    found.collect()
                })
                .await?
            }
        };
        Ok(judged(&files, &found))
    }

    /// Closes the database.
    pub async fn close(self) {
        self.catalogue.close().await;
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        self.bucket.as_ref()
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }
}

/// What is where files should be, by what they should be and where.
type All = HashMap<Bytes, Found>;

/// Place and digest.
type Bytes = (Option<String>, Sha256Digest, u64);

fn bytes_of(file: &ReleasedFile) -> Bytes {
    (file.place.clone(), file.sha256, file.size)
}

/// What has to be looked at, each once.
fn distinct(files: &[ReleasedFile]) -> HashMap<Bytes, (Sha256Digest, u64)> {
    let asked = |file: &ReleasedFile| (bytes_of(file), (file.sha256, file.size));
    files.iter().map(asked).collect()
}

/// Compares files with what is in a bucket.
pub(crate) async fn check_bucket(
    catalogue: &Catalogue,
    bucket: &Bucket,
    files: &[ReleasedFile],
    quick: bool,
) -> Result<Checked, HubError> {
    must_belong(catalogue, bucket).await?;
    let looking = distinct(files).into_iter().map(|(name, asked)| async move {
        let found = look_into(bucket, name.0.as_deref(), asked, quick).await?;
        Ok::<_, HubError>((name, found))
    });
    let looking = futures_util::stream::iter(looking).buffer_unordered(AT_ONCE);
    let found: All = looking.try_collect().await?;
    Ok(judged(files, &found))
}

async fn look_into(
    bucket: &Bucket,
    place: Option<&str>,
    asked: (Sha256Digest, u64),
    quick: bool,
) -> Result<Found, HubError> {
    let Some(place) = place else {
        return Ok(Found::Missing);
    };
    Ok(match bucket.size(place).await? {
        None => Found::Missing,
        Some(size) if size != asked.1 => Found::WrongSize,
        Some(_) if quick => Found::Whole,
        Some(size) => match bucket.digest(place, size).await? {
            None => Found::Missing,
            Some(read) if read == asked => Found::Whole,
            Some(_) => Found::WrongDigest,
        },
    })
}

fn judged(files: &[ReleasedFile], all: &All) -> Checked {
    let mut damaged = Vec::new();
    for file in files {
        let found = all.get(&bytes_of(file)).copied();
        let why = match found.unwrap_or(Found::Missing) {
            _ if file.stored != (file.sha256, file.size) => {
                "the catalogue has other bytes under its key"
            }
            Found::Whole => continue,
            Found::Missing => "its bytes are missing",
            Found::NoFile => "its bytes are no regular file",
            Found::WrongSize => "its bytes have another length",
            Found::WrongDigest => "its bytes have another digest",
        };
        damaged.push(Damage {
            name: file.name.clone(),
            sha256: file.sha256,
            why,
        });
    }
    let builds = files.iter().filter(|file| file.is_build).count();
    Checked {
        files: files.len() - builds,
        builds,
        damaged,
        ..Checked::default()
    }
}
