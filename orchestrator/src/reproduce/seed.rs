//! What a fresh cargo folder is given of an older one, so that nothing has to be downloaded again.

use super::ReproduceError;
use super::settings::copy_settings;
use crate::dependencies::Lock;
use std::io;
use std::path::Path;

/// Gives a new cargo folder what has been downloaded for this lock file, and the settings, but no
/// credentials: neither the files that hold them nor those among the settings. Packages are linked,
/// since cargo only reads them, and unpacked anew; the index, which cargo writes to, is copied.
pub(super) fn seed(from: &Path, to: &Path, lock: &Lock) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for name in ["config.toml", "config"] {
        if from.join(name).is_file() {
            copy_settings(&from.join(name), &to.join(name))?;
        }
    }
    copy_dir(&from.join("registry/index"), &to.join("registry/index"))?;
    let crates = lock.downloads();
    let cache = from.join("registry/cache");
    if cache.is_dir() {
        for registry in std::fs::read_dir(&cache)? {
            let registry = registry?;
            let target = to.join("registry/cache").join(registry.file_name());
            std::fs::create_dir_all(&target)?;
            for name in &crates {
                let file = registry.path().join(name);
                if file.is_file() && std::fs::hard_link(&file, target.join(name)).is_err() {
                    std::fs::copy(&file, target.join(name))?;
                }
            }
        }
    }
    if lock.needs_git() {
        copy_dir(&from.join("git/db"), &to.join("git/db"))?;
    }
    Ok(())
}

/// Reads a lock file. Without one, or with one that is none, cargo says itself what is wrong.
///
/// # Errors
/// When it is there and cannot be read.
pub(super) fn read_lock(path: &Path) -> Result<Lock, ReproduceError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Lock::parse(&text).unwrap_or_default()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Lock::default()),
        Err(source) => Err(super::io(path)(source)),
    }
}

fn copy_dir(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_dir(&entry.path(), &target)?;
        } else if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_that_cannot_be_read_is_named_and_other_text_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("Cargo.lock");
        assert!(read_lock(&path).unwrap().downloads().is_empty());
        std::fs::write(&path, "no [toml").unwrap();
        assert!(read_lock(&path).unwrap().downloads().is_empty());
        std::fs::write(&path, b"\xff").unwrap();
        let error = read_lock(&path).unwrap_err().to_string();
        assert_eq!(error, format!("cannot use {}", path.display()));
    }
}
