//! The temporary folder of a run, and the removal of those that killed runs have left.

use crate::events::Reporter;
use crate::system::is_own;
use process::PidLock;
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "atlas-reproduce-";

/// Held while the run lasts. A folder without it is being made, or was kept on purpose.
const LOCK: &str = "lock";

/// A fresh folder, removed when this is closed or dropped.
#[derive(Debug)]
pub struct Scratch {
    dir: tempfile::TempDir,
    lock: PidLock,
}

impl Scratch {
    /// Makes one, once what killed runs have left there is removed, which is told.
    ///
    /// # Errors
    /// What the system says.
    pub fn begin(parent: &Path, reporter: &dyn Reporter) -> io::Result<Self> {
        for left in sweep(parent) {
            reporter.note(format!(
                "removed {}, which a run that was killed has left",
                left.display()
            ));
        }
        Self::make(parent)
    }

    /// Removes it, or leaves it for good, and tells where it is or what went wrong. What was found
    /// out counts all the same.
    pub fn end(self, keep: bool, reporter: &dyn Reporter) {
        if keep {
            let (path, unmarked) = self.keep();
            reporter.note(format!("kept: {}", path.display()));
            if let Err(error) = unmarked {
                reporter.warn(format!("a later run may remove it ({error})"));
            }
            return;
        }
        let dir = self.path().to_owned();
        if let Err(error) = self.close() {
            reporter.warn(format!(
                "{} could not be removed ({error}): remove it by hand",
                dir.display()
            ));
        }
    }

    /// Makes one in a folder for temporary files.
    ///
    /// # Errors
    /// What the system says.
    fn make(parent: &Path) -> io::Result<Self> {
        let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = PidLock::acquire(&dir.path().join(LOCK)).map_err(io::Error::other)?;
        Ok(Self { dir, lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Leaves it where it is, for good, and tells whether the mark that somebody works in it could
    /// be removed: with it a later run would take the folder for one of a killed run.
    fn keep(self) -> (PathBuf, io::Result<()>) {
        let path = self.dir.keep();
        drop(self.lock);
        let unmarked = std::fs::remove_file(path.join(LOCK));
        (path, unmarked)
    }

    /// Removes it.
    ///
    /// # Errors
    /// What the system says.
    fn close(self) -> io::Result<()> {
        // Windows removes no file that is open.
        drop(self.lock);
        self.dir.close()
    }
}

/// Removes what killed runs of the same user have left in a folder for temporary files, and returns
/// it. What cannot be removed is left: it is in nobody's way.
fn sweep(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Vec::new();
    };
    let mut removed = Vec::new();
    for entry in entries.filter_map(Result::ok) {
        let named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let dir = entry.path();
        // What others have put there is theirs, and links lead anywhere: neither is touched.
        let own = |path: &Path| {
            let found = std::fs::symlink_metadata(path);
            found.ok().filter(is_own)
        };
        let lock = dir.join(LOCK);
        if !named
            || !own(&dir).is_some_and(|found| found.is_dir())
            || !own(&lock).is_some_and(|found| found.is_file())
        {
            continue;
        }
        let Ok(held) = PidLock::acquire(&lock) else {
            continue;
        };
        drop(held);
        if std::fs::remove_dir_all(&dir).is_ok() {
            removed.push(dir);
        }
    }
    removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_run_left_goes_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path();
        let (left, _) = Scratch::make(parent).unwrap().keep();
        std::fs::write(left.join(LOCK), "1\n").unwrap();
        std::fs::create_dir_all(left.join("a/work")).unwrap();
        let (kept, unmarked) = Scratch::make(parent).unwrap().keep();
        unmarked.unwrap();
        let running = Scratch::make(parent).unwrap();
        let other = parent.join("another");
        std::fs::create_dir(&other).unwrap();
        std::fs::write(other.join(LOCK), "").unwrap();

        let linked = parent.join("atlas-reproduce-linked");
        std::fs::create_dir(&linked).unwrap();
        let precious = parent.join("precious");
        std::fs::write(&precious, "mine").unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(&precious, linked.join(LOCK)).unwrap();

        assert_eq!(sweep(parent), [left]);
        for stays in [&kept, &other, &linked, running.path()] {
            assert!(stays.is_dir(), "{}", stays.display());
        }
        assert_eq!(std::fs::read_to_string(precious).unwrap(), "mine");
        let path = running.path().to_owned();
        running.close().unwrap();
        assert!(!path.exists());
    }
}
