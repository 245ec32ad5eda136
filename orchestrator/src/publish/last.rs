//! What was published last: the sizes that a new build is compared with.

use futures_util::future::try_join_all;
use hub_client::{ClientError, HubClient};
use release_types::{Channel, Platform, ProductName, Release};
use serde::Serialize;
use std::collections::BTreeMap;

/// A file of the newest release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastFile {
    /// The version it belongs to.
    pub version: String,
    /// Bytes.
    pub size: u64,
}

/// The files of the newest releases, by product, platform and name.
#[derive(Debug, Clone, Default)]
pub struct LastPublished(BTreeMap<(ProductName, Platform, String), LastFile>);

impl LastPublished {
    /// Asks a Hub for the newest release of each product on each platform of a channel.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub async fn ask(
        client: &HubClient,
        wanted: &[(ProductName, Platform)],
        channel: Channel,
    ) -> Result<Self, ClientError> {
        let asked = wanted
            .iter()
            .map(|(product, platform)| client.latest(product, *platform, channel));
        let mut last = Self::default();
        for ((product, platform), release) in wanted.iter().zip(try_join_all(asked).await?) {
            if let Some(release) = release {
                last.add(product, *platform, &release);
            }
        }
        Ok(last)
    }

    /// Takes note of a release.
    pub(super) fn add(&mut self, product: &ProductName, platform: Platform, release: &Release) {
        for asset in &release.assets {
            let key = (product.clone(), platform, asset.filename.to_string());
            let file = LastFile {
                version: release.version.clone(),
                size: asset.size,
            };
            self.0.insert(key, file);
        }
    }

    /// The file of this name, if it was part of the newest release.
    pub fn get(
        &self,
        product: &ProductName,
        platform: Platform,
        filename: &str,
    ) -> Option<&LastFile> {
        self.0
            .get(&(product.clone(), platform, filename.to_owned()))
    }
}
