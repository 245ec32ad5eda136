//! What looking after a catalogue takes: reading one that a server has open, copying it, and what
//! nobody has registered.

use super::database::{On, Pool, Tx, query, query_scalar};
use super::{Catalogue, migrator, parse, parse_size, sqlite, stamp, steps_of};
use crate::HubError;
use jiff::Timestamp;
use release_types::{ObjectKey, Sha256Digest};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use std::path::Path;

/// The mark of a catalogue that may know less than the bytes beside it.
const COPY: &str = "is_copy";

const AGE: &str = "age";

/// A file of a release, or a pack's build, and what is stored for it.
#[derive(Debug)]
pub(crate) struct ReleasedFile {
    /// Product, version, channel, platform and name, for people.
    pub(crate) name: String,
    /// Whether it is a pack's build.
    pub(crate) is_build: bool,
    pub(crate) sha256: Sha256Digest,
    pub(crate) size: u64,
    /// What its object has; the same, unless the catalogue is damaged.
    pub(crate) stored: (Sha256Digest, u64),
    /// Where that is in the bucket.
    pub(crate) place: Option<String>,
}

/// An upload of no release.
#[derive(Debug)]
pub(crate) struct Unregistered {
    pub(crate) key: ObjectKey,
    pub(crate) sha256: Sha256Digest,
    pub(crate) size: u64,
    /// Where it is in the bucket.
    pub(crate) place: Option<String>,
}

impl Catalogue {
    /// Opens a catalogue to read, also beside a server. Changes nothing.
    pub(crate) async fn open_to_read(path: &Path) -> Result<Self, HubError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .busy_timeout(sqlite::BUSY_TIMEOUT)
            .read_only(true);
        let readers = sqlite::pool(sqlite::READERS);
        let readers = Pool::Sqlite(readers.connect_with(options).await?);
        let catalogue = Self::new(readers.clone(), readers);
        match catalogue.has_form_of(&migrator()).await {
            Ok(true) => return Ok(catalogue),
            found => {
                catalogue.close().await;
                found?;
            }
        }
        Err(HubError::Config(
            "the catalogue is of another version of atlas-hub; use that one, or start this \
             version's server first, which brings the catalogue up to date"
                .to_owned(),
        ))
    }

    /// Opens a copy that nobody else has open, to finish it. Leaves its form as it is.
    pub(crate) async fn open_copy(path: &Path) -> Result<Self, HubError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Delete)
            .synchronous(SqliteSynchronous::Full);
        let writer = Pool::Sqlite(sqlite::pool(1).connect_with(options).await?);
        Ok(Self::new(writer.clone(), writer))
    }

    /// Opens a catalogue that nobody else has open, without making a file beside it, which takes room.
    /// To be read alone: what is written still takes some.
    pub(crate) async fn open_alone(path: &Path) -> Result<Self, HubError> {
        let options = sqlite::options(path).locking_mode(SqliteLockingMode::Exclusive);
        let reader = Pool::Sqlite(sqlite::pool(1).connect_with(options).await?);
        Ok(Self::new(reader.clone(), reader))
    }

    /// Whether this version can use it: its tables were made by the steps that this version knows, or by
    /// the first of them.
    pub(crate) async fn is_usable(&self) -> Result<bool, HubError> {
        let found = self.steps().await?;
        Ok(!found.is_empty() && steps_of(&migrator()).starts_with(&found))
    }

    /// Whether no key leads out of a folder, and whatever refers to an object finds it.
    pub(crate) async fn is_consistent(&self) -> Result<bool, HubError> {
        let keys: Vec<String> = query_scalar("SELECT object_key FROM objects")
            .fetch_all(&self.readers)
            .await?;
        let leaves = |key: &String| key.split('/').any(|name| matches!(name, "" | "." | ".."));
        if keys.iter().any(leaves) {
            return Ok(false);
        }
        let dangling = query("PRAGMA foreign_key_check").exists(&self.readers);
        Ok(!dangling.await?)
    }

    /// Whether the database's pages make sense.
    pub(crate) async fn is_whole(&self) -> Result<bool, HubError> {
        let found: String = query_scalar("PRAGMA integrity_check(1)")
            .fetch_one(&self.readers)
            .await?;
        Ok(found == "ok")
    }

    /// Writes all of it, as it is at one moment, to a file that is empty. Holds up no writer.
    pub(crate) async fn copy_to(&self, file: &Path) -> Result<(), HubError> {
        let Some(name) = file.to_str() else {
            return Err(HubError::Config(format!(
                "the path {} is not UTF-8",
                file.display()
            )));
        };
        query("VACUUM INTO $1")
            .bind(name)
            .execute(&self.readers)
            .await?;
        Ok(())
    }

    /// Whether bytes that it does not know may be of releases that it does not know.
    pub(crate) async fn is_copy(&self) -> Result<bool, HubError> {
        query("SELECT 1 FROM meta WHERE name = $1")
            .bind(COPY)
            .exists(&self.readers)
            .await
    }

    /// Marks it as a copy, or as one no longer.
    pub(crate) async fn mark_copy(&self, is_copy: bool) -> Result<(), HubError> {
        let mut tx = self.write().await?;
        mark_copy(&mut tx, is_copy).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Counts one more opening or hour, and tells how many there have been. A catalogue that is
    /// younger than what was seen of it was put back: it is marked, and grows older than that.
    pub(crate) async fn grow_older(&self, seen: u64) -> Result<u64, HubError> {
        let mut tx = self.write().await?;
        let before = age_in(&mut tx).await?;
        if seen > before {
            tracing::warn!("an older catalogue was put back: bytes it does not know are kept");
            mark_copy(&mut tx, true).await?;
        }
        let age = before.max(seen) + 1;
        query(
            "INSERT INTO meta (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(AGE)
        .bind(age.to_string())
        .execute(&mut tx)
        .await?;
        tx.commit().await?;
        Ok(age)
    }

    /// How many openings and hours it has seen.
    pub(crate) async fn age(&self) -> Result<u64, HubError> {
        age_in(&self.readers).await
    }

    /// All different bytes that objects have.
    pub(crate) async fn blob_list(&self) -> Result<Vec<(Sha256Digest, u64)>, HubError> {
        let rows: Vec<(String, i64)> =
            query("SELECT DISTINCT sha256, size FROM objects ORDER BY sha256")
                .fetch_all(&self.readers)
                .await?;
        rows.into_iter()
            .map(|(sha256, size)| Ok((parse("digest", &sha256)?, parse_size(size)?)))
            .collect()
    }

    /// Every file of every release, and every pack's build.
    pub(crate) async fn released_files(&self) -> Result<Vec<ReleasedFile>, HubError> {
        type Row = (
            String,
            Option<String>,
            String,
            i64,
            String,
            i64,
            Option<String>,
        );
        let rows: Vec<Row> = query(
            "SELECT releases.product || ' ' || releases.version || ' ' || releases.channel || ' ' \
             || assets.os || '/' || assets.arch || ' ' || assets.filename AS name, \
             CAST(NULL AS TEXT), \
             assets.sha256, assets.size, objects.sha256, objects.size, objects.place \
             FROM assets JOIN releases ON releases.id = assets.release_id \
             JOIN objects ON objects.object_key = assets.object_key UNION ALL \
             SELECT 'pack ' || pack_builds.pack_id || ' build ' || pack_builds.id, pack_builds.id, \
             objects.sha256, objects.size, objects.sha256, objects.size, objects.place \
             FROM pack_builds JOIN objects ON objects.object_key = pack_builds.object_key \
             ORDER BY name",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter()
            .map(
                |(name, build, sha256, size, stored_sha256, stored_size, place)| {
                    Ok(ReleasedFile {
                        name,
                        is_build: build.is_some(),
                        sha256: parse("digest", &sha256)?,
                        size: parse_size(size)?,
                        stored: (parse("digest", &stored_sha256)?, parse_size(stored_size)?),
                        place,
                    })
                },
            )
            .collect()
    }

    /// What was uploaded before a time, and is of no release, no draft and no pack's build.
    pub(crate) async fn unregistered(
        &self,
        before: Timestamp,
    ) -> Result<Vec<Unregistered>, HubError> {
        let rows: Vec<(String, String, i64, Option<String>)> = query(
            "SELECT u.object_key, u.sha256, u.size, objects.place FROM unregistered u \
             JOIN objects ON objects.object_key = u.object_key WHERE u.uploaded_at < $1 \
             ORDER BY u.object_key",
        )
        .bind(stamp(before))
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter()
            .map(|(key, sha256, size, place)| {
                Ok(Unregistered {
                    key: parse("key", &key)?,
                    sha256: parse("digest", &sha256)?,
                    size: parse_size(size)?,
                    place,
                })
            })
            .collect()
    }

    /// Forgets an object, if it still is of no release and was not uploaded again. Whether it did.
    pub(crate) async fn forget_unregistered(
        tx: &mut Tx,
        key: &ObjectKey,
        before: Timestamp,
    ) -> Result<bool, HubError> {
        let done = query(
            "DELETE FROM objects WHERE object_key = $1 AND EXISTS \
             (SELECT 1 FROM unregistered WHERE object_key = $1 AND uploaded_at < $2)",
        )
        .bind(key.as_str())
        .bind(stamp(before))
        .execute(tx)
        .await?;
        Ok(done == 1)
    }
}

async fn age_in<'c>(on: impl Into<On<'c>>) -> Result<u64, HubError> {
    let age: Option<String> = query_scalar("SELECT value FROM meta WHERE name = $1")
        .bind(AGE)
        .fetch_optional(on)
        .await?;
    age.map_or(Ok(0), |text| parse("number", &text))
}

async fn mark_copy(tx: &mut Tx, is_copy: bool) -> Result<(), HubError> {
    let statement = match is_copy {
        true => "INSERT INTO meta (name, value) VALUES ($1, '1') ON CONFLICT DO NOTHING",
        false => "DELETE FROM meta WHERE name = $1",
    };
    query(statement).bind(COPY).execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps have to be the same, not only as many.
    #[tokio::test]
    async fn a_catalogue_of_other_steps_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let catalogue = Catalogue::open(file.path(), Timestamp::now())
            .await
            .unwrap();
        let readable = Catalogue::open_to_read(file.path()).await.unwrap();
        readable.close().await;
        let mut tx = catalogue.write().await.unwrap();
        query("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1")
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let refused = Catalogue::open_to_read(file.path()).await;
        assert!(matches!(refused, Err(HubError::Config(_))), "{refused:?}");
        catalogue.close().await;
    }
}
