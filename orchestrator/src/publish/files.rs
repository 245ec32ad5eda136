//! The local files, looked at once more before the first of them is sent.

use super::PublishError;
use crate::artifacts::{LocalArtifact, digest_file};
use hub_client::{ClientError, FileChange, open_regular};
use release_types::Sha256Digest;
use std::path::PathBuf;
use std::time::SystemTime;

/// What was found when a file was read.
struct Noted {
    path: PathBuf,
    size: u64,
    sha256: Sha256Digest,
    modified: Option<SystemTime>,
}

/// Sees that every file can be read and is what it was when it was read first. One that was written to
/// since is read again, since that need not have changed it.
///
/// # Errors
/// The first that cannot be read, or is another.
pub(super) async fn check_files<'a>(
    artifacts: impl Iterator<Item = &'a LocalArtifact>,
) -> Result<(), PublishError> {
    let noted: Vec<Noted> = artifacts
        .map(|artifact| Noted {
            path: artifact.path.clone(),
            size: artifact.size,
            sha256: artifact.sha256,
            modified: artifact.modified,
        })
        .collect();
    let check = move || noted.iter().try_for_each(check);
    match tokio::task::spawn_blocking(check).await {
        Ok(outcome) => Ok(outcome?),
        // It is never cancelled, so it can only have panicked.
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn check(noted: &Noted) -> Result<(), ClientError> {
    let failed = |source| ClientError::Io {
        path: noted.path.clone(),
        source,
    };
    let changed = |change| ClientError::FileChanged {
        path: noted.path.clone(),
        change,
    };
    let file = open_regular(&noted.path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.len() != noted.size {
        return Err(changed(FileChange::Size {
            expected: noted.size,
            found: meta.len(),
        }));
    }
    if meta.modified().ok() == noted.modified {
        return Ok(());
    }
    let (_, found) = digest_file(&noted.path).map_err(failed)?;
    if found == noted.sha256 {
        return Ok(());
    }
    Err(changed(FileChange::Digest {
        expected: noted.sha256,
        found,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_changed_is_found_and_what_was_only_touched_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "first").unwrap();
        let noted = Noted {
            path: path.clone(),
            size: 5,
            sha256: Sha256Digest::of(b"first"),
            modified: std::fs::metadata(&path).unwrap().modified().ok(),
        };
        check(&noted).unwrap();
        let write = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let later = SystemTime::now() + std::time::Duration::from_secs(60);
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(later).unwrap();
        };
        write("first");
        check(&noted).unwrap();
        write("other");
        let error = check(&noted).unwrap_err();
        let digest = matches!(
            &error,
            ClientError::FileChanged {
                change: FileChange::Digest { .. },
                ..
            }
        );
        assert!(digest, "{error}");
        write("longer");
        let error = check(&noted).unwrap_err().to_string();
        assert!(error.contains("it has 6 bytes, expected 5"), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(check(&noted), Err(ClientError::Io { .. })));
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(check(&noted), Err(ClientError::Io { .. })));
    }
}
