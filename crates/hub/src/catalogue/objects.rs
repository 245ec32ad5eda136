//! Objects: which bytes are stored under which key.

use super::database::{Tx, query, query_scalar};
use super::{Catalogue, batch, db_size, parse, parse_size, stamp};
use crate::HubError;
use jiff::Timestamp;
use release_types::{ObjectKey, Sha256Digest};
use std::collections::{HashMap, HashSet};

const HAS_BLOB: &str = "SELECT 1 FROM objects WHERE sha256 = $1 LIMIT 1";

/// What is below the prefix `$1` and after the key `$3`. With [`end_of`] the prefix as `$2` an index on the
/// keys finds it.
pub(super) const BELOW: &str = "object_key >= $1 AND object_key < $2 AND object_key > $3 \
                                AND substr(object_key, 1, length($1)) = $1";

/// No key holds a character above this one, so it bounds what begins with the prefix.
pub(super) fn end_of(prefix: &str) -> String {
    format!("{prefix}{}", char::MAX)
}

/// What is stored under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredObject {
    /// The digest of the bytes, which is also the name of their file.
    pub(crate) sha256: Sha256Digest,
    /// Their number.
    pub(crate) size: u64,
    /// The media type they were uploaded with.
    pub(crate) content_type: String,
    /// Where they are in the bucket; nothing where they are a file that is named by its digest.
    pub(crate) place: Option<String>,
}

type Row = (String, i64, String, Option<String>);

/// What an upload does to its key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PutOutcome {
    /// The key has these bytes now, and had none before.
    Created,
    /// The key had other bytes, which nothing refers to, and has these now.
    Replaced(StoredObject),
    /// The key had these bytes already.
    Same,
    /// The key has other bytes, and a release or a build refers to them.
    Immutable,
}

impl Catalogue {
    /// Decides what an upload that came at a time does to its key, and notes it in the transaction.
    pub(crate) async fn put_object(
        tx: &mut Tx,
        key: &ObjectKey,
        object: &StoredObject,
        at: Timestamp,
    ) -> Result<PutOutcome, HubError> {
        let before = find(tx, key).await?;
        let outcome = match before {
            None => PutOutcome::Created,
            Some(before) => {
                let same = before.sha256 == object.sha256;
                let referenced = query(
                    "SELECT 1 FROM assets WHERE object_key = $1 \
                     UNION ALL SELECT 1 FROM pack_builds WHERE object_key = $1 LIMIT 1",
                )
                .bind(key.as_str())
                .exists(&mut *tx)
                .await?;
                match (same, referenced) {
                    (true, true) => {
                        move_to(&mut *tx, key, object).await?;
                        return Ok(PutOutcome::Same);
                    }
                    (false, true) => return Ok(PutOutcome::Immutable),
                    (true, false) => PutOutcome::Same,
                    (false, false) => PutOutcome::Replaced(before),
                }
            }
        };
        query(
            "INSERT INTO objects (object_key, sha256, size, content_type, uploaded_at, place) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (object_key) DO UPDATE SET \
             sha256 = excluded.sha256, size = excluded.size, place = excluded.place, \
             content_type = excluded.content_type, uploaded_at = excluded.uploaded_at",
        )
        .bind(key.as_str())
        .bind(object.sha256.to_string())
        .bind(db_size(object.size))
        .bind(&object.content_type)
        .bind(stamp(at))
        .bind(&object.place)
        .execute(&mut *tx)
        .await?;
        Ok(outcome)
    }

    /// What is stored under a key, as the transaction sees it.
    pub(crate) async fn object_in(
        tx: &mut Tx,
        key: &ObjectKey,
    ) -> Result<Option<StoredObject>, HubError> {
        find(tx, key).await
    }

    /// Whether some object still has these bytes.
    pub(crate) async fn has_blob(tx: &mut Tx, sha256: &Sha256Digest) -> Result<bool, HubError> {
        query(HAS_BLOB)
            .bind(sha256.to_string())
            .exists(&mut *tx)
            .await
    }

    /// The names of all stored bytes that some object has.
    pub(crate) async fn blobs(&self) -> Result<HashSet<String>, HubError> {
        let blobs: Vec<String> = query_scalar("SELECT DISTINCT sha256 FROM objects")
            .fetch_all(&self.readers)
            .await?;
        Ok(blobs.into_iter().collect())
    }

    /// How many objects there are, and how many different bytes they have.
    pub(crate) async fn stored(&self) -> Result<(u64, u64), HubError> {
        let (objects, bytes): (i64, i64) = query(
            "SELECT (SELECT COUNT(*) FROM objects), CAST(COALESCE(SUM(size), 0) AS BIGINT) \
             FROM (SELECT sha256, MAX(size) AS size FROM objects GROUP BY sha256) AS blobs",
        )
        .fetch_one(&self.readers)
        .await?;
        Ok((parse_size(objects)?, parse_size(bytes)?))
    }

    /// What is stored under a key, whoever refers to it.
    pub(crate) async fn stored_object(
        &self,
        key: &ObjectKey,
    ) -> Result<Option<StoredObject>, HubError> {
        let mut tx = self.read().await?;
        find(&mut tx, key).await
    }

    /// What is stored under a key that some release refers to.
    pub(crate) async fn released_object(
        &self,
        key: &ObjectKey,
    ) -> Result<Option<StoredObject>, HubError> {
        let row: Option<Row> = query(
            "SELECT sha256, size, content_type, place FROM objects WHERE object_key = $1 \
             AND EXISTS (SELECT 1 FROM assets WHERE assets.object_key = objects.object_key)",
        )
        .bind(key.as_str())
        .fetch_optional(&self.readers)
        .await?;
        row.map(stored).transpose()
    }
}

/// What is stored under a key.
pub(super) async fn find(tx: &mut Tx, key: &ObjectKey) -> Result<Option<StoredObject>, HubError> {
    let row: Option<Row> =
        query("SELECT sha256, size, content_type, place FROM objects WHERE object_key = $1")
            .bind(key.as_str())
            .fetch_optional(tx)
            .await?;
    row.map(stored).transpose()
}

/// What is stored under these keys, by key.
pub(super) async fn find_all<'k>(
    tx: &mut Tx,
    keys: impl IntoIterator<Item = &'k ObjectKey>,
) -> Result<HashMap<ObjectKey, StoredObject>, HubError> {
    type KeyRow = (String, String, i64, String, Option<String>);
    let keys: Vec<&ObjectKey> = keys.into_iter().collect();
    let mut found = HashMap::new();
    for keys in keys.chunks(batch::ROWS) {
        let sql = format!(
            "SELECT object_key, sha256, size, content_type, place FROM objects \
             WHERE object_key IN {}",
            batch::list(0, keys.len())
        );
        let mut statement = query(sqlx::AssertSqlSafe(sql));
        for key in keys {
            statement = statement.bind(key.as_str());
        }
        let rows: Vec<KeyRow> = statement.fetch_all(&mut *tx).await?;
        for (key, sha256, size, content_type, place) in rows {
            let object = stored((sha256, size, content_type, place))?;
            found.insert(parse("key", &key)?, object);
        }
    }
    Ok(found)
}

/// Bytes that are the same may be at another place now.
async fn move_to(tx: &mut Tx, key: &ObjectKey, object: &StoredObject) -> Result<(), HubError> {
    if object.place.is_some() {
        query("UPDATE objects SET place = $2 WHERE object_key = $1")
            .bind(key.as_str())
            .bind(&object.place)
            .execute(tx)
            .await?;
    }
    Ok(())
}

fn stored((sha256, size, content_type, place): Row) -> Result<StoredObject, HubError> {
    Ok(StoredObject {
        sha256: parse("digest", &sha256)?,
        size: parse_size(size)?,
        content_type,
        place,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_looked_up_by_an_index_on_their_digest() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let catalogue = Catalogue::open(file.path(), Timestamp::now())
            .await
            .unwrap();
        let columns: Vec<String> = query_scalar("SELECT name FROM pragma_table_info('objects')")
            .fetch_all(&catalogue.readers)
            .await
            .unwrap();
        assert_eq!(
            columns,
            [
                "object_key",
                "sha256",
                "size",
                "content_type",
                "uploaded_at",
                "place"
            ]
        );
        let explain = format!("EXPLAIN QUERY PLAN {HAS_BLOB}");
        let (_, _, _, plan): (i64, i64, i64, String) = query(sqlx::AssertSqlSafe(explain))
            .bind("")
            .fetch_one(&catalogue.readers)
            .await
            .unwrap();
        assert!(plan.contains("INDEX objects_by_sha256"), "{plan}");
        catalogue.close().await;
    }
}
