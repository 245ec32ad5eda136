//! Who may use the catalogue beside a server that runs: the operator's own commands, as guests.
//!
//! Whoever opens a data directory whole keeps guests out; a server lets them in once it serves, and
//! is from then on one of those inside. Whoever is inside shuts out whoever would open the directory
//! whole next, so that tables never change their form, and files never their place, under somebody's
//! hands, also where the directory's own lock was removed. Both locks end with their process, in
//! whatever way it ends.

use crate::data_dir::private_file;
use crate::{HubError, plain};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long to wait for guests to leave. They stay for moments.
const UNTIL_EMPTY: Duration = Duration::from_secs(10);

/// How long to wait for a server that is starting.
const UNTIL_SERVED: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(20);

/// The right to use the catalogue, alone or beside others, until it is dropped.
#[derive(Debug)]
pub(crate) struct GuestLock {
    file: File,
}

impl GuestLock {
    /// Keeps guests out; waits for those inside. Nothing where one does not leave.
    pub(crate) fn keep_out(root: &Path) -> Result<Option<Self>, HubError> {
        acquire(root, UNTIL_EMPTY, File::try_lock)
    }

    /// Enters as a guest. Nothing where whoever has the directory does not let guests in.
    pub(crate) fn enter(root: &Path) -> Result<Option<Self>, HubError> {
        acquire(root, UNTIL_SERVED, File::try_lock_shared)
    }

    /// Lets guests in and stays inside. Nothing where somebody else has taken the directory whole.
    pub(crate) fn let_in(self, root: &Path) -> Result<Option<Self>, HubError> {
        // Windows would keep both locks; elsewhere one becomes the other in two steps, too.
        let path = path(root);
        self.file.unlock().map_err(HubError::io("unlock", &path))?;
        take(self.file, &path, UNTIL_SERVED, File::try_lock_shared)
    }
}

fn path(root: &Path) -> PathBuf {
    root.join("guests")
}

fn acquire(
    root: &Path,
    longest: Duration,
    lock: fn(&File) -> Result<(), TryLockError>,
) -> Result<Option<GuestLock>, HubError> {
    let path = path(root);
    let mut options = OpenOptions::new();
    let options = private_file(options.create(true).append(true).read(true));
    let file = plain::open(options, &path).map_err(HubError::io("lock", &path))?;
    take(file, &path, longest, lock)
}

fn take(
    file: File,
    path: &Path,
    longest: Duration,
    lock: fn(&File) -> Result<(), TryLockError>,
) -> Result<Option<GuestLock>, HubError> {
    let begun = Instant::now();
    loop {
        match lock(&file) {
            Ok(()) => return Ok(Some(GuestLock { file })),
            Err(TryLockError::WouldBlock) if begun.elapsed() >= longest => return Ok(None),
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            Err(TryLockError::Error(error)) => return Err(HubError::io("lock", path)(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_are_with_each_other_and_with_nobody_else() {
        let temp = tempfile::tempdir().unwrap();
        let try_now = |lock| acquire(temp.path(), Duration::ZERO, lock).unwrap();
        let first = GuestLock::enter(temp.path()).unwrap();
        let second = GuestLock::enter(temp.path()).unwrap();
        assert!(first.is_some() && second.is_some());
        assert!(try_now(File::try_lock).is_none());
        drop((first, second));
        let alone = GuestLock::keep_out(temp.path()).unwrap();
        assert!(alone.is_some());
        assert!(try_now(File::try_lock_shared).is_none());
        // Whoever has let guests in stays inside, and is alone no more.
        let inside = alone.unwrap().let_in(temp.path()).unwrap();
        assert!(inside.is_some());
        assert!(try_now(File::try_lock_shared).is_some());
        assert!(try_now(File::try_lock).is_none());
        drop(inside);
        assert!(try_now(File::try_lock).is_some());
    }

    #[test]
    fn whoever_is_next_waits_for_a_guest_to_leave() {
        let temp = tempfile::tempdir().unwrap();
        let guest = GuestLock::enter(temp.path()).unwrap();
        let leaving = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            drop(guest);
        });
        let begun = Instant::now();
        assert!(GuestLock::keep_out(temp.path()).unwrap().is_some());
        assert!(begun.elapsed() >= Duration::from_millis(150));
        leaving.join().unwrap();
    }
}
