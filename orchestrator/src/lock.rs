//! Locks on folders, so that two runs never work in one at the same time.

use process::{PidLock, PidLockError};
use std::io;
use std::path::{Path, PathBuf};

/// The lock file's name in the folder it protects.
const FILE_NAME: &str = ".atlas-release.lock";

/// A folder that is locked until this is dropped.
#[derive(Debug)]
pub struct DirLock {
    _lock: PidLock,
}

/// Why a folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("{} is in use by another run{}", dir.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Held {
        /// The folder.
        dir: PathBuf,
        /// The holder, when it could be read.
        pid: Option<u32>,
    },
    /// The folder or its lock file could not be used.
    #[error("cannot lock {}", dir.display())]
    Io {
        /// The folder.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DirLock {
    /// Locks a folder, which is made when it is missing.
    ///
    /// # Errors
    /// When another run holds the lock, or the folder cannot be written to.
    pub fn acquire(dir: &Path) -> Result<Self, LockError> {
        let io = |source| LockError::Io {
            dir: dir.to_owned(),
            source,
        };
        if dir.exists() && !dir.is_dir() {
            return Err(io(io::ErrorKind::NotADirectory.into()));
        }
        std::fs::create_dir_all(dir).map_err(io)?;
        match PidLock::acquire(&dir.join(FILE_NAME)) {
            Ok(lock) => Ok(Self { _lock: lock }),
            Err(PidLockError::Held { pid }) => Err(LockError::Held {
                dir: dir.to_owned(),
                pid,
            }),
            Err(PidLockError::Io(source)) => Err(io(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_the_first_ones_process() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("new/folder");
        let held = DirLock::acquire(&dir).unwrap();
        let error = DirLock::acquire(&dir).unwrap_err();
        let pid = std::process::id();
        assert!(
            error
                .to_string()
                .ends_with(&format!("is in use by another run (process {pid})")),
            "{error}"
        );
        drop(held);
        DirLock::acquire(&dir).unwrap();
    }
}
