//! Files compared with what they should be, and copied: for checks and backups, which know no running
//! Hub.

use super::WRITE_BUFFER;
use crate::{HubError, plain};
use release_types::Sha256Digest;
use sha2::Digest as _;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where the bytes with this digest are.
pub(crate) fn blob_path(blobs: &Path, sha256: &Sha256Digest) -> PathBuf {
    let name = sha256.to_string();
    blobs.join(&name[..2]).join(name)
}

/// Opens stored bytes. What is in their place instead, or of their folder, is not followed.
pub(crate) fn open_stored(path: &Path) -> std::io::Result<File> {
    plain::real_folder(path.parent().unwrap_or(path))?;
    plain::open_to_read(path)
}

/// What is where bytes should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Whole,
    Missing,
    /// A link, a folder or the like is in their place.
    NoFile,
    WrongSize,
    WrongDigest,
}

/// Compares a file with what it should be; its length alone if that is enough.
pub(crate) fn look_at(
    path: &Path,
    (sha256, size): (Sha256Digest, u64),
    size_only: bool,
) -> Result<Found, HubError> {
    let mut file = match open_stored(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Missing),
        Err(error) if plain::is_not_plain(&error) => return Ok(Found::NoFile),
        opened => opened.map_err(HubError::io("open", path))?,
    };
    let metadata = file.metadata().map_err(HubError::io("look at", path))?;
    if metadata.len() != size {
        return Ok(Found::WrongSize);
    }
    if size_only {
        return Ok(Found::Whole);
    }
    let read = pour(&mut file, &mut std::io::sink()).map_err(HubError::io("read", path))?;
    Ok(if read == (sha256, size) {
        Found::Whole
    } else {
        Found::WrongDigest
    })
}

/// Copies all that is left of a reader, and tells what it was.
pub(crate) fn pour(
    from: &mut impl std::io::Read,
    to: &mut impl std::io::Write,
) -> std::io::Result<(Sha256Digest, u64)> {
    let mut buffer = vec![0; WRITE_BUFFER];
    let mut hasher = sha2::Sha256::new();
    let mut size = 0;
    loop {
        let read = match from.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            return Ok((Sha256Digest::from_hasher(hasher), size));
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
        to.write_all(&buffer[..read])?;
    }
}
