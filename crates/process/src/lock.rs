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
    /// Whoever could write to the folder may have put something else in the file's place, so a link is
    /// not followed, and what is no lock's is not written over.
    ///
    /// # Errors
    /// When another process, or another value of this one, holds the lock, or the file cannot be
    /// used or is no lock's.
    pub fn acquire(path: &Path) -> Result<Self, PidLockError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            // A named pipe would be waited for.
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            options.mode(0o600).custom_flags(flags.bits().cast_signed());
        }
        // Elsewhere there is no such flag.
        if path.is_symlink() {
            return Err(not_ours("it is a link"));
        }
        let mut file = options.open(path)?;
        if !file.metadata()?.is_file() {
            return Err(not_ours("it is no regular file"));
        }
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
        if !is_a_locks(&mut file)? {
            return Err(not_ours("it holds something else than a lock does"));
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

fn not_ours(why: &str) -> PidLockError {
    io::Error::new(io::ErrorKind::InvalidData, why).into()
}

/// Whether a file holds what a lock's does: nothing, or a process's id.
fn is_a_locks(file: &mut File) -> io::Result<bool> {
    // Enough for any id and a line's end.
    const LONGEST: u64 = 24;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.take(LONGEST + 1).read_to_end(&mut bytes)?;
    let text = bytes.trim_ascii_end();
    // A power cut can leave zeros of what was written.
    let is_ours = |byte: &u8| byte.is_ascii_digit() || *byte == 0;
    Ok(bytes.len() as u64 <= LONGEST && text.iter().all(is_ours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_locks_is_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, path) = (dir.path().join("victim"), dir.path().join("lock"));
        let refused = |words: &str| {
            let error = PidLock::acquire(&path).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
            assert_eq!(std::fs::read_to_string(&victim).unwrap(), "dear to me");
        };
        std::fs::write(&victim, "dear to me").unwrap();
        std::fs::hard_link(&victim, &path).unwrap();
        refused("something else");
        #[cfg(unix)]
        {
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(&victim, &path).unwrap();
            refused("it is a link");
            // Nothing is made where a link leads to nothing.
            std::fs::remove_file(&path).unwrap();
            std::os::unix::fs::symlink(dir.path().join("new"), &path).unwrap();
            refused("it is a link");
            assert!(!dir.path().join("new").exists());
        }
    }

    #[test]
    fn the_holder_is_named_and_the_lock_ends_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        std::fs::write(&path, [0; 6]).unwrap();
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
