//! The catalogue: products, tokens, objects and releases, in SQLite.
//!
//! One connection writes, each of its transactions beginning as `IMMEDIATE`, so that what a
//! transaction has read is still true when it writes; several connections read beside it from
//! their own snapshots (WAL). A commit is on disk before it is answered (`synchronous=FULL`). The
//! statements keep to what PostgreSQL understands too. What a request may do is decided elsewhere.

mod audit;
mod credentials;
mod drafts;
mod lists;
mod newest;
mod objects;
mod packs;
mod products;
mod releases;
mod tokens;
mod upkeep;
mod users;
mod version_key;

pub use audit::AuditEntry;
pub(crate) use credentials::{Identity, Subject};
pub(crate) use drafts::{Finalized, Target};
pub(crate) use lists::Promoted;
pub(crate) use newest::SignedFile;
pub(crate) use objects::{PutOutcome, StoredObject};
pub(crate) use packs::{Completed, Completion};
pub(crate) use releases::{Publication, Registered};
pub(crate) use upkeep::ReleasedFile;
pub(crate) use users::FoundUser;
pub use users::User;

use crate::HubError;
use jiff::Timestamp;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, SqlSafeStr as _, SqliteTransaction};
use std::path::Path;
use std::time::Duration;

const READERS: u32 = 4;
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// An open catalogue.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Catalogue {
    /// Opens the database in a file that exists, and brings its tables to this version's form.
    pub(crate) async fn open(path: &Path, now: Timestamp) -> Result<Self, HubError> {
        let writer = connect_writer(path).await?;
        migrator().run(&writer).await?;
        let readers = pool(READERS)
            .connect_with(options(path).read_only(true))
            .await?;
        let catalogue = Self { writer, readers };
        catalogue.add_built_in_products(now).await?;
        Ok(catalogue)
    }

    /// Opens the database that another process has open too. SQLite keeps their writes apart; the
    /// tables have to have this version's form, since the other process counts on its own.
    pub(crate) async fn join(path: &Path) -> Result<Self, HubError> {
        let writer = connect_writer(path).await?;
        let found: Vec<(i64, Vec<u8>)> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version")
                .fetch_all(&writer)
                .await?;
        let migrator = migrator();
        let mut own: Vec<_> = migrator.iter().map(|m| (m.version, &*m.checksum)).collect();
        own.sort_unstable();
        if !found.iter().map(|(v, sum)| (*v, &sum[..])).eq(own) {
            writer.close().await;
            return Err(HubError::Config(
                "the Hub that is running is of another version than this atlas-hub; use its own \
                 atlas-hub, or stop it first"
                    .to_owned(),
            ));
        }
        let readers = pool(1).connect_with(options(path).read_only(true)).await?;
        Ok(Self { writer, readers })
    }

    /// Waits for the statements under way, writes the log back and closes the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Whether the database answers.
    pub(crate) async fn ping(&self) -> Result<(), HubError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// A value of the Hub's own that is drawn once and kept for ever.
    pub(crate) async fn keep(&self, name: &str, drawn: &str) -> Result<String, HubError> {
        let mut tx = self.write().await?;
        sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(drawn)
            .execute(&mut *tx)
            .await?;
        let kept = sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
            .bind(name)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(kept)
    }

    /// Begins a transaction that holds the right to write from its start.
    pub(crate) async fn write(&self) -> Result<SqliteTransaction<'static>, HubError> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Begins a transaction that reads from one snapshot.
    async fn read(&self) -> Result<SqliteTransaction<'static>, HubError> {
        Ok(self.readers.begin().await?)
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// The one connection that writes, of an SQLite that can be trusted to.
async fn connect_writer(path: &Path) -> Result<SqlitePool, HubError> {
    let writing = options(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let writer = pool(1).connect_with(writing).await?;
    let found: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&writer)
        .await?;
    if !is_sound(&found) {
        return Err(HubError::SqliteTooOld { found });
    }
    Ok(writer)
}

/// Connections that are closed, and by and by opened anew, when a transaction stays on them.
///
/// SQLite ends a transaction by itself when the disk is full or fails. The rollback that sqlx does
/// then fails, since there is nothing to roll back, and sqlx goes on counting the transaction as
/// open: no other could begin on this connection ever again.
fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(most)
        .after_release(|connection, _| {
            Box::pin(async move {
                // Behind the rollback of a transaction that was dropped.
                connection.ping().await?;
                let clean = !connection.is_in_transaction();
                if !clean {
                    tracing::warn!("a transaction was not rolled back; its connection is closed");
                }
                Ok(clean)
            })
        })
}

fn migrator() -> Migrator {
    Migrator::with_migrations(migrations())
}

/// Every form the tables have had, one after the other. What was once released is never changed.
fn migrations() -> Vec<Migration> {
    let migration = |version, name: &'static str, sql: &'static str| {
        let sql = sql.into_sql_str();
        Migration::new(version, name.into(), MigrationType::Simple, sql, false)
    };
    vec![
        migration(
            1,
            "catalogue",
            include_str!("../../migrations/0001_catalogue.sql"),
        ),
        migration(
            2,
            "drafts and yanks",
            include_str!("../../migrations/0002_drafts_and_yanks.sql"),
        ),
        migration(
            3,
            "identity",
            include_str!("../../migrations/0003_identity.sql"),
        ),
        migration(4, "audit", include_str!("../../migrations/0004_audit.sql")),
    ]
}

/// Whether a SQLite release is free of the defect by which two connections that write or
/// checkpoint a WAL database at the same moment can corrupt it. Mended in 3.51.3, and in the
/// patches 3.50.7 and 3.44.6 of older lines. Source: sqlite.org/wal.html, "The WAL-reset bug".
fn is_sound(version: &str) -> bool {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    match (next(), next(), next()) {
        (3, 44, patch) => patch >= 6,
        (3, 50, patch) => patch >= 7,
        version => version >= (3, 51, 3),
    }
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
    fn defective_sqlite_releases_are_told_apart() {
        for sound in [
            "3.51.3", "3.51.4", "3.52.0", "4.0.0", "3.50.7", "3.44.6", "3.44.10",
        ] {
            assert!(is_sound(sound), "{sound}");
        }
        for defective in [
            "3.51.2", "3.51.0", "3.50.6", "3.49.9", "3.44.5", "3.45.0", "3.7.0", "",
        ] {
            assert!(!is_sound(defective), "{defective}");
        }
    }

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
        let options = SqliteConnectOptions::new().filename(file.path());
        let pool = SqlitePool::connect_with(options).await.unwrap();
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
                "INSERT INTO assets VALUES ('id', 'linux', 'x64', 'r', 'binary', 5, '{sha256}', \
                 'artifacts/r', 'dl_1')"
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
            assert_eq!((latest.version.as_str(), latest.assets.len()), ("1.0.0", 1));
            assert_eq!(latest.assets[0].download_id, "dl_1");
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
        let pragma = async |pool: &SqlitePool, text: &'static str| -> String {
            let row = sqlx::query(text).fetch_one(pool).await.unwrap();
            use sqlx::Row as _;
            row.try_get::<String, _>(0)
                .or_else(|_| row.try_get::<i64, _>(0).map(|n| n.to_string()))
                .unwrap()
        };
        assert_eq!(
            pragma(&catalogue.writer, "PRAGMA journal_mode").await,
            "wal"
        );
        // 2 is FULL.
        assert_eq!(pragma(&catalogue.writer, "PRAGMA synchronous").await, "2");
        assert_eq!(pragma(&catalogue.writer, "PRAGMA foreign_keys").await, "1");
        assert_eq!(pragma(&catalogue.readers, "PRAGMA foreign_keys").await, "1");
        let refused = sqlx::query("DELETE FROM products")
            .execute(&catalogue.readers)
            .await;
        assert!(refused.is_err(), "readers must not write");
        catalogue.close().await;
    }
}
