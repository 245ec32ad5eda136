//! Releases and their assets: read, found by download id.

use super::database::{Tx, query, query_scalar};
use super::offers::{NEWEST, Offer};
use super::{Catalogue, Target, parse, parse_asset, parse_time};
use crate::HubError;
use jiff::Timestamp;
use release_types::{
    Artifact, Asset, Channel, FileName, ObjectKey, Platform, ProductName, Release,
};
use semver::Version;
use std::collections::HashMap;

/// One platform of a release, as it is to be.
#[derive(Debug, Clone)]
pub(crate) struct Publication {
    pub(crate) product: ProductName,
    pub(crate) version: Version,
    pub(crate) channel: Channel,
    pub(crate) platform: Platform,
    /// The whole list.
    pub(crate) artifacts: Vec<Artifact>,
    /// New notes; the release keeps what it has when absent.
    pub(crate) notes: Option<String>,
    /// A new time; the release keeps what it has when absent.
    pub(crate) published_at: Option<Timestamp>,
}

impl Publication {
    pub(super) fn target(&self) -> Target {
        Target {
            product: self.product.clone(),
            version: self.version.clone(),
            channel: self.channel,
            platform: self.platform,
        }
    }
}

/// What came of a publication.
#[derive(Debug)]
pub(crate) enum Registered {
    /// The platform has this list now.
    Done(Release),
    /// An artifact is not what is stored; nothing has changed.
    Conflict {
        /// Whose bytes.
        filename: FileName,
        /// What is the matter with them.
        why: String,
    },
}

/// An asset as the database has it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AssetRow {
    pub(super) asset: Asset,
    pub(super) object_key: String,
}

impl Catalogue {
    /// The release of the highest precedence that a channel has for a platform; of several that
    /// differ in build metadata alone, the one registered last.
    pub(crate) async fn latest(
        &self,
        product: &ProductName,
        channel: Channel,
        platform: Platform,
    ) -> Result<Option<Release>, HubError> {
        let mut tx = self.read().await?;
        let sql = format!("SELECT id, version, published_at FROM releases WHERE id = {NEWEST}");
        let row: Option<(String, String, String)> = query(sqlx::AssertSqlSafe(sql))
            .bind(product.as_str())
            .bind(channel.as_str())
            .bind(platform.os.as_str())
            .bind(platform.arch.as_str())
            .bind(Offer::Any.as_str())
            .fetch_optional(&mut tx)
            .await?;
        let Some((id, version, published_at)) = row else {
            return Ok(None);
        };
        let rows = asset_rows(&mut tx, &id, platform).await?;
        Ok(Some(Release {
            product: product.clone(),
            version,
            channel,
            published_at: parse_time(&published_at)?,
            platform,
            assets: sorted(rows),
        }))
    }

    /// One platform of one release.
    pub(crate) async fn release(
        &self,
        product: &ProductName,
        version: &Version,
        channel: Channel,
        platform: Platform,
    ) -> Result<Option<Release>, HubError> {
        let mut tx = self.read().await?;
        let target = Target {
            product: product.clone(),
            version: version.clone(),
            channel,
            platform,
        };
        read_release(&mut tx, &target).await
    }

    /// The object behind a download id.
    pub(crate) async fn download(&self, id: &str) -> Result<Option<ObjectKey>, HubError> {
        let key: Option<String> =
            query_scalar("SELECT object_key FROM assets WHERE download_id = $1")
                .bind(id)
                .fetch_optional(&self.readers)
                .await?;
        key.map(|key| parse("key", &key)).transpose()
    }
}

/// One platform of one release; nothing where it has no assets.
pub(super) async fn read_release(
    tx: &mut Tx,
    target: &Target,
) -> Result<Option<Release>, HubError> {
    let found = find(tx, target).await?;
    Ok(found.map(|(published_at, rows)| Release {
        product: target.product.clone(),
        version: target.version.to_string(),
        channel: target.channel,
        published_at,
        platform: target.platform,
        assets: sorted(rows),
    }))
}

/// The time of a release and the assets of one platform of it; nothing where it has none.
pub(super) async fn find(
    tx: &mut Tx,
    target: &Target,
) -> Result<Option<(Timestamp, Vec<AssetRow>)>, HubError> {
    let row: Option<(String, String)> = query(
        "SELECT id, published_at FROM releases \
         WHERE product = $1 AND version = $2 AND channel = $3",
    )
    .bind(target.product.as_str())
    .bind(target.version.to_string())
    .bind(target.channel.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    let Some((id, published_at)) = row else {
        return Ok(None);
    };
    let rows = asset_rows(tx, &id, target.platform).await?;
    match rows.is_empty() {
        true => Ok(None),
        false => Ok(Some((parse_time(&published_at)?, rows))),
    }
}

/// Assets by file name.
pub(super) fn by_name(rows: Vec<AssetRow>) -> HashMap<String, AssetRow> {
    rows.into_iter()
        .map(|row| (row.asset.filename.clone(), row))
        .collect()
}

pub(super) async fn asset_rows(
    connection: &mut Tx,
    release_id: &str,
    platform: Platform,
) -> Result<Vec<AssetRow>, HubError> {
    type Row = (String, String, i64, String, String, String);
    let rows: Vec<Row> = query(
        "SELECT kind, filename, size, sha256, object_key, download_id FROM assets \
         WHERE release_id = $1 AND os = $2 AND arch = $3",
    )
    .bind(release_id)
    .bind(platform.os.as_str())
    .bind(platform.arch.as_str())
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(kind, filename, size, sha256, object_key, download_id)| {
            let asset = parse_asset((kind, filename, size, sha256, download_id))?;
            Ok(AssetRow { asset, object_key })
        })
        .collect()
}

/// The assets in the order of the contract: by the kind's name, then by file name.
pub(super) fn sorted(rows: Vec<AssetRow>) -> Vec<Asset> {
    let mut assets: Vec<Asset> = rows.into_iter().map(|row| row.asset).collect();
    assets.sort_by(|a, b| (a.kind.as_str(), &a.filename).cmp(&(b.kind.as_str(), &b.filename)));
    assets
}

impl AssetRow {
    pub(super) fn new(artifact: &Artifact, download_id: String) -> Self {
        Self {
            asset: Asset {
                kind: artifact.kind,
                filename: artifact.filename.to_string(),
                size: artifact.size,
                sha256: artifact.sha256,
                download_id,
            },
            object_key: artifact.key.to_string(),
        }
    }

    pub(super) fn is_same_but_for_id(&self, other: &Self) -> bool {
        let (a, b) = (&self.asset, &other.asset);
        self.object_key == other.object_key
            && (a.kind, &a.filename, a.size, a.sha256) == (b.kind, &b.filename, b.size, b.sha256)
    }
}
