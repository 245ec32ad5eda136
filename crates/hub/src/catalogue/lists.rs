//! Lists, page by page, and what is done to whole releases: taken back, offered again, promoted.

use super::database::{Tx, query, query_scalar};
use super::objects::{BELOW, end_of};
use super::publishing::{self, check_objects};
use super::releases::{self, Publication, Registered};
use super::{Catalogue, Target, audit, drafts, offers, parse, parse_size, parse_time, stamp};
use crate::HubError;
use jiff::Timestamp;
use release_types::{
    Artifact, Channel, ObjectEntry, ObjectKey, ObjectList, Platform, ProductName, Release,
    ReleaseList, ReleaseState, ReleaseSummary,
};
use semver::Version;
use std::collections::HashMap;

/// Of releases that a statement in parentheses chooses, one row for each platform that has files.
/// `version_key` and `created_at` are there to be sorted by.
///
/// Whether a platform has files is one look into an index, however many they are: anybody may ask for
/// these lists. Of a list of values both databases call the columns so.
fn summaries(releases: &str) -> String {
    let platforms = Platform::ALL.map(|p| format!("('{}', '{}')", p.os, p.arch));
    format!(
        "SELECT r.version_key, r.created_at, r.id, r.version, r.channel, r.published_at, r.yanked_at, \
         r.yank_reason, p.column1, p.column2 FROM ({releases}) r JOIN (VALUES {}) p ON EXISTS \
         (SELECT 1 FROM assets WHERE release_id = r.id AND os = p.column1 AND arch = p.column2) \
         ORDER BY r.version_key DESC, r.created_at DESC, r.id DESC",
        platforms.join(", ")
    )
}

/// A page of a product's releases: on a channel, if one is given, and behind one of them.
const PAGE: &str = "SELECT * FROM releases WHERE product = $1 AND ($2 = '' OR channel = $2) \
    AND ($3 = '' OR (version_key, created_at, id) < ($3, $4, $5)) \
    AND EXISTS (SELECT 1 FROM assets WHERE assets.release_id = releases.id) \
    ORDER BY version_key DESC, created_at DESC, id DESC LIMIT $6";

type Row = (
    String,
    String,
    String,
    String,
    String,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
);

/// What came of promoting.
#[derive(Debug)]
pub(crate) enum Promoted {
    /// The other channel has it too.
    Done(Vec<Release>),
    /// The first channel does not have it.
    Unknown,
    /// It was taken back on this channel.
    Yanked(Channel),
    /// It cannot be registered.
    Conflict(String),
    /// It has more files than this.
    TooMany(usize),
}

impl Catalogue {
    /// A page of a product's releases, the highest version first. Nothing where `after` is not from
    /// such a page.
    pub(crate) async fn list(
        &self,
        product: &ProductName,
        channel: Option<Channel>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<ReleaseList>, HubError> {
        let mut tx = self.read().await?;
        let mut last = (String::new(), String::new(), String::new());
        if let Some(after) = after {
            let found: Option<(String, String, String)> = query(
                "SELECT version_key, created_at, id FROM releases WHERE id = $1 AND product = $2",
            )
            .bind(after)
            .bind(product.as_str())
            .fetch_optional(&mut tx)
            .await?;
            match found {
                Some(found) => last = found,
                None => return Ok(None),
            }
        }
        let (version_key, created_at, id) = last;
        let rows: Vec<Row> = query(sqlx::AssertSqlSafe(summaries(PAGE)))
            .bind(product.as_str())
            .bind(channel.map_or("", Channel::as_str))
            .bind(version_key)
            .bind(created_at)
            .bind(id)
            .bind(i64::from(limit) + 1)
            .fetch_all(&mut tx)
            .await?;
        let mut releases = folded(rows)?;
        let limit = limit as usize;
        let more = releases.len() > limit;
        releases.truncate(limit);
        let next = releases.last().filter(|_| more).map(|(id, _)| id.clone());
        Ok(Some(ReleaseList {
            releases: releases.into_iter().map(|(_, release)| release).collect(),
            next,
        }))
    }

    /// A page of what has been uploaded under a prefix, by key: what comes after a
    /// key, and no further than to another, if that is given. Keys compare by their bytes.
    pub(crate) async fn uploaded(
        &self,
        provider: &str,
        prefix: &str,
        (after, until): (&str, Option<&ObjectKey>),
        limit: u32,
    ) -> Result<ObjectList, HubError> {
        let sql = format!(
            "SELECT object_key, size, sha256, uploaded_at FROM objects \
             WHERE {BELOW} AND ($4 = '' OR object_key <= $4) ORDER BY object_key LIMIT $5"
        );
        let rows: Vec<(String, i64, String, String)> = query(sqlx::AssertSqlSafe(sql))
            .bind(prefix)
            .bind(end_of(prefix))
            .bind(after)
            .bind(until.map_or("", ObjectKey::as_str))
            .bind(i64::from(limit) + 1)
            .fetch_all(&self.readers)
            .await?;
        let mut objects = Vec::with_capacity(rows.len());
        for (key, size, sha256, uploaded_at) in rows {
            objects.push(ObjectEntry {
                key: parse("key", &key)?,
                provider: provider.to_owned(),
                size: parse_size(size)?,
                sha256: parse("digest", &sha256)?,
                uploaded_at: parse_time(&uploaded_at)?,
            });
        }
        let limit = limit as usize;
        let more = objects.len() > limit;
        objects.truncate(limit);
        let last = objects.last().filter(|_| more).map(|object| &object.key);
        let next = last.or(until).map(ObjectKey::to_string);
        Ok(ObjectList { objects, next })
    }

    /// Takes a release back, or offers it again. Nothing where there is no such release. The time
    /// at which it was first taken back stays.
    pub(crate) async fn set_yanked(
        &self,
        (product, version, channel): (&ProductName, &Version, Channel),
        yanked: bool,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<Option<ReleaseSummary>, HubError> {
        let mut tx = self.write().await?;
        let statement = if yanked {
            "UPDATE releases SET yanked_at = COALESCE(yanked_at, $4), \
             yank_reason = COALESCE($5, yank_reason) \
             WHERE product = $1 AND version = $2 AND channel = $3"
        } else {
            "UPDATE releases SET yanked_at = NULL, yank_reason = NULL \
             WHERE product = $1 AND version = $2 AND channel = $3"
        };
        let mut update = query(statement)
            .bind(product.as_str())
            .bind(version.to_string())
            .bind(channel.as_str());
        if yanked {
            update = update.bind(stamp(now)).bind(reason);
        }
        if update.execute(&mut tx).await? == 1 {
            let action = if yanked { "yank" } else { "unyank" };
            let object = format!("{product} {version} {channel}");
            audit::note(&mut tx, action, &object, now).await?;
        }
        let one = summaries(
            "SELECT * FROM releases WHERE product = $1 AND version = $2 AND channel = $3",
        );
        let rows: Vec<Row> = query(sqlx::AssertSqlSafe(one))
            .bind(product.as_str())
            .bind(version.to_string())
            .bind(channel.as_str())
            .fetch_all(&mut tx)
            .await?;
        let release = folded(rows)?.into_iter().next();
        if let Some((id, release)) = &release {
            offers::renew(&mut tx, id, &release.platforms).await?;
        }
        tx.commit().await?;
        Ok(release.map(|(_, release)| release))
    }

    /// Gives another channel all platforms of a release, with the same objects, unless they have more
    /// files than `most`.
    pub(crate) async fn promote(
        &self,
        product: &ProductName,
        version: &Version,
        (from, to): (Channel, Channel),
        most: usize,
        now: Timestamp,
    ) -> Result<Promoted, HubError> {
        let mut tx = self.write().await?;
        if super::counts::has_more(&mut tx, (product, version, from), most).await? {
            return Ok(Promoted::TooMany(most));
        }
        for channel in [from, to] {
            if is_yanked(&mut tx, product, version, channel).await? {
                return Ok(Promoted::Yanked(channel));
            }
        }
        let notes: Option<Option<String>> = query_scalar(
            "SELECT notes FROM releases WHERE product = $1 AND version = $2 AND channel = $3",
        )
        .bind(product.as_str())
        .bind(version.to_string())
        .bind(from.as_str())
        .fetch_optional(&mut tx)
        .await?;
        let notes = notes.flatten();
        let mut done = Vec::new();
        for platform in Platform::ALL {
            let mut target = Target {
                product: product.clone(),
                version: version.clone(),
                channel: from,
                platform,
            };
            let Some((_, rows)) = releases::find(&mut tx, &target).await? else {
                continue;
            };
            let mut artifacts = Vec::with_capacity(rows.len());
            for row in rows {
                artifacts.push(Artifact {
                    key: parse("key", &row.object_key)?,
                    provider: String::new(),
                    filename: parse("file name", &row.asset.filename)?,
                    size: row.asset.size,
                    sha256: row.asset.sha256,
                    kind: row.asset.kind,
                });
            }
            target.channel = to;
            let publication = Publication {
                product: product.clone(),
                version: version.clone(),
                channel: to,
                platform,
                artifacts,
                notes: notes.clone(),
                published_at: None,
            };
            if let Some(Registered::Conflict { filename, why }) =
                check_objects(&mut tx, &publication).await?
            {
                return Ok(Promoted::Conflict(format!("`{filename}`: {why}")));
            }
            drafts::discard(&mut tx, &target).await?;
            let put = publishing::put(&mut tx, &publication, &HashMap::new(), now).await?;
            let object = format!("{target} from {from}");
            audit::note(&mut tx, "promote", &object, now).await?;
            done.push(put);
        }
        if done.is_empty() {
            return Ok(Promoted::Unknown);
        }
        tx.commit().await?;
        Ok(Promoted::Done(done))
    }
}

async fn is_yanked(
    tx: &mut Tx,
    product: &ProductName,
    version: &Version,
    channel: Channel,
) -> Result<bool, HubError> {
    query(
        "SELECT 1 FROM releases WHERE product = $1 AND version = $2 AND channel = $3 \
         AND yanked_at IS NOT NULL",
    )
    .bind(product.as_str())
    .bind(version.to_string())
    .bind(channel.as_str())
    .exists(tx)
    .await
}

/// Releases with their ids, of rows that stand together where they are of one release.
fn folded(rows: Vec<Row>) -> Result<Vec<(String, ReleaseSummary)>, HubError> {
    let mut releases: Vec<(String, ReleaseSummary)> = Vec::new();
    for (_, _, id, version, channel, published_at, yanked_at, yank_reason, os, arch) in rows {
        let platform = Platform::new(parse("system", &os)?, parse("architecture", &arch)?);
        match releases.last_mut() {
            Some((last, release)) if *last == id => release.platforms.push(platform),
            _ => {
                let state = match yanked_at {
                    Some(_) => ReleaseState::Yanked,
                    None => ReleaseState::Published,
                };
                let release = ReleaseSummary {
                    version,
                    channel: parse("channel", &channel)?,
                    published_at: parse_time(&published_at)?,
                    platforms: vec![platform],
                    state,
                    yanked_at: yanked_at.as_deref().map(parse_time).transpose()?,
                    yank_reason,
                };
                releases.push((id, release));
            }
        }
    }
    for (_, release) in &mut releases {
        release.platforms.sort();
    }
    Ok(releases)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list costs as much for a release of thousands of files as for one of a few.
    #[tokio::test]
    async fn no_list_reads_the_files_of_releases() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let catalogue = Catalogue::open(file.path(), Timestamp::now())
            .await
            .unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {}", summaries(PAGE));
        let mut explain = query(sqlx::AssertSqlSafe(explain));
        for _ in 0..5 {
            explain = explain.bind("");
        }
        let steps: Vec<(i64, i64, i64, String)> =
            explain.bind(1).fetch_all(&catalogue.readers).await.unwrap();
        let plan: Vec<&str> = steps.iter().map(|step| step.3.as_str()).collect();
        // SQLite says of some that they end at the first row.
        let looks = plan.iter().filter(|step| step.contains(" assets "));
        let looks: Vec<String> = looks.map(|step| step.replace(" EXISTS", "")).collect();
        let by = ["(release_id=?)", "(release_id=? AND os=? AND arch=?)"];
        assert_eq!(looks.len(), by.len(), "{plan:#?}");
        for (look, by) in looks.iter().zip(by) {
            let is_look = look.starts_with("SEARCH assets USING COVERING INDEX");
            assert!(is_look && look.ends_with(by), "{plan:#?}");
        }
        catalogue.close().await;
    }
}
