//! Whether a tree is after a build what it was before.

use super::SelectError;
use crate::artifacts::digest_file;
use crate::context::World;
use crate::git::{Difference, Git};
use release_types::Sha256Digest;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file that differs from the commit, as it was at one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// Its path, relative to the repository's folder.
    path: String,
    /// The digest of what it held; none of what is gone, a folder, or closed to this user.
    content: Option<Sha256Digest>,
}

/// Reads these files.
pub(super) async fn seen(files: Vec<Difference>) -> BTreeSet<Seen> {
    let read = move || {
        let seen = files.into_iter().map(|file| Seen {
            content: match file.at.is_file() {
                true => digest_file(&file.at).ok().map(|(_, sha256)| sha256),
                false => None,
            },
            path: file.path,
        });
        seen.collect()
    };
    // They may be large, and a build waits for signals meanwhile.
    match tokio::task::spawn_blocking(read).await {
        Ok(seen) => seen,
        // It is never cancelled, so it can only have panicked.
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// Looks once more, after a build: cargo reads files over minutes, and what it has read is known only
/// when the tree is at the end what it was at the beginning, also in what differed from the commit then.
///
/// # Errors
/// When another commit is checked out, other files differ from it or differ in another way, or git
/// cannot answer.
pub async fn is_still(
    world: &World,
    root: &Path,
    apart: &[PathBuf],
    (commit, before): (&str, &BTreeSet<Seen>),
) -> Result<(), SelectError> {
    let git = Git::new(world, root)?;
    let (head, now) = tokio::try_join!(git.head(), git.differences(apart))?;
    if head.commit != commit {
        return Err(SelectError::OtherHead {
            before: commit.to_owned(),
            now: head.commit,
        });
    }
    let now = seen(now).await;
    // A file that is another now is in both, as two that have one path.
    let changed = now.symmetric_difference(before);
    let changed: BTreeSet<&str> = changed.map(|file| file.path.as_str()).collect();
    match changed.is_empty() {
        true => Ok(()),
        false => Err(SelectError::Changed(
            changed.into_iter().map(str::to_owned).collect(),
        )),
    }
}
