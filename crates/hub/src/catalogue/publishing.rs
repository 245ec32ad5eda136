//! Releases written: one platform of one is put in its place, with the least that has to be asked.

use super::database::{Argument, Tx, query};
use super::offers;
use super::releases::{AssetRow, Publication, Registered, asset_rows, by_name, sorted};
use super::version_key::version_key;
use super::{audit, batch, db_size, drafts, objects, parse_time, stamp, uploads};
use crate::HubError;
use crate::fail_point::fail_point;
use crate::token::random_id;
use jiff::Timestamp;
use release_types::{Platform, Release};
use std::collections::HashMap;

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
    let row = put_release(tx, publication, now).await?;
    if row.has_draft {
        // What is published at once is newer.
        drafts::discard(tx, &target).await?;
    }
    fail_point!("register begun");
    let release = put_files(tx, row, publication, &HashMap::new()).await?;
    audit::note(tx, "publish", &target.to_string(), now).await?;
    fail_point!("register put");
    Ok(Registered::Done(release))
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

/// Makes a publication visible; what its platform has then. Assets that are what they were, or what
/// `earlier` has, keep their download ids.
pub(super) async fn put(
    tx: &mut Tx,
    publication: &Publication,
    earlier: &HashMap<String, AssetRow>,
    now: Timestamp,
) -> Result<Release, HubError> {
    let row = put_release(tx, publication, now).await?;
    put_files(tx, row, publication, earlier).await
}

/// A release's row after a publication.
struct ReleaseRow {
    id: String,
    published_at: Timestamp,
    /// Whether there was none before.
    is_new: bool,
    /// Whether there is a draft of the publication's platform.
    has_draft: bool,
}

/// Creates the release's row or brings it up to date.
///
/// Of versions that SemVer takes for equal, which differ behind a `+`, the one that came last is the
/// newest. `created_at` is there to tell, so where the clock goes back it is a text behind the last.
async fn put_release(
    tx: &mut Tx,
    publication: &Publication,
    now: Timestamp,
) -> Result<ReleaseRow, HubError> {
    let drawn = random_id()?;
    let (id, published_at, drafts): (String, String, i64) = query(
        "INSERT INTO releases \
         (id, product, version, version_key, channel, notes, published_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, COALESCE($7, $8), COALESCE(\
         (SELECT MAX(created_at) || '+' FROM releases WHERE product = $2 AND version_key = $4 \
         AND created_at >= $8), $8)) \
         ON CONFLICT (product, version, channel) DO UPDATE SET \
         notes = COALESCE($6, releases.notes), \
         published_at = COALESCE($7, releases.published_at) \
         RETURNING id, published_at, (SELECT COUNT(*) FROM drafts WHERE drafts.product = $2 \
         AND drafts.version = $3 AND drafts.channel = $5 AND os = $9 AND arch = $10)",
    )
    .bind(&drawn)
    .bind(publication.product.as_str())
    .bind(publication.version.to_string())
    .bind(version_key(&publication.version))
    .bind(publication.channel.as_str())
    .bind(publication.notes.as_deref())
    .bind(publication.published_at.map(stamp))
    .bind(stamp(now))
    .bind(publication.platform.os.as_str())
    .bind(publication.platform.arch.as_str())
    .fetch_one(&mut *tx)
    .await?;
    Ok(ReleaseRow {
        published_at: parse_time(&published_at)?,
        is_new: id == drawn,
        has_draft: drafts > 0,
        id,
    })
}

/// Gives the publication's platform its files in place of those it has; what it is then. A release that
/// was just created has none.
async fn put_files(
    tx: &mut Tx,
    release: ReleaseRow,
    publication: &Publication,
    earlier: &HashMap<String, AssetRow>,
) -> Result<Release, HubError> {
    let (id, platform) = (&release.id, publication.platform);
    let published = match release.is_new {
        true => HashMap::new(),
        false => by_name(asset_rows(tx, id, platform).await?),
    };
    if !published.is_empty() {
        query("DELETE FROM assets WHERE release_id = $1 AND os = $2 AND arch = $3")
            .bind(id)
            .bind(platform.os.as_str())
            .bind(platform.arch.as_str())
            .execute(&mut *tx)
            .await?;
        offers::remove(tx, id, platform).await?;
    }
    let rows = new_rows(publication, &[&published, earlier])?;
    insert_assets(tx, id, platform, &rows).await?;
    fail_point!("register half put");
    offers::add(tx, id, platform).await?;
    Ok(Release {
        product: publication.product.clone(),
        version: publication.version.to_string(),
        channel: publication.channel,
        published_at: release.published_at,
        platform,
        assets: sorted(rows),
    })
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
    rows: &[AssetRow],
) -> Result<(), HubError> {
    let into = "assets \
        (release_id, os, arch, filename, kind, size, sha256, object_key, download_id)";
    let row = |row: &AssetRow| -> [Argument; 9] {
        let asset = &row.asset;
        [
            release_id.into(),
            platform.os.as_str().into(),
            platform.arch.as_str().into(),
            (&asset.filename).into(),
            asset.kind.as_str().into(),
            db_size(asset.size).into(),
            asset.sha256.to_string().into(),
            (&row.object_key).into(),
            (&asset.download_id).into(),
        ]
    };
    batch::insert(tx, into, rows.iter().map(row).collect()).await
}
