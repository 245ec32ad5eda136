//! What can go from a bucket: how it is found, and how it is removed.

use super::{Bucket, PATIENCE, found, lying};
use crate::HubError;
use crate::storage::Lying;
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use std::collections::HashSet;

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
    /// that is taken, and where it knows none a moment is left in which it can.
    pub(crate) async fn remove_upload_as(&self, lying: &Lying) -> Result<(), HubError> {
        match self.arrived(&lying.name).await? {
            Some(now) if now == *lying => self.remove_upload(&lying.name).await,
            _ => Ok(()),
        }
    }

    async fn delete(&self, path: &Path) -> Result<(), HubError> {
        let deleting = self.store.delete(path);
        let deleted = self.within(PATIENCE, "remove from", deleting).await;
        found(deleted).map(drop)
    }

    /// Bytes at places that are not known.
    pub(crate) async fn unknown(&self, known: &HashSet<String>) -> Result<Vec<Lying>, HubError> {
        self.list("blobs", known).await
    }

    /// Uploads that are not known.
    pub(crate) async fn unknown_uploads(
        &self,
        known: &HashSet<String>,
    ) -> Result<Vec<Lying>, HubError> {
        self.list("uploads", known).await
    }

    async fn list(&self, folder: &str, known: &HashSet<String>) -> Result<Vec<Lying>, HubError> {
        let path = self.path(folder);
        let mut unknown = Vec::new();
        let mut all = self.store.list(Some(&path));
        loop {
            let next = async { all.next().await.transpose() };
            let Some(meta) = self.within(PATIENCE, "list", next).await? else {
                return Ok(unknown);
            };
            if let Some(lying) = lying(meta).filter(|lying| !known.contains(&lying.name)) {
                unknown.push(lying);
            }
        }
    }
}
