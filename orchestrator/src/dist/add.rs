//! Adding files to a platform's folder that is staged already: what comes after the build, such as
//! signatures. The folder with its manifests, `release.json` and `SHA256SUMS` is replaced as a whole, so
//! that no reader and no run that is killed ever sees them disagree.

use super::aside;
use super::read::read_sums;
use super::write::{row, sums_text, write_file};
use super::{
    DistError, RELEASE_FILE, RecordedArtifact, ReleaseRecord, SUMS_FILE, Staged, load_platform,
    read_record_file,
};
use crate::artifacts::{DOCUMENT_LIMIT, read_text};
use crate::system;
use release_types::{FileName, Kind, ManifestRow, ProductName, Sha256Digest, with_rows};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// A file that is to be added.
#[derive(Debug, Clone)]
pub struct Addition {
    /// The product it belongs to.
    pub product: ProductName,
    /// The file that it is about, which is there.
    pub of: FileName,
    /// Its name.
    pub filename: FileName,
    /// What it is for.
    pub kind: Kind,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Adds files to a platform's folder, in the place of those that have their names. Nothing is touched
/// where all of them are there as they should be.
///
/// # Errors
/// When something cannot be read or written; the folder is as it was then.
pub fn add(dir: &Path, additions: &[Addition]) -> Result<Staged, DistError> {
    if is_done(dir, additions)
        && let Ok(staged) = load_platform(dir)
    {
        return Ok(staged);
    }
    let mut record = read_record_file(&dir.join(RELEASE_FILE))?;
    let mut sums = read_sums(dir)?;
    let mut new: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut rows: BTreeMap<&ProductName, Vec<ManifestRow>> = BTreeMap::new();
    for addition in additions {
        let recorded = insert(&mut record, addition).ok_or_else(|| DistError::Disagree {
            dir: dir.to_owned(),
            why: format!("{RELEASE_FILE} names no {}", addition.of),
        })?;
        let of_product = rows.entry(&addition.product).or_default();
        of_product.push(row(&recorded, record.platform));
        sums.insert(addition.filename.to_string(), recorded.sha256);
        new.insert(addition.filename.to_string(), addition.bytes.clone());
    }
    for (product, rows) in rows {
        let name = format!("{product}.manifest");
        let path = dir.join(&name);
        let text = read_text(&path, DOCUMENT_LIMIT).map_err(|source| DistError::Read {
            path: path.clone(),
            source,
        })?;
        let text = with_rows(&text, &rows).map_err(|error| DistError::Record {
            path,
            why: error.to_string(),
        })?;
        // Whoever lists it wants it listed as it is.
        if let Some(sum) = sums.get_mut(&name) {
            *sum = Sha256Digest::of(text.as_bytes());
        }
        new.insert(name, text.into_bytes());
    }
    let path = dir.join(RELEASE_FILE);
    let json = serde_json::to_vec_pretty(&record).map_err(|error| DistError::Write {
        path,
        source: error.into(),
    })?;
    sums.insert(RELEASE_FILE.to_owned(), Sha256Digest::of(&json));
    new.insert(RELEASE_FILE.to_owned(), json);
    new.insert(SUMS_FILE.to_owned(), sums_text(&sums).into_bytes());
    replace(dir, &new, load_platform).map(|staged| staged.moved_to(dir))
}

/// Whether every file is there and recorded as it should be.
fn is_done(dir: &Path, additions: &[Addition]) -> bool {
    let Ok(record) = read_record_file(&dir.join(RELEASE_FILE)) else {
        return false;
    };
    additions.iter().all(|addition| {
        let is_recorded = record.artifacts.iter().any(|file| {
            (&file.product, &file.filename) == (&addition.product, &addition.filename)
                && file.sha256 == Sha256Digest::of(&addition.bytes)
        });
        let path = dir.join(addition.filename.as_str());
        let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
        is_recorded && is_file && std::fs::read(path).is_ok_and(|found| found == addition.bytes)
    })
}

/// Records a file behind the one that it is about.
fn insert(record: &mut ReleaseRecord, addition: &Addition) -> Option<RecordedArtifact> {
    let product = &addition.product;
    let files = &mut record.artifacts;
    files.retain(|file| (&file.product, &file.filename) != (product, &addition.filename));
    let about =
        |file: &RecordedArtifact| (&file.product, &file.filename) == (product, &addition.of);
    let index = files.iter().position(about)?;
    let recorded = RecordedArtifact {
        filename: addition.filename.clone(),
        kind: addition.kind,
        size: addition.bytes.len() as u64,
        sha256: Sha256Digest::of(&addition.bytes),
        before_signing: None,
        inspection: None,
        ..files[index].clone()
    };
    files.insert(index + 1, recorded.clone());
    Some(recorded)
}

/// Replaces a folder by one that has these files and all its others, if that is found to be good.
fn replace<T>(
    dir: &Path,
    new: &BTreeMap<String, Vec<u8>>,
    check: impl FnOnce(&Path) -> Result<T, DistError>,
) -> Result<T, DistError> {
    let write = |source| DistError::Write {
        path: dir.to_owned(),
        source,
    };
    let parent = dir.parent().unwrap_or(dir);
    aside::sweep(parent).map_err(write)?;
    let aside = aside::staging(parent).map_err(write)?;
    let made = aside.path().join(aside::name(dir));
    fill(dir, &made, new).map_err(write)?;
    let found = check(&made)?;
    exchange(&made, dir, parent).map_err(write)?;
    Ok(found)
}

fn fill(dir: &Path, made: &Path, new: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    std::fs::create_dir(made)?;
    same_files(dir, made, &|name| new.contains_key(name))?;
    for (name, bytes) in new {
        write_file(&made.join(name), bytes)?;
    }
    Ok(())
}

fn exchange(made: &Path, dir: &Path, parent: &Path) -> io::Result<()> {
    if !system::exchange(made, dir)? {
        in_two_steps(made, dir, parent)?;
    }
    system::sync_dir(parent)
}

/// Where nothing can be exchanged at one moment. A run that is killed in between leaves what was there
/// where the next one finds it.
fn in_two_steps(made: &Path, dir: &Path, parent: &Path) -> io::Result<()> {
    let old = aside::replaced(parent)?;
    let before = old.path().join(aside::name(dir));
    std::fs::rename(dir, &before)?;
    let Err(error) = std::fs::rename(made, dir) else {
        return Ok(());
    };
    if std::fs::rename(&before, dir).is_err() {
        let why = format!("{error}; what was there lies in {}", old.keep().display());
        return Err(io::Error::new(error.kind(), why));
    }
    Err(error)
}

/// Gives a file another name, by a link where there are such; a link is copied.
fn same_file(path: &Path, name: &Path) -> io::Result<()> {
    let is_link = path.symlink_metadata()?.is_symlink();
    if is_link || std::fs::hard_link(path, name).is_err() {
        std::fs::copy(path, name)?;
    }
    Ok(())
}

/// Gives all files of a folder but some a place in another one too, by links where there are such.
fn same_files(from: &Path, to: &Path, but: &dyn Fn(&str) -> bool) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if name.to_str().is_some_and(but) {
            continue;
        }
        let (path, place) = (entry.path(), to.join(&name));
        if kind.is_dir() {
            std::fs::create_dir(&place)?;
            same_files(&path, &place, &|_| false)?;
        } else if kind.is_file() {
            same_file(&path, &place)?;
        } else {
            let why = format!("{} is neither a file nor a folder", path.display());
            return Err(io::Error::other(why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_replaced_with_all_that_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("linux-x64");
        std::fs::create_dir_all(dir.join("sub")).unwrap();
        std::fs::write(dir.join("kept"), "1").unwrap();
        std::fs::write(dir.join("sub/kept"), "2").unwrap();
        std::fs::write(dir.join("new"), "old").unwrap();
        let new = BTreeMap::from([("new".to_owned(), b"new".to_vec())]);
        replace(&dir, &new, |_| Ok(())).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        assert_eq!(["kept", "sub/kept", "new"].map(read), ["1", "2", "new"]);
        let left = std::fs::read_dir(parent.path()).unwrap();
        assert_eq!(left.count(), 1, "nothing is left beside it");
        // What is not good takes nothing's place.
        let newer = BTreeMap::from([("new".to_owned(), b"newer".to_vec())]);
        let refused = replace(&dir, &newer, |made| {
            assert_eq!(std::fs::read_to_string(made.join("new")).unwrap(), "newer");
            let dir = made.to_owned();
            Err::<(), _>(DistError::NoRelease { dir })
        });
        assert!(refused.is_err());
        assert_eq!(["kept", "sub/kept", "new"].map(read), ["1", "2", "new"]);
    }

    #[test]
    fn in_two_steps_what_was_there_is_never_lost() {
        let parent = tempfile::tempdir().unwrap();
        let [dir, made] = ["linux-x64", "made"].map(|name| parent.path().join(name));
        for (path, text) in [(&dir, "old"), (&made, "new")] {
            std::fs::create_dir(path).unwrap();
            std::fs::write(path.join("file"), text).unwrap();
        }
        let read = || std::fs::read_to_string(dir.join("file")).unwrap();
        in_two_steps(&parent.path().join("none"), &dir, parent.path()).unwrap_err();
        assert_eq!(read(), "old");
        in_two_steps(&made, &dir, parent.path()).unwrap();
        assert_eq!(read(), "new");
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
