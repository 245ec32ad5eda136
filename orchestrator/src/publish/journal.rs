//! `publish.journal`: what this machine has sent of a platform's folder, and where to, so that a run
//! that was killed is gone on with where the Hub does not say by itself what it has.
//!
//! It does not grow without end: where it would become longer than is read, the lines that count for nothing
//! here go, and at worst something is sent again.
//!
//! One JSON object a line, each on the disk before the run goes on. It tells where to look, not what is
//! so: a line counts only for the same Hub, version, key and bytes, and the Hub's word is above it. No
//! token and no signed address is ever in it.

mod file;

use crate::artifacts::LocalArtifact;
use file::JournalFile;
use jiff::Timestamp;
use release_types::{Channel, ObjectKey, Platform, ProductName, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The version of a line's form.
const FORMAT: u32 = 1;

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Something else is in its place.
    #[error("{} is no publish journal: it is {why}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// It is longer than is read.
    #[error("the publish journal {} is longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most that is read, in bytes.
        limit: u64,
    },
    /// It cannot be opened or read.
    #[error("cannot open the publish journal {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line cannot be written.
    #[error("cannot write the publish journal {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    format: u32,
    at: Timestamp,
    hub: String,
    version: String,
    #[serde(flatten)]
    what: What,
}

/// What has happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum What {
    /// A file is about to be sent.
    Sending {
        key: ObjectKey,
        size: u64,
        sha256: Sha256Digest,
    },
    /// The storage has taken it.
    Uploaded {
        key: ObjectKey,
        provider: String,
        size: u64,
        sha256: Sha256Digest,
    },
    /// The storage keeps something else under the key, whatever stands above.
    Void {
        key: ObjectKey,
        size: u64,
        sha256: Sha256Digest,
    },
    /// A platform is about to be registered.
    Registering(Registration),
    /// The Hub has registered it.
    Registered(Registration),
}

/// What is registered by one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Registration {
    product: ProductName,
    platform: Platform,
    channel: Channel,
}

/// What the journal says of a file with the bytes that it has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// An earlier run has begun to send it.
    Begun,
    /// An earlier run has sent it, and this storage has taken it.
    Uploaded {
        /// The storage's name.
        provider: String,
    },
}

/// The journals of a release's platforms, as one; without any it says nothing and takes nothing.
#[derive(Debug)]
pub struct Journal {
    hub: String,
    version: String,
    now: fn() -> Timestamp,
    files: Vec<Arc<JournalFile>>,
    claims: BTreeMap<ObjectKey, Claim>,
    /// Lines that count for nothing here.
    foreign: usize,
}

impl Journal {
    /// Reads the journals in these platforms' folders, where there are some. None is made before there
    /// is something to write.
    ///
    /// `hub` is what the Hub is called in them.
    ///
    /// # Errors
    /// When one cannot be read or could not be written, or something else is in its place.
    pub fn open(
        folders: &[PathBuf],
        hub: &str,
        version: &semver::Version,
        artifacts: &[LocalArtifact],
        now: fn() -> Timestamp,
    ) -> Result<Self, JournalError> {
        let mut journal = Self {
            hub: hub.to_owned(),
            version: version.to_string(),
            now,
            files: Vec::with_capacity(folders.len()),
            claims: BTreeMap::new(),
            foreign: 0,
        };
        let own: BTreeMap<_, _> = artifacts.iter().map(|a| (&a.key, a)).collect();
        for folder in folders {
            let (mut file, text) = JournalFile::open(folder)?;
            let mut counting = BTreeMap::new();
            for line in text.lines().filter(|line| !line.is_empty()) {
                journal.read(line, &own, &mut counting);
            }
            file.keep(counting.into_values());
            journal.files.push(Arc::new(file));
        }
        Ok(journal)
    }

    /// Takes a line in. `counting` has the one for each file that says what is known of it.
    fn read<'t>(
        &mut self,
        text: &'t str,
        own: &BTreeMap<&ObjectKey, &LocalArtifact>,
        counting: &mut BTreeMap<ObjectKey, &'t str>,
    ) {
        let here = |line: &Line| {
            line.format == FORMAT && line.hub == self.hub && line.version == self.version
        };
        let Some(line) = serde_json::from_str(text).ok().filter(here) else {
            self.foreign += 1;
            return;
        };
        let (key, size, sha256, claim) = match line.what {
            What::Sending { key, size, sha256 } => (key, size, sha256, Some(Claim::Begun)),
            What::Uploaded {
                key,
                provider,
                size,
                sha256,
            } => (key, size, sha256, Some(Claim::Uploaded { provider })),
            What::Void { key, size, sha256 } => (key, size, sha256, None),
            What::Registering(_) | What::Registered(_) => return,
        };
        let same = |local: &&LocalArtifact| (local.size, local.sha256) == (size, sha256);
        if own.get(&key).copied().filter(same).is_none() {
            self.foreign += 1;
            return;
        }
        match claim {
            // To begin again takes nothing back: the same bytes replace themselves.
            Some(Claim::Begun) => {
                counting.entry(key.clone()).or_insert(text);
                self.claims.entry(key).or_insert(Claim::Begun);
            }
            Some(claim) => {
                counting.insert(key.clone(), text);
                self.claims.insert(key, claim);
            }
            None => {
                counting.remove(&key);
                self.claims.remove(&key);
            }
        }
    }

    /// How many lines are of another Hub, another version or other bytes, or cannot be understood.
    pub(super) fn foreign(&self) -> usize {
        self.foreign
    }

    /// What earlier runs have noted of a file.
    pub(super) fn claim(&self, artifact: &LocalArtifact) -> Option<&Claim> {
        self.claims.get(&artifact.key)
    }

    /// Notes that a file is about to be sent.
    pub(super) async fn sending(&self, artifact: &LocalArtifact) -> Result<(), JournalError> {
        let what = What::Sending {
            key: artifact.key.clone(),
            size: artifact.size,
            sha256: artifact.sha256,
        };
        self.note(artifact, what).await
    }

    /// Notes that a storage has taken a file.
    pub(super) async fn uploaded(
        &self,
        artifact: &LocalArtifact,
        provider: &str,
    ) -> Result<(), JournalError> {
        let what = What::Uploaded {
            key: artifact.key.clone(),
            provider: provider.to_owned(),
            size: artifact.size,
            sha256: artifact.sha256,
        };
        self.note(artifact, what).await
    }

    /// Notes that a storage keeps something else in a file's place.
    pub(super) async fn void(&self, artifact: &LocalArtifact) -> Result<(), JournalError> {
        let what = What::Void {
            key: artifact.key.clone(),
            size: artifact.size,
            sha256: artifact.sha256,
        };
        self.note(artifact, what).await
    }

    /// Notes that the platform of these files is about to be registered, or is registered.
    pub(super) async fn registers(
        &self,
        artifacts: &[&LocalArtifact],
        channel: Channel,
        done: bool,
    ) -> Result<(), JournalError> {
        // All of a folder's files are of one platform; a product may be in several folders.
        let mut folders = BTreeSet::new();
        for artifact in artifacts {
            if !folders.insert(artifact.path.parent()) {
                continue;
            }
            let registration = Registration {
                product: artifact.product.clone(),
                platform: artifact.platform,
                channel,
            };
            let what = match done {
                true => What::Registered(registration),
                false => What::Registering(registration),
            };
            self.note(artifact, what).await?;
        }
        Ok(())
    }

    async fn note(&self, artifact: &LocalArtifact, what: What) -> Result<(), JournalError> {
        let folder = artifact.path.parent();
        let Some(file) = self.files.iter().find(|file| file.path.parent() == folder) else {
            return Ok(());
        };
        let line = Line {
            format: FORMAT,
            at: (self.now)(),
            hub: self.hub.clone(),
            version: self.version.clone(),
            what,
        };
        let file = file.clone();
        // A disk may take its time. Once begun it is done, also when this run is interrupted.
        let task = tokio::task::spawn_blocking(move || file.append(&line));
        match task.await {
            Ok(outcome) => outcome,
            // It is never cancelled, so it can only have panicked.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

#[cfg(test)]
mod tests;
