//! Files of a Hub and of a backup, copied one into the other.

use super::{BackedUp, BackupError};
use crate::data_dir::{create_folder, fsync_folder, private_file};
use crate::storage::{Found, blob_path, look_at, pour};
use crate::{HubError, plain};
use release_types::Sha256Digest;
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;

/// Copies what is not there yet.
pub(super) fn copy_blobs(
    from: &Path,
    to: &Path,
    blobs: &[(Sha256Digest, u64)],
    link: bool,
) -> Result<(), BackupError> {
    create_folder(to)?;
    for &(sha256, size) in blobs {
        let (source, target) = (blob_path(from, &sha256), blob_path(to, &sha256));
        if target.exists() {
            continue;
        }
        if link && linked(&source, &target)? {
            let what = match look_at(&target, (sha256, size), false)? {
                Found::Whole => continue,
                Found::Missing => "missing",
                Found::NoFile => "no regular file",
                Found::WrongSize | Found::WrongDigest => "damaged",
            };
            return Err(BackupError::Damaged { path: source, what });
        }
        copy_blob(&source, to, BackedUp { sha256, size })?;
    }
    Ok(())
}

/// Gives a file a second name. Whether that can be.
fn linked(source: &Path, target: &Path) -> Result<bool, BackupError> {
    create_folder(target.parent().unwrap_or(target))?;
    match std::fs::hard_link(source, target) {
        Ok(()) => Ok(true),
        // Another file system, or one that cannot; what is missing shows in copying.
        Err(error) => {
            tracing::debug!(%error, file = %source.display(), "copied instead");
            Ok(false)
        }
    }
}

/// Copies bytes to where their digest says.
pub(super) fn copy_blob(
    source: &Path,
    blobs: &Path,
    expected: BackedUp,
) -> Result<(), BackupError> {
    let target = blob_path(blobs, &expected.sha256);
    let folder = target.parent().unwrap_or(&target);
    create_folder(folder)?;
    copy(source, &target, expected)?;
    Ok(fsync_folder(folder)?)
}

/// Copies a file that has to be what is expected. On the disk when it returns.
pub(super) fn copy(source: &Path, target: &Path, expected: BackedUp) -> Result<(), BackupError> {
    let damaged = |what| BackupError::Damaged {
        path: source.to_owned(),
        what,
    };
    let mut from = match plain::open_to_read(source) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(damaged("missing")),
        Err(error) if plain::is_not_plain(&error) => return Err(damaged("no regular file")),
        opened => opened.map_err(HubError::io("open", source))?,
    };
    let mut to = private_file(OpenOptions::new().create_new(true).write(true))
        .open(target)
        .map_err(HubError::io("create", target))?;
    let copied = pour(&mut from, &mut to).map_err(HubError::io("write", target))?;
    if copied != (expected.sha256, expected.size) {
        return Err(damaged("damaged: it has another digest or length"));
    }
    Ok(to.sync_all().map_err(HubError::io("sync", target))?)
}
