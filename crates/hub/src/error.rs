//! Why a Hub cannot be opened, changed or served.

use crate::catalogue::NulInText;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What a Hub's owner can run into. What its clients run into is an HTTP status instead.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Another process has the data directory open.
    #[error("the data directory {} is in use by {}", path.display(), holder(*pid))]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// The process that holds it, where its lock file can be read.
        pid: Option<u32>,
    },
    /// A file or folder below the data directory cannot be used.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The catalogue's database failed.
    #[error("the catalogue's database failed")]
    Database(#[from] sqlx::Error),
    /// The catalogue's tables cannot be brought to the form this version needs.
    #[error("the catalogue cannot be brought up to date")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The catalogue holds a value that this version cannot read.
    #[error("the catalogue holds a {what} that cannot be read: `{value}`")]
    Corrupt {
        /// What the value should be.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The SQLite library has a defect that can damage a database in WAL mode.
    #[error("SQLite {found} can damage the catalogue; 3.51.3 or newer is needed")]
    SqliteTooOld {
        /// The library's version.
        found: String,
    },
    /// The data directory holds no Hub.
    #[error("{} holds no Hub", path.display())]
    NotInitialized {
        /// The data directory.
        path: PathBuf,
    },
    /// A setting cannot be used.
    #[error("{0}")]
    Config(String),
    /// The server's socket failed.
    #[error("cannot serve on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The bucket with the stored bytes fails or refuses.
    #[error("cannot {action} {bucket}: {why}")]
    Bucket {
        /// What was tried.
        action: &'static str,
        /// The bucket and the prefix.
        bucket: String,
        /// Why it failed, without anything of the request.
        why: String,
        /// Whether it is only that there is no such object.
        missing: bool,
        /// Whether it has no room.
        full: bool,
    },
    /// Uploads that have come to the bucket take longer to read than a client is to wait. It goes on.
    #[error("what was uploaded is still being read")]
    StillReading,
    /// A task of the Hub's own hit a defect, or ended with its runtime.
    #[error("a task of the Hub's own did not finish")]
    Task(#[source] tokio::task::JoinError),
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes")]
    Random(#[from] getrandom::Error),
}

impl HubError {
    /// Adds to an I/O error what was tried with which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Whether the storage is full: the one failure that a client is told apart, with 507.
    pub fn is_storage_full(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                std::io::ErrorKind::StorageFull
                    | std::io::ErrorKind::QuotaExceeded
                    | std::io::ErrorKind::FileTooLarge
            ),
            Self::Database(error) => {
                primary_code(error) == Some(SQLITE_FULL)
                    || sql_state(error).is_some_and(|state| state == DISK_FULL)
            }
            Self::Bucket { full, .. } => *full,
            _ => false,
        }
    }

    /// Whether what failed can be used again without a change in this process: 503. The database is
    /// busy or out of reach, or the storage refuses for a while or is away.
    pub(crate) fn is_outage(&self) -> bool {
        use sqlx::Error::{BeginFailed, Io, PoolClosed, PoolTimedOut, WorkerCrashed};
        match self {
            Self::Io { source, .. } => {
                matches!(
                    source.kind(),
                    // Of what is to be there: a folder that was moved or not mounted, or taken away.
                    std::io::ErrorKind::NotFound
                        | std::io::ErrorKind::NotADirectory
                        | std::io::ErrorKind::PermissionDenied
                        | std::io::ErrorKind::ReadOnlyFilesystem
                        | std::io::ErrorKind::ResourceBusy
                        | std::io::ErrorKind::StaleNetworkFileHandle
                        | std::io::ErrorKind::TimedOut
                ) || source.raw_os_error().is_some_and(is_passing)
            }
            Self::Database(BeginFailed | Io(_) | PoolClosed | PoolTimedOut | WorkerCrashed) => true,
            Self::Database(error) => {
                matches!(
                    primary_code(error),
                    Some(
                        SQLITE_BUSY
                            | SQLITE_LOCKED
                            | SQLITE_READONLY
                            | SQLITE_IOERR
                            | SQLITE_CANTOPEN
                    )
                ) || sql_state(error).is_some_and(|state| passes(&state))
            }
            // Also when it refuses: that is mended where its credentials are given out.
            Self::Bucket { .. } => true,
            _ => false,
        }
    }

    /// Whether a client has sent a text that no database can hold.
    pub(crate) fn is_nul_in_text(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Encode(source)) if source.is::<NulInText>())
    }

    /// Whether a file is no database, or one without the catalogue's tables.
    pub(crate) fn is_no_catalogue(&self) -> bool {
        matches!(self, Self::Database(error) if matches!(
            primary_code(error),
            Some(SQLITE_ERROR | SQLITE_CORRUPT | SQLITE_NOTADB)
        ))
    }

    /// Whether a full storage may be behind it, which SQLite says clearly only where writing met
    /// `ENOSPC`: not where a file could not be made, mapped or synced, nor for a quota or a limit.
    pub(crate) fn may_be_storage_full(&self) -> bool {
        match self {
            Self::Database(error) => {
                matches!(primary_code(error), Some(SQLITE_IOERR | SQLITE_CANTOPEN))
            }
            _ => false,
        }
    }
}

/// Failed reads and writes, and too many open files, which have no kind of their own. Their numbers
/// are the same on Linux and macOS.
fn is_passing(code: i32) -> bool {
    const EIO: i32 = 5;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    cfg!(unix) && matches!(code, EIO | ENFILE | EMFILE)
}

// Source: sqlite.org/rescode.html.
const SQLITE_ERROR: u32 = 1;
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

/// What SQLite failed with, without the details in the higher bytes.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let sqlx::Error::Database(error) = error else {
        return None;
    };
    error.try_downcast_ref::<sqlx::sqlite::SqliteError>()?;
    let code: u32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// PostgreSQL's `disk_full`.
const DISK_FULL: &str = "53100";

/// What PostgreSQL failed with. Source: its manual, appendix A.
fn sql_state(error: &sqlx::Error) -> Option<String> {
    let sqlx::Error::Database(error) = error else {
        return None;
    };
    if error
        .try_downcast_ref::<sqlx::sqlite::SqliteError>()
        .is_some()
    {
        return None;
    }
    error.code().map(|code| code.into_owned())
}

/// Whether PostgreSQL may answer in a moment.
fn passes(state: &str) -> bool {
    let connection = state.starts_with("08");
    // Shut down, starting, or told to end sessions; too many of them.
    let operator = state.starts_with("57P") || matches!(state, "53300" | "57014" | "25P03");
    // Locks that were not had in time, and what a standby that takes over answers meanwhile.
    let turn = matches!(state, "55P03" | "40001" | "40P01" | "25006");
    connection || operator || turn
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or("another process".to_owned(), |pid| format!("process {pid}"))
}

/// An error and what caused it, in one line. What says no more than what was said before it is left
/// out: some errors repeat their cause.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no way to it; is it there?")]
    struct NoWay(#[source] std::io::Error);

    #[test]
    fn no_cause_is_told_twice() {
        let refused = std::io::Error::other("refused");
        let io = std::io::Error::other(NoWay(refused));
        let error = HubError::Database(sqlx::Error::Io(io));
        assert_eq!(
            error_chain(&error),
            "the catalogue's database failed: error communicating with database: \
             no way to it; is it there?: refused"
        );
    }
}
