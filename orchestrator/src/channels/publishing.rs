//! Registering again what the Hub has: the base contract's way to put a release on a channel.
//!
//! Keys follow from the version, the storage's name is what presign answers. A Hub that has moved to
//! another storage since would name one that has not the bytes, and a deployed Hub does not look, so
//! what was registered is downloaded afterwards.

use super::{ChannelsError, Platforms};
use crate::events::{Event, Reporter};
use crate::receipt::ReceiptAsset;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hub_client::{ClientError, ErrorKind, HubClient};
use jiff::Timestamp;
use release_types::{
    Artifact, Asset, Channel, FileName, ObjectKey, Platform, PresignRequest, ProductName,
    PublishRequest, Release, artifact_key,
};
use semver::Version;

/// How many calls are made side by side, where their order does not matter.
const SIDE_BY_SIDE: usize = 4;

/// What is to be registered: one call for each.
#[derive(Debug)]
pub(super) struct Registration {
    product: ProductName,
    request: PublishRequest,
}

/// The file's name and key, as they follow from the version.
pub(super) fn name_and_key(
    product: &ProductName,
    version: &Version,
    platform: Platform,
    asset: &Asset,
) -> Result<(FileName, ObjectKey), ChannelsError> {
    let no_key = |why: String| ChannelsError::NoKey {
        product: product.clone(),
        version: version.clone(),
        why,
    };
    let filename: FileName = asset
        .filename
        .parse()
        .map_err(|error: release_types::FileNameError| no_key(error.to_string()))?;
    let key = artifact_key(product, version, platform, &filename)
        .map_err(|error| no_key(error.to_string()))?;
    Ok((filename, key))
}

/// Works out what is to be registered of some platforms of a product. The credential is tried on
/// the way, before anything is changed.
pub(super) async fn prepare(
    client: &HubClient,
    product: &ProductName,
    version: &Version,
    (channel, published_at): (Channel, Timestamp),
    releases: impl IntoIterator<Item = &Release>,
) -> Result<Vec<Registration>, ChannelsError> {
    let mut registrations = Vec::new();
    for release in releases {
        let platform = release.platform;
        let artifacts = release.assets.iter().map(|asset| async move {
            let (filename, key) = name_and_key(product, version, platform, asset)?;
            let request = PresignRequest {
                size: Some(asset.size),
                sha256: Some(asset.sha256),
                ..PresignRequest::upload(key.clone())
            };
            let signed = client.presign(&request).await?;
            Ok::<_, ChannelsError>(Artifact {
                key,
                provider: signed.provider,
                filename,
                size: asset.size,
                sha256: asset.sha256,
                kind: asset.kind,
            })
        });
        let artifacts = futures_util::stream::iter(artifacts)
            .buffered(SIDE_BY_SIDE)
            .try_collect()
            .await?;
        registrations.push(Registration {
            product: product.clone(),
            request: PublishRequest {
                version: version.to_string(),
                channel,
                platform,
                artifacts,
                notes: None,
                published_at: Some(published_at),
            },
        });
    }
    Ok(registrations)
}

/// Registers, one right after the other: between two of them a Hub that goes by dates shows one
/// platform's release and hides the others'.
pub(super) async fn register(
    client: &HubClient,
    registrations: &[Registration],
    reporter: &dyn Reporter,
) -> Result<(), ClientError> {
    for Registration { product, request } in registrations {
        client.publish(product, request).await?;
        reporter.event(Event::Registered {
            product: product.clone(),
            platform: request.platform,
            unchanged: false,
        });
    }
    Ok(())
}

/// Downloads what a channel lists of some platforms of a product, as anybody would, and says what is
/// not as it is listed.
pub(super) async fn read_bytes(
    client: &HubClient,
    product: &ProductName,
    found: &Platforms,
    reporter: &dyn Reporter,
) -> Result<Vec<String>, ClientError> {
    let assets = found
        .values()
        .flat_map(|release| release.assets.iter().map(move |asset| (release, asset)));
    let reading = assets.map(|(release, asset)| async move {
        let read = client
            .digest_of_download(&asset.download_id, asset.size)
            .await;
        let of = format!("`{}` of {product} for {}", asset.filename, release.platform);
        match read {
            Ok(read) if (read.sha256, read.size) == (asset.sha256, asset.size) => {
                reporter.event(Event::Verified {
                    product: product.clone(),
                    platform: release.platform,
                    filename: asset.filename.clone(),
                    sha256: read.sha256,
                });
                Ok(None)
            }
            Ok(read) => Ok(Some(format!(
                "{of} is listed with sha256 {} and downloads with {}",
                asset.sha256, read.sha256
            ))),
            // The Hub answers, and what it answers is not the file.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Verification | ErrorKind::Refused | ErrorKind::Usage
                ) =>
            {
                Ok(Some(format!("{of} cannot be read back: {error}")))
            }
            Err(error) => Err(error),
        }
    });
    let read: Vec<Option<String>> = futures_util::stream::iter(reading)
        .buffered(SIDE_BY_SIDE)
        .try_collect()
        .await?;
    Ok(read.into_iter().flatten().collect())
}

/// A listed file, for a report.
pub(super) fn receipt_asset(
    client: &HubClient,
    release: &Release,
    asset: &Asset,
    filename: FileName,
) -> ReceiptAsset {
    ReceiptAsset {
        product: release.product.clone(),
        platform: release.platform,
        kind: asset.kind,
        filename,
        size: asset.size,
        sha256: asset.sha256,
        download_id: asset.download_id.clone(),
        url: format!("{}/api/v1/download/{}", client.hub(), asset.download_id),
    }
}
