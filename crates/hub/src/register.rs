//! Releases registered, shown, promoted and taken back: not before their bytes are in the storage.
//!
//! All of it is done to its end, also when its client leaves. So what readers are shown never changes
//! by a transaction that was counted as ended before it was, see `http::kept`.

use crate::catalogue::{Finalized, MOST_FILES, Promoted, Publication, Registered, Target};
use crate::settle::PATIENCE;
use crate::storage::Presence;
use crate::{Hub, HubError, context};
use futures_util::{StreamExt as _, TryStreamExt as _};
use release_types::{
    Artifact, Channel, FileName, ObjectKey, ProductName, ReleaseSummary, Sha256Digest,
};
use semver::Version;
use std::collections::HashMap;

/// For how many files at a time the storage is asked.
const ASKED_AT_ONCE: usize = 8;

impl Hub {
    /// Registers one platform of a release, for everybody to see or as a draft.
    pub(crate) async fn publish(
        &self,
        publication: Publication,
        draft: bool,
    ) -> Result<Registered, HubError> {
        let hub = self.clone();
        context::to_its_end(async move { hub.register(publication, draft).await }).await
    }

    async fn register(
        &self,
        publication: Publication,
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
    /// `files` has to have exactly those. What takes longer than [`PATIENCE`] goes on, and is
    /// [`HubError::StillReading`] until it is done.
    pub(crate) async fn finalize(
        &self,
        targets: Vec<Target>,
        files: HashMap<ObjectKey, Sha256Digest>,
    ) -> Result<Finalized, HubError> {
        let hub = self.clone();
        // A bucket is asked for every file, which can take longer than a client waits.
        let finalizing = async move { hub.finalize_all(&targets, &files).await };
        let finalizing = tokio::time::timeout(PATIENCE, context::to_its_end(finalizing));
        let finalized = finalizing.await;
        finalized.unwrap_or(Err(HubError::StillReading))
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
            return catalogue
                .finalize(targets, files, MOST_FILES, self.now())
                .await;
        }
        let told = gone
            .into_iter()
            .map(|(target, filename)| format!("the bytes of `{filename}` of {target} are gone"));
        Ok(Finalized::Refused(told.collect()))
    }

    /// Gives another channel all platforms of a release, with the same bytes.
    pub(crate) async fn promote(
        &self,
        product: ProductName,
        version: Version,
        channels: (Channel, Channel),
    ) -> Result<Promoted, HubError> {
        let hub = self.clone();
        context::to_its_end(async move {
            hub.catalogue()
                .promote(&product, &version, channels, MOST_FILES, hub.now())
                .await
        })
        .await
    }

    /// Takes a release back, or offers it again. Nothing where there is no such release.
    pub(crate) async fn set_yanked(
        &self,
        (product, version, channel): (ProductName, Version, Channel),
        yanked: bool,
        reason: Option<String>,
    ) -> Result<Option<ReleaseSummary>, HubError> {
        let hub = self.clone();
        context::to_its_end(async move {
            let release = (&product, &version, channel);
            hub.catalogue()
                .set_yanked(release, yanked, reason.as_deref(), hub.now())
                .await
        })
        .await
    }

    /// Which of these files have no bytes in the storage, each with what stands beside it.
    async fn without_bytes<T>(
        &self,
        artifacts: Vec<(T, Artifact)>,
    ) -> Result<Vec<(T, FileName)>, HubError> {
        let presence = &Presence::default();
        let asking = artifacts.into_iter().map(|(of, artifact)| async move {
            let there = self.has_bytes(&artifact, presence).await?;
            Ok::<_, HubError>((!there).then_some((of, artifact.filename)))
        });
        let asking: Vec<_> = futures_util::stream::iter(asking)
            .buffered(ASKED_AT_ONCE)
            .try_collect()
            .await?;
        Ok(asking.into_iter().flatten().collect())
    }

    async fn has_bytes(&self, artifact: &Artifact, presence: &Presence) -> Result<bool, HubError> {
        let (catalogue, storage) = (self.catalogue(), self.storage());
        let (sha256, size) = (artifact.sha256, artifact.size);
        if storage.bucket().is_none() {
            return storage.files().has(&sha256, size).await;
        }
        match catalogue.stored_object(&artifact.key).await? {
            Some(object) if (object.sha256, object.size) == (sha256, size) => {
                storage.has(&object, presence).await
            }
            // What is the matter is told better where releases are registered.
            _ => Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HubConfig;
    use crate::catalogue::{Catalogue, StoredObject};
    use release_types::{Kind, Platform};
    use std::time::Duration;

    const PLATFORM: &str = "linux-x64";

    /// A call whose client leaves while it waits for its turn to write.
    async fn abandoned<T>(hub: &Hub, call: impl Future<Output = Result<T, HubError>>) {
        let turn = hub.catalogue().write().await.unwrap();
        let call = tokio::time::timeout(Duration::from_millis(100), call).await;
        assert!(call.is_err(), "it did not wait");
        drop(turn);
    }

    async fn soon(mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..500 {
            if done().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it was not done to its end");
    }

    #[tokio::test]
    async fn what_changes_releases_is_done_also_when_its_client_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let hub = Hub::open(HubConfig::new(dir.path())).await.unwrap();
        let catalogue = hub.catalogue();
        let bytes = b"x";
        let artifact = Artifact {
            key: "artifacts/runner/1.0.0/linux/x64/x".parse().unwrap(),
            provider: String::new(),
            filename: "x".parse().unwrap(),
            size: 1,
            sha256: Sha256Digest::of(bytes),
            kind: Kind::Binary,
        };
        let blob = artifact.sha256.to_string();
        let folder = dir.path().join("blobs").join(&blob[..2]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(&blob), bytes).unwrap();
        let object = StoredObject {
            sha256: artifact.sha256,
            size: artifact.size,
            content_type: "a/b".to_owned(),
            place: None,
        };
        let mut tx = catalogue.write().await.unwrap();
        Catalogue::put_object(&mut tx, &artifact.key, &object, hub.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let publication = Publication {
            product: "runner".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            channel: Channel::Stable,
            platform: PLATFORM.parse().unwrap(),
            artifacts: vec![artifact],
            notes: None,
            published_at: None,
        };
        let (product, version) = (&publication.product, &publication.version);
        let newest = async |channel| {
            let platform: Platform = PLATFORM.parse().unwrap();
            let newest = catalogue.latest(product, channel, platform).await;
            newest.unwrap().is_some()
        };

        abandoned(&hub, hub.publish(publication.clone(), true)).await;
        let target = Target {
            product: product.clone(),
            version: version.clone(),
            channel: Channel::Stable,
            platform: publication.platform,
        };
        soon(async || {
            let drafted = catalogue.drafted(std::slice::from_ref(&target), 1).await;
            drafted.unwrap().unwrap().len() == 1
        })
        .await;
        abandoned(&hub, hub.publish(publication.clone(), false)).await;
        soon(async || newest(Channel::Stable).await).await;
        let channels = (Channel::Stable, Channel::Beta);
        let promoting = hub.promote(product.clone(), version.clone(), channels);
        abandoned(&hub, promoting).await;
        soon(async || newest(Channel::Beta).await).await;
        for yanked in [true, false] {
            let release = (product.clone(), version.clone(), Channel::Stable);
            abandoned(&hub, hub.set_yanked(release, yanked, None)).await;
            soon(async || newest(Channel::Stable).await != yanked).await;
        }
        hub.close().await;
    }
}
