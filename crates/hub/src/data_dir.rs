//! The folder that holds everything a Hub keeps, and the lock on it.
//!
//! ```text
//! hub.db          the catalogue (with hub.db-wal and hub.db-shm beside it), unless PostgreSQL has it
//! blobs/ab/abc…   stored bytes, named by their SHA-256
//! staging/        uploads under way; emptied on start
//! age             how old a catalogue has been here; an older one was put back
//! lock            locked while a process has the Hub open; holds that process's id
//! guests          locked by whoever uses the catalogue beside a server, see `guests`
//! ```
//!
//! Folders are made for the owner alone (0700), files too (0600). A folder that exists already
//! keeps its mode: whoever made it decided.

use crate::HubError;
use crate::guests::GuestLock;
use crate::storage::blob_folders;
use process::{PidLock, PidLockError};
use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The data directory, locked for this process until it is dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    root: PathBuf,
    guests: Option<GuestLock>,
    _lock: PidLock,
}

impl DataDir {
    /// Whether a Hub's catalogue is in the folder.
    pub(crate) fn has_catalogue(root: &Path) -> bool {
        Self::database_in(root).is_file()
    }

    /// Where the catalogue's database file is in a data directory.
    pub(crate) fn database_in(root: &Path) -> PathBuf {
        root.join("hub.db")
    }

    /// Creates what is missing and takes the lock.
    ///
    /// No catalogue is created beside stored bytes: to a new one they would be of no release, and
    /// so nobody's.
    pub(crate) fn create(root: &Path) -> Result<Self, HubError> {
        let dir = Self::hold(root)?;
        dir.refuse_to_forget_blobs()?;
        dir.create_folders()?;
        // SQLite gives the files beside it the mode of this one.
        let database = dir.database();
        private_file(OpenOptions::new().create(true).append(true))
            .open(&database)
            .map_err(HubError::io("create", &database))?;
        // A folder in it may be a killed process's, which had no time for this.
        fsync_folder(&dir.blobs())?;
        fsync_folder(root)?;
        Ok(dir)
    }

    /// The same for a Hub whose catalogue is elsewhere. A folder that has one of its own is none.
    pub(crate) fn create_without_catalogue(root: &Path) -> Result<Self, HubError> {
        let dir = Self::hold(root)?;
        Self::refuse_catalogue(root)?;
        dir.create_folders()?;
        fsync_folder(root)?;
        Ok(dir)
    }

    /// Refuses a folder that has a catalogue where another one is named: which of the two is meant?
    pub(crate) fn refuse_catalogue(root: &Path) -> Result<(), HubError> {
        if root.as_os_str().is_empty() || !Self::has_catalogue(root) {
            return Ok(());
        }
        Err(HubError::Config(format!(
            "{} is a catalogue of its own: leave --database and ATLAS_HUB_DATABASE away, or name \
             another data directory",
            Self::database_in(root).display()
        )))
    }

    fn hold(root: &Path) -> Result<Self, HubError> {
        create_folder(root)?;
        let lock = lock(root)?;
        let Some(guests) = GuestLock::keep_out(root)? else {
            return Err(in_use(root));
        };
        Ok(Self {
            root: root.to_owned(),
            guests: Some(guests),
            _lock: lock,
        })
    }

    fn create_folders(&self) -> Result<(), HubError> {
        create_folder(&self.blobs())?;
        create_folder(&self.staging())
    }

    fn refuse_to_forget_blobs(&self) -> Result<(), HubError> {
        let blobs = self.blobs();
        if has_content(&self.database()) || !has_blobs(&blobs)? {
            return Ok(());
        }
        Err(lost(&self.root, "create"))
    }

    /// That a folder has stored bytes and no catalogue any more, where it is so.
    pub(crate) fn lost_catalogue(root: &Path) -> Option<HubError> {
        if has_content(&Self::database_in(root)) {
            return None;
        }
        // What cannot be looked at may as well be no Hub's.
        let is_lost = has_blobs(&root.join("blobs")).unwrap_or(false);
        is_lost.then(|| lost(root, "open"))
    }

    /// Refuses a catalogue's file that has nothing in it, as a disk that was full or a copy that broke off
    /// may leave one.
    pub(crate) fn refuse_empty(root: &Path) -> Result<(), HubError> {
        let database = Self::database_in(root);
        if has_content(&database) {
            return Ok(());
        }
        let empty = || HubError::io("read", &database)(std::io::Error::other(EmptyCatalogue));
        Err(Self::lost_catalogue(root).unwrap_or_else(empty))
    }

    /// Lets others use the catalogue from now on, beside this process.
    pub(crate) fn let_guests_in(&mut self) -> Result<(), HubError> {
        let Some(alone) = self.guests.take() else {
            return Ok(());
        };
        self.guests = alone.let_in(&self.root)?;
        match self.guests {
            Some(_) => Ok(()),
            None => Err(in_use(&self.root)),
        }
    }

    /// The catalogue's database file.
    pub(crate) fn database(&self) -> PathBuf {
        Self::database_in(&self.root)
    }

    /// The folder of stored bytes.
    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    /// The folder of uploads under way.
    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }
}

/// The source of a [`HubError::Io`].
#[derive(Debug, thiserror::Error)]
#[error(
    "{} holds the bytes of releases and the catalogue that knows them is gone; put hub.db back \
     from a backup, or move that folder away to begin anew without them",
    blobs.display()
)]
struct LostCatalogue {
    blobs: PathBuf,
}

/// The source of a [`HubError::Io`].
#[derive(Debug, thiserror::Error)]
#[error("it is empty; put it back from a backup, or begin anew with `atlas-hub init`")]
struct EmptyCatalogue;

fn lost(root: &Path, action: &'static str) -> HubError {
    let blobs = root.join("blobs");
    let source = std::io::Error::other(LostCatalogue { blobs });
    HubError::io(action, &DataDir::database_in(root))(source)
}

/// Whether there is a catalogue. A process that is killed between creating its file and filling it
/// leaves an empty one.
fn has_content(database: &Path) -> bool {
    std::fs::metadata(database).is_ok_and(|file| file.len() > 0)
}

/// Whether anything is stored in a folder of stored bytes, which may be missing. What lies beside the
/// Hub's own folders is not the Hub's; those stay when they are emptied.
fn has_blobs(blobs: &Path) -> Result<bool, HubError> {
    if !blobs.exists() {
        return Ok(false);
    }
    for folder in blob_folders(blobs)? {
        let mut entries = std::fs::read_dir(&folder).map_err(HubError::io("list", &folder))?;
        if entries.next().is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// That somebody is there whom the lock does not name.
fn in_use(root: &Path) -> HubError {
    HubError::Locked {
        path: root.to_owned(),
        pid: None,
    }
}

fn lock(root: &Path) -> Result<PidLock, HubError> {
    let path = root.join("lock");
    PidLock::acquire(&path).map_err(|error| match error {
        PidLockError::Held { pid } => HubError::Locked {
            path: root.to_owned(),
            pid,
        },
        PidLockError::Io(source) => HubError::io("lock", &path)(source),
    })
}

/// Options that create a file for its owner alone.
pub(crate) fn private_file(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Options that create a folder for its owner alone.
fn private_folder(builder: &mut DirBuilder) -> &mut DirBuilder {
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    builder
}

/// Creates a folder, and its parents, for the owner alone, unless it exists. Durable when it
/// returns.
pub(crate) fn create_folder(path: &Path) -> Result<(), HubError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_folder(parent)?;
    match private_folder(&mut DirBuilder::new()).create(path) {
        // Somebody else was quicker.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        done => done.map_err(HubError::io("create", path))?,
    }
    fsync_folder(parent)
}

/// Makes the names in a folder survive a power cut. Windows offers no such call and needs none.
pub(crate) fn fsync_folder(path: &Path) -> Result<(), HubError> {
    #[cfg(unix)]
    std::fs::File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(HubError::io("sync", path))?;
    #[cfg(not(unix))]
    tracing::trace!(path = %path.display(), "folders are not synced on this system");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_to_lock_a_folder_is_told_who_holds_it() {
        let temp = tempfile::tempdir().unwrap();
        let held = DataDir::create(temp.path()).unwrap();
        match DataDir::create(temp.path()) {
            Err(error @ HubError::Locked { pid, .. }) => {
                assert_eq!(pid, Some(std::process::id()));
                assert!(error.to_string().contains(&std::process::id().to_string()));
            }
            other => panic!("{other:?}"),
        }
        drop(held);
        assert!(DataDir::create(temp.path()).is_ok());
    }

    #[test]
    fn no_catalogue_is_created_beside_stored_bytes() {
        let temp = tempfile::tempdir().unwrap();
        let (blobs, database) = (temp.path().join("blobs"), temp.path().join("hub.db"));
        let blob = blobs.join("ab/abc");
        std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
        // An emptied store is none.
        drop(DataDir::create(temp.path()).unwrap());
        std::fs::write(&blob, "bytes").unwrap();
        for empty in [true, false] {
            if !empty {
                std::fs::remove_file(&database).unwrap();
            }
            let Err(HubError::Io { path, source, .. }) = DataDir::create(temp.path()) else {
                panic!("a lost catalogue was not noticed");
            };
            assert_eq!(path, database);
            let text = source.to_string();
            assert!(text.starts_with(blobs.to_str().unwrap()), "{text}");
            assert!(text.contains("put hub.db back from a backup"), "{text}");
            assert_eq!(database.exists(), empty);
        }
        std::fs::write(&database, "not empty").unwrap();
        DataDir::create(temp.path()).unwrap();
        assert!(blob.exists());
    }

    #[cfg(unix)]
    #[test]
    fn everything_is_for_the_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("a/hub");
        let _dir = DataDir::create(&root).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        for folder in [&root, &root.join("blobs"), &root.join("staging")] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
        for file in ["hub.db", "lock"] {
            assert_eq!(mode(&root.join(file)), 0o600, "{file}");
        }
    }
}
