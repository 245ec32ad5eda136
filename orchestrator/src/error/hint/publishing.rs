//! What to do where a release is not published.

use crate::publish::{JournalError, PublishError};

/// What to do about it, but for a Hub that says no; `of_manifest` is whether the files are of somebody else's
/// making, so that no build of this program can come out otherwise.
pub(super) fn of_publishing(error: &PublishError, of_manifest: bool) -> Option<String> {
    let text = match error {
        PublishError::Incomplete { .. } => {
            "nobody sees anything of it: when the other machines have done their part, run the same command again, or `publish --finish` on one of them; --require says what is needed"
        }
        PublishError::NoFiles { .. } => {
            "what was staged has been lost there: `publish` with the dist folders sends it again"
        }
        PublishError::NoDrafts { .. } => {
            "bring the dist folders of all machines here, and name each with --dist-dir"
        }
        PublishError::Clock { .. } => {
            "set the clock; or say with --published-at when the release counts as published"
        }
        PublishError::Journal(JournalError::Unfit { .. } | JournalError::TooLong { .. }) => {
            "move it away; what is uploaded already is then found out from the Hub alone"
        }
        PublishError::Older { .. } => {
            "use --backport to publish it without making it the newest; in a job of GitHub, the workflows' input `backport`"
        }
        PublishError::Conflict { .. } | PublishError::Immutable { .. } if of_manifest => {
            "published bytes never change: publish these files with another --version"
        }
        PublishError::Conflict { .. } | PublishError::Immutable { .. } => {
            "published bytes never change: release a new version, or use `release --snapshot` to publish this commit under a version of its own"
        }
        PublishError::Extra { .. } if of_manifest => {
            "a manifest has all files of a platform: give that file a row, or publish these with another --version"
        }
        PublishError::Extra { .. }
        | PublishError::BackportDate { .. }
        | PublishError::Journal(_)
        | PublishError::Altered(_)
        | PublishError::Client(_) => return None,
    };
    Some(text.to_owned())
}
