//! Releases registered and shown: not before their bytes are in the storage.

use crate::catalogue::{Finalized, Publication, Registered, Target};
use crate::{Hub, HubError, context};
use futures_util::{StreamExt as _, TryStreamExt as _};
use release_types::{Artifact, FileName, ObjectKey, Sha256Digest};
use std::collections::HashMap;

/// For how many files at a time the storage is asked.
const ASKED_AT_ONCE: usize = 8;

/// How many files one call may make visible. All of them are read and written in one transaction,
/// and nobody else writes meanwhile.
const MOST_FILES: usize = 20_000;

impl Hub {
    /// Registers one platform of a release, for everybody to see or as a draft.
    pub(crate) async fn publish(
        &self,
        publication: &Publication,
        draft: bool,
    ) -> Result<Registered, HubError> {
        let artifacts = &publication.artifacts;
        self.settle(artifacts.iter().map(|a| a.key.clone()).collect())
            .await?;
        let artifacts = artifacts.iter().map(|artifact| ((), artifact.clone()));
        if let [((), filename), ..] = &self.without_bytes(artifacts.collect()).await?[..] {
            return Ok(Registered::Conflict {
                filename: filename.clone(),
                why: "no such bytes are stored".to_owned(),
            });
        }
        if draft {
            self.catalogue().draft(publication, self.now()).await
        } else {
            self.catalogue().publish(publication, self.now()).await
        }
    }

    /// Makes drafts visible, all in one moment or none. A draft of a platform that has a key among
    /// `files` has to have exactly those.
    pub(crate) async fn finalize(
        &self,
        targets: Vec<Target>,
        files: HashMap<ObjectKey, Sha256Digest>,
    ) -> Result<Finalized, HubError> {
        let hub = self.clone();
        // A bucket is asked for every file, which can take longer than a client waits.
        context::to_its_end(async move { hub.finalize_all(&targets, &files).await }).await
    }

    async fn finalize_all(
        &self,
        targets: &[Target],
        files: &HashMap<ObjectKey, Sha256Digest>,
    ) -> Result<Finalized, HubError> {
        let _turn = self.settling().finalizing.lock().await;
        let drafted = self.catalogue().drafted(targets, MOST_FILES).await?;
        let Some(drafted) = drafted else {
            return Ok(Finalized::TooMany(MOST_FILES));
        };
        let gone = self.without_bytes(drafted).await?;
        if gone.is_empty() {
            let catalogue = self.catalogue();
            return catalogue.finalize(targets, files, self.now()).await;
        }
        let told = gone
            .into_iter()
            .map(|(target, filename)| format!("the bytes of `{filename}` of {target} are gone"));
        Ok(Finalized::Refused(told.collect()))
    }

    /// Which of these files have no bytes in the storage, each with what stands beside it.
    async fn without_bytes<T>(
        &self,
        artifacts: Vec<(T, Artifact)>,
    ) -> Result<Vec<(T, FileName)>, HubError> {
        let asking = artifacts.into_iter().map(|(of, artifact)| async move {
            let there = self.has_bytes(&artifact).await?;
            Ok::<_, HubError>((!there).then_some((of, artifact.filename)))
        });
        let asking: Vec<_> = futures_util::stream::iter(asking)
            .buffered(ASKED_AT_ONCE)
            .try_collect()
            .await?;
        Ok(asking.into_iter().flatten().collect())
    }

    async fn has_bytes(&self, artifact: &Artifact) -> Result<bool, HubError> {
        let (catalogue, storage) = (self.catalogue(), self.storage());
        let (sha256, size) = (artifact.sha256, artifact.size);
        if storage.bucket().is_none() {
            return storage.files().has(&sha256, size).await;
        }
        match catalogue.stored_object(&artifact.key).await? {
            Some(object) if (object.sha256, object.size) == (sha256, size) => {
                storage.has(&object).await
            }
            // What is the matter is told better where releases are registered.
            _ => Ok(true),
        }
    }
}
