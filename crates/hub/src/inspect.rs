//! Whether every release has its bytes. Reads beside a running server, and changes nothing.

use crate::catalogue::{AuditEntry, Catalogue, ReleasedFile};
use crate::data_dir::DataDir;
use crate::storage::{Found, blob_path, look_at};
use crate::{HubConfig, HubError};
use jiff::Timestamp;
use release_types::Sha256Digest;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// A Hub's data directory that is looked at, perhaps while a server has it open.
#[derive(Debug)]
pub struct Inspection {
    root: PathBuf,
    catalogue: Catalogue,
}

/// What a check has found.
#[derive(Debug, Default)]
pub struct Checked {
    /// How many files of releases were looked at.
    pub files: usize,
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
    /// Opens a Hub to look at it. The audit of one whose catalogue is on a server needs no folder.
    ///
    /// # Errors
    /// [`HubError::NotInitialized`] or [`HubError::Config`] where there is none, [`HubError::Config`]
    /// when it is of another version, and whatever disk and database report.
    pub async fn open(config: &HubConfig) -> Result<Self, HubError> {
        let root = &config.data_dir;
        let catalogue = match &config.database {
            Some(url) => Catalogue::join_server(url).await?,
            None if DataDir::has_catalogue(root) => {
                Some(Catalogue::open_to_read(&root.join("hub.db")).await?)
            }
            None => None,
        };
        Ok(Self {
            root: root.clone(),
            catalogue: catalogue.ok_or_else(|| config.not_initialized())?,
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
        if self.root.as_os_str().is_empty() {
            return Err(HubError::Config(
                "the stored bytes are in the data directory: give it with --data-dir".to_owned(),
            ));
        }
        let files = self.catalogue.released_files().await?;
        let blobs = self.root.join("blobs");
        let checking = tokio::task::spawn_blocking(move || check(&blobs, &files, quick));
        checking
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Closes the database.
    pub async fn close(self) {
        self.catalogue.close().await;
    }

    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }
}

fn check(blobs: &Path, files: &[ReleasedFile], quick: bool) -> Result<Checked, HubError> {
    let mut seen = HashMap::new();
    let mut damaged = Vec::new();
    for file in files {
        let asked = (file.sha256, file.size);
        let found = match seen.get(&asked) {
            Some(found) => *found,
            None => {
                let found = look_at(&blob_path(blobs, &file.sha256), asked, quick)?;
                seen.insert(asked, found);
                found
            }
        };
        let why = match found {
            _ if file.stored != asked => "the catalogue has other bytes under its key",
            Found::Whole => continue,
            Found::Missing => "its bytes are missing",
            Found::WrongSize => "its bytes have another length",
            Found::WrongDigest => "its bytes have another digest",
        };
        damaged.push(Damage {
            name: file.name.clone(),
            sha256: file.sha256,
            why,
        });
    }
    Ok(Checked {
        files: files.len(),
        damaged,
    })
}
