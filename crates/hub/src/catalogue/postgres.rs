//! The catalogue in PostgreSQL, which several Hubs can have at once.
//!
//! Whoever writes first takes one advisory lock, which its transaction holds to its end, so that
//! among all Hubs there is one writer at a time, as there is with SQLite. It would not do to let
//! transactions run into each other and repeat the loser's (`SERIALIZABLE`): while it holds the right
//! to write a Hub also gives stored bytes their name and removes those of no object, and a file that
//! is gone is not repeated. The isolation is `READ COMMITTED`, so that what comes after the lock sees
//! all that the holder before has written; nothing that was read can change until the end.
//!
//! A server that has gone shows in an error, or in nothing at all. So everything here has an end:
//! waiting for a connection, for the lock, for an answer.

use super::database::Pool;
use super::{Catalogue, migrations};
use crate::HubError;
use crate::config::DatabaseUrl;
use jiff::Timestamp;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgTransaction, Row as _};
use std::io::ErrorKind;
use std::time::Duration;
use url::Url;

/// How many connections of one Hub read.
const READERS: u32 = 8;

/// How long to wait for a connection: to one that is free, and for PostgreSQL to take a new one.
const UNTIL_READER: Duration = Duration::from_secs(5);
const UNTIL_WRITER: Duration = Duration::from_secs(10);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection that is given back may take to prove that it is good.
const PROOF: Duration = Duration::from_secs(5);

/// The oldest PostgreSQL that its makers still mended when this was written.
const OLDEST: i64 = 14;

/// What every connection is told. A machine that is gone loses the right to write within half a
/// minute, while one that merely stands still keeps it: what it does next it still may do.
/// Acknowledged is what is on disk, whatever the server's configuration thinks of that.
const SETTINGS: &str = "SET client_min_messages = warning; \
    SET tcp_keepalives_idle = 15; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; \
    SELECT set_config('synchronous_commit', 'on', false) \
    WHERE current_setting('synchronous_commit') = 'off'";

const READ_ONLY: &str = "SET default_transaction_read_only = on";

/// The right to write, for this transaction: a number of no meaning that no other program of this
/// database should have chosen too.
const LOCK: &str = "SET LOCAL lock_timeout = '10s'; \
    SELECT pg_advisory_xact_lock(7021802941874386292)";

/// What a URL may say behind its `?`. sqlx would write what it does not know to the log, value and
/// all, and a misspelt `password` is such a thing.
const PARAMETERS: [&str; 13] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// The source of an error of the first connection.
#[derive(Debug, thiserror::Error)]
#[error("no connection to {server}; is it running, and can this machine reach it?")]
struct NoConnection {
    server: String,
    source: sqlx::Error,
}

/// Whether a URL can be used.
pub(crate) fn check(url: &DatabaseUrl) -> Result<(), HubError> {
    options(url).map(drop)
}

/// A database for people: without a user's name, and without a password.
pub(crate) fn name(url: &DatabaseUrl) -> String {
    let Ok(options) = options(url) else {
        return "the database".to_owned();
    };
    let database = options.get_database().unwrap_or(options.get_username());
    let socket = options
        .get_socket()
        .map(|socket| socket.display().to_string());
    let host = socket.unwrap_or_else(|| format!("{}:{}", options.get_host(), options.get_port()));
    format!("the PostgreSQL database `{database}` at {host}")
}

impl Catalogue {
    /// Opens the catalogue in a database that exists, and brings its tables to this version's form.
    /// Of several Hubs that do so at once one does it, and the others wait.
    pub(crate) async fn open_server(url: &DatabaseUrl, now: Timestamp) -> Result<Self, HubError> {
        let mut connection = connect(url).await?;
        look_at_server(&mut connection).await?;
        // Its end frees the lock that sqlx takes, also where something fails.
        // Not by `run`, whose future is not `Send` for every lifetime.
        let migrator = migrator();
        migrator.run_direct(None, &mut connection, false).await?;
        connection.close().await?;
        let catalogue = Self::pools(url)?;
        catalogue.add_built_in_products(now).await?;
        Ok(catalogue)
    }

    /// Opens the catalogue beside the Hubs that have it. Nothing where there is none; its tables have
    /// to have this version's form.
    pub(crate) async fn join_server(url: &DatabaseUrl) -> Result<Option<Self>, HubError> {
        if !Self::is_on_server(url).await? {
            return Ok(None);
        }
        let catalogue = Self::pools(url)?;
        if !catalogue.has_form_of(&migrator()).await? {
            catalogue.close().await;
            return Err(HubError::Config(format!(
                "{} is of another version of atlas-hub; use that one, or start this version's \
                 server first, which brings the catalogue up to date",
                name(url)
            )));
        }
        Ok(Some(catalogue))
    }

    /// Whether there is a catalogue in the database. Changes nothing.
    pub(crate) async fn is_on_server(url: &DatabaseUrl) -> Result<bool, HubError> {
        let mut connection = connect(url).await?;
        let there = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
            .fetch_one(&mut connection)
            .await?;
        connection.close().await?;
        Ok(there)
    }

    fn pools(url: &DatabaseUrl) -> Result<Self, HubError> {
        let options = options(url)?;
        let pool = |most, wait, settings| {
            let pool = pool(most, wait, settings).connect_lazy_with(options.clone());
            Pool::Postgres(pool)
        };
        let readers = pool(READERS, UNTIL_READER, READ_ONLY);
        Ok(Self::new(pool(1, UNTIL_WRITER, ""), readers))
    }
}

fn options(url: &DatabaseUrl) -> Result<PgConnectOptions, HubError> {
    let refused = |why: &str| HubError::Config(format!("the database's URL: {why}"));
    let shape = "expected postgres://USER:PASSWORD@HOST:PORT/DATABASE";
    let text = url.reveal();
    let parsed = Url::parse(text).map_err(|error| refused(&format!("{error}; {shape}")))?;
    if !matches!(parsed.scheme(), "postgres" | "postgresql") {
        return Err(refused(shape));
    }
    for (key, _) in parsed.query_pairs() {
        if !PARAMETERS.contains(&&*key) {
            let key = key.escape_debug();
            return Err(refused(&format!("`{key}` is no parameter it can have")));
        }
    }
    // What sqlx says about a value may hold the value.
    let options: PgConnectOptions = text
        .parse()
        .map_err(|_| refused(&format!("a part of it cannot be used; {shape}")))?;
    Ok(options.application_name("atlas-hub"))
}

async fn connect(url: &DatabaseUrl) -> Result<PgConnection, HubError> {
    let options = options(url)?;
    let connecting = tokio::time::timeout(UNTIL_WRITER, PgConnection::connect_with(&options));
    let connected = connecting.await.unwrap_or_else(|_| Err(silent()));
    let mut connection = connected.map_err(|source| {
        let server = name(url);
        sqlx::Error::Io(std::io::Error::other(NoConnection { server, source }))
    })?;
    in_time(connection.execute(SETTINGS)).await?;
    Ok(connection)
}

/// Refuses a server that cannot hold a catalogue, and tells of one that may lose it.
async fn look_at_server(connection: &mut PgConnection) -> Result<(), HubError> {
    let (version, encoding, fsync): (i64, String, String) = sqlx::query_as(
        "SELECT CAST(current_setting('server_version_num') AS BIGINT), \
         current_setting('server_encoding'), current_setting('fsync')",
    )
    .fetch_one(connection)
    .await?;
    if version < OLDEST * 10_000 {
        return Err(HubError::Config(format!(
            "the database's PostgreSQL is older than {OLDEST}; bring it up to date"
        )));
    }
    if encoding != "UTF8" {
        return Err(HubError::Config(format!(
            "the database has the encoding {encoding}; make one with `createdb --encoding UTF8 \
             --template template0`"
        )));
    }
    if fsync != "on" {
        tracing::warn!("PostgreSQL runs with fsync = {fsync}: a power cut can lose releases");
    }
    Ok(())
}

/// Connections that are closed, and by and by opened anew, when they do not answer any more or when
/// a transaction stays on them: one that was given up while it began is none to sqlx, which so does
/// not roll it back.
fn pool(most: u32, wait: Duration, settings: &'static str) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(wait)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(SETTINGS).await?;
                connection.execute(settings).await?;
                Ok(())
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                // The same only for the first statement of a transaction. As a simple query: any
                // other is several messages, which have times of their own.
                let asked = connection.fetch_one("SELECT now() = statement_timestamp()");
                let proof = tokio::time::timeout(PROOF, asked).await;
                let clean: bool = proof.unwrap_or_else(|_| Err(silent()))?.try_get(0)?;
                if !clean {
                    tracing::warn!("a transaction was not rolled back; its connection is closed");
                }
                Ok(clean)
            })
        })
}

/// Begins a transaction of the one writer.
pub(super) async fn begin_to_write(pool: &PgPool) -> Result<PgTransaction<'static>, sqlx::Error> {
    let beginning = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
    let mut tx = in_time(beginning).await?;
    in_time(tx.execute(LOCK)).await?;
    Ok(tx)
}

/// Begins a transaction that sees one snapshot.
pub(super) async fn begin_to_read(pool: &PgPool) -> Result<PgTransaction<'static>, sqlx::Error> {
    in_time(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")).await
}

/// Waits for an answer, but not for ever.
pub(super) async fn in_time<T>(
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    let done = tokio::time::timeout(PATIENCE, work).await;
    done.unwrap_or_else(|_| Err(silent()))
}

/// Closes the connections. One whose server does not answer is let go.
pub(super) async fn close(pool: &PgPool) {
    if tokio::time::timeout(PROOF, pool.close()).await.is_err() {
        tracing::warn!("PostgreSQL does not answer; its connections are given up");
    }
}

fn silent() -> sqlx::Error {
    let error = std::io::Error::new(ErrorKind::TimedOut, "PostgreSQL does not answer");
    sqlx::Error::Io(error)
}

/// The same steps as SQLite's. What they call `TEXT` has to sort as it does there, by its bytes and
/// not by some language's rules.
fn migrator() -> Migrator {
    let of_postgres = |step: Migration| {
        let sql = step.sql.as_str().replace(" TEXT", " TEXT COLLATE \"C\"");
        let (version, name, kind) = (step.version, step.description, step.migration_type);
        let sql = AssertSqlSafe(sql).into_sql_str();
        Migration::new(version, name, kind, sql, step.no_tx)
    };
    Migrator::with_migrations(migrations().into_iter().map(of_postgres).collect())
}
