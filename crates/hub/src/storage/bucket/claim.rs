//! Whose the bytes below a prefix are: two catalogues that shared one would each remove what the other
//! has. Which bucket it is: two Hubs of one catalogue with two buckets would each miss what the other
//! has. And how old that catalogue has been seen, so that an older one that was put back is noticed.

use super::error::Problem;
use super::{Bucket, PATIENCE, found};
use crate::HubError;
use crate::storage::Claim;
use futures_util::StreamExt as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};
use std::time::Duration;

const FILE: &str = "hub.json";

/// How long another catalogue's Hub may take from its look at a bucket without an owner to its own claim,
/// where the store would take both.
const UNTIL_SETTLED: Duration = Duration::from_secs(2);

impl Bucket {
    /// Who has what is below the prefix, if anybody has.
    pub(crate) async fn claimed(&self) -> Result<Option<Claim>, HubError> {
        let path = self.path(FILE);
        let reading = async { self.store.get(&path).await?.bytes().await };
        let read = found(self.within(PATIENCE, "read from", reading).await)?;
        let claim = read.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        claim.map_err(|error| HubError::Corrupt {
            what: "`hub.json` of the bucket",
            value: error.to_string(),
        })
    }

    /// Takes what is below the prefix, which nobody has. Who has it then, which may be somebody who was
    /// quicker.
    ///
    /// Where the store knows conditional writes the first one wins. Else the last one does, and
    /// whoever was there before is given the time to see it.
    pub(crate) async fn claim(&self, claim: &Claim) -> Result<Claim, HubError> {
        let first = self.write(claim, PutMode::Create).await;
        // A store that knows no conditions refuses one, or takes no notice of it and takes this too.
        let again = self.write(claim, PutMode::Create).await;
        let refused = first.is_err() && again.is_err() && self.claimed().await?.is_none();
        if refused {
            self.write(claim, PutMode::Overwrite).await?;
        }
        if refused || again.is_ok() {
            tokio::time::sleep(UNTIL_SETTLED).await;
        }
        match self.claimed().await? {
            Some(claim) => Ok(claim),
            None => {
                Err(Problem::new("what was written there is not to be found").at("use", &self.name))
            }
        }
    }

    /// Whether anything lies where the Hub's bytes are to be.
    pub(crate) async fn has_bytes(&self) -> Result<bool, HubError> {
        for folder in ["uploads", "blobs"] {
            let path = self.path(folder);
            let mut all = self.store.list(Some(&path));
            let first = async { all.next().await.transpose() };
            if self.within(PATIENCE, "list", first).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Who has what is below the prefix of a bucket that was claimed: a store says of a bucket that is
    /// gone no more than that it has no such object.
    pub(crate) async fn owner(&self) -> Result<Claim, HubError> {
        let claim = self.claimed().await?;
        claim.ok_or_else(|| Problem::new("it or its hub.json is gone").at("use", &self.name))
    }

    /// Does in it, once, what the Hub of a catalogue will do in it. So a key that may not is told of at the
    /// beginning, and not by the first release. Others may try at the same moment, in their own place.
    pub(crate) async fn try_out(&self, catalogue: &str) -> Result<(), HubError> {
        let place = |name| self.path(&format!("trial/{catalogue}-{name}"));
        let [from, to] = ["from", "to"].map(place);
        let putting = self.store.put(&from, "trial".into());
        self.within(PATIENCE, "write to", putting).await?;
        let copying = self.store.copy(&from, &to);
        self.within(PATIENCE, "copy within", copying).await?;
        let reading = async { self.store.get(&to).await?.bytes().await };
        self.within(PATIENCE, "read from", reading).await?;
        self.delete(&to).await?;
        self.delete(&from).await
    }

    /// The error of bytes that were there a moment ago.
    pub(crate) fn lost(&self) -> HubError {
        Problem::new("what was copied there is not to be found").at("read from", &self.name)
    }

    /// Notes what has been seen of the catalogue that has it.
    pub(crate) async fn remember(&self, claim: &Claim) -> Result<(), HubError> {
        self.write(claim, PutMode::Overwrite).await
    }

    async fn write(&self, claim: &Claim, mode: PutMode) -> Result<(), HubError> {
        let text = serde_json::to_string(claim).map_err(|error| HubError::Corrupt {
            what: "bucket's owner",
            value: error.to_string(),
        })?;
        let path = self.path(FILE);
        let options = PutOptions::from(mode);
        let putting = self.store.put_opts(&path, text.into(), options);
        self.within(PATIENCE, "write to", putting).await.map(drop)
    }

    /// Whether it answers.
    pub(crate) async fn ping(&self) -> Result<(), HubError> {
        let path = self.path(FILE);
        let asking = self.store.head(&path);
        self.within(PATIENCE, "look into", asking).await.map(drop)
    }
}
