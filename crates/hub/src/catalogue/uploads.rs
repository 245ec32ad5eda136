//! Uploads into a bucket: what addresses were given out for, until it has come and is an object.

use super::database::{Tx, query, query_scalar};
use super::objects::{BELOW, end_of};
use super::{Catalogue, db_size, parse, parse_size, stamp};
use crate::HubError;
use crate::belonging::BUCKET;
use crate::upload_url::Grant;
use jiff::Timestamp;
use release_types::ObjectKey;
use std::collections::HashSet;

/// An address that was given out.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    /// Its name in the bucket.
    pub(crate) id: String,
    pub(crate) grant: Grant,
}

type Row = (String, String, String, Option<i64>, Option<String>);

impl Catalogue {
    /// Notes that an address is given out.
    pub(crate) async fn add_upload(
        &self,
        id: &str,
        grant: &Grant,
        now: Timestamp,
    ) -> Result<(), HubError> {
        let mut tx = self.write().await?;
        query(
            "INSERT INTO uploads (id, object_key, content_type, size, sha256, begun_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(id)
        .bind(grant.key.as_str())
        .bind(&grant.content_type)
        .bind(grant.size.map(db_size))
        .bind(grant.sha256.map(|sha256| sha256.to_string()))
        .bind(stamp(now))
        .execute(&mut tx)
        .await?;
        tx.commit().await
    }

    /// The uploads to a key, in the order in which their addresses were given out.
    pub(crate) async fn uploads_to(&self, key: &ObjectKey) -> Result<Vec<Upload>, HubError> {
        let rows: Vec<Row> = query(
            "SELECT id, object_key, content_type, size, sha256 FROM uploads \
             WHERE object_key = $1 ORDER BY begun_at, id",
        )
        .bind(key.as_str())
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(upload).collect()
    }

    /// The first keys below a prefix and after one that uploads are to, by key.
    pub(crate) async fn keys_of_uploads(
        &self,
        prefix: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ObjectKey>, HubError> {
        let sql = format!(
            "SELECT DISTINCT object_key FROM uploads WHERE {BELOW} ORDER BY object_key LIMIT $4"
        );
        let keys: Vec<String> = query_scalar(sqlx::AssertSqlSafe(sql))
            .bind(prefix)
            .bind(end_of(prefix))
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await?;
        keys.iter().map(|key| parse("key", key)).collect()
    }

    /// The uploads whose addresses were given out before a time.
    pub(crate) async fn uploads_before(&self, before: Timestamp) -> Result<Vec<Upload>, HubError> {
        let rows: Vec<Row> = query(
            "SELECT id, object_key, content_type, size, sha256 FROM uploads \
             WHERE begun_at < $1 ORDER BY object_key, id",
        )
        .bind(stamp(before))
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter().map(upload).collect()
    }

    /// The names of all uploads.
    pub(crate) async fn upload_ids(&self) -> Result<HashSet<String>, HubError> {
        let ids: Vec<String> = query_scalar("SELECT id FROM uploads")
            .fetch_all(&self.readers)
            .await?;
        Ok(ids.into_iter().collect())
    }

    /// Takes an upload out of the list. Whether it was there.
    pub(crate) async fn take_upload(tx: &mut Tx, id: &str) -> Result<bool, HubError> {
        let taken = query("DELETE FROM uploads WHERE id = $1")
            .bind(id)
            .execute(tx)
            .await?;
        Ok(taken == 1)
    }

    /// Notes why what came to an address was refused.
    pub(crate) async fn note_refusal(tx: &mut Tx, id: &str, why: &str) -> Result<(), HubError> {
        query("UPDATE uploads SET refused = $2 WHERE id = $1")
            .bind(id)
            .bind(why)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Forgets what was refused under a key: something else has come.
    pub(crate) async fn forget_refusals(tx: &mut Tx, key: &ObjectKey) -> Result<(), HubError> {
        query("UPDATE uploads SET refused = NULL WHERE object_key = $1 AND refused IS NOT NULL")
            .bind(key.as_str())
            .execute(tx)
            .await?;
        Ok(())
    }

    /// The places of all objects.
    pub(crate) async fn places(&self) -> Result<HashSet<String>, HubError> {
        let places: Vec<String> = query_scalar("SELECT place FROM objects WHERE place IS NOT NULL")
            .fetch_all(&self.readers)
            .await?;
        Ok(places.into_iter().collect())
    }

    /// Whether any object has its bytes at a place in a bucket.
    pub(crate) async fn has_places(&self) -> Result<bool, HubError> {
        query("SELECT 1 FROM objects WHERE place IS NOT NULL LIMIT 1")
            .exists(&self.readers)
            .await
    }

    /// Refuses a catalogue whose bytes are not where this Hub looks for them: where those are that there
    /// are, and else where it was begun, if that was with a bucket.
    pub(crate) async fn check_storage(&self, in_bucket: bool) -> Result<(), HubError> {
        let (other, message) = if in_bucket {
            let message = "the catalogue's bytes are in files of a data directory, not in a bucket: \
                           start it without --storage";
            ("SELECT 1 FROM objects WHERE place IS NULL LIMIT 1", message)
        } else {
            let message = "the catalogue's bytes are in a bucket: name it with --storage or in \
                           ATLAS_HUB_STORAGE";
            let other = "SELECT 1 FROM objects WHERE place IS NOT NULL LIMIT 1";
            (other, message)
        };
        let is_bound = !in_bucket && self.look_up(BUCKET).await?.is_some();
        if is_bound || query(other).exists(&self.readers).await? {
            return Err(HubError::Config(message.to_owned()));
        }
        Ok(())
    }
}

/// What is the matter with a key, and with what was last refused there: for most that is why.
pub(super) async fn with_refusal(
    tx: &mut Tx,
    key: &ObjectKey,
    matter: String,
) -> Result<String, HubError> {
    let refused: Option<String> = query_scalar(
        "SELECT refused FROM uploads WHERE object_key = $1 AND refused IS NOT NULL \
         ORDER BY begun_at DESC, id DESC LIMIT 1",
    )
    .bind(key.as_str())
    .fetch_optional(tx)
    .await?;
    Ok(match refused {
        Some(why) => format!("{matter}; an upload was refused: {why}"),
        None => matter,
    })
}

fn upload((id, key, content_type, size, sha256): Row) -> Result<Upload, HubError> {
    let digest = |text: String| parse("digest", &text);
    Ok(Upload {
        id,
        grant: Grant {
            key: parse("key", &key)?,
            content_type,
            size: size.map(parse_size).transpose()?,
            sha256: sha256.map(digest).transpose()?,
        },
    })
}
