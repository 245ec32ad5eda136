//! What lies in a release's folder for as long as a run is under way: what it makes, and what it puts aside
//! for that. `dist/` is locked, so what is there of another run is what one that was killed has left.

use super::RECEIPT_FILE;
use crate::system;
use release_types::Platform;
use std::ffi::OsStr;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::Path;
use std::sync::LazyLock;
use tempfile::{NamedTempFile, TempDir};

/// Beginnings of the names of what is under way.
const STAGING: &str = ".staging-";
const REPLACED: &str = ".replaced-";
const WRITING: &str = ".writing-";

/// Tells what this run holds from what another one has left.
static OWN: LazyLock<String> =
    LazyLock::new(|| format!("{:016x}-", RandomState::new().hash_one("run")));

/// A new folder for what is made; it goes when it is dropped.
///
/// # Errors
/// What the system says.
pub fn staging(parent: &Path) -> io::Result<TempDir> {
    own(STAGING, parent)
}

/// A new folder for what makes way, under its own name there; it goes when it is dropped.
pub(super) fn replaced(parent: &Path) -> io::Result<TempDir> {
    own(REPLACED, parent)
}

fn own(start: &str, parent: &Path) -> io::Result<TempDir> {
    let prefix = format!("{start}{}", *OWN);
    tempfile::Builder::new().prefix(&prefix).tempdir_in(parent)
}

/// The name that a platform's folder keeps when it is put aside.
pub(super) fn name(dir: &Path) -> &OsStr {
    dir.file_name().unwrap_or(OsStr::new("platform"))
}

/// Removes what a run that was killed has left half-done. A platform's folder that it had put aside, and
/// that nothing has taken the place of, is put back. What this run holds stays.
pub(super) fn sweep(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let starts = [STAGING, REPLACED, WRITING];
        let Some(rest) = starts.iter().find_map(|start| name.strip_prefix(start)) else {
            continue;
        };
        if rest.starts_with(&*OWN) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if name.starts_with(REPLACED) {
                put_back(&entry.path(), dir)?;
            }
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Makes a file that is going to take the place of another one in a folder that may be anybody's, and removes those
/// that killed runs have left there. Each is locked for as long as it is held, so what is not is nobody's any more.
///
/// # Errors
/// What the system says.
pub fn file(dir: &Path) -> io::Result<NamedTempFile> {
    sweep_files(dir);
    file_in_swept(dir)
}

/// The same in a folder where nothing is left of killed runs, or nobody cares: looking for it means reading the folder.
pub(super) fn file_in_swept(dir: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = tempfile::Builder::new().prefix(WRITING).tempfile_in(dir)?;
        // Where nothing can be locked, nothing is removed either.
        if file.as_file().lock().is_err() || file.path().try_exists()? {
            return Ok(file);
        }
        // Another run has come in between.
    }
}

/// What cannot be removed, or looked at, stays: nothing hangs on it.
fn sweep_files(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(WRITING));
        let is_random =
            |rest: &str| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_own = |meta: std::fs::Metadata| meta.is_file() && system::is_own(&meta);
        if !rest.is_some_and(is_random) || !entry.metadata().is_ok_and(is_own) {
            continue;
        }
        let path = entry.path();
        let removed = system::open_own(&path, false).and_then(|file| {
            file.try_lock()?;
            std::fs::remove_file(&path)
        });
        if let Err(error) = removed {
            tracing::trace!(path = %path.display(), %error, "it stays");
        }
    }
}

fn put_back(aside: &Path, parent: &Path) -> io::Result<()> {
    let mut is_back = false;
    for entry in std::fs::read_dir(aside)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_platform = name
            .to_str()
            .is_some_and(|name| name.parse::<Platform>().is_ok());
        let place = parent.join(&name);
        if is_platform && entry.file_type()?.is_dir() && place.symlink_metadata().is_err() {
            std::fs::rename(entry.path(), place)?;
            is_back = true;
        }
    }
    let (receipt, place) = (aside.join(RECEIPT_FILE), parent.join(RECEIPT_FILE));
    if is_back && receipt.exists() && !place.exists() {
        std::fs::rename(receipt, place)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_a_killed_run_was_writing_goes_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let held = file(dir.path()).unwrap();
        let left = [".writing-Ab3dEf", ".writing-000000"];
        let others = [
            ".writing-Ab3dE",
            ".writing-Ab3dEf.txt",
            "writing-Ab3dEf",
            ".writing-",
        ];
        for name in left.iter().chain(&others) {
            fs::write(dir.path().join(name), "half").unwrap();
        }
        fs::create_dir(dir.path().join(".writing-folder")).unwrap();
        let next = file(dir.path()).unwrap();
        for name in left {
            assert!(!dir.path().join(name).exists(), "{name}");
        }
        for name in others.iter().chain(&[".writing-folder"]) {
            assert!(dir.path().join(name).exists(), "{name}");
        }
        assert!(held.path().exists() && next.path().exists());
    }

    #[test]
    fn who_writes_many_files_looks_for_left_ones_once() {
        let dir = tempfile::tempdir().unwrap();
        let left = dir.path().join(".writing-Ab3dEf");
        let mut files = super::super::Files::default();
        fs::write(&left, "half").unwrap();
        files.write(&dir.path().join("a"), b"a").unwrap();
        assert!(!left.exists());
        fs::write(&left, "half").unwrap();
        files.write(&dir.path().join("b"), b"b").unwrap();
        assert!(left.exists(), "the folder was read once more");
        let other = tempfile::tempdir().unwrap();
        let left = other.path().join(".writing-Ab3dEf");
        fs::write(&left, "half").unwrap();
        files.write(&other.path().join("c"), b"c").unwrap();
        assert!(!left.exists());
        assert_eq!(fs::read(dir.path().join("b")).unwrap(), b"b");
    }

    #[test]
    fn what_this_run_holds_stays_and_what_has_no_successor_is_put_back() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        let held = replaced(parent.path()).unwrap();
        let making = staging(parent.path()).unwrap();
        for folder in [
            ".replaced-x/linux-x64",
            ".replaced-y/macos-arm64",
            ".replaced-z/platform",
            ".staging-x/linux-arm64",
            "macos-arm64",
        ] {
            fs::create_dir_all(at(folder)).unwrap();
            fs::write(at(folder).join("from"), folder).unwrap();
        }
        fs::write(at(".replaced-x").join(RECEIPT_FILE), "its receipt").unwrap();
        sweep(parent.path()).unwrap();
        let read = |name: &str| fs::read_to_string(at(name)).unwrap();
        assert_eq!(read("linux-x64/from"), ".replaced-x/linux-x64");
        assert_eq!(read("macos-arm64/from"), "macos-arm64");
        assert_eq!(read(RECEIPT_FILE), "its receipt");
        assert!(held.path().is_dir() && making.path().is_dir());
        drop((held, making));
        let left = fs::read_dir(parent.path()).unwrap().count();
        assert_eq!(left, 3, "both platforms and the receipt");
    }
}
