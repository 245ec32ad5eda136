//! What the Hub is asked before anything is built or changed.

use super::{LastPublished, PublishError, presign};
use crate::settings::PublishSettings;
use crate::verify::LatestRule;
use futures_util::future::try_join_all;
use hub_client::{Capabilities, HubClient};
use release_types::{Channel, ObjectKey, Platform, ProductName};
use std::collections::{BTreeMap, BTreeSet};

/// What the Hub said before anything was changed.
#[derive(Debug, Default)]
pub struct Preflight {
    /// When the newest release of each product's channel was published, for products of which
    /// there is a newer version: the earliest of their platforms.
    pub(super) newest: BTreeMap<ProductName, jiff::Timestamp>,
    /// Which platforms have that newer version.
    ahead: BTreeSet<(ProductName, Platform)>,
    /// The files of the newest releases, whatever their version.
    pub last: LastPublished,
    /// What the Hub can do beyond the base contract, where it says so.
    pub(super) capabilities: Option<Capabilities>,
}

impl Preflight {
    /// What the channel's `latest` must answer once this version is published.
    pub fn latest_rule(&self, product: &ProductName, platform: Platform) -> LatestRule {
        if self.ahead.contains(&(product.clone(), platform)) {
            LatestRule::AnotherVersion
        } else if self.newest.contains_key(product) {
            // Hubs differ in what they say of a platform that the newest release has not.
            LatestRule::Any
        } else {
            LatestRule::ThisVersion
        }
    }

    /// Asks for the newest release of a product on every platform: on a Hub that goes by dates, a
    /// release of one platform can hide those of the others.
    async fn age(
        &mut self,
        client: &HubClient,
        (version, channel): (&semver::Version, Channel),
        (product, platforms): (&ProductName, &[Platform]),
        settings: &PublishSettings,
    ) -> Result<(), PublishError> {
        // The first alone: a Hub that cannot be reached is then told of once.
        let [first, rest @ ..] = Platform::ALL;
        let mut latest = vec![client.latest(product, first, channel).await?];
        let rest = rest.map(|platform| client.latest(product, platform, channel));
        latest.extend(try_join_all(rest).await?);
        for (platform, latest) in Platform::ALL.into_iter().zip(latest) {
            let Some(latest) = latest else { continue };
            self.last.add(product, platform, &latest);
            // A deployed Hub takes any text for a version; what is not SemVer cannot be compared.
            let newer = semver::Version::parse(&latest.version)
                .is_ok_and(|latest| latest.cmp_precedence(version).is_gt());
            if !newer {
                continue;
            }
            let which = (version, channel);
            if !settings.backport && !is_published(client, which, (product, platforms)).await? {
                return Err(PublishError::Older {
                    product: product.clone(),
                    version: version.clone(),
                    latest: latest.version,
                    channel,
                    platform,
                });
            }
            let at = latest.published_at;
            if let Some(given) = settings.published_at.filter(|given| *given >= at) {
                return Err(PublishError::BackportDate { given, newest: at });
            }
            let newest = self.newest.entry(product.clone()).or_insert(at);
            *newest = (*newest).min(at);
            self.ahead.insert((product.clone(), platform));
        }
        Ok(())
    }
}

/// Whether a version is there for all of the platforms. Then publishing it again changes nothing,
/// however old it is.
async fn is_published(
    client: &HubClient,
    (version, channel): (&semver::Version, Channel),
    (product, platforms): (&ProductName, &[Platform]),
) -> Result<bool, PublishError> {
    let version = version.to_string();
    for &platform in platforms {
        let found = client.release(product, &version, platform, channel).await?;
        if found.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Asks the Hub what would stand in the way, before anything is built or changed: a newer version,
/// and a credential that may not publish.
///
/// `keys` holds one key of each platform of each product.
///
/// # Errors
/// When something does.
pub async fn preflight(
    client: &HubClient,
    version: &semver::Version,
    channel: Channel,
    keys: &[(ProductName, Platform, ObjectKey)],
    settings: &PublishSettings,
) -> Result<Preflight, PublishError> {
    let mut products: BTreeMap<&ProductName, (&ObjectKey, Vec<Platform>)> = BTreeMap::new();
    for (product, platform, key) in keys {
        let (_, platforms) = products.entry(product).or_insert((key, Vec::new()));
        platforms.push(*platform);
    }
    // Alone, so that a Hub that cannot be reached is told of once.
    let mut preflight = Preflight {
        capabilities: client.capabilities().await?,
        ..Preflight::default()
    };
    for (product, (key, platforms)) in products {
        let product_on = (product, &platforms[..]);
        preflight
            .age(client, (version, channel), product_on, settings)
            .await?;
        presign(client, key, None).await?;
    }
    Ok(preflight)
}
