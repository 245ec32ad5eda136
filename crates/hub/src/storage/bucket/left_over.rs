//! What can go from a bucket: how it is found, and how it is removed.

use super::error::Problem;
use super::{Bucket, PATIENCE, found, lying};
use crate::HubError;
use crate::storage::Lying;
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use std::collections::HashSet;
use std::time::Duration;

/// How long a store may take while others wait for the right to write.
const SOON: Duration = Duration::from_secs(2);

impl Bucket {
    /// Removes the bytes at a place.
    pub(crate) async fn remove(&self, place: &str) -> Result<(), HubError> {
        self.delete(&self.blob(place)).await
    }

    /// Removes what was uploaded, if anything was.
    pub(crate) async fn remove_upload(&self, id: &str) -> Result<(), HubError> {
        self.delete(&self.upload(id)).await
    }

    /// Removes an upload, unless another one has come in its place since it was looked at. The
    /// protocol removes by name: where the store knows conditional writes nothing can come to a name
    /// that is taken, and where it knows none a moment is left in which it can. Whoever asks for this has
    /// the right to write, so a store that is slow is not waited for.
    pub(crate) async fn remove_upload_as(&self, lying: &Lying) -> Result<(), HubError> {
        let removing = async {
            match self.arrived(&lying.name).await? {
                Some(now) if now == *lying => self.remove_upload(&lying.name).await,
                _ => Ok(()),
            }
        };
        let removed = tokio::time::timeout(SOON, removing).await;
        removed.unwrap_or_else(|_| Err(Problem::silent().at("remove from", self.name())))
    }

    /// Removes the bytes at all these places, several at a time.
    pub(crate) async fn remove_all(&self, places: Vec<String>) -> Result<(), HubError> {
        let paths = places.iter().map(|place| self.blob(place)).collect();
        self.delete_all(paths).await
    }

    /// Removes all these uploads, several at a time.
    pub(crate) async fn remove_uploads(&self, ids: Vec<String>) -> Result<(), HubError> {
        let paths = ids.iter().map(|id| self.upload(id)).collect();
        self.delete_all(paths).await
    }

    pub(super) async fn delete(&self, path: &Path) -> Result<(), HubError> {
        let deleting = self.store.delete(path);
        let deleted = self.within(PATIENCE, "remove from", deleting).await;
        found(deleted).map(drop)
    }

    /// With a request for each, twenty at a time: not every store knows the one for a thousand.
    async fn delete_all(&self, paths: Vec<Path>) -> Result<(), HubError> {
        let paths = futures_util::stream::iter(paths).map(Ok).boxed();
        let mut deleted = self.store.delete_stream(paths);
        loop {
            let next = async { deleted.next().await.transpose() };
            // What was gone already is no matter; after the last there is nothing.
            if let Some(None) = found(self.within(PATIENCE, "remove from", next).await)? {
                return Ok(());
            }
        }
    }

    /// Bytes at places that are not known.
    pub(crate) async fn unknown(&self, known: &HashSet<String>) -> Result<Vec<Lying>, HubError> {
        self.list("blobs", |name| !known.contains(name)).await
    }

    /// All uploads.
    pub(crate) async fn uploads(&self) -> Result<Vec<Lying>, HubError> {
        self.list("uploads", |_| true).await
    }

    async fn list(
        &self,
        folder: &str,
        is_wanted: impl Fn(&String) -> bool,
    ) -> Result<Vec<Lying>, HubError> {
        let path = self.path(folder);
        let mut wanted = Vec::new();
        let mut all = self.store.list(Some(&path));
        loop {
            let next = async { all.next().await.transpose() };
            let Some(meta) = self.within(PATIENCE, "list", next).await? else {
                return Ok(wanted);
            };
            wanted.extend(lying(meta).filter(|lying| is_wanted(&lying.name)));
        }
    }
}
