//! A lock that processes exclude each other with, and that tells who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

/// A locked file that holds this process's id, unlocked when it is dropped or the process ends in
/// whatever way.
///
/// The file stays: removing it would let two later processes lock two different files of one name.
#[derive(Debug)]
pub struct PidLock {
    _file: File,
}

/// Why a file could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum PidLockError {
    /// Somebody else holds it.
    #[error("it is locked{}", pid.map(|pid| format!(" by process {pid}")).unwrap_or_default())]
    Held {
        /// The holder, where the file could be read: Windows refuses to read what is locked.
        pid: Option<u32>,
    },
    /// The file could not be used.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl PidLock {
    /// Locks a file, which is made, for its owner alone, when it is missing. Does not wait.
    ///
    /// # Errors
    /// When another process, or another value of this one, holds the lock, or the file cannot be
    /// used.
    pub fn acquire(path: &Path) -> Result<Self, PidLockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let read = file.read_to_string(&mut text);
                let pid = read.ok().and_then(|_| text.trim().parse().ok());
                return Err(PidLockError::Held { pid });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_named_and_the_lock_ends_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = PidLock::acquire(&path).unwrap();
        let error = PidLock::acquire(&path).unwrap_err();
        assert!(
            matches!(error, PidLockError::Held { pid: Some(pid) } if pid == std::process::id()),
            "{error}"
        );
        drop(held);
        PidLock::acquire(&path).unwrap();
        let missing = PidLock::acquire(&dir.path().join("no/folder")).unwrap_err();
        assert!(matches!(missing, PidLockError::Io(_)), "{missing}");
    }
}
