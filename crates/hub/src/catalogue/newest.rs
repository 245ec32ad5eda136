//! The newest of something smaller than a release: one file of a kind, or what an updater can use.

use super::database::{On, query};
use super::offers::{NEWEST, Offer};
use super::releases::asset_rows;
use super::{Catalogue, StoredObject, objects, parse, parse_time};
use crate::HubError;
use jiff::Timestamp;
use release_types::{Asset, Channel, Kind, ObjectKey, Platform, Sha256Digest};
use std::collections::HashMap;

/// A file of a release.
#[derive(Debug)]
pub(crate) struct NewestAsset {
    pub(crate) version: String,
    pub(crate) sha256: Sha256Digest,
    pub(crate) download_id: String,
}

/// The files of a release that have a signature beside them.
#[derive(Debug)]
pub(crate) struct SignedRelease {
    pub(crate) version: String,
    pub(crate) notes: Option<String>,
    pub(crate) published_at: Timestamp,
    pub(crate) files: Vec<SignedFile>,
}

/// A file and where its signature's text is stored.
#[derive(Debug)]
pub(crate) struct SignedFile {
    pub(crate) asset: Asset,
    pub(crate) signature: StoredObject,
}

impl Catalogue {
    /// The first file of a kind, by name, in the newest release that has one for the platform.
    pub(crate) async fn newest_asset(
        &self,
        product: &str,
        channel: Channel,
        platform: Platform,
        kind: Kind,
    ) -> Result<Option<NewestAsset>, HubError> {
        newest_asset(&self.readers, channel, (product, platform, kind)).await
    }

    /// The same for several products, platforms and kinds, as they are at one moment.
    pub(crate) async fn newest_assets(
        &self,
        channel: Channel,
        wanted: &[(&str, Platform, Kind)],
    ) -> Result<Vec<Option<NewestAsset>>, HubError> {
        let mut tx = self.read().await?;
        let mut found = Vec::with_capacity(wanted.len());
        for wanted in wanted {
            found.push(newest_asset(&mut tx, channel, *wanted).await?);
        }
        Ok(found)
    }

    /// The newest release that has a program or an installer with a signature beside it, and those
    /// of its files; programs first, then by name.
    pub(crate) async fn newest_signed(
        &self,
        product: &str,
        channel: Channel,
        platform: Platform,
    ) -> Result<Option<SignedRelease>, HubError> {
        let mut tx = self.read().await?;
        let sql =
            format!("SELECT id, version, notes, published_at FROM releases WHERE id = {NEWEST}");
        let row: Option<(String, String, Option<String>, String)> = query(sqlx::AssertSqlSafe(sql))
            .bind(product)
            .bind(channel.as_str())
            .bind(platform.os.as_str())
            .bind(platform.arch.as_str())
            .bind(Offer::Signed.as_str())
            .fetch_optional(&mut tx)
            .await?;
        let Some((id, version, notes, published_at)) = row else {
            return Ok(None);
        };
        let rows = asset_rows(&mut tx, &id, platform).await?;
        let keys: HashMap<String, String> = rows
            .iter()
            .map(|row| (row.asset.filename.clone(), row.object_key.clone()))
            .collect();
        let mut files = Vec::new();
        for row in rows {
            let signature = keys.get(&format!("{}.sig", row.asset.filename));
            let (Kind::Binary | Kind::Installer, Some(key)) = (row.asset.kind, signature) else {
                continue;
            };
            let key: ObjectKey = parse("key", key)?;
            if let Some(signature) = objects::find(&mut tx, &key).await? {
                let asset = row.asset;
                files.push(SignedFile { asset, signature });
            }
        }
        let order = |file: &SignedFile| {
            (
                file.asset.kind == Kind::Installer,
                file.asset.filename.clone(),
            )
        };
        files.sort_by_key(order);
        Ok(Some(SignedRelease {
            version,
            notes,
            published_at: parse_time(&published_at)?,
            files,
        }))
    }
}

async fn newest_asset<'c>(
    on: impl Into<On<'c>>,
    channel: Channel,
    (product, platform, kind): (&str, Platform, Kind),
) -> Result<Option<NewestAsset>, HubError> {
    let sql = format!(
        "SELECT releases.version, assets.sha256, assets.download_id FROM releases \
         JOIN assets ON assets.release_id = releases.id WHERE releases.id = {NEWEST} \
         AND assets.os = $3 AND assets.arch = $4 AND assets.kind = $5 \
         ORDER BY assets.filename LIMIT 1"
    );
    let row: Option<(String, String, String)> = query(sqlx::AssertSqlSafe(sql))
        .bind(product)
        .bind(channel.as_str())
        .bind(platform.os.as_str())
        .bind(platform.arch.as_str())
        .bind(Offer::Of(kind).as_str())
        .fetch_optional(on)
        .await?;
    row.map(|(version, sha256, download_id)| {
        Ok(NewestAsset {
            version,
            sha256: parse("digest", &sha256)?,
            download_id,
        })
    })
    .transpose()
}
