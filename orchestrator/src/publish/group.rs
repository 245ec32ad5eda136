//! One platform of one product: what one call registers, and how it compares with what the Hub has.

use super::{Publication, PublishError};
use crate::artifacts::{LocalArtifact, by_platform};
use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{ClientError, HubClient};
use release_types::{Asset, Channel, Platform, ProductName, Release};

/// For how many platforms at a time a Hub is asked what it has.
pub(super) const ASKED_AT_ONCE: usize = 4;

/// One platform of one product.
pub(super) struct Group<'a> {
    pub(super) product: &'a ProductName,
    pub(super) platform: Platform,
    pub(super) artifacts: Vec<&'a LocalArtifact>,
    /// What the channel has of it.
    pub(super) published: Option<Release>,
    /// Files of it that some channel has with the same bytes.
    pub(super) stored: Vec<&'a LocalArtifact>,
    /// Whether the Hub has lost or damaged some of its bytes.
    pub(super) damaged: bool,
}

impl<'a> Group<'a> {
    /// The groups of a release, compared with what the Hub has of each on every channel: a key knows
    /// no channel, so the same name with other bytes anywhere is a conflict.
    pub(super) async fn all(
        client: &HubClient,
        release: &Publication<'a>,
    ) -> Result<Vec<Self>, PublishError> {
        let mut groups: Vec<Self> = by_platform(release.artifacts)
            .into_iter()
            .map(|((product, platform), artifacts)| Group {
                product,
                platform,
                damaged: artifacts.iter().any(|a| release.damaged.contains(&a.key)),
                artifacts,
                published: None,
                stored: Vec::new(),
            })
            .collect();
        let version = &release.version.to_string();
        let asked: Vec<_> = groups
            .iter()
            .map(|group| on_all_channels(client, group.product, version, group.platform))
            .collect();
        let found: Vec<Vec<Release>> = futures_util::stream::iter(asked)
            .buffered(ASKED_AT_ONCE)
            .try_collect()
            .await?;
        for (group, found) in groups.iter_mut().zip(found) {
            for on_channel in found {
                group.take(release, on_channel)?;
            }
        }
        Ok(groups)
    }

    /// Compares the group with what one channel has, and keeps what that says.
    fn take(&mut self, release: &Publication<'_>, found: Release) -> Result<(), PublishError> {
        self.check(release, &found)?;
        for asset in &found.assets {
            let same = self.local(asset).filter(|local| is_same(local, asset));
            // What it has damaged has to be sent all the same.
            let same = same.filter(|local| !release.damaged.contains(&local.key));
            self.stored.extend(same);
        }
        if found.channel == release.channel {
            self.published = Some(found);
        }
        Ok(())
    }

    /// Refuses a list that has a file of this group with other bytes, or, on the release's own channel,
    /// a file that is not part of it.
    pub(super) fn check(
        &self,
        release: &Publication<'_>,
        found: &Release,
    ) -> Result<(), PublishError> {
        for asset in &found.assets {
            match self.local(asset) {
                Some(local) if is_same(local, asset) => {}
                Some(local) => {
                    return Err(PublishError::Conflict {
                        key: local.key.clone(),
                        published: asset.sha256,
                        built: local.sha256,
                    });
                }
                None if found.channel == release.channel => {
                    return Err(PublishError::Extra {
                        product: self.product.clone(),
                        version: release.version.clone(),
                        platform: self.platform,
                        filename: asset.filename.clone(),
                    });
                }
                None => {}
            }
        }
        Ok(())
    }

    fn local(&self, asset: &Asset) -> Option<&'a LocalArtifact> {
        let mut files = self.artifacts.iter();
        files
            .find(|local| local.filename.as_str() == asset.filename)
            .copied()
    }

    /// Whether a list is this group's: the same files of the same kinds and bytes, and no others.
    pub(super) fn is_listed_by(&self, release: &Release) -> bool {
        release.assets.len() == self.artifacts.len()
            && self.artifacts.iter().all(|artifact| {
                release.assets.iter().any(|asset| {
                    asset.filename == artifact.filename.as_str()
                        && asset.kind == artifact.kind
                        && is_same(artifact, asset)
                })
            })
    }

    /// The names of files that the channel does not have where it has the rest.
    pub(super) fn additions(&self) -> Vec<String> {
        let Some(published) = &self.published else {
            return Vec::new();
        };
        let is_new = |local: &&&LocalArtifact| {
            let mut listed = published.assets.iter();
            listed.all(|asset| asset.filename != local.filename.as_str())
        };
        let new = self.artifacts.iter().filter(is_new);
        new.map(|local| local.filename.to_string()).collect()
    }

    /// Whether the channel lists all of it, and nothing else, as it is.
    pub(super) fn is_complete(&self) -> bool {
        let listed = self.published.as_ref();
        listed.is_some_and(|release| self.is_listed_by(release)) && !self.damaged
    }
}

fn is_same(local: &LocalArtifact, asset: &Asset) -> bool {
    local.sha256 == asset.sha256 && local.size == asset.size
}

async fn on_all_channels(
    client: &HubClient,
    product: &ProductName,
    version: &str,
    platform: Platform,
) -> Result<Vec<Release>, ClientError> {
    let asked = Channel::ALL
        .iter()
        .map(|&channel| client.release(product, version, platform, channel));
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}
