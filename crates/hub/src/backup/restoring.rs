//! A Hub made from a backup: aside, in a folder `.restoring-…` that gets its name at the end.

use super::copying::{copy, copy_blob};
use super::{Backup, BackupError, FORMAT, FORMAT_WITH_BUCKET, MANIFEST, is_empty, sync};
use crate::HubError;
use crate::bucket_config::BucketConfig;
use crate::catalogue::Catalogue;
use crate::config::not_utf8;
use crate::data_dir::{create_folder, fsync_folder};
use crate::inspect::check_bucket;
use crate::storage::{Bucket, blob_path, blocking};
use crate::token::{is_random_id, random_id};
use process::{PidLock, PidLockError};
use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What the name of a Hub that is being made begins with.
const ASIDE: &str = ".restoring-";

/// Makes a Hub of a backup, in a folder that is empty or missing. Every byte is compared with the
/// manifest on its way, and the folder gets its name when all of them are there. Where the bytes are in
/// a bucket, every file of a release has to be in this one in its length.
///
/// What killed processes have left of their attempts beside the folder is removed.
///
/// # Errors
/// When the folder has something in it, when the backup is not complete, damaged or of a newer version,
/// when a bucket is needed and not given or the other way about, and whatever disk, database and bucket
/// report. The folder is then as it was.
pub async fn restore(
    from: &Path,
    data_dir: &Path,
    bucket: Option<&BucketConfig>,
) -> Result<Backup, BackupError> {
    if data_dir.to_str().is_none() {
        return Err(not_utf8(data_dir).into());
    }
    if !is_empty(data_dir)? {
        let path = data_dir.to_owned();
        return Err(BackupError::NotEmpty { path });
    }
    let manifest = read_manifest(from)?;
    let bucket = match (&manifest.bucket, bucket) {
        (None, None) => None,
        (Some(_), Some(config)) => Some(Bucket::open(config)?),
        (Some(name), None) => {
            let message = format!("the backup's bytes are in {name}: give --storage");
            return Err(HubError::Config(message).into());
        }
        (None, Some(_)) => {
            let message = "the backup holds its bytes as files: restore it without --storage";
            return Err(HubError::Config(message.to_owned()).into());
        }
    };
    let parent = match data_dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_folder(parent)?;
    remove_leftovers(parent);
    let (aside, lock) = begin_aside(parent)?;
    let restored = async {
        fill(from, &aside, &manifest, bucket.as_ref()).await?;
        // Windows moves no folder that has an open file in it; elsewhere the lock is held until the
        // folder has its name, so that nobody takes it for a leftover.
        let lock = (!cfg!(windows)).then_some(lock);
        if data_dir.exists() {
            std::fs::remove_dir(data_dir).map_err(HubError::io("replace", data_dir))?;
        }
        std::fs::rename(&aside, data_dir).map_err(HubError::io("create", data_dir))?;
        drop(lock);
        Ok(fsync_folder(parent)?)
    };
    let restored = restored.await;
    if restored.is_err()
        && let Err(error) = std::fs::remove_dir_all(&aside)
        && error.kind() != ErrorKind::NotFound
    {
        tracing::warn!(folder = %aside.display(), %error, "a half restored Hub stays");
    }
    restored.map(|()| manifest)
}

/// A lock's name until it is locked.
const EARLY_LOCK: &str = "lock.new";

/// How long a folder without a lock belongs to somebody who has only just begun.
const BEGINNING: Duration = Duration::from_secs(60);

/// Makes a folder to work in, with the lock that the Hub will have: it tells others that somebody is at
/// work here. The file gets its name when it is locked already, so that nobody finds it free.
fn begin_aside(parent: &Path) -> Result<(PathBuf, PidLock), HubError> {
    let aside = parent.join(format!("{ASIDE}{}", random_id()?));
    create_folder(&aside)?;
    let (early, path) = (aside.join(EARLY_LOCK), aside.join("lock"));
    let lock = match PidLock::acquire(&early) {
        Ok(lock) => lock,
        Err(PidLockError::Io(error)) => return Err(HubError::io("lock", &early)(error)),
        Err(held) => return Err(HubError::io("lock", &early)(std::io::Error::other(held))),
    };
    std::fs::rename(&early, &path).map_err(HubError::io("create", &path))?;
    Ok((aside, lock))
}

/// Whether a folder may be somebody's whose process has ended: it has more in it than one that is only
/// just made, or nobody goes on with it.
fn is_leftover(folder: &Path) -> bool {
    let age = |found: std::fs::Metadata| found.modified().ok()?.elapsed().ok();
    let is_old = || {
        std::fs::metadata(folder)
            .ok()
            .and_then(age)
            .is_some_and(|age| age > BEGINNING)
    };
    std::fs::read_dir(folder)
        .is_ok_and(|found| found.flatten().any(|entry| entry.file_name() != EARLY_LOCK))
        || is_old()
}

/// Removes what processes that have ended left of their attempts.
fn remove_leftovers(parent: &Path) {
    let entries = match std::fs::read_dir(parent) {
        Ok(entries) => entries,
        Err(error) => {
            tracing::debug!(folder = %parent.display(), %error, "not looked through");
            return;
        }
    };
    for entry in entries.flatten() {
        let (name, folder) = (entry.file_name(), entry.path());
        let id = name.to_str().and_then(|name| name.strip_prefix(ASIDE));
        let is_real = entry.file_type().is_ok_and(|what| what.is_dir());
        if !id.is_some_and(is_random_id) || !is_real || !is_leftover(&folder) {
            continue;
        }
        let removed = match PidLock::acquire(&folder.join("lock")) {
            // Its process is at work.
            Err(PidLockError::Held { .. }) => continue,
            Err(PidLockError::Io(error)) => Err(error),
            Ok(lock) => {
                // Windows removes no file that is open; elsewhere the lock is held until all is gone.
                let lock = (!cfg!(windows)).then_some(lock);
                let removed = std::fs::remove_dir_all(&folder);
                drop(lock);
                removed
            }
        };
        match removed {
            Ok(()) => tracing::warn!(
                folder = %folder.display(),
                "removed what a restore that was killed had left"
            ),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "a half restored Hub stays");
            }
        }
    }
}

async fn fill(
    from: &Path,
    aside: &Path,
    manifest: &Backup,
    bucket: Option<&Bucket>,
) -> Result<(), BackupError> {
    let (source, to, listed) = (from.to_owned(), aside.to_owned(), manifest.clone());
    blocking(move || {
        let database = to.join("hub.db");
        copy(&source.join("hub.db"), &database, listed.catalogue)?;
        for blob in &listed.blobs {
            let source = blob_path(&source.join("blobs"), &blob.sha256);
            copy_blob(&source, &to.join("blobs"), *blob)?;
        }
        Ok::<_, BackupError>(())
    })
    .await?;
    let database = aside.join("hub.db");
    let in_backup = from.join("hub.db");
    let known = async {
        let catalogue = Catalogue::open_copy(&database).await?;
        let known = prepare(&catalogue, bucket, &in_backup).await;
        catalogue.close().await;
        known
    };
    let known = known.await.map_err(|error| judged(error, &in_backup))?;
    let listed: HashSet<_> = manifest.blobs.iter().map(|b| (b.sha256, b.size)).collect();
    if let Some((sha256, _)) = known.iter().find(|bytes| !listed.contains(bytes)) {
        return Err(BackupError::Damaged {
            path: blob_path(&from.join("blobs"), sha256),
            what: "missing from the backup's manifest",
        });
    }
    sync(&database)?;
    Ok(fsync_folder(aside)?)
}

/// Makes sure that a catalogue is whole and can be served by this version; what bytes it knows.
async fn prepare(
    catalogue: &Catalogue,
    bucket: Option<&Bucket>,
    in_backup: &Path,
) -> Result<Vec<(release_types::Sha256Digest, u64)>, BackupError> {
    let damaged = |what| BackupError::Damaged {
        path: in_backup.to_owned(),
        what,
    };
    if !catalogue.is_whole().await? {
        return Err(damaged("a database whose pages contradict each other"));
    }
    if !catalogue.is_usable().await? {
        return Err(HubError::Config(format!(
            "{} is of another version of atlas-hub: restore it with one that is at least as new",
            in_backup.display()
        ))
        .into());
    }
    if !catalogue.is_consistent().await? {
        return Err(damaged(
            "a catalogue with keys that no file can have, or with files that it does not know",
        ));
    }
    if let Some(bucket) = bucket {
        catalogue.check_storage(true).await?;
        let files = catalogue.released_files().await?;
        let checked = check_bucket(catalogue, bucket, &files, true).await?;
        if let [damage, ..] = &checked.damaged[..] {
            return Err(BackupError::Damaged {
                path: format!("{} of {}", bucket.name(), damage.name).into(),
                what: "without its bytes, or they have another length",
            });
        }
        // It stays marked as a copy: the bucket may hold bytes that it does not know.
        return Ok(Vec::new());
    }
    // The bytes are there with it: what it does not know, there is not.
    catalogue.mark_copy(false).await?;
    Ok(catalogue.blob_list().await?)
}

/// A failure of the database may be the backup's fault, and not the machine's.
fn judged(error: BackupError, in_backup: &Path) -> BackupError {
    let damaged = |what| BackupError::Damaged {
        path: in_backup.to_owned(),
        what,
    };
    match error {
        BackupError::Hub(error) if error.is_no_catalogue() => damaged("no catalogue of a Hub's"),
        BackupError::Hub(HubError::Corrupt { .. }) => {
            damaged("a catalogue with values that cannot be read")
        }
        other => other,
    }
}

fn read_manifest(from: &Path) -> Result<Backup, BackupError> {
    let path = from.join(MANIFEST);
    let no_backup = |source| BackupError::NoBackup {
        path: from.to_owned(),
        source,
    };
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(no_backup(None)),
        read => read.map_err(HubError::io("read", &path))?,
    };
    let manifest: Backup =
        serde_json::from_slice(&bytes).map_err(|error| no_backup(Some(error)))?;
    let damaged = |what| Err(BackupError::Damaged { path, what });
    if !matches!(manifest.format, FORMAT | FORMAT_WITH_BUCKET) {
        return damaged("of a format that this version does not know");
    }
    let mut names = HashSet::new();
    if !manifest.blobs.iter().all(|blob| names.insert(blob.sha256)) {
        return damaged("a list that has the same bytes twice");
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Two restores of one moment: each looks for leftovers while the other begins.
    #[test]
    fn a_folder_that_was_just_made_is_nobodys_leftover() {
        let temp = tempfile::tempdir().unwrap();
        let (parent, done) = (temp.path(), AtomicBool::new(false));
        std::thread::scope(|threads| {
            for _ in 0..3 {
                threads.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        remove_leftovers(parent);
                    }
                });
            }
            let begun: Vec<_> = (0..200).map(|_| begin_aside(parent)).collect();
            std::thread::sleep(Duration::from_millis(50));
            done.store(true, Ordering::Relaxed);
            for begun in begun {
                let (aside, _lock) = begun.unwrap();
                assert!(aside.join("lock").exists());
            }
        });
        // Who is gone leaves what the next removes.
        remove_leftovers(parent);
        assert_eq!(std::fs::read_dir(parent).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_without_a_lock_is_removed_when_it_is_old() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join(format!("{ASIDE}{}", random_id().unwrap()));
        create_folder(&folder).unwrap();
        remove_leftovers(temp.path());
        assert!(folder.exists(), "its process may have only just made it");
        let old = std::time::SystemTime::now() - 2 * BEGINNING;
        let opened = std::fs::File::open(&folder).unwrap();
        opened.set_modified(old).unwrap();
        remove_leftovers(temp.path());
        assert!(!folder.exists());
    }
}
