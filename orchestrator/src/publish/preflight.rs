//! What the Hub is asked before anything is built or changed.

use super::{PublishError, presign};
use crate::settings::PublishSettings;
use hub_client::HubClient;
use release_types::{Channel, ObjectKey, Platform, ProductName};
use std::collections::BTreeMap;

/// What the Hub said before anything was changed.
#[derive(Debug, Default)]
pub struct Preflight {
    /// When the newest release of each product's channel was published, the earliest of its
    /// platforms.
    pub(super) newest: BTreeMap<ProductName, jiff::Timestamp>,
}

impl Preflight {
    /// Whether the channel has a newer version of a product, so that this one must not become its
    /// latest.
    pub fn is_backport(&self, product: &ProductName) -> bool {
        self.newest.contains_key(product)
    }
}

/// Asks the Hub what would stand in the way, before anything is built or changed: a newer version,
/// and a credential that may not publish.
///
/// `keys` holds one key for each platform of each product.
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
    let mut preflight = Preflight::default();
    for (product, platform, _) in keys {
        let Some(latest) = client.latest(product, *platform, channel).await? else {
            continue;
        };
        // A deployed Hub takes any text for a version; what is not SemVer cannot be compared.
        let newer = semver::Version::parse(&latest.version)
            .is_ok_and(|latest| latest.cmp_precedence(version).is_gt());
        if newer && !settings.backport {
            return Err(PublishError::Older {
                product: product.clone(),
                version: version.clone(),
                latest: latest.version,
                channel,
                platform: *platform,
            });
        }
        if newer {
            let at = latest.published_at;
            if let Some(given) = settings.published_at.filter(|given| *given >= at) {
                return Err(PublishError::BackportDate { given, newest: at });
            }
            let newest = preflight.newest.entry(product.clone()).or_insert(at);
            *newest = (*newest).min(at);
        }
    }
    let mut asked: Vec<&ProductName> = Vec::new();
    for (product, _, key) in keys {
        if !asked.contains(&product) {
            presign(client, key, None).await?;
            asked.push(product);
        }
    }
    Ok(preflight)
}
