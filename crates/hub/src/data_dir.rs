//! The folder that holds everything a Hub keeps, and the lock on it.
//!
//! ```text
//! hub.db          the catalogue (with hub.db-wal and hub.db-shm beside it)
//! blobs/ab/abc…   stored bytes, named by their SHA-256
//! staging/        uploads under way; emptied on start
//! lock            locked while a process has the Hub open; holds that process's id
//! ```
//!
//! Folders are made for the owner alone (0700), files too (0600). A folder that exists already
//! keeps its mode: whoever made it decided.

use crate::HubError;
use process::{PidLock, PidLockError};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The data directory, locked for this process until it is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
    _lock: PidLock,
}

impl DataDir {
    /// Whether a Hub's catalogue is in the folder.
    pub(crate) fn has_catalogue(root: &Path) -> bool {
        root.join("hub.db").is_file()
    }

    /// Creates what is missing and takes the lock.
    pub(crate) fn create(root: &Path) -> Result<Self, HubError> {
        create_folder(root)?;
        let lock = lock(root)?;
        let dir = Self {
            root: root.to_owned(),
            _lock: lock,
        };
        create_folder(&dir.blobs())?;
        create_folder(&dir.staging())?;
        // SQLite gives the files beside it the mode of this one.
        let database = dir.database();
        private_file(OpenOptions::new().create(true).append(true))
            .open(&database)
            .map_err(HubError::io("create", &database))?;
        fsync_folder(root)?;
        Ok(dir)
    }

    /// The catalogue's database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("hub.db")
    }

    /// The folder of stored bytes.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The folder of uploads under way.
    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }
}

fn lock(root: &Path) -> Result<PidLock, HubError> {
    let path = root.join("lock");
    PidLock::acquire(&path).map_err(|error| match error {
        PidLockError::Held { pid } => HubError::Locked {
            path: root.to_owned(),
            pid,
        },
        PidLockError::Io(source) => HubError::io("lock", &path)(source),
    })
}

/// Options that create a file for its owner alone.
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Creates a folder, and its parents, for the owner alone, unless it exists. Durable when it
/// returns.
pub(crate) fn create_folder(path: &Path) -> Result<(), HubError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_folder(parent)?;
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        // Somebody else was quicker.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        done => done.map_err(HubError::io("create", path))?,
    }
    fsync_folder(parent)
}

/// Makes the names in a folder survive a power cut. Windows offers no such call and needs none.
pub(crate) fn fsync_folder(path: &Path) -> Result<(), HubError> {
    #[cfg(unix)]
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(HubError::io("sync", path))?;
    #[cfg(not(unix))]
    tracing::trace!(path = %path.display(), "folders are not synced on this system");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_lock_a_folder_is_told_who_holds_it() {
        let temp = tempfile::tempdir().unwrap();
        let held = DataDir::create(temp.path()).unwrap();
        match DataDir::create(temp.path()) {
            Err(error @ HubError::Locked { pid, .. }) => {
                assert_eq!(pid, Some(std::process::id()));
                assert!(error.to_string().contains(&std::process::id().to_string()));
            }
            other => panic!("{other:?}"),
        }
        drop(held);
        assert!(DataDir::create(temp.path()).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn everything_is_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("a/hub");
        let _dir = DataDir::create(&root).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        for folder in [&root, &root.join("blobs"), &root.join("staging")] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        for file in ["hub.db", "lock"] {
            assert_eq!(mode(&root.join(file)), 0o600, "{file}");
        }
    }
}
