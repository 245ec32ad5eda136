//! Drafts: platforms of releases in waiting, and the moment in which they are all there.

use super::database::{Argument, Tx, query};
use super::releases::{AssetRow, Publication, Registered, check_objects, read_release, sorted};
use super::{Catalogue, audit, batch, db_size, parse, parse_size, parse_time, releases, stamp};
use crate::HubError;
use crate::fail_point::fail_point;
use crate::token::random_id;
use jiff::Timestamp;
use release_types::{
    Artifact, Channel, FileName, ObjectKey, Platform, ProductName, Release, Sha256Digest,
};
use semver::Version;
use std::collections::HashMap;
use std::fmt;

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
    /// The drafts have more files than this, and nothing has changed.
    TooMany(usize),
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
        insert_assets(&mut tx, &id, &rows).await?;
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

    /// The artifacts of drafts, each with the draft it belongs to; nothing where they are more than
    /// these.
    pub(crate) async fn drafted(
        &self,
        targets: &[Target],
        most: usize,
    ) -> Result<Option<Vec<(Target, Artifact)>>, HubError> {
        let mut tx = self.read().await?;
        let mut drafted = Vec::new();
        for target in targets {
            if let Some(draft) = find(&mut tx, target).await? {
                let artifacts = draft.publication.artifacts.into_iter();
                drafted.extend(artifacts.map(|artifact| (target.clone(), artifact)));
            }
            if drafted.len() > most {
                return Ok(None);
            }
        }
        Ok(Some(drafted))
    }

    /// What drafts there are that were last registered before a time, for people.
    pub(crate) async fn overdue_drafts(&self, before: Timestamp) -> Result<Vec<String>, HubError> {
        let mut tx = self.read().await?;
        Ok(overdue(&mut tx, before)
            .await?
            .into_iter()
            .map(|(_, name)| name)
            .collect())
    }

    /// Removes them, and tells which they were. Their bytes stay.
    pub(crate) async fn expire_drafts(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>, HubError> {
        // Nearly always there are none, and a read keeps no writer waiting.
        if self.overdue_drafts(before).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let mut expired = Vec::new();
        for (id, name) in overdue(&mut tx, before).await? {
            remove(&mut tx, &id).await?;
            audit::note(&mut tx, "expire draft", &name, now).await?;
            expired.push(name);
        }
        tx.commit().await?;
        Ok(expired)
    }

    /// Puts drafts in their places, all in one transaction. What is in its place already stays. A draft
    /// of a platform that has a key among `files` has to have exactly those.
    pub(crate) async fn finalize(
        &self,
        targets: &[Target],
        files: &HashMap<ObjectKey, Sha256Digest>,
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
            if !is_of(&publication, files) {
                refused.push(format!("the draft of {target} has other files"));
                continue;
            }
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

/// The ids of drafts that were last registered before a time, each with what [`Target`] shows.
async fn overdue(tx: &mut Tx, before: Timestamp) -> Result<Vec<(String, String)>, HubError> {
    query(
        "SELECT id, product || ' ' || version || ' ' || channel || ' ' || os || '-' || arch AS name \
         FROM drafts WHERE created_at < $1 ORDER BY name",
    )
    .bind(stamp(before))
    .fetch_all(tx)
    .await
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
            // Nobody reads it of what is stored.
            provider: String::new(),
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

/// Whether a draft's files are those, or none of those is of its platform.
fn is_of(draft: &Publication, files: &HashMap<ObjectKey, Sha256Digest>) -> bool {
    let Platform { os, arch } = draft.platform;
    let folder = format!("artifacts/{}/{}/{os}/{arch}/", draft.product, draft.version);
    let of_platform = files.keys().filter(|key| key.as_str().starts_with(&folder));
    let count = of_platform.count();
    let is_same = |artifact: &Artifact| files.get(&artifact.key) == Some(&artifact.sha256);
    count == 0 || (count == draft.artifacts.len() && draft.artifacts.iter().all(is_same))
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

async fn insert_assets(tx: &mut Tx, draft_id: &str, rows: &[AssetRow]) -> Result<(), HubError> {
    let into = "draft_assets (draft_id, filename, kind, size, sha256, object_key, download_id)";
    let row = |row: &AssetRow| -> [Argument; 7] {
        let asset = &row.asset;
        [
            draft_id.into(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{StoredObject, statements};

    /// A draft is put, compared and shown by hundreds of files at a time, and there is an end to how
    /// many are shown at once.
    #[tokio::test]
    async fn many_files_are_few_statements() {
        const FILES: usize = 250;
        statements::watch();
        let file = tempfile::NamedTempFile::new().unwrap();
        let now = Timestamp::now();
        let catalogue = Catalogue::open(file.path(), now).await.unwrap();
        let object = StoredObject {
            sha256: Sha256Digest::of(b"x"),
            size: 1,
            content_type: "a/b".to_owned(),
            place: None,
        };
        let mut tx = catalogue.write().await.unwrap();
        let mut artifacts = Vec::new();
        for number in 0..FILES {
            let artifact = Artifact {
                key: format!("artifacts/runner/1.0.0/linux/x64/f{number}")
                    .parse()
                    .unwrap(),
                provider: String::new(),
                filename: format!("f{number}").parse().unwrap(),
                size: object.size,
                sha256: object.sha256,
                kind: release_types::Kind::Other,
            };
            Catalogue::put_object(&mut tx, &artifact.key, &object, now)
                .await
                .unwrap();
            artifacts.push(artifact);
        }
        tx.commit().await.unwrap();
        let publication = Publication {
            product: "runner".parse().unwrap(),
            version: "1.0.0".parse().unwrap(),
            channel: Channel::Stable,
            platform: "linux-x64".parse().unwrap(),
            artifacts,
            notes: None,
            published_at: None,
        };
        let compared = statements::count("FROM objects WHERE object_key");
        catalogue.draft(&publication, now).await.unwrap();
        assert_eq!(statements::count("INTO draft_assets"), 3);

        let targets = [publication.target()];
        let drafted = catalogue.drafted(&targets, FILES - 1).await.unwrap();
        assert!(drafted.is_none());
        let drafted = catalogue.drafted(&targets, FILES).await.unwrap();
        assert_eq!(drafted.unwrap().len(), FILES);
        let Finalized::Done(shown) = catalogue
            .finalize(&targets, &HashMap::new(), now)
            .await
            .unwrap()
        else {
            panic!("refused");
        };
        assert_eq!(shown[0].assets.len(), FILES);
        assert_eq!(statements::count("INTO assets"), 3);
        let again = statements::count("FROM objects WHERE object_key");
        assert_eq!(again - compared, 6);
        catalogue.close().await;
    }
}
