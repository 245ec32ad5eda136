//! `publish.journal`: what this machine has sent of a platform's folder, and where to, so that a run
//! that was killed is gone on with where the Hub does not say by itself what it has.
//!
//! One JSON object a line, each on the disk before the run goes on. It tells where to look, not what is
//! so: a line counts only for the same Hub, version, key and bytes, and the Hub's word is above it. No
//! token and no signed address is ever in it.

use crate::artifacts::LocalArtifact;
use crate::dist::JOURNAL_FILE;
use crate::system;
use jiff::Timestamp;
use release_types::{Channel, ObjectKey, Platform, ProductName, Sha256Digest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The version of a line's form.
const FORMAT: u32 = 1;

/// The longest journal that is read, in bytes: some ten thousand runs of a usual release.
const LIMIT: u64 = 16 * 1024 * 1024;

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
            let (file, text) = JournalFile::open(folder)?;
            journal.files.push(Arc::new(file));
            for line in text.lines().filter(|line| !line.is_empty()) {
                journal.read(line, &own);
            }
        }
        Ok(journal)
    }

    fn read(&mut self, line: &str, own: &BTreeMap<&ObjectKey, &LocalArtifact>) {
        let here = |line: &Line| {
            line.format == FORMAT && line.hub == self.hub && line.version == self.version
        };
        let Some(line) = serde_json::from_str(line).ok().filter(here) else {
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
                self.claims.entry(key).or_insert(Claim::Begun);
            }
            Some(claim) => {
                self.claims.insert(key, claim);
            }
            None => {
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

/// One platform's journal.
#[derive(Debug)]
struct JournalFile {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    /// Nothing before the first line of a journal that is yet to be made.
    file: Option<File>,
    /// Where its whole lines end.
    end: u64,
}

impl JournalFile {
    /// Opens the journal of a folder, and reads its whole lines. The end of a line that was torn by a
    /// power cut or a full disk is no line.
    fn open(folder: &Path) -> Result<(Self, String), JournalError> {
        let path = folder.join(JOURNAL_FILE);
        let unfit = |why| JournalError::Unfit {
            path: path.clone(),
            why,
        };
        let failed = |source| JournalError::Open {
            path: path.clone(),
            source,
        };
        let mut text = String::new();
        let file = match std::fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_symlink() => return Err(unfit("a link")),
            Ok(meta) if meta.is_dir() => return Err(unfit("a folder")),
            Ok(meta) if !meta.is_file() => return Err(unfit("no regular file")),
            Ok(meta) if meta.len() > LIMIT => {
                let why = format!("it is longer than {LIMIT} bytes");
                return Err(failed(io::Error::other(why)));
            }
            Ok(_) => {
                let mut file = system::open_own(&path, false).map_err(failed)?;
                let mut bytes = Vec::new();
                (&mut file)
                    .take(LIMIT)
                    .read_to_end(&mut bytes)
                    .map_err(failed)?;
                let end = bytes.iter().rposition(|byte| *byte == b'\n');
                bytes.truncate(end.map_or(0, |end| end + 1));
                // What is no text is a line that is not understood.
                text = String::from_utf8_lossy(&bytes).into_owned();
                Some((file, bytes.len() as u64))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Better known now than after the first upload.
                tempfile::tempfile_in(folder).map_err(failed)?;
                None
            }
            Err(error) => return Err(failed(error)),
        };
        let (file, end) = file.map_or((None, 0), |(file, end)| (Some(file), end));
        let open = Mutex::new(Open { file, end });
        Ok((Self { path, open }, text))
    }

    /// Writes a line, in the place of a torn one, and brings it to the disk.
    fn append(&self, line: &Line) -> Result<(), JournalError> {
        let failed = |source| JournalError::Write {
            path: self.path.clone(),
            source,
        };
        let mut bytes = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let Open { file, end } = &mut *open;
        let file = match file {
            Some(file) => file,
            None => file.insert(create(&self.path).map_err(failed)?),
        };
        let written = file
            .set_len(*end)
            .and_then(|()| file.seek(SeekFrom::Start(*end)))
            .and_then(|_| file.write_all(&bytes))
            .and_then(|()| file.sync_data());
        if let Err(error) = written {
            // A part of a line is none, and would be left out by the next run as well.
            file.set_len(*end).ok();
            return Err(failed(error));
        }
        *end += bytes.len() as u64;
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<File> {
    let file = system::open_own(path, true)?;
    system::set_mode(path, 0o644)?;
    if let Some(folder) = path.parent() {
        system::sync_dir(folder)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests;
