//! Yanking: a release is taken back on a channel, or offered there again. It stays there for who asks
//! for its version.

use super::report::{FORMAT, Offered, Yank, Yanked};
use super::{ChannelsError, YANK, has, latest_on};
use crate::events::Reporter;
use hub_client::{ClientError, HubClient};
use release_types::{Channel, ProductName, ReleaseState, ReleaseSummary, YankRequest};
use semver::Version;

/// What is to be taken back, or to be offered again.
#[derive(Debug, Clone, Copy)]
pub struct Taking<'a> {
    /// The products.
    pub products: &'a [ProductName],
    /// The version.
    pub version: &'a Version,
    /// The channel.
    pub channel: Channel,
    /// Why it is taken back; without a reason it is offered again.
    pub reason: Option<&'a str>,
    /// Whether it is only to be told what would be done.
    pub dry_run: bool,
}

/// Takes a release back or offers it again, and reads `latest` back. Nothing is returned by a dry
/// run.
///
/// # Errors
/// When the Hub cannot do that, the channel has not got the version, the Hub refuses or cannot be
/// reached, or `latest` is still what was taken back.
pub async fn yank(
    client: &HubClient,
    asked: Taking<'_>,
    reporter: &dyn Reporter,
) -> Result<Option<Yank>, ChannelsError> {
    let Taking {
        version, channel, ..
    } = asked;
    let doing = match asked.reason {
        Some(_) => "yanking",
        None => "unyanking",
    };
    reporter.stage(doing, format!("{version} on {channel} at {}", client.hub()));
    if !has(client, YANK).await? {
        return Err(ChannelsError::CannotYank);
    }
    // All of them are there, or nothing is changed.
    let mut found = Vec::new();
    for product in asked.products {
        let release = listed(client, product, version, channel).await?;
        found.push(release.ok_or_else(|| ChannelsError::NotThere {
            product: product.clone(),
            version: version.clone(),
            channel,
        })?);
    }
    let wanted = match asked.reason {
        Some(_) => ReleaseState::Yanked,
        None => ReleaseState::Published,
    };
    if asked.dry_run {
        for (product, release) in asked.products.iter().zip(&found) {
            reporter.note(match (release.state == wanted, wanted) {
                (true, _) => format!("{product} {version} on {channel} is so already"),
                (false, ReleaseState::Yanked) => {
                    format!("would take back {product} {version} on {channel}")
                }
                (false, ReleaseState::Published) => {
                    format!("would offer {product} {version} on {channel} again")
                }
            });
        }
        return Ok(None);
    }
    let text = version.to_string();
    for product in asked.products {
        match asked.reason {
            Some(reason) => take_back(client, product, &text, channel, reason).await?,
            None => client.unyank(product, &text, channel).await.map(drop)?,
        }
    }
    let mut products = Vec::new();
    let mut differences = Vec::new();
    for (product, before) in asked.products.iter().zip(&found) {
        let latest = latest_on(client, product, channel).await?;
        let latest = before.platforms.iter().map(|platform| Offered {
            platform: *platform,
            version: latest.get(platform).map(|release| release.version.clone()),
        });
        let latest: Vec<Offered> = latest.collect();
        let still = latest
            .iter()
            .find(|one| one.version.as_ref() == Some(&text));
        if let (Some(still), ReleaseState::Yanked) = (still, wanted) {
            differences.push(format!(
                "latest of {product} on {channel} for {} is still {version}",
                still.platform
            ));
        }
        let mut offered_on = Vec::new();
        for &other in Channel::ALL.iter().filter(|other| **other != channel) {
            let there = listed(client, product, version, other).await?;
            if there.is_some_and(|release| release.state == ReleaseState::Published) {
                offered_on.push(other);
            }
        }
        if wanted == ReleaseState::Yanked && !offered_on.is_empty() {
            let names: Vec<&str> = offered_on.iter().map(|other| other.as_str()).collect();
            reporter.warn(format!(
                "{product} {version} is still offered on {}",
                names.join(" and ")
            ));
        }
        products.push(Yanked {
            product: product.clone(),
            unchanged: before.state == wanted,
            offered_on,
            latest,
        });
    }
    if !differences.is_empty() {
        return Err(ChannelsError::Differences { list: differences });
    }
    Ok(Some(Yank {
        format: FORMAT,
        hub: client.hub().to_string(),
        version: version.clone(),
        channel,
        undone: asked.reason.is_none(),
        reason: asked.reason.map(str::to_owned),
        products,
    }))
}

/// Takes one product's version back.
pub(super) async fn take_back(
    client: &HubClient,
    product: &ProductName,
    version: &str,
    channel: Channel,
    reason: &str,
) -> Result<(), ClientError> {
    let request = YankRequest {
        channel,
        reason: Some(reason.to_owned()),
    };
    client.yank(product, version, &request).await.map(drop)
}

/// The version as the Hub lists it on a channel.
async fn listed(
    client: &HubClient,
    product: &ProductName,
    version: &Version,
    channel: Channel,
) -> Result<Option<ReleaseSummary>, ClientError> {
    let text = version.to_string();
    let releases = client.releases_on(product, channel).await?;
    let mut releases = releases.unwrap_or_default().into_iter();
    Ok(releases.find(|release| release.version == text))
}

/// That the version was not taken back on the channel, as far as the Hub tells.
pub(super) async fn refuse_taken_back(
    client: &HubClient,
    product: &ProductName,
    version: &Version,
    channel: Channel,
) -> Result<(), ChannelsError> {
    let release = listed(client, product, version, channel).await?;
    if release.is_some_and(|release| release.state == ReleaseState::Yanked) {
        return Err(ChannelsError::TakenBack {
            product: product.clone(),
            version: version.clone(),
            channel,
        });
    }
    Ok(())
}
