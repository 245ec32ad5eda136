//! Whose the bytes below a prefix are: two catalogues that shared one would each remove what the other
//! has. And how old that catalogue has been seen, so that an older one that was put back is noticed.

use super::error::Problem;
use super::{Bucket, PATIENCE, found};
use crate::HubError;
use futures_util::StreamExt as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode, PutOptions};
use serde::{Deserialize, Serialize};

const FILE: &str = "hub.json";

/// Who has the bytes below a prefix.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    /// The catalogue's id.
    catalogue: String,
    /// How old it was when it was seen last.
    age: u64,
}

impl Bucket {
    /// Takes what is below the prefix for a catalogue. How old that one has been seen.
    ///
    /// # Errors
    /// [`HubError::Config`] when it is another catalogue's, or when there is something and nothing says
    /// whose it is: to this catalogue it would be unknown, and so be removed.
    pub(crate) async fn claim(&self, catalogue: &str) -> Result<u64, HubError> {
        if self.claimed().await?.is_none() {
            if self.has_bytes().await? && self.claimed().await?.is_none() {
                return Err(HubError::Config(format!(
                    "{} has something in it and no hub.json that says whose it is; a Hub needs a bucket \
                     or a prefix of its own",
                    self.name
                )));
            }
            self.write(&text(catalogue, 0)?, PutMode::Create).await?;
        }
        match self.claimed().await? {
            Some(claim) if claim.catalogue == catalogue => Ok(claim.age),
            Some(_) => Err(HubError::Config(format!(
                "{} holds the bytes of another catalogue; each needs a bucket or a prefix of its own",
                self.name
            ))),
            None => {
                Err(Problem::new("what was written there is not to be found").at("use", &self.name))
            }
        }
    }

    /// Whether some catalogue has taken what is below the prefix.
    pub(crate) async fn is_claimed(&self) -> Result<bool, HubError> {
        Ok(self.claimed().await?.is_some())
    }

    /// Whether anything lies where the Hub's bytes are to be.
    async fn has_bytes(&self) -> Result<bool, HubError> {
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

    /// Makes sure that it is there: a store says of a bucket that is gone no more than that it has
    /// no such object.
    pub(crate) async fn must_be_there(&self) -> Result<(), HubError> {
        match self.is_claimed().await? {
            true => Ok(()),
            false => Err(Problem::new("it or its hub.json is gone").at("use", &self.name)),
        }
    }

    /// The error of bytes that were there a moment ago.
    pub(crate) fn lost(&self) -> HubError {
        Problem::new("what was copied there is not to be found").at("read from", &self.name)
    }

    /// Notes how old the catalogue is, unless another one has come.
    pub(crate) async fn remember(&self, catalogue: &str, age: u64) -> Result<(), HubError> {
        self.claim(catalogue).await?;
        self.write(&text(catalogue, age)?, PutMode::Overwrite).await
    }

    async fn claimed(&self) -> Result<Option<Claim>, HubError> {
        let path = self.path(FILE);
        let reading = async { self.store.get(&path).await?.bytes().await };
        let read = found(self.within(PATIENCE, "read from", reading).await)?;
        let claim = read.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        claim.map_err(|error| HubError::Corrupt {
            what: "`hub.json` of the bucket",
            value: error.to_string(),
        })
    }

    async fn write(&self, claim: &str, mode: PutMode) -> Result<(), HubError> {
        let path = self.path(FILE);
        let put = |mode: PutMode| {
            let options = PutOptions::from(mode);
            let putting = self.store.put_opts(&path, claim.to_owned().into(), options);
            self.within(PATIENCE, "write to", putting)
        };
        match put(mode.clone()).await {
            Ok(_) => Ok(()),
            Err(error) if mode == PutMode::Overwrite => Err(error),
            // Somebody was quicker, or the store knows no conditional writes; whoever reads it
            // next sees whose it is.
            Err(_) if self.claimed().await?.is_some() => Ok(()),
            Err(_) => put(PutMode::Overwrite).await.map(drop),
        }
    }

    /// Whether it answers.
    pub(crate) async fn ping(&self) -> Result<(), HubError> {
        let path = self.path(FILE);
        let asking = self.store.head(&path);
        self.within(PATIENCE, "look into", asking).await.map(drop)
    }
}

fn text(catalogue: &str, age: u64) -> Result<String, HubError> {
    let catalogue = catalogue.to_owned();
    serde_json::to_string(&Claim { catalogue, age }).map_err(|error| HubError::Corrupt {
        what: "bucket's owner",
        value: error.to_string(),
    })
}
