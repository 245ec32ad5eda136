//! Verification: everything is read back as an anonymous user would, and compared with what was
//! built.

use crate::artifacts::{LocalArtifact, by_platform};
use crate::events::{Event, Reporter};
use crate::publish::Publication;
use crate::receipt::{self, Receipt, ReceiptAsset};
use hub_client::{ClientError, ErrorKind, HubClient};
use release_types::{Asset, ObjectKey, Platform, ProductName, Release};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// What `latest` must answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LatestRule {
    /// This version: it was just published.
    ThisVersion,
    /// Anything but this version: it is a backport.
    AnotherVersion,
    /// This version or a newer one: it was published some time ago.
    NotOlder,
    /// Whatever it is.
    Any,
}

/// Why a release is not proven.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// What the Hub gives out is not what was built.
    #[error("what is published is not what was built:\n  {}", list.join("\n  "))]
    Differences {
        /// Each difference, for people.
        list: Vec<String>,
        /// What the Hub lists as it was built and gives out otherwise, or not at all.
        damaged: Vec<ObjectKey>,
    },
    /// The Hub could not be asked.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Reads a release back and compares it; `rule` says for each product and
/// platform what `latest` must answer.
///
/// # Errors
/// Everything that differs, in one list; or the Hub could not be asked.
pub async fn verify(
    client: &HubClient,
    release: Publication<'_>,
    rule: &dyn Fn(&ProductName, Platform) -> LatestRule,
    now: fn() -> jiff::Timestamp,
    reporter: &dyn Reporter,
) -> Result<Receipt, VerifyError> {
    reporter.stage(
        "verifying",
        format!("{} at {}", release.version, client.hub()),
    );
    let groups = by_platform(release.artifacts);
    let mut check = Check {
        client,
        release: &release,
        reporter,
        differences: Vec::new(),
        damaged: Vec::new(),
        assets: Vec::new(),
        published_at: None,
        latest: true,
    };
    for ((product, platform), artifacts) in &groups {
        check.platform(product, *platform, artifacts).await?;
        check
            .latest(product, *platform, rule(product, *platform))
            .await?;
    }
    if !check.differences.is_empty() {
        return Err(VerifyError::Differences {
            list: check.differences,
            damaged: check.damaged,
        });
    }
    let products: BTreeSet<&ProductName> = groups.keys().map(|(product, _)| *product).collect();
    let platforms: BTreeSet<Platform> = groups.keys().map(|(_, platform)| *platform).collect();
    let verified_at = now();
    Ok(Receipt {
        format: receipt::FORMAT,
        hub: client.hub().to_string(),
        products: products.into_iter().cloned().collect(),
        version: release.version.clone(),
        channel: release.channel,
        published_at: check.published_at.unwrap_or(verified_at),
        latest: check.latest,
        platforms: platforms.into_iter().collect(),
        assets: check.assets,
        verified_at,
        source: None,
        serve_command: None,
    })
}

struct Check<'a> {
    client: &'a HubClient,
    release: &'a Publication<'a>,
    reporter: &'a dyn Reporter,
    differences: Vec<String>,
    damaged: Vec<ObjectKey>,
    assets: Vec<ReceiptAsset>,
    published_at: Option<jiff::Timestamp>,
    latest: bool,
}

impl Check<'_> {
    fn differs(&mut self, what: String) {
        self.differences.push(what);
    }

    /// Compares one platform's list, then the bytes of each file.
    async fn platform(
        &mut self,
        product: &ProductName,
        platform: Platform,
        artifacts: &[&LocalArtifact],
    ) -> Result<(), ClientError> {
        let version = self.release.version.to_string();
        let channel = self.release.channel;
        let found = self
            .client
            .release(product, &version, platform, channel)
            .await?;
        let Some(Release {
            assets,
            published_at,
            ..
        }) = found
        else {
            self.differs(format!(
                "{product} {version} is not on channel {channel} for {platform}"
            ));
            return Ok(());
        };
        self.published_at = Some(
            self.published_at
                .map_or(published_at, |at| at.max(published_at)),
        );
        for asset in &assets {
            if !artifacts
                .iter()
                .any(|a| a.filename.as_str() == asset.filename)
            {
                self.differs(format!(
                    "{product} for {platform} has a file that was not published: {}",
                    asset.filename
                ));
            }
        }
        for artifact in artifacts {
            match assets
                .iter()
                .find(|asset| asset.filename == artifact.filename.as_str())
            {
                None => self.differs(format!("{} is missing", artifact.key)),
                Some(asset) => self.bytes(artifact, asset).await?,
            }
        }
        Ok(())
    }

    async fn bytes(&mut self, artifact: &LocalArtifact, asset: &Asset) -> Result<(), ClientError> {
        let key = &artifact.key;
        if asset.kind != artifact.kind {
            self.differs(format!(
                "{key} is listed as {}, not {}",
                asset.kind, artifact.kind
            ));
        }
        let listed = (asset.sha256, asset.size) == (artifact.sha256, artifact.size);
        if !listed {
            self.differs(format!(
                "{key} is listed with {} bytes and sha256 {}; built were {} bytes with {}",
                asset.size, asset.sha256, artifact.size, artifact.sha256
            ));
        }
        let read = self
            .client
            .digest_of_download(&asset.download_id, artifact.size)
            .await;
        let read = match read {
            Ok(read) => read,
            // The Hub answers, and what it answers is not the file, or no id that an address holds.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Verification | ErrorKind::Refused | ErrorKind::Usage
                ) =>
            {
                self.differs(format!("{key} cannot be read back: {error}"));
                self.damaged.extend(listed.then(|| key.clone()));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if (read.sha256, read.size) != (artifact.sha256, artifact.size) {
            self.differs(format!(
                "{key} downloads as {} bytes with sha256 {}; built were {} bytes with {}",
                read.size, read.sha256, artifact.size, artifact.sha256
            ));
            self.damaged.extend(listed.then(|| key.clone()));
            return Ok(());
        }
        self.reporter.event(Event::Verified {
            product: artifact.product.clone(),
            platform: artifact.platform,
            filename: artifact.filename.to_string(),
            sha256: read.sha256,
        });
        self.assets.push(ReceiptAsset {
            product: artifact.product.clone(),
            platform: artifact.platform,
            kind: artifact.kind,
            filename: artifact.filename.clone(),
            size: read.size,
            sha256: read.sha256,
            download_id: asset.download_id.clone(),
            url: format!(
                "{}/api/v1/download/{}",
                self.client.hub(),
                asset.download_id
            ),
        });
        Ok(())
    }

    async fn latest(
        &mut self,
        product: &ProductName,
        platform: Platform,
        rule: LatestRule,
    ) -> Result<(), ClientError> {
        let Publication {
            version, channel, ..
        } = self.release;
        let found = self.client.latest(product, platform, *channel).await?;
        let found = found.map(|release| release.version);
        let is_this = found.as_deref() == Some(version.to_string().as_str());
        // Versions that differ in build metadata alone are equally new.
        let order = found
            .as_deref()
            .and_then(|text| semver::Version::parse(text).ok())
            .map(|latest| latest.cmp_precedence(version));
        let fits = match rule {
            LatestRule::ThisVersion => is_this || order.is_some_and(Ordering::is_eq),
            LatestRule::AnotherVersion => !is_this && found.is_some(),
            LatestRule::NotOlder => is_this || order.is_some_and(Ordering::is_ge),
            LatestRule::Any => true,
        };
        self.latest &= is_this;
        if !fits {
            let says = found.unwrap_or_else(|| "nothing".to_owned());
            self.differs(format!(
                "latest of {product} on channel {channel} for {platform} is {says}, where this release is {version}"
            ));
        }
        Ok(())
    }
}
