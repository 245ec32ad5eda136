//! Locks on folders and files, so that two runs never work in one at the same time.

use crate::system;
use process::{PidLock, PidLockError};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The lock file's name in the folder it protects.
const FILE_NAME: &str = ".atlas-release.lock";

/// A folder that is locked until this is dropped.
#[derive(Debug)]
pub struct DirLock {
    _lock: PidLock,
}

/// A file that one run at a time reads, changes and puts a new one in the place of.
#[derive(Debug)]
pub struct FileLock {
    _held: Option<Held>,
}

#[derive(Debug)]
enum Held {
    /// The file itself, beside which nothing is left.
    File { _file: File },
    /// Its folder, where a locked file could not be read any more.
    Folder { _lock: DirLock },
}

impl FileLock {
    /// Locks a file, once whoever holds it lets it go. Where nothing can be locked, nobody is kept out.
    ///
    /// # Errors
    /// When another run holds it for longer than `patience`, or it cannot be opened.
    pub fn acquire(file: &Path, patience: Duration) -> Result<Self, LockError> {
        let real = std::fs::canonicalize(file).map_err(|source| LockError::Io {
            dir: file.to_owned(),
            source,
        })?;
        let start = Instant::now();
        loop {
            match Self::attempt(&real) {
                Err(LockError::Held { .. }) if start.elapsed() < patience => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                outcome => return outcome,
            }
        }
    }

    fn attempt(file: &Path) -> Result<Self, LockError> {
        if system::locks_keep_readers_out() {
            let folder = file.parent().unwrap_or(file);
            let lock = DirLock::acquire(folder)?;
            let held = Some(Held::Folder { _lock: lock });
            return Ok(Self { _held: held });
        }
        let io = |source| LockError::Io {
            dir: file.to_owned(),
            source,
        };
        loop {
            let opened = OpenOptions::new().read(true).write(true).open(file);
            // Who may only read it may still put another one in its place.
            let opened = opened.or_else(|_| File::open(file)).map_err(io)?;
            match opened.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held {
                        dir: file.to_owned(),
                        pid: None,
                    });
                }
                Err(TryLockError::Error(error)) => {
                    tracing::trace!(path = %file.display(), %error, "it is not locked");
                    return Ok(Self { _held: None });
                }
            }
            let (ours, there) = (opened.metadata(), std::fs::metadata(file));
            let is_same = system::is_same_file(&ours.map_err(io)?, &there.map_err(io)?);
            // Else whoever held it has put a new one in its place meanwhile.
            if is_same {
                let held = Some(Held::File { _file: opened });
                return Ok(Self { _held: held });
            }
        }
    }
}

/// Why a folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another run holds it.
    #[error("{} is in use by another run{}", dir.display(), pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Held {
        /// The folder, or the file.
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
    fn a_file_is_one_runs_also_where_another_one_comes_into_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let (file, new) = (dir.path().join("m"), dir.path().join("new"));
        std::fs::write(&file, "one").unwrap();
        let lock = |patience| FileLock::acquire(&file, Duration::from_millis(patience));
        let held = lock(0).unwrap();
        let error = lock(50).unwrap_err();
        assert!(matches!(error, LockError::Held { .. }), "{error}");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let held = lock(60_000).unwrap();
                (std::fs::read_to_string(&file).unwrap(), held)
            });
            std::thread::sleep(Duration::from_millis(60));
            assert!(!waiting.is_finished());
            std::fs::write(&new, "two").unwrap();
            std::fs::rename(&new, &file).unwrap();
            drop(held);
            let (text, _held) = waiting.join().unwrap();
            assert_eq!(text, "two");
            assert!(lock(0).is_err(), "it is held by its new name");
        });
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        let error = FileLock::acquire(&new, Duration::ZERO).unwrap_err();
        assert!(matches!(error, LockError::Io { .. }), "{error}");
    }

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
