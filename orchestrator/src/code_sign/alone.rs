//! One at a time: a user has one list of keychains and one store of certificates, and each run changes them.

use super::CodeSignError;
use crate::context::World;
use crate::{state, system};
use process::{PidLock, PidLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The file that is locked, in the folder for this user's state.
const FILE: &str = "code-signing.lock";

/// How long another run may take.
const PATIENCE: Duration = Duration::from_secs(1800);

/// How long nothing is done until it is looked again.
const PAUSE: Duration = Duration::from_millis(100);

/// Where the lock is, for all runs of a user, whatever else they share; nothing where the user has no folder.
pub(super) fn place(world: &World) -> Option<PathBuf> {
    let dir = state::default_dir(world.host.os, &world.env).ok()?;
    Some(dir.join(FILE))
}

/// Waits until no other run of this user is at it, and keeps them waiting until what is returned is dropped. Where there
/// is no lock to be had nothing keeps them apart, and that is better than not to sign. An interrupted run waits for
/// nothing: what it starts next says so.
///
/// # Errors
/// When another run does not end.
pub(super) async fn alone(world: &World) -> Result<Option<PidLock>, CodeSignError> {
    let Some(path) = place(world) else {
        return Ok(None);
    };
    let until = Instant::now() + PATIENCE;
    let mut is_told = false;
    loop {
        match try_lock(&path) {
            Tried::Mine(lock) => return Ok(lock),
            Tried::Held(pid) if Instant::now() > until => return Err(CodeSignError::Busy { pid }),
            Tried::Held(pid) if !is_told => {
                tracing::warn!(
                    process = pid,
                    "another run of this user signs code: waiting for its end"
                );
                is_told = true;
            }
            Tried::Held(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = world.runner.cancellation().cancelled() => return Ok(None),
        }
    }
}

/// The same where something is put away, in any case and soon.
pub(super) fn alone_for(path: &Path, patience: Duration) -> Option<PidLock> {
    let until = Instant::now() + patience;
    loop {
        match try_lock(path) {
            Tried::Mine(lock) => return lock,
            Tried::Held(_) if Instant::now() > until => return None,
            Tried::Held(_) => std::thread::sleep(PAUSE),
        }
    }
}

enum Tried {
    /// It is locked; or cannot be, by anybody.
    Mine(Option<PidLock>),
    /// Another one has it, whose process is this one.
    Held(Option<u32>),
}

fn try_lock(path: &Path) -> Tried {
    let made = path.parent().map_or(Ok(()), system::create_private_dir);
    let locked = made.map_err(PidLockError::from);
    match locked.and_then(|()| PidLock::acquire(path)) {
        Ok(lock) => Tried::Mine(Some(lock)),
        Err(PidLockError::Held { pid }) => Tried::Held(pid),
        Err(PidLockError::Io(error)) => {
            tracing::warn!(path = %path.display(), %error, "runs that sign code are not kept apart");
            Tried::Mine(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use process::Runner;

    #[tokio::test]
    async fn the_second_waits_for_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::capture(Runner::default()).unwrap();
        let home = dir.path().to_str().unwrap();
        world.env = [("HOME", home), ("LOCALAPPDATA", home)]
            .into_iter()
            .collect();
        let path = place(&world).unwrap();
        let first = alone(&world).await.unwrap();
        assert!(first.is_some() && path.starts_with(dir.path()));
        assert!(alone_for(&path, Duration::ZERO).is_none());
        let second = async {
            let lock = alone(&world).await.unwrap();
            (lock.is_some(), Instant::now())
        };
        let end = async {
            tokio::time::sleep(3 * PAUSE).await;
            drop(first);
            Instant::now()
        };
        let ((has_it, got), ended) = tokio::join!(second, end);
        assert!(has_it && got >= ended);
        // Interrupted, it waits for nobody; nor where there is no place for a lock.
        let _held = alone_for(&path, Duration::ZERO).unwrap();
        world.runner.cancellation().cancel();
        assert!(alone(&world).await.unwrap().is_none());
        world.env = process::Env::default();
        assert!(alone(&world).await.unwrap().is_none());
    }
}
