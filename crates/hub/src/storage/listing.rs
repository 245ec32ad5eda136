//! What of the files in a data directory is the Hub's own.
//!
//! Others may have put something beside it: a file system has its `lost+found`, a person a note or a
//! link. That is neither looked into nor removed. The Hub's own are regular files in real folders,
//! by the names that the Hub gives them; no link is followed.

use super::{ORPHAN_AGE, Unknown, blob_path};
use crate::HubError;
use crate::token::is_random_id;
use jiff::{SignedDuration, Timestamp};
use release_types::Sha256Digest;
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The folders of stored bytes: each is named by the first two digits of what lies in it.
pub(crate) fn blob_folders(blobs: &Path) -> Result<Vec<PathBuf>, HubError> {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let ours = |name: &str| name.len() == 2 && name.bytes().all(digit);
    named(blobs, |name, what| what.is_dir() && ours(name))
}

/// The digests by which stored bytes lie in one of these folders.
pub(super) fn digests(folder: &Path) -> Result<Vec<Sha256Digest>, HubError> {
    let first = folder.file_name().unwrap_or_default().to_string_lossy();
    let ours = |name: &str| name.starts_with(&*first) && name.parse::<Sha256Digest>().is_ok();
    let files = named(folder, |name, what| what.is_file() && ours(name))?;
    let digest = |path: PathBuf| path.file_name()?.to_str()?.parse().ok();
    Ok(files.into_iter().filter_map(digest).collect())
}

/// The uploads that are, or were, under way.
pub(super) fn uploads(staging: &Path) -> Result<Vec<PathBuf>, HubError> {
    named(staging, |name, what| what.is_file() && is_random_id(name))
}

/// What is directly in a folder and is the Hub's.
fn named(
    folder: &Path,
    is_ours: impl Fn(&str, std::fs::FileType) -> bool,
) -> Result<Vec<PathBuf>, HubError> {
    let listed = std::fs::read_dir(folder).and_then(|entries| {
        let mut ours = Vec::new();
        for entry in entries {
            let entry = entry?;
            let what = match entry.file_type() {
                // It has gone since.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                what => what?,
            };
            match entry.file_name().to_str() {
                Some(name) if is_ours(name, what) => ours.push(entry.path()),
                _ => tracing::debug!(path = %entry.path().display(), "not the Hub's; it stays"),
            }
        }
        Ok(ours)
    });
    listed.map_err(HubError::io("list", folder))
}

/// Those of these stored bytes that nobody knows and that are old.
pub(super) fn unknown(
    blobs: &Path,
    stored: Vec<Sha256Digest>,
    known: &HashSet<String>,
    now: Timestamp,
) -> Result<Vec<Unknown>, HubError> {
    let mut unknown = Vec::new();
    for sha256 in stored {
        if known.contains(&sha256.to_string()) {
            continue;
        }
        let path = blob_path(blobs, &sha256);
        // Replaced bytes go at any time.
        let Some((age, size)) = age_and_size(&path, now)? else {
            continue;
        };
        if age < ORPHAN_AGE {
            tracing::warn!(file = %path.display(), "nothing refers to these bytes");
            continue;
        }
        unknown.push(Unknown { path, sha256, size });
    }
    Ok(unknown)
}

/// How long ago a file was written, and how long it is; nothing where it is gone.
fn age_and_size(file: &Path, now: Timestamp) -> Result<Option<(SignedDuration, u64)>, HubError> {
    let metadata = match std::fs::symlink_metadata(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        found => found.map_err(HubError::io("look at", file))?,
    };
    let written = metadata.modified().map_err(HubError::io("look at", file))?;
    // A time that cannot be written down is no reason to remove anything.
    let written = Timestamp::try_from(written).unwrap_or(now);
    Ok(Some((now.duration_since(written), metadata.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What has another name than the Hub gives, or is no regular file, is not seen.
    #[test]
    fn only_what_the_hub_has_stored_is_listed() {
        let temp = tempfile::tempdir().unwrap();
        let blobs = temp.path();
        let name = Sha256Digest::of(b"hello");
        let stored = blob_path(blobs, &name);
        let folder = stored.parent().unwrap();
        std::fs::create_dir(folder).unwrap();
        std::fs::write(&stored, "hello").unwrap();
        // In the folder of other digits, with another name, and as a folder.
        std::fs::write(folder.join(Sha256Digest::of(b"jello").to_string()), "x").unwrap();
        std::fs::write(folder.join("manifest.json"), "x").unwrap();
        std::fs::write(folder.join(name.to_string().to_uppercase()), "x").unwrap();
        let other = if folder.ends_with("00") { "11" } else { "00" };
        std::fs::create_dir_all(blobs.join(other).join(format!("{other}{}", "0".repeat(62))))
            .unwrap();
        std::fs::write(blobs.join("README"), "x").unwrap();
        std::fs::write(blobs.join("ff"), "x").unwrap();
        std::fs::create_dir(blobs.join("lost+found")).unwrap();
        std::fs::create_dir(blobs.join("AB")).unwrap();
        let mut expected = vec![folder.to_owned(), blobs.join(other)];
        expected.sort_unstable();
        let mut folders = blob_folders(blobs).unwrap();
        folders.sort_unstable();
        assert_eq!(folders, expected);
        assert_eq!(digests(folder).unwrap(), [name]);
        assert!(digests(&blobs.join(other)).unwrap().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let (blobs, dear) = (temp.path().join("blobs"), temp.path().join("dear"));
        for folder in [&dear, &blobs.join("00")] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::os::unix::fs::symlink(&dear, blobs.join("ab")).unwrap();
        std::fs::write(dear.join("thesis"), "x").unwrap();
        let link = blobs.join("00").join("0".repeat(64));
        std::os::unix::fs::symlink(dear.join("thesis"), link).unwrap();
        assert_eq!(blob_folders(&blobs).unwrap(), [blobs.join("00")]);
        assert!(digests(&blobs.join("00")).unwrap().is_empty());
    }
}
