//! The catalogue: products, tokens, objects and releases, in SQLite or in PostgreSQL.
//!
//! There is one writer at a time, and its transaction has the right to write from its start, so that
//! what it has read is still true when it writes. Readers read beside it from their own snapshots. A
//! commit is on disk before it is answered. Every statement is written once, in what both databases
//! understand, see [`database`]. What a request may do is decided elsewhere.

mod audit;
mod batch;
mod counts;
mod credentials;
mod database;
mod drafts;
mod issuers;
mod lists;
mod newest;
mod objects;
mod offers;
mod packs;
#[cfg(feature = "page")]
mod page;
#[cfg_attr(not(feature = "postgres"), path = "postgres_absent.rs")]
pub(crate) mod postgres;
mod products;
mod publishing;
mod refused;
mod registrations;
mod releases;
mod sqlite;
#[cfg(test)]
mod statements;
mod tokens;
mod trust;
mod upkeep;
mod uploads;
mod users;
mod uses;
mod version_key;
mod writes;

pub use audit::AuditEntry;
pub(crate) use credentials::{Identity, Subject};
pub(crate) use database::{NulInText, Tx};
pub(crate) use drafts::{Finalized, Target};
pub use issuers::IssuedDeployToken;
pub(crate) use lists::Promoted;
pub(crate) use newest::{NewestAsset, SignedFile};
pub(crate) use objects::{PutOutcome, StoredObject};
pub(crate) use packs::{Completed, Completion};
#[cfg(feature = "page")]
pub(crate) use page::Shown;
#[cfg(test)]
pub(crate) use products::RESERVED;
pub(crate) use registrations::MOST_FILES;
pub(crate) use releases::{Publication, Registered};
pub use trust::AddedRule;
pub(crate) use trust::Purpose;
pub(crate) use upkeep::{ReleasedFile, Unregistered};
pub(crate) use uploads::Upload;
pub(crate) use users::FoundUser;
pub use users::User;

use crate::HubError;
use database::{Pool, query, query_scalar};
use jiff::Timestamp;
use registrations::Line;
use release_types::Asset;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use std::path::Path;
use std::sync::Arc;
use uses::Uses;
use writes::Writes;

/// An open catalogue.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    writer: Pool,
    readers: Pool,
    writes: Writes,
    uses: Arc<Uses>,
    line: Arc<Line>,
}

impl Catalogue {
    fn new(writer: Pool, readers: Pool) -> Self {
        Self {
            writer,
            readers,
            writes: Writes::default(),
            uses: Arc::default(),
            line: Arc::default(),
        }
    }

    /// Opens the database in a file that exists, and brings its tables to this version's form.
    pub(crate) async fn open(path: &Path, now: Timestamp) -> Result<Self, HubError> {
        let writer = sqlite::connect_writer(path).await?;
        migrator().run(&writer).await?;
        let readers = sqlite::connect_readers(path, sqlite::READERS).await?;
        let catalogue = Self::new(Pool::Sqlite(writer), readers);
        catalogue.add_built_in_products(now).await?;
        Ok(catalogue)
    }

    /// Opens the database that another process has open too. SQLite keeps their writes apart; the
    /// tables have to have this version's form, since the other process counts on its own.
    pub(crate) async fn join(path: &Path) -> Result<Self, HubError> {
        let writer = Pool::Sqlite(sqlite::connect_writer(path).await?);
        let catalogue = Self::new(writer, sqlite::connect_readers(path, 1).await?);
        if !catalogue.has_form_of(&migrator()).await? {
            catalogue.close().await;
            return Err(HubError::Config(
                "the Hub that is running is of another version than this atlas-hub; use its own \
                 atlas-hub, or stop it first"
                    .to_owned(),
            ));
        }
        Ok(catalogue)
    }

    /// Whether exactly these steps have made the tables what they are.
    async fn has_form_of(&self, migrator: &Migrator) -> Result<bool, HubError> {
        Ok(self.steps().await? == steps_of(migrator))
    }

    /// The steps that have made the tables what they are: number and digest.
    async fn steps(&self) -> Result<Vec<(i64, Vec<u8>)>, HubError> {
        query("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
            .fetch_all(&self.readers)
            .await
    }

    /// Waits for the statements under way, writes the log back and closes the file.
    pub(crate) async fn close(&self) {
        self.uses_noted().await;
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Whether it is a file, which can be copied, and not on a server.
    pub(crate) fn is_a_file(&self) -> bool {
        matches!(self.writer, Pool::Sqlite(_))
    }

    /// A number that is another one after each change that this process makes. Nothing where other
    /// processes change what readers are shown, as all Hubs on one PostgreSQL do.
    pub(crate) fn changes(&self) -> Option<u64> {
        self.is_a_file().then(|| self.writes.ended())
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), HubError> {
        query("SELECT 1").exists(&self.readers).await?;
        Ok(())
    }

    /// A value of the Hub's own that is drawn once and kept for ever.
    pub(crate) async fn keep(&self, name: &str, drawn: &str) -> Result<String, HubError> {
        let mut tx = self.write().await?;
        Self::keep_in(&mut tx, name, drawn).await?;
        let kept = Self::kept(&mut tx, name).await?;
        tx.commit().await?;
        Ok(kept.unwrap_or_else(|| drawn.to_owned()))
    }

    /// Keeps such a value, unless there is one.
    pub(crate) async fn keep_in(tx: &mut Tx, name: &str, drawn: &str) -> Result<(), HubError> {
        query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(drawn)
            .execute(tx)
            .await?;
        Ok(())
    }

    /// Such a value, if it was drawn.
    pub(crate) async fn kept(tx: &mut Tx, name: &str) -> Result<Option<String>, HubError> {
        query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(name)
            .fetch_optional(tx)
            .await
    }

    /// The same, outside of any transaction.
    pub(crate) async fn look_up(&self, name: &str) -> Result<Option<String>, HubError> {
        query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(name)
            .fetch_optional(&self.readers)
            .await
    }

    /// Begins a transaction that holds the right to write from its start.
    pub(crate) async fn write(&self) -> Result<Tx, HubError> {
        self.writer.begin_to_write(&self.writes).await
    }

    /// Begins a transaction that reads from one snapshot.
    async fn read(&self) -> Result<Tx, HubError> {
        self.readers.begin_to_read().await
    }
}

fn migrator() -> Migrator {
    Migrator::with_migrations(migrations())
}

fn steps_of(migrator: &Migrator) -> Vec<(i64, Vec<u8>)> {
    let step = |m: &Migration| (m.version, m.checksum.to_vec());
    let mut steps: Vec<_> = migrator.iter().map(step).collect();
    steps.sort_unstable();
    steps
}

/// What stands in a file of a step.
macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../migrations/", $name, ".sql"))
    };
}

/// Every form the tables have had, one after the other. What was once released is never changed.
fn migrations() -> Vec<Migration> {
    let migration = |version, name: &'static str, sql: &'static str| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    vec![
        migration(1, "catalogue", sql!("0001_catalogue")),
        migration(2, "drafts and yanks", sql!("0002_drafts_and_yanks")),
        migration(3, "identity", sql!("0003_identity")),
        migration(4, "audit", sql!("0004_audit")),
        migration(5, "bucket", sql!("0005_bucket")),
        migration(6, "refusals", sql!("0006_refusals")),
        migration(7, "offers", sql!("0007_offers")),
        migration(8, "issuers", sql!("0008_issuers")),
        migration(9, "trust", sql!("0009_trust")),
    ]
}

/// A time as the catalogue stores it: of one length, so that texts sort as times do.
fn stamp(time: Timestamp) -> String {
    format!("{time:.9}")
}

/// Reads a stored value back.
fn parse<T: std::str::FromStr>(what: &'static str, value: &str) -> Result<T, HubError> {
    value.parse().map_err(|_| HubError::Corrupt {
        what,
        value: value.to_owned(),
    })
}

/// Kind, file name, size, digest and download id, as the database has them.
type AssetValues = (String, String, i64, String, String);

fn parse_asset(
    (kind, filename, size, sha256, download_id): AssetValues,
) -> Result<Asset, HubError> {
    Ok(Asset {
        kind: parse("kind", &kind)?,
        filename,
        size: parse_size(size)?,
        sha256: parse("digest", &sha256)?,
        download_id,
    })
}

fn parse_time(value: &str) -> Result<Timestamp, HubError> {
    parse("time", value)
}

fn parse_size(value: i64) -> Result<u64, HubError> {
    u64::try_from(value).map_err(|_| HubError::Corrupt {
        what: "size",
        value: value.to_string(),
    })
}

/// A size as the database stores it. Nothing larger than its numbers has ever been stored.
fn db_size(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_times_sort_as_text() {
        let times = [
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.5Z",
            "2024-01-01T00:00:01Z",
        ];
        let stored = times.map(|t| stamp(t.parse().unwrap()));
        assert!(stored.is_sorted());
        for (text, stored) in times.iter().zip(&stored) {
            assert_eq!(parse_time(stored).unwrap().to_string(), *text);
        }
    }

    #[tokio::test]
    async fn a_catalogue_of_the_first_form_keeps_what_it_has() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file.path());
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        let first = migrations().into_iter().take(1).collect();
        Migrator::with_migrations(first).run(&pool).await.unwrap();
        let sha256 = "0".repeat(64);
        let version = version_key::version_key(&"1.0.0".parse().unwrap());
        let time = "2024-01-01T00:00:00.000000000Z";
        for statement in [
            format!("INSERT INTO products VALUES ('runner', '{time}')"),
            format!("INSERT INTO objects VALUES ('artifacts/r', '{sha256}', 5, 'a/b', '{time}')"),
            format!(
                "INSERT INTO releases VALUES \
                 ('id', 'runner', '1.0.0', '{version}', 'stable', 'notes', '{time}', '{time}')"
            ),
            format!(
                "INSERT INTO assets VALUES \
                 ('id', 'linux', 'x64', 'r', 'binary', 5, '{sha256}', 'artifacts/r', 'dl_1'), \
                 ('id', 'linux', 'x64', 'r.sig', 'signature', 5, '{sha256}', 'artifacts/r', 'dl_2')"
            ),
        ] {
            let statement = sqlx::AssertSqlSafe(statement);
            sqlx::query(statement).execute(&pool).await.unwrap();
        }
        pool.close().await;

        for _ in 0..2 {
            let catalogue = Catalogue::open(file.path(), Timestamp::now())
                .await
                .unwrap();
            let platform = "linux-x64".parse().unwrap();
            let product = "runner".parse().unwrap();
            let stable = release_types::Channel::Stable;
            let latest = catalogue.latest(&product, stable, platform).await.unwrap();
            let latest = latest.unwrap();
            assert_eq!((latest.version.as_str(), latest.assets.len()), ("1.0.0", 2));
            assert_eq!(latest.assets[0].download_id, "dl_1");
            // What it offers was noted, since it had no such notes.
            let binary = release_types::Kind::Binary;
            let newest = catalogue.newest_asset("runner", stable, platform, binary);
            assert_eq!(newest.await.unwrap().unwrap().download_id, "dl_1");
            let signed = catalogue.newest_signed("runner", stable, platform);
            assert_eq!(signed.await.unwrap().unwrap().files.len(), 1);
            let list = catalogue.list(&product, None, None, 10).await.unwrap();
            let [release] = &list.unwrap().releases[..] else {
                panic!("not one release");
            };
            assert_eq!(release.state, release_types::ReleaseState::Published);
            assert_eq!(release.platforms, [platform]);
            catalogue.close().await;
        }
    }

    #[tokio::test]
    async fn the_bundled_sqlite_is_sound_and_durable() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let catalogue = Catalogue::open(file.path(), Timestamp::now())
            .await
            .unwrap();
        let mode: String = query_scalar("PRAGMA journal_mode")
            .fetch_one(&catalogue.writer)
            .await
            .unwrap();
        assert_eq!(mode, "wal");
        let pragma = async |pool: &Pool, text: &'static str| -> i64 {
            query_scalar(text).fetch_one(pool).await.unwrap()
        };
        // 2 is FULL.
        assert_eq!(pragma(&catalogue.writer, "PRAGMA synchronous").await, 2);
        assert_eq!(pragma(&catalogue.writer, "PRAGMA foreign_keys").await, 1);
        assert_eq!(pragma(&catalogue.readers, "PRAGMA foreign_keys").await, 1);
        let refused = query("DELETE FROM products")
            .execute(&catalogue.readers)
            .await;
        assert!(refused.is_err(), "readers must not write");
        catalogue.close().await;
    }
}
