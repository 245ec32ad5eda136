//! Where the files of a release are stored, and what comes of a call that registers them when the Hub does
//! not find them there.

use super::files::check_files;
use super::upload::{Sender, added};
use super::{Group, PublishError, report_upload};
use crate::artifacts::LocalArtifact;
use crate::progress::{Direction, Transfers};
use hub_client::ClientError;
use release_types::ObjectKey;
use std::collections::BTreeMap;

/// Where the files of a release are stored.
#[derive(Debug, Default, Clone)]
pub(super) struct Uploads {
    providers: BTreeMap<ObjectKey, String>,
    /// Those that this run has not sent.
    left_out: BTreeMap<ObjectKey, LeftOut>,
}

/// By whose word a file seemed to be stored already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// The Hub lists it, or shows it.
    ByHub,
    /// The journal has it.
    ByJournal,
}

impl Uploads {
    /// A file is in this storage.
    pub(super) fn add(&mut self, key: ObjectKey, provider: String, left_out: Option<LeftOut>) {
        if let Some(word) = left_out {
            self.left_out.insert(key.clone(), word);
        }
        self.providers.insert(key, provider);
    }

    /// The storage that has a file.
    pub(super) fn provider(&self, key: &ObjectKey) -> String {
        self.providers.get(key).cloned().unwrap_or_default()
    }

    /// Makes a call that registers a platform. Where the Hub then misses what this run has not sent,
    /// because it seemed to be there, that is sent, and the call made once more, with where it is now.
    pub(super) async fn settled<T>(
        &self,
        sender: Sender<'_>,
        group: &Group<'_>,
        register: impl AsyncFn(&Self) -> Result<T, ClientError>,
    ) -> Result<T, PublishError> {
        let error = match register(self).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let doubtful = self.doubtful(&error, group);
        if doubtful.is_empty() {
            return Err(altered(error));
        }
        sender.reporter.warn(format!(
            "{error}; what seemed to be stored already is sent after all"
        ));
        check_files(doubtful.iter().copied()).await?;
        let transfers = Transfers::new(Direction::Upload);
        let sending = async {
            let mut now = self.clone();
            for artifact in doubtful {
                let transfer = added(&transfers, artifact);
                let provider = sender.send(artifact, Some(&transfer)).await?;
                report_upload(sender.reporter, artifact, false);
                now.add(artifact.key.clone(), provider, None);
            }
            Ok::<_, PublishError>(now)
        };
        let now = transfers.watch(sender.reporter, sending).await?;
        register(&now).await.map_err(altered)
    }

    /// What a refusal may be about of the files that this run has not sent. A Hub may say 400 to a
    /// storage or an object that it does not know; what it has said itself is not doubted for that.
    fn doubtful<'a>(&self, error: &ClientError, group: &Group<'a>) -> Vec<&'a LocalArtifact> {
        let is_doubtful = |word: &LeftOut| match error {
            ClientError::Conflict { .. } | ClientError::NotFound { .. } => true,
            ClientError::BadRequest { .. } => *word == LeftOut::ByJournal,
            _ => false,
        };
        let files = group.artifacts.iter().copied();
        files
            .filter(|file| self.left_out.get(&file.key).is_some_and(is_doubtful))
            .collect()
    }
}

/// The Hub compares with what is stored, and what is stored is not what was built.
fn altered(error: ClientError) -> PublishError {
    match error {
        error @ (ClientError::Conflict { .. } | ClientError::Mismatch { .. }) => {
            PublishError::Altered(error)
        }
        error => PublishError::Client(error),
    }
}
