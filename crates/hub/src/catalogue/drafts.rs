//! Drafts: platforms of releases in waiting, and the moment in which they are all there.

use super::database::{Tx, query};
use super::releases::{AssetRow, Publication, Registered, check_objects, read_release, sorted};
use super::{Catalogue, audit, db_size, parse, parse_size, parse_time, releases, stamp};
use crate::HubError;
use crate::fail_point::fail_point;
use crate::token::random_id;
use jiff::Timestamp;
use release_types::{Artifact, Asset, Channel, FileName, Platform, ProductName, Release};
use semver::Version;
use std::collections::HashMap;
use std::fmt;

/// The storage's name in artifacts that are read back, which nobody reads.
const PROVIDER: &str = "local";

/// One platform of a release, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) product: ProductName,
    pub(crate) version: Version,
    pub(crate) channel: Channel,
    pub(crate) platform: Platform,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            product,
            version,
            channel,
            platform,
        } = self;
        write!(f, "{product} {version} {channel} {platform}")
    }
}

/// What came of finalizing.
#[derive(Debug)]
pub(crate) enum Finalized {
    /// All of it is visible.
    Done(Vec<Release>),
    /// This is in the way, and nothing has changed.
    Refused(Vec<String>),
}

/// A draft as it is stored.
#[derive(Debug)]
struct Draft {
    id: String,
    publication: Publication,
    /// Its artifacts by file name, with the download ids they will have.
    rows: HashMap<String, AssetRow>,
}

impl Catalogue {
    /// Keeps one platform of a release for later, in place of an earlier draft of it.
    pub(crate) async fn draft(
        &self,
        publication: &Publication,
        now: Timestamp,
    ) -> Result<Registered, HubError> {
        let mut tx = self.write().await?;
        if let Some(conflict) = check_objects(&mut tx, publication).await? {
            return Ok(conflict);
        }
        let target = publication.target();
        let published = read_release(&mut tx, &target).await?;
        let before = find(&mut tx, &target).await?;
        // The addresses of what is published already go on working.
        let visible = releases::rows_of(&mut tx, &target).await?;
        let mut waiting = HashMap::new();
        if let Some(draft) = before {
            remove(&mut tx, &draft.id).await?;
            waiting = draft.rows;
        }
        let id = random_id()?;
        query(
            "INSERT INTO drafts \
             (id, product, version, channel, os, arch, notes, published_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&id)
        .bind(target.product.as_str())
        .bind(target.version.to_string())
        .bind(target.channel.as_str())
        .bind(target.platform.os.as_str())
        .bind(target.platform.arch.as_str())
        .bind(publication.notes.as_deref())
        .bind(publication.published_at.map(stamp))
        .bind(stamp(now))
        .execute(&mut tx)
        .await?;
        let rows = releases::new_rows(publication, &[&visible, &waiting])?;
        for row in &rows {
            insert_asset(&mut tx, &id, row).await?;
        }
        audit::note(&mut tx, "draft", &target.to_string(), now).await?;
        fail_point!("draft put");
        tx.commit().await?;
        fail_point!("draft committed");
        let published_at = published.map(|release| release.published_at);
        Ok(Registered::Done(Release {
            product: target.product,
            version: target.version.to_string(),
            channel: target.channel,
            published_at: publication.published_at.or(published_at).unwrap_or(now),
            platform: target.platform,
            assets: sorted(rows),
        }))
    }

    /// The artifacts of drafts, each with the draft it belongs to.
    pub(crate) async fn drafted(
        &self,
        targets: &[Target],
    ) -> Result<Vec<(Target, Artifact)>, HubError> {
        let mut tx = self.read().await?;
        let mut drafted = Vec::new();
        for target in targets {
            if let Some(draft) = find(&mut tx, target).await? {
                let artifacts = draft.publication.artifacts.into_iter();
                drafted.extend(artifacts.map(|artifact| (target.clone(), artifact)));
            }
        }
        Ok(drafted)
    }

    /// Puts drafts in their places, all in one transaction. What is in its place already stays.
    pub(crate) async fn finalize(
        &self,
        targets: &[Target],
        now: Timestamp,
    ) -> Result<Finalized, HubError> {
        let mut tx = self.write().await?;
        let mut refused = Vec::new();
        for target in targets {
            let Some(draft) = find(&mut tx, target).await? else {
                if read_release(&mut tx, target).await?.is_none() {
                    refused.push(format!("{target} was never registered"));
                }
                continue;
            };
            let Draft {
                id,
                publication,
                rows,
            } = draft;
            if let Some(Registered::Conflict { filename, why }) =
                check_objects(&mut tx, &publication).await?
            {
                refused.push(format!("`{filename}` of {target}: {why}"));
                continue;
            }
            remove(&mut tx, &id).await?;
            releases::put(&mut tx, &publication, &rows, now).await?;
            audit::note(&mut tx, "publish", &target.to_string(), now).await?;
        }
        if !refused.is_empty() {
            tx.rollback().await?;
            return Ok(Finalized::Refused(refused));
        }
        // Afterwards, since each platform may have changed the time of its release.
        let mut done = Vec::with_capacity(targets.len());
        for target in targets {
            done.extend(read_release(&mut tx, target).await?);
        }
        fail_point!("finalize put");
        tx.commit().await?;
        fail_point!("finalize committed");
        Ok(Finalized::Done(done))
    }
}

/// Removes the draft of a platform, if there is one: something newer is published.
pub(super) async fn discard(tx: &mut Tx, target: &Target) -> Result<(), HubError> {
    match find(tx, target).await? {
        Some(draft) => remove(tx, &draft.id).await,
        None => Ok(()),
    }
}

async fn find(tx: &mut Tx, target: &Target) -> Result<Option<Draft>, HubError> {
    let row: Option<(String, Option<String>, Option<String>)> = query(
        "SELECT id, notes, published_at FROM drafts WHERE product = $1 AND version = $2 \
         AND channel = $3 AND os = $4 AND arch = $5",
    )
    .bind(target.product.as_str())
    .bind(target.version.to_string())
    .bind(target.channel.as_str())
    .bind(target.platform.os.as_str())
    .bind(target.platform.arch.as_str())
    .fetch_optional(&mut *tx)
    .await?;
    let Some((id, notes, published_at)) = row else {
        return Ok(None);
    };
    let rows: Vec<(String, String, i64, String, String, String)> = query(
        "SELECT filename, kind, size, sha256, object_key, download_id FROM draft_assets \
         WHERE draft_id = $1 ORDER BY filename",
    )
    .bind(&id)
    .fetch_all(&mut *tx)
    .await?;
    let mut artifacts = Vec::with_capacity(rows.len());
    let mut by_name = HashMap::new();
    for (filename, kind, size, sha256, object_key, download_id) in rows {
        let artifact = Artifact {
            key: parse("key", &object_key)?,
            provider: PROVIDER.to_owned(),
            filename: parse::<FileName>("file name", &filename)?,
            size: parse_size(size)?,
            sha256: parse("digest", &sha256)?,
            kind: parse("kind", &kind)?,
        };
        by_name.insert(filename, AssetRow::new(&artifact, download_id));
        artifacts.push(artifact);
    }
    let publication = Publication {
        product: target.product.clone(),
        version: target.version.clone(),
        channel: target.channel,
        platform: target.platform,
        artifacts,
        notes,
        published_at: published_at.as_deref().map(parse_time).transpose()?,
    };
    Ok(Some(Draft {
        id,
        publication,
        rows: by_name,
    }))
}

async fn remove(tx: &mut Tx, id: &str) -> Result<(), HubError> {
    for statement in [
        "DELETE FROM draft_assets WHERE draft_id = $1",
        "DELETE FROM drafts WHERE id = $1",
    ] {
        query(statement).bind(id).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn insert_asset(tx: &mut Tx, draft_id: &str, row: &AssetRow) -> Result<(), HubError> {
    let Asset {
        kind,
        filename,
        size,
        sha256,
        download_id,
    } = &row.asset;
    query(
        "INSERT INTO draft_assets \
         (draft_id, filename, kind, size, sha256, object_key, download_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(draft_id)
    .bind(filename)
    .bind(kind.as_str())
    .bind(db_size(*size))
    .bind(sha256.to_string())
    .bind(&row.object_key)
    .bind(download_id)
    .execute(&mut *tx)
    .await?;
    Ok(())
}
