//! Adding files to a platform's folder that is staged already: what comes after the build, such as
//! signatures. The folder with its manifests, `release.json` and `SHA256SUMS` is replaced as a whole, so
//! that no reader and no run that is killed ever sees them disagree.

use super::read::read_sums;
use super::write::{FOLDER, REPLACED, STAGING, row, sums_text, sweep, write_file};
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
    let write = |path: &Path| {
        let path = path.to_owned();
        move |source| DistError::Write { path, source }
    };
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
    replace(dir, &new).map_err(write(dir))?;
    load_platform(dir)
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
        inspection: None,
        ..files[index].clone()
    };
    files.insert(index + 1, recorded.clone());
    Some(recorded)
}

/// Replaces a folder by one that has these files and all its others.
fn replace(dir: &Path, new: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    let parent = dir.parent().unwrap_or(dir);
    // `dist/` is locked, so what is under way there is nobody's.
    sweep(parent)?;
    let aside = tempfile::Builder::new()
        .prefix(STAGING)
        .tempdir_in(parent)?;
    let made = aside.path().join(FOLDER);
    std::fs::create_dir(&made)?;
    same_files(dir, &made, &|name| new.contains_key(name))?;
    for (name, bytes) in new {
        write_file(&made.join(name), bytes)?;
    }
    if system::exchange(&made, dir)? {
        return system::sync_dir(parent);
    }
    let old = tempfile::Builder::new()
        .prefix(REPLACED)
        .tempdir_in(parent)?;
    let before = old.path().join(FOLDER);
    std::fs::rename(dir, &before)?;
    if let Err(error) = std::fs::rename(&made, dir) {
        std::fs::rename(&before, dir)?;
        return Err(error);
    }
    system::sync_dir(parent)
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
            if std::fs::hard_link(&path, &place).is_err() {
                std::fs::copy(&path, &place)?;
            }
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
        replace(&dir, &new).unwrap();
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        assert_eq!(["kept", "sub/kept", "new"].map(read), ["1", "2", "new"]);
        let left = std::fs::read_dir(parent.path()).unwrap();
        assert_eq!(left.count(), 1, "nothing is left beside it");
    }
}
