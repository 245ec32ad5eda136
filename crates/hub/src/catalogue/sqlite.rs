//! The catalogue in SQLite: one connection writes, several read beside it from their own snapshots
//! (WAL). A commit is on disk before it is answered (`synchronous=FULL`).

use super::database::Pool;
use crate::HubError;
use sqlx::Connection as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use std::path::Path;
use std::time::Duration;

pub(super) const READERS: u32 = 4;
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
}

/// The one connection that writes, of an SQLite that can be trusted to.
pub(super) async fn connect_writer(path: &Path) -> Result<SqlitePool, HubError> {
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

/// Connections that can only read.
pub(super) async fn connect_readers(path: &Path, most: u32) -> Result<Pool, HubError> {
    let options = options(path).read_only(true);
    Ok(Pool::Sqlite(pool(most).connect_with(options).await?))
}

/// Connections that are closed, and by and by opened anew, when a transaction stays on them.
///
/// SQLite ends a transaction by itself when the disk is full or fails. The rollback that sqlx does
/// then fails, since there is nothing to roll back, and sqlx goes on counting the transaction as
/// open: no other could begin on this connection ever again.
pub(super) fn pool(most: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(most)
        // It was good when it was given back, and there is no server that could have gone since.
        .test_before_acquire(false)
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
}
