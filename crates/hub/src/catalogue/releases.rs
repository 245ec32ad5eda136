//! Releases and their assets: registered, read, found by download id.

use super::database::{Argument, Tx, query, query_scalar};
use super::offers::{self, NEWEST, Offer};
use super::version_key::version_key;
use super::{
    Catalogue, Target, audit, batch, db_size, drafts, objects, parse, parse_asset, parse_time,
    stamp, uploads,
};
use crate::HubError;
use crate::fail_point::fail_point;
use crate::token::random_id;
use jiff::Timestamp;
use release_types::{
    Artifact, Asset, Channel, FileName, ObjectKey, Platform, ProductName, Release,
};
use semver::Version;
use std::collections::HashMap;

const FIND: &str = "SELECT id, published_at FROM releases \
                    WHERE product = $1 AND version = $2 AND channel = $3";

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

/// Registers one platform of a release. Assets that stay what they are keep their download ids.
pub(super) async fn publish(
    tx: &mut Tx,
    publication: &Publication,
    now: Timestamp,
) -> Result<Registered, HubError> {
    if let Some(conflict) = check_objects(tx, publication).await? {
        return Ok(conflict);
    }
    let target = publication.target();
    // What is published at once is newer than any draft.
    drafts::discard(tx, &target).await?;
    fail_point!("register begun");
    put(tx, publication, &HashMap::new(), now).await?;
    let release = read_release(tx, &target).await?;
    audit::note(tx, "publish", &target.to_string(), now).await?;
    fail_point!("register put");
    release
        .map(Registered::Done)
        .ok_or_else(|| HubError::Corrupt {
            what: "release",
            value: target.to_string(),
        })
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

/// A conflict where an artifact is not what is stored.
pub(super) async fn check_objects(
    tx: &mut Tx,
    publication: &Publication,
) -> Result<Option<Registered>, HubError> {
    let keys = publication.artifacts.iter().map(|artifact| &artifact.key);
    let stored = objects::find_all(tx, keys).await?;
    for artifact in &publication.artifacts {
        let why = match stored.get(&artifact.key) {
            None => "nothing has been uploaded under its key".to_owned(),
            Some(stored) if stored.size != artifact.size => {
                format!("{} bytes are stored, not {}", stored.size, artifact.size)
            }
            Some(stored) if stored.sha256 != artifact.sha256 => format!(
                "the stored bytes have the SHA-256 {}, not {}",
                stored.sha256, artifact.sha256
            ),
            Some(_) => continue,
        };
        let why = uploads::with_refusal(tx, &artifact.key, why).await?;
        let filename = artifact.filename.clone();
        return Ok(Some(Registered::Conflict { filename, why }));
    }
    Ok(None)
}

/// One platform of one release; nothing where it has no assets.
pub(super) async fn read_release(
    tx: &mut Tx,
    target: &Target,
) -> Result<Option<Release>, HubError> {
    let row: Option<(String, String)> = query(FIND)
        .bind(target.product.as_str())
        .bind(target.version.to_string())
        .bind(target.channel.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    let Some((id, published_at)) = row else {
        return Ok(None);
    };
    let rows = asset_rows(tx, &id, target.platform).await?;
    if rows.is_empty() {
        return Ok(None);
    }
    Ok(Some(Release {
        product: target.product.clone(),
        version: target.version.to_string(),
        channel: target.channel,
        published_at: parse_time(&published_at)?,
        platform: target.platform,
        assets: sorted(rows),
    }))
}

/// The assets of one platform of one release, by file name.
pub(super) async fn rows_of(
    tx: &mut Tx,
    target: &Target,
) -> Result<HashMap<String, AssetRow>, HubError> {
    let row: Option<(String, String)> = query(FIND)
        .bind(target.product.as_str())
        .bind(target.version.to_string())
        .bind(target.channel.as_str())
        .fetch_optional(&mut *tx)
        .await?;
    match row {
        Some((id, _)) => Ok(by_name(asset_rows(tx, &id, target.platform).await?)),
        None => Ok(HashMap::new()),
    }
}

fn by_name(rows: Vec<AssetRow>) -> HashMap<String, AssetRow> {
    rows.into_iter()
        .map(|row| (row.asset.filename.clone(), row))
        .collect()
}

/// Makes a publication visible. Assets that are what they were, or what `earlier` has, keep their
/// download ids.
pub(super) async fn put(
    tx: &mut Tx,
    publication: &Publication,
    earlier: &HashMap<String, AssetRow>,
    now: Timestamp,
) -> Result<(), HubError> {
    let id = put_release(tx, publication, now).await?;
    let platform = publication.platform;
    let published = by_name(asset_rows(tx, &id, platform).await?);
    query("DELETE FROM assets WHERE release_id = $1 AND os = $2 AND arch = $3")
        .bind(&id)
        .bind(platform.os.as_str())
        .bind(platform.arch.as_str())
        .execute(&mut *tx)
        .await?;
    insert_assets(
        tx,
        &id,
        platform,
        new_rows(publication, &[&published, earlier])?,
    )
    .await?;
    fail_point!("register half put");
    offers::renew(tx, &id, &[platform]).await
}

/// Creates the release's row or brings it up to date; its id.
async fn put_release(
    tx: &mut Tx,
    publication: &Publication,
    now: Timestamp,
) -> Result<String, HubError> {
    let id = query_scalar(
        "INSERT INTO releases \
         (id, product, version, version_key, channel, notes, published_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, COALESCE($7, $8), $8) \
         ON CONFLICT (product, version, channel) DO UPDATE SET \
         notes = COALESCE($6, releases.notes), \
         published_at = COALESCE($7, releases.published_at) \
         RETURNING id",
    )
    .bind(random_id()?)
    .bind(publication.product.as_str())
    .bind(publication.version.to_string())
    .bind(version_key(&publication.version))
    .bind(publication.channel.as_str())
    .bind(publication.notes.as_deref())
    .bind(publication.published_at.map(stamp))
    .bind(stamp(now))
    .fetch_one(&mut *tx)
    .await?;
    Ok(id)
}

/// The rows of a publication. Each has the download id of the first known row that is the same.
pub(super) fn new_rows(
    publication: &Publication,
    known: &[&HashMap<String, AssetRow>],
) -> Result<Vec<AssetRow>, HubError> {
    let mut rows = Vec::with_capacity(publication.artifacts.len());
    for artifact in &publication.artifacts {
        let mut row = AssetRow::new(artifact, String::new());
        let same = known
            .iter()
            .filter_map(|known| known.get(artifact.filename.as_str()))
            .find(|known| known.is_same_but_for_id(&row));
        row.asset.download_id = match same {
            Some(same) => same.asset.download_id.clone(),
            None => format!("dl_{}", random_id()?),
        };
        rows.push(row);
    }
    Ok(rows)
}

async fn insert_assets(
    tx: &mut Tx,
    release_id: &str,
    platform: Platform,
    rows: Vec<AssetRow>,
) -> Result<(), HubError> {
    let into = "assets \
        (release_id, os, arch, filename, kind, size, sha256, object_key, download_id)";
    let row = |row: AssetRow| -> [Argument; 9] {
        [
            release_id.into(),
            platform.os.as_str().into(),
            platform.arch.as_str().into(),
            row.asset.filename.into(),
            row.asset.kind.as_str().into(),
            db_size(row.asset.size).into(),
            row.asset.sha256.to_string().into(),
            row.object_key.into(),
            row.asset.download_id.into(),
        ]
    };
    batch::insert(tx, into, rows.into_iter().map(row).collect()).await
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

    fn is_same_but_for_id(&self, other: &Self) -> bool {
        let (a, b) = (&self.asset, &other.asset);
        self.object_key == other.object_key
            && (a.kind, &a.filename, a.size, a.sha256) == (b.kind, &b.filename, b.size, b.sha256)
    }
}
